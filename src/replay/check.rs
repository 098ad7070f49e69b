//! Compares what the log says with what the venue did, row by row, by a book built from the log.

use super::dataset::{DataSet, FinalBook, Operation, Row, Tops};
use crate::book::{Book, Execution};
use crate::fact::Fact;
use std::collections::BTreeMap;
use std::fmt::Debug;
use wire::codes::{DoneReason, Side};
use wire::command::Command;
use wire::event::Rejected;
use wire::reason::RejectReason;
use wire::record::{Cell, LAST_OF_GROUP};

/// What is compared, as the summary names it: mostly the file the expectation is from.
pub const CHECKS: [&str; 8] =
    ["exec", "reject", "bbo", "depth", "cancel", "final_book", "sha256", "log"];
/// Differences that are told in full.
const TOLD_MAX: usize = 10;

/// How often something was compared, and how often it differed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// Comparisons.
    pub compared: u64,
    /// Differences.
    pub differing: u64,
}

/// The comparison under way.
pub struct Check<'a> {
    set: &'a DataSet,
    /// The reader's book.
    pub book: Book,
    /// Rows that are done.
    pub rows_done: usize,
    /// Trades seen.
    pub executions: u64,
    /// Lots traded.
    pub traded_lots: u128,
    /// Ticks times lots traded.
    pub traded_ticks: u128,
    /// By check.
    pub tallies: BTreeMap<&'static str, Tally>,
    /// The first differences, in words.
    pub told: Vec<String>,
    /// Expectations that are behind us.
    passed: Passed,
    group: Group,
}

#[derive(Default)]
struct Passed {
    executions: usize,
    rejects: usize,
    tops: usize,
    ladders: usize,
}

/// What the row at hand caused so far.
#[derive(Debug, Default)]
struct Group {
    executions: Vec<Execution>,
    rejected: Option<Rejected>,
    /// What was left of the order that was cancelled.
    cancelled: Option<u64>,
    is_replaced: bool,
}

impl<'a> Check<'a> {
    /// A comparison with `set` that has not begun.
    pub fn new(set: &'a DataSet) -> Self {
        let mut check = Self {
            set,
            book: Book::default(),
            rows_done: 0,
            executions: 0,
            traded_lots: 0,
            traded_ticks: 0,
            tallies: CHECKS.iter().map(|name| (*name, Tally::default())).collect(),
            told: Vec::new(),
            passed: Passed::default(),
            group: Group::default(),
        };
        for file in set.meta.sha256_uncompressed.keys() {
            let wrong = set.wrong_sums.iter().find(|(wrong, _, _)| wrong == file);
            let wrong = wrong.map(|(file, expected, found)| {
                format!("sha256 of {file}: expected {expected}, found {found}")
            });
            check.count("sha256", wrong);
        }
        check
    }

    /// How many comparisons differed.
    pub fn differing(&self) -> u64 {
        self.tallies.values().map(|tally| tally.differing).sum()
    }

    /// A record of the log: the command of a row, or one of its events.
    pub fn record(&mut self, cells: &[Cell]) {
        let Some(first) = cells.first() else { return };
        if first.header().kind < wire::event::kind::FIRST {
            self.book.command(&Command::from_cells(cells));
        } else if let Some(fact) = Fact::read(cells) {
            self.fact(&fact);
        }
        if first.header().flags & LAST_OF_GROUP != 0 {
            self.book.end_group();
            self.book.changes.clear();
            self.row_is_done();
        }
    }

