//! Commands from one producer process to the matcher: a single-producer single-consumer ring.
//!
//! Every gateway and bridge process has a ring of its own, so one that dies, stops or writes
//! nonsense harms itself only. The ring is made of 64-byte cells, a power of two of them; a message
//! is 1 to 4 cells and may pass the end. Indices count cells, only grow, and are masked on access.
//!
//! ```text
//! line  0  identity  magic version boot[2] epoch capacity source wakes   creator, then constant
//!       2  attach    lease pid start                                     producer, on attach
//!       4  producer  published heartbeat mark[2] mark[2]                 producer
//!       6  consumer  consumed pid                                        consumer
//!       8  park      parked bell                                         consumer; producer rings
//!      16  cells
//! ```
//!
//! What stays true:
//! - A message is published whole: `published` moves with Release after all its cells, and the
//!   consumer loads it with Acquire before it reads one. `consumed` goes back the same way.
//! - A command is copied out of shared memory once and judged afterwards. A wrong length, a message
//!   cut short, a gap in the sequence or an index out of range is a [`Fault`]: counted, told, and
//!   passed by skipping one cell. The consumer never panics and never reads past what can be there.
//! - The sequence in a header counts the ring's messages from 1. A producer that takes over goes on
//!   counting: with each publication it notes index and count in one of two marks, and the mark
//!   that fits `published` is the last one that came true.
//! - A consumer that is told to spin makes no system call; one that may park makes none while there
//!   is work, and the producer makes one only when it finds `parked` set.
//!
//! Taking over: a producer holds an exclusive lock on the ring's file for its life, which the
//! kernel drops with the process, so a second one is refused while the first lives (a stopped
//! process lives). Attaching moves the lease, and a producer whose lease is over is told `Stale`
//! when it publishes. That check and the store after it are two steps: a producer that sleeps
//! between them while another takes over (which the lock forbids, and the heap form has no lock)
//! can still move `published` once. The consumer then sees a wrong index or a gap, and says so.
//! Nobody can keep a process that maps the ring from writing into it, or from truncating its file:
//! rings are files with permissions, one for each producer.
//!
//! The two cached indices are from the `FastForward` and `rigtorp::SPSCQueue` family.

use crate::LAYOUT_VERSION;
use crate::command::Command;
use crate::limits::CELLS_MAX;
use crate::record::Cell;
use crate::region::{BootId, Line, Ordering, Region, RegionError, Window, fence};
use core::time::Duration;
use std::io;

const MAGIC: u64 = u64::from_le_bytes(*b"opexring");
/// Version of the control lines, above the version of the messages.
const VERSION: u64 = 1 << 16 | LAYOUT_VERSION as u64;

/// Lines before the cells.
pub const CONTROL_LINES: usize = 16;
/// Smallest ring: two of the longest messages.
pub const CAPACITY_MIN: usize = 2 * CELLS_MAX;
/// Largest ring, in cells: 1 GiB.
pub const CAPACITY_MAX: usize = 1 << 24;

/// First lines of the parts that one side writes, 128 bytes apart, for the prefetcher that fetches
/// lines in pairs.
mod part {
    pub const IDENTITY: u64 = 0;
    pub const ATTACH: u64 = 2;
    pub const PRODUCER: u64 = 4;
    pub const CONSUMER: u64 = 6;
    pub const PARK: u64 = 8;
}

/// Words inside the parts.
mod word {
    pub const MAGIC: usize = 0;
    pub const VERSION: usize = 1;
    pub const BOOT: usize = 2;
    pub const EPOCH: usize = 4;
    pub const CAPACITY: usize = 5;
    pub const SOURCE: usize = 6;
    pub const WAKES: usize = 7;

    pub const LEASE: usize = 0;
    pub const PID: usize = 1;
    pub const START: usize = 2;

    pub const PUBLISHED: usize = 0;
    pub const HEARTBEAT: usize = 1;
    pub const MARKS: usize = 2;

    pub const CONSUMED: usize = 0;

    pub const PARKED: usize = 0;
    pub const BELL: usize = 1;
}

