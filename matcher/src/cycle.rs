//! The duty cycle of the matcher's thread: poll, decide, journal, publish.
//!
//! One thread owns an [`Engine`], the log's [`Appender`] and the consuming end of every ring. A
//! round
//! takes at most [`BATCH`] commands from each ring in turn, so no producer can starve another. No
//! allocation, system call, lock or clock read happens here; time is a word another thread keeps
//! ([`Clock`]), stamped into each command once.
//!
//! Back-pressure: a command is taken only when the log has room for the most it can cause. Without
//! room the commands stay in their rings, whose producers see them fill.

#![expect(clippy::disallowed_types, reason = "clock and counters are shared with cold threads")]

use crate::engine::Engine;
use journal::stage::Appender;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use wire::command::{Command, Tick, kind};
use wire::event;
use wire::limits::GROUP_BYTES_MAX;
use wire::record::Header;
use wire::ring::{Consumer, Fault, WaitStrategy, Waiter};

/// Commands taken from one ring in one round.
pub const BATCH: usize = 64;
/// Commands after which the log is published inside a batch.
const PUBLISH_EVERY: usize = 32;
/// How many commands ahead the first and the second look-ahead hint are.
pub const HINT_FAR: usize = 12;
/// See [`HINT_FAR`].
pub const HINT_NEAR: usize = 6;
/// Rounds between two heartbeats.
const BEAT_EVERY: u64 = 4096;

/// Nanoseconds since 1970, kept by one thread for all.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct Clock(AtomicU64);

impl Clock {
    /// The time last set.
    #[must_use]
    #[inline]
    pub fn now(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Sets the time.
    pub fn set(&self, now_ns: u64) {
        self.0.store(now_ns, Ordering::Relaxed);
    }
}

/// Where a command's engine time comes from.
#[derive(Clone, Debug)]
pub enum Time {
    /// The shared clock: for trading.
    Clock(Arc<Clock>),
    /// What the producer wrote: for replays of recorded flow by one trusted producer.
    Producer,
}

/// What the thread did, for other threads to read.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct Counters {
    /// Commands taken from rings.
    pub commands: AtomicU64,
    /// Ticks the thread wrote.
    pub ticks: AtomicU64,
    /// Rounds without work.
    pub idle_rounds: AtomicU64,
    /// Rounds in which the log had no room.
    pub stalled_rounds: AtomicU64,
    /// Messages that were no sound command of their ring.
    pub faults: AtomicU64,
}

/// The thread's state. Built cold, run hot.
pub struct Matcher {
    engine: Engine,
    appender: Appender,
    rings: Vec<Consumer>,
    /// Commands copied out of a ring and not yet applied: those from `taken` to `filled`.
    batch: Box<[Command; BATCH]>,
    taken: usize,
    filled: usize,
    /// Ring the batch came from; the next round begins behind it.
    ring: usize,
    /// Bytes the log must have free before a command is taken.
    group_bytes: usize,
    time: Time,
    now: u64,
    waiter: Waiter,
    counters: Arc<Counters>,
    rounds: u64,
}

impl Matcher {
    /// A matcher for `rings`, whose commands and events go to `appender`.
    #[must_use]
    pub fn new(
        engine: Engine,
        appender: Appender,
        rings: Vec<Consumer>,
        time: Time,
        wait: WaitStrategy,
    ) -> Self {
        let now = engine.now();
        let group_bytes = engine.group_bytes_max();
        Self {
            engine,
            appender,
            rings,
            batch: Box::new([Command::ZERO; BATCH]),
            taken: 0,
            filled: 0,
            ring: 0,
            group_bytes,
            time,
            now,
            waiter: Waiter::new(wait),
            counters: Arc::default(),
            rounds: 0,
        }
    }

