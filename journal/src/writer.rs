//! The thread that makes the stage durable.
//!
//! It takes whatever is published, up to 1 MiB, frames it into blocks, writes them with one call of
//! its sink, and moves `durable`; then again. Batches so adapt to the load by themselves. One batch
//! is under way at a time. A batch starts on a fresh block and the rest of its last block is zero:
//! a block that was acknowledged is never written again.
//!
//! Any failure is final: the halt code is set, the gate stands still, nothing is retried. What the
//! device did with a failed write nobody knows, and a second sync that succeeds proves nothing.

use crate::format::{
    BLOCK_BYTES, BLOCK_CELLS, BLOCK_MAGIC, Block, BlockHeader, FORMAT, SEGMENT_MAGIC, SegmentHeader,
};
use crate::prepare::{PrepareError, Preparer, prepare};
use crate::stage::{HaltCode, Stage};
use core::time::Duration;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use wire::limits::CELLS_MAX;
use wire::record::Cell;
use wire::region::BootId;

/// Most blocks of a batch: 1 MiB of file.
pub const BATCH_BLOCKS: usize = 256;
/// Segment size when nothing else is said.
pub const SEGMENT_BYTES_DEFAULT: u64 = 256 << 20;

/// Where batches go.
pub trait SegmentSink: Send {
    /// Whether a batch is durable when `write` returns. If not, no files are prepared, `durable`
    /// never moves, and only a gate in mode `Mem` opens.
    fn is_durable(&self) -> bool;

    /// Where the next batch is framed: [`BATCH_BLOCKS`] blocks, or fewer.
    fn buffer(&mut self) -> &mut [Block];

    /// Makes the prepared file `path` the one that is written, and `header` its durable first
    /// block.
    ///
    /// # Errors
    /// Any is final.
    fn open(&mut self, path: &Path, header: &Block) -> io::Result<()>;

    /// Writes the first `count` blocks of the buffer to block `block` of the file; they are durable
    /// when it returns.
    ///
    /// # Errors
    /// Any is final.
    fn write(&mut self, block: u64, count: usize) -> io::Result<()>;

    /// Ends with the file.
    ///
    /// # Errors
    /// Any is final.
    fn close(&mut self) -> io::Result<()>;
}

/// Keeps nothing. For benchmarks, with the gate in mode `Mem`.
pub struct Discard {
    buffer: Box<[Block]>,
}

impl Discard {
    /// A sink that keeps nothing.
    #[must_use]
    pub fn new() -> Self {
        Self { buffer: vec![Block::ZERO; BATCH_BLOCKS].into_boxed_slice() }
    }
}

impl Default for Discard {
    fn default() -> Self {
        Self::new()
    }
}

impl SegmentSink for Discard {
    fn is_durable(&self) -> bool {
        false
    }

    fn buffer(&mut self) -> &mut [Block] {
        &mut self.buffer
    }

    fn open(&mut self, _path: &Path, _header: &Block) -> io::Result<()> {
        Ok(())
    }

    fn write(&mut self, _block: u64, _count: usize) -> io::Result<()> {
        Ok(())
    }

