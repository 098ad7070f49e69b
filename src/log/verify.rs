//! Executes a log again: every command is applied to a fresh engine, and every record the log has
//! behind it is compared with what this engine tells, byte for byte, headers included.

use super::source::Source;
use crate::fact::cells_of;
use crate::failure::Failure;
use crate::progress::Progress;
use matcher::engine::Engine;
use matcher::engine::desk::Capacity;
use std::collections::VecDeque;
use wire::command::Command;
use wire::event::{Event, EventSink, kind};
use wire::limits::CELLS_MAX;
use wire::record::{CELL_BYTES, Cell, LAST_OF_GROUP};

/// Records before a difference that are shown.
const CONTEXT: usize = 6;
const PROGRESS_EVERY: u64 = 1 << 16;

/// A record, copied.
#[derive(Clone, Copy)]
pub struct Record {
    cells: [Cell; CELLS_MAX],
    count: usize,
}

impl Record {
    fn of(cells: &[Cell]) -> Self {
        let mut record = Self { cells: [Cell::ZERO; CELLS_MAX], count: cells.len().min(CELLS_MAX) };
        for (to, from) in record.cells.iter_mut().zip(cells) {
            *to = *from;
        }
        record
    }

    /// Its cells.
    pub fn cells(&self) -> &[Cell] {
        self.cells.get(..self.count).unwrap_or(&self.cells)
    }

    fn set_header(&mut self, change: impl FnOnce(&mut wire::record::Header)) {
        let bytes: &mut [u8] = bytemuck::cast_slice_mut(&mut self.cells);
        let (header, _) = bytes.split_at_mut(size_of::<wire::record::Header>());
        change(bytemuck::from_bytes_mut(header));
    }
}

/// The first record that is not what it has to be.
pub struct Difference {
    /// Records before it.
    pub context: Vec<Record>,
    /// What the engine tells; `None` if nothing more.
    pub expected: Option<Record>,
    /// What the log has.
    pub found: Record,
    /// First byte of the record that differs.
    pub byte: usize,
}

/// What the execution showed.
pub struct Verdict {
    /// Commands applied.
    pub commands: u64,
    /// Events compared.
    pub events: u64,
    /// The first difference; the execution ended there.
    pub difference: Option<Difference>,
    /// Events of the last command that the log does not have, because it was cut short.
    pub missing: usize,
    /// Hash of the engine's state after the last command.
    pub state_hash: u64,
}

/// The group of one command, as it has to stand in the log.
#[derive(Default)]
struct Expected {
    records: VecDeque<Record>,
    source: u16,
    sequence: u64,
}

impl Expected {
    /// Takes one record as the log's appender does: with the log's sequence, source and length.
    fn take(&mut self, mut record: Record) {
        let (source, sequence, cells) = (self.source, self.sequence, record.count as u8);
        self.sequence += 1;
        record.set_header(|header| {
            header.flags &= !LAST_OF_GROUP;
            header.cells = cells;
            header.source = source;
            header.sequence = sequence;
        });
        self.records.push_back(record);
    }
}

impl EventSink for Expected {
    fn put<E: Event>(&mut self, event: &E) {
        let (cells, count) = cells_of(event);
        self.take(Record { cells, count });
    }
}

/// Executes the whole log.
pub fn verify(source: &mut Source, capacity: &Capacity) -> Result<Verdict, Failure> {
    let first = source.next_sequence();
    if first != 1 {
        return Err(Failure::input(format!(
            "the log begins with sequence {first}; give a directory that holds it from sequence 1"
        )));
    }
    let mut engine = Engine::new(capacity);
    let mut progress = Progress::new("verify", source.bytes / CELL_BYTES as u64);
    let mut cells_done = 0;
    let mut verdict =
        Verdict { commands: 0, events: 0, difference: None, missing: 0, state_hash: 0 };
    let mut expected = Expected::default();
    let mut context = VecDeque::new();
    while let Some(cells) = source.next_record()? {
        let found = Record::of(cells);
        cells_done += cells.len() as u64;
        let is_event = cells.first().is_some_and(|cell| cell.header().kind >= kind::FIRST);
        if !is_event && expected.records.is_empty() {
            execute(&mut engine, &found, &mut expected);
            verdict.commands += 1;
        } else {
            verdict.events += 1;
        }
        if let Some(difference) = compare(expected.records.pop_front(), found) {
            let context = context.into();
            verdict.difference = Some(Difference { context, ..difference });
            break;
        }
        if context.len() == CONTEXT {
            context.pop_front();
        }
        context.push_back(found);
        if (verdict.commands + verdict.events).is_multiple_of(PROGRESS_EVERY) {
            progress.at(cells_done);
        }
    }
    progress.end();
    verdict.missing = expected.records.len();
    verdict.state_hash = engine.state_hash();
    Ok(verdict)
}

/// Applies a command; `expected` is then its whole group.
fn execute(engine: &mut Engine, found: &Record, expected: &mut Expected) {
    let command = Command::from_cells(found.cells());
    let header = command.header();
    (expected.source, expected.sequence) = (header.source, header.sequence);
    expected.take(*found);
    engine.apply(&command, expected);
    if let Some(last) = expected.records.back_mut() {
        last.set_header(|header| header.flags |= LAST_OF_GROUP);
    }
}

fn compare(expected: Option<Record>, found: Record) -> Option<Difference> {
    let bytes = |record: &Record| -> Vec<u8> { bytemuck::cast_slice(record.cells()).to_vec() };
    let byte = match &expected {
        None => 0,
        Some(expected) if expected.cells() == found.cells() => return None,
        Some(expected) => {
            let (expected, found) = (bytes(expected), bytes(&found));
            let differs = expected.iter().zip(&found).position(|(left, right)| left != right);
            differs.unwrap_or(expected.len().min(found.len()))
        }
    };
    Some(Difference { context: Vec::new(), expected, found, byte })
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::command::{Tick, kind};
    use wire::record::Header;

    #[test]
    fn a_changed_byte_is_found_where_it_is() {
        let tick = Tick { header: Header::new(kind::TICK, 1, 0), ..Tick::default() };
        let command = Command::new(&tick);
        let expected = Record::of(command.cells());
        let mut found = expected;
        assert!(compare(Some(expected), found).is_none());
        found.cells[0].0[3] ^= 0x0100;
        assert_eq!(compare(Some(expected), found).map(|difference| difference.byte), Some(25));
        assert!(compare(None, found).is_some());
    }
}
