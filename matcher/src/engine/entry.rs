//! New orders, cancels, cancel-and-new and lists: sections 3, 7 and 8 of docs/matching.md.

use super::desk::{Ending, Market};
use super::lists::List;
use super::mutant::{self, Mutant};
use super::pool::{NIL, bit};
use super::spec::Spec;
use super::triggers::Turn;
use super::{Engine, Refusal, Subject};
use wire::codes::{
    DoneReason, ListKind, MarketState, OrderType, Placement, ReplaceMode, RestateReason, Side,
};
use wire::command::{Cancel, CancelNew, NewList, NewOrder, OrderExtra, flag, profile};
use wire::event::{Event, EventSink, Restated};
use wire::limits::{AMOUNT_MAX, MEMBER_HOUSE, PRICE_MAX, TRAILING_MAX};
use wire::reason::RejectReason;
use wire::record::LAST_OF_GROUP;
use wire::units::{Amount, amount, notional};

/// What the cancel of a cancel-and-new gives back before the new order is checked.
#[derive(Clone, Copy, Default)]
struct Refund {
    /// The order that goes, if one does.
    slot: Option<u32>,
}

impl Engine {
    pub(super) fn new_order<S: EventSink>(
        &mut self,
        order: &NewOrder,
        extra: &OrderExtra,
        out: &mut S,
    ) -> Result<(), Refusal> {
        let subject = subject_of(order);
        let refuse = |reason| (reason, subject);
        let spec =
            Spec::from_order(order, extra).ok_or_else(|| refuse(RejectReason::FieldInvalid))?;
        if mutant::is(Mutant::RejectedUsesSerial) {
            let (slot, _) = self.books.pool.take();
            self.books.pool.give(slot);
        }
        let hold = self.check_order(&spec, &Refund::default()).map_err(refuse)?;
        self.admit(&spec, hold, out);
        Ok(())
    }

    /// Enters a checked order and lets it act.
    #[inline]
    fn admit<S: EventSink>(&mut self, spec: &Spec, hold: i128, out: &mut S) {
        let waits = spec.order_type.is_triggered();
        let placement = if waits { Placement::Waiting } else { Placement::Matching };
        let slot = self.enter(spec, hold, placement, out);
        let mut turn = Turn::default();
        self.act(slot, &mut turn, out);
        self.collect_and_release(spec.market, &mut turn, out);
    }

    /// An order in no queue waits, matches or rests, as its type and the market's state say.
    #[inline]
    fn act<S: EventSink>(&mut self, slot: u32, turn: &mut Turn, out: &mut S) {
        let market = self.books.pool.nodes[slot as usize].market;
        if self.desk.details[slot as usize].order_type.is_triggered() {
            self.wait(slot);
        } else if self.desk.market(market).is_some_and(|m| m.state == MarketState::Continuous) {
            self.take(slot, turn, out);
        } else {
            self.rest(slot);
        }
    }

    /// Steps 2 to 14 of section 3: the hold, or the first check that fails.
    #[inline]
    fn check_order(&self, spec: &Spec, refund: &Refund) -> Result<i128, RejectReason> {
        let market = self.check_place(spec)?;
        self.check_name(spec, refund)?;
        spec.check_shape(market, self.desk.now)?;
        spec.check_worth(market, self.reference(spec.market))?;
        self.check_band(spec, market)?;
        self.check_room(spec, refund, 1)?;
        self.check_trailing(spec, market, refund)?;
        self.check_kill(spec)?;
        self.check_crossing(spec, market)?;
        let refunded = self.refunded(spec, market, refund);
        let hold = self.check_funds(spec, market, refunded)?;
        self.check_accounts(spec, market)?;
        Ok(hold)
    }

    /// Steps 2 to 4: market, member, state.
    #[inline]
    fn check_place(&self, spec: &Spec) -> Result<&Market, RejectReason> {
        let market = self.desk.market(spec.market).ok_or(RejectReason::MarketUnknown)?;
        if spec.member == MEMBER_HOUSE || self.desk.member(spec.member).is_none() {
            return Err(RejectReason::MemberUnknown);
        }
        if state_takes(market, spec) { Ok(market) } else { Err(RejectReason::MarketState) }
    }

