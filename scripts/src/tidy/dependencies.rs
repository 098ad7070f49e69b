//! Every dependency has a line of why in docs/dependencies.md, and every line a dependency.

use super::manifest::Manifest;
use crate::Finding;
use crate::tree::Tree;
use std::collections::{BTreeMap, BTreeSet};

const FILE: &str = "docs/dependencies.md";

/// Checks the manifests and the list against each other.
#[must_use]
pub fn check(tree: &Tree, manifests: &[Manifest]) -> Vec<Finding> {
    let own: BTreeSet<&str> = manifests.iter().map(|manifest| manifest.name.as_str()).collect();
    let listed = listed(tree.text(FILE).unwrap_or_default());
    let mut findings = Vec::new();
    let mut used = BTreeSet::new();
    for manifest in manifests {
        for (_, name) in manifest.dependencies.iter().filter(|(_, name)| !own.contains(&**name)) {
            used.insert(name.as_str());
            if !listed.contains_key(name.as_str()) {
                let message = format!("`{name}` has no line of why in {FILE}");
                findings.push(Finding::new(&manifest.path, 0, message));
            }
        }
    }
    for (name, line) in listed {
        if !used.contains(name) {
            findings.push(Finding::new(FILE, line, format!("`{name}` is no dependency")));
        }
    }
    findings
}

/// Names in the first column of the tables, with their lines. A row without a reason is no row.
fn listed(text: &str) -> BTreeMap<&str, usize> {
    let rows = text.lines().enumerate().filter_map(|(index, line)| {
        let (name, why) = line.strip_prefix("| `")?.split_once("` |")?;
        (why.trim_matches([' ', '|']).len() > 10).then_some((name, index + 1))
    });
    rows.collect()
}

#[cfg(test)]
mod tests {
    use super::super::manifest::read_all;
    use super::*;

    fn found(list: &str) -> Vec<String> {
        let package = "[package]\nname = \"p\"\n[dependencies]\nlibc = \"0.2\"\n";
        let tree = Tree::of(&[(FILE, list), ("p/Cargo.toml", package)]);
        let findings = check(&tree, &read_all(&tree).expect("well formed"));
        findings.into_iter().map(|finding| finding.message).collect()
    }

    #[test]
    fn a_dependency_with_a_reason_passes() {
        assert!(found("| `libc` | system calls that std does not offer |\n").is_empty());
    }

    #[test]
    fn a_dependency_without_a_reason_and_a_reason_without_a_dependency_fail() {
        assert_eq!(found("").len(), 1);
        assert_eq!(found("| `libc` | |\n").len(), 1);
        let both = "| `libc` | system calls that std does not offer |\n| `rand` | random numbers |";
        assert_eq!(found(both), ["`rand` is no dependency"]);
    }
}
