//! The stage: a named piece of shared memory in which the matcher writes the log.
//!
//! It is a ring of 64-byte cells, mapped twice back to back so that a record is contiguous where it
//! passes the end. One process appends; its writer thread copies what is published into segment
//! files; readers of any process map it read-only. It outlives its process: what was published
//! before a `kill -9` is read from it afterwards.
//!
//! ```text
//! line  0  identity  magic version boot[2] epoch cells shard first_sequence    creator
//!       2  staged    index sequence claimed heartbeat                          matcher
//!       4  written   released durable durable_sequence heartbeat               writer
//!       6  gate      mode frozen_index frozen_sequence                         start-up, writer
//!       8  halt      code                                                      either, once
//!      16  anchors   64 pairs (index, sequence), each the start of a record    matcher
//!      64  cells
//! ```
//!
//! What stays true:
//! - Indices count cells, only grow, and are masked on access. `released <= durable-or-taken <=
//!   staged <= claimed <= released + cells`: what is not released is never overwritten. An append
//!   without room writes nothing and halts the stage: the matcher asks [`Appender::room`] first.
//! - `staged` moves over whole groups (a command and all its events), with Release after their
//!   cells. A reader loads it with Acquire.
//! - A cell is overwritten only after `claimed` has passed it, so a reader that copies, then looks
//!   at `claimed`, knows whether its copy is sound (a seqlock, with the fences of one).
//! - No allocation, system call, checksum or clock in [`Appender`].

use std::path::Path;
use std::sync::Arc;
use wire::command::Command;
use wire::event::{Event, EventSink};
use wire::limits::CELLS_MAX;
use wire::record::{CELL_BYTES, Cell, LAST_OF_GROUP};
use wire::region::{
    BootId, Line, MapOptions, Ordering, PAGE_LINES, ReadWindow, Region, RegionError, View, Window,
    fence,
};

const MAGIC: u64 = u64::from_le_bytes(*b"opexstag");
/// Version of the control page, above the version of the messages.
const VERSION: u64 = 1 << 16 | wire::LAYOUT_VERSION as u64;
const CONTROL_LINES: usize = PAGE_LINES;

/// Smallest stage.
pub const STAGE_BYTES_MIN: usize = 64 << 10;
/// Stage size when nothing else is said: holds the largest group more than three times.
pub const STAGE_BYTES_DEFAULT: usize = 128 << 20;
const STAGE_BYTES_MAX: usize = 16 << 30;
const _: () = assert!(STAGE_BYTES_DEFAULT > 3 * wire::limits::GROUP_BYTES_MAX);

/// Starts of records that are kept for readers which look for a sequence.
const ANCHORS: u64 = 64;

mod part {
    pub const IDENTITY: u64 = 0;
    pub const STAGED: u64 = 2;
    pub const WRITTEN: u64 = 4;
    pub const GATE: u64 = 6;
    pub const HALT: u64 = 8;
    pub const ANCHORS: u64 = 16;
}

mod word {
    pub const MAGIC: usize = 0;
    pub const VERSION: usize = 1;
    pub const BOOT: usize = 2;
    pub const EPOCH: usize = 4;
    pub const CELLS: usize = 5;
    pub const SHARD: usize = 6;
    pub const FIRST_SEQUENCE: usize = 7;

    pub const INDEX: usize = 0;
    pub const SEQUENCE: usize = 1;
    pub const CLAIMED: usize = 2;
    pub const STAGED_HEARTBEAT: usize = 3;

    pub const RELEASED: usize = 0;
    pub const DURABLE: usize = 1;
    pub const DURABLE_SEQUENCE: usize = 2;
    pub const WRITTEN_HEARTBEAT: usize = 3;

    pub const MODE: usize = 0;
    pub const FROZEN_INDEX: usize = 1;
    pub const FROZEN_SEQUENCE: usize = 2;

    pub const CODE: usize = 0;
}

/// Why everything stopped. The numbers are kept in the stage and in exit codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum HaltCode {
    /// A write or sync of a segment failed. Never retried.
    WriteFailed = 10,
    /// The next segment could not be prepared or opened.
    SegmentFailed = 11,
    /// A record was appended without room for it.
    StageOverflow = 12,
    /// The stage holds something that is no record.
    StageCorrupt = 13,
}

