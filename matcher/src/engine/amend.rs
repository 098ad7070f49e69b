//! Amending an order: section 8 of docs/matching.md.

use super::desk::Desk;
use super::mutant::{self, Mutant};
use super::orders::{hold_of_lots, shown};
use super::pool::bit;
use super::spec::{Spec, expiry_fits, slices_fit};
use super::timers::Owner;
use super::triggers::Turn;
use super::{Engine, Refusal, Subject};
use wire::codes::{DoneReason, MarketState, OrderType, RestateReason, TimeInForce};
use wire::command::{Amend, AmendExtra, flag};
use wire::event::{Event, EventSink, PRIORITY_LOST, Restated};
use wire::limits::PRICE_MAX;
use wire::reason::RejectReason;
use wire::record::LAST_OF_GROUP;
use wire::units::Amount;

/// An amend that passed its checks.
struct Change {
    spec: Spec,
    leaves: u64,
    hold: i128,
    keeps_priority: bool,
}

impl Engine {
    pub(super) fn amend<S: EventSink>(
        &mut self,
        amend: &Amend,
        extra: &AmendExtra,
        out: &mut S,
    ) -> Result<(), Refusal> {
        let flags = amend.header.flags & !LAST_OF_GROUP;
        let by_client_id = flags & flag::BY_CLIENT_ID != 0;
        let mut subject = Subject {
            client_order_id: if by_client_id { amend.target } else { 0 },
            member: amend.member,
            ..Subject::default()
        };
        if flags & !flag::AMEND_ALL != 0 || amend.reserved != 0 || extra.reserved != [0; 4] {
            return Err((RejectReason::FieldInvalid, subject));
        }
        let slot = self
            .find(amend.member, amend.target, by_client_id)
            .ok_or((RejectReason::OrderUnknown, subject))?;
        subject.order_id = self.books.pool.nodes[slot as usize].id;
        let refuse = |reason| (reason, subject);
        self.check_amendable(slot).map_err(refuse)?;
        let mut turn = Turn::default();
        let market = self.books.pool.nodes[slot as usize].market;
        if self.books.pool.nodes[slot as usize].has(bit::WAITING) {
            let change = self.check_waiting(slot, amend, extra).map_err(refuse)?;
            self.amend_waiting(slot, &change, out);
        } else if let Some(change) = self.check_resting(slot, amend, extra).map_err(refuse)? {
            self.amend_resting(slot, &change, &mut turn, out);
        } else {
            self.desk.finish(&mut self.books, slot, DoneReason::AmendedToDone.into(), out);
        }
        self.collect_and_release(market, &mut turn, out);
        Ok(())
    }

    fn check_amendable(&self, slot: u32) -> Result<(), RejectReason> {
        let node = &self.books.pool.nodes[slot as usize];
        let market = self.desk.market(node.market).ok_or(RejectReason::MarketUnknown)?;
        let open = matches!(
            market.state,
            MarketState::PreOpen
                | MarketState::Auction
                | MarketState::Continuous
                | MarketState::PostOnly
        );
        if !open || market.uncross_price != 0 {
            return Err(RejectReason::MarketState);
        }
        if node.has(bit::QUEUED | bit::PENDING | bit::LISTED | bit::MARKED) {
            return Err(RejectReason::AmendInvalid);
        }
        Ok(())
    }

    /// What both kinds of orders check first: the expiry and the name.
    fn check_names(
        &self,
        slot: u32,
        spec: &mut Spec,
        extra: &AmendExtra,
    ) -> Result<(), RejectReason> {
        if extra.expire_ns != 0 {
            if !expiry_fits(extra.expire_ns, self.desk.now) {
                return Err(RejectReason::ExpiryInvalid);
            }
            spec.expire_ns = extra.expire_ns;
        }
        if extra.client_order_id != 0 && extra.client_order_id != spec.client_order_id {
            let taken = self.desk.clients.find(spec.member, extra.client_order_id);
            if taken != super::pool::NIL && taken != slot {
                return Err(RejectReason::ClientOrderIdTaken);
            }
            spec.client_order_id = extra.client_order_id;
        }
        Ok(())
    }

