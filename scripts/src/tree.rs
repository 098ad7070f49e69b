//! The files of the repository, as the rules see them.

use crate::error::Error;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Endings of files whose text some rule reads. Of all others only the name is known.
const TEXT_ENDINGS: [&str; 5] = ["rs", "md", "toml", "sh", "lock"];

/// Every file by its path from the root, with `/` between folders, and its text.
///
/// Invariant: paths are relative and clean: no `.`, no `..`, no folder without a file in it.
#[derive(Debug, Default)]
pub struct Tree {
    files: BTreeMap<String, String>,
}

impl Tree {
    /// A tree of the given files, for tests.
    #[must_use]
    pub fn of(files: &[(&str, &str)]) -> Self {
        let own = |(path, text): &(&str, &str)| ((*path).to_owned(), (*text).to_owned());
        Self { files: files.iter().map(own).collect() }
    }

    /// Reads the repository at `root`: what git tracks or would track, or every file without git.
    ///
    /// # Errors
    /// If a folder or a text file cannot be read.
    pub fn read(root: &Path) -> Result<Self, Error> {
        let paths = match listed_by_git(root) {
            Some(paths) => paths,
            None => walked(root)?,
        };
        let mut files = BTreeMap::new();
        for path in paths {
            let full = root.join(&path);
            if !full.is_file() {
                continue; // deleted, not yet committed
            }
            let ending = full.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
            let text = if TEXT_ENDINGS.contains(&ending) {
                fs::read_to_string(&full).map_err(|source| Error::File { path: full, source })?
            } else {
                String::new()
            };
            files.insert(path, text);
        }
        Ok(Self { files })
    }

    /// Text of one file.
    #[must_use]
    pub fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path).map(String::as_str)
    }

    /// Whether `path` is a file or a folder.
    #[must_use]
    pub fn has(&self, path: &str) -> bool {
        let path = path.trim_end_matches('/');
        let folder = format!("{path}/");
        path.is_empty()
            || self.files.contains_key(path)
            || self
                .files
                .range(folder.clone()..)
                .next()
                .is_some_and(|(p, _)| p.starts_with(&folder))
    }

    /// Every path, in order.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// Path and text of every file whose name ends so, in order.
    pub fn ending<'a>(&'a self, ending: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        let all = self.files.iter().map(|(path, text)| (path.as_str(), text.as_str()));
        all.filter(move |(path, _)| path.ends_with(ending))
    }

    /// Names of the folders at the top.
    #[must_use]
    pub fn top_folders(&self) -> BTreeSet<&str> {
        self.paths().filter_map(|path| Some(path.split_once('/')?.0)).collect()
    }
}

/// The nearest folder, from here upwards, whose Cargo.toml begins a workspace.
///
/// # Errors
/// If there is none.
pub fn root() -> Result<PathBuf, Error> {
    let here = std::env::current_dir()
        .map_err(|source| Error::File { path: PathBuf::from("."), source })?;
    let begins_workspace = |folder: &&Path| {
        fs::read_to_string(folder.join("Cargo.toml"))
            .is_ok_and(|text| text.lines().any(|line| line.trim() == "[workspace]"))
    };
    match here.ancestors().find(begins_workspace) {
        Some(folder) => Ok(folder.to_owned()),
        None => Err(Error::Usage("run this inside the repository".to_owned())),
    }
}

fn listed_by_git(root: &Path) -> Option<Vec<String>> {
    let output = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root)
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let paths: Vec<String> = text.split_terminator('\0').map(str::to_owned).collect();
    (output.status.success() && !paths.is_empty()).then_some(paths)
}

fn walked(root: &Path) -> Result<Vec<String>, Error> {
    let mut paths = Vec::new();
    let mut folders = vec![String::new()];
    while let Some(folder) = folders.pop() {
        let full = root.join(&folder);
        let failed = |source| Error::File { path: full.clone(), source };
        for entry in fs::read_dir(&full).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = format!("{folder}{name}");
            if !entry.file_type().map_err(failed)?.is_dir() {
                paths.push(path);
            } else if ![".git", "target", "node_modules"].contains(&name.as_str()) {
                folders.push(format!("{path}/"));
            }
        }
    }
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_there_if_a_file_is_in_it() {
        let tree = Tree::of(&[("wire/src/lib.rs", ""), ("wired.md", "")]);
        assert!(tree.has("wire") && tree.has("wire/") && tree.has("wire/src/lib.rs"));
        assert!(!tree.has("wire/s") && !tree.has("wir"));
        assert_eq!(tree.top_folders(), BTreeSet::from(["wire"]));
    }

    #[test]
    fn the_repository_can_be_read_with_and_without_git() {
        let root = root().expect("tests run inside the repository");
        let tree = Tree::read(&root).expect("the repository is readable");
        assert!(tree.text("Cargo.toml").is_some_and(|text| text.contains("[workspace]")));
        let walked = walked(&root).expect("the repository is readable");
        assert!(walked.iter().any(|path| path == "scripts/src/tree.rs"));
        assert!(!walked.iter().any(|path| path.starts_with("target/")));
    }
}
