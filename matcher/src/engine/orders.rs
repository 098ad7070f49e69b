//! An order's life outside matching: it enters, leaves, and takes the rest of its list with it.

use super::Engine;
use super::book::Books;
use super::desk::{Desk, Detail, Ending, Market};
use super::far::Queue;
use super::ladder::{append, detach};
use super::mutant::{self, Mutant};
use super::pool::{NIL, Node, bit};
use super::spec::{Spec, trail_above_ceil, worst_stop_price};
use super::timers::Owner;
use wire::codes::{DoneReason, ListKind, OrderType, Placement, Side};
use wire::command::{flag, profile};
use wire::event::{Accepted, Done, Event, EventSink};
use wire::limits::{AMOUNT_MAX, SLOT_BITS};
use wire::units::{Amount, notional};

/// Turns the stop price of a downward trigger into its key and back.
const REVERSE: u64 = (1 << 63) - 1;

/// Whether a waiting order of this type and side triggers at or above its stop price.
#[must_use]
pub fn triggers_up(order_type: OrderType, sells: bool) -> bool {
    matches!(order_type, OrderType::TakeProfit | OrderType::TakeProfitLimit) == sells
}

impl Desk {
    /// What a live order holds.
    #[must_use]
    #[inline]
    pub fn held(&self, node: &Node, slot: u32) -> i128 {
        let detail = &self.details[slot as usize];
        if node.has(bit::HELD_STORED) {
            return detail.held;
        }
        let leaves = if node.has(bit::ICEBERG) { node.open + detail.reserve } else { node.open };
        match self.market(node.market) {
            Some(market) => hold_of_lots(market, node, leaves),
            None => 0,
        }
    }

    /// The account that takes in what an order earns.
    #[must_use]
    #[inline]
    pub fn earner(node: &Node) -> u32 {
        if node.sells() { node.quote_account } else { node.base_account }
    }
}

/// What so many lots of a plain order hold. They were checked at entry, so the product fits.
#[must_use]
#[inline]
pub fn hold_of_lots(market: &Market, node: &Node, lots: u64) -> i128 {
    if node.sells() {
        (u128::from(lots) * market.lot_units).cast_signed()
    } else {
        (u128::from(node.price) * u128::from(lots) * market.tick_units).cast_signed()
    }
}

impl Desk {
    /// Whether a live order's hold is a number of its own when no list makes it one.
    pub(super) fn keeps_hold(&self, node: &Node, slot: u32) -> bool {
        let priced = self.details[slot as usize].order_type.has_price();
        node.has(bit::KEEPS_IMPROVEMENT) || (!node.sells() && !priced)
    }

    /// What an order of this type needs to hold for `lots`: step 13, for all but the market types.
    #[must_use]
    pub(super) fn hold_for(&self, spec: &Spec, lots: u64) -> Option<i128> {
        let market = self.market(spec.market)?;
        if spec.side == Side::Sell {
            return wire::units::amount(u128::from(lots), market.lot_units);
        }
        let price = match spec.order_type {
            OrderType::Stop | OrderType::TakeProfit => worst_stop_price(market, spec.stop_price),
            OrderType::TrailingStop => {
                let follows = self.trail_reference(market, spec.stop_price);
                worst_stop_price(market, trail_above_ceil(follows, spec.trail_bips))
            }
            _ => spec.price,
        };
        notional(price, lots, market.tick_units)
    }

    /// The price a trailing stop starts from: where it begins to track, else the last trade, else
    /// the market's reference; 0 for none.
    pub(super) fn trail_reference(&self, market: &Market, stop_price: u64) -> u64 {
        [stop_price, market.last_price, market.reference].into_iter().find(|p| *p != 0).unwrap_or(0)
    }

    /// Whether a new order's hold is a number of its own.
    fn stores_hold(&self, spec: &Spec) -> bool {
        let keeps = |market: &Market| market.keeps(profile::IMPROVEMENT_HELD);
        match (spec.side, spec.order_type) {
            (_, OrderType::MarketQuote) => true,
            (Side::Sell, _) => false,
            (_, kind) if kind.has_price() => self.market(spec.market).is_some_and(keeps),
            _ => true,
        }
    }
}

