//! Makes the workload files. Same name, count and seed: same bytes, on every machine.
//!
//! | name | before the clock | timed |
//! |---|---|---|
//! | ec1k | 1,000 orders | exchange-core's published mix on one symbol, about 1,000 live orders |
//! | deep100k | 100,000 orders | rest, cancel and modify in a deep book, victims uniform |
//! | multi1000 | 1,000 a symbol | as ec1k over 1,000 symbols |
//! | sweep | 20,000 orders | takers that fill about 35 resting orders each |
//! | scaleN | N orders | as ec1k around a constant number N of live orders, prices spread alike |
//!
//! The order in which random numbers are drawn is part of the format: golden digests hold it.

use crate::oracle::Oracle;
use crate::workload::{BUY, DRAIN, PREFILL, Record, Rng, SELL, Trades, Workload, kind};
use std::collections::HashMap;

const MIDDLE: i64 = 30_000;
const LOWEST: i64 = 10_000;
const HIGHEST: i64 = 50_000;
const USERS: u64 = 1_000;
/// Seed when nothing else is said.
pub const SEED: u64 = 20_240_601;
/// Timed commands when nothing else is said.
pub const TIMED: usize = 3_000_000;

/// What to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// exchange-core's mix, one symbol, 1,000 orders.
    Ec1k,
    /// 100,000 orders in one book.
    Deep100k,
    /// 1,000 symbols of 1,000 orders.
    Multi1000,
    /// Large takers.
    Sweep,
    /// Rest, cancel and modify around so many live orders.
    Scale(u32),
}

impl Shape {
    /// The shape of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "ec1k" => Self::Ec1k,
            "deep100k" => Self::Deep100k,
            "multi1000" => Self::Multi1000,
            "sweep" => Self::Sweep,
            _ => Self::Scale(name.strip_prefix("scale")?.parse().ok().filter(|n| *n > 0)?),
        })
    }
}

impl Shape {
    /// Its name.
    #[must_use]
    pub fn name(self) -> String {
        match self {
            Self::Ec1k => "ec1k".into(),
            Self::Deep100k => "deep100k".into(),
            Self::Multi1000 => "multi1000".into(),
            Self::Sweep => "sweep".into(),
            Self::Scale(live) => format!("scale{live}"),
        }
    }
}

/// Live ids of one symbol, to pick one at random; a removed one is replaced by the last.
#[derive(Default)]
struct Live {
    ids: Vec<u64>,
    places: HashMap<u64, usize>,
}

impl Live {
    fn add(&mut self, id: u64) {
        self.places.insert(id, self.ids.len());
        self.ids.push(id);
    }

    fn remove(&mut self, id: u64) {
        if let Some(place) = self.places.remove(&id) {
            self.ids.swap_remove(place);
            if let Some(moved) = self.ids.get(place) {
                self.places.insert(*moved, place);
            }
        }
    }
}

struct Generator {
    rng: Rng,
    oracle: Oracle,
    live: Vec<Live>,
    trades: Trades,
    records: Vec<Record>,
    next_id: u64,
    last_dead: u64,
    live_max: usize,
    /// Middle of the prices of the shapes that wander.
    middle: i64,
}

/// Makes `timed` commands of a shape, with what goes before and behind them.
#[must_use]
pub fn generate(shape: Shape, timed: usize, seed: u64) -> Workload {
    let symbols = if shape == Shape::Multi1000 { 1_000 } else { 1 };
    let mut generator = Generator {
        rng: Rng(seed),
        oracle: Oracle::new(symbols, MIDDLE),
        live: (0..symbols).map(|_| Live::default()).collect(),
        trades: Trades::with_capacity(1 << 16),
        records: Vec::new(),
        next_id: 1,
        last_dead: 0,
        live_max: 0,
        middle: MIDDLE,
    };
    generator.prefill(shape, symbols);
    for index in 0..timed {
        match shape {
            Shape::Ec1k => generator.mixed_step(0),
            Shape::Multi1000 => {
                let symbol = generator.rng.below(1_000) * generator.rng.below(1_000) / 1_000;
                generator.mixed_step(symbol as u32);
            }
            Shape::Deep100k => generator.deep_step(index, 95_000..105_001),
            Shape::Scale(live) => {
                let slack = (live / 20).max(1) as usize;
                let live = live as usize;
                generator.deep_step(index, live - slack..live + slack + 1);
            }
            Shape::Sweep => generator.sweep_step(),
        }
    }
    for symbol in 0..symbols {
        for side in [BUY, SELL] {
            let price = if side == BUY { HIGHEST } else { LOWEST };
            let huge = Record { symbol, flags: DRAIN, ..order(kind::IMMEDIATE, side, price) };
            generator.emit(Record { quantity: 4_000_000_000, ..huge });
        }
    }
    Workload::new(generator.records, seed, generator.live_max as u64)
}

