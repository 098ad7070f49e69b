//! A taker meets the book: sections 4 and 5 of docs/matching.md.

use super::Engine;
use super::book::{Books, Meet, Stop, Swept, Taker, side_of};
use super::desk::{Desk, Ending};
use super::mutant::{self, Mutant};
use super::orders::shown;
use super::pool::{Node, bit};
use super::spec::may_rest;
use super::triggers::Turn;
use wire::codes::{DoneReason, OrderType, RestateReason, SelfTrade, Side, TimeInForce};
use wire::command::profile;
use wire::event::{Event, EventSink, PRIORITY_LOST, Restated, Trade, trade_flag};
use wire::limits::PRICE_MAX;
use wire::units::{Amount, band_lower_ceil, band_upper_floor, fee_ceil};

/// What settling a trade needs to know of its market.
#[derive(Clone, Copy)]
pub(super) struct Terms {
    pub market: u16,
    pub profile: u32,
    pub lot_units: u128,
    pub tick_units: u128,
    pub house_base: u32,
    pub house_quote: u32,
}

impl Terms {
    #[inline]
    pub(super) fn cost(&self, price: u64, lots: u64) -> i128 {
        (u128::from(price) * u128::from(lots) * self.tick_units).cast_signed()
    }

    /// Lots that `money` buys or earns at `price`, rounded down.
    #[inline]
    fn lots_floor(&self, money: i128, price: u64) -> u64 {
        let each = u128::from(price).saturating_mul(self.tick_units);
        (money.max(0).cast_unsigned() / each.max(1)).min(u128::from(u64::MAX)) as u64
    }
}

/// A trade about to be settled.
pub(super) struct Deal<'a> {
    pub price: u64,
    pub lots: u64,
    pub resting: &'a Node,
    /// Lots left of the resting order after this.
    pub resting_left: u64,
    pub taker: &'a Node,
    pub taker_filled: bool,
    /// Quote the buyer gets back at once.
    pub improvement: i128,
    pub flags: u8,
    pub trade_id: u64,
}

impl Desk {
    /// Moves the money of a trade, both sides and both fees, and says so.
    #[inline]
    pub(super) fn settle<S: EventSink>(&mut self, terms: &Terms, deal: &Deal, out: &mut S) {
        let base = (u128::from(deal.lots) * terms.lot_units).cast_signed();
        let quote = terms.cost(deal.price, deal.lots);
        let by_id = terms.profile & profile::MAKER_BY_ID != 0 && deal.flags == 0;
        let (resting_name, taker_name) = (deal.resting.client_order_id, deal.taker.client_order_id);
        let swap = by_id && taker_name != 0 && resting_name != 0 && taker_name < resting_name;
        let (maker, taker) =
            if swap { (deal.taker, deal.resting) } else { (deal.resting, deal.taker) };
        let swapped = mutant::is(Mutant::RatesSwapped);
        let maker_ppm = if swapped { maker.taker_ppm } else { maker.maker_ppm };
        let taker_ppm = if swapped { taker.maker_ppm } else { taker.taker_ppm };
        let maker_fee = fee(if maker.sells() { quote } else { base }, maker_ppm);
        let taker_fee = fee(if taker.sells() { quote } else { base }, taker_ppm);
        let (buyer, seller, base_fee, quote_fee) = if maker.sells() {
            (taker, maker, taker_fee, maker_fee)
        } else {
            (maker, taker, maker_fee, taker_fee)
        };
        let account = self.accounts.at(buyer.quote_account);
        account.held -= quote + deal.improvement;
        account.available += deal.improvement;
        self.accounts.at(buyer.base_account).available += base - base_fee;
        self.accounts.at(seller.base_account).held -= base;
        self.accounts.at(seller.quote_account).available += quote - quote_fee;
        if base_fee != 0 {
            self.accounts.at(terms.house_base).available += base_fee;
        }
        if quote_fee != 0 {
            self.accounts.at(terms.house_quote).available += quote_fee;
        }
        let filled = [(deal.resting_left == 0, swap), (deal.taker_filled, !swap)];
        let mut flags = deal.flags | if swap { trade_flag::ROLES_SWAPPED } else { 0 };
        for (is_filled, is_taker) in filled {
            let flag = if is_taker { trade_flag::TAKER_FILLED } else { trade_flag::MAKER_FILLED };
            flags |= if is_filled { flag } else { 0 };
        }
        out.put(&Trade {
            header: Trade::header_for(terms.market),
            trade_id: deal.trade_id,
            maker_order_id: maker.id,
            taker_order_id: taker.id,
            price_ticks: deal.price,
            quantity_lots: deal.lots,
            resting_lots: deal.resting_left,
            maker_fee: Amount::new(maker_fee),
            taker_fee: Amount::new(taker_fee),
            buyer_released: Amount::new(deal.improvement),
            maker_member: maker.member,
            taker_member: taker.member,
            taker_side: side_of(taker).code(),
            flags,
            reserved: [0; 6],
        });
    }

