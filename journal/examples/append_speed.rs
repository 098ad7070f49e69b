//! How long an append takes, how long until it is durable, and how fast segments are read.
//!
//! `cargo run --release -p journal --example append_speed [directory for segments] [seconds]`

#![expect(clippy::float_arithmetic, reason = "a report in nanoseconds and milliseconds")]

use journal::direct::PwriteDirect;
use journal::gate::{Gate, GateMode};
use journal::mapped::FileMapped;
use journal::segment::SegmentReader;
use journal::stage::{Stage, StageConfig};
use journal::uring::UringDirect;
use journal::writer::{Discard, JournalWriter, SegmentSink, WriterConfig};
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use wire::command::{Command, NewOrder, kind};
use wire::event::{Accepted, Event, EventSink};
use wire::record::Header;
use wire::region::BootId;

type Failure = Box<dyn std::error::Error>;

/// One command of a cell and one event of a cell.
const GROUP_BYTES: usize = 128;
const STAGE: &str = "/dev/shm/append-speed-stage";
const PAIRS: u64 = 20_000_000;
const PER_SECOND: u64 = 200_000;

fn command() -> Command {
    let header = Header::new(kind::NEW_ORDER, 1, 3);
    Command::new(&NewOrder { header, time_ns: 1, member: 7, price_ticks: 9, ..Default::default() })
}

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let dir = arguments.next().map_or_else(|| PathBuf::from("target/append-speed"), PathBuf::from);
    let seconds = arguments.next().map_or(Ok(5), |text| text.parse())?;
    for batch in [1, 12] {
        let mut runs = (0..5).map(|_| append(&dir, batch)).collect::<Result<Vec<_>, _>>()?;
        runs.sort_by(f64::total_cmp);
        println!(
            "append of a command and an event, published every {batch}: median {:.1} ns a pair \
             (of 5: {runs:.1?})",
            runs[2]
        );
    }
    durable("io_uring, O_DIRECT, RWF_DSYNC", &dir, Box::new(UringDirect::new()?), seconds)?;
    durable("pwrite, O_DIRECT, O_DSYNC", &dir, Box::new(PwriteDirect::new()), seconds)?;
    scan(&dir)?;
    durable("mmap, fdatasync", &dir, Box::new(FileMapped::new()), seconds)?;
    std::fs::remove_dir_all(&dir)?;
    std::fs::remove_file(STAGE)?;
    Ok(())
}

/// Nanoseconds a pair, while a thread on another core takes and drops the records.
fn append(dir: &Path, batch: u64) -> Result<f64, Failure> {
    let boot_id = BootId::current()?;
    let config = StageConfig { gate: GateMode::Mem, ..StageConfig::new(boot_id, 1) };
    let (stage, mut appender) = Stage::create(Path::new(STAGE), &config)?;
    let writer = WriterConfig::new(dir.to_path_buf(), boot_id);
    let writer = JournalWriter::spawn(stage, writer, Box::new(Discard::new()))?;
    let mut command = command();
    let mut event = Accepted { header: Accepted::header_for(3), ..Default::default() };
    let mut spent = Duration::ZERO;
    let mut done = 0;
    while done < PAIRS {
        // Time spent waiting for the reader is not the append's.
        while appender.room() < 16 << 20 {
            std::hint::spin_loop();
        }
        let started = Instant::now();
        for _ in 0..100_000 / batch {
            for _ in 0..batch {
                done += 1;
                command.set_time_ns(done);
                event.order_id = done;
                appender.begin(black_box(&command));
                appender.put(black_box(&event));
                appender.end_group();
            }
            appender.publish();
        }
        spent += started.elapsed();
    }
    writer.stop()?;
    Ok(spent.as_nanos() as f64 / done as f64)
}

