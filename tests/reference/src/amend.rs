//! Cancel, amend, cancel-and-new: section 8.

use crate::Reference;
use crate::decode::{Change, Refusal, Target};
use crate::entry::{Replaced, check_stop_price, ensure};
use crate::state::{Order, Place, Terms};
use crate::triggers::Turn;
use wire::codes::{DoneReason, MarketState, OrderType, ReplaceMode, RestateReason, TimeInForce};
use wire::event::PRIORITY_LOST;
use wire::limits::ICEBERG_SLICES_MAX;
use wire::reason::RejectReason;

impl Reference {
    pub(crate) fn cancel(&mut self, target: Target) -> Result<(), Refusal> {
        let serial = self.find(target).ok_or(RejectReason::OrderUnknown)?;
        self.done(serial, DoneReason::Requested);
        Ok(())
    }

    pub(crate) fn amend(&mut self, target: Target, change: &Change) -> Result<(), Refusal> {
        let serial = self.find(target).ok_or(RejectReason::OrderUnknown)?;
        let mut turn = Turn::of(self.order(serial).terms.market);
        self.amend_found(serial, change, &mut turn).map_err(|reason| Refusal {
            reason,
            leg: 0,
            found: Some(serial),
        })?;
        self.collect_and_release(&mut turn);
        Ok(())
    }

    fn amend_found(
        &mut self,
        serial: u64,
        change: &Change,
        turn: &mut Turn,
    ) -> Result<(), RejectReason> {
        let market = self.market_of(serial);
        let takes = matches!(
            market.state,
            MarketState::PreOpen
                | MarketState::Auction
                | MarketState::Continuous
                | MarketState::PostOnly
        );
        ensure(takes && market.uncross.is_none(), RejectReason::MarketState)?;
        let order = self.order(serial);
        ensure(order.list.is_none(), RejectReason::AmendInvalid)?;
        match order.place {
            Place::Resting => self.amend_resting(serial, change, turn),
            Place::Waiting => self.amend_waiting(serial, change),
            _ => Err(RejectReason::AmendInvalid),
        }
    }

    fn amend_resting(
        &mut self,
        serial: u64,
        change: &Change,
        turn: &mut Turn,
    ) -> Result<(), RejectReason> {
        let order = self.order(serial);
        let old = &order.terms;
        let is_gtd = old.time_in_force == TimeInForce::Gtd;
        let fits = change.stop_price == 0
            && (change.display == 0 || old.display != 0)
            && (change.expire_ns == 0 || is_gtd);
        ensure(fits, RejectReason::AmendInvalid)?;
        let new = changed(old, change);
        if change.expire_ns != 0 {
            self.check_expiry(&new)?;
        }
        self.check_client_id(&new, Some(serial))?;
        self.check_price(&new)?;
        self.check_quantity(&new)?;
        let gone = order.filled + order.prevented;
        if new.quantity <= gone {
            ensure(change.in_flight_mitigation, RejectReason::QuantityInvalid)?;
            self.done(serial, DoneReason::AmendedToDone);
            return Ok(());
        }
        let new_leaves = new.quantity - gone;
        self.check_worth(&new)?;
        check_display(old, &new, change, new_leaves)?;
        ensure(new != *old, RejectReason::NoChange)?;

        let keeps_priority =
            new.price == old.price && new_leaves <= order.leaves() && new.display <= old.display;
        ensure(keeps_priority || !change.keep_priority, RejectReason::WouldLosePriority)?;
        if new.price != old.price {
            self.check_band(&new)?;
        }
        if !keeps_priority {
            self.check_amend_post_only(&new)?;
        }
        let new_hold = self.plain_hold(&new, new_leaves)?;
        self.check_more_money(order, new_hold)?;

        if keeps_priority {
            let order = self.order_mut(serial);
            order.terms = new;
            order.open = order.open.min(order.slice());
        } else {
            self.take_out(serial);
            let order = self.order_mut(serial);
            order.terms = new;
            order.open = order.slice();
        }
        let flags = if keeps_priority { 0 } else { PRIORITY_LOST };
        self.finish_amend(serial, new_hold, flags);
        if keeps_priority {
            return Ok(());
        }
        if self.market_of(serial).state == MarketState::Continuous {
            self.order_mut(serial).open = 0;
            self.run(serial, turn);
        } else {
            self.rest(serial);
        }
        Ok(())
    }

