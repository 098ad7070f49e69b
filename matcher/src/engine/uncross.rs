//! Market states and the uncross: section 11 of docs/matching.md.

use super::Engine;
use super::book::{Books, Taker};
use super::desk::Desk;
use super::mutant::{self, Mutant};
use super::pool::{NIL, Node, bit};
use super::taking::{Deal, Terms};
use super::triggers::Turn;
use wire::codes::{DoneReason, MarketState, Side};
use wire::command::{MarketStateSet, profile};
use wire::event::{Event, EventSink, MarketChanged, Uncrossed, trade_flag};
use wire::limits::WORK_PER_TURN;
use wire::reason::RejectReason;
use wire::units::Amount;

/// The book's side of a fill in an uncross: no taker, so only the ends of resting orders.
struct Ends<'a, S> {
    desk: &'a mut Desk,
    out: &'a mut S,
}

impl<S: EventSink> Taker for Ends<'_, S> {
    fn meet(&mut self, _: &mut Books, _: u32, _: u64) -> super::book::Meet {
        super::book::Meet::Stop(super::book::Stop::Filled)
    }

    fn filled(&mut self, books: &mut Books, slot: u32) {
        self.desk.end_filled(books, slot, self.out);
    }

    fn next_slice(&mut self, books: &mut Books, slot: u32) -> u64 {
        self.desk.next_slice(books, slot, self.out)
    }
}

impl Engine {
    pub(super) fn set_market_state<S: EventSink>(
        &mut self,
        set: &MarketStateSet,
        out: &mut S,
    ) -> Result<(), RejectReason> {
        let clean = set.reserved == [0; 3] && set.reserved_words == [0; 3];
        let state =
            MarketState::decode(set.state).filter(|_| clean).ok_or(RejectReason::FieldInvalid)?;
        let id = set.header.market;
        let market = self.desk.market(id).ok_or(RejectReason::MarketUnknown)?;
        let previous = market.state;
        if state == previous || previous == MarketState::Delisted || market.uncross_price != 0 {
            return Err(RejectReason::MarketTransition);
        }
        if state == MarketState::Delisted {
            self.check_works()?;
        }
        if let Some(market) = self.desk.market_mut(id) {
            market.state = state;
        }
        put_state(id, set.operation, state, previous.code(), set.header.kind, out);
        let mut turn = Turn::default();
        match state {
            MarketState::Delisted => self.start_delisting(id, out),
            MarketState::Continuous | MarketState::PostOnly if self.is_crossed(id) => {
                self.price_uncross(id, out);
                self.go_on_uncrossing(id, &mut turn, out);
            }
            _ => {}
        }
        self.desk.busy = self.first_busy_market().is_some();
        Ok(())
    }

    fn is_crossed(&self, id: u16) -> bool {
        let bid = self.books.best(id, Side::Buy);
        bid.zip(self.books.best(id, Side::Sell)).is_some_and(|(bid, ask)| bid >= ask)
    }

    /// Goes on with an uncross; when it is finished, with what its trades set off.
    pub(super) fn go_on_uncrossing<S: EventSink>(&mut self, id: u16, turn: &mut Turn, out: &mut S) {
        let Some(terms) = self.desk.terms(id) else { return };
        let mut left = WORK_PER_TURN;
        loop {
            let price = self.desk.market(id).map_or(0, |market| market.uncross_price);
            let before = self.desk.market(id).map_or(0, |market| market.trades);
            let finished = self.uncross_at(&terms, price, &mut left, out);
            let traded = self.desk.market(id).map_or(0, |market| market.trades);
            if traded != before {
                self.after_run(id, price, price, traded);
            }
            if !finished {
                return;
            }
            if !self.is_crossed(id) {
                break;
            }
            self.price_uncross(id, out);
        }
        if let Some(market) = self.desk.market_mut(id) {
            market.uncross_price = 0;
        }
        self.collect_and_release(id, turn, out);
    }