    /// How often a sweep may meet a resting order: once, and again for every slice it hides.
    fn slices(&self, node: &Node, slot: u32) -> u64 {
        if !node.has(bit::ICEBERG) {
            return 1;
        }
        let detail = &self.details[slot as usize];
        1 + detail.reserve.div_ceil(detail.display.max(1))
    }

    /// What settling trades of a market needs to know.
    #[inline]
    pub(super) fn terms(&self, id: u16) -> Option<Terms> {
        let market = self.market(id)?;
        Some(Terms {
            market: id,
            profile: market.profile,
            lot_units: market.lot_units,
            tick_units: market.tick_units,
            house_base: self.currencies[usize::from(market.base)].house,
            house_quote: self.currencies[usize::from(market.quote)].house,
        })
    }
}

/// The fee, but for the planted fault [`fee_ceil`].
#[inline]
fn fee(income: i128, rate_ppm: u32) -> i128 {
    if mutant::is(Mutant::FeeRoundedDown) {
        return income * i128::from(rate_ppm) / 1_000_000;
    }
    fee_ceil(income, rate_ppm)
}

/// What bounds a taker besides its lots.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Bound {
    /// Nothing: what it may spend is held lot by lot.
    Lots,
    /// It may spend its hold: a market buy.
    Budget,
    /// It wants an amount of quote, and has base for so many lots (a buy: no bound).
    Quote { left: i128, lots: u64 },
}

/// The taker's side of a sweep in the matcher.
struct Aggressor<'a, S> {
    desk: &'a mut Desk,
    out: &'a mut S,
    terms: Terms,
    slot: u32,
    node: Node,
    mode: SelfTrade,
    bound: Bound,
    /// Lots traded in this sweep.
    traded: u64,
    first_price: u64,
    last_price: u64,
    trades: u64,
}