    /// What the thread counts.
    #[must_use]
    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }

    /// The engine, for looks between rounds.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Runs rounds until `stop` is set or the log halts, then gives itself back.
    #[must_use]
    pub fn run(mut self, stop: &AtomicBool) -> Self {
        while !stop.load(Ordering::Relaxed) && !self.appender.is_halted() {
            if self.step() == 0 {
                bump(&self.counters.idle_rounds, 1);
                self.waiter.idle(self.rings.iter());
            } else {
                self.waiter.reset();
            }
        }
        self
    }

    /// One round over all rings. Returns how many commands and ticks it applied.
    #[inline]
    pub fn step(&mut self) -> usize {
        self.rounds = self.rounds.wrapping_add(1);
        if self.rounds.is_multiple_of(BEAT_EVERY) {
            self.appender.beat();
        }
        let mut done = self.tick_if_due();
        if self.taken < self.filled {
            done += self.apply_batch();
        }
        for _ in 0..self.rings.len() {
            if self.taken < self.filled {
                return done;
            }
            self.ring = if self.ring + 1 < self.rings.len() { self.ring + 1 } else { 0 };
            done += self.poll();
        }
        done
    }

    /// Fills the batch from the ring at hand and applies it.
    #[inline]
    fn poll(&mut self) -> usize {
        let Some(ring) = self.rings.get_mut(self.ring) else { return 0 };
        let filled = ring.fill(&mut self.batch[..]);
        self.taken = 0;
        self.filled = filled.count;
        if let Some(fault) = filled.fault {
            self.mark_fault(fault);
        }
        if self.filled == 0 { 0 } else { self.apply_batch() }
    }

    /// A message that is no sound command of its ring becomes one the engine rejects.
    #[cold]
    fn mark_fault(&mut self, fault: Fault) {
        bump(&self.counters.faults, 1);
        let Some(last) = self.filled.checked_sub(1) else { return };
        let header = self.batch[last].header_mut();
        header.kind = match fault {
            Fault::Sequence { .. } => kind::OUT_OF_SEQUENCE,
            _ => kind::INVALID,
        };
        header.cells = 1;
    }

    /// Applies what is left of the batch while the log has room; then the producer gets its cells
    /// back.
    #[inline]
    fn apply_batch(&mut self) -> usize {
        let first = self.taken;
        self.hint_first();
        while self.taken < self.filled {
            if !self.has_room() {
                bump(&self.counters.stalled_rounds, 1);
                break;
            }
            self.hint();
            let place = self.taken;
            self.taken += 1;
            self.apply(place);
            if self.taken.is_multiple_of(PUBLISH_EVERY) {
                self.appender.publish();
            }
        }
        self.appender.publish();
        if self.taken == self.filled
            && let Some(ring) = self.rings.get_mut(self.ring)
        {
            ring.release();
        }
        let done = self.taken - first;
        bump(&self.counters.commands, done as u64);
        done
    }

    /// Prefetches what the first commands name, which no command before them can do.
    #[inline]
    fn hint_first(&self) {
        for (steps, far) in [(HINT_FAR, true), (HINT_NEAR, false)] {
            let end = self.filled.min(self.taken + steps);
            for command in self.batch.get(self.taken..end).unwrap_or(&[]) {
                self.engine.hint(command, far);
            }
        }
    }

    /// Prefetches what later commands of the batch name.
    #[inline]
    fn hint(&self) {
        if let Some(command) = self.batch.get(self.taken + HINT_FAR) {
            self.engine.hint(command, true);
        }
        if let Some(command) = self.batch.get(self.taken + HINT_NEAR) {
            self.engine.hint(command, false);
        }
    }

    #[inline]
    fn has_room(&mut self) -> bool {
        self.appender.room_cached() >= self.group_bytes || self.appender.room() >= self.group_bytes
    }

    /// Stamps, journals and applies one command of the batch.
    #[inline]
    fn apply(&mut self, place: usize) {
        let time = match &self.time {
            Time::Clock(clock) => clock.now(),
            Time::Producer => self.batch[place].time_ns(),
        };
        self.now = self.now.max(time);
        if self.engine.tick_due(self.now) {
            self.tick();
        }
        let command = &mut self.batch[place];
        command.set_time_ns(self.now);
        let header = command.header_mut();
        // Events of this kind in the log are the matcher's alone, and so are ticks.
        if header.kind >= event::kind::FIRST || header.kind == kind::TICK {
            header.kind = kind::INVALID;
        }
        if header.cells == 0 || usize::from(header.cells) > wire::limits::CELLS_MAX {
            header.cells = 1;
        }
        let sets_market = header.kind == kind::MARKET_SET;
        self.appender.begin(command);
        self.engine.apply(command, &mut self.appender);
        self.appender.end_group();
        if sets_market {
            self.group_bytes = self.engine.group_bytes_max().min(GROUP_BYTES_MAX);
        }
    }

    #[inline]
    fn tick_if_due(&mut self) -> usize {
        if let Time::Clock(clock) = &self.time {
            self.now = self.now.max(clock.now());
        }
        if !self.engine.tick_due(self.now) || !self.has_room() {
            return 0;
        }
        self.tick();
        self.appender.publish();
        1
    }

    /// Writes and applies a tick.
    #[cold]
    fn tick(&mut self) {
        let tick =
            Tick { header: Header::new(kind::TICK, 1, 0), time_ns: self.now, reserved: [0; 5] };
        let command = Command::new(&tick);
        self.appender.begin(&command);
        self.engine.apply(&command, &mut self.appender);
        self.appender.end_group();
        bump(&self.counters.ticks, 1);
    }
}

/// Adds to a counter only this thread writes.
#[inline]
fn bump(counter: &AtomicU64, by: u64) {
    counter.store(counter.load(Ordering::Relaxed).wrapping_add(by), Ordering::Relaxed);
}