/// What a ring is created with.
#[derive(Clone, Copy, Debug)]
pub struct RingConfig {
    /// Cells: a power of two from [`CAPACITY_MIN`] to [`CAPACITY_MAX`].
    pub capacity: usize,
    /// Number of the ring, stamped into every header.
    pub source: u16,
    /// Boot the ring belongs to.
    pub boot_id: BootId,
    /// The matcher's epoch: a producer that expects another one is refused.
    pub epoch: u64,
    /// Whether the consumer may park, and so has to be woken.
    pub wakes: bool,
}

/// What a producer expects of a ring.
#[derive(Clone, Copy, Debug)]
pub struct Expected {
    /// The running boot.
    pub boot_id: BootId,
    /// The matcher's epoch.
    pub epoch: u64,
}

/// Why a ring could not be created or attached to.
#[derive(Debug, thiserror::Error)]
pub enum RingError {
    /// The memory could not be had.
    #[error("share the ring's memory")]
    Region(#[from] RegionError),
    /// The capacity cannot be.
    #[error(
        "ring capacity {capacity} is not a power of two between {CAPACITY_MIN} and {CAPACITY_MAX}"
    )]
    Capacity {
        /// Cells.
        capacity: u64,
    },
    /// The file is being made.
    #[error("the ring is not ready yet; try again when the matcher is up")]
    NotReady,
    /// Not a ring.
    #[error("not a ring: it begins with {found:#018x}; check the path")]
    Magic {
        /// First word of the file.
        found: u64,
    },
    /// Another build's ring.
    #[error(
        "ring layout {found:#x}, this build speaks {expected:#x}; \
         run producer and matcher from one release"
    )]
    Version {
        /// In the ring.
        found: u64,
        /// Ours.
        expected: u64,
    },
    /// Left over from before a reboot.
    #[error("the ring is from another boot; start the matcher, which makes a new one")]
    OtherBoot,
    /// The matcher was restarted, or has not been yet.
    #[error(
        "the ring has epoch {found}, expected {expected}; \
         ask the matcher for its epoch and attach again"
    )]
    OtherEpoch {
        /// In the ring.
        found: u64,
        /// Asked for.
        expected: u64,
    },
    /// The file is shorter than its header says.
    #[error(
        "the ring says {capacity} cells and its file has {found} lines; let the matcher recreate it"
    )]
    Size {
        /// Cells its header says.
        capacity: u64,
        /// Lines there are.
        found: usize,
    },
    /// Its producer lives.
    #[error(
        "process {pid} is attached to the ring and alive; stop it first, or use a ring of your own"
    )]
    Attached {
        /// The producer, as it told.
        pid: u64,
    },
    /// The lock that tells whether a producer lives did not work.
    #[error("lock the ring's file")]
    Lock(#[source] io::Error),
}

/// Why a command was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PushError {
    /// The consumer is behind. What was staged is published; try again later.
    #[error("the ring is full")]
    Full,
    /// Another producer took over, or the matcher made a new ring: attach again.
    #[error("another producer has the ring")]
    Stale,
    /// The header's count of cells is not 1 to 4.
    #[error("the command has no valid length")]
    Length,
}

/// What was wrong with a message, or with a producer's index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The header counts no cells, or more than four. One cell was skipped.
    #[error("a message of {found} cells")]
    Length {
        /// Cells the header counts.
        found: u8,
    },
    /// The message is longer than what is published. One cell was skipped.
    #[error("a message of {cells} cells of which {published} are published")]
    Torn {
        /// Cells the header counts.
        cells: u8,
        /// Cells there are.
        published: u8,
    },
    /// The sequence has a gap or a repeat. Counting goes on from what was found.
    #[error("sequence {found} where {expected} was due")]
    Sequence {
        /// What was due.
        expected: u64,
        /// What came.
        found: u64,
    },
    /// The published index went back, or further than the ring is long. No message comes with it;
    /// the ring rests until the index makes sense again.
    #[error("published index {found} outside {from}..={to}")]
    Index {
        /// What the producer published.
        found: u64,
        /// Lowest it could be.
        from: u64,
        /// Highest it could be.
        to: u64,
    },
}

/// How often each fault was met.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FaultCounts {
    /// [`Fault::Length`].
    pub length: u64,
    /// [`Fault::Torn`].
    pub torn: u64,
    /// [`Fault::Sequence`].
    pub sequence: u64,
    /// [`Fault::Index`], once for every wrong value.
    pub index: u64,
}