impl Engine {
    /// Enters a checked order: takes its slot, id and hold, and says so.
    #[inline]
    pub(super) fn enter<S: EventSink>(
        &mut self,
        spec: &Spec,
        hold: i128,
        placement: Placement,
        out: &mut S,
    ) -> u32 {
        let (slot, id) = self.books.pool.take();
        let (base, quote) = match self.desk.market(spec.market) {
            Some(market) => (market.base, market.quote),
            None => (0, 0),
        };
        let group = self.desk.members[spec.member as usize].fee_group;
        let (maker_ppm, taker_ppm) = self.desk.rates(group, spec.market);
        let node = Node {
            id,
            price: spec.price,
            open: spec.quantity,
            client_order_id: spec.client_order_id,
            next: NIL,
            prev: NIL,
            member: spec.member,
            market: spec.market,
            bits: self.bits_of(spec),
            maker_ppm,
            taker_ppm,
            base_account: self.desk.accounts.open(spec.member, base),
            quote_account: self.desk.accounts.open(spec.member, quote),
        };
        self.books.pool.nodes[slot as usize] = node;
        self.write_detail(slot, spec, hold);
        self.desk.clients.insert(&node, slot);
        self.desk.join_member(spec.member, slot);
        let deadline = spec.deadline(self.desk.now);
        if deadline != 0 {
            self.desk.timers.set(slot, deadline, Owner::Order(id));
            self.books.pool.nodes[slot as usize].bits |= bit::TIMED;
        }
        self.desk.release(Desk::payer(&node), -hold);
        out.put(&Accepted {
            header: Accepted::header_for(spec.market),
            order_id: id,
            client_order_id: spec.client_order_id,
            member: spec.member,
            maker_ppm,
            taker_ppm,
            placement: placement.code(),
            reserved: [0; 3],
            held: Amount::new(hold),
        });
        slot
    }

    #[inline]
    fn bits_of(&self, spec: &Spec) -> u16 {
        let mut bits = 0;
        let stores = self.desk.stores_hold(spec);
        for (set, flag) in [
            (spec.side == Side::Sell, bit::SELL),
            (spec.display != 0, bit::ICEBERG),
            (spec.post_only(), bit::POST_ONLY),
            (spec.flags & flag::CANCEL_ON_DISCONNECT != 0, bit::CANCEL_ON_DISCONNECT),
            (stores, bit::HELD_STORED),
            (stores && spec.order_type.has_price(), bit::KEEPS_IMPROVEMENT),
        ] {
            bits |= if set { flag } else { 0 };
        }
        bits
    }

    #[inline]
    fn write_detail(&mut self, slot: u32, spec: &Spec, hold: i128) {
        let detail = &mut self.desk.details[slot as usize];
        detail.quantity = spec.quantity;
        detail.prevented = 0;
        detail.reserve = 0;
        detail.display = spec.display;
        detail.held = hold;
        detail.session = spec.session;
        detail.list = NIL;
        detail.order_type = spec.order_type;
        detail.time_in_force = spec.time_in_force;
        detail.self_trade = spec.self_trade;
        detail.expire_ns = spec.expire_ns;
        detail.quote_amount = spec.quote_amount;
        if spec.order_type.is_triggered() {
            detail.stop_price = spec.stop_price;
            detail.trail_bips = spec.trail_bips;
            detail.extreme = 0;
            detail.tracking = false;
        }
    }

    /// Puts an order into the trigger book.
    pub(super) fn wait(&mut self, slot: u32) {
        let node = &mut self.books.pool.nodes[slot as usize];
        node.bits = node.bits & !bit::OFF_BOOK | bit::WAITING;
        let (sells, id) = (node.sells(), node.id);
        let detail = &mut self.desk.details[slot as usize];
        let (order_type, stop_price) = (detail.order_type, detail.stop_price);
        let market = self.books.pool.nodes[slot as usize].market;
        let Some(Some(market)) = self.desk.markets.get_mut(usize::from(market)) else { return };
        if order_type == OrderType::TrailingStop {
            if stop_price == 0 && market.last_price != 0 {
                detail.tracking = true;
                detail.extreme = market.last_price;
            } else {
                detail.tracking = stop_price == 0 && detail.tracking;
            }
            insert_by_id(&mut market.trailing, &mut self.books.pool.nodes, slot, id);
            market.trailing_count += 1;
            return;
        }
        let up = triggers_up(order_type, sells);
        let (tree, flip) = if up { (&mut market.up, 0) } else { (&mut market.down, REVERSE) };
        let queue = self.books.far.entry(tree, stop_price ^ flip);
        append(queue, &mut self.books.pool.nodes, slot);
    }
}