    /// Step 5.
    #[inline]
    fn check_name(&self, spec: &Spec, refund: &Refund) -> Result<(), RejectReason> {
        let taken = self.desk.clients.find(spec.member, spec.client_order_id);
        if taken != NIL && Some(taken) != refund.slot {
            return Err(RejectReason::ClientOrderIdTaken);
        }
        Ok(())
    }

    /// Step 8.
    #[inline]
    pub(super) fn check_band(&self, spec: &Spec, market: &Market) -> Result<(), RejectReason> {
        if market.band_bips == 0 || spec.order_type != OrderType::Limit {
            return Ok(());
        }
        let reference = self.reference(spec.market);
        let outside = match spec.side {
            Side::Buy => spec.price > wire::units::band_upper_floor(reference, market.band_bips),
            Side::Sell => spec.price < wire::units::band_lower_ceil(reference, market.band_bips),
        };
        if reference != 0 && outside { Err(RejectReason::PriceBand) } else { Ok(()) }
    }

    /// Step 9 for so many orders.
    #[inline]
    fn check_room(&self, spec: &Spec, refund: &Refund, orders: u32) -> Result<(), RejectReason> {
        let member = &self.desk.members[spec.member as usize];
        let gone = u32::from(refund.slot.is_some());
        if member.open_orders_max != 0
            && member.open_orders - gone + orders > member.open_orders_max
        {
            return Err(RejectReason::TooManyOrders);
        }
        if self.books.pool.room() + gone < orders { Err(RejectReason::PoolFull) } else { Ok(()) }
    }

    #[inline]
    fn check_trailing(
        &self,
        spec: &Spec,
        market: &Market,
        refund: &Refund,
    ) -> Result<(), RejectReason> {
        if spec.order_type != OrderType::TrailingStop || market.trailing_count < TRAILING_MAX {
            return Ok(());
        }
        let frees = refund.slot.is_some_and(|slot| {
            let node = &self.books.pool.nodes[slot as usize];
            let trails = self.desk.details[slot as usize].order_type == OrderType::TrailingStop;
            trails && node.market == spec.market && node.has(bit::WAITING) && !node.has(bit::MARKED)
        });
        if frees { Ok(()) } else { Err(RejectReason::TooManyTrailing) }
    }

    /// Step 10.
    #[inline]
    fn check_kill(&self, spec: &Spec) -> Result<(), RejectReason> {
        let killed = self.desk.members[spec.member as usize].killed;
        if killed { Err(RejectReason::KillSwitchActive) } else { Ok(()) }
    }

    /// Steps 11 and 12.
    #[inline]
    fn check_crossing(&self, spec: &Spec, market: &Market) -> Result<(), RejectReason> {
        if spec.order_type.is_triggered() {
            return self.check_trigger(spec, market);
        }
        let takes = mutant::is(Mutant::PostOnlyTakes);
        if spec.post_only() && !takes && self.would_cross(spec, market) {
            return Err(RejectReason::WouldCross);
        }
        Ok(())
    }

    /// Step 11.
    pub(super) fn check_trigger(&self, spec: &Spec, market: &Market) -> Result<(), RejectReason> {
        if spec.order_type == OrderType::TrailingStop {
            let lost =
                spec.side == Side::Buy && self.desk.trail_reference(market, spec.stop_price) == 0;
            return if lost { Err(RejectReason::StopPriceInvalid) } else { Ok(()) };
        }
        let up = super::orders::triggers_up(spec.order_type, spec.side == Side::Sell);
        let last = market.last_price;
        let true_already =
            last != 0 && if up { last >= spec.stop_price } else { last <= spec.stop_price };
        if true_already { Err(RejectReason::WouldTrigger) } else { Ok(()) }
    }

