//! `opex replay`.

use crate::scene::{BITSTAMP, Scene, opex, repository};
use serde_json::Value;
use std::path::PathBuf;

fn set() -> String {
    repository("tests/data").join(BITSTAMP).to_str().expect("utf-8").to_owned()
}

fn assert_all_equal(line: &Value) {
    assert_eq!(line["ok"], true, "{line}");
    for (file, count) in line["mismatches"].as_object().expect("by file") {
        assert_eq!(count, 0, "{file} in {line}");
    }
}

#[test]
fn half_an_hour_of_bitstamp_comes_out_as_the_venue_traded_it() {
    let outcome = opex(&["replay", &set()]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let line = outcome.json();
    assert_all_equal(&line);
    assert_eq!((&line["commands"], &line["executions"]), (&205_993.into(), &284.into()));
    let compared = &line["compared"];
    assert_eq!((&compared["exec"], &compared["reject"]), (&284.into(), &100_518.into()));
    assert_eq!((&compared["bbo"], &compared["depth"]), (&2_089.into(), &99.into()));
    assert_eq!((&compared["cancel"], &compared["final_book"]), (&49_106.into(), &1.into()));
    assert!(line["commands_per_s"].as_u64().is_some_and(|rate| rate > 0), "{line}");
    assert!(outcome.out.contains("book at the end: 6,516 orders"), "{}", outcome.out);
    assert!(outcome.errors.ends_with("replay 100 %\n"), "{}", outcome.errors);
}

#[test]
fn a_nasdaq_day_comes_out_as_it_was_traded() {
    let named = std::env::var_os("OPEX_SHARED_DATA").map(PathBuf::from);
    let folder = named.unwrap_or_else(|| repository("../shared/data"));
    let set = folder.join("lobster-goog-20120621");
    if !set.with_extension("meta.json").exists() {
        eprintln!(
            "skipped: lobster-goog-20120621 may not be shipped; set OPEX_SHARED_DATA to run it"
        );
        return;
    }
    let outcome = opex(&["replay", set.to_str().expect("utf-8"), "--json"]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let line = outcome.json();
    assert_all_equal(&line);
    assert_eq!((&line["commands"], &line["executions"]), (&151_819.into(), &7_682.into()));
}

/// Changes the number in one column of one line by one.
fn add_one(line: &str, column: usize) -> String {
    let mut fields: Vec<String> = line.split(',').map(str::to_owned).collect();
    let number: u64 = fields[column].parse().expect("a number");
    fields[column] = (number + 1).to_string();
    fields.join(",")
}

#[test]
fn one_changed_execution_is_found_and_named() {
    let scene = Scene::with_set("wrong-execution");
    scene.change_line("exec", 100, |line| add_one(line, 7));
    let outcome = opex(&["replay", &scene.set()]);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    let mismatches = &outcome.json()["mismatches"];
    assert_eq!((&mismatches["exec"], &mismatches["sha256"]), (&1.into(), &1.into()));
    assert!(outcome.errors.contains("exec: expected"), "{}", outcome.errors);
}

#[test]
fn every_column_of_every_expectation_is_compared() {
    for (file, line, column) in [
        ("exec", 285, 1),
        ("exec", 2, 3),
        ("exec", 2, 5),
        ("exec", 2, 6),
        ("reject", 2, 0),
        ("reject", 2, 1),
        ("bbo", 7, 1),
        ("bbo", 7, 2),
        ("bbo", 7, 3),
        ("bbo", 7, 4),
    ] {
        let scene = Scene::with_set(&format!("wrong-{file}-{column}"));
        scene.change_line(file, line, |line| add_one(line, column));
        let outcome = opex(&["replay", &scene.set(), "--json"]);
        assert_eq!(outcome.code, Some(1), "{file} column {column}: {outcome:?}");
        assert_ne!(outcome.json()["mismatches"][file], 0, "{file} column {column}");
    }
}

#[test]
fn a_wrong_depth_cancel_and_final_book_are_found() {
    let scene = Scene::with_set("wrong-rest");
    scene.change_line("depth", 3, |line| line.replacen(':', ":1", 1));
    scene.change_meta(|text| text.replace("\"resting_orders\": 6516", "\"resting_orders\": 6517"));
    let is_cancel = |line: &str| line.contains(",cancel,");
    let cancelled = (6_600..).find(|number| {
        let mut found = false;
        scene.change_line("events", *number, |line| {
            found = is_cancel(line);
            if found { add_one(line, 6) } else { line.to_owned() }
        });
        found
    });
    assert!(cancelled.is_some());
    let outcome = opex(&["replay", &scene.set(), "--json"]);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    let mismatches = &outcome.json()["mismatches"];
    for file in ["depth", "cancel", "final_book"] {
        assert_eq!(mismatches[file], 1, "{file} in {mismatches}");
    }
}

#[test]
fn a_log_on_disk_is_whole_and_executes_again_to_the_same_bytes() {
    let scene = Scene::new("log");
    let log = scene.text("log");
    let outcome = opex(&["replay", &set(), "--log", &log, "--json"]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let line = outcome.json();
    assert_all_equal(&line);
    let verified = opex(&["journal", "verify", &log, "--json"]);
    assert_eq!(verified.code, Some(0), "{verified:?}");
    let verdict = verified.json();
    assert_eq!(verdict["equal"], true);
    let number = |value: &Value| value.as_u64().expect("number");
    assert_eq!(number(&verdict["commands"]) + number(&verdict["events"]), number(&line["records"]));
    let dumped = opex(&["journal", "dump", &log]);
    assert_eq!(dumped.out.lines().count() as u64, number(&line["records"]));
    let trades = dumped.out.lines().filter(|line| line.contains("\"kind\":\"trade\"")).count();
    assert_eq!(trades, 284);
}
