//! The code map of ARCHITECTURE.md and the folders agree.
//!
//! The map is the first fenced block under the heading "Code map". A line that begins at the margin
//! names a folder (with `/`) or a file at the top; an indented one is inside the folder above it. A
//! line that ends in `(planned)` names what is not there yet, and must lose that word when it is.

use crate::Finding;
use crate::tree::Tree;
use std::collections::BTreeSet;

const FILE: &str = "ARCHITECTURE.md";

/// Checks the map against `tree`, both ways.
#[must_use]
pub fn check(tree: &Tree) -> Vec<Finding> {
    let Some(text) = tree.text(FILE) else {
        return vec![Finding::new(FILE, 0, "is missing")];
    };
    let mut findings = Vec::new();
    let mut top = BTreeSet::new();
    let mut folder = "";
    for (line, entry) in entries(text) {
        let Some(name) = entry.split_whitespace().next() else { continue };
        let is_top = !entry.starts_with(' ');
        if is_top {
            folder = name;
            top.insert(name.trim_end_matches('/'));
        }
        let path = if is_top { name.to_owned() } else { format!("{folder}{name}") };
        match (tree.has(&path), entry.ends_with("(planned)")) {
            (false, false) => {
                findings.push(Finding::new(FILE, line, format!("`{path}` is not there")));
            }
            (true, true) => {
                let message = format!("`{path}` is there: take `(planned)` out of its line");
                findings.push(Finding::new(FILE, line, message));
            }
            _ => {}
        }
    }
    for missing in tree.top_folders().difference(&top) {
        let message = format!("the code map does not say what `{missing}/` is");
        findings.push(Finding::new(FILE, 0, message));
    }
    findings
}

fn entries(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .map(|(index, line)| (index + 1, line))
        .skip_while(|(_, line)| !(line.starts_with('#') && line.ends_with("Code map")))
        .skip_while(|(_, line)| !line.starts_with("```"))
        .skip(1)
        .take_while(|(_, line)| !line.starts_with("```"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(map: &str) -> usize {
        let text = format!("# A\n```\nnot/this\n```\n## Code map\nwords\n```\n{map}\n```\n");
        check(&Tree::of(&[(FILE, &text), ("wire/src/lib.rs", ""), ("wire/src/ring.rs", "")])).len()
    }

    #[test]
    fn a_map_of_what_is_there_passes() {
        assert_eq!(found("wire/   the contract\n  src/ring.rs  rings\n\nARCHITECTURE.md  this"), 0);
    }

    #[test]
    fn what_is_planned_is_not_there_yet() {
        assert_eq!(found("wire/\n  src/park.rs  waits (planned)"), 0);
        assert_eq!(found("wire/\n  src/ring.rs  rings (planned)"), 1);
    }

    #[test]
    fn a_file_that_is_gone_and_a_folder_nobody_explained_fail() {
        assert_eq!(found("wire/\n  src/gone.rs"), 1);
        assert_eq!(found("ARCHITECTURE.md"), 1);
    }
}
