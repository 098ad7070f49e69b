//! Events as stories tell them: what is zero or usual is not said.

use super::lines::{QUOTE, name_of};
use crate::events::Event;
use crate::inspect::Level;
use core::fmt::Display;
use wire::codes::{DoneReason, MarketState, Placement, RestateReason};
use wire::event::{PRIORITY_LOST, RESTATE_REASON_MASK, Trade, trade_flag};
use wire::limits::SLOT_BITS;
use wire::reason::RejectReason;

/// A sentence that grows by what is worth saying.
struct Sentence(String);

impl Sentence {
    fn unless_zero<T: Display + Default + PartialEq>(mut self, word: &str, value: T) -> Self {
        if value != T::default() {
            self.0 += &format!(", {word} {value}");
        }
        self
    }

    fn if_set(mut self, word: &str, is_set: bool) -> Self {
        if is_set {
            self.0 += &format!(", {word}");
        }
        self
    }
}

fn serial(order_id: u64) -> u64 {
    order_id >> SLOT_BITS
}

fn key<T>(decoded: Option<T>, key: fn(T) -> &'static str) -> &'static str {
    decoded.map_or("unknown", key)
}

/// One event.
pub(super) fn event(event: &Event) -> String {
    let sentence = match event {
        Event::Rejected(e) => {
            Sentence(format!("rejected {}", key(RejectReason::decode(e.reason), RejectReason::key)))
                .unless_zero("order", serial(e.order_id))
                .unless_zero("named", e.client_order_id)
                .unless_zero("leg", e.leg)
        }
        Event::Accepted(e) => Sentence(format!("accepted {}", serial(e.order_id)))
            .if_set("waiting", e.placement == Placement::Waiting.code())
            .if_set("pending", e.placement == Placement::Pending.code())
            .unless_zero("held", e.held.get())
            .unless_zero("named", e.client_order_id)
            .unless_zero("maker_ppm", e.maker_ppm)
            .unless_zero("taker_ppm", e.taker_ppm),
        Event::Trade(e) => trade(e),
        Event::Done(e) => {
            let refusal = RejectReason::decode(u16::from(e.refusal)).map_or("", RejectReason::key);
            let reason = key(DoneReason::decode(e.reason), DoneReason::key);
            Sentence(format!("done {} {reason}", serial(e.order_id)))
                .if_set(refusal, e.refusal != 0)
                .unless_zero("filled", e.filled_lots)
                .unless_zero("unfilled", e.leaves_lots)
                .unless_zero("back", e.released.get())
        }
        Event::Restated(e) => {
            let reason = RestateReason::decode(e.header.flags & RESTATE_REASON_MASK);
            let reason = key(reason, RestateReason::key);
            Sentence(format!("restated {} {reason}", serial(e.order_id)))
                .unless_zero("price", e.price_ticks)
                .unless_zero("open", e.open_lots)
                .unless_zero("leaves", e.leaves_lots)
                .unless_zero("back", e.released.get())
                .if_set("priority_lost", e.header.flags & PRIORITY_LOST != 0)
        }
        Event::Triggered(e) => {
            let at = (e.stop_price_ticks, e.last_price_ticks);
            Sentence(format!("triggered {} stop {} last {}", serial(e.order_id), at.0, at.1))
        }
        Event::Balance(e) => {
            let currency = if e.currency == QUOTE { "quote" } else { "base" };
            Sentence(format!("{} has {} {currency}", name_of(e.member), e.available.get()))
                .unless_zero("held", e.held.get())
        }
        Event::Applied(e) => Sentence("applied".to_owned()).if_set("armed", e.time_ns != 0),
        Event::MassCancelled(e) => {
            let reason = key(DoneReason::decode(e.reason), DoneReason::key);
            Sentence(format!("mass_cancelled {} by {reason}", e.cancelled))
                .unless_zero("session", e.session)
        }
        Event::Repeated(e) => Sentence(format!("repeated {} last {}", e.operation, e.last)),
        Event::MarketChanged(e) => {
            let state = key(MarketState::decode(e.state), MarketState::key);
            let previous = MarketState::decode(e.previous).map_or("none", MarketState::key);
            Sentence(format!("market {previous} to {state}"))
        }
        Event::Uncrossed(e) => Sentence(format!("uncrossed at {}", e.price_ticks))
            .unless_zero("volume", e.volume_lots.get())
            .unless_zero("surplus", e.surplus_lots.get()),
    };
    let market = event.header().market;
    sentence.if_set(&format!("in {market}"), market > 1).0
}

fn trade(e: &Trade) -> Sentence {
    let (maker, taker) = (serial(e.maker_order_id), serial(e.taker_order_id));
    Sentence(format!("trade {} @ {} maker {maker} taker {taker}", e.quantity_lots, e.price_ticks))
        .unless_zero("resting", e.resting_lots)
        .unless_zero("maker_fee", e.maker_fee.get())
        .unless_zero("taker_fee", e.taker_fee.get())
        .unless_zero("back", e.buyer_released.get())
        .if_set("maker_filled", e.flags & trade_flag::MAKER_FILLED != 0)
        .if_set("taker_filled", e.flags & trade_flag::TAKER_FILLED != 0)
        .if_set("roles_swapped", e.flags & trade_flag::ROLES_SWAPPED != 0)
        .if_set("uncross", e.flags & trade_flag::UNCROSS != 0)
}

/// Best bid and best ask.
pub(super) fn best((bid, ask): (Option<Level>, Option<Level>)) -> String {
    let side = |level: Option<Level>| match level {
        Some((price, lots)) => format!("{lots} @ {price}"),
        None => "nothing".to_owned(),
    };
    format!("{} | {}", side(bid), side(ask))
}

/// A balance.
pub(super) fn balance(currency: u16, (available, held, withdraw): (i128, i128, i128)) -> String {
    let currency = if currency == QUOTE { "quote" } else { "base" };
    Sentence(format!("{currency} {available}"))
        .unless_zero("held", held)
        .unless_zero("withdrawing", withdraw)
        .0
}