fn order(kind: u8, side: u8, price: i64) -> Record {
    Record { kind, side, price, ..Record::default() }
}

impl Generator {
    fn prefill(&mut self, shape: Shape, symbols: u32) {
        match shape {
            Shape::Ec1k | Shape::Multi1000 => {
                for symbol in 0..symbols {
                    while self.live[symbol as usize].ids.len() < 1_000 {
                        self.mixed_limit(symbol, PREFILL);
                    }
                }
            }
            Shape::Deep100k => self.prefill_around(100_000, 3_000, 100),
            Shape::Sweep => self.prefill_around(20_000, 100, 10),
            Shape::Scale(live) => self.prefill_around(live, 3_000, 100),
        }
    }

    fn prefill_around(&mut self, orders: u32, ticks: u64, lots: u64) {
        for _ in 0..orders {
            let (side, price, quantity) = self.passive(ticks, lots);
            let record = Record { quantity, flags: PREFILL, ..order(kind::LIMIT, side, price) };
            self.emit(record);
        }
    }

    /// Side, price on its own side of the middle, quantity.
    fn passive(&mut self, ticks: u64, lots: u64) -> (u8, i64, u32) {
        let side = self.rng.below(2) as u8;
        let price = self.aside(side, ticks);
        (side, price, 1 + self.rng.below(lots) as u32)
    }

    fn aside(&mut self, side: u8, ticks: u64) -> i64 {
        let distance = 1 + self.rng.below(ticks).cast_signed();
        if side == BUY { self.middle - distance } else { self.middle + distance }
    }

    fn emit(&mut self, mut record: Record) {
        if record.kind <= kind::MARKET {
            record.id = self.next_id;
            self.next_id += 1;
            record.user = self.rng.below(USERS) as u32;
        }
        self.trades.clear();
        self.oracle.apply(&record, &mut self.trades);
        let live = &mut self.live[record.symbol as usize];
        for id in &self.oracle.gone {
            live.remove(*id);
            self.last_dead = *id;
        }
        if record.kind == kind::LIMIT && self.oracle.place(record.id).is_some() {
            live.add(record.id);
        }
        self.live_max = self.live_max.max(self.oracle.live());
        self.records.push(record);
    }

    fn pick(&mut self, symbol: u32) -> u64 {
        let ids = &self.live[symbol as usize].ids;
        let index = self.rng.below(ids.len() as u64) as usize;
        self.live[symbol as usize].ids[index]
    }

    fn small_quantity(&mut self) -> u32 {
        let rng = &mut self.rng;
        (1 + rng.below(6) * rng.below(6) * rng.below(6)) as u32
    }

    /// A limit order of exchange-core's mix: the last price, aside by a squared-uniform deviation
    /// averaged over four draws.
    fn mixed_limit(&mut self, symbol: u32, flags: u16) {
        let side = self.rng.below(2) as u8;
        let draw = self.rng.below(65_536);
        let spread = 1 + ((((draw * draw) >> 16) * 2_000) >> 16);
        let sum: u64 = (0..4).map(|_| self.rng.below(spread)).sum();
        let mut aside = (sum / 4 * 2).cast_signed() - spread.cast_signed();
        if (aside > 0) ^ (side == SELL) {
            aside = -aside;
        }
        let price = self.oracle.last_price[symbol as usize] + aside;
        let quantity = self.small_quantity();
        let limit = order(kind::LIMIT, side, price.clamp(LOWEST, HIGHEST));
        self.emit(Record { quantity, symbol, flags, ..limit });
    }