impl HaltCode {
    fn decode(code: u64) -> Option<Self> {
        [Self::WriteFailed, Self::SegmentFailed, Self::StageOverflow, Self::StageCorrupt]
            .into_iter()
            .find(|known| *known as u64 == code)
    }
}

/// Which records may leave the box.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum GateMode {
    /// All that are staged: they survive the death of any process.
    Mem = 1,
    /// Those that are durable: they survive a power cut.
    Disk = 2,
}

impl GateMode {
    pub(crate) fn decode(code: u64) -> Option<Self> {
        [Self::Mem, Self::Disk].into_iter().find(|known| *known as u64 == code)
    }
}

/// What a stage is created with.
#[derive(Clone, Copy, Debug)]
pub struct StageConfig {
    /// Bytes for records: a power of two of at least [`STAGE_BYTES_MIN`].
    pub bytes: usize,
    /// Boot the stage belongs to.
    pub boot_id: BootId,
    /// The matcher's epoch.
    pub epoch: u64,
    /// The matcher's number.
    pub shard: u32,
    /// Sequence of the first record that will be appended.
    pub first_sequence: u64,
    /// Which records may leave the box.
    pub gate: GateMode,
    /// Make all pages present now.
    pub prefault: bool,
    /// Keep the pages in memory.
    pub lock: bool,
    /// Permissions of the file.
    pub mode: u32,
}

impl StageConfig {
    /// The defaults: 128 MiB, gate at the disk, prefaulted, not locked, for this boot's `boot_id`.
    #[must_use]
    pub fn new(boot_id: BootId, epoch: u64) -> Self {
        Self {
            bytes: STAGE_BYTES_DEFAULT,
            boot_id,
            epoch,
            shard: 0,
            first_sequence: 1,
            gate: GateMode::Disk,
            prefault: true,
            lock: false,
            mode: 0o640,
        }
    }
}

/// Why a stage could not be created or opened.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// The memory could not be had.
    #[error("share the stage's memory")]
    Region(#[from] RegionError),
    /// The size cannot be.
    #[error("stage of {bytes} bytes; it has to be a power of two of at least {STAGE_BYTES_MIN}")]
    Bytes {
        /// Bytes asked for, or that the stage says it has.
        bytes: u64,
    },
    /// The file is being made.
    #[error("the stage is not ready yet; try again when the matcher is up")]
    NotReady,
    /// Not a stage.
    #[error("not a stage: it begins with {found:#018x}; check the path")]
    Magic {
        /// First word of the file.
        found: u64,
    },
    /// Another build's stage.
    #[error("stage layout {found:#x}, this build reads {expected:#x}; use one release everywhere")]
    Version {
        /// In the stage.
        found: u64,
        /// Ours.
        expected: u64,
    },
    /// Left over from before a reboot.
    #[error("the stage is from another boot; read the segment files")]
    OtherBoot,
    /// The file is shorter than its header says.
    #[error("the stage says {bytes} bytes and its file is smaller; read the segment files")]
    Size {
        /// Bytes it says.
        bytes: u64,
    },
}

fn is_valid_size(bytes: usize) -> bool {
    bytes.is_power_of_two() && (STAGE_BYTES_MIN..=STAGE_BYTES_MAX).contains(&bytes)
}

/// The stage as its own process has it: it may be written. Shared by [`Appender`], the writer
/// thread and gates; each writes its own lines.
pub struct Stage {
    control: Window,
    cells: Window,
    epoch: u64,
    shard: u32,
    first_sequence: u64,
}

impl Stage {
    /// Creates the stage in the file `path`, in place of what is there, and its one appender.
    ///
    /// # Errors
    /// If the size cannot be, or the memory not be had.
    pub fn create(path: &Path, config: &StageConfig) -> Result<(Arc<Self>, Appender), StageError> {
        if !is_valid_size(config.bytes) {
            return Err(StageError::Bytes { bytes: config.bytes as u64 });
        }
        let count = config.bytes / CELL_BYTES;
        let options = MapOptions {
            repeat_from: Some(CONTROL_LINES),
            prefault: config.prefault,
            lock: config.lock,
            mode: config.mode,
        };
        let region = Region::create(path, CONTROL_LINES + count, options)?;
        let size = StageError::Size { bytes: config.bytes as u64 };
        let (Some(control), Some(cells)) =
            (region.window(0, CONTROL_LINES), region.window(CONTROL_LINES, count))
        else {
            return Err(size);
        };
        let stage = Self {
            control,
            cells,
            epoch: config.epoch,
            shard: config.shard,
            first_sequence: config.first_sequence,
        };
        stage.write_identity(config);
        let stage = Arc::new(stage);
        let appender = Appender::new(Arc::clone(&stage));
        Ok((stage, appender))
    }

