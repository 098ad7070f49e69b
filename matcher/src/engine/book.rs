//! The books of all markets: order pool, ladders, and the match loop both the matcher and the
//! benchmark harness run.

use super::far::{Far, Queue};
use super::ladder::{Arena, Ladder, NONE};
use super::mutant::{self, Mutant};
use super::pool::{NIL, Node, Pool, bit};
use wire::codes::Side;

/// Order pool, price levels and the storage they share.
pub struct Books {
    /// Orders.
    pub pool: Pool,
    /// Far levels and triggers.
    pub far: Far,
    /// Windows.
    pub arena: Arena,
    /// Bids at twice the market's id, asks behind them.
    ladders: Box<[Ladder]>,
}

/// A place in the priority order of a side.
pub struct Cursor {
    market: u16,
    side: Side,
    key: u64,
    slot: u32,
}

/// What a taker does with the resting order it meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meet {
    /// Trade so many lots, at least one and at most what is shown.
    Trade(u64),
    /// The resting order was taken out; go on with `remaining` lots.
    Gone {
        /// Lots the taker still wants.
        remaining: u64,
    },
    /// Stop here.
    Stop(Stop),
}

/// Why a sweep ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The taker wants no more.
    Filled,
    /// No more orders on that side.
    Empty,
    /// The best price is outside the limit.
    Price,
    /// It has met as many orders as it may.
    SweepLimit,
    /// Self-trade prevention.
    SelfTrade,
    /// Its money ran out.
    OutOfFunds,
}

/// The taker's side of a sweep. The book calls it for every order met.
pub trait Taker {
    /// Decides about the order at the head of the best level. On [`Meet::Trade`] the trade has been
    /// settled and told when this returns; the book then takes the lots off.
    fn meet(&mut self, books: &mut Books, slot: u32, remaining: u64) -> Meet;

    /// The order is filled and out of the book; its slot is the taker's to give back.
    fn filled(&mut self, books: &mut Books, slot: u32);

    /// The shown part of an iceberg is gone: the lots of its next slice, 0 if it has none.
    fn next_slice(&mut self, books: &mut Books, slot: u32) -> u64;

    /// Whether it wants no more for another reason than its lots.
    #[inline]
    fn is_done(&self) -> bool {
        false
    }
}

/// How far a sweep went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Swept {
    /// Why it ended.
    pub stop: Stop,
    /// Lots the taker still wants.
    pub remaining: u64,
    /// Orders met.
    pub met: u32,
}

impl Books {
    /// Room for `orders` live orders, windows of together `ticks` ticks, and market ids below
    /// `markets`.
    #[must_use]
    pub fn new(orders: u32, ticks: u32, markets: u16) -> Self {
        Self {
            pool: Pool::new(orders),
            far: Far::new(orders),
            arena: Arena::new(ticks),
            ladders: vec![Ladder::ABSENT; 2 * usize::from(markets)].into(),
        }
    }

    /// Creates the two sides of a market; the arena has room.
    pub fn open_market(&mut self, market: u16, window: u32) {
        for (side, is_bid) in [(Side::Buy, true), (Side::Sell, false)] {
            self.ladders[place(market, side)] = Ladder::new(&mut self.arena, window, is_bid);
        }
    }

    /// The side of a market that exists; `None` otherwise.
    #[must_use]
    #[inline]
    pub fn ladder(&self, market: u16, side: Side) -> Option<&Ladder> {
        self.ladders.get(place(market, side)).filter(|ladder| ladder.exists())
    }

    /// Best price of a side.
    #[must_use]
    #[inline]
    pub fn best(&self, market: u16, side: Side) -> Option<u64> {
        self.ladder(market, side)?.best_price()
    }

    /// Whether an order rests on `side` at `limit` or better.
    #[must_use]
    #[inline]
    pub fn meets(&self, market: u16, side: Side, limit: u64) -> bool {
        let ladder = self.ladders.get(place(market, side)).unwrap_or(&Ladder::ABSENT);
        ladder.best() <= ladder.key(limit)
    }

    /// Prefetches the queue of a price.
    #[inline]
    pub fn hint(&self, market: u16, side: Side, price: u64) {
        if let Some(ladder) = self.ladders.get(place(market, side)) {
            ladder.hint(&self.arena, price);
        }
    }