/// What [`Consumer::fill`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Filled {
    /// Commands written to the front of the buffer.
    pub count: usize,
    /// What is wrong with the last of them; all before it are sound. With [`Fault::Index`] `count`
    /// is zero.
    pub fault: Option<Fault>,
}

/// What a consumer can know of its producer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProducerState {
    /// None has attached yet.
    Never,
    /// Attached. Alive, but not well if the heartbeat stands still between two looks.
    Alive {
        /// Its process, as it told.
        pid: u64,
        /// Its count of [`Producer::beat`].
        heartbeat: u64,
    },
    /// It detached.
    Detached,
    /// It died without detaching.
    Dead {
        /// Its process, as it told.
        pid: u64,
    },
}

/// A producer and a consumer over one heap region, for tests and for two threads of one process.
///
/// # Errors
/// If the capacity cannot be.
pub fn pair(config: &RingConfig) -> Result<(Producer, Consumer), RingError> {
    let region = Region::heap(CONTROL_LINES + config.capacity.min(CAPACITY_MAX));
    let consumer = Consumer::over(region.clone(), config)?;
    let expected = Expected { boot_id: config.boot_id, epoch: config.epoch };
    Ok((Producer::over(region, &expected)?, consumer))
}

fn capacity_is_valid(capacity: usize) -> bool {
    capacity.is_power_of_two() && (CAPACITY_MIN..=CAPACITY_MAX).contains(&capacity)
}

/// The producer's end.
pub struct Producer {
    control: Window,
    cells: Window,
    /// Keeps the lock on the file.
    _region: Region,
    source: u16,
    wakes: bool,
    lease: u64,
    /// Index after the last staged cell.
    staged: u64,
    published: u64,
    /// The consumer's index when it was last looked at.
    consumed: u64,
    /// Sequence of the last staged message.
    sequence: u64,
    /// Which mark the next publication uses.
    mark: usize,
}

impl Producer {
    /// Attaches to the ring in the file `path`.
    ///
    /// # Errors
    /// See [`RingError`]; each says what to do next.
    #[cfg(not(loom))]
    pub fn attach(path: &std::path::Path, expected: &Expected) -> Result<Self, RingError> {
        use crate::region::MapOptions;
        let options = MapOptions { prefault: true, ..MapOptions::default() };
        Self::over(Region::open(path, options)?, expected)
    }

    /// Attaches to the ring in `region`.
    ///
    /// # Errors
    /// See [`RingError`]; each says what to do next.
    pub fn over(region: Region, expected: &Expected) -> Result<Self, RingError> {
        let control = region.window(0, CONTROL_LINES).ok_or(RingError::NotReady)?;
        let capacity = check_identity(control.line(part::IDENTITY), expected)?;
        let size = RingError::Size { capacity: capacity as u64, found: region.count() };
        let cells = region.window(CONTROL_LINES, capacity).ok_or(size)?;
        let attach = control.line(part::ATTACH);
        lock(&region, || attach.word(word::PID).load(Ordering::Relaxed))?;

        let identity = control.line(part::IDENTITY);
        let source = identity.word(word::SOURCE).load(Ordering::Relaxed) as u16;
        let wakes = identity.word(word::WAKES).load(Ordering::Relaxed) != 0;
        let consumed = control.line(part::CONSUMER).word(word::CONSUMED).load(Ordering::Acquire);
        let producer = control.line(part::PRODUCER);
        let left = producer.word(word::PUBLISHED).load(Ordering::Acquire);
        let sane = left.wrapping_sub(consumed) <= capacity as u64;
        let start = if sane { left } else { consumed };
        let (sequence, mark) = last_mark(producer, start);

        // The start stands before the lease that tells of it; pairs with `Consumer::look_at_lease`.
        attach.word(word::START).store(start, Ordering::Relaxed);
        attach.word(word::PID).store(u64::from(std::process::id()), Ordering::Relaxed);
        let lease = attach.word(word::LEASE).fetch_add(1, Ordering::AcqRel) + 1;
        if !sane {
            producer.word(word::PUBLISHED).store(start, Ordering::Release);
        }
        let (staged, published) = (start, start);
        let _region = region;
        Ok(Self {
            control,
            cells,
            _region,
            source,
            wakes,
            lease,
            staged,
            published,
            consumed,
            sequence,
            mark,
        })
    }

