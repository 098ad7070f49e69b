//! Links in the documentation lead somewhere: to a file, a folder or a heading of this repository.

use crate::Finding;
use crate::tree::Tree;
use std::collections::BTreeMap;

/// Checks every relative link of every Markdown file.
#[must_use]
pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.ending(".md") {
        for (line, target) in links(text) {
            if let Some(message) = problem(tree, path, &target) {
                findings.push(Finding::new(path, line, message));
            }
        }
    }
    findings
}

fn problem(tree: &Tree, from: &str, target: &str) -> Option<String> {
    let is_elsewhere = target.contains("://") || target.starts_with("mailto:");
    if is_elsewhere {
        return None;
    }
    let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
    let full = if path.is_empty() { Some(from.to_owned()) } else { resolve(from, path) };
    let Some(full) = full else { return Some(format!("`{target}` leaves the repository")) };
    if !tree.has(&full) {
        return Some(format!("`{target}` leads to no file"));
    }
    let headings = || anchors(tree.text(&full).unwrap_or_default());
    let dead = !anchor.is_empty() && full.ends_with(".md") && !headings().contains_key(anchor);
    dead.then(|| format!("`{target}` leads to no heading"))
}

/// `path` as seen from the file `from`; `None` if that is above the root.
fn resolve(from: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    if path.starts_with('/') {
        parts.clear();
    }
    for part in path.split('/').filter(|part| !part.is_empty() && *part != ".") {
        if part == ".." {
            parts.pop()?;
        } else {
            parts.push(part);
        }
    }
    Some(parts.join("/"))
}

/// Lines outside fenced code, with code spans blanked.
fn prose(text: &str) -> impl Iterator<Item = (usize, String)> {
    let mut fenced = false;
    text.lines().enumerate().filter_map(move |(index, line)| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        (!fenced && !fence).then(|| (index + 1, line.to_owned()))
    })
}

/// Every link: its line and its target.
fn links(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (number, line) in prose(text) {
        let plain: String =
            line.split('`').enumerate().map(|(i, s)| if i % 2 == 0 { s } else { "" }).collect();
        for (at, _) in plain.match_indices("](") {
            let target = plain[at + 2..].split([')', ' ']).next().unwrap_or_default();
            found.push((number, target.to_owned()));
        }
        let defines = plain.trim_start().starts_with('[') && !plain.starts_with("[^");
        if let (true, Some((_, target))) = (defines, plain.split_once("]: ")) {
            found.push((number, target.split_whitespace().next().unwrap_or_default().to_owned()));
        }
    }
    found
}

/// The anchors GitHub gives the headings of `text`.
fn anchors(text: &str) -> BTreeMap<String, usize> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for (_, line) in prose(text) {
        let heading = line.trim_start_matches('#');
        if heading.len() == line.len() || !heading.starts_with(' ') {
            continue;
        }
        let kept = heading.trim().chars().filter_map(|c| match c {
            ' ' => Some('-'),
            '-' | '_' => Some(c),
            _ => c.is_alphanumeric().then(|| c.to_ascii_lowercase()),
        });
        let anchor: String = kept.collect();
        let count = seen.entry(anchor.clone()).or_default();
        *count += 1;
        if *count > 1 {
            let repeated = format!("{anchor}-{}", *count - 1);
            seen.insert(repeated, 1);
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> usize {
        let other = "# One two, three\n## `code` here\n## One two, three\n```\n# not one\n```\n";
        check(&Tree::of(&[("docs/a.md", text), ("docs/b.md", other), ("src/main.rs", "")])).len()
    }

    #[test]
    fn a_link_to_a_file_a_folder_or_a_heading_passes() {
        for good in [
            "[x](b.md)",
            "[x](../src/main.rs)",
            "[x](../src)",
            "[x](/docs/b.md)",
            "[x](b.md#one-two-three) [y](b.md#one-two-three-1) [z](b.md#code-here)",
            "# Here\n[x](#here)",
            "[x](https://example.org/none)",
            "`[x](none.md)`",
            "```\n[x](none.md)\n```",
        ] {
            assert_eq!(found(good), 0, "{good}");
        }
    }

    #[test]
    fn a_link_to_nothing_fails() {
        for bad in [
            "[x](none.md)",
            "[x](b.md#not-one)",
            "[x](#none)",
            "[x](../../outside.md)",
            "[x]: none.md",
            "![x](none.png \"title\")",
        ] {
            assert_eq!(found(bad), 1, "{bad}");
        }
    }
}
