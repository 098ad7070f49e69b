//! Reading segment files in order, checking everything: names, headers, the chain of checksums, the
//! epoch, and that sequences grow by one.
//!
//! Where the written part ends is found by the blocks themselves. A zero block is a clean end. A
//! block that does not check is damage if anything later proves that it had been acknowledged: a
//! good block of a later batch, whose `durable_upto` says so, or a next segment that goes on behind
//! it. Otherwise it is the torn tail of a batch nobody was told of, and the end; good blocks of
//! that same batch beyond it are counted and not used. A damaged last batch cannot be told from a
//! torn one by the files alone: compare [`End::next_sequence`] with what others know.
//!
//! What the files hold may be ahead of the gate by one batch: a reader that acts on it asks the
//! gate.

use crate::format::{
    BLOCK_BYTES, BLOCK_CELLS, BLOCK_MAGIC, Block, FORMAT, SEGMENT_MAGIC, SegmentHeader,
    segment_name,
};
use crate::writer::Start;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use wire::limits::CELLS_MAX;
use wire::record::Cell;

/// Blocks read at once.
const READ_BLOCKS: usize = 256;

/// Why segments could not be read further.
#[derive(Debug, thiserror::Error)]
pub enum SegmentError {
    /// The operating system refused.
    #[error("{step} `{path}`")]
    Io {
        /// What was tried.
        step: &'static str,
        /// File or directory.
        path: PathBuf,
        /// Cause.
        #[source]
        source: io::Error,
    },
    /// No segment was begun here.
    #[error("no segment of shard {shard} with records in `{dir}`")]
    NoSegment {
        /// Directory.
        dir: PathBuf,
        /// Shard.
        shard: u32,
    },
    /// The first segment begins later.
    #[error("`{path}` begins with sequence {found}, wanted {expected}; look in the archive")]
    TooLate {
        /// Oldest file.
        path: PathBuf,
        /// Its first sequence.
        found: u64,
        /// Sequence wanted.
        expected: u64,
    },
    /// A field is not what it has to be.
    #[error("`{path}` at byte {offset}: {field} is {found:#x}, expected {expected:#x}")]
    Field {
        /// File.
        path: PathBuf,
        /// Byte of the block or cell.
        offset: u64,
        /// Field.
        field: &'static str,
        /// What it has to be.
        expected: u64,
        /// What it is.
        found: u64,
    },
    /// A block does not check, and later ones prove that it was acknowledged.
    #[error(
        "`{path}` at byte {offset} is damaged: checksum {found:#010x}, expected {expected:#010x}, \
         while sequence {proven} was durable; restore it from a copy, do not truncate"
    )]
    Damaged {
        /// File.
        path: PathBuf,
        /// Byte of the block.
        offset: u64,
        /// Checksum its bytes have; or, if they fit, the checksum it has to continue.
        expected: u32,
        /// Checksum it says; or the one it says it continues.
        found: u32,
        /// A sequence at or behind the damage that was durable.
        proven: u64,
    },
}

/// How the written part ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndKind {
    /// At a block that was never written, or at the end of the last file.
    Clean,
    /// At a batch that was cut short.
    Torn {
        /// Good blocks of that batch beyond the first bad one.
        beyond: u64,
    },
}

/// Where the written part ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// File.
    pub path: PathBuf,
    /// Byte of the first block that is not part of the log.
    pub offset: u64,
    /// How.
    pub kind: EndKind,
    /// Sequence the next record will have.
    pub next_sequence: u64,
    /// Epoch of the last segment.
    pub epoch: u64,
    /// Where a writer has to begin.
    pub start: Start,
}

/// Reads one shard's segments in one directory.
pub struct SegmentReader {
    dir: PathBuf,
    shard: u32,
    file: File,
    path: PathBuf,
    header: SegmentHeader,
    /// Checksum of the last good block.
    digest: u32,
    due: u64,
    /// Number of the next block of the file to be looked at.
    block: u64,
    buffer: Box<[Block]>,
    /// Number in the file of the first buffered block, and how many there are.
    buffered: (u64, usize),
    /// The block records come from, as an index of `buffer`, and its next and last cell.
    current: (usize, usize, usize),
    /// A record that passes the end of its block.
    carry: [Cell; CELLS_MAX],
    carried: usize,
    follows: bool,
    end: Option<End>,
}