    /// Prefetches the last order in the queue of a price; the queue should be there already.
    #[inline]
    pub fn hint_back(&self, market: u16, side: Side, price: u64) {
        if let Some(ladder) = self.ladders.get(place(market, side)) {
            self.pool.hint(ladder.back(&self.arena, price));
        }
    }

    /// Prefetches what taking a resting order out will touch; its own line should be there already.
    #[inline]
    pub fn hint_order(&self, slot: u32) {
        let last = self.pool.nodes.len() - 1;
        let node = &self.pool.nodes[(slot as usize).min(last)];
        self.pool.hint(node.prev);
        self.pool.hint(node.next);
        if let Some(ladder) = self.ladders.get(place_of(node)) {
            ladder.hint(&self.arena, node.price);
        }
    }

    /// Puts an order at the back of its price's queue. Its market exists.
    #[inline]
    pub fn rest(&mut self, slot: u32) {
        let place = place_of(&self.pool.nodes[slot as usize]);
        let ladder = &mut self.ladders[place];
        ladder.push(&mut self.arena, &mut self.far, &mut self.pool.nodes, slot);
    }

    /// Takes a resting order out of its queue.
    #[inline]
    pub fn unlink(&mut self, slot: u32) {
        let place = place_of(&self.pool.nodes[slot as usize]);
        let ladder = &mut self.ladders[place];
        ladder.unlink(&mut self.arena, &mut self.far, &mut self.pool.nodes, slot);
    }

    /// Head of the best level of a side, or [`NIL`].
    #[must_use]
    #[inline]
    pub fn head(&self, market: u16, side: Side) -> u32 {
        self.ladder(market, side).map_or(NIL, |ladder| {
            if ladder.best() == NONE { NIL } else { ladder.head(&self.arena, &self.far) }
        })
    }

    /// The queue at a price; empty if no order rests there.
    #[must_use]
    pub fn queue_at(&self, market: u16, side: Side, price: u64) -> Queue {
        self.ladder(market, side)
            .map_or(Queue::EMPTY, |ladder| ladder.queue(&self.arena, &self.far, ladder.key(price)))
    }

    /// Meets the resting orders of `side`, best first, until one of the ends in [`Stop`]. `limit`
    /// is
    /// the worst price allowed.
    #[inline]
    pub fn sweep<T: Taker>(
        &mut self,
        market: u16,
        side: Side,
        limit: u64,
        remaining: u64,
        meet_max: u32,
        taker: &mut T,
    ) -> Swept {
        let place = place(market, side);
        let ladder = self.ladders.get(place).unwrap_or(&Ladder::ABSENT);
        let last = ladder.key(limit);
        // Most orders meet nobody: that much is decided where the call is.
        if ladder.best() > last && remaining != 0 {
            let stop = if ladder.best() == NONE { Stop::Empty } else { Stop::Price };
            return Swept { stop, remaining, met: 0 };
        }
        self.meet_all(place, last, remaining, meet_max, taker)
    }

    #[inline(never)]
    fn meet_all<T: Taker>(
        &mut self,
        place: usize,
        last: u64,
        mut remaining: u64,
        meet_max: u32,
        taker: &mut T,
    ) -> Swept {
        let mut met = 0;
        let stop = loop {
            if remaining == 0 || taker.is_done() {
                break Stop::Filled;
            }
            let Some(ladder) = self.ladders.get(place) else { break Stop::Empty };
            let best = ladder.best();
            if best > last {
                break if best == NONE { Stop::Empty } else { Stop::Price };
            }
            if met == meet_max {
                break Stop::SweepLimit;
            }
            met += 1;
            let slot = if mutant::is(Mutant::LastInFirstOut) {
                ladder.queue(&self.arena, &self.far, best).tail
            } else {
                ladder.head(&self.arena, &self.far)
            };
            self.pool.hint(self.pool.nodes[slot as usize].next);
            match taker.meet(self, slot, remaining) {
                Meet::Trade(lots) => {
                    remaining -= lots;
                    self.take(place, slot, lots, taker);
                }
                Meet::Gone { remaining: left } => remaining = left,
                Meet::Stop(stop) => break stop,
            }
        };
        Swept { stop, remaining, met }
    }

