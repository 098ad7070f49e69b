//! Which versions of which crates have a known advisory.
//!
//! A row is what decides: id, package, kind, and the versions that are not affected. The text of an
//! advisory stays in RustSec's database, under its id.

use crate::Finding;
use crate::error::Error;
use crate::tidy::settings::{form, parse, strings};
use semver::{Version, VersionReq};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use toml::{Table, Value};

/// First lines of our file.
const HEAD: &str = "\
# Known advisories: only what decides whether a version is affected. Written by
# `cargo x licences --refresh`, see docs/dependencies.md; do not edit.
# What an id means: https://rustsec.org/advisories/ID.html
";

/// One advisory.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Row {
    /// Package it is about.
    pub package: String,
    /// RustSec's id.
    pub id: String,
    /// `vulnerability`, `unsound`, `unmaintained` or `notice`.
    pub kind: String,
    /// Requirements that an unaffected version meets one of: patched, or never affected.
    pub safe: Vec<String>,
}

/// Every advisory we know of.
#[derive(Debug, Default)]
pub struct Advisories {
    /// In order of package and id.
    pub rows: Vec<Row>,
}

impl Advisories {
    /// Parses our own file.
    ///
    /// # Errors
    /// If it is malformed.
    pub fn parse(path: &str, text: &str) -> Result<Self, Error> {
        let table = parse(path, text)?;
        let rows = table.get("advisories").and_then(Value::as_array);
        let rows = rows.ok_or_else(|| form(path, "there is no list `advisories`"))?;
        let row = |value: &Value| {
            let table = value.as_table().ok_or_else(|| form(path, "a row is no table"))?;
            let text = |field: &str| {
                let text = table.get(field).and_then(Value::as_str).map(str::to_owned);
                text.ok_or_else(|| form(path, format!("a row has no `{field}`")))
            };
            let safe = strings(path, table, "safe")?;
            for requirement in &safe {
                let parsed = VersionReq::parse(requirement);
                parsed.map_err(|error| form(path, format!("`{requirement}`: {error}")))?;
            }
            Ok(Row { package: text("package")?, id: text("id")?, kind: text("kind")?, safe })
        };
        Ok(Self { rows: rows.iter().map(row).collect::<Result<_, Error>>()? })
    }

    /// Reads a checkout of RustSec's advisory database.
    ///
    /// # Errors
    /// If a file cannot be read or is malformed.
    pub fn read_database(folder: &Path) -> Result<Self, Error> {
        let mut rows = Vec::new();
        for package in entries(&folder.join("crates"))? {
            for file in entries(&package)?.iter().filter(|file| file.extension().is_some()) {
                let failed = |source| Error::File { path: file.clone(), source };
                let text = fs::read_to_string(file).map_err(failed)?;
                rows.extend(from_database(&file.to_string_lossy(), &text)?);
            }
        }
        rows.sort();
        Ok(Self { rows })
    }

    /// Our own file, with `state` saying how old it is. One line a row.
    #[must_use]
    pub fn render(&self, state: &str) -> String {
        let mut text = format!("{HEAD}source = \"rustsec/advisory-db {state}\"\nadvisories = [\n");
        for Row { package, id, kind, safe } in &self.rows {
            let safe: Vec<String> = safe.iter().map(|one| format!("\"{one}\"")).collect();
            let safe = safe.join(", ");
            let row = format!("package = \"{package}\", id = \"{id}\", kind = \"{kind}\"");
            let written = writeln!(text, "    {{ {row}, safe = [{safe}] }},");
            debug_assert!(written.is_ok(), "writing to a string");
        }
        text + "]\n"
    }

    /// What is wrong with the packages `locked` in the lock file at `path`.
    #[must_use]
    pub fn findings(
        &self,
        path: &str,
        locked: &[(String, Version)],
        ignored: &BTreeSet<String>,
    ) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (package, version) in locked {
            let known = self.rows.iter().filter(|row| row.package == *package);
            for row in known.filter(|row| !row.is_safe(version) && !ignored.contains(&row.id)) {
                let cure = if row.safe.is_empty() { "none".into() } else { row.safe.join(" or ") };
                let Row { id, kind, .. } = row;
                let message = format!("{package} {version}: {id} ({kind}); unaffected: {cure}");
                findings.push(Finding::new(path, 0, message));
            }
        }
        for id in ignored {
            let is_used = |row: &Row| {
                let affects = |(package, version): &(String, Version)| {
                    row.package == *package && !row.is_safe(version)
                };
                row.id == *id && locked.iter().any(affects)
            };
            if !self.rows.iter().any(is_used) {
                let message = format!("{id} affects nothing here: do not ignore it in deny.toml");
                findings.push(Finding::new(path, 0, message));
            }
        }
        findings
    }
}