impl SegmentReader {
    /// Reads from the oldest segment on.
    ///
    /// # Errors
    /// See [`SegmentError`].
    pub fn open(dir: &Path, shard: u32) -> Result<Self, SegmentError> {
        let numbers = list(dir, shard)?;
        let oldest = numbers.first().copied();
        let begun = oldest.map(|number| begin(dir, shard, number)).transpose()?.flatten();
        let begun = begun.ok_or(SegmentError::NoSegment { dir: dir.to_path_buf(), shard })?;
        Ok(Self::new(dir, shard, begun))
    }

    /// Reads from the record `sequence` on. The checksums are verified from the beginning of its
    /// segment.
    ///
    /// # Errors
    /// See [`SegmentError`].
    pub fn open_at(dir: &Path, shard: u32, sequence: u64) -> Result<Self, SegmentError> {
        let mut oldest = None;
        for number in list(dir, shard)?.into_iter().rev() {
            let Some(begun) = begin(dir, shard, number)? else { continue };
            let found = begun.header.first_sequence;
            if found <= sequence {
                let mut reader = Self::new(dir, shard, begun);
                while reader.due < sequence && reader.next_record()?.is_some() {}
                return Ok(reader);
            }
            oldest = Some((begun.path, found));
        }
        Err(match oldest {
            Some((path, found)) => SegmentError::TooLate { path, found, expected: sequence },
            None => SegmentError::NoSegment { dir: dir.to_path_buf(), shard },
        })
    }

    fn new(dir: &Path, shard: u32, begun: Begun) -> Self {
        let Begun { file, path, header } = begun;
        let blocks = usize::try_from(header.segment_bytes / BLOCK_BYTES as u64);
        let blocks = blocks.unwrap_or(READ_BLOCKS).clamp(1, READ_BLOCKS);
        Self {
            dir: dir.to_path_buf(),
            shard,
            file,
            path,
            digest: header.crc,
            due: header.first_sequence,
            header,
            block: 1,
            buffer: vec![Block::ZERO; blocks].into_boxed_slice(),
            buffered: (0, 0),
            current: (0, 0, 0),
            carry: [Cell::ZERO; CELLS_MAX],
            carried: 0,
            follows: false,
            end: None,
        }
    }

    /// For a reader that follows a log being written: an end is not searched for proof of damage
    /// beyond it, which takes a look at the whole rest of the file.
    #[must_use]
    pub fn following(mut self) -> Self {
        self.follows = true;
        self
    }

    /// Sequence of the next record.
    #[must_use]
    pub fn next_sequence(&self) -> u64 {
        self.due
    }

    /// Where the written part ended; `None` until [`Self::next_record`] has said so.
    #[must_use]
    pub fn end(&self) -> Option<&End> {
        self.end.as_ref()
    }

    /// The next record; `None` at the end, which is looked at anew by the next call.
    ///
    /// # Errors
    /// See [`SegmentError`]. The reader stays where it is.
    #[inline]
    pub fn next_record(&mut self) -> Result<Option<&[Cell]>, SegmentError> {
        loop {
            let (index, cell, used) = self.current;
            if cell == used {
                if !self.next_block()? {
                    return Ok(None);
                }
                continue;
            }
            if self.carried > 0 {
                if let Some(length) = self.carry_on() {
                    return Ok(self.carry.get(..length));
                }
                continue;
            }
            let length = self.check_record(index, cell)?;
            if cell + length <= used {
                self.current.1 += length;
                self.due = self.due.wrapping_add(1);
                let cells = self.buffer.get(index).map(|block| &block.cells);
                return Ok(cells.and_then(|cells| cells.get(cell..cell + length)));
            }
            self.carry_on();
        }
    }

    /// Reads all records to the end and counts them.
    ///
    /// # Errors
    /// See [`SegmentError`].
    pub fn for_each(&mut self, mut take: impl FnMut(&[Cell])) -> Result<u64, SegmentError> {
        let mut count = 0;
        while let Some(record) = self.next_record()? {
            take(record);
            count += 1;
        }
        Ok(count)
    }

    /// Checks the header of the record that begins here; its length.
    #[inline]
    fn check_record(&self, index: usize, cell: usize) -> Result<usize, SegmentError> {
        let first = self.buffer.get(index).and_then(|block| block.cells.get(cell));
        let header = first.map(|cell| *cell.header()).unwrap_or_default();
        let length = usize::from(header.cells);
        if length == 0 || length > CELLS_MAX {
            return Err(self.wrong_record(cell, "cells", 1, u64::from(header.cells)));
        }
        if header.sequence != self.due {
            return Err(self.wrong_record(cell, "sequence", self.due, header.sequence));
        }
        Ok(length)
    }

