//! An `l3-replay-1` set: the commands of a market's participants, and what the venue made of them.
//! Everything is read and checked before the first command is sent.

use super::table::{Fields, Table};
use crate::book::Execution;
use crate::decimal::Decimal;
use crate::failure::Failure;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use wire::codes::Side;

const FORMAT: &str = "l3-replay-1";
const ADVICE: &str = "give the set without an ending, like tests/data/bitstamp-btcusd-20260502";

/// NAME.meta.json, as far as we use it.
#[derive(Debug, Deserialize)]
pub struct Meta {
    format: String,
    /// Name of the set.
    pub name: String,
    /// Where it was recorded.
    pub venue: String,
    /// What was traded.
    #[serde(rename = "instrument")]
    pub market: String,
    /// Day.
    pub date: String,
    /// Time of day.
    pub window_utc: String,
    /// One tick.
    pub tick_size: Decimal,
    /// One lot.
    pub lot_size: Decimal,
    /// What prices are in.
    pub price_unit: String,
    /// What quantities are in.
    #[serde(rename = "qty_unit")]
    pub quantity_unit: String,
    /// The last row of the opening book.
    pub snapshot_last_seq: u64,
    /// The book after the last command.
    pub final_book: FinalBook,
    /// File to the sum of its unpacked text.
    pub sha256_uncompressed: BTreeMap<String, String>,
}

/// The book after the last command.
#[derive(Debug, PartialEq, Deserialize)]
pub struct FinalBook {
    /// How many orders rest.
    pub resting_orders: usize,
    /// Best bid and its lots, best ask and its lots; 0 for none.
    pub best: [u64; 4],
}

/// What a row asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    /// Limit order.
    Add,
    /// Post-only limit order.
    Post,
    /// Limit order whose rest is dropped.
    Ioc,
    /// Market order.
    Market,
    /// Removal.
    Cancel,
    /// Less quantity, same place.
    Reduce,
    /// Removal, and an order at the back.
    Replace,
}

impl Operation {
    const ALL: [(&'static str, Self); 7] = [
        ("add", Self::Add),
        ("post", Self::Post),
        ("ioc", Self::Ioc),
        ("market", Self::Market),
        ("cancel", Self::Cancel),
        ("reduce", Self::Reduce),
        ("replace", Self::Replace),
    ];

    /// Its word in the file.
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(_, operation)| *operation == self).map_or("", |(word, _)| word)
    }
}

/// A row of the events file.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Recorded time.
    pub time_ns: u64,
    /// What it asks for.
    pub operation: Operation,
    /// The venue's order id.
    pub order_id: u64,
    /// Side.
    pub side: Side,
    /// Price in ticks.
    pub price: u64,
    /// Lots; for a cancel, what the venue says was left.
    pub lots: u64,
    /// What a replace removes.
    pub target: u64,
}

/// Best bid and its lots, best ask and its lots; 0 for none.
pub type Tops = [u128; 4];
/// Levels of a side, best first: price and lots.
pub type Ladder = Vec<(u64, u128)>;

/// Expectations after single rows, each with its row's number, in order.
#[derive(Debug, Default)]
pub struct Expectations {
    /// Executions of a row; rows that are not named have none.
    pub executions: Vec<(u64, Execution)>,
    /// Rows that are rejected; no other is.
    pub rejects: Vec<(u64, u64)>,
    /// Tops of the book.
    pub tops: Vec<(u64, Tops)>,
    /// Levels, bids then asks, as many as are given.
    pub ladders: Vec<(u64, (Ladder, Ladder))>,
}

/// A whole set.
pub struct DataSet {
    /// Description.
    pub meta: Meta,
    /// The commands.
    pub rows: Vec<Row>,
    /// What has to come of them.
    pub expectations: Expectations,
    /// Ticks that are added to every price on its way in and taken off on its way out. Our prices
    /// begin at one tick; a set may have orders below half a tick, which it rounds to price 0.
    pub lift: u64,
    /// Files whose sum is not the one that was written down: file, expected, found.
    pub wrong_sums: Vec<(String, String, String)>,
}

impl DataSet {
    /// Reads the set `base`, a path without ending.
    pub fn read(base: &Path) -> Result<Self, Failure> {
        let meta = read_meta(&with_ending(base, "meta.json"))?;
        let mut wrong_sums = Vec::new();
        let mut open = |file: &str| -> Result<Option<Table>, Failure> {
            let path = with_ending(base, &format!("{file}.csv.gz"));
            let table = Table::open(&path)?;
            let expected = meta.sha256_uncompressed.get(file);
            match (&table, expected) {
                (Some(table), Some(expected)) if table.sha256 != *expected => {
                    wrong_sums.push((file.to_owned(), expected.clone(), table.sha256.clone()));
                }
                (None, Some(_)) => return Err(missing(&path)),
                _ => {}
            }
            Ok(table)
        };
        let events = open("events")?;
        let rows = events.ok_or_else(|| missing(&with_ending(base, "events.csv.gz")))?;
        let rows = read_rows(&rows)?;
        let mut expectations = Expectations::default();
        if let Some(table) = open("exec")? {
            expectations.executions = read_executions(&table)?;
        }
        if let Some(table) = open("reject")? {
            expectations.rejects =
                table.rows("event_seq,order_id", ordered(|fields| fields.number("order_id")))?;
        }
        if let Some(table) = open("bbo")? {
            expectations.tops = read_tops(&table)?;
        }
        if let Some(table) = open("depth")? {
            let columns = "event_seq,source,bids,asks";
            expectations.ladders = table.rows(
                columns,
                ordered(|fields| {
                    fields.word("source")?;
                    Ok((ladder(fields.word("bids")?)?, ladder(fields.word("asks")?)?))
                }),
            )?;
        }
        // For reading only, but it has a sum.
        open("notes")?;
        let is_limit = |row: &Row| {
            !matches!(row.operation, Operation::Market | Operation::Cancel | Operation::Reduce)
        };
        let lift = u64::from(rows.iter().any(|row| is_limit(row) && row.price == 0));
        Ok(Self { meta, rows, expectations, lift, wrong_sums })
    }
}

