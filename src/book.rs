//! A book built from the log's records alone, as a gateway builds its own.
//!
//! It shares no code with the matcher's book: it knows commands (what an order asked for) and
//! events (what became of it), nothing else. It follows limit and market orders, cancels, amends
//! and cancel-and-new in one market; that is all that replays and vectors send.
//!
//! What stays true: `lots` of a level is the sum of its queue. A record that does not fit what came
//! before is a [`Book::doubts`], never a panic.

use crate::fact::Fact;
use std::collections::{BTreeMap, HashMap};
use wire::codes::{DoneReason, Side};
use wire::command::{CancelNew, Command, NewOrder, kind};
use wire::event::{Accepted, Done, PRIORITY_LOST, Restated, Trade, trade_flag};

/// An order as the log tells of it.
#[derive(Clone, Copy, Debug)]
pub struct Order {
    /// The matcher's id.
    pub id: u64,
    /// The owner's id.
    pub client_order_id: u64,
    /// Side.
    pub side: Side,
    /// Limit price.
    pub price: u64,
    /// What is left of it.
    pub leaves: u64,
    /// Its place in time.
    arrival: u64,
}

/// A trade in the owners' ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Execution {
    /// Client order id of the taker.
    pub taker: u64,
    /// The taker's side.
    pub side: Side,
    /// Client order id of the maker.
    pub maker: u64,
    /// Price in ticks.
    pub price: u64,
    /// Quantity in lots.
    pub lots: u64,
}

/// A level's lots after a change; 0 if it has gone.
#[derive(Clone, Copy, Debug)]
pub struct LevelChange {
    /// Side of the level.
    pub side: Side,
    /// Its price.
    pub price: u64,
    /// Its lots now.
    pub lots: u128,
}

#[derive(Default)]
struct Level {
    lots: u128,
    /// Arrival to order id.
    queue: BTreeMap<u64, u64>,
}

/// The book.
#[derive(Default)]
pub struct Book {
    resting: HashMap<u64, Order>,
    levels: [BTreeMap<u64, Level>; 2],
    arrivals: u64,
    /// What the command at hand asked for.
    asked: NewOrder,
    /// The order at hand, until the end of its group.
    taking: Option<Order>,
    /// Changes of levels since the caller last emptied this.
    pub changes: Vec<LevelChange>,
    /// Records that did not fit; empty as long as all is well.
    pub doubts: Vec<String>,
}

impl Book {
    /// A command: its events follow.
    pub fn command(&mut self, command: &Command) {
        self.asked = match command.header().kind {
            kind::NEW_ORDER => *command.view::<NewOrder>(),
            kind::CANCEL_NEW => command.view::<CancelNew>().order,
            _ => NewOrder::default(),
        };
    }

    /// An event of the command at hand; the execution, if it is a trade.
    pub fn event(&mut self, fact: &Fact) -> Option<Execution> {
        match fact {
            Fact::Accepted(accepted) => self.accepted(accepted),
            Fact::Trade(trade) => return Some(self.trade(trade)),
            Fact::Done(done) => self.done(done),
            Fact::Restated(restated) => self.restated(restated),
            _ => {}
        }
        None
    }

    /// The group is over: what is left of the order at hand rests.
    pub fn end_group(&mut self) {
        if let Some(order) = self.taking.take().filter(|order| order.leaves > 0) {
            self.rest(order);
        }
    }