impl Desk {
    /// Takes a live order out of wherever it is and ends it.
    pub(super) fn finish<S: EventSink>(
        &mut self,
        books: &mut Books,
        slot: u32,
        ending: Ending,
        out: &mut S,
    ) {
        self.take_out(books, slot);
        self.end(books, slot, ending, out);
    }

    /// Takes a live order out of the book, the trigger book or the release queue.
    pub(super) fn take_out(&mut self, books: &mut Books, slot: u32) {
        let node = books.pool.nodes[slot as usize];
        if !node.has(bit::OFF_BOOK) {
            return books.unlink(slot);
        }
        let Some(Some(market)) = self.markets.get_mut(usize::from(node.market)) else { return };
        let nodes = &mut books.pool.nodes;
        let detail = &self.details[slot as usize];
        if node.has(bit::MARKED) {
            detach(&mut market.marked, nodes, slot);
        } else if node.has(bit::QUEUED) {
            detach(&mut market.queue, nodes, slot);
        } else if node.has(bit::WAITING) && detail.order_type == OrderType::TrailingStop {
            detach(&mut market.trailing, nodes, slot);
            market.trailing_count -= 1;
        } else if node.has(bit::WAITING) {
            let up = triggers_up(detail.order_type, node.sells());
            let (tree, flip) = if up { (&mut market.up, 0) } else { (&mut market.down, REVERSE) };
            let key = detail.stop_price ^ flip;
            let queue = books.far.entry(tree, key);
            detach(queue, nodes, slot);
            if queue.head == NIL {
                books.far.remove(tree, key);
            }
        }
    }

    /// Ends an order that is in no queue any more: releases its hold, says so, frees its slot, and
    /// ends the rest of its list.
    pub(super) fn end<S: EventSink>(
        &mut self,
        books: &mut Books,
        slot: u32,
        ending: Ending,
        out: &mut S,
    ) {
        let node = books.pool.nodes[slot as usize];
        let keeps = mutant::is(Mutant::HoldNotReleased);
        let released = if keeps { 0 } else { self.held(&node, slot) };
        self.release(Desk::payer(&node), released);
        let detail = &self.details[slot as usize];
        let filled = detail.filled(node.open);
        out.put(&Done {
            header: Done::header_for(node.market),
            order_id: node.id,
            member: node.member,
            reason: ending.reason.code(),
            refusal: ending.refusal,
            reserved: [0; 2],
            leaves_lots: detail.quantity - filled,
            filled_lots: filled,
            released: Amount::new(released),
        });
        let list = node.has(bit::LISTED).then_some(detail.list);
        self.free(books, slot);
        if let Some(list) = list {
            let list = self.lists.remove(list);
            for leg in list.legs.into_iter().filter(|leg| *leg != NIL && *leg != slot) {
                books.pool.nodes[leg as usize].bits &= !bit::LISTED;
                self.finish(books, leg, DoneReason::ListEnded.into(), out);
            }
        }
    }

    /// Gives back the slot of an order that has ended.
    #[inline]
    pub(super) fn free(&mut self, books: &mut Books, slot: u32) {
        let node = books.pool.nodes[slot as usize];
        self.clients.remove(&node);
        self.leave_member(node.member, slot);
        if node.has(bit::TIMED) {
            self.timers.clear(slot);
        }
        books.pool.give(slot);
    }

