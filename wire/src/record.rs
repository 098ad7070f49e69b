//! The 64-byte cell and the header every message begins with.

use bytemuck::{Pod, Zeroable};

/// Bytes of a cell: one cache line on the machines we build for.
pub const CELL_BYTES: usize = 64;

/// One cache line of a ring, of the log's stage or of a segment. A message is 1 to
/// [`crate::limits::CELLS_MAX`] cells long.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C, align(64))]
pub struct Cell(pub [u64; 8]);

impl Cell {
    /// All bytes zero.
    pub const ZERO: Self = Self([0; 8]);

    /// The header, if this is the first cell of a message.
    #[must_use]
    #[inline]
    pub fn header(&self) -> &Header {
        let (header, _) = self.0.split_at(2);
        bytemuck::from_bytes(bytemuck::cast_slice(header))
    }
}

/// First 16 bytes of every command and event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Header {
    /// What the message is: [`crate::command::kind`] below 64, [`crate::event::kind`] from 64 on.
    pub kind: u8,
    /// Length in cells.
    pub cells: u8,
    /// Per kind; the highest bit is [`LAST_OF_GROUP`] in the log.
    pub flags: u8,
    /// Layout version, the low byte of [`crate::LAYOUT_VERSION`].
    pub version: u8,
    /// Market the message is about; 0 for none or any.
    pub market: u16,
    /// The ring, and so the process, that the command came from.
    pub source: u16,
    /// In a ring: the producer's count, from 1, without gaps. In the log: the log's sequence.
    pub sequence: u64,
}

/// Header flag of the last record a command caused; on the command itself if it caused none.
pub const LAST_OF_GROUP: u8 = 0x80;

impl Header {
    /// A header for a message of `cells` cells; source and sequence are set on publication.
    #[must_use]
    #[inline]
    pub const fn new(kind: u8, cells: u8, market: u16) -> Self {
        Self {
            kind,
            cells,
            flags: 0,
            version: crate::LAYOUT_VERSION as u8,
            market,
            source: 0,
            sequence: 0,
        }
    }
}

const _: () = {
    assert!(size_of::<Cell>() == CELL_BYTES && align_of::<Cell>() == CELL_BYTES);
    assert!(size_of::<Header>() == 16 && align_of::<Header>() == 8);
    assert!(core::mem::offset_of!(Header, sequence) == 8);
};