    fn close(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Where in the files a writer begins: [`Start::FRESH`], or behind what a
/// [`crate::segment::SegmentReader`] found ([`crate::segment::End::start`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Start {
    /// Number of the segment to begin.
    pub segment: u64,
    /// Checksum of the last good block before it.
    pub previous_digest: u32,
}

impl Start {
    /// In an empty directory.
    pub const FRESH: Self = Self { segment: 1, previous_digest: 0 };
}

/// What a writer is started with.
#[derive(Clone, Debug)]
pub struct WriterConfig {
    /// Directory of the segment files.
    pub dir: PathBuf,
    /// The running boot.
    pub boot_id: BootId,
    /// Bytes of a segment: whole blocks.
    pub segment_bytes: u64,
    /// Where to begin.
    pub start: Start,
    /// Idle rounds to spin before the writer yields.
    pub spins: u32,
    /// Idle rounds to yield before the writer sleeps.
    pub yields: u32,
    /// How long it sleeps.
    pub sleep: Duration,
}

impl WriterConfig {
    /// The defaults, for an empty directory.
    #[must_use]
    pub fn new(dir: PathBuf, boot_id: BootId) -> Self {
        Self {
            dir,
            boot_id,
            segment_bytes: SEGMENT_BYTES_DEFAULT,
            start: Start::FRESH,
            spins: 200,
            yields: 20,
            sleep: Duration::from_micros(20),
        }
    }
}

/// Why the writer ended.
#[derive(Debug, thiserror::Error)]
pub enum WriterError {
    /// The next segment could not be prepared.
    #[error("prepare the next segment")]
    Prepare(#[from] PrepareError),
    /// The sink failed. Never retried.
    #[error("{step} segment {segment}")]
    Sink {
        /// What was tried.
        step: &'static str,
        /// Segment.
        segment: u64,
        /// Cause.
        #[source]
        source: io::Error,
    },
    /// The stage holds something that is no record.
    #[error("sequence {found} at cell {index} of the stage, expected {expected}")]
    Stage {
        /// Cell.
        index: u64,
        /// Sequence due.
        expected: u64,
        /// Sequence found.
        found: u64,
    },
    /// A thread could not be started.
    #[error("start a thread")]
    Spawn(#[source] io::Error),
    /// The thread panicked: a bug.
    #[error("the writer thread panicked")]
    Panicked,
}

impl WriterError {
    fn halt_code(&self) -> HaltCode {
        match self {
            Self::Sink { step: "write", .. } => HaltCode::WriteFailed,
            Self::Stage { .. } | Self::Panicked => HaltCode::StageCorrupt,
            _ => HaltCode::SegmentFailed,
        }
    }
}

/// What a writer did in its life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WriterReport {
    /// Batches written.
    pub batches: u64,
    /// Blocks written.
    pub blocks: u64,
    /// Records written.
    pub records: u64,
    /// Segments begun.
    pub segments: u64,
}

/// The running writer thread.
pub struct JournalWriter {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Result<WriterReport, WriterError>>>,
}

impl JournalWriter {
    /// Prepares the first segment, begins it, and starts the thread.
    ///
    /// # Errors
    /// If the segment cannot be prepared or begun, or a thread not be started.
    pub fn spawn(
        stage: Arc<Stage>,
        config: WriterConfig,
        sink: Box<dyn SegmentSink>,
    ) -> Result<Self, WriterError> {
        let mut work = Work::new(stage, config, sink)?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let run = move || {
            let result = work.run(&stopped);
            if let Err(error) = &result {
                work.stage.halt(error.halt_code());
            }
            result
        };
        let thread = std::thread::Builder::new().name("ex-journal".into()).spawn(run);
        Ok(Self { stop, thread: Some(thread.map_err(WriterError::Spawn)?) })
    }

    /// Whether the thread has ended by itself, which it does only by an error.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Writes everything published until now, then ends the thread.
    ///
    /// # Errors
    /// What the thread ended with.
    pub fn stop(mut self) -> Result<WriterReport, WriterError> {
        self.stop.store(true, Ordering::Release);
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(result)) => result,
            _ => Err(WriterError::Panicked),
        }
    }
}

impl Drop for JournalWriter {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The thread's state.
struct Work {
    stage: Arc<Stage>,
    config: WriterConfig,
    sink: Box<dyn SegmentSink>,
    preparer: Option<Preparer>,
    framer: Framer,
    segment: u64,
    report: WriterReport,
}

impl Work {
    fn new(
        stage: Arc<Stage>,
        config: WriterConfig,
        sink: Box<dyn SegmentSink>,
    ) -> Result<Self, WriterError> {
        let framer = Framer {
            position: 0,
            due: stage.first_sequence(),
            digest: config.start.previous_digest,
            block: 0,
            batch: 1,
            epoch: stage.epoch(),
        };
        let segment = config.start.segment;
        let report = WriterReport::default();
        let mut work = Self { stage, config, sink, preparer: None, framer, segment, report };
        if work.sink.is_durable() {
            let (shard, bytes) = (work.stage.shard(), work.config.segment_bytes);
            let path = prepare(&work.config.dir, shard, segment, bytes)?;
            let dir = work.config.dir.clone();
            let preparer = Preparer::spawn(dir, shard, bytes).map_err(WriterError::Spawn)?;
            preparer.ask(segment + 1)?;
            work.preparer = Some(preparer);
            work.begin_segment(&path)?;
        }
        Ok(work)
    }