    /// Whether a limit price meets the best opposite price where orders match.
    #[inline]
    pub(super) fn would_cross(&self, spec: &Spec, market: &Market) -> bool {
        if !matches!(market.state, MarketState::Continuous | MarketState::PostOnly) {
            return false;
        }
        match (spec.side, self.books.best(spec.market, spec.side.opposite())) {
            (_, None) => false,
            (Side::Buy, Some(ask)) => ask <= spec.price,
            (Side::Sell, Some(bid)) => bid >= spec.price,
        }
    }

    /// Step 13: what the order holds. `refunded` counts as available.
    #[inline]
    fn check_funds(
        &self,
        spec: &Spec,
        market: &Market,
        refunded: i128,
    ) -> Result<i128, RejectReason> {
        let currency = if spec.side == Side::Buy { market.quote } else { market.base };
        let account = self.desk.accounts.get(self.desk.accounts.find(spec.member, currency));
        let available = account.available + refunded;
        let hold = match (spec.order_type, spec.side) {
            (OrderType::Market, Side::Buy) => self.hold_of_market_buy(spec, market, available)?,
            (OrderType::MarketQuote, Side::Buy) => spec.quote_amount,
            (OrderType::MarketQuote, Side::Sell) => {
                let most = available.clamp(0, AMOUNT_MAX).cast_unsigned();
                let lots = (most / market.lot_units).min(u128::from(wire::limits::QUANTITY_MAX));
                (lots * market.lot_units).cast_signed()
            }
            (OrderType::Market, Side::Sell) => {
                self.check_depth(spec, market)?;
                amount(u128::from(spec.quantity), market.lot_units)
                    .ok_or(RejectReason::NotionalTooLarge)?
            }
            _ => self.desk.hold_for(spec, spec.quantity).ok_or(RejectReason::NotionalTooLarge)?,
        };
        let empty = hold == 0 && spec.order_type == OrderType::MarketQuote;
        if hold > available || empty { Err(RejectReason::InsufficientFunds) } else { Ok(hold) }
    }

    /// Peatio's market sells need bids for their whole quantity.
    fn check_depth(&self, spec: &Spec, market: &Market) -> Result<(), RejectReason> {
        if !market.keeps(profile::MARKET_BUY_LOCK) {
            return Ok(());
        }
        let (_, covered) = self.estimate(spec, market, 1)?;
        if covered { Ok(()) } else { Err(RejectReason::InsufficientLiquidity) }
    }

    fn hold_of_market_buy(
        &self,
        spec: &Spec,
        market: &Market,
        available: i128,
    ) -> Result<i128, RejectReason> {
        if spec.quote_amount != 0 {
            return Ok(spec.quote_amount);
        }
        if market.keeps(profile::MARKET_BUY_LOCK) {
            let (estimate, covered) = self.estimate(spec, market, PRICE_MAX)?;
            if !covered {
                return Err(RejectReason::InsufficientLiquidity);
            }
            if market.keeps(profile::FUNDS_RULE_24) && available < estimate {
                return Err(RejectReason::InsufficientFunds);
            }
            let buffered = (estimate.cast_unsigned() * 11).div_ceil(10).cast_signed();
            let hold = buffered.min(available);
            return if hold <= 0 { Err(RejectReason::InsufficientFunds) } else { Ok(hold) };
        }
        let collar = self.collar(spec.market, Side::Buy);
        let (estimate, _) = self.estimate(spec, market, collar.unwrap_or(PRICE_MAX))?;
        if estimate > available {
            return Err(RejectReason::InsufficientFunds);
        }
        let worst = collar.unwrap_or(market.max_price);
        let most = notional(worst, spec.quantity, market.tick_units).unwrap_or(AMOUNT_MAX);
        Ok(most.min(available).max(0))
    }

