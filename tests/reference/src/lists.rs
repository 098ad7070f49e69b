//! Order lists: section 7.

use crate::Reference;
use crate::decode::Refusal;
use crate::entry::ensure;
use crate::state::{List, Place, Terms};
use crate::triggers::Turn;
use wire::codes::{DoneReason, ListKind, OrderType, RestateReason};
use wire::reason::RejectReason;

impl Reference {
    pub(crate) fn new_list(&mut self, kind: ListKind, legs: &[Terms]) -> Result<(), Refusal> {
        let hold = self.check_list(kind, legs)?;
        let id = self.last_serial + 1;
        let mut serials = Vec::new();
        for (index, terms) in legs.iter().enumerate() {
            let place = if index < working_legs(kind) { Place::Moving } else { Place::Pending };
            let hold = if index == 0 { hold } else { 0 };
            serials.push(self.accept(terms, hold, Some(id), place));
        }
        self.lists.insert(id, List { kind, legs: serials.clone() });
        let mut turn = Turn::of(legs[0].market);
        self.start(&serials[..working_legs(kind)], &mut turn);
        self.collect_and_release(&mut turn);
        Ok(())
    }

    /// The legs of an OCO, or a single leg, begin to work: the stops wait before the limit order
    /// matches, so that its first trade finds them.
    fn start(&mut self, legs: &[u64], turn: &mut Turn) {
        let (stops, limits): (Vec<u64>, Vec<u64>) =
            legs.iter().partition(|leg| self.order(**leg).terms.order_type.is_triggered());
        for leg in stops.into_iter().chain(limits) {
            self.enter(leg, turn);
        }
    }

    /// Returns what leg 0 is to hold.
    fn check_list(&self, kind: ListKind, legs: &[Terms]) -> Result<i128, Refusal> {
        let first = &legs[0];
        self.check_market(first.market)?;
        self.check_member(first.member)?;
        for terms in legs {
            self.check_state(terms)?;
        }
        ensure(is_list(kind, legs), RejectReason::ListInvalid)?;
        for (index, terms) in legs.iter().enumerate() {
            let is_pending = index >= working_legs(kind);
            self.check_leg(terms, is_pending).map_err(|reason| at_leg(index, reason))?;
        }
        self.check_room(first.member, legs.len(), None)?;
        self.check_kill_switch(first.member)?;
        for (index, terms) in legs[..working_legs(kind)].iter().enumerate() {
            self.check_trigger(terms).map_err(|reason| at_leg(index, reason))?;
            self.check_post_only(terms).map_err(|reason| at_leg(index, reason))?;
        }
        ensure(self.lists.len() < self.config.lists as usize, RejectReason::ListsFull)?;
        let hold = self.check_money_once(&legs[..working_legs(kind)])?;
        self.check_income(first)?;
        Ok(hold)
    }

    /// Steps 5 to 8 of section 3; 5 to 7 for a pending leg.
    fn check_leg(&self, terms: &Terms, is_pending: bool) -> Result<(), RejectReason> {
        self.check_client_id(terms, None)?;
        self.check_shape(terms)?;
        self.check_worth(terms)?;
        if is_pending { Ok(()) } else { self.check_band(terms) }
    }

    /// Step 13 of section 3 for a leg or an OCO pair: the larger hold, if there is money for it.
    fn check_money_once(&self, legs: &[Terms]) -> Result<i128, RejectReason> {
        let mut hold = 0;
        for terms in legs {
            hold = self.plain_hold(terms, terms.quantity)?.max(hold);
        }
        let Terms { market, member, side, .. } = legs[0];
        let currency = self.market(market).parameters.pays(side);
        let available = self.account(member, currency).available;
        ensure(hold <= available, RejectReason::InsufficientFunds)?;
        Ok(hold)
    }

    /// A leg of an OCO is about to trade or has triggered: its sibling is done, and the pair's hold
    /// is the survivor's, as far as it needs it.
    pub(crate) fn sibling_is_done(&mut self, survivor: u64) {
        let Some(id) = self.order(survivor).list else { return };
        if self.lists[&id].kind != ListKind::Oco {
            return;
        }
        let list = self.lists.remove(&id).expect("looked at above");
        let sibling = if list.legs[0] == survivor { list.legs[1] } else { list.legs[0] };
        self.order_mut(survivor).list = None;
        self.order_mut(sibling).list = None;

        let pair = self.order(survivor).held + self.order(sibling).held;
        let order = self.order(survivor);
        let needed = self.plain_hold(&order.terms, order.leaves()).unwrap_or(i128::MAX).min(pair);
        self.order_mut(survivor).held = needed;
        self.order_mut(sibling).held = pair - needed;
        self.leave(sibling, DoneReason::OneCancelsOther, None);
    }