impl<S: EventSink> Aggressor<'_, S> {
    /// Self-trade prevention: the resting order is the taker's own.
    #[cold]
    fn meet_own(&mut self, books: &mut Books, slot: u32, remaining: u64) -> Meet {
        match self.mode {
            SelfTrade::CancelOldest => {
                self.cancel_own(books, slot);
                Meet::Gone { remaining }
            }
            SelfTrade::CancelBoth => {
                self.cancel_own(books, slot);
                Meet::Stop(Stop::SelfTrade)
            }
            SelfTrade::Decrement if !matches!(self.bound, Bound::Quote { .. }) => {
                self.decrement(books, slot, remaining)
            }
            _ => Meet::Stop(Stop::SelfTrade),
        }
    }

    fn cancel_own(&mut self, books: &mut Books, slot: u32) {
        self.desk.finish(books, slot, DoneReason::SelfTrade.into(), self.out);
    }

    fn decrement(&mut self, books: &mut Books, slot: u32, remaining: u64) -> Meet {
        let reserve = self.reserve_of(&books.pool.nodes[slot as usize], slot);
        let leaves = books.pool.nodes[slot as usize].open + reserve;
        let lots = leaves.min(remaining);
        if lots == leaves {
            self.cancel_own(books, slot);
        } else {
            self.desk.prevent(books, slot, lots, true, self.out);
        }
        let left = remaining - lots;
        let own = self.slot;
        books.pool.nodes[own as usize].open = remaining;
        if left == 0 {
            return Meet::Stop(Stop::SelfTrade);
        }
        self.desk.prevent(books, own, lots, false, self.out);
        self.node = books.pool.nodes[own as usize];
        Meet::Gone { remaining: left }
    }

    #[inline]
    fn reserve_of(&self, node: &Node, slot: u32) -> u64 {
        if node.has(bit::ICEBERG) { self.desk.details[slot as usize].reserve } else { 0 }
    }

    /// Lots the taker's bound allows at this price of the `wanted` ones.
    #[inline]
    fn bounded(&self, price: u64, wanted: u64) -> Result<u64, Stop> {
        let lots = match self.bound {
            Bound::Lots => return Ok(wanted),
            Bound::Budget => {
                let budget = self.desk.details[self.slot as usize].held;
                if self.terms.profile & profile::WHOLE_LEVEL_STOP != 0 {
                    let whole = self.terms.cost(price, wanted) <= budget;
                    return if whole { Ok(wanted) } else { Err(Stop::OutOfFunds) };
                }
                self.terms.lots_floor(budget, price)
            }
            Bound::Quote { lots: 0, .. } => return Err(Stop::OutOfFunds),
            Bound::Quote { left, lots } => {
                let affordable = self.terms.lots_floor(left, price);
                if affordable == 0 && self.traded > 0 {
                    return Err(Stop::Filled);
                }
                affordable.min(lots)
            }
        };
        if lots == 0 { Err(Stop::OutOfFunds) } else { Ok(lots.min(wanted)) }
    }

    /// Whether a trade uses up the amount of a market-by-quote order.
    #[inline]
    fn exhausts(&self, price: u64, lots: u64) -> bool {
        matches!(self.bound, Bound::Quote { left, .. } if left == self.terms.cost(price, lots))
    }

    /// Keeps count of what the taker's stored hold and its amount have left.
    #[inline]
    fn spend(&mut self, price: u64, lots: u64) {
        let quote = self.terms.cost(price, lots);
        if self.node.has(bit::HELD_STORED) {
            let detail = &mut self.desk.details[self.slot as usize];
            detail.held -= if self.node.sells() {
                (u128::from(lots) * self.terms.lot_units).cast_signed()
            } else {
                quote
            };
        }
        if let Bound::Quote { left, lots: base } = &mut self.bound {
            *left -= quote;
            *base -= lots.min(*base);
        }
    }
}

impl<S: EventSink> Taker for Aggressor<'_, S> {
    #[inline]
    fn meet(&mut self, books: &mut Books, slot: u32, remaining: u64) -> Meet {
        let resting = books.pool.nodes[slot as usize];
        if self.terms.profile & profile::SELF_TRADE_ALLOWED == 0
            && self.desk.same_party(self.node.member, resting.member)
        {
            return self.meet_own(books, slot, remaining);
        }
        let lots = match self.bounded(resting.price, remaining.min(resting.open)) {
            Ok(lots) => lots,
            Err(stop) => return Meet::Stop(stop),
        };
        let resting = if (resting.bits | self.node.bits) & bit::LISTED != 0 {
            let own = self.slot;
            books.pool.nodes[own as usize].open = remaining;
            self.desk.dissolve(books, own, self.out);
            self.desk.dissolve(books, slot, self.out);
            self.node = books.pool.nodes[own as usize];
            books.pool.nodes[slot as usize]
        } else {
            resting
        };
        let price = resting.price;
        let left = resting.open - lots + self.reserve_of(&resting, slot);
        let kept = self.node.has(bit::HELD_STORED) || mutant::is(Mutant::ImprovementKept);
        let improvement = if self.node.sells() || kept {
            0
        } else {
            self.terms.cost(self.node.price - price, lots)
        };
        self.trades += 1;
        let deal = Deal {
            price,
            lots,
            resting: &resting,
            resting_left: left,
            taker: &self.node,
            taker_filled: lots == remaining || self.exhausts(price, lots),
            improvement,
            flags: 0,
            trade_id: self.trades,
        };
        self.desk.settle(&self.terms, &deal, self.out);
        if resting.has(bit::HELD_STORED) && !resting.sells() {
            self.desk.details[slot as usize].held -= self.terms.cost(price, lots);
        }
        self.spend(price, lots);
        self.traded += lots;
        if self.first_price == 0 {
            self.first_price = price;
        }
        self.last_price = price;
        Meet::Trade(lots)
    }

    #[inline]
    fn is_done(&self) -> bool {
        matches!(self.bound, Bound::Quote { left: 0, .. })
    }

    #[inline]
    fn filled(&mut self, books: &mut Books, slot: u32) {
        self.desk.end_filled(books, slot, self.out);
    }

    fn next_slice(&mut self, books: &mut Books, slot: u32) -> u64 {
        self.desk.next_slice(books, slot, self.out)
    }
}

