//! A log in memory: what an appender stores, without a reader.

use wire::command::Command;
use wire::event::{Event, EventSink};
use wire::record::{Cell, LAST_OF_GROUP};

/// A ring of cells, written once round before the clock starts. Every record gets the next
/// sequence and its cause's source, and the last of a group is marked, as the journal does it.
pub struct Log {
    cells: Box<[Cell]>,
    position: usize,
    sequence: u64,
    source: u16,
    last: usize,
}

impl Log {
    /// A log of a power of two of cells.
    #[must_use]
    pub fn new(cells: usize) -> Self {
        let cells = matcher::engine::huge::filled(Cell([1; 8]), cells.next_power_of_two());
        Self { cells, position: 0, sequence: 1, source: 0, last: 0 }
    }

    /// Records so far.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.sequence - 1
    }

    /// Cells so far.
    #[must_use]
    pub fn cells(&self) -> usize {
        self.position
    }

    /// Begins a group with its command.
    #[inline]
    pub fn begin(&mut self, command: &Command) {
        self.source = command.header().source;
        self.append(command.cells());
    }

    /// Ends the group.
    #[inline]
    pub fn end_group(&mut self) {
        let place = self.last & (self.cells.len() - 1);
        let [word, ..] = &mut self.cells[place].0;
        *word |= u64::from(LAST_OF_GROUP) << 16;
    }

    #[inline]
    fn append(&mut self, record: &[Cell]) {
        let mask = self.cells.len() - 1;
        self.last = self.position;
        for (index, cell) in record.iter().enumerate() {
            self.cells[(self.position + index) & mask] = *cell;
        }
        let [word, sequence, ..] = &mut self.cells[self.position & mask].0;
        *word = *word & !(0xffff << 48) | u64::from(self.source) << 48;
        *sequence = self.sequence;
        self.position += record.len();
        self.sequence += 1;
    }
}

impl EventSink for Log {
    #[inline]
    fn put<E: Event>(&mut self, event: &E) {
        let mask = self.cells.len() - 1;
        self.last = self.position;
        let words: &[u64] = bytemuck::cast_slice(core::slice::from_ref(event));
        let (lines, _) = words.as_chunks::<8>();
        for (index, line) in lines.iter().enumerate() {
            let mut line = *line;
            if index == 0 {
                let [word, sequence, ..] = &mut line;
                *word = *word & !(0xffff << 48) | u64::from(self.source) << 48;
                *sequence = self.sequence;
            }
            self.cells[(self.position + index) & mask] = Cell(line);
        }
        self.position += lines.len();
        self.sequence += 1;
    }
}
