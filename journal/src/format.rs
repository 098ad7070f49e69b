//! Segment files: blocks of 4 KiB, as FORMAT.md draws them.
//!
//! What stays true: the checksum of a block continues that of the block before it, and the first
//! block's that of the segment header, so a block that was moved, repeated or left over from
//! another life of the file does not fit. A block is written once.

use bytemuck::{Pod, Zeroable};
use core::mem::offset_of;
use wire::record::Cell;

/// Bytes of a block.
pub const BLOCK_BYTES: usize = 4096;
/// Cells of records in a block.
pub const BLOCK_CELLS: usize = 63;
/// First word of a segment file.
pub const SEGMENT_MAGIC: u64 = u64::from_le_bytes(*b"OPXJRNL\0");
/// Second word of a block.
pub const BLOCK_MAGIC: u32 = u32::from_le_bytes(*b"OBLK");
/// Version of this format.
pub const FORMAT: u32 = 1;

/// First 64 bytes of a block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct BlockHeader {
    /// CRC32C of the rest of the block, continuing that of the block before.
    pub crc: u32,
    /// [`BLOCK_MAGIC`].
    pub magic: u32,
    /// Number in the segment; the segment header is block 0.
    pub block: u64,
    /// Number of the batch, from 1, over all segments of an epoch.
    pub batch: u64,
    /// Sequence of the first record that begins in this block; 0 if none does.
    pub first_sequence: u64,
    /// The last sequence known to be durable when the batch was issued.
    pub durable_upto: u64,
    /// Epoch of the matcher.
    pub epoch: u64,
    /// Cells in use, 1 to 63; those after them are zero.
    pub used_cells: u16,
    /// Cell in which the first record begins; 63 if none does.
    pub first_cell: u16,
    /// Place in its batch, from 0.
    pub batch_block: u16,
    /// Blocks of the batch.
    pub batch_blocks: u16,
    /// Checksum of the block before, so that a block can be checked by itself.
    pub previous_crc: u32,
    /// Zero.
    pub reserved: u32,
}

/// One block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C, align(4096))]
pub struct Block {
    /// Header.
    pub header: BlockHeader,
    /// Records.
    pub cells: [Cell; BLOCK_CELLS],
}

/// First block of a segment file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct SegmentHeader {
    /// [`SEGMENT_MAGIC`].
    pub magic: u64,
    /// [`FORMAT`].
    pub format: u32,
    /// CRC32C of the whole block with this field zero.
    pub crc: u32,
    /// Boot in which the segment was begun.
    pub boot_id: [u64; 2],
    /// Number of the matcher.
    pub shard: u32,
    /// [`BLOCK_BYTES`].
    pub block_bytes: u32,
    /// Number of the segment, from 1.
    pub segment: u64,
    /// Sequence of its first record.
    pub first_sequence: u64,
    /// CRC of the last good block of the segment before; 0 for the first.
    pub previous_digest: u64,
    /// Epoch of the matcher.
    pub epoch: u64,
    /// Bytes of the file.
    pub segment_bytes: u64,
    /// [`wire::LAYOUT_VERSION`].
    pub layout: u64,
}