fn with_ending(base: &Path, ending: &str) -> PathBuf {
    let mut path = base.as_os_str().to_owned();
    path.push(".");
    path.push(ending);
    PathBuf::from(path)
}

fn missing(path: &Path) -> Failure {
    let text = format!("{} does not exist, but the set's meta file counts on it", path.display());
    Failure::input(format!("{text}; copy it from its source"))
}

fn read_meta(path: &Path) -> Result<Meta, Failure> {
    #[derive(Deserialize)]
    struct Versioned {
        format: String,
    }
    let text = std::fs::read(path).map_err(|error| Failure::file(path, &error, ADVICE))?;
    let name = path.display();
    let fail = |error: serde_json::Error| {
        Failure::input(format!("{name} is no description of a data set ({error}); {ADVICE}"))
    };
    let versioned: Versioned = serde_json::from_slice(&text).map_err(fail)?;
    if versioned.format != FORMAT {
        return Err(Failure::input(format!(
            "{name} has format {:?}, this build reads {FORMAT:?}; convert the set, or use a build \
             that reads it",
            versioned.format
        )));
    }
    let meta: Meta = serde_json::from_slice(&text).map_err(fail)?;
    debug_assert_eq!(meta.format, FORMAT);
    Ok(meta)
}

fn side(word: &str) -> Result<Side, String> {
    match word {
        "b" => Ok(Side::Buy),
        "s" => Ok(Side::Sell),
        other => Err(format!("`{other}` is no side, b or s")),
    }
}

fn read_rows(table: &Table) -> Result<Vec<Row>, Failure> {
    let mut due = 1;
    table.rows("seq,ts_ns,op,order_id,side,price,qty,ref_order_id", |fields| {
        let seq = fields.number("seq")?;
        if seq != due {
            return Err(format!("seq {seq} where {due} is due"));
        }
        due += 1;
        let time_ns = fields.number("ts_ns")?;
        let word = fields.word("op")?;
        let operation = Operation::ALL.iter().find(|(known, _)| *known == word);
        Ok(Row {
            time_ns,
            operation: operation.ok_or_else(|| format!("`{word}` is no op"))?.1,
            order_id: fields.number("order_id")?,
            side: side(fields.word("side")?)?,
            price: fields.number("price")?,
            lots: fields.number("qty")?,
            target: fields.number("ref_order_id")?,
        })
    })
}

/// Rows that begin with the number of the event they are about, which never goes back.
fn ordered<T>(
    mut rest: impl FnMut(&mut Fields<'_>) -> Result<T, String>,
) -> impl FnMut(&mut Fields<'_>) -> Result<(u64, T), String> {
    let mut last = 0;
    move |fields| {
        let seq = fields.number("event_seq")?;
        if seq < last {
            return Err(format!("event_seq {seq} after {last}"));
        }
        last = seq;
        Ok((seq, rest(fields)?))
    }
}

fn read_executions(table: &Table) -> Result<Vec<(u64, Execution)>, Failure> {
    let columns = "exec_seq,event_seq,ts_ns,taker_order_id,taker_side,maker_order_id,price,qty";
    let mut rest = ordered(|fields| {
        fields.number("ts_ns")?;
        Ok(Execution {
            taker: fields.number("taker_order_id")?,
            side: side(fields.word("taker_side")?)?,
            maker: fields.number("maker_order_id")?,
            price: fields.number("price")?,
            lots: fields.number("qty")?,
        })
    });
    table.rows(columns, |fields| {
        fields.number("exec_seq")?;
        rest(fields)
    })
}

fn read_tops(table: &Table) -> Result<Vec<(u64, Tops)>, Failure> {
    let columns = "event_seq,bid_price,bid_qty,ask_price,ask_qty,source";
    table.rows(
        columns,
        ordered(|fields| {
            let mut tops = [0; 4];
            for (top, column) in
                tops.iter_mut().zip(["bid_price", "bid_qty", "ask_price", "ask_qty"])
            {
                *top = u128::from(fields.number(column)?);
            }
            fields.word("source")?;
            Ok(tops)
        }),
    )
}

fn ladder(word: &str) -> Result<Ladder, String> {
    let level = |pair: &str| {
        let (price, lots) = pair.split_once(':')?;
        Some((price.parse().ok()?, lots.parse().ok()?))
    };
    let levels = word.split_whitespace();
    levels.map(|pair| level(pair).ok_or(format!("`{pair}` is no level, price:qty"))).collect()
}
