//! Triggers and the release queue: section 6.

use crate::Reference;
use crate::entry::trailing_buy_stop;
use crate::state::{Marks, Order, Place};
use wire::codes::{ListKind, MarketState, OrderType, Side};
use wire::event::Triggered;
use wire::limits::{BIPS_ONE, RELEASES_PER_TURN, WORK_PER_TURN};

/// What one command or one part of a tick has used up in a market.
pub(crate) struct Turn {
    pub(crate) market: u16,
    /// Orders met by takers.
    pub(crate) met: u32,
    /// Orders released.
    released: u32,
    /// Waiting orders collected.
    collected: u32,
}

impl Turn {
    pub(crate) fn of(market: u16) -> Self {
        Self { market, met: 0, released: 0, collected: 0 }
    }
}

impl Reference {
    /// A run traded from price `first` to price `last`: the marks widen and trailing stops look.
    pub(crate) fn mark(&mut self, market: u16, first: u64, last: u64) {
        let state = self.market_mut(market);
        let marks = state.marks.unwrap_or(Marks { up: first, down: first });
        state.marks = Some(Marks {
            up: marks.up.max(first).max(last),
            down: marks.down.min(first).min(last),
        });
        for serial in state.trailing.clone() {
            let order = self.order_mut(serial);
            if follow(order, first) || follow(order, last) {
                self.take_out(serial);
                self.order_mut(serial).place = Place::Marked;
                self.market_mut(market).marked.push(serial);
            }
        }
    }

    /// Collect, then release.
    pub(crate) fn collect_and_release(&mut self, turn: &mut Turn) {
        if !self.releases(turn.market) {
            return;
        }
        self.collect(turn);
        while self.releases(turn.market)
            && turn.released < RELEASES_PER_TURN
            && turn.met < self.market(turn.market).parameters.sweep_limit
            && let Some(serial) = self.market(turn.market).queue.front().copied()
        {
            turn.released += 1;
            self.release(serial, turn);
            self.collect(turn);
        }
    }

    /// Whether the market is Continuous, without an unfinished uncross.
    pub(crate) fn releases(&self, market: u16) -> bool {
        let market = self.market(market);
        market.state == MarketState::Continuous && market.uncross.is_none()
    }

    /// Waiting orders whose condition the marks meet join the release queue, then marked ones.
    fn collect(&mut self, turn: &mut Turn) {
        loop {
            let Some(serial) = self.next_triggered(turn.market) else {
                self.market_mut(turn.market).marks = None;
                break;
            };
            if turn.collected == WORK_PER_TURN {
                break;
            }
            turn.collected += 1;
            self.take_out(serial);
            self.join_queue(serial);
        }
        for serial in self.market(turn.market).marked.clone() {
            self.take_out(serial);
            self.join_queue(serial);
        }
    }

    pub(crate) fn join_queue(&mut self, serial: u64) {
        self.order_mut(serial).place = Place::Queued;
        let market = self.order(serial).terms.market;
        self.market_mut(market).queue.push_back(serial);
    }

    /// The next waiting order that the marks trigger: upwards first, by ascending stop price, then
    /// downwards by descending.
    fn next_triggered(&self, market: u16) -> Option<u64> {
        let market = self.market(market);
        let marks = market.marks?;
        let upward = market.upward.first_key_value().filter(|(stop, _)| **stop <= marks.up);
        let downward = market.downward.last_key_value().filter(|(stop, _)| **stop >= marks.down);
        upward.or(downward).map(|(_, queue)| queue[0])
    }

    /// Releases the front of the queue: a pending leg, or an order that triggered.
    fn release(&mut self, serial: u64, turn: &mut Turn) {
        let list = self.order(serial).list;
        let is_pending_leg = list.is_some_and(|list| self.lists[&list].kind != ListKind::Oco);
        self.take_out(serial);
        if is_pending_leg {
            return self.release_pending(serial, turn);
        }
        let order = self.order(serial);
        let event = Triggered {
            order_id: order.id(),
            member: order.terms.member,
            stop_price_ticks: trigger_price(order),
            last_price_ticks: self.market_of(serial).last.unwrap_or(0),
            ..Triggered::default()
        };
        self.emit_about(turn.market, event);
        self.sibling_is_done(serial);
        self.run(serial, turn);
    }
}

/// A trailing stop sees a price. Returns whether that triggers it.
fn follow(order: &mut Order, price: u64) -> bool {
    let stop = order.terms.stop_price;
    let (one, bips) = (u128::from(BIPS_ONE), u128::from(order.terms.trail_bips));
    let seen = u128::from(price) * one;
    match (order.extreme, order.terms.side) {
        (None, side) => {
            let starts = match side {
                Side::Sell => price >= stop,
                Side::Buy => price <= stop,
            };
            if stop == 0 || starts {
                order.extreme = Some(price);
            }
            false
        }
        (Some(extreme), Side::Sell) => {
            order.extreme = Some(extreme.max(price));
            seen <= u128::from(extreme) * (one - bips)
        }
        (Some(extreme), Side::Buy) => {
            order.extreme = Some(extreme.min(price));
            seen >= u128::from(extreme) * (one + bips)
        }
    }
}

/// The price at which an order triggered.
fn trigger_price(order: &Order) -> u64 {
    let bips = order.terms.trail_bips;
    match (order.terms.order_type, order.terms.side) {
        (OrderType::TrailingStop, Side::Buy) => trailing_buy_stop(order.extreme.unwrap_or(0), bips),
        (OrderType::TrailingStop, Side::Sell) => {
            let scaled = u128::from(order.extreme.unwrap_or(0)) * u128::from(BIPS_ONE - bips);
            (scaled / u128::from(BIPS_ONE)) as u64
        }
        _ => order.terms.stop_price,
    }
}