    /// Steps at one price; whether none is left.
    fn uncross_at<S: EventSink>(
        &mut self,
        terms: &Terms,
        price: u64,
        left: &mut u32,
        out: &mut S,
    ) -> bool {
        loop {
            let bid = self.books.head(terms.market, Side::Buy);
            let ask = self.books.head(terms.market, Side::Sell);
            if bid == NIL || ask == NIL {
                return true;
            }
            let nodes = &self.books.pool.nodes;
            if nodes[bid as usize].price < price || nodes[ask as usize].price > price {
                return true;
            }
            if *left == 0 {
                return false;
            }
            *left -= 1;
            self.uncross_pair(terms, price, bid, ask, out);
        }
    }

    fn uncross_pair<S: EventSink>(
        &mut self,
        terms: &Terms,
        price: u64,
        bid: u32,
        ask: u32,
        out: &mut S,
    ) {
        let (buyer, seller) =
            (self.books.pool.nodes[bid as usize], self.books.pool.nodes[ask as usize]);
        let newer = if buyer.id > seller.id { bid } else { ask };
        if terms.profile & profile::SELF_TRADE_ALLOWED == 0
            && self.desk.same_party(buyer.member, seller.member)
        {
            return self.desk.finish(&mut self.books, newer, DoneReason::SelfTrade.into(), out);
        }
        self.desk.dissolve(&mut self.books, bid, out);
        self.desk.dissolve(&mut self.books, ask, out);
        let (buyer, seller) =
            (self.books.pool.nodes[bid as usize], self.books.pool.nodes[ask as usize]);
        let lots = buyer.open.min(seller.open);
        let left = |node: &Node, slot: u32| {
            let reserve =
                if node.has(bit::ICEBERG) { self.desk.details[slot as usize].reserve } else { 0 };
            node.open - lots + reserve
        };
        let (bid_left, ask_left) = (left(&buyer, bid), left(&seller, ask));
        let (resting, taker) = if newer == bid { (&seller, &buyer) } else { (&buyer, &seller) };
        let (resting_left, taker_left) =
            if newer == bid { (ask_left, bid_left) } else { (bid_left, ask_left) };
        let stored = buyer.has(bit::HELD_STORED);
        let improvement = if stored { 0 } else { terms.cost(buyer.price - price, lots) };
        let trades = self.desk.market(terms.market).map_or(0, |market| market.trades) + 1;
        let deal = Deal {
            price,
            lots,
            resting,
            resting_left,
            taker,
            taker_filled: taker_left == 0,
            improvement,
            flags: trade_flag::UNCROSS,
            trade_id: trades,
        };
        self.desk.settle(terms, &deal, out);
        if stored {
            self.desk.details[bid as usize].held -= terms.cost(price, lots);
        }
        if let Some(market) = self.desk.market_mut(terms.market) {
            market.trades = trades;
        }
        let mut ends = Ends { desk: &mut self.desk, out };
        self.books.fill_head(bid, lots, &mut ends);
        self.books.fill_head(ask, lots, &mut ends);
    }

    /// Finds the price of an uncross, begins it and says so. The book is crossed.
    fn price_uncross<S: EventSink>(&mut self, id: u16, out: &mut S) {
        let Some(found) = self.uncross_price(id) else { return };
        if let Some(market) = self.desk.market_mut(id) {
            market.uncross_price = found.price;
        }
        out.put(&Uncrossed {
            header: Uncrossed::header_for(id),
            price_ticks: found.price,
            volume_lots: Amount::new(found.volume.cast_signed()),
            surplus_lots: Amount::new(found.surplus.cast_signed()),
            reserved: 0,
        });
    }