/// How a run of matching went.
#[derive(Clone, Copy)]
struct Run {
    swept: Swept,
    traded: u64,
    /// A market-by-quote order that ended with money too little for another lot.
    unspent: bool,
}

impl Desk {
    /// Shows the next slice of an iceberg, and says so: its lots, 0 if there is none.
    pub(super) fn next_slice<S: EventSink>(
        &mut self,
        books: &Books,
        slot: u32,
        out: &mut S,
    ) -> u64 {
        let detail = &mut self.details[slot as usize];
        let slice = shown(detail, detail.reserve);
        detail.reserve -= slice;
        if slice != 0 {
            let node = &books.pool.nodes[slot as usize];
            let mut header = Restated::header_for(node.market);
            header.flags = RestateReason::IcebergRefresh.code() | PRIORITY_LOST;
            out.put(&Restated {
                header,
                order_id: node.id,
                price_ticks: node.price,
                open_lots: slice,
                leaves_lots: slice + detail.reserve,
                released: Amount::ZERO,
            });
        }
        slice
    }

    /// Self-trade prevention takes `lots` off an order that keeps some.
    fn prevent<S: EventSink>(
        &mut self,
        books: &mut Books,
        slot: u32,
        lots: u64,
        resting: bool,
        out: &mut S,
    ) {
        let node = books.pool.nodes[slot as usize];
        let before = self.held(&node, slot);
        let detail = &mut self.details[slot as usize];
        detail.prevented += lots;
        let from_reserve = if resting { detail.reserve.min(lots) } else { 0 };
        detail.reserve -= from_reserve;
        let node = &mut books.pool.nodes[slot as usize];
        node.open -= lots - from_reserve;
        let node = *node;
        let leaves = node.open + self.details[slot as usize].reserve;
        let released = before - self.held(&node, slot);
        self.release(Desk::payer(&node), released);
        let mut header = Restated::header_for(node.market);
        header.flags = RestateReason::SelfTradeDecrement.code();
        out.put(&Restated {
            header,
            order_id: node.id,
            price_ticks: node.price,
            open_lots: node.open,
            leaves_lots: leaves,
            released: Amount::new(released),
        });
    }

    /// An order that is filled and out of the book: gives back what it still held, sends the legs
    /// that
    /// waited for it on their way, frees its slot.
    #[inline]
    pub(super) fn end_filled<S: EventSink>(&mut self, books: &mut Books, slot: u32, out: &mut S) {
        let node = books.pool.nodes[slot as usize];
        if node.has(bit::LISTED) {
            self.working_leg_filled(books, slot);
        }
        if node.has(bit::HELD_STORED) && self.details[slot as usize].held != 0 {
            return self.end(books, slot, DoneReason::Filled.into(), out);
        }
        self.free(books, slot);
    }
}