    /// The ring's number.
    #[must_use]
    pub fn source(&self) -> u16 {
        self.source
    }

    /// Stages and publishes one command, and stamps its sequence and source.
    ///
    /// # Errors
    /// See [`PushError`].
    #[inline]
    pub fn try_push(&mut self, command: &mut Command) -> Result<(), PushError> {
        self.stage(command)?;
        self.publish()
    }

    /// Writes a command into the ring without showing it yet, and stamps its sequence and source.
    ///
    /// # Errors
    /// See [`PushError`]. When the ring is full, what was staged before has been published.
    #[inline]
    pub fn stage(&mut self, command: &mut Command) -> Result<(), PushError> {
        let cells = command.header().cells;
        if cells == 0 || usize::from(cells) > CELLS_MAX {
            return Err(PushError::Length);
        }
        let end = self.staged.wrapping_add(u64::from(cells));
        if end.wrapping_sub(self.consumed) > self.cells.lines() {
            self.find_room(end)?;
        }
        let header = command.header_mut();
        header.sequence = self.sequence.wrapping_add(1);
        header.source = self.source;
        for (index, cell) in (0..).zip(command.cells()) {
            self.cells.line(self.staged.wrapping_add(index)).store(&cell.0);
        }
        self.sequence = self.sequence.wrapping_add(1);
        self.staged = end;
        Ok(())
    }

    /// Shows the consumer everything staged.
    ///
    /// # Errors
    /// [`PushError::Stale`] if the ring has a new producer or was replaced.
    #[inline]
    pub fn publish(&mut self) -> Result<(), PushError> {
        if self.staged == self.published {
            return Ok(());
        }
        let attach = self.control.line(part::ATTACH);
        if attach.word(word::LEASE).load(Ordering::Relaxed) != self.lease {
            return Err(PushError::Stale);
        }
        let line = self.control.line(part::PRODUCER);
        line.word(word::MARKS + 2 * self.mark).store(self.staged, Ordering::Relaxed);
        line.word(word::MARKS + 2 * self.mark + 1).store(self.sequence, Ordering::Relaxed);
        self.mark ^= 1;
        // Pairs with the Acquire in `Consumer::refresh`: the cells first, then the index.
        line.word(word::PUBLISHED).store(self.staged, Ordering::Release);
        self.published = self.staged;
        if self.wakes {
            self.wake();
        }
        Ok(())
    }

