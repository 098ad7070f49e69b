//! Recorded market data through the real rings, the real matcher thread and the real log; what
//! comes out is compared with what the venue did.
//!
//! ```text
//! rows -> feeder thread -> ring -> matcher thread -> log -> reader's book -> comparison
//! ```
//!
//! - [`table`], [`dataset`]: the files. [`feed`]: rows into commands. [`check`]: the comparison.

mod check;
mod dataset;
mod feed;
mod table;

pub use check::{CHECKS, Check};
pub use dataset::{DataSet, Meta, Operation};
pub use feed::places;

use crate::failure::Failure;
use crate::host::{Host, HostConfig};
use crate::progress::Progress;
use feed::Feed;
use journal::stage::{Limit, Reader};
use matcher::engine::desk::Capacity;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use wire::command::Command;
use wire::record::{Cell, LAST_OF_GROUP};
use wire::ring::{Producer, PushError};

/// Ring of settings and deposits, and ring of orders.
const OFFICE: u16 = 0;
const GATEWAY: u16 = 1;
/// How many rows the feeder may be ahead of the comparison, so that the log does not lap it.
const AHEAD_MAX: u64 = 1 << 16;
/// Commands published at once.
const PUBLISH_EVERY: usize = 32;
const PROGRESS_EVERY: usize = 1 << 10;
/// Empty looks at the log before the reader sleeps.
const LOOKS_MAX: u32 = 2_000;
const PAUSE: Duration = Duration::from_micros(50);

/// What a replay took.
pub struct Run {
    /// From the first command sent to the last event read.
    pub time: Duration,
    /// Records in the log.
    pub records: u64,
}

/// Where a replay's log goes, and on which core its matcher runs.
#[derive(Clone, Copy, Default)]
pub struct Options<'a> {
    /// Directory of segment files; `None` keeps the log in shared memory only.
    pub log: Option<&'a Path>,
    /// Core of the matcher.
    pub core: Option<usize>,
}

/// Sends every row and compares everything that comes of it.
pub fn run(set: &DataSet, check: &mut Check<'_>, options: Options<'_>) -> Result<Run, Failure> {
    let time_ns = set.rows.first().map_or(0, |row| row.time_ns);
    let settings = feed::settings(&set.meta, time_ns)?;
    let orders = feed::orders_max(set);
    let capacity =
        Capacity { orders, members: feed::MEMBERS, accounts: 16, lists: 1, ladder_ticks: 1 << 16 };
    let mut host =
        Host::start(&HostConfig { capacity, rings: 2, log: options.log, core: options.core })?;
    let mut producers = host.producers.drain(..);
    let (Some(mut office), Some(mut gateway)) = (producers.next(), producers.next()) else {
        return Err(Failure::input("the matcher has no rings; this is a bug, please report it"));
    };
    drop(producers);
    let mut log = Log { reader: host.view.read_from_start(), host: &host, looks: 0 };
    for mut command in settings.iter().copied() {
        push(&mut office, &mut command, &AtomicBool::new(false));
    }
    log.read_groups(settings.len(), OFFICE, |cells| {
        match cells.first().map(|cell| cell.header().kind) {
            Some(wire::event::kind::REJECTED) => {
                Err(Failure::input(format!("{}: the matcher refuses this market", set.meta.name)))
            }
            _ => Ok(()),
        }
    })?;
    let (seen, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    let began = Instant::now();
    let outcome = std::thread::scope(|scope| {
        scope.spawn(|| send(set, &mut gateway, &seen, &stop));
        let outcome = follow(set, check, &mut log, &seen);
        stop.store(true, Ordering::Relaxed);
        outcome
    });
    let time = began.elapsed();
    outcome?;
    let records = log.reader.next_sequence() - 1;
    check.finish();
    host.end()?;
    Ok(Run { time, records })
}

/// The feeder: a gateway that knows the future.
fn send(set: &DataSet, gateway: &mut Producer, seen: &AtomicU64, stop: &AtomicBool) {
    let mut feed = Feed::new(set);
    for (index, row) in set.rows.iter().enumerate() {
        while index as u64 > seen.load(Ordering::Relaxed) + AHEAD_MAX {
            if stop.load(Ordering::Relaxed) {
                return;
            }
            std::thread::sleep(PAUSE);
        }
        let mut command = feed.command(row);
        while gateway.stage(&mut command) == Err(PushError::Full) {
            if stop.load(Ordering::Relaxed) {
                return;
            }
            std::thread::yield_now();
        }
        // The ring has one producer; the reader tells if a command did not come through.
        if index % PUBLISH_EVERY == 0 && gateway.publish().is_err() {
            return;
        }
    }
    let _ = gateway.publish();
}

fn push(producer: &mut Producer, command: &mut Command, stop: &AtomicBool) {
    while producer.try_push(command) == Err(PushError::Full) && !stop.load(Ordering::Relaxed) {
        std::thread::yield_now();
    }
}

/// The reader: compares until the last row's group is over.
fn follow(
    set: &DataSet,
    check: &mut Check<'_>,
    log: &mut Log<'_>,
    seen: &AtomicU64,
) -> Result<(), Failure> {
    let mut progress = Progress::new("replay", set.rows.len() as u64);
    let outcome = log.read_groups(set.rows.len(), GATEWAY, |cells| {
        check.record(cells);
        let done = check.rows_done;
        if done.is_multiple_of(PROGRESS_EVERY) {
            progress.at(done as u64);
        }
        seen.store(done as u64, Ordering::Relaxed);
        Ok(())
    });
    progress.at(check.rows_done as u64);
    progress.end();
    outcome
}

/// The log as a gateway reads it: up to the gate.
struct Log<'a> {
    reader: Reader,
    host: &'a Host,
    looks: u32,
}

impl Log<'_> {
    /// Hands over the records of `count` groups of one source; those of others are passed over.
    fn read_groups(
        &mut self,
        count: usize,
        source: u16,
        mut take: impl FnMut(&[Cell]) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let mut done = 0;
        while done < count {
            let record = self.reader.next_record(Limit::Gate);
            let record = record.map_err(|error| Failure::chain("read the log", &error))?;
            let Some(cells) = record else {
                self.pause()?;
                continue;
            };
            self.looks = 0;
            let header = cells.first().map(|cell| *cell.header()).unwrap_or_default();
            // Ticks are the matcher's own and have its number, which is the office's too.
            if header.source != source || header.kind == wire::command::kind::TICK {
                continue;
            }
            take(cells)?;
            done += usize::from(header.flags & LAST_OF_GROUP != 0);
        }
        Ok(())
    }

    fn pause(&mut self) -> Result<(), Failure> {
        self.looks += 1;
        if self.looks < LOOKS_MAX {
            std::thread::yield_now();
            return Ok(());
        }
        if let Some(trouble) = self.host.trouble() {
            return Err(Failure::input(format!("{trouble}; the replay cannot go on")));
        }
        std::thread::sleep(PAUSE);
        Ok(())
    }
}
