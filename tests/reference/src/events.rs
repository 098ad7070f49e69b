//! An event of any kind as one type: to be kept, compared, read from cells and printed.

use core::fmt;
use wire::codes::{DoneReason, MarketState, Placement, RestateReason, Side};
use wire::event::{
    Accepted, Applied, Balance, Done, Event as _, EventSink, MarketChanged, MassCancelled,
    PRIORITY_LOST, RESTATE_REASON_MASK, Rejected, Repeated, Restated, Trade, Triggered, Uncrossed,
    trade_flag,
};
use wire::limits::SLOT_BITS;
use wire::reason::RejectReason;
use wire::record::Header;

macro_rules! any_event {
    ($($name:ident),+) => {
        /// Any event.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[expect(missing_docs, reason = "each variant is the wire's message of the same name")]
        pub enum Event { $($name($name),)+ }

        $(impl From<$name> for Event {
            fn from(event: $name) -> Self { Self::$name(event) }
        })+

        impl Event {
            /// The header.
            #[must_use]
            pub fn header(&self) -> &Header {
                match self { $(Self::$name(event) => &event.header,)+ }
            }

            /// Gives the event the header of its kind for `market`; the flags stay.
            pub(crate) fn set_header(&mut self, market: u16) {
                match self {
                    $(Self::$name(event) => {
                        let flags = event.header.flags;
                        event.header = Header { flags, ..$name::header_for(market) };
                    })+
                }
            }

            /// Puts the event into a sink.
            pub fn put(&self, sink: &mut impl EventSink) {
                match self { $(Self::$name(event) => sink.put(event),)+ }
            }
        }

        /// A sink that keeps every event.
        #[derive(Clone, Debug, Default)]
        pub struct Events(pub Vec<Event>);

        impl EventSink for Events {
            fn put<E: wire::event::Event>(&mut self, event: &E) {
                let mut cells = [wire::record::Cell::ZERO; 2];
                let bytes = bytemuck::bytes_of(event);
                let room: &mut [u8] = bytemuck::cast_slice_mut(&mut cells);
                room[..bytes.len()].copy_from_slice(bytes);
                $(if let Some(event) = wire::event::read::<$name>(&cells) {
                    self.0.push(Event::$name(*event));
                    return;
                })+
                panic!("an event of unknown kind {}", event_kind(&cells));
            }
        }
    };
}

any_event!(
    Rejected,
    Accepted,
    Trade,
    Done,
    Restated,
    Triggered,
    Balance,
    Applied,
    MassCancelled,
    Repeated,
    MarketChanged,
    Uncrossed
);

fn event_kind(cells: &[wire::record::Cell; 2]) -> u8 {
    cells[0].header().kind
}

impl Event {
    /// The event with the slot bits of its order ids cleared: what two matchers must agree on.
    #[must_use]
    pub fn without_slots(mut self) -> Self {
        let clear = |id: &mut u64| *id = *id >> SLOT_BITS << SLOT_BITS;
        match &mut self {
            Self::Rejected(event) => clear(&mut event.order_id),
            Self::Accepted(event) => clear(&mut event.order_id),
            Self::Done(event) => clear(&mut event.order_id),
            Self::Restated(event) => clear(&mut event.order_id),
            Self::Triggered(event) => clear(&mut event.order_id),
            Self::Trade(event) => {
                clear(&mut event.maker_order_id);
                clear(&mut event.taker_order_id);
            }
            _ => {}
        }
        self
    }
}

/// An order id as people read it: the serial.
fn serial(order_id: u64) -> u64 {
    order_id >> SLOT_BITS
}

