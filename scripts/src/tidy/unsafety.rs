//! `unsafe` stands only where the table allows it, each place with a reason.

use super::settings::{SETTINGS, Settings};
use crate::Finding;
use crate::source::Source;
use crate::tree::Tree;

/// Checks every Rust file against the table.
#[must_use]
pub fn check(tree: &Tree, settings: &Settings) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.ending(".rs") {
        let source = Source::new(text);
        let first = source.words().find(|word| word.text == "unsafe");
        let listed = settings.unsafety.contains_key(path);
        let allowed =
            settings.unsafety.keys().any(|row| row.ends_with('/') && path.starts_with(&**row));
        match first {
            Some(word) if !listed && !allowed => {
                let message = format!("unsafe outside the table in {SETTINGS}");
                findings.push(Finding::new(path, word.line, message));
            }
            None if listed => {
                let message = format!("holds no unsafe any more: take it out of {SETTINGS}");
                findings.push(Finding::new(path, 0, message));
            }
            _ => {}
        }
    }
    for (row, why) in &settings.unsafety {
        if why.len() < 20 {
            findings.push(Finding::new(SETTINGS, 0, format!("`{row}` needs a reason")));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn found(path: &str, text: &str, why: &str) -> usize {
        let rows = ["wire/src/ring.rs", "matcher/src/boot/"];
        let settings = Settings {
            unsafety: BTreeMap::from(rows.map(|row| (row.to_owned(), why.to_owned()))),
            ..Settings::default()
        };
        check(&Tree::of(&[(path, text)]), &settings).len()
    }

    const WHY: &str = "reads memory that another process writes";

    #[test]
    fn unsafe_in_a_listed_place_passes() {
        assert_eq!(found("wire/src/ring.rs", "unsafe { f() }", WHY), 0);
        assert_eq!(found("matcher/src/boot/cpu.rs", "unsafe { f() }", WHY), 0);
        assert_eq!(found("matcher/src/boot/memory.rs", "fn f() {}", WHY), 0);
        assert_eq!(found("wire/src/units.rs", "// unsafe\n\"unsafe\"; unsafe_code", WHY), 0);
    }

    #[test]
    fn unsafe_elsewhere_a_dead_row_and_a_row_without_a_reason_fail() {
        assert_eq!(found("wire/src/units.rs", "unsafe { f() }", WHY), 1);
        assert_eq!(found("wire/src/ring.rs", "fn f() {}", WHY), 1);
        assert_eq!(found("a.rs", "", "fast"), 2);
    }
}
