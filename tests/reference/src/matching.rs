//! Matching a taker against the book: section 4.

use crate::Reference;
use crate::book::is_worse;
use crate::state::{Order, Terms};
use crate::triggers::Turn;
use wire::codes::{DoneReason, ListKind, OrderType, RestateReason, SelfTrade, Side, TimeInForce};
use wire::command::profile;
use wire::event::{Done, PRIORITY_LOST, Restated};
use wire::reason::RejectReason;
use wire::units::Amount;

/// Why a run of matching stopped.
enum Stop {
    /// 1: nothing left of the taker.
    Filled,
    /// 2: no opposite order.
    NoOpposite,
    /// 3: the best price is outside the taker's limit or collar.
    Price,
    /// Anything else.
    Because(DoneReason),
}

/// One run of matching.
struct Run {
    /// The worst price for the taker: its own, or the collar's.
    limit: Option<u64>,
    /// Orders met.
    met: u32,
    /// Prices of the first and the last trade.
    prices: Option<(u64, u64)>,
}

impl Reference {
    /// A new order matches; a fill-or-kill order only if it will be filled.
    pub(crate) fn match_on_entry(&mut self, taker: u64, turn: &mut Turn) {
        let terms = &self.order(taker).terms;
        if terms.time_in_force == TimeInForce::Fok && !self.can_fill_whole(terms) {
            self.done(taker, DoneReason::FillOrKill);
        } else {
            self.run(taker, turn);
        }
    }

    /// One run: the taker matches until it stops, then leaves or rests.
    pub(crate) fn run(&mut self, taker: u64, turn: &mut Turn) {
        let mut run = Run { limit: self.limit(taker), met: 0, prices: None };
        let stop = loop {
            if let Some(stop) = self.step(taker, &mut run) {
                break stop;
            }
        };
        turn.met += run.met;
        self.after_last_step(taker, &stop);
        if let Some((first, last)) = run.prices {
            self.mark(turn.market, first, last);
        }
    }

    /// The worst price a taker may trade at, taken before the first step.
    fn limit(&self, taker: u64) -> Option<u64> {
        let terms = &self.order(taker).terms;
        let market = self.market_of(taker);
        let is_buy_with_amount = terms.order_type == OrderType::Market && terms.quote_amount != 0;
        if terms.order_type.has_price() {
            Some(terms.price)
        } else if market.parameters.has(profile::MARKET_BUY_LOCK) || is_buy_with_amount {
            None
        } else {
            market.collar(terms.side)
        }
    }

    /// Steps 1 to 9, once. Returns why the run stops, if it does.
    fn step(&mut self, taker: u64, run: &mut Run) -> Option<Stop> {
        let order = self.order(taker);
        let (market, side) = (self.market_of(taker), order.terms.side);
        if order.is_filled() {
            return Some(Stop::Filled);
        }
        let Some((price, resting)) = market.head(side.opposite()) else {
            return Some(Stop::NoOpposite);
        };
        if run.limit.is_some_and(|limit| is_worse(side, price, limit)) {
            return Some(Stop::Price);
        }
        if run.met == market.parameters.sweep_limit {
            return Some(Stop::Because(DoneReason::SweepLimit));
        }
        run.met += 1;
        if self.must_not_meet(&order.terms, resting) {
            return self.prevent_self_trade(taker, resting).map(Stop::Because);
        }
        let lots = match self.lots(taker, resting, price) {
            Ok(lots) => lots,
            Err(reason) => return Some(Stop::Because(reason)),
        };
        self.sibling_is_done(taker);
        self.sibling_is_done(resting);
        self.trade(resting, taker, price, lots);
        run.prices = Some((run.prices.map_or(price, |(first, _)| first), price));
        self.after_trade(resting);
        None
    }

    /// Step 6: whether a taker and a resting order belong together.
    pub(crate) fn must_not_meet(&self, taker: &Terms, resting: u64) -> bool {
        if self.market(taker.market).parameters.has(profile::SELF_TRADE_ALLOWED) {
            return false;
        }
        let other = self.order(resting).terms.member;
        let group = |member: u32| self.members[&member].self_trade_group;
        taker.member == other || (group(taker.member) != 0 && group(taker.member) == group(other))
    }