    /// Cost of the quantity on the opposite side as it stands, inside `limit`, and whether it is
    /// covered.
    fn estimate(
        &self,
        spec: &Spec,
        market: &Market,
        limit: u64,
    ) -> Result<(i128, bool), RejectReason> {
        let (mut left, mut cost) = (spec.quantity, Some(0i128));
        let side = spec.side.opposite();
        self.books.walk(spec.market, side, limit, market.sweep_limit, |slot, node| {
            let reserve =
                if node.has(bit::ICEBERG) { self.desk.details[slot as usize].reserve } else { 0 };
            let lots = left.min(node.open + reserve);
            let more = notional(node.price, lots, market.tick_units);
            cost = cost.zip(more).map(|(cost, more)| cost + more).filter(|c| *c <= AMOUNT_MAX);
            left -= lots;
            left != 0 && cost.is_some()
        });
        Ok((cost.ok_or(RejectReason::NotionalTooLarge)?, left == 0))
    }

    /// Step 14: both accounts exist or fit.
    #[inline]
    fn check_accounts(&self, spec: &Spec, market: &Market) -> Result<(), RejectReason> {
        let missing = |currency| self.desk.accounts.find(spec.member, currency) == NIL;
        let wanted = u32::from(missing(market.base)) + u32::from(missing(market.quote));
        if wanted > self.desk.accounts.room() { Err(RejectReason::AccountsFull) } else { Ok(()) }
    }

    /// What the order that goes, and its list, give back in the currency the new one pays with.
    fn refunded(&self, spec: &Spec, market: &Market, refund: &Refund) -> i128 {
        let Some(slot) = refund.slot else { return 0 };
        let currency = if spec.side == Side::Buy { market.quote } else { market.base };
        let given = |slot: u32| {
            let node = &self.books.pool.nodes[slot as usize];
            let pays = self
                .desk
                .market(node.market)
                .map_or(0, |m| if node.sells() { m.base } else { m.quote });
            if pays == currency { self.desk.held(node, slot) } else { 0 }
        };
        let node = &self.books.pool.nodes[slot as usize];
        if !node.has(bit::LISTED) {
            return given(slot);
        }
        let list = self.desk.lists.get(self.desk.details[slot as usize].list);
        list.legs.into_iter().filter(|leg| *leg != NIL).map(given).sum()
    }

    /// The live order of `member` a target names.
    #[inline]
    pub(super) fn find(&self, member: u32, target: u64, by_client_id: bool) -> Option<u32> {
        if by_client_id {
            let slot = self.desk.clients.find(member, target);
            return (slot != NIL).then_some(slot);
        }
        let slot = self.books.pool.find(target)?;
        (self.books.pool.nodes[slot as usize].member == member).then_some(slot)
    }

    #[inline]
    pub(super) fn cancel<S: EventSink>(
        &mut self,
        cancel: &Cancel,
        out: &mut S,
    ) -> Result<(), Refusal> {
        let flags = cancel.header.flags & !LAST_OF_GROUP;
        let by_client_id = flags & flag::BY_CLIENT_ID != 0;
        let client_order_id = if by_client_id { cancel.target } else { 0 };
        let subject = Subject { client_order_id, member: cancel.member, ..Subject::default() };
        if flags & !flag::BY_CLIENT_ID != 0 || cancel.reserved != [0; 5] {
            return Err((RejectReason::FieldInvalid, subject));
        }
        let slot = self
            .find(cancel.member, cancel.target, by_client_id)
            .ok_or((RejectReason::OrderUnknown, subject))?;
        self.desk.finish(&mut self.books, slot, DoneReason::Requested.into(), out);
        Ok(())
    }