    /// A leg of an OCO is about to trade or triggers: its sibling goes, and what both held and it
    /// does not need is given back. Does nothing for other orders.
    pub(super) fn dissolve<S: EventSink>(&mut self, books: &mut Books, slot: u32, out: &mut S) {
        let node = books.pool.nodes[slot as usize];
        let index = self.details[slot as usize].list;
        if mutant::is(Mutant::SiblingStays) {
            return;
        }
        if !node.has(bit::LISTED) || self.lists.get(index).kind != ListKind::Oco {
            return;
        }
        let list = self.lists.remove(index);
        let other = list.legs.into_iter().find(|leg| *leg != NIL && *leg != slot);
        let Some(other) = other else { return };
        books.pool.nodes[slot as usize].bits &= !bit::LISTED;
        books.pool.nodes[other as usize].bits &= !bit::LISTED;
        let spec = self.spec_of(books, slot);
        let leaves = node.open + self.details[slot as usize].reserve;
        let both = self.details[slot as usize].held + self.details[other as usize].held;
        let need = self.hold_for(&spec, leaves).unwrap_or(AMOUNT_MAX).min(both);
        self.details[slot as usize].held = need;
        self.details[other as usize].held = both - need;
        if !self.keeps_hold(&node, slot) {
            books.pool.nodes[slot as usize].bits &= !bit::HELD_STORED;
        }
        self.finish(books, other, DoneReason::OneCancelsOther.into(), out);
    }

    /// A filled working leg sends the legs that waited for it to the release queue.
    pub(super) fn working_leg_filled(&mut self, books: &mut Books, slot: u32) {
        let node = books.pool.nodes[slot as usize];
        if !node.has(bit::LISTED) {
            return;
        }
        let index = self.details[slot as usize].list;
        let list = self.lists.get(index);
        let [_, first, second] = list.legs;
        let kind = match list.kind {
            ListKind::Oco => return,
            ListKind::Oto => ListKind::Oto,
            ListKind::Otoco => ListKind::Oco,
        };
        self.lists.set(index, super::lists::List { kind, legs: [NIL, first, second] });
        books.pool.nodes[slot as usize].bits &= !bit::LISTED;
        books.pool.nodes[first as usize].bits |= bit::QUEUED;
        if let Some(market) = self.market_mut(node.market) {
            append(&mut market.queue, &mut books.pool.nodes, first);
        }
    }

    /// A live order as it was asked for, with what has changed since.
    pub(super) fn spec_of(&self, books: &Books, slot: u32) -> Spec {
        let node = &books.pool.nodes[slot as usize];
        let detail = &self.details[slot as usize];
        let flags = [(bit::POST_ONLY, flag::POST_ONLY)]
            .iter()
            .filter(|(bit, _)| node.has(*bit))
            .fold(0, |flags, (_, flag)| flags | flag);
        Spec {
            member: node.member,
            market: node.market,
            flags,
            session: detail.session,
            client_order_id: node.client_order_id,
            price: node.price,
            quantity: detail.quantity,
            side: super::book::side_of(node),
            order_type: detail.order_type,
            time_in_force: detail.time_in_force,
            self_trade: detail.self_trade,
            stop_price: if detail.order_type.is_triggered() { detail.stop_price } else { 0 },
            display: detail.display,
            expire_ns: detail.expire_ns,
            quote_amount: 0,
            trail_bips: if detail.order_type.is_triggered() { detail.trail_bips } else { 0 },
        }
    }
}

/// Inserts into a queue kept by id; new orders have the largest, so the walk is short.
fn insert_by_id(queue: &mut Queue, nodes: &mut [Node], slot: u32, id: u64) {
    let serial = |nodes: &[Node], slot: u32| nodes[slot as usize].id >> SLOT_BITS;
    let mut after = queue.tail;
    while after != NIL && serial(nodes, after) > id >> SLOT_BITS {
        after = nodes[after as usize].prev;
    }
    if after == queue.tail {
        return append(queue, nodes, slot);
    }
    let before = if after == NIL { queue.head } else { nodes[after as usize].next };
    nodes[slot as usize].prev = after;
    nodes[slot as usize].next = before;
    nodes[before as usize].prev = slot;
    if after == NIL {
        queue.head = slot;
    } else {
        nodes[after as usize].next = slot;
    }
}

/// The rest of an order after a fill, in the fields of a [`Detail`].
#[must_use]
#[inline]
pub fn shown(detail: &Detail, leaves: u64) -> u64 {
    if detail.display == 0 { leaves } else { leaves.min(detail.display) }
}