impl Engine {
    /// Matches an order that is in no queue, and rests or ends what is left of it.
    #[inline]
    pub(super) fn take<S: EventSink>(&mut self, slot: u32, turn: &mut Turn, out: &mut S) {
        let node = &self.books.pool.nodes[slot as usize];
        let detail = &mut self.desk.details[slot as usize];
        let (market, price, opposite) = (node.market, node.price, side_of(node).opposite());
        let rests = detail.order_type.has_price() && may_rest(detail.time_in_force);
        // Most orders that may rest meet nobody, and then nothing needs to be made ready.
        if rests && !self.books.meets(market, opposite, price) {
            let node = &mut self.books.pool.nodes[slot as usize];
            node.open += detail.reserve;
            detail.reserve = 0;
            return self.rest(slot);
        }
        self.take_all(slot, turn, out);
    }

    fn take_all<S: EventSink>(&mut self, slot: u32, turn: &mut Turn, out: &mut S) {
        let node = self.books.pool.nodes[slot as usize];
        let detail = self.desk.details[slot as usize];
        if detail.time_in_force == TimeInForce::Fok
            && !self.can_fill(slot)
            && !mutant::is(Mutant::FillOrKillFillsInPart)
        {
            return self.desk.end(&mut self.books, slot, DoneReason::FillOrKill.into(), out);
        }
        let limited = detail.order_type.has_price();
        let open = if node.sells() { 1 } else { PRICE_MAX };
        let limit = match detail.order_type {
            kind if kind.has_price() => node.price,
            OrderType::Market if detail.quote_amount != 0 => open,
            _ => self.collar(node.market, side_of(&node)).unwrap_or(open),
        };
        // As a taker it shows nothing and hides nothing.
        self.books.pool.nodes[slot as usize].open += detail.reserve;
        self.desk.details[slot as usize].reserve = 0;
        let run = self.sweep(slot, limit, turn, out);
        self.books.pool.nodes[slot as usize].open =
            if detail.order_type == OrderType::MarketQuote { 0 } else { run.swept.remaining };
        if detail.order_type == OrderType::MarketQuote {
            self.desk.details[slot as usize].quantity = run.traded;
        }
        let reason = match run.swept.stop {
            Stop::Filled if run.unspent => DoneReason::Filled,
            Stop::Filled => return self.desk.end_filled(&mut self.books, slot, out),
            Stop::SelfTrade => DoneReason::SelfTrade,
            Stop::SweepLimit => DoneReason::SweepLimit,
            Stop::OutOfFunds => DoneReason::OutOfFunds,
            Stop::Empty | Stop::Price if limited && may_rest(detail.time_in_force) => {
                return self.rest(slot);
            }
            Stop::Empty | Stop::Price if limited => DoneReason::ImmediateRemainder,
            Stop::Empty => DoneReason::NoLiquidity,
            Stop::Price => DoneReason::PriceBand,
        };
        self.desk.end(&mut self.books, slot, Ending::from(reason), out);
    }

    /// Puts what is left of a limit order into the book.
    pub(super) fn rest(&mut self, slot: u32) {
        let node = &mut self.books.pool.nodes[slot as usize];
        node.bits &= !bit::OFF_BOOK;
        if node.has(bit::ICEBERG) {
            let detail = &mut self.desk.details[slot as usize];
            let leaves = node.open + detail.reserve;
            node.open = shown(detail, leaves);
            detail.reserve = leaves - node.open;
        }
        self.books.rest(slot);
    }