    fn write_identity(&self, config: &StageConfig) {
        let before_first = config.first_sequence.wrapping_sub(1);
        let [boot_low, boot_high] = config.boot_id.0;
        for (part, word, value) in [
            (part::STAGED, word::SEQUENCE, before_first),
            (part::WRITTEN, word::DURABLE_SEQUENCE, before_first),
            (part::GATE, word::MODE, config.gate as u64),
            (part::IDENTITY, word::VERSION, VERSION),
            (part::IDENTITY, word::BOOT, boot_low),
            (part::IDENTITY, word::BOOT + 1, boot_high),
            (part::IDENTITY, word::EPOCH, config.epoch),
            (part::IDENTITY, word::CELLS, self.cells.lines()),
            (part::IDENTITY, word::SHARD, u64::from(config.shard)),
            (part::IDENTITY, word::FIRST_SEQUENCE, config.first_sequence),
        ] {
            self.control.line(part).word(word).store(value, Ordering::Relaxed);
        }
        let magic = self.control.line(part::IDENTITY).word(word::MAGIC);
        // Pairs with the Acquire in `StageView::open`.
        magic.store(MAGIC, Ordering::Release);
    }

    /// The matcher's epoch.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The matcher's number.
    #[must_use]
    pub fn shard(&self) -> u32 {
        self.shard
    }

    /// Sequence of the first record this stage got or gets.
    #[must_use]
    pub fn first_sequence(&self) -> u64 {
        self.first_sequence
    }

    /// Why everything stopped, if it has. A code nobody knows counts as a corrupt stage.
    #[must_use]
    #[inline]
    pub fn halt_code(&self) -> Option<HaltCode> {
        let code = self.control.line(part::HALT).word(word::CODE).load(Ordering::Acquire);
        if code == 0 { None } else { HaltCode::decode(code).or(Some(HaltCode::StageCorrupt)) }
    }

    /// Stops everything: freezes the gate where it is and keeps the first code.
    #[cold]
    pub fn halt(&self, code: HaltCode) {
        let gate = self.control.line(part::GATE);
        let (index, sequence) = self.open_to();
        gate.word(word::FROZEN_INDEX).store(index, Ordering::Relaxed);
        gate.word(word::FROZEN_SEQUENCE).store(sequence, Ordering::Relaxed);
        // Pairs with the Acquire in `halt_code`: the frozen gate stands when the code does.
        let halt = self.control.line(part::HALT).word(word::CODE);
        let _ = halt.compare_exchange(0, code as u64, Ordering::AcqRel, Ordering::Relaxed);
    }

    /// Up to which index and sequence records may leave the box.
    pub(crate) fn open_to(&self) -> (u64, u64) {
        let load = |part, word| self.control.line(part).word(word).load(Ordering::Acquire);
        open_to(&load)
    }

    /// Index and sequence of what is published.
    #[must_use]
    pub fn staged(&self) -> (u64, u64) {
        let line = self.control.line(part::STAGED);
        // Pairs with the Release in `Appender::publish`.
        let index = line.word(word::INDEX).load(Ordering::Acquire);
        (index, line.word(word::SEQUENCE).load(Ordering::Acquire))
    }

    /// Sequence of the last durable record.
    #[must_use]
    pub fn durable_sequence(&self) -> u64 {
        let line = self.control.line(part::WRITTEN);
        line.word(word::DURABLE_SEQUENCE).load(Ordering::Acquire)
    }

    /// Cells published at `index`, as many as are contiguous in the doubled mapping, up to `count`.
    /// For the writer, which nothing can lap.
    pub(crate) fn run(&self, index: u64, count: usize) -> &[Line] {
        self.cells.run(index, count)
    }

    /// The writer's: everything before `index` is durable, the last record being `sequence`, and
    /// may be overwritten.
    pub(crate) fn set_durable(&self, index: u64, sequence: u64) {
        let line = self.control.line(part::WRITTEN);
        // Pair with the Acquire loads in `open_to`: who sees them knows the sink has returned.
        line.word(word::DURABLE_SEQUENCE).store(sequence, Ordering::Release);
        line.word(word::DURABLE).store(index, Ordering::Release);
        self.set_released(index);
    }