    /// Levels of a side, best first.
    pub fn levels(&self, side: Side) -> Box<dyn Iterator<Item = (u64, u128)> + '_> {
        let levels = self.levels[side as usize].iter().map(|(price, level)| (*price, level.lots));
        match side {
            Side::Buy => Box::new(levels.rev()),
            Side::Sell => Box::new(levels),
        }
    }

    /// Orders of a side, best price first, oldest first in a level.
    pub fn orders(&self, side: Side) -> Vec<Order> {
        let prices: Vec<u64> = self.levels(side).map(|(price, _)| price).collect();
        let queues = prices.iter().filter_map(|price| self.levels[side as usize].get(price));
        let ids = queues.flat_map(|level| level.queue.values());
        ids.filter_map(|id| self.resting.get(id)).copied().collect()
    }

    /// How many orders rest.
    pub fn resting_count(&self) -> usize {
        self.resting.len()
    }

    /// A resting order, or the one at hand.
    pub fn order(&self, id: u64) -> Option<&Order> {
        self.resting.get(&id).or(self.taking.as_ref().filter(|order| order.id == id))
    }

    fn accepted(&mut self, accepted: &Accepted) {
        let Some(side) = Side::decode(self.asked.side) else { return };
        self.taking = Some(Order {
            id: accepted.order_id,
            client_order_id: accepted.client_order_id,
            side,
            price: self.asked.price_ticks,
            leaves: self.asked.quantity_lots,
            arrival: 0,
        });
    }

    fn trade(&mut self, trade: &Trade) -> Execution {
        let (resting, taking) = match trade.flags & trade_flag::ROLES_SWAPPED {
            0 => (trade.maker_order_id, trade.taker_order_id),
            _ => (trade.taker_order_id, trade.maker_order_id),
        };
        let client = |book: &Self, id| book.order(id).map_or(0, |order| order.client_order_id);
        let execution = Execution {
            taker: client(self, trade.taker_order_id),
            side: Side::decode(trade.taker_side).unwrap_or(Side::Buy),
            maker: client(self, trade.maker_order_id),
            price: trade.price_ticks,
            lots: trade.quantity_lots,
        };
        match &mut self.taking {
            Some(order) if order.id == taking => {
                order.leaves = order.leaves.saturating_sub(trade.quantity_lots);
            }
            _ => self.doubt(format!("trade {}: order {taking} is not at hand", trade.trade_id)),
        }
        self.reduce(resting, trade.resting_lots, Some(trade.quantity_lots));
        execution
    }

    fn done(&mut self, done: &Done) {
        if self.taking.is_some_and(|order| order.id == done.order_id) {
            self.taking = None;
        } else if self.resting.contains_key(&done.order_id) {
            self.reduce(done.order_id, 0, None);
        } else if done.reason != DoneReason::Filled.code() {
            self.doubt(format!("order {} is done and was not there", done.order_id));
        }
    }

    fn restated(&mut self, restated: &Restated) {
        let Some(order) = self.resting.get(&restated.order_id).copied() else {
            return self.doubt(format!("order {} changed and was not there", restated.order_id));
        };
        if restated.header.flags & PRIORITY_LOST == 0 {
            return self.reduce(order.id, restated.leaves_lots, None);
        }
        self.reduce(order.id, 0, None);
        let (price, leaves) = (restated.price_ticks, restated.leaves_lots);
        self.taking = Some(Order { price, leaves, ..order });
    }

    /// A resting order has `leaves` left; with `traded`, that many fewer than before.
    fn reduce(&mut self, id: u64, leaves: u64, traded: Option<u64>) {
        let Some(order) = self.resting.get_mut(&id) else {
            return self.doubt(format!("order {id} should rest and does not"));
        };
        let before = *order;
        order.leaves = leaves;
        if leaves == 0 {
            self.resting.remove(&id);
        }
        if traded.is_some_and(|lots| before.leaves.checked_sub(lots) != Some(leaves)) {
            let text = format!("order {id} had {}, traded {traded:?}, has {leaves}", before.leaves);
            self.doubt(text);
        }
        let side = &mut self.levels[before.side as usize];
        let Some(level) = side.get_mut(&before.price) else { return };
        level.lots = level.lots - u128::from(before.leaves) + u128::from(leaves);
        let lots = level.lots;
        if leaves == 0 {
            level.queue.remove(&before.arrival);
            if level.queue.is_empty() {
                side.remove(&before.price);
            }
        }
        self.changes.push(LevelChange { side: before.side, price: before.price, lots });
    }

    fn rest(&mut self, order: Order) {
        self.arrivals += 1;
        let order = Order { arrival: self.arrivals, ..order };
        let level = self.levels[order.side as usize].entry(order.price).or_default();
        level.lots += u128::from(order.leaves);
        level.queue.insert(order.arrival, order.id);
        let (side, price, lots) = (order.side, order.price, level.lots);
        self.changes.push(LevelChange { side, price, lots });
        self.resting.insert(order.id, order);
    }

    fn doubt(&mut self, text: String) {
        self.doubts.push(text);
    }
}