    /// Counts the heartbeat: tells the consumer that this producer runs, even when it is idle.
    pub fn beat(&mut self) {
        let word = self.control.line(part::PRODUCER).word(word::HEARTBEAT);
        // The producer alone writes it, so a load and a store do.
        word.store(word.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
    }

    /// Sequence of the last command staged; 0 if the ring never had one.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    #[cold]
    fn find_room(&mut self, end: u64) -> Result<(), PushError> {
        let line = self.control.line(part::CONSUMER);
        // Pairs with the Release in `Consumer::release`: the cells were read, then freed.
        self.consumed = line.word(word::CONSUMED).load(Ordering::Acquire);
        if end.wrapping_sub(self.consumed) <= self.cells.lines() {
            return Ok(());
        }
        self.publish()?;
        Err(PushError::Full)
    }

    #[inline]
    fn wake(&self) {
        // Either this fence comes before the consumer's, and it sees what was published; or after,
        // and we see that it parks. Pairs with the fence in `Waiter::park`.
        fence(Ordering::SeqCst);
        let park = self.control.line(part::PARK);
        if park.word(word::PARKED).load(Ordering::Relaxed) != 0 {
            ring_bell(park);
        }
    }
}

impl Drop for Producer {
    fn drop(&mut self) {
        let attach = self.control.line(part::ATTACH);
        if attach.word(word::LEASE).load(Ordering::Relaxed) == self.lease {
            attach.word(word::PID).store(0, Ordering::Relaxed);
        }
    }
}

#[cold]
fn ring_bell(park: &Line) {
    park.word(word::PARKED).store(0, Ordering::Relaxed);
    park.word(word::BELL).fetch_add(1, Ordering::SeqCst);
    #[cfg(not(loom))]
    wait::wake(park.word(word::BELL));
}

/// The sequence that goes with `index`, and the mark to be used next.
fn last_mark(producer: &Line, index: u64) -> (u64, usize) {
    for mark in [0, 1] {
        if producer.word(word::MARKS + 2 * mark).load(Ordering::Relaxed) == index {
            let sequence = producer.word(word::MARKS + 2 * mark + 1).load(Ordering::Relaxed);
            return (sequence, mark ^ 1);
        }
    }
    // Only nonsense leads here. The consumer will see a gap, once.
    (0, 0)
}

fn check_identity(identity: &Line, expected: &Expected) -> Result<usize, RingError> {
    // Pairs with the Release in `Consumer::over`: the magic stands when all else does.
    match identity.word(word::MAGIC).load(Ordering::Acquire) {
        MAGIC => {}
        0 => return Err(RingError::NotReady),
        found => return Err(RingError::Magic { found }),
    }
    let read = |index: usize| identity.word(index).load(Ordering::Relaxed);
    if read(word::VERSION) != VERSION {
        return Err(RingError::Version { found: read(word::VERSION), expected: VERSION });
    }
    if BootId([read(word::BOOT), read(word::BOOT + 1)]) != expected.boot_id {
        return Err(RingError::OtherBoot);
    }
    let epoch = read(word::EPOCH);
    if epoch != expected.epoch {
        return Err(RingError::OtherEpoch { found: epoch, expected: expected.epoch });
    }
    let capacity = read(word::CAPACITY);
    match usize::try_from(capacity) {
        Ok(cells) if capacity_is_valid(cells) => Ok(cells),
        _ => Err(RingError::Capacity { capacity }),
    }
}

/// Takes the lock that a living producer holds. The consumer tries it for moments only, so a lock
/// that stays taken for some milliseconds is a producer's.
fn lock(region: &Region, pid: impl Fn() -> u64) -> Result<(), RingError> {
    let Some(file) = region.file() else { return Ok(()) };
    for _ in 0..20 {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(std::fs::TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(1)),
            Err(std::fs::TryLockError::Error(error)) => return Err(RingError::Lock(error)),
        }
    }
    Err(RingError::Attached { pid: pid() })
}

/// The matcher's end.
pub struct Consumer {
    control: Window,
    cells: Window,
    region: Region,
    source: u16,
    /// Index of the next cell to read.
    position: u64,
    /// Index up to which the producer was given its cells back.
    released: u64,
    /// The producer's index when it was last looked at.
    published: u64,
    /// Sequence of the next message.
    due: u64,
    lease: u64,
    /// The last wrong index that was told.
    told: Option<u64>,
    faults: FaultCounts,
}

impl Consumer {
    /// Creates the ring in the file `path`, in place of one that is there: its producer, if it
    /// still has one, is told that it is stale.
    ///
    /// # Errors
    /// If the capacity cannot be, or the memory not be had.
    #[cfg(not(loom))]
    pub fn create(
        path: &std::path::Path,
        config: &RingConfig,
        options: crate::region::MapOptions,
    ) -> Result<Self, RingError> {
        if !capacity_is_valid(config.capacity) {
            return Err(RingError::Capacity { capacity: config.capacity as u64 });
        }
        retire(path);
        let options = crate::region::MapOptions { repeat_from: None, ..options };
        Self::over(Region::create(path, CONTROL_LINES + config.capacity, options)?, config)
    }