    /// One leg left otherwise: the others leave too.
    pub(crate) fn end_list(&mut self, id: u64) {
        let list = self.lists.remove(&id).expect("the list has not ended");
        for leg in list.legs {
            if self.orders.contains_key(&leg) {
                self.leave(leg, DoneReason::ListEnded, None);
            }
        }
    }

    /// The working leg of an OTO or OTOCO is filled: leg 1 joins the release queue.
    pub(crate) fn working_leg_is_filled(&mut self, id: u64) {
        let pending = self.lists[&id].legs[1];
        self.join_queue(pending);
    }

    /// Leg 1 is released, with leg 2 if they are a pair.
    pub(crate) fn release_pending(&mut self, serial: u64, turn: &mut Turn) {
        let id = self.order(serial).list.expect("a pending leg has a list");
        let legs = self.lists[&id].legs[1..].to_vec();
        let hold = match self.check_release(&legs) {
            Ok(hold) => hold,
            Err((leg, reason)) => {
                self.leave(leg, DoneReason::Refused, Some(reason));
                return self.end_list(id);
            }
        };
        if legs.len() == 1 {
            self.lists.remove(&id);
            self.order_mut(serial).list = None;
        } else {
            self.lists.insert(id, List { kind: ListKind::Oco, legs: legs.clone() });
        }
        for (index, leg) in legs.iter().enumerate() {
            self.take_out(*leg);
            let released = self.set_hold(*leg, if index == 0 { hold } else { 0 });
            self.emit_restated(*leg, RestateReason::ListChanged, 0, released);
        }
        self.start(&legs, turn);
    }

    /// What is checked when legs are released; the leg that fails is told.
    fn check_release(&self, legs: &[u64]) -> Result<i128, (u64, RejectReason)> {
        for leg in legs {
            self.check_leg_release(&self.order(*leg).terms).map_err(|reason| (*leg, reason))?;
        }
        let terms: Vec<Terms> = legs.iter().map(|leg| self.order(*leg).terms.clone()).collect();
        self.check_money_once(&terms).map_err(|reason| (legs[0], reason))
    }

    fn check_leg_release(&self, terms: &Terms) -> Result<(), RejectReason> {
        self.check_state(terms)?;
        self.check_band(terms)?;
        self.check_kill_switch(terms.member)?;
        self.check_trailing_room(terms, None)?;
        self.check_trigger(terms)?;
        self.check_post_only(terms)
    }
}

/// Legs that work from the start.
fn working_legs(kind: ListKind) -> usize {
    match kind {
        ListKind::Oco => 2,
        ListKind::Oto | ListKind::Otoco => 1,
    }
}

/// Whether the legs make a list of this kind.
fn is_list(kind: ListKind, legs: &[Terms]) -> bool {
    let shape = match kind {
        ListKind::Oco => is_pair(&legs[0], &legs[1]),
        ListKind::Oto => legs[0].is_resting_limit() && is_pending_leg(&legs[1]),
        ListKind::Otoco => legs[0].is_resting_limit() && is_pair(&legs[1], &legs[2]),
    };
    let mut names: Vec<u64> = legs.iter().map(|terms| terms.client_order_id).collect();
    names.retain(|name| *name != 0);
    names.sort_unstable();
    shape && names.windows(2).all(|pair| pair[0] != pair[1])
}

fn is_pair(first: &Terms, second: &Terms) -> bool {
    let first_fits = first.is_resting_limit()
        || matches!(first.order_type, OrderType::TakeProfit | OrderType::TakeProfitLimit);
    let second_fits = matches!(second.order_type, OrderType::Stop | OrderType::StopLimit);
    first_fits
        && second_fits
        && first.side == second.side
        && first.quantity == second.quantity
        && first.display == 0
        && second.display == 0
}

fn is_pending_leg(terms: &Terms) -> bool {
    match terms.order_type {
        OrderType::Market | OrderType::MarketQuote => false,
        OrderType::Limit => terms.may_rest(),
        _ => true,
    }
}

fn at_leg(index: usize, reason: RejectReason) -> Refusal {
    Refusal { reason, leg: index as u8, found: None }
}
