//! `opex journal`, over a stage in shared memory as a running matcher has it, and over bad logs.

use crate::scene::{Scene, opex};
use journal::stage::{Appender, GateMode, STAGE_BYTES_MIN, Stage, StageConfig};
use std::sync::Arc;
use wire::command::{Command, CurrencySet, Funds, MemberSet, kind};
use wire::event::{Applied, Balance, Event, EventSink};
use wire::record::Header;
use wire::region::BootId;
use wire::units::Amount;

fn stage(scene: &Scene, boot_id: BootId) -> (Arc<Stage>, Appender) {
    let config =
        StageConfig { bytes: STAGE_BYTES_MIN, gate: GateMode::Mem, ..StageConfig::new(boot_id, 7) };
    Stage::create(&scene.path("stage"), &config).expect("stage")
}

fn setting(log: &mut Appender, command: &Command, operation: u64, member: u32) {
    log.begin(command);
    let header = Applied::header_for(0);
    let command = command.header().kind;
    log.put(&Applied { header, operation, member, command, ..Applied::default() });
    log.end_group();
}

/// A currency, a member, and a deposit of 500 after which the log says `available`.
fn write_log(log: &mut Appender, available: i128) {
    let header = |kind| Header::new(kind, 1, 0);
    let set = CurrencySet {
        header: header(kind::CURRENCY_SET),
        operation: 1,
        currency: 1,
        scale: 2,
        ..CurrencySet::default()
    };
    setting(log, &Command::new(&set), 1, 0);
    let set = MemberSet {
        header: header(kind::MEMBER_SET),
        operation: 2,
        member: 9,
        ..MemberSet::default()
    };
    setting(log, &Command::new(&set), 2, 9);
    log.begin(&Command::new(&Funds {
        header: header(kind::DEPOSIT),
        operation: 3,
        member: 9,
        currency: 1,
        amount: Amount::new(500),
        ..Funds::default()
    }));
    log.put(&Balance {
        header: Balance::header_for(0),
        operation: 3,
        member: 9,
        currency: 1,
        command: kind::DEPOSIT,
        available: Amount::new(available),
        ..Balance::default()
    });
    log.end_group();
    log.publish();
}

#[test]
fn a_stage_is_dumped_and_executed_again_while_its_matcher_lives() {
    let scene = Scene::new("stage");
    let (_stage, mut log) = stage(&scene, BootId::current().expect("boot"));
    write_log(&mut log, 500);
    let path = scene.text("stage");
    let dumped = opex(&["journal", "dump", &path]);
    assert_eq!(dumped.code, Some(0), "{dumped:?}");
    let lines: Vec<&str> = dumped.out.lines().collect();
    assert_eq!(lines.len(), 6);
    assert!(lines[4].contains(r#""kind":"deposit""#), "{}", lines[4]);
    assert!(lines[5].contains(r#""available":"500""#), "{}", lines[5]);
    let verified = opex(&["journal", "verify", &path]);
    assert_eq!(verified.code, Some(0), "{verified:?}");
    assert!(verified.out.starts_with("3 commands executed again, 3 events compared: all equal\n"));
}

#[test]
fn an_event_the_engine_does_not_tell_is_found_and_shown_with_its_context() {
    let scene = Scene::new("forged");
    let (_stage, mut log) = stage(&scene, BootId::current().expect("boot"));
    write_log(&mut log, 501);
    let verified = opex(&["journal", "verify", &scene.text("stage")]);
    assert_eq!(verified.code, Some(1), "{verified:?}");
    for part in [
        r#""kind":"deposit""#,
        r#""available":"500""#,
        r#""available":"501""#,
        "first differing byte of the record: 32",
        "the last event DIFFERS",
    ] {
        assert!(verified.out.contains(part), "`{part}` is not in {}", verified.out);
    }
}

#[track_caller]
fn refused(scene: &Scene, path: &str, says: &[&str]) {
    for action in ["dump", "verify"] {
        let before = scene.files();
        let outcome = opex(&["journal", action, path]);
        assert_eq!(outcome.code, Some(2), "{outcome:?}");
        assert_eq!((outcome.out.as_str(), outcome.errors.lines().count()), ("", 1), "{outcome:?}");
        for part in says {
            assert!(outcome.errors.contains(part), "`{part}` is not in {outcome:?}");
        }
        assert_eq!(scene.files(), before, "files were touched");
    }
}

#[test]
fn what_is_no_log_is_told() {
    let scene = Scene::new("no-log");
    refused(
        &scene,
        &scene.text("absent"),
        &["absent does not exist", "directory of segment files"],
    );
    refused(&scene, &scene.text(""), &["no segment of shard 0"]);
    scene.write("file", vec![7; 1 << 16]);
    refused(&scene, &scene.text("file"), &["not a stage", "check the path"]);
    scene.write("S0-0000000001.jnl", vec![7; 1 << 16]);
    refused(&scene, &scene.text(""), &["S0-0000000001.jnl", "magic"]);
}

#[test]
fn a_stage_of_another_boot_is_told_with_what_to_read_instead() {
    let scene = Scene::new("other-boot");
    let BootId([low, high]) = BootId::current().expect("boot");
    let (_stage, mut log) = stage(&scene, BootId([low ^ 1, high]));
    write_log(&mut log, 500);
    refused(&scene, &scene.text("stage"), &["another boot", "read the segment files"]);
}
