//! Bad input: one line that says what to do, exit code 2, and nothing touched.

use crate::scene::{BITSTAMP, Scene, opex};
use std::fs;

/// Runs `opex` and checks the manners of its refusal; `says` has to be in its one line.
#[track_caller]
fn refused(scene: &Scene, arguments: &[&str], says: &[&str]) {
    let before = scene.files();
    let outcome = opex(arguments);
    assert_eq!(outcome.code, Some(2), "{outcome:?}");
    assert_eq!(outcome.out, "", "{outcome:?}");
    assert_eq!(outcome.errors.lines().count(), 1, "{outcome:?}");
    assert!(outcome.errors.starts_with("opex: "), "{outcome:?}");
    for part in says {
        assert!(outcome.errors.contains(part), "`{part}` is not in {outcome:?}");
    }
    assert_eq!(scene.files(), before, "files were touched");
}

#[test]
fn a_wrong_command_or_option_is_told() {
    let scene = Scene::new("arguments");
    refused(&scene, &["dance"], &["no command `dance`", "opex help"]);
    refused(&scene, &["replay"], &["give one data set", "opex help"]);
    refused(&scene, &["replay", "a", "--fast"], &["--fast", "opex help"]);
    refused(&scene, &["journal", "burn", "x"], &["no action `burn`", "dump or verify"]);
    refused(&scene, &["journal", "verify", "x", "--orders", "many"], &["--orders many"]);
}

#[test]
fn a_missing_set_is_told_with_how_to_name_one() {
    let scene = Scene::new("missing-set");
    refused(&scene, &["replay", &scene.set()], &["meta.json does not exist", "without an ending"]);
}

#[test]
fn a_missing_file_of_a_set_is_named() {
    for file in ["events", "exec", "depth"] {
        let scene = Scene::with_set(&format!("missing-{file}"));
        fs::remove_file(scene.path(&format!("{BITSTAMP}.{file}.csv.gz"))).expect("remove");
        let name = format!("{file}.csv.gz does not exist");
        refused(&scene, &["replay", &scene.set()], &[&name, "copy it"]);
    }
}

#[test]
fn a_meta_file_of_something_else_is_told() {
    let scene = Scene::with_set("meta-text");
    scene.change_meta(|_| "hello".to_owned());
    refused(&scene, &["replay", &scene.set()], &["meta.json is no description of a data set"]);
}

#[test]
fn another_version_of_the_format_is_told_with_both_versions() {
    let scene = Scene::with_set("meta-version");
    scene.change_meta(|text| text.replace("l3-replay-1", "l3-replay-2"));
    refused(&scene, &["replay", &scene.set()], &["\"l3-replay-2\"", "\"l3-replay-1\"", "convert"]);
}

#[test]
fn a_truncated_gzip_file_is_told() {
    let scene = Scene::with_set("gzip-truncated");
    let path = scene.path(&format!("{BITSTAMP}.events.csv.gz"));
    let bytes = fs::read(&path).expect("read");
    fs::write(&path, &bytes[..bytes.len() / 2]).expect("write");
    refused(&scene, &["replay", &scene.set()], &["events.csv.gz is cut short", "copy it again"]);
}

#[test]
fn a_file_that_is_no_gzip_is_told() {
    let scene = Scene::with_set("gzip-none");
    scene.write(&format!("{BITSTAMP}.bbo.csv.gz"), "event_seq\n1\n");
    refused(&scene, &["replay", &scene.set()], &["bbo.csv.gz is no sound gzip file", "copy it"]);
}

#[test]
fn a_bad_number_is_told_with_its_line() {
    let scene = Scene::with_set("bad-number");
    scene.change_line("events", 4_711, |line| {
        line.replacen(",b,", ",b,x", 1).replacen(",s,", ",s,x", 1)
    });
    refused(&scene, &["replay", &scene.set()], &["events.csv.gz line 4711", "no number for price"]);
}

#[test]
fn a_row_with_a_wrong_count_of_columns_is_told_with_its_line() {
    let scene = Scene::with_set("bad-columns");
    scene.change_line("exec", 9, |line| format!("{line},1"));
    refused(&scene, &["replay", &scene.set()], &["exec.csv.gz line 9", "too many columns"]);
    scene.change_line("exec", 9, |_| "1,6728".to_owned());
    refused(&scene, &["replay", &scene.set()], &["exec.csv.gz line 9", "no column"]);
}

#[test]
fn a_gap_in_the_rows_is_told_with_its_line() {
    let scene = Scene::with_set("gap");
    scene.change_line("events", 100, |line| line.replacen("99,", "100,", 1));
    refused(&scene, &["replay", &scene.set()], &["line 100", "seq 100 where 99 is due"]);
}

#[test]
fn other_columns_are_told() {
    let scene = Scene::with_set("header");
    scene.change_line("depth", 1, |line| line.replace("asks", "offers"));
    refused(
        &scene,
        &["replay", &scene.set()],
        &["depth.csv.gz line 1", "event_seq,source,bids,asks"],
    );
}

#[test]
fn a_log_is_not_written_over_other_files() {
    let scene = Scene::with_set("log-exists");
    fs::create_dir(scene.path("log")).expect("create");
    scene.write("log/S0-0000000001.jnl", "precious");
    let log = scene.text("log");
    refused(&scene, &["replay", &scene.set(), "--log", &log], &["not empty", "new directory"]);
}

#[test]
fn a_file_that_holds_no_vectors_is_told() {
    let scene = Scene::new("vectors");
    let file = scene.text("file.json");
    refused(&scene, &["vectors", &file], &["file.json does not exist", "tests/vectors/opex.json"]);
    scene.write("file.json", "[1, 2");
    refused(&scene, &["vectors", &file], &["file.json is no file of vectors"]);
    let text =
        r#"{"_schema": {"format": "opex-conformance-vectors/9"}, "markets": {}, "vectors": []}"#;
    scene.write("file.json", text);
    refused(&scene, &["vectors", &file], &["vectors/9", "vectors/1", "use a file of that format"]);
    scene.write("file.json", text.replace("/9", "/1"));
    refused(&scene, &["vectors", &file, "--kind", "dance"], &["no vector of kind dance"]);
}