    /// Takes lots traded without a taker off the order at the head of a side's best level.
    pub fn fill_head<T: Taker>(&mut self, slot: u32, lots: u64, ends: &mut T) {
        self.take(place_of(&self.pool.nodes[slot as usize]), slot, lots, ends);
    }

    /// Takes traded lots off the order at the head of a side's best level.
    #[inline]
    fn take<T: Taker>(&mut self, place: usize, slot: u32, lots: u64, taker: &mut T) {
        let node = &mut self.pool.nodes[slot as usize];
        node.open -= lots;
        if node.open != 0 {
            return;
        }
        if node.has(bit::ICEBERG) {
            let slice = taker.next_slice(self, slot);
            if slice != 0 {
                if mutant::is(Mutant::IcebergKeepsPlace) {
                    self.pool.nodes[slot as usize].open = slice;
                    return;
                }
                self.unlink(slot);
                self.pool.nodes[slot as usize].open = slice;
                return self.rest(slot);
            }
        }
        if mutant::is(Mutant::LastInFirstOut) {
            self.unlink(slot);
            return taker.filled(self, slot);
        }
        let ladder = &mut self.ladders[place];
        ladder.pop(&mut self.arena, &mut self.far, &mut self.pool.nodes, slot);
        taker.filled(self, slot);
    }

    /// The next price behind `price` on a side, by price priority.
    #[must_use]
    pub fn next_price(&self, market: u16, side: Side, price: u64) -> Option<u64> {
        let ladder = self.ladder(market, side)?;
        let key = ladder.after(&self.arena, &self.far, ladder.key(price));
        (key != NONE).then(|| ladder.key(key))
    }

    /// A cursor before the first order of a side.
    #[must_use]
    pub fn cursor(&self, market: u16, side: Side) -> Cursor {
        let key = self.ladder(market, side).map_or(NONE, Ladder::best);
        Cursor { market, side, key, slot: NIL }
    }

    /// The next order, or [`NIL`]; the book must not have changed since the cursor was made.
    pub fn next(&self, cursor: &mut Cursor) -> u32 {
        let Some(ladder) = self.ladder(cursor.market, cursor.side) else { return NIL };
        if cursor.key == NONE {
            return NIL;
        }
        let node = self.pool.nodes.get(cursor.slot as usize);
        let head = |key| ladder.queue(&self.arena, &self.far, key).head;
        cursor.slot = node.map_or_else(|| head(cursor.key), |node| node.next);
        if cursor.slot == NIL {
            cursor.key = ladder.after(&self.arena, &self.far, cursor.key);
            cursor.slot = if cursor.key == NONE { NIL } else { head(cursor.key) };
        }
        cursor.slot
    }

    /// Visits resting orders of a side, best first, inside `limit`, until `visit` returns false or
    /// `most` were visited. Changes nothing.
    pub fn walk(
        &self,
        market: u16,
        side: Side,
        limit: u64,
        most: u32,
        mut visit: impl FnMut(u32, &Node) -> bool,
    ) {
        let Some(ladder) = self.ladder(market, side) else { return };
        let (mut key, last, mut left) = (ladder.best(), ladder.key(limit), most);
        while key <= last && key != NONE {
            let mut slot = ladder.queue(&self.arena, &self.far, key).head;
            while slot != NIL {
                if left == 0 {
                    return;
                }
                left -= 1;
                let node = &self.pool.nodes[slot as usize];
                if !visit(slot, node) {
                    return;
                }
                slot = node.next;
            }
            key = ladder.after(&self.arena, &self.far, key);
        }
    }
}

/// Where the ladder of a side is.
#[inline]
fn place(market: u16, side: Side) -> usize {
    usize::from(market) * 2 + usize::from(side == Side::Sell)
}

/// Where the ladder is that an order rests on.
#[inline]
fn place_of(node: &Node) -> usize {
    const { assert!(bit::SELL == 1) };
    usize::from(node.market) * 2 + usize::from(node.bits & bit::SELL)
}

/// Side of an order.
#[must_use]
#[inline]
pub fn side_of(node: &Node) -> Side {
    if node.sells() { Side::Sell } else { Side::Buy }
}