    /// The writer's: everything before `index` may be overwritten.
    pub(crate) fn set_released(&self, index: u64) {
        let line = self.control.line(part::WRITTEN);
        // Pairs with the Acquire in `Appender::claim`: the cells were read, then freed.
        line.word(word::RELEASED).store(index, Ordering::Release);
        let beat = line.word(word::WRITTEN_HEARTBEAT);
        beat.store(beat.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
    }
}

/// The rule of the gate, for the stage's owner and for readers of other processes. In a cluster the
/// mode `quorum` will be one more arm, with an index and a sequence that the replicator writes.
fn open_to(load: &impl Fn(u64, usize) -> u64) -> (u64, u64) {
    if load(part::HALT, word::CODE) != 0 {
        return (load(part::GATE, word::FROZEN_INDEX), load(part::GATE, word::FROZEN_SEQUENCE));
    }
    // The index first: the sequence may then be newer, and each is true by itself.
    match GateMode::decode(load(part::GATE, word::MODE)) {
        Some(GateMode::Mem) => {
            (load(part::STAGED, word::INDEX), load(part::STAGED, word::SEQUENCE))
        }
        Some(GateMode::Disk) => {
            (load(part::WRITTEN, word::DURABLE), load(part::WRITTEN, word::DURABLE_SEQUENCE))
        }
        None => (0, 0),
    }
}

/// The matcher's end: writes commands and events into the stage.
///
/// `begin`, then `put` for every event, then `end_group`; `publish` once a group or once a batch.
pub struct Appender {
    stage: Arc<Stage>,
    /// Index of the next cell to write.
    position: u64,
    /// Sequence of the next record.
    sequence: u64,
    /// Cells before this index may be written without asking.
    claimed: u64,
    /// How far a claim goes beyond what is needed.
    claim_step: u64,
    released: u64,
    /// Index and sequence after the last whole group.
    group_end: (u64, u64),
    published: u64,
    /// Where the last record begins, and its first word.
    last: (u64, u64),
    /// The source of the command whose events come, where it stands in a header's first word.
    source: u64,
    halted: bool,
}

/// Byte offsets inside a header's first word.
const CELLS_SHIFT: u32 = 8;
const FLAGS_SHIFT: u32 = 16;
const SOURCE_SHIFT: u32 = 48;
const LAST_BIT: u64 = (LAST_OF_GROUP as u64) << FLAGS_SHIFT;
const CELLS_MASK: u64 = 0xff << CELLS_SHIFT;
const SOURCE_MASK: u64 = 0xffff << SOURCE_SHIFT;

impl Appender {
    fn new(stage: Arc<Stage>) -> Self {
        let claim_step = (stage.cells.lines() / 16).min(1024);
        let sequence = stage.first_sequence;
        Self {
            stage,
            position: 0,
            sequence,
            claimed: 0,
            claim_step,
            released: 0,
            group_end: (0, sequence),
            published: 0,
            last: (0, 0),
            source: 0,
            halted: false,
        }
    }

    /// Bytes that can be appended now; 0 when everything is halted. A command may be taken when
    /// this is at least what its group can need ([`wire::limits::GROUP_BYTES_MAX`] at the worst).
    ///
    /// Looks at the writer's line, so ask once a batch.
    #[must_use]
    #[inline]
    pub fn room(&mut self) -> usize {
        if self.halted || self.stage.halt_code().is_some() {
            return 0;
        }
        self.refresh_released();
        let used = self.position.wrapping_sub(self.released);
        self.stage.cells.lines().saturating_sub(used) as usize * CELL_BYTES
    }

    /// Bytes that surely can be appended, without looking at the writer's line.
    #[must_use]
    #[inline]
    pub fn room_cached(&self) -> usize {
        let used = self.position.wrapping_sub(self.released);
        self.stage.cells.lines().saturating_sub(used) as usize * CELL_BYTES
    }

    /// Sequence the next record will have.
    #[must_use]
    #[inline]
    pub fn next_sequence(&self) -> u64 {
        self.sequence
    }

    /// Begins a group: writes the command with the log's next sequence.
    #[inline]
    pub fn begin(&mut self, command: &Command) {
        let cells = command.cells();
        let mut words = cells.iter().map(|cell| &cell.0);
        let Some(first) = words.next() else { return };
        self.source = first[0] & SOURCE_MASK;
        self.append(first, words, cells.len() as u64);
    }