/// From append to open gate, at a steady rate of records, measured from when each was due.
fn durable(
    name: &str,
    dir: &Path,
    sink: Box<dyn SegmentSink>,
    seconds: u64,
) -> Result<(), Failure> {
    let _ = std::fs::remove_dir_all(dir);
    std::fs::create_dir_all(dir)?;
    let boot_id = BootId::current()?;
    let (stage, mut appender) = Stage::create(Path::new(STAGE), &StageConfig::new(boot_id, 1))?;
    let writer = WriterConfig::new(dir.to_path_buf(), boot_id);
    let writer = JournalWriter::spawn(Arc::clone(&stage), writer, sink)?;
    let gate = Gate::new(stage);
    let (command, event) = (command(), Accepted::default());
    let period = Duration::from_nanos(2 * 1_000_000_000 / PER_SECOND);
    let groups = seconds * PER_SECOND / 2;
    let mut latencies = Vec::with_capacity(usize::try_from(groups)?);
    let mut appends = Vec::with_capacity(usize::try_from(groups)?);
    let started = Instant::now();
    let mut sent = 0;
    while (latencies.len() as u64) < groups {
        let now = started.elapsed();
        if sent < groups && now >= period * u32::try_from(sent)? && appender.room() > GROUP_BYTES {
            appender.begin(&command);
            appender.put(&event);
            appender.end_group();
            appender.publish();
            appends.push((started.elapsed() - now).as_nanos());
            sent += 1;
        }
        let open = gate.open_to() / 2;
        let now = started.elapsed();
        while (latencies.len() as u64) < open {
            let due = period * u32::try_from(latencies.len())?;
            latencies.push(now.saturating_sub(due).as_nanos());
        }
    }
    let report = writer.stop()?;
    latencies.sort_unstable();
    appends.sort_unstable();
    let at = |sorted: &[u128], part: f64| {
        sorted[((sorted.len() as f64 * part) as usize).min(sorted.len() - 1)]
    };
    println!(
        "durable at {PER_SECOND} records/s, {name}: p50 {} us  p99 {} us  p99.9 {} us  max {} us; \
         append p50 {} ns  p99.9 {} ns; {} records in {} batches",
        at(&latencies, 0.5) / 1000,
        at(&latencies, 0.99) / 1000,
        at(&latencies, 0.999) / 1000,
        at(&latencies, 1.0) / 1000,
        at(&appends, 0.5),
        at(&appends, 0.999),
        report.records,
        report.batches
    );
    Ok(())
}

/// Records a second, verified, over what the last run wrote; and over dense batches.
fn scan(dir: &Path) -> Result<(), Failure> {
    report_scan("small batches", dir)?;
    let _ = std::fs::remove_dir_all(dir);
    std::fs::create_dir_all(dir)?;
    let boot_id = BootId::current()?;
    let (stage, mut appender) = Stage::create(Path::new(STAGE), &StageConfig::new(boot_id, 1))?;
    let writer = WriterConfig::new(dir.to_path_buf(), boot_id);
    let writer = JournalWriter::spawn(stage, writer, Box::new(UringDirect::new()?))?;
    let started = Instant::now();
    for _ in 0..5_000_000 {
        while appender.room_cached() < 4096 && appender.room() < 4096 {
            std::thread::yield_now();
        }
        appender.begin(&command());
        appender.put(&Accepted::default());
        appender.end_group();
        appender.publish();
    }
    let report = writer.stop()?;
    println!(
        "flat out: {:.2} M records/s durable, {} batches, {} segments",
        report.records as f64 / started.elapsed().as_secs_f64() / 1e6,
        report.batches,
        report.segments
    );
    report_scan("full batches", dir)
}

fn report_scan(name: &str, dir: &Path) -> Result<(), Failure> {
    let mut best = f64::INFINITY;
    let mut count = 0;
    for _ in 0..3 {
        let started = Instant::now();
        let mut sum = 0;
        let mut reader = SegmentReader::open(dir, 0)?;
        count = reader.for_each(|record| sum ^= record[0].0[2])?;
        black_box(sum);
        best = best.min(started.elapsed().as_secs_f64());
    }
    println!(
        "verified scan, {name}, cached: {count} records, {:.1} M records/s (best of 3)",
        count as f64 / best / 1e6
    );
    Ok(())
}
