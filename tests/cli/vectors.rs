//! `opex vectors`.

use crate::scene::{Scene, opex, repository};
use serde_json::Value;

const KINDS: [&str; 6] =
    ["matching", "exchange", "settlement_check", "market_estimate", "avg_price", "account_op"];

fn file() -> String {
    repository("tests/vectors/opex.json").to_str().expect("utf-8").to_owned()
}

#[test]
fn every_vector_of_the_core_passes() {
    let outcome = opex(&["vectors", &file()]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert_eq!(outcome.out.lines().last(), Some("68 passed, 0 failed, 111 skipped"));
}

#[test]
fn one_kind_is_run_alone_and_a_vector_is_one_json_line() {
    let outcome = opex(&["vectors", &file(), "--kind", "avg_price", "--json"]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert_eq!(outcome.errors, "4 passed, 0 failed, 0 skipped\n");
    for line in outcome.out.lines() {
        let line: Value = serde_json::from_str(line).expect("json");
        assert_eq!((&line["kind"], &line["result"]), (&"avg_price".into(), &"passed".into()));
    }
}

#[test]
fn only_kinds_of_later_issues_are_skipped() {
    let outcome = opex(&["vectors", &file(), "--json"]);
    for line in outcome.out.lines() {
        let line: Value = serde_json::from_str(line).expect("json");
        let is_ours = KINDS.contains(&line["kind"].as_str().expect("kind"));
        assert_eq!(line["result"] == "skipped", !is_ours, "{line}");
        assert_eq!(line["reason"] == "belongs to a later issue", !is_ours, "{line}");
    }
}

/// Every number and word a vector expects is looked at: with any one of them changed it fails.
#[test]
fn a_vector_with_any_one_expectation_changed_fails() {
    let text = std::fs::read_to_string(file()).expect("vectors");
    let whole: Value = serde_json::from_str(&text).expect("json");
    let mut changed = Vec::new();
    for vector in whole["vectors"].as_array().expect("vectors") {
        if !KINDS.contains(&vector["kind"].as_str().expect("kind")) {
            continue;
        }
        for place in 0.. {
            let mut copy = vector.clone();
            if !change_leaf(&mut copy["expect"], &mut { place }) {
                break;
            }
            copy["id"] = format!("{} leaf {place}", vector["id"].as_str().expect("id")).into();
            changed.push(copy);
        }
    }
    let count = changed.len();
    assert!(count > 1_000, "{count} leaves");
    let mut file = whole;
    file["vectors"] = changed.into();
    let scene = Scene::new("changed-vectors");
    scene.write("changed.json", file.to_string());
    let outcome = opex(&["vectors", &scene.text("changed.json"), "--json"]);
    assert_eq!(outcome.code, Some(1));
    let passed = outcome.out.lines().filter(|line| !line.contains("\"result\":\"failed\""));
    assert_eq!(passed.collect::<Vec<_>>(), Vec::<&str>::new());
}

/// Changes the leaf number `place`, counted down on the way; false if there are fewer.
fn change_leaf(value: &mut Value, place: &mut usize) -> bool {
    match value {
        Value::Array(values) => values.iter_mut().any(|value| change_leaf(value, place)),
        Value::Object(values) => values.values_mut().any(|value| change_leaf(value, place)),
        _ if *place > 0 => {
            *place -= 1;
            false
        }
        leaf => {
            *leaf = match &*leaf {
                Value::Bool(is) => Value::Bool(!is),
                Value::Number(number) => Value::from(number.as_u64().expect("natural") + 1),
                Value::String(text) if text.parse::<f64>().is_ok() => format!("1{text}").into(),
                Value::String(text) => format!("{text}x").into(),
                other => panic!("{other} is expected nowhere"),
            };
            true
        }
    }
}