    /// Levels of a side, best first, in the set's prices.
    pub fn levels(&self, side: Side) -> impl Iterator<Item = (u64, u128)> + '_ {
        let lift = self.set.lift;
        self.book.levels(side).map(move |(price, lots)| (price.saturating_sub(lift), lots))
    }

    fn fact(&mut self, fact: &Fact) {
        if let Some(mut execution) = self.book.event(fact) {
            execution.price = execution.price.saturating_sub(self.set.lift);
            self.executions += 1;
            self.traded_lots += u128::from(execution.lots);
            self.traded_ticks += u128::from(execution.price) * u128::from(execution.lots);
            self.group.executions.push(execution);
        }
        match fact {
            Fact::Rejected(rejected) => self.group.rejected = Some(*rejected),
            Fact::Done(done) if done.reason == DoneReason::Requested.code() => {
                self.group.cancelled = Some(done.leaves_lots);
            }
            Fact::Done(done) if done.reason == DoneReason::Replaced.code() => {
                self.group.is_replaced = true;
            }
            _ => {}
        }
    }

    fn row_is_done(&mut self) {
        let group = std::mem::take(&mut self.group);
        let Some(row) = self.set.rows.get(self.rows_done).copied() else {
            return self.differs("log", format!("a command after the last row: {group:?}"));
        };
        self.rows_done += 1;
        let seq = self.rows_done as u64;
        self.compare_executions(seq, &group.executions);
        self.compare_rejection(seq, &row, group.rejected.as_ref());
        self.compare_cancel(seq, &row, &group);
        self.compare_book(seq);
        for doubt in std::mem::take(&mut self.book.doubts) {
            self.differs("log", format!("row {seq}: {doubt}"));
        }
    }

    fn compare_executions(&mut self, seq: u64, found: &[Execution]) {
        let rows = &self.set.expectations.executions;
        let expected = take_rows(rows, &mut self.passed.executions, seq);
        for place in 0..expected.len().max(found.len()) {
            let expected = expected.get(place).map(|(_, execution)| execution);
            let found = found.get(place);
            self.compare("exec", seq, &expected, &found);
        }
    }

    fn compare_rejection(&mut self, seq: u64, row: &Row, found: Option<&Rejected>) {
        let rows = &self.set.expectations.rejects;
        let expected = take_rows(rows, &mut self.passed.rejects, seq);
        let expected = expected.first().map(|(_, order_id)| *order_id);
        let reason = found.and_then(|rejected| RejectReason::decode(rejected.reason));
        let is_equal = match (expected, reason) {
            (None, None) => true,
            (Some(order_id), Some(RejectReason::WouldCross)) => {
                order_id == row.order_id && row.operation == Operation::Post
            }
            _ => false,
        };
        if is_equal && expected.is_none() {
            return;
        }
        let text = || {
            let reason = reason.map_or("accepted", RejectReason::key);
            let word = row.operation.word();
            match expected {
                Some(order_id) => {
                    format!("row {seq}: {word} {order_id} to be rejected, is {reason}")
                }
                None => format!("row {seq}: {word} {} is rejected: {reason}", row.order_id),
            }
        };
        self.count("reject", (!is_equal).then(text));
    }

    fn compare_cancel(&mut self, seq: u64, row: &Row, group: &Group) {
        match row.operation {
            Operation::Cancel => self.compare("cancel", seq, &Some(row.lots), &group.cancelled),
            Operation::Replace if !group.is_replaced => {
                let text = format!("row {seq}: order {} to be replaced did not rest", row.target);
                self.count("cancel", Some(text));
            }
            _ => {}
        }
    }

    fn compare_book(&mut self, seq: u64) {
        let set = self.set;
        let found = self.tops();
        for (_, tops) in take_rows(&set.expectations.tops, &mut self.passed.tops, seq) {
            self.compare("bbo", seq, tops, &found);
        }
        let rows = take_rows(&set.expectations.ladders, &mut self.passed.ladders, seq);
        for (_, (bids, asks)) in rows {
            let levels = |side, count| self.levels(side).take(count).collect::<Vec<_>>();
            let found = (levels(Side::Buy, bids.len()), levels(Side::Sell, asks.len()));
            self.compare("depth", seq, &(bids, asks), &(&found.0, &found.1));
        }
    }

    /// After the last row.
    pub fn finish(&mut self) {
        let set = self.set;
        let tops = self.tops();
        let found = FinalBook {
            resting_orders: self.book.resting_count(),
            best: tops.map(|number| u64::try_from(number).unwrap_or(u64::MAX)),
        };
        self.compare("final_book", set.rows.len() as u64, &set.meta.final_book, &found);
        let expected = &set.expectations;
        for (name, passed, all) in [
            ("exec", self.passed.executions, expected.executions.len()),
            ("reject", self.passed.rejects, expected.rejects.len()),
            ("bbo", self.passed.tops, expected.tops.len()),
            ("depth", self.passed.ladders, expected.ladders.len()),
        ] {
            for _ in passed..all {
                self.differs(name, format!("{name}: a line is about no row of the events file"));
            }
        }
    }

    fn tops(&self) -> Tops {
        let (bid, bid_lots) = self.levels(Side::Buy).next().unwrap_or_default();
        let (ask, ask_lots) = self.levels(Side::Sell).next().unwrap_or_default();
        [u128::from(bid), bid_lots, u128::from(ask), ask_lots]
    }

    fn compare<T: PartialEq + Debug>(
        &mut self,
        name: &'static str,
        seq: u64,
        expected: &T,
        found: &T,
    ) {
        let text = || format!("row {seq}, {name}: expected {expected:?}, found {found:?}");
        self.count(name, (expected != found).then(text));
    }

    fn differs(&mut self, name: &'static str, text: String) {
        self.count(name, Some(text));
    }

    fn count(&mut self, name: &'static str, difference: Option<String>) {
        let tally = self.tallies.entry(name).or_default();
        tally.compared += 1;
        if let Some(text) = difference {
            tally.differing += 1;
            if self.told.len() < TOLD_MAX {
                self.told.push(text);
            }
        }
    }
}

/// The expectations about row `seq`, which are next if there are any.
fn take_rows<'a, T>(rows: &'a [(u64, T)], passed: &mut usize, seq: u64) -> &'a [(u64, T)] {
    let rest = rows.get(*passed..).unwrap_or_default();
    let count = rest.iter().take_while(|(about, _)| *about == seq).count();
    *passed += count;
    rest.get(..count).unwrap_or_default()
}
