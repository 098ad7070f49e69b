//! Files, modules and items are named in the words of the glossary.

use super::settings::Settings;
use crate::Finding;
use crate::source::Source;
use crate::tree::Tree;
use std::collections::BTreeSet;

/// Keywords that a declared name follows.
const DECLARES: [&str; 8] = ["fn", "struct", "enum", "trait", "type", "const", "static", "mod"];

/// Checks every path, and every declared name of every Rust file.
#[must_use]
pub fn check(tree: &Tree, settings: &Settings) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    let mut folders = BTreeSet::new();
    for path in tree.paths() {
        let mut named = path.split('/').collect::<Vec<_>>();
        let file = named.pop().unwrap_or_default();
        let is_code = path.ends_with(".rs");
        if is_code && banned(file.trim_end_matches(".rs"), &settings.names).is_some() {
            findings.push(Finding::new(path, 0, "this name says nothing: say what is in it"));
        }
        for (depth, folder) in named.iter().enumerate() {
            let whole = named[..=depth].join("/");
            if banned(folder, &settings.names).is_some() && folders.insert(whole.clone()) {
                findings.push(Finding::new(&whole, 0, "this name says nothing: say what is in it"));
            }
        }
    }
    for (path, text) in tree.ending(".rs") {
        findings.extend(declared(path, text, settings));
    }
    findings
}

fn declared(path: &str, text: &str, settings: &Settings) -> Vec<Finding> {
    let source = Source::new(text);
    let words: Vec<_> = source.words().collect();
    let mut findings = Vec::new();
    for pair in words.windows(2) {
        let (keyword, name) = (pair[0].text, pair[1]);
        let between = &source.code[pair[0].at + keyword.len()..name.at];
        if !DECLARES.contains(&keyword) || !between.trim().is_empty() {
            continue;
        }
        if keyword == "mod" && banned(name.text, &settings.names).is_some() {
            let message = format!("module `{}`: this name says nothing", name.text);
            findings.push(Finding::new(path, name.line, message));
        }
        for part in parts(name.text) {
            if let Some(better) = settings.words.get(&part) {
                let message = format!("`{}`: we say {better}, not {part}", name.text);
                findings.push(Finding::new(path, name.line, message));
            }
        }
    }
    findings
}

/// The first part of `name` that is in `set`.
fn banned(name: &str, set: &BTreeSet<String>) -> Option<String> {
    parts(name).into_iter().find(|part| set.contains(part))
}

/// `snake_case`, `kebab-case`, `CamelCase` and `CONSTANTS`, in lower-case parts.
fn parts(name: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut previous_lower = false;
    for c in name.chars() {
        let separates = !c.is_ascii_alphanumeric();
        if separates || (c.is_ascii_uppercase() && previous_lower) {
            parts.push(String::new());
        }
        if let (false, Some(last)) = (separates, parts.last_mut()) {
            last.push(c.to_ascii_lowercase());
        }
        previous_lower = c.is_ascii_lowercase() || c.is_ascii_digit();
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn found(path: &str, text: &str) -> Vec<String> {
        let settings = Settings {
            names: BTreeSet::from(["utils".to_owned(), "manager".to_owned()]),
            words: BTreeMap::from([("qty".to_owned(), "quantity".to_owned())]),
            ..Settings::default()
        };
        let findings = check(&Tree::of(&[(path, text)]), &settings);
        findings.into_iter().map(|finding| finding.message).collect()
    }

    #[test]
    fn a_file_folder_or_module_that_says_nothing_fails() {
        assert_eq!(found("wire/src/utils.rs", "").len(), 1);
        assert_eq!(found("wire/utils/ring.rs", "").len(), 1);
        assert_eq!(found("wire/src/session_manager.rs", "").len(), 1);
        assert_eq!(found("wire/src/ring.rs", "mod utils { }").len(), 1);
        assert!(found("wire/src/ring.rs", "mod region { }\n// no utils here").is_empty());
        assert!(found("docs/utils.md", "").is_empty());
    }

    #[test]
    fn an_item_named_with_a_banned_word_fails_and_a_use_of_one_passes() {
        for bad in ["struct QtyLeft;", "fn open_qty() {}", "const QTY_MAX: u8 = 0;"] {
            assert_eq!(found("a.rs", bad).len(), 1, "{bad}");
        }
        for good in ["fn quantity() { peer.qty(\"qty\") }", "struct Equity;", "fn (qty) {}"] {
            assert!(found("a.rs", good).is_empty(), "{good}");
        }
    }
}