    fn amend_waiting(&mut self, serial: u64, change: &Change) -> Result<(), RejectReason> {
        let order = self.order(serial);
        let old = &order.terms;
        let is_gtd = old.time_in_force == TimeInForce::Gtd;
        let is_trailing = old.order_type == OrderType::TrailingStop;
        let fits = change.display == 0
            && (change.expire_ns == 0 || is_gtd)
            && (change.price == 0 || old.order_type.has_price())
            && (change.stop_price == 0 || !is_trailing);
        ensure(fits, RejectReason::AmendInvalid)?;
        let new = changed(old, change);
        if change.expire_ns != 0 {
            self.check_expiry(&new)?;
        }
        self.check_client_id(&new, Some(serial))?;
        self.check_price(&new)?;
        self.check_quantity(&new)?;
        check_stop_price(&new)?;
        self.check_worth(&new)?;
        ensure(new != *old, RejectReason::NoChange)?;
        let keeps_place = new.stop_price == old.stop_price;
        if !keeps_place {
            ensure(!change.keep_priority, RejectReason::WouldLosePriority)?;
            self.check_trigger(&new)?;
        }
        let new_hold = self.plain_hold(&new, new.quantity)?;
        self.check_more_money(order, new_hold)?;

        if keeps_place {
            self.order_mut(serial).terms = new;
        } else {
            self.take_out(serial);
            self.order_mut(serial).terms = new;
            self.await_trigger(serial);
        }
        let flags = if keeps_place { 0 } else { PRIORITY_LOST };
        self.finish_amend(serial, new_hold, flags);
        Ok(())
    }

    /// `WouldCross` of an amend: post-only orders, and every order in a PostOnly market.
    fn check_amend_post_only(&self, new: &Terms) -> Result<(), RejectReason> {
        let is_post_only = self.market(new.market).state == MarketState::PostOnly;
        self.check_post_only(&Terms { post_only: new.post_only || is_post_only, ..new.clone() })
    }

    fn check_more_money(&self, order: &Order, new_hold: i128) -> Result<(), RejectReason> {
        let currency = self.market(order.terms.market).parameters.pays(order.terms.side);
        let available = self.account(order.terms.member, currency).available;
        ensure(new_hold - order.held <= available, RejectReason::InsufficientFunds)
    }

    /// Moves the money and the timer of an order whose terms have changed, and says so.
    fn finish_amend(&mut self, serial: u64, new_hold: i128, flags: u8) {
        let order = self.order_mut(serial);
        if order.terms.time_in_force == TimeInForce::Gtd {
            let deadline = order.terms.expire_ns;
            let old = order.deadline.replace(deadline);
            self.timers.remove(&(old.expect("a GTD order has a deadline"), 0, serial));
            self.timers.insert((deadline, 0, serial));
        }
        let released = self.set_hold(serial, new_hold);
        self.emit_restated(serial, RestateReason::Amended, flags, released);
    }

    pub(crate) fn cancel_new(
        &mut self,
        target: Target,
        mode: ReplaceMode,
        terms: &Terms,
    ) -> Result<(), Refusal> {
        let found = self.find(target);
        if found.is_none() && mode == ReplaceMode::StopOnFailure {
            return Err(RejectReason::CancelFailed.into());
        }
        let replaced = found.map_or_else(Replaced::default, |serial| self.replaced(serial));
        let hold = self.check_order(terms, replaced).map_err(|reason| Refusal {
            reason,
            leg: 0,
            found,
        })?;
        if let Some(serial) = found {
            self.done(serial, DoneReason::Replaced);
        }
        let serial = self.accept(terms, hold, None, Place::Moving);
        let mut turn = Turn::of(terms.market);
        self.enter(serial, &mut turn);
        self.collect_and_release(&mut turn);
        Ok(())
    }

    /// What the cancel of this order, and of its list, will give back. Only one leg of a list
    /// holds anything.
    fn replaced(&self, serial: u64) -> Replaced {
        let order = self.order(serial);
        let legs = match order.list {
            Some(list) => self.lists[&list].legs.clone(),
            None => vec![serial],
        };
        let mut replaced = Replaced {
            serial: Some(serial),
            currency: self.market_of(serial).parameters.pays(order.terms.side),
            held: 0,
        };
        for leg in legs.iter().filter_map(|leg| self.orders.get(leg)) {
            if leg.held > 0 {
                replaced.currency = self.market_of(leg.serial).parameters.pays(leg.terms.side);
                replaced.held += leg.held;
            }
        }
        replaced
    }
}

/// The terms with the given values in place of the old ones.
fn changed(old: &Terms, change: &Change) -> Terms {
    let or = |given: u64, old: u64| if given == 0 { old } else { given };
    Terms {
        price: or(change.price, old.price),
        quantity: or(change.quantity, old.quantity),
        display: or(change.display, old.display),
        expire_ns: or(change.expire_ns, old.expire_ns),
        client_order_id: or(change.client_order_id, old.client_order_id),
        stop_price: or(change.stop_price, old.stop_price),
        ..old.clone()
    }
}

/// `DisplayInvalid` of an amend.
fn check_display(
    old: &Terms,
    new: &Terms,
    change: &Change,
    new_leaves: u64,
) -> Result<(), RejectReason> {
    let is_given = change.display != 0;
    let is_touched = is_given || new.quantity != old.quantity;
    let is_part = !is_given || new.display < new.quantity;
    let has_few_slices =
        new.display == 0 || !is_touched || new_leaves.div_ceil(new.display) <= ICEBERG_SLICES_MAX;
    ensure(is_part && has_few_slices, RejectReason::DisplayInvalid)
}
