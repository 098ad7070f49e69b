//! The tables of the rules: scripts/tidy.toml and scripts/ratchet.toml.

use crate::error::Error;
use crate::tree::Tree;
use std::collections::{BTreeMap, BTreeSet};
use toml::{Table, Value};

/// Where the tables of the rules are.
pub const SETTINGS: &str = "scripts/tidy.toml";
/// Where the ratchet is.
pub const RATCHET: &str = "scripts/ratchet.toml";

/// What scripts/tidy.toml says.
#[derive(Debug, Default)]
pub struct Settings {
    /// Package to the packages of the workspace it may use.
    pub arrows: BTreeMap<String, BTreeSet<String>>,
    /// Folders whose packages may use anything and are used by nobody.
    pub outer: BTreeSet<String>,
    /// Package to the crates that its dependency tree must not hold.
    pub absent: BTreeMap<String, BTreeSet<String>>,
    /// Words no file, folder or module name may hold.
    pub names: BTreeSet<String>,
    /// Word no item may be named with, to the word of the glossary.
    pub words: BTreeMap<String, String>,
    /// Path of a file or, with `/` at its end, of a folder, to why it may hold `unsafe`.
    pub unsafety: BTreeMap<String, String>,
}

/// A file or a function longer than the limit, and why it may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exception {
    /// The file.
    pub path: String,
    /// The function; `None` for the file itself.
    pub function: Option<String>,
    /// Its length.
    pub lines: usize,
}

/// What scripts/ratchet.toml says.
#[derive(Debug, Default)]
pub struct Ratchet {
    /// Every row.
    pub exceptions: Vec<Exception>,
}

impl Settings {
    /// Reads the table of `tree`.
    ///
    /// # Errors
    /// If it is missing or malformed.
    pub fn read(tree: &Tree) -> Result<Self, Error> {
        let table = parse(SETTINGS, tree.text(SETTINGS).unwrap_or_default())?;
        Ok(Self {
            arrows: sets(&table, "arrows")?,
            outer: strings(SETTINGS, &table, "outer")?.into_iter().collect(),
            absent: sets(&table, "absent")?,
            names: strings(SETTINGS, &table, "names")?.into_iter().collect(),
            words: pairs(&table, "words")?,
            unsafety: pairs(&table, "unsafe")?,
        })
    }
}

impl Ratchet {
    /// Reads the ratchet of `tree`.
    ///
    /// # Errors
    /// If it is malformed, or a row gives no reason.
    pub fn read(tree: &Tree) -> Result<Self, Error> {
        let table = parse(RATCHET, tree.text(RATCHET).unwrap_or_default())?;
        let mut exceptions = Vec::new();
        for (key, is_function) in [("file", false), ("function", true)] {
            let rows = table.get(key).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
            for row in rows {
                let text = |field| row.get(field).and_then(Value::as_str).map(str::to_owned);
                let lines = row.get("lines").and_then(Value::as_integer);
                let (Some(path), Some(_), Some(lines)) = (text("path"), text("why"), lines) else {
                    return Err(form(RATCHET, format!("a {key} needs `path`, `lines`, `why`")));
                };
                let function = text("name");
                if function.is_some() != is_function {
                    return Err(form(RATCHET, "only functions have a `name`, and all of them do"));
                }
                let lines = usize::try_from(lines).unwrap_or(0);
                exceptions.push(Exception { path, function, lines });
            }
        }
        Ok(Self { exceptions })
    }
}

/// Parses `text`, the content of `path`.
///
/// # Errors
/// If it is not TOML.
pub fn parse(path: &str, text: &str) -> Result<Table, Error> {
    text.parse::<Table>().map_err(|error| form(path, error.to_string()))
}

/// An error about the form of `path`.
pub fn form(path: &str, message: impl Into<String>) -> Error {
    Error::Form { path: path.to_owned(), message: message.into() }
}

/// The list of strings called `key` in `table`, empty if there is none.
///
/// # Errors
/// If it is something else.
pub fn strings(path: &str, table: &Table, key: &str) -> Result<Vec<String>, Error> {
    let Some(value) = table.get(key) else { return Ok(Vec::new()) };
    let list = value.as_array().and_then(|values| {
        values.iter().map(|value| value.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()
    });
    list.ok_or_else(|| form(path, format!("`{key}` must be a list of strings")))
}

fn sets(table: &Table, key: &str) -> Result<BTreeMap<String, BTreeSet<String>>, Error> {
    let empty = Table::new();
    let inner = table.get(key).and_then(Value::as_table).unwrap_or(&empty);
    let names = inner.keys();
    names
        .map(|name| Ok((name.clone(), strings(SETTINGS, inner, name)?.into_iter().collect())))
        .collect()
}

fn pairs(table: &Table, key: &str) -> Result<BTreeMap<String, String>, Error> {
    let empty = Table::new();
    let inner = table.get(key).and_then(Value::as_table).unwrap_or(&empty);
    let text = |(name, value): (&String, &Value)| match value.as_str() {
        Some(text) => Ok((name.clone(), text.to_owned())),
        None => Err(form(SETTINGS, format!("`{key}.{name}` must be a string"))),
    };
    inner.iter().map(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_of_this_repository_are_well_formed() {
        let tree = Tree::read(&crate::tree::root().expect("root")).expect("tree");
        let settings = Settings::read(&tree).expect("settings");
        assert!(settings.arrows["wire"].is_empty());
        assert!(settings.absent["matcher"].contains("tokio"));
        Ratchet::read(&tree).expect("ratchet");
    }

    #[test]
    fn an_exception_without_a_reason_is_an_error() {
        let row = |why: &str| format!("[[file]]\npath = \"a.rs\"\nlines = 2000\n{why}");
        let read = |text: &str| Ratchet::read(&Tree::of(&[(RATCHET, text)]));
        assert!(read(&row("")).is_err());
        assert!(read(&row("why = \"a table\"")).is_ok_and(|r| r.exceptions.len() == 1));
    }

    #[test]
    fn a_list_with_something_else_in_it_is_an_error() {
        let table = parse("x", "a = [1]\nb = [\"c\"]").expect("toml");
        assert!(strings("x", &table, "a").is_err());
        assert!(strings("x", &table, "b").is_ok_and(|list| list == ["c"]));
    }
}