    /// Ends the group: marks its last record, and makes the group ready to be published.
    #[inline]
    pub fn end_group(&mut self) {
        let (index, first_word) = self.last;
        if self.halted || self.position == self.group_end.0 {
            return;
        }
        let word = self.stage.cells.line(index).word(0);
        word.store(first_word | LAST_BIT, Ordering::Relaxed);
        self.group_end = (self.position, self.sequence);
    }

    /// Shows readers and the writer every whole group.
    #[inline]
    pub fn publish(&mut self) {
        let (index, sequence) = self.group_end;
        if index == self.published || self.halted {
            return;
        }
        self.published = index;
        let line = self.stage.control.line(part::STAGED);
        // Pair with the Acquire loads in `Stage::staged`, `open_to` and `StageView`: the cells
        // first.
        line.word(word::SEQUENCE).store(sequence.wrapping_sub(1), Ordering::Release);
        line.word(word::INDEX).store(index, Ordering::Release);
    }

    /// Counts the heartbeat.
    pub fn beat(&mut self) {
        let word = self.stage.control.line(part::STAGED).word(word::STAGED_HEARTBEAT);
        word.store(word.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
    }

    /// Whether a record met no room. Nothing is appended or published any more.
    #[must_use]
    pub fn is_halted(&self) -> bool {
        self.halted
    }

    /// Writes one record of `count` cells: the first with its header completed, then the rest.
    #[inline]
    fn append<'a>(
        &mut self,
        first: &[u64; 8],
        rest: impl Iterator<Item = &'a [u64; 8]>,
        count: u64,
    ) {
        let end = self.position.wrapping_add(count);
        if end > self.claimed && !self.claim(end) {
            return;
        }
        let fixed = first[0] & !(LAST_BIT | CELLS_MASK | SOURCE_MASK);
        let first_word = fixed | count << CELLS_SHIFT | self.source;
        let mut words = *first;
        words[0] = first_word;
        words[1] = self.sequence;
        self.stage.cells.line(self.position).store(&words);
        for (index, cell) in (1..).zip(rest) {
            self.stage.cells.line(self.position.wrapping_add(index)).store(cell);
        }
        self.last = (self.position, first_word);
        self.position = end;
        self.sequence = self.sequence.wrapping_add(1);
    }

    fn refresh_released(&mut self) {
        let line = self.stage.control.line(part::WRITTEN);
        // Pairs with the Release in `Stage::set_released`.
        self.released = line.word(word::RELEASED).load(Ordering::Acquire);
    }

    /// Claims the cells up to `end` and some more. `false`, and a halt, if they are not released.
    #[cold]
    fn claim(&mut self, end: u64) -> bool {
        self.refresh_released();
        let limit = self.released.wrapping_add(self.stage.cells.lines());
        if self.halted || end > limit {
            self.halted = true;
            self.stage.halt(HaltCode::StageOverflow);
            return false;
        }
        self.set_anchor();
        self.claimed = end.saturating_add(self.claim_step).min(limit);
        let line = self.stage.control.line(part::STAGED);
        line.word(word::CLAIMED).store(self.claimed, Ordering::Relaxed);
        // Pairs with the Acquire fence in `Reader::copy`: who sees one of the new cells sees the
        // claim too.
        fence(Ordering::Release);
        true
    }