    /// Makes a ring of `region`, which is zero.
    ///
    /// # Errors
    /// If the capacity cannot be, or the region is too small for it.
    pub fn over(region: Region, config: &RingConfig) -> Result<Self, RingError> {
        let capacity = config.capacity as u64;
        if !capacity_is_valid(config.capacity) {
            return Err(RingError::Capacity { capacity });
        }
        let size = || RingError::Size { capacity, found: region.count() };
        let control = region.window(0, CONTROL_LINES).ok_or_else(size)?;
        let cells = region.window(CONTROL_LINES, config.capacity).ok_or_else(size)?;
        let identity = control.line(part::IDENTITY);
        let [boot_low, boot_high] = config.boot_id.0;
        for (index, value) in [
            (word::VERSION, VERSION),
            (word::BOOT, boot_low),
            (word::BOOT + 1, boot_high),
            (word::EPOCH, config.epoch),
            (word::CAPACITY, capacity),
            (word::SOURCE, u64::from(config.source)),
            (word::WAKES, u64::from(config.wakes)),
        ] {
            identity.word(index).store(value, Ordering::Relaxed);
        }
        // Pairs with the Acquire in `check_identity`.
        identity.word(word::MAGIC).store(MAGIC, Ordering::Release);
        Ok(Self {
            control,
            cells,
            region,
            source: config.source,
            position: 0,
            released: 0,
            published: 0,
            due: 1,
            lease: 0,
            told: None,
            faults: FaultCounts::default(),
        })
    }

    /// The ring's number.
    #[must_use]
    pub fn source(&self) -> u16 {
        self.source
    }

    /// How often each fault was met.
    #[must_use]
    pub fn faults(&self) -> FaultCounts {
        self.faults
    }

    /// Copies the next whole messages into `buffer`, in order, and stops at the first with a fault.
    ///
    /// Cells past a message's own are zero. The producer gets no cell back before
    /// [`Self::release`]; calling again goes on behind what was delivered.
    #[inline]
    pub fn fill(&mut self, buffer: &mut [Command]) -> Filled {
        if self.published.wrapping_sub(self.position) < buffer.len() as u64
            && let Err(fault) = self.refresh()
        {
            return Filled { count: 0, fault: Some(fault) };
        }
        let mut count = 0;
        for slot in buffer {
            if self.position == self.published {
                break;
            }
            let fault = self.take(slot);
            count += 1;
            if fault.is_some() {
                return Filled { count, fault };
            }
        }
        Filled { count, fault: None }
    }

    /// Gives the producer back the cells of everything delivered.
    #[inline]
    pub fn release(&mut self) {
        if self.released != self.position {
            self.released = self.position;
            let line = self.control.line(part::CONSUMER);
            // Pairs with the Acquire in `Producer::find_room`: the cells were read, then freed.
            line.word(word::CONSUMED).store(self.position, Ordering::Release);
        }
    }

    /// Cells that are published and not delivered yet; 0 if the index makes no sense.
    #[must_use]
    pub fn waiting_cells(&self) -> u64 {
        let published = self.control.line(part::PRODUCER).word(word::PUBLISHED);
        let published = published.load(Ordering::Acquire);
        if self.is_valid(published) { published.wrapping_sub(self.position) } else { 0 }
    }

    /// How the producer is. Makes system calls: not for the matcher's cycle.
    ///
    /// # Errors
    /// If the lock on the ring's file cannot be tried.
    pub fn producer_state(&self) -> Result<ProducerState, RingError> {
        let attach = self.control.line(part::ATTACH);
        if attach.word(word::LEASE).load(Ordering::Acquire) == 0 {
            return Ok(ProducerState::Never);
        }
        let pid = attach.word(word::PID).load(Ordering::Relaxed);
        if pid == 0 {
            return Ok(ProducerState::Detached);
        }
        if let Some(file) = self.region.file() {
            match file.try_lock_shared() {
                Ok(()) => {
                    file.unlock().map_err(RingError::Lock)?;
                    return Ok(ProducerState::Dead { pid });
                }
                Err(std::fs::TryLockError::WouldBlock) => {}
                Err(std::fs::TryLockError::Error(error)) => return Err(RingError::Lock(error)),
            }
        }
        let heartbeat = self.control.line(part::PRODUCER).word(word::HEARTBEAT);
        Ok(ProducerState::Alive { pid, heartbeat: heartbeat.load(Ordering::Relaxed) })
    }

    /// Whether an index can be the producer's: not behind us, not further than the ring is long.
    #[inline]
    fn is_valid(&self, published: u64) -> bool {
        let held = self.position.wrapping_sub(self.released);
        (held..=self.cells.lines()).contains(&published.wrapping_sub(self.released))
    }

