//! Every file in tests/data has its source and its terms written down in the README there.

use crate::Finding;
use crate::tree::Tree;

const FOLDER: &str = "tests/data/";
const FILE: &str = "tests/data/README.md";

/// Checks the files and the README against each other.
#[must_use]
pub fn check(tree: &Tree) -> Vec<Finding> {
    let text = tree.text(FILE).unwrap_or_default();
    let mut findings = Vec::new();
    for path in tree.paths().filter(|path| path.starts_with(FOLDER)) {
        let name = &path[FOLDER.len()..];
        let Some(section) = sections(text).find(|section| section.contains(&format!("`{name}`")))
        else {
            if !["README.md", "FORMAT.md"].contains(&name) {
                findings.push(Finding::new(path, 0, format!("is not listed in {FILE}")));
            }
            continue;
        };
        for word in ["**Source.**", "**Terms.**"] {
            if !section.contains(word) {
                findings.push(Finding::new(path, 0, format!("its section has no {word}")));
            }
        }
    }
    for (index, line) in text.lines().enumerate() {
        let row = line.strip_prefix("| `").and_then(|rest| rest.split_once('`'));
        if let Some((name, _)) = row.filter(|(name, _)| !tree.has(&format!("{FOLDER}{name}"))) {
            findings.push(Finding::new(FILE, index + 1, format!("`{name}` is not there")));
        }
    }
    findings
}

fn sections(text: &str) -> impl Iterator<Item = &str> {
    text.split("\n## ").skip(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(readme: &str) -> usize {
        check(&Tree::of(&[(FILE, readme), ("tests/data/a.csv.gz", "")])).len()
    }

    #[test]
    fn a_file_with_source_and_terms_passes() {
        assert_eq!(found("# x\n\n## a\n**Source.** b **Terms.** c\n| `a.csv.gz` | 1 |\n"), 0);
    }

    #[test]
    fn a_file_that_is_not_listed_or_has_no_terms_fails() {
        assert_eq!(found("# x\n"), 1);
        assert_eq!(found("# x\n\n## a\n**Source.** b\n| `a.csv.gz` | 1 |\n"), 1);
    }

    #[test]
    fn a_row_without_a_file_fails() {
        let rows = "| `a.csv.gz` | 1 |\n| `b.csv.gz` | 1 |\n";
        assert_eq!(found(&format!("# x\n\n## a\n**Source.** b **Terms.** c\n{rows}")), 1);
    }
}