    fn mixed_step(&mut self, symbol: u32) {
        let draw = self.rng.below(100);
        let live = self.live[symbol as usize].ids.len();
        if draw < 12 || live == 0 {
            if live < 1_000 {
                return self.mixed_limit(symbol, 0);
            }
            let side = self.rng.below(2) as u8;
            let quantity = self.small_quantity();
            let price = if side == BUY { HIGHEST } else { LOWEST };
            return self.emit(Record { quantity, symbol, ..order(kind::IMMEDIATE, side, price) });
        }
        let id = self.pick(symbol);
        if draw < 18 {
            return self.emit(Record { id, symbol, ..order(kind::CANCEL, BUY, 0) });
        }
        let Some(place) = self.oracle.place(id) else { return };
        // A hundredth of the way to the last price, or one tick either way.
        let way = self.oracle.last_price[symbol as usize] - place.price;
        let step = match way {
            0 => self.rng.below(2).cast_signed() * 2 - 1,
            way => (way.abs() + 99) / 100 * way.signum(),
        };
        let price = (place.price + step).clamp(LOWEST, HIGHEST);
        self.emit(Record { id, symbol, ..order(kind::MODIFY, place.side, price) });
    }

    fn deep_step(&mut self, index: usize, live_wanted: std::ops::Range<usize>) {
        if index % 64 == 63 {
            let step = self.rng.below(3).cast_signed() - 1;
            self.middle = (self.middle + step).clamp(MIDDLE - 2_000, MIDDLE + 2_000);
        }
        let live = self.live[0].ids.len();
        let mut draw = self.rng.below(1_000);
        if draw < 400 && live < live_wanted.start {
            draw = 400;
        } else if (400..790).contains(&draw) && live >= live_wanted.end {
            draw = 0;
        }
        let (side, price, quantity) = self.passive(3_000, 100);
        let record = match draw {
            0..400 => Record { id: self.pick(0), ..order(kind::CANCEL, BUY, 0) },
            400..790 => Record { quantity, ..order(kind::LIMIT, side, price) },
            790..980 => {
                let id = self.pick(0);
                let Some(place) = self.oracle.place(id) else { return };
                let aside = (price - self.middle).abs();
                let toward = if place.side == BUY { -1 } else { 1 };
                let mut price = self.middle + aside * toward;
                if price == place.price {
                    // Venues differ on amends to the same price: there are none.
                    price += toward;
                }
                let quantity = if quantity % 2 == 0 { 0 } else { quantity };
                Record { id, quantity, ..order(kind::MODIFY, place.side, price) }
            }
            980..990 => {
                let price = if side == BUY { self.middle + 20 } else { self.middle - 20 };
                Record { quantity, ..order(kind::IMMEDIATE, side, price) }
            }
            _ => Record { id: self.last_dead, ..order(kind::CANCEL, BUY, 0) },
        };
        self.emit(record);
    }

    fn sweep_step(&mut self) {
        let draw = self.rng.below(100);
        let side = self.rng.below(2) as u8;
        let price = self.aside(side, 100);
        if draw < 97 || self.live[0].ids.len() < 15_000 {
            // Never crosses; takers pause while the book is thin.
            let price = match self.oracle.best_for(0, side) {
                Some(best) if side == BUY => price.min(best - 1),
                Some(best) => price.max(best + 1),
                None => price,
            };
            let quantity = 1 + self.rng.below(10) as u32;
            self.emit(Record { quantity, ..order(kind::LIMIT, side, price) });
        } else if draw < 99 {
            let price = if side == BUY { self.middle + 100 } else { self.middle - 100 };
            let quantity = 100 + self.rng.below(130) as u32;
            self.emit(Record { quantity, ..order(kind::IMMEDIATE, side, price) });
        } else {
            let quantity = 130 + self.rng.below(200) as u32;
            self.emit(Record { quantity, ..order(kind::MARKET, side, 0) });
        }
    }
}
