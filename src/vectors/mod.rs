//! The conformance vectors of OPEX, run through the real engine under its Peatio profile.
//!
//! A vector says what went in and what came out. Kinds whose feature is not built yet are skipped,
//! by name. [`venue`] holds the engine; [`exchange`] plays the layer above it, and its text says
//! where that layer ends; what moves money is always the engine's event.

mod exchange;
mod ledger;
mod matching;
mod primitives;
mod venue;

use crate::book::Book;
use crate::decimal::Decimal;
use crate::failure::Failure;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::path::Path;
use venue::{Terms, Venue};
use wire::codes::Side;

const FORMAT: &str = "opex-conformance-vectors/1";

/// A file of vectors.
#[derive(Deserialize)]
pub struct VectorFile {
    #[serde(rename = "_schema")]
    schema: Schema,
    markets: BTreeMap<String, Terms>,
    /// The vectors.
    pub vectors: Vec<Vector>,
}

#[derive(Deserialize)]
struct Schema {
    format: String,
}

/// One vector.
#[derive(Deserialize)]
pub struct Vector {
    /// Its name.
    pub id: String,
    /// What is tested.
    pub kind: String,
    /// In one line.
    pub title: String,
    input: Value,
    expect: Value,
}

/// What became of a vector.
pub enum Verdict {
    /// All facts equal.
    Passed,
    /// What differs.
    Failed(Vec<String>),
    /// Why it was not run.
    Skipped(&'static str),
}

impl VectorFile {
    /// Reads the file.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let advice = "give the file of vectors, like tests/vectors/opex.json";
        let text = std::fs::read(path).map_err(|error| Failure::file(path, &error, advice))?;
        let name = path.display();
        let file: Self = serde_json::from_slice(&text).map_err(|error| {
            Failure::input(format!("{name} is no file of vectors ({error}); {advice}"))
        })?;
        if file.schema.format != FORMAT {
            return Err(Failure::input(format!(
                "{name} has format {:?}, this build reads {FORMAT:?}; use a file of that format",
                file.schema.format
            )));
        }
        Ok(file)
    }

    /// Runs one vector.
    pub fn run(&self, vector: &Vector) -> Verdict {
        let outcome = match vector.kind.as_str() {
            "matching" => self.run_matching(vector),
            "exchange" => self.run_exchange(vector),
            "settlement_check" => self.with(vector, primitives::settlement_check),
            "market_estimate" => self.with(vector, primitives::market_estimate),
            "avg_price" => {
                typed(vector).and_then(|(input, expect)| primitives::avg_price(&input, &expect))
            }
            "account_op" => self.with(vector, primitives::account_op),
            _ => return Verdict::Skipped("belongs to a later issue"),
        };
        match outcome {
            Ok(differences) if differences.0.is_empty() => Verdict::Passed,
            Ok(differences) => Verdict::Failed(differences.0),
            Err(text) => Verdict::Failed(vec![text]),
        }
    }

    fn run_matching(&self, vector: &Vector) -> Result<Differences, String> {
        let (input, expect): (matching::Input, _) = typed(vector)?;
        matching::run(self.terms(&input.market)?, &input, &expect)
    }

    fn run_exchange(&self, vector: &Vector) -> Result<Differences, String> {
        let (input, expect): (exchange::Input, _) = typed(vector)?;
        exchange::run(self.terms(&input.market)?, &input, &expect)
    }

    /// Runs a vector that names no market: in the first one of the file.
    fn with<I: DeserializeOwned, E: DeserializeOwned>(
        &self,
        vector: &Vector,
        run: impl Fn(&Terms, &I, &E) -> Result<Differences, String>,
    ) -> Result<Differences, String> {
        let (input, expect) = typed(vector)?;
        let terms = self.markets.values().next().ok_or("the file has no markets")?;
        run(terms, &input, &expect)
    }

    fn terms(&self, market: &str) -> Result<&Terms, String> {
        self.markets.get(market).ok_or_else(|| format!("the file has no market {market}"))
    }
}

fn typed<I: DeserializeOwned, E: DeserializeOwned>(vector: &Vector) -> Result<(I, E), String> {
    let input = I::deserialize(&vector.input).map_err(|error| format!("input: {error}"))?;
    let expect = E::deserialize(&vector.expect).map_err(|error| format!("expect: {error}"))?;
    Ok((input, expect))
}

fn side_of(text: &str) -> Result<Side, String> {
    Side::ALL.iter().copied().find(|side| side.key() == text).ok_or(format!("no side {text}"))
}

/// What differs between expectation and fact.
#[derive(Default)]
struct Differences(Vec<String>);

impl Differences {
    fn compare<T: PartialEq + Debug>(&mut self, what: &str, expected: &T, found: &T) {
        if expected != found {
            self.0.push(format!("{what}: expected {expected:?}, found {found:?}"));
        }
    }

    /// The book that reads the events has to have understood every one.
    fn doubts(&mut self, book: &Book) {
        self.0.extend(book.doubts.iter().cloned());
    }
}

/// Both sides of a book, best level first.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Levels {
    asks: Vec<(Decimal, Decimal)>,
    bids: Vec<(Decimal, Decimal)>,
}

impl Levels {
    fn of(venue: &Venue) -> Self {
        let terms = &venue.terms;
        let side = |side| {
            let levels = venue.book.levels(side);
            levels.map(|(price, lots)| (terms.price(price), terms.quantity(lots))).collect()
        };
        Self { asks: side(Side::Sell), bids: side(Side::Buy) }
    }
}