    pub(super) fn cancel_new<S: EventSink>(
        &mut self,
        command: &CancelNew,
        out: &mut S,
    ) -> Result<(), Refusal> {
        let mut subject = subject_of(&command.order);
        let refuse = |reason| (reason, subject);
        let spec = Spec::from_order(&command.order, &command.extra)
            .ok_or_else(|| refuse(RejectReason::FieldInvalid))?;
        let mode = ReplaceMode::decode(command.mode)
            .filter(|_| command.by_client_id <= 1)
            .filter(|_| command.reserved == [0; 6] && command.reserved_words == [0; 6])
            .ok_or_else(|| refuse(RejectReason::FieldInvalid))?;
        let slot = self.find(spec.member, command.target, command.by_client_id == 1);
        if slot.is_none() && mode == ReplaceMode::StopOnFailure {
            return Err(refuse(RejectReason::CancelFailed));
        }
        let refund = Refund { slot };
        if let Some(slot) = slot {
            subject.order_id = self.books.pool.nodes[slot as usize].id;
        }
        let hold = self.check_order(&spec, &refund).map_err(|reason| (reason, subject))?;
        if let Some(slot) = slot {
            self.desk.finish(&mut self.books, slot, DoneReason::Replaced.into(), out);
        }
        self.admit(&spec, hold, out);
        Ok(())
    }

    pub(super) fn new_list<S: EventSink>(
        &mut self,
        list: &NewList,
        out: &mut S,
    ) -> Result<(), Refusal> {
        let [first, ..] = &list.legs;
        let plain = Subject {
            member: list.member,
            client_order_id: first.client_order_id,
            ..Subject::default()
        };
        let (kind, legs) = decode_list(list).ok_or((RejectReason::FieldInvalid, plain))?;
        let legs = legs.get(..leg_count(kind)).unwrap_or(&[]);
        for leg in legs {
            self.check_place(leg).map_err(|reason| (reason, plain))?;
        }
        if !list_fits(kind, legs) {
            return Err((RejectReason::ListInvalid, plain));
        }
        let hold = self.check_legs(kind, legs)?;
        self.admit_list(kind, legs, hold, out);
        Ok(())
    }

    /// The checks of section 7 after the list's shape; the hold of the legs that work at once.
    fn check_legs(&self, kind: ListKind, legs: &[Spec]) -> Result<i128, Refusal> {
        let none = Refund::default();
        let subject = |index: usize| Subject {
            client_order_id: legs.get(index).map_or(0, |leg| leg.client_order_id),
            member: legs.first().map_or(0, |leg| leg.member),
            leg: index as u8,
            ..Subject::default()
        };
        let Some(first) = legs.first() else {
            return Err((RejectReason::ListInvalid, subject(0)));
        };
        let market = self.check_place(first).map_err(|reason| (reason, subject(0)))?;
        let now = |index: usize| index == 0 || kind == ListKind::Oco;
        for (index, leg) in legs.iter().enumerate() {
            let refuse = |reason| (reason, subject(index));
            self.check_name(leg, &none).map_err(refuse)?;
            leg.check_shape(market, self.desk.now).map_err(refuse)?;
            leg.check_worth(market, self.reference(leg.market)).map_err(refuse)?;
            if now(index) {
                self.check_band(leg, market).map_err(refuse)?;
            }
        }
        let refuse = |reason| (reason, subject(0));
        self.check_room(first, &none, legs.len() as u32).map_err(refuse)?;
        self.check_kill(first).map_err(refuse)?;
        for (index, leg) in legs.iter().enumerate().filter(|(index, _)| now(*index)) {
            self.check_crossing(leg, market).map_err(|reason| (reason, subject(index)))?;
        }
        if !self.desk.lists.has_room() {
            return Err(refuse(RejectReason::ListsFull));
        }
        let working = if kind == ListKind::Oco { legs } else { core::slice::from_ref(first) };
        self.check_pair_funds(working, market).map_err(refuse)
    }

    /// Steps 13 and 14 for an order or for an OCO pair, which holds what its larger leg needs.
    fn check_pair_funds(&self, legs: &[Spec], market: &Market) -> Result<i128, RejectReason> {
        let mut hold = 0;
        for leg in legs {
            hold = hold.max(self.check_funds(leg, market, 0)?);
            self.check_accounts(leg, market)?;
        }
        Ok(hold)
    }

