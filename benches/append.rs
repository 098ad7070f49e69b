//! The log's appender: a command with one event, published one by one or 32 at a time, while a
//! writer that discards reads behind it. Waiting for the writer is not timed.

use criterion::{Criterion, Throughput};
use journal::stage::{Appender, GateMode, Stage, StageConfig};
use journal::writer::{Discard, JournalWriter, WriterConfig};
use std::hint::spin_loop;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use wire::command::{Command, NewOrder, kind};
use wire::event::{Accepted, Event, EventSink};
use wire::record::Header;
use wire::region::BootId;

/// Groups timed at a stretch.
const STRETCH: u64 = 4_096;
/// Cells a group takes, and some more.
const ROOM: usize = STRETCH as usize * 4 * 64;

fn log() -> (Appender, JournalWriter) {
    let boot_id = BootId([1, 1]);
    let name = format!("opex-append-{}", std::process::id());
    let path = std::env::temp_dir().join(name);
    let config =
        StageConfig { bytes: 16 << 20, gate: GateMode::Mem, ..StageConfig::new(boot_id, 1) };
    let (stage, appender) = Stage::create(&path, &config).expect("a stage in the temporary folder");
    std::fs::remove_file(&path).expect("the stage's file");
    let config = WriterConfig::new(PathBuf::new(), boot_id);
    let writer = JournalWriter::spawn(stage, config, Box::new(Discard::new()));
    (appender, writer.expect("a writer that discards"))
}

/// Appends `count` groups and publishes after each `together`.
fn append(appender: &mut Appender, count: u64, together: u64) -> Duration {
    let header = Header::new(kind::NEW_ORDER, 1, 1);
    let command = Command::new(&NewOrder { header, ..NewOrder::default() });
    let accepted = Accepted { header: Accepted::header_for(1), ..Accepted::default() };
    let (mut left, mut time) = (count, Duration::ZERO);
    while left > 0 {
        while appender.room() < ROOM {
            spin_loop();
        }
        let stretch = left.min(STRETCH);
        left -= stretch;
        let start = Instant::now();
        for number in 1..=stretch {
            appender.begin(&command);
            appender.put(&accepted);
            appender.end_group();
            if number % together == 0 {
                appender.publish();
            }
        }
        appender.publish();
        time += start.elapsed();
    }
    time
}

fn groups(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("append/command and one event");
    group.throughput(Throughput::Elements(1));
    for (name, together) in [("publish each", 1), ("publish 32 at a time", 32)] {
        group.bench_function(name, |bencher| {
            let (mut appender, writer) = log();
            bencher.iter_custom(|count| append(&mut appender, count, together));
            drop(appender);
            writer.stop().expect("a writer that discards");
        });
    }
    group.finish();
}

/// Some seconds each, so that all of them fit into two minutes.
fn short() -> Criterion {
    Criterion::default()
        .sample_size(30)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
}

fn main() {
    let mut criterion = short().configure_from_args();
    groups(&mut criterion);
    criterion.final_summary();
}
