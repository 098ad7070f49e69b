//! Kind `matching`: the engine alone. One amply funded member trades with itself, the vectors'
//! order ids are client order ids, and market buys bring their lock with them.

use super::venue::{BASE, QUOTE, Request, Terms, Venue};
use super::{Differences, Levels, side_of};
use crate::decimal::Decimal;
use crate::fact::Fact;
use serde::Deserialize;
use std::collections::HashMap;
use wire::codes::{DoneReason, Side};
use wire::command::{kind, profile};
use wire::event::{Done, Trade};

const MEMBER: u32 = 1;
const AMPLE: Decimal = Decimal(1_000_000_000_000_000_000_000_000_000_000);
const PROFILE: u32 = profile::IMPROVEMENT_HELD
    | profile::WHOLE_LEVEL_STOP
    | profile::SELF_TRADE_ALLOWED
    | profile::MAKER_BY_ID;

/// What a vector does.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Name of the market.
    pub market: String,
    actions: Vec<Action>,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
enum Action {
    Submit(Submit),
    Cancel { id: u64 },
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Submit {
    id: u64,
    side: String,
    ord_type: String,
    price: Option<Decimal>,
    volume: Decimal,
    locked: Option<Decimal>,
}

/// What a vector expects.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    events: Vec<Event>,
    book: Levels,
    resting: Vec<Resting>,
    increments: Option<Vec<Increment>>,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, untagged)]
enum Event {
    Trade { trade: TradeRow },
    Cancel { cancel: u64, volume: Decimal, locked: Option<Decimal> },
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct TradeRow {
    price: Decimal,
    amount: Decimal,
    total: Decimal,
    maker_order_id: u64,
    taker_order_id: u64,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Resting {
    id: u64,
    side: String,
    price: Decimal,
    volume: Decimal,
}

/// The text on the wire: level and its total, empty when the level has gone.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Increment {
    asks: Option<[String; 2]>,
    bids: Option<[String; 2]>,
    sequence: u64,
}

/// Runs one vector.
pub fn run(terms: &Terms, input: &Input, expect: &Expect) -> Result<Differences, String> {
    let mut run = Run::new(terms)?;
    for action in &input.actions {
        match action {
            Action::Submit(submit) => run.submit(submit)?,
            Action::Cancel { id } => run.cancel(*id),
        }
    }
    let mut differences = Differences::default();
    differences.compare("events", &expect.events, &run.events);
    differences.compare("book", &expect.book, &Levels::of(&run.venue));
    differences.compare("resting", &expect.resting, &run.resting());
    if let Some(increments) = &expect.increments {
        differences.compare("increments", increments, &run.increments);
    }
    differences.doubts(&run.venue.book);
    Ok(differences)
}

struct Run {
    venue: Venue,
    /// The engine's order id to the vector's, and whether it is a market order.
    ids: HashMap<u64, (u64, bool)>,
    events: Vec<Event>,
    increments: Vec<Increment>,
}

impl Run {
    fn new(terms: &Terms) -> Result<Self, String> {
        let mut venue = Venue::new(&terms.unlimited(), PROFILE, &[0])?;
        for currency in [BASE, QUOTE] {
            let funded = venue.funds(kind::DEPOSIT, MEMBER, currency, AMPLE);
            funded.map_err(|reason| format!("deposit: {}", reason.key()))?;
        }
        Ok(Self { venue, ids: HashMap::new(), events: Vec::new(), increments: Vec::new() })
    }

    fn submit(&mut self, submit: &Submit) -> Result<(), String> {
        let terms = &self.venue.terms;
        let side = side_of(&submit.side)?;
        let is_market = submit.ord_type == "market";
        let price = match (is_market, submit.price) {
            (true, None) => None,
            (false, Some(price)) => Some(terms.ticks(price).ok_or("price has too many places")?),
            _ => return Err(format!("order {} is neither limit nor market", submit.id)),
        };
        let request = Request {
            member: MEMBER,
            id: submit.id,
            side,
            price,
            lots: terms.lots(submit.volume).ok_or("volume has too many places")?,
            // A market sell always locks its volume; only a buy needs to be told how much.
            hold: submit.locked.filter(|_| is_market && side == Side::Buy),
        };
        // Peatio passes over a second submit of an order; the engine rejects it: both do nothing.
        let facts = self.venue.submit(&request).unwrap_or_default();
        for fact in &facts {
            match fact {
                Fact::Accepted(accepted) => {
                    self.ids.insert(accepted.order_id, (submit.id, is_market));
                }
                Fact::Trade(trade) => self.trade(trade),
                Fact::Done(done) => self.done(done),
                _ => {}
            }
        }
        self.publish_levels();
        Ok(())
    }

    fn cancel(&mut self, id: u64) {
        // An order that has gone is not found, and Peatio tells nobody.
        for fact in self.venue.cancel(MEMBER, id).unwrap_or_default() {
            if let Fact::Done(done) = fact {
                self.done(&done);
            }
        }
        self.publish_levels();
    }

    fn trade(&mut self, trade: &Trade) {
        let id = |order_id| self.ids.get(&order_id).map_or(0, |(id, _)| *id);
        let terms = &self.venue.terms;
        let trade = TradeRow {
            price: terms.price(trade.price_ticks),
            amount: terms.quantity(trade.quantity_lots.into()),
            total: terms.notional(trade.price_ticks, trade.quantity_lots),
            maker_order_id: id(trade.maker_order_id),
            taker_order_id: id(trade.taker_order_id),
        };
        self.events.push(Event::Trade { trade });
    }

    fn done(&mut self, done: &Done) {
        let (id, is_market) = self.ids.get(&done.order_id).copied().unwrap_or_default();
        let released = Decimal(done.released.get());
        let used_up = is_market && released == Decimal::ZERO && done.filled_lots > 0;
        // To Peatio's engine a market order is filled when its volume or its lock is used up.
        if done.reason == DoneReason::Filled.code() || used_up {
            return;
        }
        let volume = self.venue.terms.quantity(done.leaves_lots.into());
        let locked = is_market.then_some(released);
        self.events.push(Event::Cancel { cancel: id, volume, locked });
    }

    fn publish_levels(&mut self) {
        for change in self.venue.book.changes.drain(..) {
            let terms = &self.venue.terms;
            let lots = match change.lots {
                0 => String::new(),
                lots => terms.quantity(lots).to_string(),
            };
            let level = Some([terms.price(change.price).to_string(), lots]);
            let sequence = self.increments.len() as u64 + 2;
            self.increments.push(match change.side {
                Side::Sell => Increment { asks: level, bids: None, sequence },
                Side::Buy => Increment { asks: None, bids: level, sequence },
            });
        }
    }

    fn resting(&self) -> Vec<Resting> {
        let orders =
            [Side::Sell, Side::Buy].into_iter().flat_map(|side| self.venue.book.orders(side));
        let row = |order: crate::book::Order| Resting {
            id: order.client_order_id,
            side: order.side.key().to_owned(),
            price: self.venue.terms.price(order.price),
            volume: self.venue.terms.quantity(order.leaves.into()),
        };
        orders.map(row).collect()
    }
}
