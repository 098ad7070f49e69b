//! What the Cargo.toml files say about packages and their dependencies.

use super::settings::parse;
use crate::error::Error;
use crate::tree::Tree;
use std::collections::BTreeMap;
use toml::{Table, Value};

/// Whether a dependency is part of the product.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// In `[dependencies]` or `[build-dependencies]`.
    Normal,
    /// In `[dev-dependencies]`: tests only.
    Dev,
    /// In `[workspace.dependencies]`: only a version, used by whoever names it.
    Shared,
}

/// One Cargo.toml.
#[derive(Debug)]
pub struct Manifest {
    /// Its path.
    pub path: String,
    /// The package's name; empty if it has none.
    pub name: String,
    /// Real names of everything it depends on.
    pub dependencies: Vec<(Kind, String)>,
}

impl Manifest {
    /// The folder at the top that the package is in; empty for the root.
    #[must_use]
    pub fn top_folder(&self) -> &str {
        self.path.split_once('/').map_or("", |(folder, _)| folder)
    }
}

/// Reads every Cargo.toml of `tree`.
///
/// # Errors
/// If one is not TOML.
pub fn read_all(tree: &Tree) -> Result<Vec<Manifest>, Error> {
    let own = |(path, _): &(&str, &str)| *path == "Cargo.toml" || path.ends_with("/Cargo.toml");
    let tables: Vec<(&str, Table)> = tree
        .ending("Cargo.toml")
        .filter(own)
        .map(|(path, text)| Ok((path, parse(path, text)?)))
        .collect::<Result<_, Error>>()?;
    let mut shared = BTreeMap::new();
    for (_, table) in &tables {
        let workspace = table.get("workspace").and_then(|w| w.get("dependencies"));
        for (key, value) in workspace.and_then(Value::as_table).into_iter().flatten() {
            shared.insert(key.clone(), real_name(key, value, &BTreeMap::new()));
        }
    }
    Ok(tables.iter().map(|(path, table)| manifest(path, table, &shared)).collect())
}

fn manifest(path: &str, table: &Table, shared: &BTreeMap<String, String>) -> Manifest {
    let name = table.get("package").and_then(|package| package.get("name"));
    let mut dependencies = Vec::new();
    let mut tables: Vec<&Table> = vec![table];
    let targets = table.get("target").and_then(Value::as_table);
    tables.extend(targets.into_iter().flat_map(Table::values).filter_map(Value::as_table));
    for table in tables {
        for (section, kind) in [
            ("dependencies", Kind::Normal),
            ("build-dependencies", Kind::Normal),
            ("dev-dependencies", Kind::Dev),
        ] {
            for (key, value) in table.get(section).and_then(Value::as_table).into_iter().flatten() {
                dependencies.push((kind, real_name(key, value, shared)));
            }
        }
    }
    let workspace = table.get("workspace").and_then(|w| w.get("dependencies"));
    for (key, value) in workspace.and_then(Value::as_table).into_iter().flatten() {
        dependencies.push((Kind::Shared, real_name(key, value, shared)));
    }
    let name = name.and_then(Value::as_str).unwrap_or_default().to_owned();
    Manifest { path: path.to_owned(), name, dependencies }
}

/// The package behind a dependency's key: `package = "..."` here or in the workspace renames it.
fn real_name(key: &str, value: &Value, shared: &BTreeMap<String, String>) -> String {
    let renamed = value.get("package").and_then(Value::as_str).map(str::to_owned);
    let inherited = || {
        let inherits = value.get("workspace").and_then(Value::as_bool) == Some(true);
        inherits.then(|| shared.get(key).cloned()).flatten()
    };
    renamed.or_else(inherited).unwrap_or_else(|| key.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_section_and_every_renaming_is_seen() {
        let root = "[workspace.dependencies]\nshort = { package = \"long\", version = \"1\" }\n";
        let package = "[package]\nname = \"p\"\n[dependencies]\nshort.workspace = true\n\
                       [dev-dependencies]\nd = \"1\"\n[build-dependencies]\nb = \"1\"\n\
                       [target.'cfg(unix)'.dependencies]\nu = { package = \"unix\" }\n";
        let tree = Tree::of(&[("Cargo.toml", root), ("p/Cargo.toml", package)]);
        let manifests = read_all(&tree).expect("well formed");
        let mut found = manifests[1].dependencies.clone();
        found.sort();
        let name = |kind, name: &str| (kind, name.to_owned());
        let normal = [name(Kind::Normal, "b"), name(Kind::Normal, "long")];
        let others = [name(Kind::Normal, "unix"), name(Kind::Dev, "d")];
        assert_eq!(found, [normal, others].concat());
        assert_eq!(manifests[0].dependencies, [name(Kind::Shared, "long")]);
    }
}