    fn run(&mut self, stop: &AtomicBool) -> Result<WriterReport, WriterError> {
        let mut idle_rounds = 0;
        loop {
            // Before the look at the stage: what was published before the stop is written.
            let stopping = stop.load(Ordering::Acquire);
            let (staged, _) = self.stage.staged();
            if staged != self.framer.position {
                idle_rounds = 0;
                self.write_batch(staged)?;
            } else if stopping {
                self.sink.close().map_err(self.failed("close"))?;
                return Ok(self.report);
            } else {
                idle_rounds = self.pause(idle_rounds);
            }
        }
    }

    fn pause(&self, idle_rounds: u32) -> u32 {
        if idle_rounds < self.config.spins {
            core::hint::spin_loop();
        } else if idle_rounds - self.config.spins < self.config.yields {
            std::thread::yield_now();
        } else {
            std::thread::sleep(self.config.sleep);
        }
        idle_rounds.saturating_add(1)
    }

    fn write_batch(&mut self, staged: u64) -> Result<(), WriterError> {
        let durable = self.sink.is_durable();
        let blocks_max = self.config.segment_bytes / BLOCK_BYTES as u64;
        if durable && self.framer.block == blocks_max {
            self.rotate()?;
        }
        let left = if durable { blocks_max - self.framer.block } else { u64::MAX };
        let buffer = self.sink.buffer();
        let room = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        let (buffer, _) = buffer.split_at_mut(room);
        let (due, block) = (self.framer.due, self.framer.block);
        let count = self.framer.frame(&self.stage, staged, buffer)?;
        self.sink.write(block, count).map_err(self.failed("write"))?;
        self.report.batches += 1;
        self.report.blocks += count as u64;
        self.report.records += self.framer.due - due;
        if durable {
            self.stage.set_durable(self.framer.position, self.framer.due.wrapping_sub(1));
        } else {
            self.stage.set_released(self.framer.position);
        }
        Ok(())
    }

    #[cold]
    fn rotate(&mut self) -> Result<(), WriterError> {
        self.sink.close().map_err(self.failed("close"))?;
        let preparer = self.preparer.as_ref().ok_or(PrepareError::Gone)?;
        let path = preparer.take()?;
        self.segment += 1;
        preparer.ask(self.segment + 1)?;
        self.begin_segment(&path)
    }

    fn begin_segment(&mut self, path: &Path) -> Result<(), WriterError> {
        let header = SegmentHeader {
            magic: SEGMENT_MAGIC,
            format: FORMAT,
            crc: 0,
            boot_id: self.config.boot_id.0,
            shard: self.stage.shard(),
            block_bytes: BLOCK_BYTES as u32,
            segment: self.segment,
            first_sequence: self.framer.due,
            previous_digest: u64::from(self.framer.digest),
            epoch: self.stage.epoch(),
            segment_bytes: self.config.segment_bytes,
            layout: u64::from(wire::LAYOUT_VERSION),
        };
        let (block, digest) = header.to_block();
        self.sink.open(path, &block).map_err(self.failed("begin"))?;
        self.framer.digest = digest;
        self.framer.block = 1;
        self.report.segments += 1;
        Ok(())
    }