    fn admit_list<S: EventSink>(&mut self, kind: ListKind, legs: &[Spec], hold: i128, out: &mut S) {
        let mut slots = [NIL; 3];
        let index = self.desk.lists.add(List { kind, legs: slots });
        let shift = if kind == ListKind::Oco { 1 } else { 0 };
        for (leg, spec) in legs.iter().enumerate() {
            let works = leg == 0 || kind == ListKind::Oco;
            let placement = match (works, spec.order_type.is_triggered()) {
                (false, _) => Placement::Pending,
                (true, true) => Placement::Waiting,
                (true, false) => Placement::Matching,
            };
            let slot = self.enter(spec, if leg == 0 { hold } else { 0 }, placement, out);
            let node = &mut self.books.pool.nodes[slot as usize];
            node.bits |= bit::LISTED;
            if kind == ListKind::Oco || leg > 0 {
                node.bits |= bit::HELD_STORED;
            }
            if placement == Placement::Pending {
                node.bits |= bit::PENDING;
            }
            self.desk.details[slot as usize].list = index;
            if let Some(place) = slots.get_mut(leg + shift) {
                *place = slot;
            }
        }
        self.desk.lists.set(index, List { kind, legs: slots });
        let mut turn = Turn::default();
        let [first, second, third] = slots;
        if kind == ListKind::Oco {
            // The stop waits before its sibling may trade and take it along.
            self.wait(third);
            self.act(second, &mut turn, out);
        } else {
            self.act(first, &mut turn, out);
        }
        if let Some(market) = legs.first().map(|leg| leg.market) {
            self.collect_and_release(market, &mut turn, out);
        }
    }

    /// A leg that waited for its working leg is released: section 7.
    pub(super) fn release_leg<S: EventSink>(&mut self, slot: u32, turn: &mut Turn, out: &mut S) {
        let index = self.desk.details[slot as usize].list;
        let list = self.desk.lists.get(index);
        let paired = list.kind == ListKind::Oco;
        if !paired {
            self.desk.lists.remove(index);
            self.books.pool.nodes[slot as usize].bits &= !bit::LISTED;
        }
        let pair = list.legs;
        let slots = pair.into_iter().filter(|slot| *slot != NIL);
        match self.check_release(pair) {
            Err((reason, failed)) => {
                let refusal = reason.code() as u8;
                let ending = Ending { reason: DoneReason::Refused, refusal };
                // The failed leg may be the pair's second, still pending; both are in no queue.
                self.desk.end(&mut self.books, failed, ending, out);
            }
            Ok(hold) => {
                for (index, leg) in slots.clone().enumerate() {
                    self.restate_released(leg, if index == 0 { hold } else { 0 }, paired, out);
                }
                let mut order = [NIL; 2];
                for (place, leg) in order.iter_mut().rev().zip(slots) {
                    *place = leg;
                }
                // Of a pair the stop begins to wait before its sibling may trade.
                for leg in order.into_iter().filter(|leg| *leg != NIL) {
                    self.act(leg, turn, out);
                }
            }
        }
    }

    fn check_release(&self, pair: [u32; 3]) -> Result<i128, (RejectReason, u32)> {
        let mut specs = [None; 2];
        let slots = pair.into_iter().filter(|slot| *slot != NIL);
        let mut hold = 0;
        let first = slots.clone().next().unwrap_or(NIL);
        for (place, slot) in specs.iter_mut().zip(slots) {
            let spec = self.desk.spec_of(&self.books, slot);
            let refuse = |reason| (reason, slot);
            let market = self.check_place(&spec).map_err(refuse)?;
            self.check_band(&spec, market).map_err(refuse)?;
            self.check_kill(&spec).map_err(refuse)?;
            self.check_trailing(&spec, market, &Refund::default()).map_err(refuse)?;
            self.check_crossing(&spec, market).map_err(refuse)?;
            *place = Some(spec);
        }
        for spec in specs.into_iter().flatten() {
            let refuse = |reason| (reason, first);
            let market = self.check_place(&spec).map_err(refuse)?;
            hold = hold.max(self.check_funds(&spec, market, 0).map_err(refuse)?);
            self.check_accounts(&spec, market).map_err(refuse)?;
        }
        Ok(hold)
    }