    /// Step 6: what the taker's mode does. Returns why the taker stops, if it does.
    fn prevent_self_trade(&mut self, taker: u64, resting: u64) -> Option<DoneReason> {
        let terms = &self.order(taker).terms;
        match terms.self_trade {
            SelfTrade::Decrement if terms.order_type != OrderType::MarketQuote => {
                self.decrement(taker, resting)
            }
            // A market may have stopped allowing self-trades after the order's entry.
            SelfTrade::CancelNewest | SelfTrade::Decrement | SelfTrade::Allow => {
                Some(DoneReason::SelfTrade)
            }
            SelfTrade::CancelOldest => {
                self.done(resting, DoneReason::SelfTrade);
                None
            }
            SelfTrade::CancelBoth => {
                self.done(resting, DoneReason::SelfTrade);
                Some(DoneReason::SelfTrade)
            }
        }
    }

    fn decrement(&mut self, taker: u64, resting: u64) -> Option<DoneReason> {
        let lots = self.order(taker).leaves().min(self.order(resting).leaves());
        if lots == self.order(resting).leaves() {
            self.done(resting, DoneReason::SelfTrade);
        } else {
            let order = self.order_mut(resting);
            let reserve = order.leaves() - order.open;
            order.prevented += lots;
            order.open -= lots.saturating_sub(reserve);
            let released = self.release_decremented(resting, lots);
            self.emit_restated(resting, RestateReason::SelfTradeDecrement, 0, released);
        }
        if lots == self.order(taker).leaves() {
            return Some(DoneReason::SelfTrade);
        }
        self.order_mut(taker).prevented += lots;
        let released = self.release_decremented(taker, lots);
        // What is left of a taker is on its way to be shown.
        self.order_mut(taker).open = self.order(taker).leaves();
        self.emit_restated(taker, RestateReason::SelfTradeDecrement, 0, released);
        self.order_mut(taker).open = 0;
        None
    }

    /// Releases what an order held for `lots`, unless its hold is a number of its own: that of a
    /// market-type buy, of a buy that keeps its improvement, or of an OCO pair, whose other leg has
    /// the quantity it had.
    fn release_decremented(&mut self, serial: u64, lots: u64) -> i128 {
        let order = self.order(serial);
        if order.list.is_some_and(|list| self.lists[&list].kind == ListKind::Oco) {
            return 0;
        }
        let parameters = &self.market_of(serial).parameters;
        let own_number = order.terms.side == Side::Buy
            && (!order.terms.order_type.has_price() || order.keeps_improvement);
        if own_number {
            return 0;
        }
        let for_lots = match order.terms.side {
            Side::Buy => parameters.quote(order.terms.price, lots),
            Side::Sell => parameters.base(lots),
        };
        self.set_hold(serial, order.held - for_lots)
    }

    /// Step 7: how much the two trade, or why the taker stops.
    fn lots(&self, taker: u64, resting: u64, price: u64) -> Result<u64, DoneReason> {
        let parameters = &self.market_of(taker).parameters;
        let taker = self.order(taker);
        let shown = self.order(resting).open;
        let lot_price = parameters.quote(price, 1);
        match (taker.terms.order_type, taker.terms.side) {
            (OrderType::MarketQuote, side) => {
                let mut lots = taker.money_left() / lot_price;
                if side == Side::Sell {
                    let base_lots = taker.held / parameters.lot_units;
                    if base_lots == 0 {
                        return Err(DoneReason::OutOfFunds);
                    }
                    lots = lots.min(base_lots);
                }
                match at_most(lots, shown) {
                    0 if taker.filled > 0 => Err(DoneReason::Filled),
                    0 => Err(DoneReason::OutOfFunds),
                    lots => Ok(lots),
                }
            }
            (order_type, Side::Buy) if !order_type.has_price() => {
                let wanted = taker.leaves().min(shown);
                let pays_whole = parameters.quote(price, wanted) <= taker.held;
                if parameters.has(profile::WHOLE_LEVEL_STOP) && !pays_whole {
                    return Err(DoneReason::OutOfFunds);
                }
                match at_most(taker.held / lot_price, wanted) {
                    0 => Err(DoneReason::OutOfFunds),
                    lots => Ok(lots),
                }
            }
            _ => Ok(taker.leaves().min(shown)),
        }
    }

    /// Step 9, after the trade: the resting order is filled, or shows its next slice.
    pub(crate) fn after_trade(&mut self, resting: u64) {
        if self.order(resting).is_filled() {
            self.filled(resting);
        } else if self.order(resting).open == 0 {
            self.take_out(resting);
            self.rest(resting);
            self.emit_restated(resting, RestateReason::IcebergRefresh, PRIORITY_LOST, 0);
        }
    }