impl Row {
    fn is_safe(&self, version: &Version) -> bool {
        let meets = |text: &String| {
            VersionReq::parse(text).is_ok_and(|requirement| requirement.matches(version))
        };
        self.safe.iter().any(meets)
    }
}

/// Names and versions in a lock file that come from a registry.
///
/// # Errors
/// If it is malformed.
pub fn locked(path: &str, text: &str) -> Result<Vec<(String, Version)>, Error> {
    let table = parse(path, text)?;
    let packages = table.get("package").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let outside = packages.iter().filter(|package| package.get("source").is_some());
    outside
        .map(|package| {
            let text = |field| package.get(field).and_then(Value::as_str).unwrap_or_default();
            let version = Version::parse(text("version"))
                .map_err(|error| form(path, format!("{}: {error}", text("name"))))?;
            Ok((text("name").to_owned(), version))
        })
        .collect()
}

/// The row of one file of the database; `None` if it was withdrawn.
fn from_database(path: &str, text: &str) -> Result<Option<Row>, Error> {
    let front = text.split_once("```toml").and_then(|(_, rest)| rest.split_once("```"));
    let Some((front, _)) = front else { return Ok(None) };
    let table = parse(path, front)?;
    let empty = Table::new();
    let section = |name| table.get(name).and_then(Value::as_table).unwrap_or(&empty);
    let advisory = section("advisory");
    let field = |name| advisory.get(name).and_then(Value::as_str).map(str::to_owned);
    if advisory.contains_key("withdrawn") {
        return Ok(None);
    }
    let mut safe = strings(path, section("versions"), "patched")?;
    safe.extend(strings(path, section("versions"), "unaffected")?);
    let kind = field("informational").unwrap_or_else(|| "vulnerability".to_owned());
    let (Some(package), Some(id)) = (field("package"), field("id")) else {
        return Err(form(path, "an advisory needs `package` and `id`"));
    };
    Ok(Some(Row { package, id, kind, safe }))
}

fn entries(folder: &Path) -> Result<Vec<std::path::PathBuf>, Error> {
    let failed = |source| Error::File { path: folder.to_owned(), source };
    let entries = fs::read_dir(folder).map_err(failed)?;
    let paths: Result<Vec<_>, _> = entries.map(|entry| entry.map(|entry| entry.path())).collect();
    paths.map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: &str = "[[package]]\nname = \"memmap2\"\nversion = \"0.9.10\"\nsource = \"r\"\n\
                        [[package]]\nname = \"own\"\nversion = \"0.1.0\"\n";
    const ENTRY: &str = "```toml\n[advisory]\nid = \"RUSTSEC-2026-0186\"\npackage = \"memmap2\"\n\
                         informational = \"unsound\"\n[versions]\npatched = [\">= 0.9.11\"]\n\
                         unaffected = [\"< 0.5.9\"]\n```\n\n# Text\n";

    fn found(version: &str, ignored: &[&str]) -> Vec<Finding> {
        let row = from_database("x", ENTRY).expect("well formed").expect("not withdrawn");
        let lock = LOCK.replace("0.9.10", version);
        let locked = locked("Cargo.lock", &lock).expect("well formed");
        let ignored = ignored.iter().map(|id| (*id).to_owned()).collect();
        Advisories { rows: vec![row] }.findings("Cargo.lock", &locked, &ignored)
    }

    #[test]
    fn a_bad_version_is_caught_and_a_good_one_passes() {
        assert_eq!(found("0.9.10", &[]).len(), 1);
        assert_eq!(found("0.9.11", &[]), []);
        assert_eq!(found("0.5.8", &[]), []);
    }

    #[test]
    fn an_advisory_can_be_ignored_only_while_it_applies() {
        assert_eq!(found("0.9.10", &["RUSTSEC-2026-0186"]), []);
        assert_eq!(found("0.9.11", &["RUSTSEC-2026-0186"]).len(), 1);
    }

    #[test]
    fn a_withdrawn_advisory_is_left_out() {
        let withdrawn = ENTRY.replace("[versions]", "withdrawn = \"2026-07-01\"\n[versions]");
        assert_eq!(from_database("x", &withdrawn).expect("well formed"), None);
    }

    #[test]
    fn the_file_we_write_is_the_file_we_read() {
        let row = from_database("x", ENTRY).expect("well formed").expect("not withdrawn");
        let advisories = Advisories { rows: vec![row] };
        let read = Advisories::parse("x", &advisories.render("today")).expect("well formed");
        assert_eq!(read.rows, advisories.rows);
        assert!(Advisories::parse("x", "advisories = [{ id = \"a\" }]").is_err());
    }
}
