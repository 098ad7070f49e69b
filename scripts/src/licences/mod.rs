//! Licences and known advisories of everything in the lock file, checked without a network.
//!
//! Licences: cargo says which package states what, deny.toml says what is allowed. Advisories:
//! scripts/advisories.toml is our copy of the facts in RustSec's database, as far as they decide
//! whether a version is affected. If cargo-deny and a copy of the database are installed, they are
//! asked as well.

pub mod advisories;
pub mod spdx;

use crate::Finding;
use crate::error::Error;
use crate::tidy::arrows::cargo_tree;
use crate::tidy::settings::{form, parse, strings};
use advisories::Advisories;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use toml::{Table, Value};

const POLICY: &str = "deny.toml";
const ADVISORIES: &str = "scripts/advisories.toml";
const LOCK: &str = "Cargo.lock";

/// Checks the repository at `root`.
///
/// # Errors
/// If a file has not the form it should have, or cargo does not answer.
pub fn check(root: &Path) -> Result<Vec<Finding>, Error> {
    let policy = parse(POLICY, &read(root, POLICY)?)?;
    let empty = Table::new();
    let section = |name| policy.get(name).and_then(Value::as_table).unwrap_or(&empty);
    let allowed = strings(POLICY, section("licenses"), "allow")?;
    let ignored = ignored(section("advisories"))?;

    let format = ["--workspace", "-e", "all", "--target", "all", "--format", "{p}|{l}"];
    let stated = cargo_tree(root, &format)?;
    let mut findings = licence_findings(&stated, &allowed);

    let advisories = Advisories::parse(ADVISORIES, &read(root, ADVISORIES)?)?;
    let locked = advisories::locked(LOCK, &read(root, LOCK)?)?;
    findings.extend(advisories.findings(LOCK, &locked, &ignored));
    if !cargo_deny(root) {
        findings.push(Finding::new(LOCK, 0, "cargo-deny found an advisory, see above"));
    }
    findings.sort();
    findings.dedup();
    Ok(findings)
}

/// Rewrites scripts/advisories.toml from a checkout of the advisory database in `folder`.
///
/// # Errors
/// If the database or the file cannot be read or written.
pub fn refresh(root: &Path, folder: &Path) -> Result<(), Error> {
    let log =
        Command::new("git").args(["log", "-1", "--format=%cs %H"]).current_dir(folder).output();
    let state = log.ok().filter(|output| output.status.success());
    let state = state.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    let advisories = Advisories::read_database(folder)?;
    let text = advisories.render(state.as_deref().unwrap_or("unknown"));
    let path = root.join(ADVISORIES);
    fs::write(&path, text).map_err(|source| Error::File { path, source })?;
    println!("{ADVISORIES}: {} advisories", advisories.rows.len());
    Ok(())
}

fn read(root: &Path, path: &str) -> Result<String, Error> {
    let full = root.join(path);
    fs::read_to_string(&full).map_err(|source| Error::File { path: full, source })
}

/// Ids of advisories that deny.toml tells us to live with. Each needs a reason.
fn ignored(section: &Table) -> Result<BTreeSet<String>, Error> {
    let rows = section.get("ignore").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let id = |row: &Value| {
        let text = |field| row.get(field).and_then(Value::as_str);
        let has_reason = text("reason").is_some_and(|reason| !reason.is_empty());
        text("id").filter(|_| has_reason).map(str::to_owned)
    };
    let ids: Option<BTreeSet<String>> = rows.iter().map(id).collect();
    ids.ok_or_else(|| form(POLICY, "each ignored advisory needs an `id` and a `reason`"))
}

/// Judges lines of `name vVERSION (...)|LICENCE`, as cargo prints them.
fn licence_findings(stated: &str, allowed: &[String]) -> Vec<Finding> {
    let packages: BTreeMap<&str, &str> = stated
        .lines()
        .filter_map(|line| line.trim_end_matches(" (*)").rsplit_once('|'))
        .map(|(package, licence)| (package.split(" (").next().unwrap_or(package), licence))
        .collect();
    let findings = packages.iter().filter_map(|(package, licence)| {
        let message = match spdx::is_allowed(licence, allowed) {
            Ok(true) => return None,
            Ok(false) => format!("{package}: `{licence}` is not allowed by {POLICY}"),
            Err(problem) => format!("{package}: licence `{licence}`: {problem}"),
        };
        Some(Finding::new(LOCK, 0, message))
    });
    findings.collect()
}

/// Asks cargo-deny, if it and its database are there. False if it found something.
fn cargo_deny(root: &Path) -> bool {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let user = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cargo"));
    let has_database = home.or_else(user).is_some_and(|home| home.join("advisory-dbs").is_dir());
    if !has_database {
        return true;
    }
    let deny = |arguments: &[&str]| {
        Command::new("cargo-deny").args(arguments).current_dir(root).output().ok()
    };
    if deny(&["--version"]).is_none() {
        return true;
    }
    let Some(output) = deny(&["--offline", "check", "advisories"]) else { return true };
    if !output.status.success() {
        print!("{}", String::from_utf8_lossy(&output.stderr));
    }
    output.status.success()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_licence_that_is_not_on_the_list_fails() {
        let stated = "good v1.0.0|MIT OR Apache-2.0\nown v0.1.0 (/here)|Apache-2.0\n\
                      macros v1.0.0 (proc-macro)|MIT (*)\nbad v2.0.0|GPL-3.0-only\nnone v1.0.0|\n";
        let allowed = ["MIT".to_owned(), "Apache-2.0".to_owned()];
        let findings = licence_findings(stated, &allowed);
        let names: Vec<&str> =
            findings.iter().filter_map(|f| f.message.split_whitespace().next()).collect();
        assert_eq!(names, ["bad", "none"]);
    }

    #[test]
    fn an_advisory_is_ignored_only_with_a_reason() {
        let section = |row: &str| parse("x", &format!("ignore = [{row}]")).expect("toml");
        assert!(ignored(&section("{ id = \"RUSTSEC-2026-0001\" }")).is_err());
        let reason = section("{ id = \"RUSTSEC-2026-0001\", reason = \"not reached\" }");
        assert!(ignored(&reason).is_ok_and(|ids| ids.len() == 1));
    }

    #[test]
    fn this_repository_has_a_policy_and_advisories() {
        let root = crate::tree::root().expect("root");
        let advisories = read(&root, ADVISORIES).expect("committed");
        let advisories = Advisories::parse(ADVISORIES, &advisories).expect("well formed");
        assert!(advisories.rows.len() > 100);
        let policy = parse(POLICY, &read(&root, POLICY).expect("committed")).expect("toml");
        assert!(policy.contains_key("licenses"));
    }
}