    /// After the last step of a run: the taker leaves or rests.
    fn after_last_step(&mut self, taker: u64, stop: &Stop) {
        let terms = &self.order(taker).terms;
        let reason = match (stop, terms.order_type.has_price(), terms.time_in_force) {
            (Stop::Filled | Stop::Because(DoneReason::Filled), ..) => return self.filled(taker),
            (Stop::Because(reason), ..) => *reason,
            (_, true, TimeInForce::Ioc) => DoneReason::ImmediateRemainder,
            (_, true, TimeInForce::Fok) => DoneReason::FillOrKill,
            (_, true, _) => return self.rest(taker),
            (Stop::NoOpposite, false, _) => DoneReason::NoLiquidity,
            (Stop::Price, false, _) => DoneReason::PriceBand,
        };
        self.done(taker, reason);
    }

    /// A fill-or-kill order is measured: whether the other side covers it.
    fn can_fill_whole(&self, terms: &Terms) -> bool {
        let market = self.market(terms.market);
        let ends_at_own =
            matches!(terms.self_trade, SelfTrade::CancelNewest | SelfTrade::CancelBoth);
        let (mut covered, mut walked) = (0u128, 0);
        for (price, queue) in market.levels(terms.side.opposite()) {
            if is_worse(terms.side, price, terms.price) {
                break;
            }
            // If the walk ends inside a level, only what is shown there counts.
            let (mut shown, mut whole, mut ends_here) = (0u128, 0u128, false);
            for resting in queue {
                let own = self.must_not_meet(terms, *resting);
                let order = self.order(*resting);
                walked += 1 + order.hidden_slices();
                if walked > u64::from(market.parameters.sweep_limit) || (own && ends_at_own) {
                    ends_here = true;
                    break;
                }
                if !own {
                    shown += u128::from(order.open);
                    whole += u128::from(order.leaves());
                }
            }
            covered += if ends_here { shown } else { whole };
            if ends_here {
                break;
            }
        }
        covered >= u128::from(terms.quantity)
    }

    /// An order is filled: it is gone, with an event only if money comes back, and if it was the
    /// working leg of a list, its pending legs go to the release queue.
    pub(crate) fn filled(&mut self, serial: u64) {
        let list = self.order(serial).list;
        if self.order(serial).held > 0 {
            self.leave(serial, DoneReason::Filled, None);
        } else {
            self.remove(serial);
        }
        if let Some(list) = list {
            self.working_leg_is_filled(list);
        }
    }

    /// An order leaves otherwise, and ends its list.
    pub(crate) fn done(&mut self, serial: u64, reason: DoneReason) {
        let list = self.order(serial).list;
        self.leave(serial, reason, None);
        if let Some(list) = list {
            self.end_list(list);
        }
    }

    /// An order leaves, and says so.
    pub(crate) fn leave(&mut self, serial: u64, reason: DoneReason, refusal: Option<RejectReason>) {
        let released = self.order(serial).held;
        let order = self.remove(serial);
        let leaves_lots = match order.terms.order_type {
            OrderType::MarketQuote => 0,
            _ => order.terms.quantity - order.filled,
        };
        self.emit_about(
            order.terms.market,
            Done {
                order_id: order.id(),
                member: order.terms.member,
                reason: reason.code(),
                refusal: refusal.map_or(0, |refusal| refusal as u8),
                leaves_lots,
                filled_lots: order.filled,
                released: Amount::new(released),
                ..Done::default()
            },
        );
    }

    /// Takes an order out of everything that knows it and gives back what it holds.
    fn remove(&mut self, serial: u64) -> Order {
        self.take_out(serial);
        self.set_hold(serial, 0);
        let order = self.orders.remove(&serial).expect("the order is live");
        let member = self.members.get_mut(&order.terms.member).expect("it has live orders");
        member.orders.remove(&serial);
        if let Some(deadline) = order.deadline {
            self.timers.remove(&(deadline, 0, serial));
        }
        order
    }

    pub(crate) fn emit_restated(
        &mut self,
        serial: u64,
        reason: RestateReason,
        flags: u8,
        released: i128,
    ) {
        let order = self.order(serial);
        let mut event = Restated {
            order_id: order.id(),
            price_ticks: order.terms.price,
            open_lots: order.open,
            leaves_lots: order.leaves(),
            released: Amount::new(released),
            ..Restated::default()
        };
        event.header.flags = reason.code() | flags;
        self.emit_about(order.terms.market, event);
    }
}

/// `lots`, but not more than `most`.
fn at_most(lots: i128, most: u64) -> u64 {
    u64::try_from(lots).map_or(most, |lots| lots.min(most))
}
