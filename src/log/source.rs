//! A log to be read from its beginning: a directory of segment files, or a stage in shared memory.

use crate::failure::Failure;
use journal::format::{BLOCK_BYTES, segment_name};
use journal::segment::{EndKind, SegmentReader};
use journal::stage::{Limit, Reader, StageView};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use wire::record::Cell;
use wire::region::BootId;

/// Where records come from.
pub struct Source {
    from: From,
    /// Bytes there are, roughly: for telling how far one is.
    pub bytes: u64,
}

enum From {
    Segments(Box<SegmentReader>),
    /// The reader, and the sequence up to which it reads: what was published at the start.
    Stage(Box<Reader>, u64),
}

impl Source {
    /// Opens the log at `path`; `shard` tells which, if a directory holds several.
    pub fn open(path: &Path, shard: u32) -> Result<Self, Failure> {
        let advice = "give a directory of segment files, or the file of a stage";
        let data = std::fs::metadata(path).map_err(|error| Failure::file(path, &error, advice))?;
        if data.is_dir() {
            let reader = SegmentReader::open(path, shard)
                .map_err(|error| Failure::chain("cannot read the log", &error))?;
            let bytes = written_bytes(path, shard);
            return Ok(Self { from: From::Segments(Box::new(reader)), bytes });
        }
        let name = path.display();
        let boot_id =
            BootId::current().map_err(|error| Failure::chain("ask for the boot", &error))?;
        let view = StageView::open(path, boot_id)
            .map_err(|error| Failure::chain(&format!("cannot read {name}"), &error))?;
        let (cells, last) = view.staged();
        let reader = Box::new(view.read_from_start());
        Ok(Self { from: From::Stage(reader, last), bytes: cells * size_of::<Cell>() as u64 })
    }

    /// Sequence of the next record.
    pub fn next_sequence(&self) -> u64 {
        match &self.from {
            From::Segments(reader) => reader.next_sequence(),
            From::Stage(reader, _) => reader.next_sequence(),
        }
    }

    /// The next record; `None` at the end.
    pub fn next_record(&mut self) -> Result<Option<&[Cell]>, Failure> {
        match &mut self.from {
            From::Segments(reader) => {
                reader.next_record().map_err(|error| Failure::chain("cannot read the log", &error))
            }
            From::Stage(reader, last) if reader.next_sequence() > *last => Ok(None),
            From::Stage(reader, _) => {
                let record = reader.next_record(Limit::Staged);
                record.map_err(|error| Failure::chain("cannot read the stage", &error))
            }
        }
    }

    /// What is to be said about how the log ends, after its end.
    pub fn end(&self) -> Option<String> {
        let From::Segments(reader) = &self.from else { return None };
        match reader.end()?.kind {
            EndKind::Clean => None,
            EndKind::Torn { beyond } => Some(format!(
                "the last batch is cut short at byte {} of {}; {beyond} of its blocks are beyond",
                reader.end()?.offset,
                reader.end()?.path.display()
            )),
        }
    }
}

/// Bytes of the segments that were begun; of the last one, up to its first empty block.
fn written_bytes(dir: &Path, shard: u32) -> u64 {
    let mut bytes = 0;
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let digits = name.to_str().and_then(|name| name.strip_suffix(".jnl"));
        let number = digits.and_then(|name| name.rsplit('-').next()?.parse().ok());
        if number.is_some_and(|number| name.to_str() == Some(&segment_name(shard, number))) {
            bytes += File::open(entry.path()).map_or(0, |file| written_blocks(&file));
        }
    }
    bytes * BLOCK_BYTES as u64
}

/// Blocks are written in order, so the first empty one is found by halving.
fn written_blocks(file: &File) -> u64 {
    let is_written = |block: u64| {
        let mut head = [0; 16];
        let read = file.read_exact_at(&mut head, block * BLOCK_BYTES as u64);
        read.is_ok() && head != [0; 16]
    };
    let blocks = file.metadata().map_or(0, |data| data.len() / BLOCK_BYTES as u64);
    let (mut written, mut empty) = (0, blocks);
    while written < empty {
        let middle = u64::midpoint(written, empty);
        if is_written(middle) {
            written = middle + 1;
        } else {
            empty = middle;
        }
    }
    written
}