fn code<T>(decoded: Option<T>, key: fn(T) -> &'static str) -> &'static str {
    decoded.map_or("?", key)
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rejected(e) => {
                write!(f, "rejected {}", code(RejectReason::decode(e.reason), RejectReason::key))?;
                write!(f, " order {} client {}", serial(e.order_id), e.client_order_id)?;
                write!(f, " member {} kind {} leg {}", e.member, e.command, e.leg)
            }
            Self::Accepted(e) => {
                write!(f, "accepted {} client {}", serial(e.order_id), e.client_order_id)?;
                write!(f, " member {} held {:?}", e.member, e.held)?;
                write!(f, " fees {}/{}", e.maker_ppm, e.taker_ppm)?;
                write!(f, " {}", code(Placement::decode(e.placement), Placement::key))
            }
            Self::Trade(e) => fmt_trade(e, f),
            Self::Done(e) => {
                write!(f, "done {}", serial(e.order_id))?;
                write!(f, " {}", code(DoneReason::decode(e.reason), DoneReason::key))?;
                if e.refusal != 0 {
                    let reason = RejectReason::decode(u16::from(e.refusal));
                    write!(f, " {}", code(reason, RejectReason::key))?;
                }
                write!(f, " member {} leaves {}", e.member, e.leaves_lots)?;
                write!(f, " filled {} released {:?}", e.filled_lots, e.released)
            }
            Self::Restated(e) => {
                let reason = RestateReason::decode(e.header.flags & RESTATE_REASON_MASK);
                write!(f, "restated {} {}", serial(e.order_id), code(reason, RestateReason::key))?;
                write!(f, " price {} open {}", e.price_ticks, e.open_lots)?;
                write!(f, " leaves {} released {:?}", e.leaves_lots, e.released)?;
                if e.header.flags & PRIORITY_LOST != 0 {
                    f.write_str(" priority_lost")
                } else {
                    Ok(())
                }
            }
            Self::Triggered(e) => {
                write!(f, "triggered {} member {}", serial(e.order_id), e.member)?;
                write!(f, " stop {} last {}", e.stop_price_ticks, e.last_price_ticks)
            }
            Self::Balance(e) => {
                write!(f, "balance member {} currency {}", e.member, e.currency)?;
                write!(f, " available {:?} held {:?}", e.available, e.held)?;
                write!(f, " operation {} kind {}", e.operation, e.command)
            }
            Self::Applied(e) => {
                write!(f, "applied kind {} member {}", e.command, e.member)?;
                write!(f, " operation {} time {}", e.operation, e.time_ns)
            }
            Self::MassCancelled(e) => {
                let reason = code(DoneReason::decode(e.reason), DoneReason::key);
                write!(f, "mass_cancelled {reason} member {}", e.member)?;
                write!(f, " session {} cancelled {}", e.session, e.cancelled)
            }
            Self::Repeated(e) => {
                write!(f, "repeated {} last {} kind {}", e.operation, e.last, e.command)
            }
            Self::MarketChanged(e) => {
                let state = code(MarketState::decode(e.state), MarketState::key);
                let previous = MarketState::decode(e.previous).map_or("none", MarketState::key);
                write!(f, "market_changed {} {previous} to {state}", e.header.market)?;
                write!(f, " operation {} kind {}", e.operation, e.command)
            }
            Self::Uncrossed(e) => {
                write!(f, "uncrossed {} at {}", e.header.market, e.price_ticks)?;
                write!(f, " volume {:?} surplus {:?}", e.volume_lots, e.surplus_lots)
            }
        }
    }
}

fn fmt_trade(e: &Trade, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "trade {} @ {}", e.quantity_lots, e.price_ticks)?;
    write!(f, " maker {} ({})", serial(e.maker_order_id), e.maker_member)?;
    write!(f, " taker {} ({})", serial(e.taker_order_id), e.taker_member)?;
    write!(f, " {}", code(Side::decode(e.taker_side), Side::key))?;
    write!(f, " fees {:?}/{:?}", e.maker_fee, e.taker_fee)?;
    write!(f, " resting {} released {:?}", e.resting_lots, e.buyer_released)?;
    for (bit, name) in [
        (trade_flag::MAKER_FILLED, " maker_filled"),
        (trade_flag::TAKER_FILLED, " taker_filled"),
        (trade_flag::ROLES_SWAPPED, " roles_swapped"),
        (trade_flag::UNCROSS, " uncross"),
    ] {
        if e.flags & bit != 0 {
            f.write_str(name)?;
        }
    }
    write!(f, " id {}", e.trade_id)
}