    #[cold]
    fn wrong_record(
        &self,
        cell: usize,
        field: &'static str,
        expected: u64,
        found: u64,
    ) -> SegmentError {
        let block = self.block.saturating_sub(1);
        let offset = block * BLOCK_BYTES as u64 + 64 * (cell as u64 + 1);
        SegmentError::Field { path: self.path.clone(), offset, field, expected, found }
    }

    /// Copies what this block has of a record that passes its end; the length once it is whole.
    fn carry_on(&mut self) -> Option<usize> {
        let (index, cell, used) = self.current;
        let cells = self.buffer.get(index).and_then(|block| block.cells.get(cell..used))?;
        let [head, ..] = &self.carry;
        let head = if self.carried > 0 { head } else { cells.first()? };
        let length = usize::from(head.header().cells).min(CELLS_MAX);
        let free = self.carry.get_mut(self.carried..length)?;
        let mut taken = 0;
        for (to, from) in free.iter_mut().zip(cells) {
            *to = *from;
            taken += 1;
        }
        self.carried += taken;
        self.current.1 += taken;
        if self.carried < length {
            return None;
        }
        self.carried = 0;
        self.due = self.due.wrapping_add(1);
        Some(length)
    }

    /// Steps to the next good block. `false` at the end.
    fn next_block(&mut self) -> Result<bool, SegmentError> {
        let blocks = self.header.segment_bytes / BLOCK_BYTES as u64;
        loop {
            if self.block >= blocks {
                if self.next_segment()? {
                    continue;
                }
                self.set_end(EndKind::Clean);
                return Ok(false);
            }
            let index = self.load(self.block)?;
            let block = self.buffer.get(index).unwrap_or(&Block::ZERO);
            if self.is_good(block) {
                self.digest = block.header.crc;
                self.current = (index, 0, usize::from(block.header.used_cells).min(BLOCK_CELLS));
                self.block += 1;
                self.end = None;
                return Ok(true);
            }
            // Not to be kept: the writer may be about to write it.
            self.buffered = (0, 0);
            self.current = (0, 0, 0);
            let bad = *block;
            if !self.end_or_next_segment(&bad)? {
                return Ok(false);
            }
        }
    }

    fn is_good(&self, block: &Block) -> bool {
        let header = &block.header;
        header.magic == BLOCK_MAGIC
            && header.block == self.block
            && header.epoch == self.header.epoch
            && (1..=BLOCK_CELLS).contains(&usize::from(header.used_cells))
            && header.previous_crc == self.digest
            && header.crc == block.checksum()
    }

    /// At a block that is not good: `true` if the log goes on in the next segment.
    #[cold]
    fn end_or_next_segment(&mut self, bad: &Block) -> Result<bool, SegmentError> {
        let blocks = self.header.segment_bytes / BLOCK_BYTES as u64;
        let mut beyond = 0;
        let mut zero = bad.is_zero();
        let last = if self.follows { self.block } else { blocks.saturating_sub(1) };
        for number in self.block + 1..=last {
            let index = self.load(number)?;
            let Some(block) = self.buffer.get(index) else { break };
            let header = block.header;
            let fits = header.magic == BLOCK_MAGIC
                && header.block == number
                && header.epoch == self.header.epoch
                && header.crc == block.checksum();
            zero &= block.is_zero();
            if fits {
                beyond += 1;
            }
            if fits && header.durable_upto >= self.due {
                // A whole block that does not belong here tells by what it continues.
                let (expected, found) = match bad.checksum() == bad.header.crc {
                    true => (self.digest, bad.header.previous_crc),
                    false => (bad.checksum(), bad.header.crc),
                };
                return Err(self.damaged(expected, found, header.durable_upto));
            }
        }
        self.buffered = (0, 0);
        if self.next_segment()? {
            return Ok(true);
        }
        let clean = zero && self.carried == 0;
        self.set_end(if clean { EndKind::Clean } else { EndKind::Torn { beyond } });
        Ok(false)
    }

    fn damaged(&self, expected: u32, found: u32, proven: u64) -> SegmentError {
        let offset = self.block * BLOCK_BYTES as u64;
        SegmentError::Damaged { path: self.path.clone(), offset, expected, found, proven }
    }