    /// Looks at the producer's index again.
    #[inline]
    fn refresh(&mut self) -> Result<(), Fault> {
        let line = self.control.line(part::PRODUCER);
        // Pairs with the Release in `Producer::publish`: the index first, then the cells.
        let published = line.word(word::PUBLISHED).load(Ordering::Acquire);
        if published == self.published {
            return Ok(());
        }
        self.look_at_lease();
        if self.is_valid(published) {
            self.published = published;
            self.told = None;
            return Ok(());
        }
        self.index_fault(published)
    }

    /// After a change of producers: starts where the new one does, if the old one left nonsense.
    #[inline]
    fn look_at_lease(&mut self) {
        let attach = self.control.line(part::ATTACH);
        // Pairs with the AcqRel in `Producer::over`: the start stands when the lease does.
        let lease = attach.word(word::LEASE).load(Ordering::Acquire);
        if lease != self.lease {
            self.lease = lease;
            let start = attach.word(word::START).load(Ordering::Relaxed);
            if !self.is_valid(start) && start == self.released {
                self.position = start;
                self.published = start;
            }
        }
    }

    /// Refuses an index; tells of it once for each value, so that a ring left in ruins is quiet.
    #[cold]
    fn index_fault(&mut self, found: u64) -> Result<(), Fault> {
        if self.told == Some(found) {
            return Ok(());
        }
        self.told = Some(found);
        self.faults.index += 1;
        let to = self.released.wrapping_add(self.cells.lines());
        Err(Fault::Index { found, from: self.position, to })
    }

    /// Copies one message out and steps behind it. There is at least one cell.
    #[inline]
    fn take(&mut self, slot: &mut Command) -> Option<Fault> {
        let first = self.cells.line(self.position).load();
        let header = *first.header();
        let there = self.published.wrapping_sub(self.position);
        let cells = u64::from(header.cells);
        if cells == 1 {
            *slot = Command::from_cells(&[first]);
        } else if cells == 0 || cells > CELLS_MAX as u64 || cells > there {
            *slot = Command::from_cells(&[first]);
            self.position = self.position.wrapping_add(1);
            return Some(self.shape_fault(header.cells, there));
        } else {
            *slot = self.take_cells(first, cells);
        }
        self.position = self.position.wrapping_add(cells);
        let expected = self.due;
        self.due = header.sequence.wrapping_add(1);
        if header.sequence == expected { None } else { Some(self.gap(expected, header.sequence)) }
    }

    /// A message of `cells` cells, 2 to 4, of which `first` is already here.
    #[inline]
    fn take_cells(&self, first: Cell, cells: u64) -> Command {
        let mut copied = [Cell::ZERO; CELLS_MAX];
        for (index, cell) in (0..cells).zip(&mut copied) {
            // The first was judged: it is not read a second time.
            *cell = match index {
                0 => first,
                _ => self.cells.line(self.position.wrapping_add(index)).load(),
            };
        }
        Command::from_cells(&copied)
    }

    #[cold]
    fn shape_fault(&mut self, cells: u8, there: u64) -> Fault {
        if cells == 0 || usize::from(cells) > CELLS_MAX {
            self.faults.length += 1;
            Fault::Length { found: cells }
        } else {
            self.faults.torn += 1;
            // Fewer than four, as the message has at most four.
            Fault::Torn { cells, published: there as u8 }
        }
    }

    #[cold]
    fn gap(&mut self, expected: u64, found: u64) -> Fault {
        self.faults.sequence += 1;
        Fault::Sequence { expected, found }
    }
}

/// Takes the lease of a ring that is about to be replaced, so that its producer notices.
#[cfg(not(loom))]
fn retire(path: &std::path::Path) {
    let Ok(region) = Region::open(path, crate::region::MapOptions::default()) else { return };
    let Some(control) = region.window(0, CONTROL_LINES) else { return };
    if control.line(part::IDENTITY).word(word::MAGIC).load(Ordering::Acquire) == MAGIC {
        control.line(part::ATTACH).word(word::LEASE).store(u64::MAX, Ordering::Release);
    }
}

mod wait;

pub use wait::{WaitStrategy, Waiter};

#[cfg(test)]
mod tests;