    /// The price: one pass over the crossed part of the book, and one for the surplus.
    ///
    /// Let V be the largest volume and pa..=pb the prices that reach it. Demand beyond V falls and
    /// supply beyond V rises with the price, and at every price of pa..=pb one of the two is zero.
    /// So the surplus is least between the next bid below pb and the next ask above pa; if these
    /// two are neighbours, on the better side of the gap between them.
    fn uncross_price(&self, id: u16) -> Option<Clearing> {
        let market = self.desk.market(id)?;
        let bid = self.books.best(id, Side::Buy)?;
        let ask = self.books.best(id, Side::Sell)?;
        let reference = [market.last_price, market.reference]
            .into_iter()
            .find(|price| *price != 0)
            .unwrap_or(u64::midpoint(bid, ask));
        let Crossed { volume, pa, pb } = self.crossed(id);
        let bid_below = |price| self.books.next_price(id, Side::Buy, price).unwrap_or(0);
        let ask_above = |price| self.books.next_price(id, Side::Sell, price).unwrap_or(u64::MAX);
        let (below, above) = (bid_below(pb), ask_above(pa));
        let (low, high) = (pa.max(below + 1), pb.min(above - 1));
        let low = if mutant::is(Mutant::UncrossAtBid) { high.max(low) } else { low };
        let at = |price| Clearing { price, volume, surplus: self.surplus(id, price) };
        if low <= high {
            return Some(at(reference.clamp(low, high)));
        }
        let left = at(reference.clamp(pa.max(bid_below(below) + 1), below));
        let right = at(reference.clamp(above, pb.min(ask_above(above) - 1)));
        let key = |c: &Clearing| (c.surplus, c.price.abs_diff(reference), c.price);
        Some(if key(&left) < key(&right) { left } else { right })
    }

    /// Matches the two sides on paper: the largest volume, and the prices that reach it.
    fn crossed(&self, id: u16) -> Crossed {
        let mut bids = self.books.cursor(id, Side::Buy);
        let mut asks = self.books.cursor(id, Side::Sell);
        let mut next = |side| {
            let cursor = if side == Side::Buy { &mut bids } else { &mut asks };
            let slot = self.books.next(cursor);
            let node = self.books.pool.nodes.get(slot as usize);
            node.map_or((0, 0), |node| (node.price, self.leaves(node, slot)))
        };
        let mut found = Crossed { volume: 0, pa: 0, pb: 0 };
        let ((mut bid, mut demand), (mut ask, mut supply)) = (next(Side::Buy), next(Side::Sell));
        while bid != 0 && ask != 0 && bid >= ask {
            (found.pa, found.pb) = (ask, bid);
            let lots = demand.min(supply);
            found.volume += lots;
            demand -= lots;
            supply -= lots;
            if demand == 0 {
                (bid, demand) = next(Side::Buy);
            }
            if supply == 0 {
                (ask, supply) = next(Side::Sell);
            }
        }
        found
    }

    fn leaves(&self, node: &Node, slot: u32) -> u128 {
        let hidden =
            if node.has(bit::ICEBERG) { self.desk.details[slot as usize].reserve } else { 0 };
        u128::from(node.open) + u128::from(hidden)
    }

    /// |demand - supply| at a price.
    fn surplus(&self, id: u16, price: u64) -> u128 {
        let total = |side| {
            let mut lots = 0;
            self.books.walk(id, side, price, u32::MAX, |slot, node| {
                lots += self.leaves(node, slot);
                true
            });
            lots
        };
        u128::abs_diff(total(Side::Buy), total(Side::Sell))
    }
}

/// The crossed part of a book.
struct Crossed {
    volume: u128,
    /// Worst ask that trades: the lowest price that reaches the volume.
    pa: u64,
    /// Worst bid that trades: the highest such price.
    pb: u64,
}

/// A price an uncross may have.
#[derive(Clone, Copy, Debug)]
struct Clearing {
    price: u64,
    volume: u128,
    surplus: u128,
}

/// Says that a market is in another state, or has other parameters.
pub(super) fn put_state<S: EventSink>(
    id: u16,
    operation: u64,
    state: MarketState,
    previous: u8,
    command: u8,
    out: &mut S,
) {
    out.put(&MarketChanged {
        header: MarketChanged::header_for(id),
        operation,
        state: state.code(),
        previous,
        command,
        reserved: [0; 5],
        reserved_words: [0; 4],
    });
}
