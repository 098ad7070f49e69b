//! Rules that neither the compiler nor clippy holds, one module a rule.
//!
//! | module | holds |
//! |---|---|
//! | [`arrows`] | which crate may depend on which, and what may not be in the matcher's tree |
//! | [`sizes`] | length of files, functions and lines, as a ratchet |
//! | [`names`] | files, modules and items are named in the words of the glossary |
//! | [`marks`] | open ends carry an issue number, lints are expected with a reason |
//! | [`links`] | links in the documentation lead somewhere |
//! | [`map`] | the code map of ARCHITECTURE.md and the folders agree |
//! | [`dependencies`] | every dependency has its line in docs/dependencies.md |
//! | [`data`] | every file in tests/data has its source and terms written down |
//! | [`unsafety`] | `unsafe` stands only where the table allows it |
//!
//! Their tables are in scripts/tidy.toml and scripts/ratchet.toml.

pub mod arrows;
pub mod data;
pub mod dependencies;
pub mod links;
pub mod manifest;
pub mod map;
pub mod marks;
pub mod names;
pub mod settings;
pub mod sizes;
pub mod unsafety;

use crate::Finding;
use crate::error::Error;
use crate::tree::Tree;
use settings::{Ratchet, Settings};
use std::path::Path;

/// Checks the repository at `root` by every rule.
///
/// # Errors
/// If a file cannot be read, or a table or manifest has not the form it should have.
pub fn check(root: &Path) -> Result<Vec<Finding>, Error> {
    let tree = Tree::read(root)?;
    let settings = Settings::read(&tree)?;
    let manifests = manifest::read_all(&tree)?;
    let mut findings = arrows::check(&manifests, &settings);
    findings.extend(arrows::check_absent(root, &settings)?);
    findings.extend(sizes::check(&tree, &Ratchet::read(&tree)?));
    findings.extend(names::check(&tree, &settings));
    findings.extend(marks::check(&tree));
    findings.extend(links::check(&tree));
    findings.extend(map::check(&tree));
    findings.extend(dependencies::check(&tree, &manifests));
    findings.extend(data::check(&tree));
    findings.extend(unsafety::check(&tree, &settings));
    findings.sort();
    findings.dedup();
    Ok(findings)
}
