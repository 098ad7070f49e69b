//! Before a command is looked at: section 2.

use crate::Reference;
use crate::state::{Terms, order_id};
use wire::LAYOUT_VERSION;
use wire::codes::{
    DisconnectScope, ListKind, MarketState, OrderType, ReplaceMode, SelfTrade, Side, SideFilter,
    TimeInForce,
};
use wire::command::{
    Amend, AmendExtra, Cancel, CancelNew, Command, CurrencySet, DeadMan, FeeSet, Funds, KillSwitch,
    ListLeg, MarketSet, MarketStateSet, MassCancel, MemberSet, NewList, NewOrder, OrderExtra,
    SessionDown, Tick, flag, kind,
};
use wire::event::Rejected;
use wire::reason::RejectReason;
use wire::record::LAST_OF_GROUP;

/// A command whose fields are sound.
pub(crate) enum Request<'a> {
    NewOrder(Terms),
    Cancel(Target),
    Amend(Target, Change),
    CancelNew(Target, ReplaceMode, Terms),
    NewList(ListKind, Vec<Terms>),
    MassCancel(&'a MassCancel),
    SessionDown(&'a SessionDown, DisconnectScope),
    DeadMan(&'a DeadMan),
    KillSwitch(&'a KillSwitch),
    Tick,
    Funds(&'a Funds),
    CurrencySet(&'a CurrencySet),
    MarketSet(&'a MarketSet, MarketState),
    MarketStateSet(&'a MarketStateSet, MarketState),
    FeeSet(&'a FeeSet),
    MemberSet(&'a MemberSet),
}

/// The order a command names.
#[derive(Clone, Copy)]
pub(crate) struct Target {
    pub(crate) member: u32,
    pub(crate) by_client_id: bool,
    pub(crate) id: u64,
}

/// What an amend asks for; 0 keeps what is.
pub(crate) struct Change {
    pub(crate) price: u64,
    pub(crate) quantity: u64,
    pub(crate) display: u64,
    pub(crate) expire_ns: u64,
    pub(crate) client_order_id: u64,
    pub(crate) stop_price: u64,
    pub(crate) in_flight_mitigation: bool,
    pub(crate) keep_priority: bool,
}

/// Why a command was refused, and what its event says besides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) reason: RejectReason,
    pub(crate) leg: u8,
    /// Serial of the order that was found.
    pub(crate) found: Option<u64>,
}

impl From<RejectReason> for Refusal {
    fn from(reason: RejectReason) -> Self {
        Self { reason, leg: 0, found: None }
    }
}

/// 2.1 and 2.2: kind, number of cells, version.
pub(crate) fn check_frame(command: &Command) -> Result<(), RejectReason> {
    let header = command.header();
    let cells = match header.kind {
        kind::NEW_ORDER | kind::AMEND => 1..=2,
        kind::CANCEL_NEW | kind::MARKET_SET => 3..=3,
        kind::NEW_LIST => 4..=4,
        kind::CANCEL | kind::MASS_CANCEL => 1..=1,
        kind::SESSION_DOWN..=kind::TICK => 1..=1,
        kind::DEPOSIT..=kind::ADJUST => 1..=1,
        kind::CURRENCY_SET | kind::MARKET_STATE | kind::FEE_SET | kind::MEMBER_SET => 1..=1,
        _ => return Err(RejectReason::CommandUnknown),
    };
    if !cells.contains(&header.cells) {
        return Err(RejectReason::CommandUnknown);
    }
    if header.version != LAYOUT_VERSION as u8 {
        return Err(RejectReason::CommandVersion);
    }
    Ok(())
}

/// 2.3: the number of a numbered command.
pub(crate) fn operation(command: &Command) -> Option<u64> {
    match command.header().kind {
        kind::DEPOSIT..=kind::ADJUST => Some(command.view::<Funds>().operation),
        kind::CURRENCY_SET => Some(command.view::<CurrencySet>().operation),
        kind::MARKET_SET => Some(command.view::<MarketSet>().operation),
        kind::MARKET_STATE => Some(command.view::<MarketStateSet>().operation),
        kind::FEE_SET => Some(command.view::<FeeSet>().operation),
        kind::MEMBER_SET => Some(command.view::<MemberSet>().operation),
        _ => None,
    }
}

/// 2.4: the fields.
pub(crate) fn request(command: &Command) -> Result<Request<'_>, RejectReason> {
    check_header(command)?;
    match command.header().kind {
        kind::NEW_ORDER => {
            let terms = order_terms(command.view::<NewOrder>(), &command.extra::<OrderExtra>());
            Ok(Request::NewOrder(terms?))
        }
        kind::CANCEL => {
            let message = command.view::<Cancel>();
            zero(&message.reserved)?;
            Ok(Request::Cancel(cancel_target(message)))
        }
        kind::AMEND => amend(command.view::<Amend>(), &command.extra::<AmendExtra>()),
        kind::CANCEL_NEW => cancel_new(command.view::<CancelNew>()),
        kind::NEW_LIST => new_list(command.view::<NewList>()),
        kind::MASS_CANCEL => {
            let message = command.view::<MassCancel>();
            zero(&message.reserved)?;
            zero(&message.reserved_words)?;
            decoded(SideFilter::decode(message.side))?;
            at_most_one(message.include_stops.into())?;
            Ok(Request::MassCancel(message))
        }
        kind::SESSION_DOWN => {
            let message = command.view::<SessionDown>();
            zero(&message.reserved)?;
            zero(&message.reserved_words)?;
            let scope = decoded(DisconnectScope::decode(message.scope))?;
            if message.session == 0 {
                return Err(RejectReason::FieldInvalid);
            }
            Ok(Request::SessionDown(message, scope))
        }
        kind::DEAD_MAN => {
            let message = command.view::<DeadMan>();
            zero(&message.reserved)?;
            Ok(Request::DeadMan(message))
        }
        kind::KILL_SWITCH => {
            let message = command.view::<KillSwitch>();
            zero(&message.reserved)?;
            at_most_one(message.active)?;
            Ok(Request::KillSwitch(message))
        }
        kind::TICK => zero(&command.view::<Tick>().reserved).map(|()| Request::Tick),
        _ => settings(command),
    }
}

/// The numbered kinds.
fn settings(command: &Command) -> Result<Request<'_>, RejectReason> {
    match command.header().kind {
        kind::CURRENCY_SET => {
            let message = command.view::<CurrencySet>();
            zero(&[u64::from(message.reserved), message.reserved_word])?;
            Ok(Request::CurrencySet(message))
        }
        kind::MARKET_SET => {
            let message = command.view::<MarketSet>();
            zero(&message.reserved)?;
            zero(&message.reserved_words)?;
            let state = decoded(MarketState::decode(message.state))?;
            Ok(Request::MarketSet(message, state))
        }
        kind::MARKET_STATE => {
            let message = command.view::<MarketStateSet>();
            zero(&message.reserved)?;
            zero(&message.reserved_words)?;
            let state = decoded(MarketState::decode(message.state))?;
            Ok(Request::MarketStateSet(message, state))
        }
        kind::FEE_SET => {
            let message = command.view::<FeeSet>();
            zero(&[message.reserved])?;
            zero(&message.reserved_words)?;
            Ok(Request::FeeSet(message))
        }
        kind::MEMBER_SET => {
            let message = command.view::<MemberSet>();
            zero(&[message.reserved])?;
            zero(&message.reserved_words)?;
            Ok(Request::MemberSet(message))
        }
        _ => {
            let message = command.view::<Funds>();
            zero(&[message.reserved])?;
            Ok(Request::Funds(message))
        }
    }
}

/// Flag bits and the market of the header.
fn check_header(command: &Command) -> Result<(), RejectReason> {
    let header = command.header();
    let known_flags = match header.kind {
        kind::NEW_ORDER | kind::CANCEL_NEW => flag::NEW_ORDER_ALL,
        kind::CANCEL => flag::BY_CLIENT_ID,
        kind::AMEND => flag::AMEND_ALL,
        _ => 0,
    };
    let has_no_market = matches!(
        header.kind,
        kind::SESSION_DOWN..=kind::TICK
            | kind::DEPOSIT..=kind::ADJUST
            | kind::CURRENCY_SET
            | kind::MEMBER_SET
    );
    if header.flags & !(known_flags | LAST_OF_GROUP) != 0 || (has_no_market && header.market != 0) {
        return Err(RejectReason::FieldInvalid);
    }
    Ok(())
}

fn order_terms(order: &NewOrder, extra: &OrderExtra) -> Result<Terms, RejectReason> {
    zero(&extra.reserved)?;
    Ok(Terms {
        market: order.header.market,
        member: order.member,
        session: order.session,
        client_order_id: order.client_order_id,
        side: decoded(Side::decode(order.side))?,
        order_type: decoded(OrderType::decode(order.order_type))?,
        time_in_force: decoded(TimeInForce::decode(order.time_in_force))?,
        self_trade: decoded(SelfTrade::decode(order.self_trade))?,
        post_only: order.header.flags & flag::POST_ONLY != 0,
        cancel_on_disconnect: order.header.flags & flag::CANCEL_ON_DISCONNECT != 0,
        price: order.price_ticks,
        quantity: order.quantity_lots,
        stop_price: extra.stop_price_ticks,
        display: extra.display_lots,
        expire_ns: extra.expire_ns,
        quote_amount: extra.quote_amount.get(),
        trail_bips: extra.trail_bips,
    })
}

fn leg_terms(list: &NewList, leg: &ListLeg) -> Result<Terms, RejectReason> {
    zero(&leg.reserved)?;
    if leg.flags & !flag::NEW_ORDER_ALL != 0 {
        return Err(RejectReason::FieldInvalid);
    }
    Ok(Terms {
        market: list.header.market,
        member: list.member,
        session: list.session,
        client_order_id: leg.client_order_id,
        side: decoded(Side::decode(leg.side))?,
        order_type: decoded(OrderType::decode(leg.order_type))?,
        time_in_force: decoded(TimeInForce::decode(leg.time_in_force))?,
        self_trade: decoded(SelfTrade::decode(leg.self_trade))?,
        post_only: leg.flags & flag::POST_ONLY != 0,
        cancel_on_disconnect: leg.flags & flag::CANCEL_ON_DISCONNECT != 0,
        price: leg.price_ticks,
        quantity: leg.quantity_lots,
        stop_price: leg.stop_price_ticks,
        display: leg.display_lots,
        expire_ns: leg.expire_ns,
        quote_amount: 0,
        trail_bips: leg.trail_bips,
    })
}

fn new_list(message: &NewList) -> Result<Request<'_>, RejectReason> {
    zero(&message.reserved)?;
    zero(&message.reserved_words)?;
    let kind = decoded(ListKind::decode(message.list_kind))?;
    let count = match kind {
        ListKind::Oco | ListKind::Oto => 2,
        ListKind::Otoco => 3,
    };
    let (used, unused) = message.legs.split_at(count);
    zero(bytemuck::cast_slice::<ListLeg, u8>(unused))?;
    let legs: Result<Vec<Terms>, _> = used.iter().map(|leg| leg_terms(message, leg)).collect();
    Ok(Request::NewList(kind, legs?))
}

fn cancel_target(message: &Cancel) -> Target {
    let by_client_id = message.header.flags & flag::BY_CLIENT_ID != 0;
    Target { member: message.member, by_client_id, id: message.target }
}

fn amend<'a>(message: &Amend, extra: &AmendExtra) -> Result<Request<'a>, RejectReason> {
    zero(&[message.reserved])?;
    zero(&extra.reserved)?;
    let flags = message.header.flags;
    let target = Target {
        member: message.member,
        by_client_id: flags & flag::BY_CLIENT_ID != 0,
        id: message.target,
    };
    let change = Change {
        price: message.price_ticks,
        quantity: message.quantity_lots,
        display: extra.display_lots,
        expire_ns: extra.expire_ns,
        client_order_id: extra.client_order_id,
        stop_price: extra.stop_price_ticks,
        in_flight_mitigation: flags & flag::IN_FLIGHT_MITIGATION != 0,
        keep_priority: flags & flag::KEEP_PRIORITY != 0,
    };
    Ok(Request::Amend(target, change))
}

fn cancel_new(message: &CancelNew) -> Result<Request<'_>, RejectReason> {
    zero(&message.reserved)?;
    zero(&message.reserved_words)?;
    at_most_one(message.by_client_id.into())?;
    let mode = decoded(ReplaceMode::decode(message.mode))?;
    let terms = order_terms(&message.order, &message.extra)?;
    let by_client_id = message.by_client_id == 1;
    let target = Target { member: message.order.member, by_client_id, id: message.target };
    Ok(Request::CancelNew(target, mode, terms))
}

fn decoded<T>(value: Option<T>) -> Result<T, RejectReason> {
    value.ok_or(RejectReason::FieldInvalid)
}

fn zero<T: PartialEq + Default>(reserved: &[T]) -> Result<(), RejectReason> {
    let is_zero = reserved.iter().all(|value| *value == T::default());
    if is_zero { Ok(()) } else { Err(RejectReason::FieldInvalid) }
}

fn at_most_one(value: u32) -> Result<(), RejectReason> {
    if value <= 1 { Ok(()) } else { Err(RejectReason::FieldInvalid) }
}

/// The event of a refused command. Of one whose layout is not known, only the kind is told.
pub(crate) fn rejected(command: &Command, refusal: Refusal) -> Rejected {
    let (member, client_order_id) = if check_frame(command).is_ok() {
        (member(command), client_order_id(command, refusal.leg))
    } else {
        (0, 0)
    };
    Rejected {
        order_id: refusal.found.map_or(0, order_id),
        client_order_id,
        member,
        reason: refusal.reason.code(),
        command: command.header().kind,
        leg: refusal.leg,
        ..Rejected::default()
    }
}

fn member(command: &Command) -> u32 {
    match command.header().kind {
        kind::NEW_ORDER..=kind::KILL_SWITCH => command.view::<NewOrder>().member,
        kind::DEPOSIT..=kind::ADJUST => command.view::<Funds>().member,
        kind::MEMBER_SET => command.view::<MemberSet>().member,
        _ => 0,
    }
}

fn client_order_id(command: &Command, leg: u8) -> u64 {
    let by_client_id = command.header().flags & flag::BY_CLIENT_ID != 0;
    match command.header().kind {
        kind::NEW_ORDER => command.view::<NewOrder>().client_order_id,
        kind::CANCEL_NEW => command.view::<CancelNew>().order.client_order_id,
        kind::NEW_LIST => command.view::<NewList>().legs[usize::from(leg)].client_order_id,
        kind::CANCEL if by_client_id => command.view::<Cancel>().target,
        kind::AMEND if by_client_id => command.view::<Amend>().target,
        _ => 0,
    }
}

impl Reference {
    /// The live order of the member that the target names.
    pub(crate) fn find(&self, target: Target) -> Option<u64> {
        if target.by_client_id {
            return self.find_client_id(target.member, target.id);
        }
        let order = self.orders.get(&(target.id >> wire::limits::SLOT_BITS))?;
        (order.terms.member == target.member).then_some(order.serial)
    }

    /// The live order to which the member has given this name. Nobody can name an order 0.
    pub(crate) fn find_client_id(&self, member: u32, client_order_id: u64) -> Option<u64> {
        if client_order_id == 0 {
            return None;
        }
        let orders = &self.members.get(&member)?.orders;
        orders
            .iter()
            .copied()
            .find(|serial| self.orders[serial].terms.client_order_id == client_order_id)
    }
}