    /// Goes on in the next segment, if it was begun. It has to go on exactly here.
    fn next_segment(&mut self) -> Result<bool, SegmentError> {
        let number = self.header.segment + 1;
        let Some(begun) = begin(&self.dir, self.shard, number)? else { return Ok(false) };
        let next = begun.header;
        for (field, expected, found) in [
            ("first_sequence", self.due, next.first_sequence),
            ("previous_digest", u64::from(self.digest), next.previous_digest),
            ("epoch", self.header.epoch.max(next.epoch), next.epoch),
        ] {
            if expected != found {
                let path = begun.path;
                return Err(SegmentError::Field { path, offset: 0, field, expected, found });
            }
        }
        self.file = begun.file;
        self.path = begun.path;
        self.header = next;
        self.digest = next.crc;
        self.block = 1;
        self.buffered = (0, 0);
        self.current = (0, 0, 0);
        // The beginning of a record whose rest was cut off.
        self.carried = 0;
        Ok(true)
    }

    fn set_end(&mut self, kind: EndKind) {
        self.end = Some(End {
            path: self.path.clone(),
            offset: self.block * BLOCK_BYTES as u64,
            kind,
            next_sequence: self.due,
            epoch: self.header.epoch,
            start: Start { segment: self.header.segment + 1, previous_digest: self.digest },
        });
    }

    /// The block `number` of the file: its index in the buffer.
    #[inline]
    fn load(&mut self, number: u64) -> Result<usize, SegmentError> {
        let (first, count) = self.buffered;
        if number >= first && number - first < count as u64 {
            return Ok((number - first) as usize);
        }
        let left = (self.header.segment_bytes / BLOCK_BYTES as u64).saturating_sub(number);
        let count = usize::try_from(left).unwrap_or(usize::MAX).min(self.buffer.len());
        let (part, _) = self.buffer.split_at_mut(count);
        let bytes: &mut [u8] = bytemuck::cast_slice_mut(part);
        self.buffered = (0, 0);
        self.file
            .read_exact_at(bytes, number * BLOCK_BYTES as u64)
            .map_err(|source| SegmentError::Io { step: "read", path: self.path.clone(), source })?;
        self.buffered = (number, count);
        Ok(0)
    }
}

struct Begun {
    file: File,
    path: PathBuf,
    header: SegmentHeader,
}

/// Numbers of the shard's segments, in order.
fn list(dir: &Path, shard: u32) -> Result<Vec<u64>, SegmentError> {
    let fail = |source| SegmentError::Io { step: "list", path: dir.to_path_buf(), source };
    let prefix = format!("S{shard}-");
    let mut numbers = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(fail)? {
        let name = entry.map_err(fail)?.file_name();
        let name = name.to_str().unwrap_or("");
        let digits = name.strip_prefix(&prefix).and_then(|rest| rest.strip_suffix(".jnl"));
        numbers.extend(digits.and_then(|digits| digits.parse::<u64>().ok()));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// Opens a segment and checks its header. `None` if it is not there or was not begun.
fn begin(dir: &Path, shard: u32, number: u64) -> Result<Option<Begun>, SegmentError> {
    let path = dir.join(segment_name(shard, number));
    let fail = |step| {
        let path = path.clone();
        move |source| SegmentError::Io { step, path, source }
    };
    let file = match File::open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(fail("open"))?,
    };
    let length = file.metadata().map_err(fail("look at"))?.len();
    let mut block = Block::ZERO;
    file.read_exact_at(bytemuck::bytes_of_mut(&mut block), 0).map_err(fail("read"))?;
    if block.is_zero() {
        return Ok(None);
    }
    let (header, checks) = SegmentHeader::from_block(&block);
    for (field, expected, found) in [
        ("magic", SEGMENT_MAGIC, header.magic),
        ("format", u64::from(FORMAT), u64::from(header.format)),
        ("header checksum (1: it fits)", 1, u64::from(checks)),
        ("block_bytes", BLOCK_BYTES as u64, u64::from(header.block_bytes)),
        ("layout", u64::from(wire::LAYOUT_VERSION), header.layout),
        ("shard", u64::from(shard), u64::from(header.shard)),
        ("segment", number, header.segment),
        ("segment_bytes", length, header.segment_bytes),
    ] {
        if expected != found {
            return Err(SegmentError::Field { path, offset: 0, field, expected, found });
        }
    }
    Ok(Some(Begun { file, path, header }))
}
