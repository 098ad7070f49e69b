//! Which crate may depend on which.
//!
//! Two things are checked: every Cargo.toml against the table of arrows, and the tree that cargo
//! resolves against the crates that must be absent from it.

use super::manifest::{Kind, Manifest};
use super::settings::{SETTINGS, Settings};
use crate::Finding;
use crate::error::Error;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// Checks every manifest against the table of arrows.
#[must_use]
pub fn check(manifests: &[Manifest], settings: &Settings) -> Vec<Finding> {
    let folders: BTreeMap<&str, &str> = manifests
        .iter()
        .filter(|manifest| !manifest.name.is_empty())
        .map(|manifest| (manifest.name.as_str(), manifest.top_folder()))
        .collect();
    let is_outer = |folder: &str| settings.outer.contains(folder);
    let mut findings = Vec::new();
    for manifest in manifests.iter().filter(|manifest| !manifest.name.is_empty()) {
        if is_outer(manifest.top_folder()) {
            continue; // may use anything
        }
        let Some(allowed) = settings.arrows.get(&manifest.name) else {
            let message = format!("`{}` has no line under [arrows] in {SETTINGS}", manifest.name);
            findings.push(Finding::new(&manifest.path, 0, message));
            continue;
        };
        for (kind, name) in &manifest.dependencies {
            let Some(folder) = folders.get(name.as_str()) else { continue };
            let test_tool = *kind == Kind::Dev && is_outer(folder);
            if *kind != Kind::Shared && !test_tool && !allowed.contains(name) {
                let user = &manifest.name;
                let message = format!("`{user}` may not depend on `{name}`: see {SETTINGS}");
                findings.push(Finding::new(&manifest.path, 0, message));
            }
        }
    }
    findings
}

/// Asks cargo for the trees that [`Settings::absent`] names and checks them.
///
/// # Errors
/// If cargo cannot resolve the tree.
pub fn check_absent(root: &Path, settings: &Settings) -> Result<Vec<Finding>, Error> {
    let mut findings = Vec::new();
    for (package, banned) in &settings.absent {
        let arguments = ["-p", package, "-e", "normal,build", "--target", "all", "--all-features"];
        let tree = cargo_tree(root, &arguments)?;
        let found = tree.lines().filter_map(|line| line.split_whitespace().next());
        for name in found.filter(|name| banned.contains(*name)) {
            let message = format!("`{name}` is in the tree of `{package}` and must not be");
            findings.push(Finding::new("Cargo.lock", 0, message));
        }
    }
    Ok(findings)
}

/// What `cargo tree` prints, one package a line.
///
/// # Errors
/// If it fails.
pub fn cargo_tree(root: &Path, arguments: &[&str]) -> Result<String, Error> {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(program)
        .args(["tree", "--quiet", "--prefix", "none"])
        .args(arguments)
        .current_dir(root)
        .output();
    let failed = |message: String| Error::Program {
        command: format!("cargo tree {}", arguments.join(" ")),
        message,
    };
    let output = output.map_err(|error| failed(error.to_string()))?;
    if !output.status.success() {
        return Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::super::manifest::read_all;
    use super::*;
    use crate::tree::Tree;
    use std::collections::BTreeSet;

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn found(packages: &[(&str, &str)]) -> Vec<String> {
        let tree = Tree::of(packages);
        let settings = Settings {
            arrows: BTreeMap::from([
                ("wire".to_owned(), set(&[])),
                ("journal".to_owned(), set(&["wire"])),
            ]),
            outer: set(&["tests"]),
            ..Settings::default()
        };
        let findings = check(&read_all(&tree).expect("well formed"), &settings);
        findings.into_iter().map(|finding| finding.path).collect()
    }

    const WIRE: (&str, &str) = ("wire/Cargo.toml", "[package]\nname = \"wire\"\n");
    const JUDGE: (&str, &str) =
        ("tests/judge/Cargo.toml", "[package]\nname = \"judge\"\n[dependencies]\nwire = {}\n");

    #[test]
    fn an_arrow_of_the_table_passes_and_its_reverse_fails() {
        let good = "[package]\nname = \"journal\"\n[dependencies]\nwire = {}\nlibc = \"0\"\n";
        assert!(found(&[WIRE, ("journal/Cargo.toml", good)]).is_empty());
        let bad = "[package]\nname = \"wire\"\n[dependencies]\njournal = {}\n";
        let journal = ("journal/Cargo.toml", good);
        assert_eq!(found(&[("wire/Cargo.toml", bad), journal]), ["wire/Cargo.toml"]);
    }

    #[test]
    fn only_tests_may_depend_on_tests() {
        let dev = "[package]\nname = \"wire\"\n[dev-dependencies]\njudge = {}\n";
        assert!(found(&[("wire/Cargo.toml", dev), JUDGE]).is_empty());
        let normal = "[package]\nname = \"wire\"\n[dependencies]\njudge = {}\n";
        assert_eq!(found(&[("wire/Cargo.toml", normal), JUDGE]), ["wire/Cargo.toml"]);
    }

    #[test]
    fn a_crate_without_a_line_in_the_table_fails() {
        let stray = ("stray/Cargo.toml", "[package]\nname = \"stray\"\n");
        assert_eq!(found(&[WIRE, stray]), ["stray/Cargo.toml"]);
    }

    #[test]
    fn a_crate_that_must_be_absent_is_found_by_cargo_itself() {
        let root = crate::tree::root().expect("root");
        let settings = |banned: &str| Settings {
            absent: BTreeMap::from([("wire".to_owned(), set(&[banned]))]),
            ..Settings::default()
        };
        let caught = check_absent(&root, &settings("bytemuck")).expect("cargo tree");
        assert!(!caught.is_empty());
        let clean = check_absent(&root, &settings("tokio")).expect("cargo tree");
        assert_eq!(clean, []);
    }
}