    /// `None` if the amend leaves nothing open.
    fn check_resting(
        &self,
        slot: u32,
        amend: &Amend,
        extra: &AmendExtra,
    ) -> Result<Option<Change>, RejectReason> {
        let node = &self.books.pool.nodes[slot as usize];
        let detail = &self.desk.details[slot as usize];
        let market = self.desk.market(node.market).ok_or(RejectReason::MarketUnknown)?;
        let was = self.desk.spec_of(&self.books, slot);
        let mut spec = was;
        let expires = was.time_in_force == TimeInForce::Gtd;
        if extra.stop_price_ticks != 0
            || (extra.display_lots != 0 && was.display == 0)
            || (extra.expire_ns != 0 && !expires)
        {
            return Err(RejectReason::AmendInvalid);
        }
        self.check_names(slot, &mut spec, extra)?;
        set_if_given(&mut spec.price, amend.price_ticks);
        set_if_given(&mut spec.quantity, amend.quantity_lots);
        set_if_given(&mut spec.display, extra.display_lots);
        if !(market.min_price..=market.max_price).contains(&spec.price) {
            return Err(RejectReason::PriceInvalid);
        }
        if !(market.min_quantity..=market.max_quantity).contains(&spec.quantity) {
            return Err(RejectReason::QuantityInvalid);
        }
        let old_leaves = node.open + detail.reserve;
        let gone = was.quantity - old_leaves;
        let Some(leaves) = spec.quantity.checked_sub(gone).filter(|leaves| *leaves != 0) else {
            let mitigates = amend.header.flags & flag::IN_FLIGHT_MITIGATION != 0;
            return if mitigates { Ok(None) } else { Err(RejectReason::QuantityInvalid) };
        };
        spec.check_worth(market, self.reference(spec.market))?;
        if extra.display_lots >= spec.quantity && extra.display_lots != 0
            || (spec.display != 0 && !slices_fit(leaves, spec.display))
        {
            return Err(RejectReason::DisplayInvalid);
        }
        if same(&was, &spec) {
            return Err(RejectReason::NoChange);
        }
        let smaller = leaves <= old_leaves || mutant::is(Mutant::AmendKeepsPlace);
        let keeps_priority = spec.price == was.price && smaller && spec.display <= was.display;
        if !keeps_priority && amend.header.flags & flag::KEEP_PRIORITY != 0 {
            return Err(RejectReason::WouldLosePriority);
        }
        if spec.price != was.price && was.order_type == OrderType::Limit {
            self.check_band(&spec, market)?;
        }
        let passive = was.post_only() || market.state == MarketState::PostOnly;
        if !keeps_priority && passive && self.would_cross(&spec, market) {
            return Err(RejectReason::WouldCross);
        }
        let priced = super::pool::Node { price: spec.price, ..*node };
        let hold = hold_of_lots(market, &priced, leaves);
        self.check_more(slot, hold)?;
        Ok(Some(Change { spec, leaves, hold, keeps_priority }))
    }

    fn check_waiting(
        &self,
        slot: u32,
        amend: &Amend,
        extra: &AmendExtra,
    ) -> Result<Change, RejectReason> {
        let was = self.desk.spec_of(&self.books, slot);
        let market = self.desk.market(was.market).ok_or(RejectReason::MarketUnknown)?;
        let mut spec = was;
        let trails = was.order_type == OrderType::TrailingStop;
        if extra.display_lots != 0
            || (extra.expire_ns != 0 && was.time_in_force != TimeInForce::Gtd)
            || (amend.price_ticks != 0 && !was.order_type.has_price())
            || (extra.stop_price_ticks != 0 && trails)
        {
            return Err(RejectReason::AmendInvalid);
        }
        self.check_names(slot, &mut spec, extra)?;
        set_if_given(&mut spec.price, amend.price_ticks);
        set_if_given(&mut spec.quantity, amend.quantity_lots);
        set_if_given(&mut spec.stop_price, extra.stop_price_ticks);
        if was.order_type.has_price()
            && !(market.min_price..=market.max_price).contains(&spec.price)
        {
            return Err(RejectReason::PriceInvalid);
        }
        if !(market.min_quantity..=market.max_quantity).contains(&spec.quantity) {
            return Err(RejectReason::QuantityInvalid);
        }
        if spec.stop_price > PRICE_MAX {
            return Err(RejectReason::StopPriceInvalid);
        }
        spec.check_worth(market, self.reference(spec.market))?;
        if same(&was, &spec) {
            return Err(RejectReason::NoChange);
        }
        let keeps_priority = spec.stop_price == was.stop_price;
        if !keeps_priority && amend.header.flags & flag::KEEP_PRIORITY != 0 {
            return Err(RejectReason::WouldLosePriority);
        }
        // A trailing buy needs something to follow even when its stop stays.
        if !keeps_priority || trails {
            self.check_trigger(&spec, market)?;
        }
        let hold =
            self.desk.hold_for(&spec, spec.quantity).ok_or(RejectReason::NotionalTooLarge)?;
        self.check_more(slot, hold)?;
        Ok(Change { spec, leaves: spec.quantity, hold, keeps_priority })
    }

