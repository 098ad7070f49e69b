//! Length of files, functions and lines, as a ratchet.
//!
//! What is longer than the limit needs a row with a reason in scripts/ratchet.toml. The number
//! there must be exact, so it can only shrink: growing fails, shrinking asks for a smaller number.

use super::settings::{RATCHET, Ratchet};
use crate::Finding;
use crate::source::Source;
use crate::tree::Tree;
use std::collections::BTreeMap;

/// Longest file, in lines.
pub const FILE_LINES_MAX: usize = 1000;
/// Longest function, in lines, from `fn` to its closing brace.
pub const FUNCTION_LINES_MAX: usize = 70;
/// Longest line, in characters.
pub const COLUMNS_MAX: usize = 100;

/// Checks every Rust file of `tree`.
#[must_use]
pub fn check(tree: &Tree, ratchet: &Ratchet) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut lengths: BTreeMap<(&str, Option<String>), (usize, usize)> = BTreeMap::new();
    for (path, text) in tree.ending(".rs") {
        lengths.insert((path, None), (0, text.lines().count()));
        for function in Source::new(text).functions() {
            // Two functions of one name in one file: the longer counts.
            let longest = lengths.entry((path, Some(function.name))).or_default();
            if function.lines > longest.1 {
                *longest = (function.line, function.lines);
            }
        }
        for (index, line) in text.lines().enumerate() {
            let columns = line.chars().count();
            if columns > COLUMNS_MAX {
                let message = format!("{columns} columns, at most {COLUMNS_MAX}");
                findings.push(Finding::new(path, index + 1, message));
            }
        }
    }
    for ((path, function), (line, lines)) in &lengths {
        let what = function.as_ref().map_or("file".to_owned(), |name| format!("function `{name}`"));
        let limit = if function.is_some() { FUNCTION_LINES_MAX } else { FILE_LINES_MAX };
        let listed = ratchet
            .exceptions
            .iter()
            .find(|row| row.path == *path && row.function == *function)
            .map(|row| row.lines);
        let message = match listed {
            None if *lines > limit => format!(
                "{what} has {lines} lines, at most {limit}: split it, or give a reason in {RATCHET}"
            ),
            Some(_) if *lines <= limit => format!("{what} fits now: take its row out of {RATCHET}"),
            Some(most) if *lines > most => {
                format!("{what} grew from {most} to {lines} lines; it may only shrink")
            }
            Some(most) if *lines < most => {
                format!("{what} shrank from {most} to {lines} lines: lower it in {RATCHET}")
            }
            _ => continue,
        };
        findings.push(Finding::new(path, *line, message));
    }
    for row in &ratchet.exceptions {
        if !lengths.contains_key(&(row.path.as_str(), row.function.clone())) {
            let name = row.function.as_deref().unwrap_or("the file");
            let message = format!("`{}`: {name} is gone: take its row out", row.path);
            findings.push(Finding::new(RATCHET, 0, message));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::settings::Exception;
    use super::*;

    fn function(lines: usize) -> String {
        format!("fn long() {{{}}}\n", "\n".repeat(lines - 1))
    }

    fn found(text: &str, rows: &[(&str, Option<&str>, usize)]) -> Vec<String> {
        let exceptions = rows
            .iter()
            .map(|(path, function, lines)| Exception {
                path: (*path).to_owned(),
                function: function.map(str::to_owned),
                lines: *lines,
            })
            .collect();
        let findings = check(&Tree::of(&[("a.rs", text)]), &Ratchet { exceptions });
        findings.into_iter().map(|finding| finding.message).collect()
    }

    #[test]
    fn a_function_at_the_limit_passes_and_one_over_it_fails() {
        assert!(found(&function(FUNCTION_LINES_MAX), &[]).is_empty());
        assert_eq!(found(&function(FUNCTION_LINES_MAX + 1), &[]).len(), 1);
    }

    #[test]
    fn a_listed_function_passes_only_at_its_exact_number() {
        let row = |lines| [("a.rs", Some("long"), lines)];
        assert!(found(&function(90), &row(90)).is_empty());
        assert!(found(&function(90), &row(89))[0].contains("grew"));
        assert!(found(&function(90), &row(91))[0].contains("lower it"));
        assert!(found(&function(9), &row(90))[0].contains("fits now"));
    }

    #[test]
    fn a_short_function_does_not_hide_a_long_one_of_its_name() {
        let both = function(90) + &function(2);
        assert_eq!(found(&both, &[]).len(), 1);
    }

    #[test]
    fn a_long_file_fails_unless_listed_and_a_dead_row_fails() {
        let long = "\n".repeat(FILE_LINES_MAX + 1);
        assert_eq!(found(&long, &[]).len(), 1);
        assert!(found(&long, &[("a.rs", None, FILE_LINES_MAX + 1)]).is_empty());
        assert!(found("", &[("b.rs", None, 2000)])[0].contains("gone"));
    }

    #[test]
    fn a_long_line_fails_wherever_it_stands() {
        assert!(found(&"x".repeat(COLUMNS_MAX), &[]).is_empty());
        assert_eq!(found(&format!("// {}", "é".repeat(COLUMNS_MAX)), &[]).len(), 1);
    }
}
