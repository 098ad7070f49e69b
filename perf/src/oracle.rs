//! The simplest book that is obviously right: sorted map of queues, a side. It judges the others
//! and tells the generator what is live.

use crate::workload::{BUY, Record, Trade, Trades, kind};
use std::collections::{BTreeMap, HashMap, VecDeque};

struct Resting {
    id: u64,
    quantity: u64,
}

#[derive(Default)]
struct Sides {
    bids: BTreeMap<i64, VecDeque<Resting>>,
    asks: BTreeMap<i64, VecDeque<Resting>>,
}

/// Where a live order is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its symbol.
    pub symbol: u32,
    /// Its side.
    pub side: u8,
    /// Its price.
    pub price: i64,
}

/// The books of all symbols.
#[derive(Default)]
pub struct Oracle {
    books: Vec<Sides>,
    live: HashMap<u64, Place>,
    /// Ids that left the book in the last command.
    pub gone: Vec<u64>,
    /// Price of the last trade, per symbol.
    pub last_price: Vec<i64>,
    /// Cancels and modifies of dead ids.
    pub rejects: u64,
}

/// An order that wants to match.
struct Taker {
    symbol: u32,
    side: u8,
    limit: Option<i64>,
    id: u64,
    quantity: u64,
}

impl Oracle {
    /// Empty books for so many symbols, with a first last price.
    #[must_use]
    pub fn new(symbols: u32, last_price: i64) -> Self {
        let mut oracle = Self::default();
        oracle.books.resize_with(symbols as usize, Sides::default);
        oracle.last_price = vec![last_price; symbols as usize];
        oracle
    }

    /// Where an order is, if it is live.
    #[must_use]
    pub fn place(&self, id: u64) -> Option<Place> {
        self.live.get(&id).copied()
    }

    /// Live orders.
    #[must_use]
    pub fn live(&self) -> usize {
        self.live.len()
    }

    /// Best price a taker of `side` would meet.
    #[must_use]
    pub fn best_for(&self, symbol: u32, side: u8) -> Option<i64> {
        let sides = &self.books[symbol as usize];
        if side == BUY {
            sides.asks.keys().next().copied()
        } else {
            sides.bids.keys().next_back().copied()
        }
    }

    /// Carries out one command and writes its trades.
    pub fn apply(&mut self, record: &Record, out: &mut Trades) {
        self.gone.clear();
        let mut taker = Taker {
            symbol: record.symbol,
            side: record.side,
            limit: (record.kind != kind::MARKET).then_some(record.price),
            id: record.id,
            quantity: u64::from(record.quantity),
        };
        match record.kind {
            kind::LIMIT => self.enter(taker, record.price, out),
            kind::IMMEDIATE | kind::MARKET => self.take(&mut taker, out),
            _ => {
                let Some((place, left)) = self.remove(record.id) else {
                    self.rejects += 1;
                    return;
                };
                if record.kind == kind::MODIFY {
                    let quantity = if record.quantity == 0 { left } else { taker.quantity };
                    let (symbol, side) = (place.symbol, place.side);
                    self.enter(Taker { symbol, side, quantity, ..taker }, record.price, out);
                }
                if !self.live.contains_key(&record.id) {
                    self.gone.push(record.id);
                }
            }
        }
    }

    fn levels(&mut self, symbol: u32, side: u8) -> &mut BTreeMap<i64, VecDeque<Resting>> {
        let sides = &mut self.books[symbol as usize];
        if side == BUY { &mut sides.bids } else { &mut sides.asks }
    }

    fn remove(&mut self, id: u64) -> Option<(Place, u64)> {
        let place = self.live.remove(&id)?;
        let levels = self.levels(place.symbol, place.side);
        let queue = levels.get_mut(&place.price)?;
        let index = queue.iter().position(|resting| resting.id == id)?;
        let resting = queue.remove(index)?;
        if queue.is_empty() {
            levels.remove(&place.price);
        }
        Some((place, resting.quantity))
    }

    fn take(&mut self, taker: &mut Taker, out: &mut Trades) {
        while taker.quantity > 0 {
            let Some(price) = self.best_for(taker.symbol, taker.side) else { return };
            let outside =
                |limit: i64| if taker.side == BUY { price > limit } else { price < limit };
            if taker.limit.is_some_and(outside) {
                return;
            }
            self.last_price[taker.symbol as usize] = price;
            let levels = self.levels(taker.symbol, 1 - taker.side);
            let Some(queue) = levels.get_mut(&price) else { return };
            let mut filled = Vec::new();
            while let Some(maker) = queue.front_mut().filter(|_| taker.quantity > 0) {
                let lots = maker.quantity.min(taker.quantity);
                out.push(Trade {
                    maker: maker.id,
                    taker: taker.id,
                    price: price.cast_unsigned(),
                    quantity: lots,
                });
                taker.quantity -= lots;
                maker.quantity -= lots;
                if maker.quantity == 0 {
                    filled.push(maker.id);
                    queue.pop_front();
                }
            }
            if queue.is_empty() {
                levels.remove(&price);
            }
            for id in filled {
                self.live.remove(&id);
                self.gone.push(id);
            }
        }
    }

    fn enter(&mut self, mut taker: Taker, price: i64, out: &mut Trades) {
        self.take(&mut taker, out);
        let Taker { symbol, side, id, quantity, .. } = taker;
        if quantity > 0 {
            self.levels(symbol, side).entry(price).or_default().push_back(Resting { id, quantity });
            self.live.insert(id, Place { symbol, side, price });
        }
    }
}