    fn restate_released<S: EventSink>(&mut self, slot: u32, hold: i128, paired: bool, out: &mut S) {
        let stores = paired || self.desk.keeps_hold(&self.books.pool.nodes[slot as usize], slot);
        let node = &mut self.books.pool.nodes[slot as usize];
        node.bits &= !bit::PENDING;
        if !stores {
            node.bits &= !bit::HELD_STORED;
        }
        let node = *node;
        self.desk.details[slot as usize].held = hold;
        self.desk.release(super::desk::Desk::payer(&node), -hold);
        let mut header = Restated::header_for(node.market);
        header.flags = RestateReason::ListChanged.code();
        out.put(&Restated {
            header,
            order_id: node.id,
            price_ticks: node.price,
            open_lots: 0,
            leaves_lots: node.open,
            released: Amount::new(-hold),
        });
    }
}

#[inline]
fn subject_of(order: &NewOrder) -> Subject {
    Subject { client_order_id: order.client_order_id, member: order.member, ..Subject::default() }
}

/// Step 4 of section 3.
#[inline]
fn state_takes(market: &Market, spec: &Spec) -> bool {
    let limit = spec.order_type == OrderType::Limit;
    match market.state {
        _ if market.uncross_price != 0 => false,
        MarketState::Continuous => true,
        MarketState::PreOpen | MarketState::Auction => {
            (limit && spec.may_rest()) || spec.order_type.is_triggered()
        }
        MarketState::PostOnly => limit && spec.post_only(),
        _ => false,
    }
}

fn leg_count(kind: ListKind) -> usize {
    if kind == ListKind::Otoco { 3 } else { 2 }
}

fn decode_list(list: &NewList) -> Option<(ListKind, [Spec; 3])> {
    let clean = list.header.flags & !LAST_OF_GROUP == 0
        && list.reserved == [0; 3]
        && list.reserved_words == [0; 3];
    let kind = ListKind::decode(list.list_kind).filter(|_| clean)?;
    let [first, second, third] = &list.legs;
    let decode = |leg| Spec::from_leg(leg, list.member, list.session, list.header.market);
    let (first, second) = (decode(first)?, decode(second)?);
    let last = if kind == ListKind::Otoco {
        decode(third)?
    } else if *third == wire::command::ListLeg::default() {
        second
    } else {
        return None;
    };
    Some((kind, [first, second, last]))
}

/// Whether the legs make a list of this kind: section 7.
fn list_fits(kind: ListKind, legs: &[Spec]) -> bool {
    let names = || legs.iter().map(|leg| leg.client_order_id).filter(|id| *id != 0);
    let twice = names().enumerate().any(|(i, a)| names().skip(i + 1).any(|b| a == b));
    if twice {
        return false;
    }
    let works = |leg: &Spec| leg.order_type == OrderType::Limit && leg.may_rest();
    match (kind, legs) {
        (ListKind::Oco, [first, second]) => pair_fits(first, second),
        (ListKind::Oto, [first, second]) => {
            let market = matches!(second.order_type, OrderType::Market | OrderType::MarketQuote);
            let plain = second.order_type == OrderType::Limit;
            works(first) && !market && (!plain || second.may_rest())
        }
        (ListKind::Otoco, [first, second, third]) => works(first) && pair_fits(second, third),
        _ => false,
    }
}

fn pair_fits(first: &Spec, second: &Spec) -> bool {
    let takes_profit =
        matches!(first.order_type, OrderType::TakeProfit | OrderType::TakeProfitLimit);
    let limit = first.order_type == OrderType::Limit && first.may_rest();
    let stops = matches!(second.order_type, OrderType::Stop | OrderType::StopLimit);
    first.side == second.side
        && first.quantity == second.quantity
        && first.display == 0
        && second.display == 0
        && (limit || takes_profit)
        && stops
}