    fn failed(&self, step: &'static str) -> impl FnOnce(io::Error) -> WriterError + use<> {
        let segment = self.segment;
        move |source| WriterError::Sink { step, segment, source }
    }
}

/// Turns cells of the stage into blocks.
struct Framer {
    /// Index of the next cell in the stage.
    position: u64,
    /// Sequence of the record that begins there.
    due: u64,
    /// Checksum of the last block.
    digest: u32,
    /// Number of the next block in the segment.
    block: u64,
    batch: u64,
    epoch: u64,
}

impl Framer {
    /// Frames whole records up to `staged` into `blocks`, as many as fit, and counts the blocks.
    fn frame(
        &mut self,
        stage: &Stage,
        staged: u64,
        blocks: &mut [Block],
    ) -> Result<usize, WriterError> {
        let durable_upto = self.due.wrapping_sub(1);
        let mut place = Place::new(blocks);
        while self.position < staged {
            let lines = stage.run(self.position, CELLS_MAX);
            let Some((first, rest)) = lines.split_first() else { break };
            let first = first.load();
            let header = *first.header();
            let cells = usize::from(header.cells);
            if cells == 0 || cells > CELLS_MAX || header.sequence != self.due {
                let (index, expected) = (self.position, self.due);
                return Err(WriterError::Stage { index, expected, found: header.sequence });
            }
            if place.room() < cells {
                break;
            }
            place.begin_record(self.due);
            place.put(first);
            for line in rest.iter().take(cells - 1) {
                place.put(line.load());
            }
            self.position += cells as u64;
            self.due = self.due.wrapping_add(1);
        }
        let count = place.finish();
        let (used, _) = blocks.split_at_mut(count);
        self.seal(used, durable_upto);
        Ok(count)
    }

    /// Completes the headers of a batch and chains the checksums.
    fn seal(&mut self, blocks: &mut [Block], durable_upto: u64) {
        let batch_blocks = blocks.len() as u16;
        for (batch_block, block) in (0..).zip(blocks) {
            block.header = BlockHeader {
                magic: BLOCK_MAGIC,
                block: self.block,
                batch: self.batch,
                durable_upto,
                epoch: self.epoch,
                batch_block,
                batch_blocks,
                previous_crc: self.digest,
                ..block.header
            };
            block.header.crc = block.checksum();
            self.digest = block.header.crc;
            self.block += 1;
        }
        self.batch += 1;
    }
}

/// Where the next cell goes.
struct Place<'a> {
    blocks: &'a mut [Block],
    block: usize,
    cell: usize,
}

impl<'a> Place<'a> {
    fn new(blocks: &'a mut [Block]) -> Self {
        let mut place = Self { blocks, block: 0, cell: 0 };
        place.clear_header();
        place
    }

    fn clear_header(&mut self) {
        if let Some(block) = self.blocks.get_mut(self.block) {
            let first_cell = BLOCK_CELLS as u16;
            block.header = BlockHeader { first_cell, ..BlockHeader::default() };
        }
    }

    /// Cells that fit.
    fn room(&self) -> usize {
        (self.blocks.len() - self.block) * BLOCK_CELLS - self.cell
    }

    /// Steps to the next block if this one is full. Called before anything is put.
    fn step(&mut self) {
        if self.cell == BLOCK_CELLS {
            self.end_block();
            self.block += 1;
            self.cell = 0;
            self.clear_header();
        }
    }

    fn begin_record(&mut self, sequence: u64) {
        self.step();
        if let Some(block) = self.blocks.get_mut(self.block)
            && block.header.first_sequence == 0
        {
            block.header.first_sequence = sequence;
            block.header.first_cell = self.cell as u16;
        }
    }

    fn put(&mut self, cell: Cell) {
        self.step();
        if let Some(block) = self.blocks.get_mut(self.block)
            && let Some(to) = block.cells.get_mut(self.cell)
        {
            *to = cell;
        }
        self.cell += 1;
    }

    fn end_block(&mut self) {
        if let Some(block) = self.blocks.get_mut(self.block) {
            block.header.used_cells = self.cell as u16;
            if let Some(padding) = block.cells.get_mut(self.cell..) {
                padding.fill(Cell::ZERO);
            }
        }
    }

    /// Ends the last block; counts the blocks in use.
    fn finish(mut self) -> usize {
        if self.cell == 0 && self.block == 0 {
            return 0;
        }
        self.end_block();
        self.block + 1
    }
}
