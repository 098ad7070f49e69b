//! The control of the benchmark: segment files written through a mapping, then fdatasync.
//!
//! Slower in the tail, as every sync write-protects the pages that come next; kept to show it, and
//! for machines where it wins.

use crate::format::{BLOCK_BYTES, Block};
use crate::writer::{BATCH_BLOCKS, SegmentSink};
use std::io;
use std::path::Path;
use wire::record::{CELL_BYTES, Cell};
use wire::region::{MapOptions, Region};

const BLOCK_LINES: usize = BLOCK_BYTES / CELL_BYTES;

/// Writes segments through a mapping.
pub struct FileMapped {
    region: Option<Region>,
    buffer: Box<[Block]>,
}

impl FileMapped {
    /// A sink without a file yet.
    #[must_use]
    pub fn new() -> Self {
        Self { region: None, buffer: vec![Block::ZERO; BATCH_BLOCKS].into_boxed_slice() }
    }
}

impl Default for FileMapped {
    fn default() -> Self {
        Self::new()
    }
}

impl SegmentSink for FileMapped {
    fn is_durable(&self) -> bool {
        true
    }

    fn buffer(&mut self) -> &mut [Block] {
        &mut self.buffer
    }

    fn open(&mut self, path: &Path, header: &Block) -> io::Result<()> {
        let region = Region::open(path, MapOptions::default()).map_err(io::Error::other)?;
        self.region = Some(region);
        if let Some(first) = self.buffer.first_mut() {
            *first = *header;
        }
        self.write(0, 1)
    }

    fn write(&mut self, block: u64, count: usize) -> io::Result<()> {
        let region = self.region.as_ref().ok_or(io::ErrorKind::NotConnected)?;
        let first = usize::try_from(block).map_err(io::Error::other)?;
        for (number, block) in (first..).zip(self.buffer.iter().take(count)) {
            let window = region.window(number * BLOCK_LINES, BLOCK_LINES);
            let window = window.ok_or(io::ErrorKind::WriteZero)?;
            let cells: &[Cell] = bytemuck::cast_slice(core::slice::from_ref(block));
            for (index, cell) in (0..).zip(cells) {
                window.line(index).store(&cell.0);
            }
        }
        region.file().ok_or(io::ErrorKind::NotConnected)?.sync_data()
    }

    fn close(&mut self) -> io::Result<()> {
        self.region = None;
        Ok(())
    }
}