    fn sweep<S: EventSink>(&mut self, slot: u32, limit: u64, turn: &mut Turn, out: &mut S) -> Run {
        let nothing = Swept { stop: Stop::Empty, remaining: 0, met: 0 };
        let node = self.books.pool.nodes[slot as usize];
        let Some(terms) = self.desk.terms(node.market) else {
            return Run { swept: nothing, traded: 0, unspent: false };
        };
        let (sweep_limit, trades) =
            self.desk.market(node.market).map_or((0, 0), |m| (m.sweep_limit, m.trades));
        let detail = self.desk.details[slot as usize];
        let bound = match detail.order_type {
            OrderType::MarketQuote => self.quote_bound(slot, &terms),
            kind if !kind.has_price() && !node.sells() => Bound::Budget,
            _ => Bound::Lots,
        };
        let remaining = if matches!(bound, Bound::Quote { .. }) {
            u64::MAX
        } else {
            node.open + detail.reserve
        };
        let mut aggressor = Aggressor {
            desk: &mut self.desk,
            out,
            terms,
            slot,
            node,
            mode: detail.self_trade,
            bound,
            traded: 0,
            first_price: 0,
            last_price: 0,
            trades,
        };
        let opposite = side_of(&node).opposite();
        let swept =
            self.books.sweep(node.market, opposite, limit, remaining, sweep_limit, &mut aggressor);
        let unspent = matches!(aggressor.bound, Bound::Quote { left, .. } if left != 0);
        let Aggressor { traded, first_price, last_price, trades, .. } = aggressor;
        turn.met += swept.met;
        if first_price != 0 {
            self.after_run(node.market, first_price, last_price, trades);
        }
        Run { swept, traded, unspent }
    }

    /// A market-by-quote order: its amount, and for a sell the lots it has.
    fn quote_bound(&self, slot: u32, terms: &Terms) -> Bound {
        let node = &self.books.pool.nodes[slot as usize];
        let detail = &self.desk.details[slot as usize];
        let left = detail.quote_amount;
        if node.sells() {
            let lots = detail.held.cast_unsigned() / terms.lot_units.max(1);
            Bound::Quote { left, lots: lots.min(u128::from(u64::MAX)) as u64 }
        } else {
            Bound::Quote { left, lots: u64::MAX }
        }
    }

    /// The worst price a market type may trade at, if there is one.
    pub(super) fn collar(&self, id: u16, side: Side) -> Option<u64> {
        let market = self.desk.market(id)?;
        let reference = self.reference(id);
        if market.band_bips == 0 || reference == 0 || market.keeps(profile::MARKET_BUY_LOCK) {
            return None;
        }
        Some(match side {
            Side::Buy => band_upper_floor(reference, market.band_bips),
            Side::Sell => band_lower_ceil(reference, market.band_bips),
        })
    }

    /// Whether a fill-or-kill order can be filled whole.
    fn can_fill(&self, slot: u32) -> bool {
        let node = &self.books.pool.nodes[slot as usize];
        let detail = &self.desk.details[slot as usize];
        let Some(market) = self.desk.market(node.market) else { return false };
        let prevents =
            !market.keeps(profile::SELF_TRADE_ALLOWED) && detail.self_trade != SelfTrade::Allow;
        let skips = matches!(detail.self_trade, SelfTrade::CancelOldest | SelfTrade::Decrement);
        let mut covered: u128 = 0;
        // Reserves of the level being walked: they do not count if the walk ends in this level.
        let (mut level, mut hidden) = (0, 0u128);
        let wanted = u128::from(node.open);
        let opposite = side_of(node).opposite();
        let mut met = 0u64;
        let visit = |other: u32, resting: &Node| {
            if resting.price != level {
                covered += hidden;
                (level, hidden) = (resting.price, 0);
            }
            met += self.desk.slices(resting, other);
            if met > u64::from(market.sweep_limit) {
                hidden = 0;
                return false;
            }
            if prevents && self.desk.same_party(node.member, resting.member) {
                if !skips {
                    hidden = 0;
                }
                return skips;
            }
            covered += u128::from(resting.open);
            if resting.has(bit::ICEBERG) {
                hidden += u128::from(self.desk.details[other as usize].reserve);
            }
            covered < wanted
        };
        self.books.walk(node.market, opposite, node.price, market.sweep_limit, visit);
        covered + hidden >= wanted
    }

    /// Books the end of a run of matching: last price, trade count, trigger marks.
    pub(super) fn after_run(&mut self, id: u16, first: u64, last: u64, trades: u64) {
        let Some(market) = self.desk.market_mut(id) else { return };
        market.last_price = last;
        market.trades = trades;
        market.mark(first);
        market.mark(last);
        if market.trailing_count != 0 {
            self.follow_trailing(id, first, last);
        }
    }
}