    /// Notes that a record begins here, once for every 64th part of the stage. It is checked by who
    /// uses it.
    fn set_anchor(&self) {
        let slot = (self.position / (self.stage.cells.lines() / ANCHORS)) % ANCHORS;
        let line = self.stage.control.line(part::ANCHORS + slot / 4);
        let word = (slot % 4) as usize * 2;
        line.word(word).store(self.position, Ordering::Relaxed);
        line.word(word + 1).store(self.sequence, Ordering::Relaxed);
    }
}

impl EventSink for Appender {
    #[inline]
    fn put<E: Event>(&mut self, event: &E) {
        const { assert!(align_of::<E>() >= 8 && size_of::<E>().is_multiple_of(CELL_BYTES)) };
        const { assert!(size_of::<E>() / CELL_BYTES == E::CELLS as usize) };
        let words: &[u64] = bytemuck::cast_slice(core::slice::from_ref(event));
        let (cells, _) = words.as_chunks::<8>();
        if let Some((first, rest)) = cells.split_first() {
            self.append(first, rest.iter(), u64::from(E::CELLS));
        }
    }
}

/// The stage as other processes have it: read-only.
#[derive(Clone)]
pub struct StageView {
    control: ReadWindow,
    cells: ReadWindow,
    epoch: u64,
    shard: u32,
    first_sequence: u64,
}

impl StageView {
    /// Opens the stage in the file `path`; it has to be of boot `boot_id`.
    ///
    /// # Errors
    /// See [`StageError`]; each says what to do next.
    pub fn open(path: &Path, boot_id: BootId) -> Result<Self, StageError> {
        let options = MapOptions::default();
        let bare = View::open(path, options)?;
        let identity = bare.window(0, 1).ok_or(StageError::NotReady)?;
        let identity = identity.line(0);
        // Pairs with the Release in `Stage::write_identity`.
        match identity.word_acquire(word::MAGIC) {
            MAGIC => {}
            0 => return Err(StageError::NotReady),
            found => return Err(StageError::Magic { found }),
        }
        let found = identity.word(word::VERSION);
        if found != VERSION {
            return Err(StageError::Version { found, expected: VERSION });
        }
        if BootId([identity.word(word::BOOT), identity.word(word::BOOT + 1)]) != boot_id {
            return Err(StageError::OtherBoot);
        }
        let bytes = identity.word(word::CELLS).saturating_mul(CELL_BYTES as u64);
        let count = usize::try_from(bytes).ok().filter(|bytes| is_valid_size(*bytes));
        let count = count.ok_or(StageError::Bytes { bytes })? / CELL_BYTES;
        if bare.count() < CONTROL_LINES + count {
            return Err(StageError::Size { bytes });
        }
        let view = View::open(path, MapOptions { repeat_from: Some(CONTROL_LINES), ..options })?;
        let (control, cells) = (view.window(0, CONTROL_LINES), view.window(CONTROL_LINES, count));
        let (Some(control), Some(cells)) = (control, cells) else {
            return Err(StageError::Size { bytes });
        };
        Ok(Self {
            control,
            cells,
            epoch: identity.word(word::EPOCH),
            shard: identity.word(word::SHARD) as u32,
            first_sequence: identity.word(word::FIRST_SEQUENCE),
        })
    }

    /// The matcher's epoch.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The matcher's number.
    #[must_use]
    pub fn shard(&self) -> u32 {
        self.shard
    }

    /// Why everything stopped, if it has.
    #[must_use]
    pub fn halt_code(&self) -> Option<HaltCode> {
        let code = self.load(part::HALT, word::CODE);
        if code == 0 { None } else { HaltCode::decode(code).or(Some(HaltCode::StageCorrupt)) }
    }

    /// Counts of the matcher's and of the writer's heartbeat.
    #[must_use]
    pub fn heartbeats(&self) -> (u64, u64) {
        let matcher = self.load(part::STAGED, word::STAGED_HEARTBEAT);
        (matcher, self.load(part::WRITTEN, word::WRITTEN_HEARTBEAT))
    }

    /// Index and sequence of what is published.
    #[must_use]
    pub fn staged(&self) -> (u64, u64) {
        (self.load(part::STAGED, word::INDEX), self.load(part::STAGED, word::SEQUENCE))
    }

    /// Sequence of the last durable record.
    #[must_use]
    pub fn durable_sequence(&self) -> u64 {
        self.load(part::WRITTEN, word::DURABLE_SEQUENCE)
    }

    #[inline]
    pub(crate) fn open_to(&self) -> (u64, u64) {
        open_to(&|part, word| self.load(part, word))
    }

    #[inline]
    fn load(&self, part: u64, word: usize) -> u64 {
        self.control.line(part).word_acquire(word)
    }

    /// A reader from the first record of this stage on; it is `Lapped` if that is overwritten.
    #[must_use]
    pub fn read_from_start(&self) -> Reader {
        Reader::new(self.clone(), 0, self.first_sequence)
    }

