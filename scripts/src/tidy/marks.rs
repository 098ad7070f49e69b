//! Open ends carry an issue number; lints are expected with a reason, never allowed.

use crate::Finding;
use crate::source::{Comment, Source};
use crate::tree::Tree;

/// Marks of an open end.
const MARKS: [&str; 3] = ["TODO", "FIXME", "XXX"];

/// Checks every Rust file, manifest and shell script of `tree`.
#[must_use]
pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.ending(".rs") {
        let source = Source::new(text);
        findings.extend(source.comments.iter().filter_map(|comment| open_end(path, comment)));
        findings.extend(attributes(path, &source));
    }
    for (path, text) in tree.ending(".toml").chain(tree.ending(".sh")) {
        for (index, line) in text.lines().enumerate() {
            let Some((_, text)) = line.split_once('#') else { continue };
            let comment = Comment { line: index + 1, text: text.to_owned() };
            findings.extend(open_end(path, &comment));
        }
    }
    findings
}

fn open_end(path: &str, comment: &Comment) -> Option<Finding> {
    let mark = comment.text.split(|c: char| !c.is_alphanumeric()).find(|w| MARKS.contains(w))?;
    let (_, after) = comment.text.split_once(mark)?;
    let numbered = after.starts_with("(#") && after[2..].starts_with(|c: char| c.is_ascii_digit());
    let message = format!("{mark} without an issue: write {mark}(#12), or do it");
    (!numbered).then(|| Finding::new(path, comment.line, message))
}

fn attributes(path: &str, source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (line, attribute) in source.attributes() {
        let words: Vec<&str> = attribute
            .split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
            .filter(|word| !word.is_empty())
            .collect();
        let sets_lint = matches!(words.first(), Some(&("allow" | "expect" | "cfg_attr")));
        if sets_lint && words.contains(&"allow") {
            findings.push(Finding::new(path, line, "allow: use #[expect(lint, reason = ...)]"));
        } else if sets_lint && words.contains(&"expect") && !words.contains(&"reason") {
            findings.push(Finding::new(path, line, "expect without a reason"));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> usize {
        check(&Tree::of(&[("a.rs", text)])).len()
    }

    #[test]
    fn an_open_end_needs_an_issue() {
        assert_eq!(found("// TODO later"), 1);
        assert_eq!(found("/* FIXME: # */"), 1);
        assert_eq!(found("// TODO(#12): later"), 0);
        assert_eq!(found("let mark = \"TODO\"; // a TODOLIST"), 0);
        assert_eq!(check(&Tree::of(&[("a.toml", "x = 1 # FIXME")])).len(), 1);
    }

    #[test]
    fn a_lint_is_expected_with_a_reason() {
        assert_eq!(found("#[allow(dead_code)]"), 1);
        assert_eq!(found("#![allow(dead_code, reason = \"x\")]"), 1);
        assert_eq!(found("#[cfg_attr(test, allow(dead_code))]"), 1);
        assert_eq!(found("#[expect(dead_code)]"), 1);
        assert_eq!(found("#[expect(dead_code, reason = \"x\")]\n#[doc(hidden)]"), 0);
        assert_eq!(found("// #[allow(dead_code)] in a comment"), 0);
    }
}