/// A row of FORMAT.md: field, offset, size.
pub type Row = (&'static str, usize, usize);

/// The tables of FORMAT.md; a test compares the two.
pub const TABLES: &[(&str, &[Row])] = &[
    (
        "record",
        &[
            ("kind", 0, 1),
            ("cells", 1, 1),
            ("flags", 2, 1),
            ("version", 3, 1),
            ("market", offset_of!(wire::record::Header, market), 2),
            ("source", offset_of!(wire::record::Header, source), 2),
            ("sequence", offset_of!(wire::record::Header, sequence), 8),
        ],
    ),
    (
        "block",
        &[
            ("crc", offset_of!(BlockHeader, crc), 4),
            ("magic", offset_of!(BlockHeader, magic), 4),
            ("block", offset_of!(BlockHeader, block), 8),
            ("batch", offset_of!(BlockHeader, batch), 8),
            ("first_sequence", offset_of!(BlockHeader, first_sequence), 8),
            ("durable_upto", offset_of!(BlockHeader, durable_upto), 8),
            ("epoch", offset_of!(BlockHeader, epoch), 8),
            ("used_cells", offset_of!(BlockHeader, used_cells), 2),
            ("first_cell", offset_of!(BlockHeader, first_cell), 2),
            ("batch_block", offset_of!(BlockHeader, batch_block), 2),
            ("batch_blocks", offset_of!(BlockHeader, batch_blocks), 2),
            ("previous_crc", offset_of!(BlockHeader, previous_crc), 4),
            ("reserved", offset_of!(BlockHeader, reserved), 4),
            ("cells", offset_of!(Block, cells), 4032),
        ],
    ),
    (
        "segment",
        &[
            ("magic", offset_of!(SegmentHeader, magic), 8),
            ("format", offset_of!(SegmentHeader, format), 4),
            ("crc", offset_of!(SegmentHeader, crc), 4),
            ("boot_id", offset_of!(SegmentHeader, boot_id), 16),
            ("shard", offset_of!(SegmentHeader, shard), 4),
            ("block_bytes", offset_of!(SegmentHeader, block_bytes), 4),
            ("segment", offset_of!(SegmentHeader, segment), 8),
            ("first_sequence", offset_of!(SegmentHeader, first_sequence), 8),
            ("previous_digest", offset_of!(SegmentHeader, previous_digest), 8),
            ("epoch", offset_of!(SegmentHeader, epoch), 8),
            ("segment_bytes", offset_of!(SegmentHeader, segment_bytes), 8),
            ("layout", offset_of!(SegmentHeader, layout), 8),
        ],
    ),
];

const _: () = {
    assert!(size_of::<Block>() == BLOCK_BYTES && align_of::<Block>() == BLOCK_BYTES);
    assert!(size_of::<BlockHeader>() == 64 && offset_of!(Block, cells) == 64);
    assert!(size_of::<SegmentHeader>() == 88 && offset_of!(SegmentHeader, crc) == 12);
};

impl Block {
    /// All zero: nothing was written here.
    pub const ZERO: Self = Self {
        header: BlockHeader {
            crc: 0,
            magic: 0,
            block: 0,
            batch: 0,
            first_sequence: 0,
            durable_upto: 0,
            epoch: 0,
            used_cells: 0,
            first_cell: 0,
            batch_block: 0,
            batch_blocks: 0,
            previous_crc: 0,
            reserved: 0,
        },
        cells: [Cell::ZERO; BLOCK_CELLS],
    };

    /// The checksum this block has to have behind the one it says it continues.
    #[must_use]
    pub fn checksum(&self) -> u32 {
        let (_, rest) = bytemuck::bytes_of(self).split_at(size_of::<u32>());
        crc32c::crc32c_append(self.header.previous_crc, rest)
    }

    /// Whether nothing was written here.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        *self == Self::ZERO
    }
}

impl SegmentHeader {
    /// The header as a block, with its checksum set.
    #[must_use]
    pub fn to_block(mut self) -> (Block, u32) {
        let mut block = Block::ZERO;
        self.crc = 0;
        self.write(&mut block);
        self.crc = crc32c::crc32c(bytemuck::bytes_of(&block));
        self.write(&mut block);
        (block, self.crc)
    }

    /// The header that stands in a block, and whether its checksum fits.
    #[must_use]
    pub fn from_block(block: &Block) -> (Self, bool) {
        let (bytes, _) = bytemuck::bytes_of(block).split_at(size_of::<Self>());
        let header: Self = bytemuck::pod_read_unaligned(bytes);
        let mut bare = *block;
        Self { crc: 0, ..header }.write(&mut bare);
        (header, crc32c::crc32c(bytemuck::bytes_of(&bare)) == header.crc)
    }

    fn write(&self, block: &mut Block) {
        let (bytes, _) = bytemuck::bytes_of_mut(block).split_at_mut(size_of::<Self>());
        bytes.copy_from_slice(bytemuck::bytes_of(self));
    }
}

/// Name of a segment's file.
#[must_use]
pub fn segment_name(shard: u32, segment: u64) -> String {
    format!("S{shard}-{segment:010}.jnl")
}