    /// A reader that begins with `sequence`. `None` if the stage does not hold it any more, or no
    /// anchor leads to it; then read the segment files.
    #[must_use]
    pub fn read_from(&self, sequence: u64) -> Option<Reader> {
        let (_, staged) = self.staged();
        if sequence > staged.wrapping_add(1) {
            return None;
        }
        let pairs = (0..ANCHORS).map(|slot| {
            let line = self.control.line(part::ANCHORS + slot / 4);
            let word = (slot % 4) as usize * 2;
            (line.word(word), line.word(word + 1))
        });
        let origin = core::iter::once((0, self.first_sequence));
        let (index, from) = pairs
            .chain(origin)
            .filter(|(_, from)| *from != 0 && *from <= sequence)
            .max_by_key(|(_, from)| *from)?;
        let mut reader = Reader::new(self.clone(), index, from);
        // The pair may be half new; the record itself tells, by its sequence.
        while reader.next_sequence() < sequence {
            match reader.next_record(Limit::Staged) {
                Ok(Some(_)) => {}
                _ => return None,
            }
        }
        let is_there = sequence > staged || reader.copy().is_ok();
        is_there.then_some(reader)
    }
}

/// How far a reader may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// To the gate: for everything that leaves the box.
    Gate,
    /// To what is published: for tools, and for followers that compare.
    Staged,
}

/// Why a reader cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The appender has overwritten what was next. Go on in the segment files.
    #[error("the stage no longer holds sequence {sequence}; read it from the segment files")]
    Lapped {
        /// What was next.
        sequence: u64,
    },
    /// There is no record where one has to be.
    #[error("sequence {found} of {cells} cells at cell {index} of the stage, expected {expected}")]
    Corrupt {
        /// Cell.
        index: u64,
        /// Sequence due.
        expected: u64,
        /// Sequence found.
        found: u64,
        /// Cells the header counts.
        cells: u8,
    },
}

/// Reads the stage, record by record. Owns its place; any number of them disturb nobody.
pub struct Reader {
    view: StageView,
    position: u64,
    due: u64,
    /// Index up to which we may read, when last looked at.
    limit: (Limit, u64),
    record: [Cell; CELLS_MAX],
}

impl Reader {
    fn new(view: StageView, position: u64, due: u64) -> Self {
        let limit = (Limit::Gate, 0);
        Self { view, position, due, limit, record: [Cell::ZERO; CELLS_MAX] }
    }

    /// Sequence of the next record.
    #[must_use]
    pub fn next_sequence(&self) -> u64 {
        self.due
    }

    /// The next record, copied; `None` if there is none up to the limit.
    ///
    /// # Errors
    /// See [`ReadError`]. The reader stays where it is.
    #[inline]
    pub fn next_record(&mut self, limit: Limit) -> Result<Option<&[Cell]>, ReadError> {
        if self.limit.0 != limit || self.position >= self.limit.1 {
            let index = match limit {
                Limit::Gate => self.view.open_to().0,
                Limit::Staged => self.view.staged().0,
            };
            self.limit = (limit, index);
            if self.position >= index {
                return Ok(None);
            }
        }
        let cells = self.copy()?;
        self.position = self.position.wrapping_add(cells as u64);
        self.due = self.due.wrapping_add(1);
        Ok(self.record.get(..cells))
    }

    /// Hands up to `max` records to `take`, and tells how many.
    ///
    /// # Errors
    /// See [`ReadError`]. Records before the error were handed over.
    pub fn poll(
        &mut self,
        limit: Limit,
        max: usize,
        mut take: impl FnMut(&[Cell]),
    ) -> Result<usize, ReadError> {
        for count in 0..max {
            match self.next_record(limit)? {
                Some(record) => take(record),
                None => return Ok(count),
            }
        }
        Ok(max)
    }

    /// Copies the record at `position`, and only then asks whether it was still there.
    #[inline]
    fn copy(&mut self) -> Result<usize, ReadError> {
        let [first, rest @ ..] = &mut self.record;
        *first = self.view.cells.line(self.position).load();
        let header = *first.header();
        let cells = usize::from(header.cells);
        for (index, cell) in (1..).zip(rest.iter_mut().take(cells.saturating_sub(1))) {
            *cell = self.view.cells.line(self.position.wrapping_add(index)).load();
        }
        // Pairs with the Release fence in `Appender::claim`: if a load above saw a cell of a later
        // lap, the load below sees the claim for it.
        fence(Ordering::Acquire);
        let claimed = self.view.control.line(part::STAGED).word(word::CLAIMED);
        if claimed > self.position.wrapping_add(self.view.cells.lines()) {
            return Err(ReadError::Lapped { sequence: self.due });
        }
        if cells == 0 || cells > CELLS_MAX || header.sequence != self.due {
            let (index, expected) = (self.position, self.due);
            let found = header.sequence;
            return Err(ReadError::Corrupt { index, expected, found, cells: header.cells });
        }
        Ok(cells)
    }
}