    /// The member can pay for the difference between the new hold and the old one.
    fn check_more(&self, slot: u32, hold: i128) -> Result<(), RejectReason> {
        let node = &self.books.pool.nodes[slot as usize];
        let more = hold - self.desk.held(node, slot);
        let available = self.desk.accounts.get(Desk::payer(node)).available;
        if more > 0 && more > available { Err(RejectReason::InsufficientFunds) } else { Ok(()) }
    }

    fn amend_resting<S: EventSink>(
        &mut self,
        slot: u32,
        change: &Change,
        turn: &mut Turn,
        out: &mut S,
    ) {
        if !change.keeps_priority {
            self.books.unlink(slot);
        }
        let open = self.books.pool.nodes[slot as usize].open;
        let released = self.write_change(slot, change);
        let detail = &mut self.desk.details[slot as usize];
        let most = if change.keeps_priority { open } else { change.leaves };
        let open = shown(detail, change.leaves).min(most);
        detail.reserve = change.leaves - open;
        self.books.pool.nodes[slot as usize].open = open;
        self.put_amended(slot, change, released, out);
        if change.keeps_priority {
            return;
        }
        if self.desk.market(change.spec.market).is_some_and(|m| m.state == MarketState::Continuous)
        {
            self.take(slot, turn, out);
        } else {
            self.rest(slot);
        }
    }

    fn amend_waiting<S: EventSink>(&mut self, slot: u32, change: &Change, out: &mut S) {
        if !change.keeps_priority {
            self.desk.take_out(&mut self.books, slot);
        }
        let released = self.write_change(slot, change);
        self.books.pool.nodes[slot as usize].open = change.leaves;
        self.put_amended(slot, change, released, out);
        if !change.keeps_priority {
            self.wait(slot);
        }
    }

    /// Writes the new values except what is shown; the money that came back.
    fn write_change(&mut self, slot: u32, change: &Change) -> i128 {
        let node = self.books.pool.nodes[slot as usize];
        let released = self.desk.held(&node, slot) - change.hold;
        self.desk.release(Desk::payer(&node), released);
        if change.spec.client_order_id != node.client_order_id {
            self.desk.clients.remove(&node);
        }
        let renamed = &mut self.books.pool.nodes[slot as usize];
        renamed.price = change.spec.price;
        renamed.client_order_id = change.spec.client_order_id;
        let renamed = *renamed;
        if change.spec.client_order_id != node.client_order_id {
            self.desk.clients.insert(&renamed, slot);
        }
        let detail = &mut self.desk.details[slot as usize];
        detail.quantity = change.spec.quantity;
        detail.display = change.spec.display;
        detail.held = change.hold;
        if detail.order_type.is_triggered() {
            detail.stop_price = change.spec.stop_price;
        }
        if change.spec.expire_ns != detail.expire_ns {
            detail.expire_ns = change.spec.expire_ns;
            self.desk.timers.clear(slot);
            self.desk.timers.set(slot, change.spec.expire_ns, Owner::Order(node.id));
        }
        released
    }

    fn put_amended<S: EventSink>(&self, slot: u32, change: &Change, released: i128, out: &mut S) {
        let node = &self.books.pool.nodes[slot as usize];
        let mut header = Restated::header_for(node.market);
        let lost = if change.keeps_priority { 0 } else { PRIORITY_LOST };
        header.flags = RestateReason::Amended.code() | lost;
        out.put(&Restated {
            header,
            order_id: node.id,
            price_ticks: node.price,
            open_lots: if node.has(bit::WAITING) { 0 } else { node.open },
            leaves_lots: change.leaves,
            released: Amount::new(released),
        });
    }
}

fn set_if_given(field: &mut u64, given: u64) {
    if given != 0 {
        *field = given;
    }
}

fn same(a: &Spec, b: &Spec) -> bool {
    a.price == b.price
        && a.quantity == b.quantity
        && a.display == b.display
        && a.expire_ns == b.expire_ns
        && a.client_order_id == b.client_order_id
        && a.stop_price == b.stop_price
}
