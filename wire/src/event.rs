//! Messages out: what the matcher did, in the log, after the command that caused it.
//!
//! Header fields `market` and `source` are those of the cause; `sequence` is the log's.

use crate::record::{Cell, Header};
use crate::units::Amount;
use bytemuck::{Pod, Zeroable};
use core::mem::offset_of;

/// Kinds of events.
pub mod kind {
    /// Kinds from here on are events.
    pub const FIRST: u8 = 64;
    /// [`super::Rejected`].
    pub const REJECTED: u8 = 64;
    /// [`super::Accepted`].
    pub const ACCEPTED: u8 = 65;
    /// [`super::Trade`].
    pub const TRADE: u8 = 66;
    /// [`super::Done`].
    pub const DONE: u8 = 67;
    /// [`super::Restated`].
    pub const RESTATED: u8 = 68;
    /// [`super::Triggered`].
    pub const TRIGGERED: u8 = 69;
    /// [`super::Balance`].
    pub const BALANCE: u8 = 70;
    /// [`super::Applied`].
    pub const APPLIED: u8 = 71;
    /// [`super::MassCancelled`].
    pub const MASS_CANCELLED: u8 = 72;
    /// [`super::Repeated`].
    pub const REPEATED: u8 = 73;
    /// [`super::MarketChanged`].
    pub const MARKET_CHANGED: u8 = 74;
    /// [`super::Uncrossed`].
    pub const UNCROSSED: u8 = 75;
}

/// A command was refused; nothing changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Rejected {
    /// See the module's text.
    pub header: Header,
    /// The order the command named, if it was found; else 0.
    pub order_id: u64,
    /// The client order id the command carried, or named as its target; else 0.
    pub client_order_id: u64,
    /// Who asked.
    pub member: u32,
    /// [`crate::reason::RejectReason`].
    pub reason: u16,
    /// Kind of the command.
    pub command: u8,
    /// Leg of an order list the reason is about.
    pub leg: u8,
    /// Zero.
    pub reserved: [u64; 3],
}

/// An order entered. What it trades follows; unless a [`Done`] or a full fill ends it, the rest
/// rests, waits or is pending as `placement` says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Accepted {
    /// See the module's text.
    pub header: Header,
    /// The order's id for life.
    pub order_id: u64,
    /// The owner's name for it.
    pub client_order_id: u64,
    /// Who.
    pub member: u32,
    /// Fee rate as a maker, frozen now.
    pub maker_ppm: u32,
    /// Fee rate as a taker, frozen now.
    pub taker_ppm: u32,
    /// [`crate::codes::Placement`].
    pub placement: u8,
    /// Zero.
    pub reserved: [u8; 3],
    /// Money moved from available to held: quote for a buy, base for a sell.
    pub held: Amount,
}

/// Bits of [`Trade::flags`].
pub mod trade_flag {
    /// The maker is filled and gone.
    pub const MAKER_FILLED: u8 = 1;
    /// The taker is filled and gone.
    pub const TAKER_FILLED: u8 = 2;
    /// The order in the maker's fields is the one that arrived last (Peatio's role rule).
    pub const ROLES_SWAPPED: u8 = 4;
    /// Made by an uncross: `price_ticks` is the auction's price.
    pub const UNCROSS: u8 = 8;
}

/// Two orders traded; both sides are settled by this one record. Two cells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Trade {
    /// See the module's text.
    pub header: Header,
    /// The market's count of trades, from 1.
    pub trade_id: u64,
    /// The order that pays the maker's fee.
    pub maker_order_id: u64,
    /// The order that pays the taker's fee.
    pub taker_order_id: u64,
    /// Price.
    pub price_ticks: u64,
    /// Quantity.
    pub quantity_lots: u64,
    /// What is left of the resting order, shown and hidden.
    pub resting_lots: u64,
    /// Paid by the maker in the currency it receives.
    pub maker_fee: Amount,
    /// Paid by the taker in the currency it receives.
    pub taker_fee: Amount,
    /// Quote given back to the buyer at once because it paid less than was held.
    pub buyer_released: Amount,
    /// Owner of the maker order.
    pub maker_member: u32,
    /// Owner of the taker order.
    pub taker_member: u32,
    /// [`crate::codes::Side`] of the taker order.
    pub taker_side: u8,
    /// Bits of [`trade_flag`].
    pub flags: u8,
    /// Zero.
    pub reserved: [u8; 6],
}

/// An order left other than by being filled whole (or was filled, and held money came back).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Done {
    /// See the module's text.
    pub header: Header,
    /// The order.
    pub order_id: u64,
    /// Its owner.
    pub member: u32,
    /// [`crate::codes::DoneReason`].
    pub reason: u8,
    /// [`crate::reason::RejectReason`] low byte, when `reason` is `Refused`; else 0.
    pub refusal: u8,
    /// Zero.
    pub reserved: [u8; 2],
    /// Lots that were not traded and never will be.
    pub leaves_lots: u64,
    /// Lots traded in its life.
    pub filled_lots: u64,
    /// Money moved from held back to available.
    pub released: Amount,
}

/// Flag of [`Restated`] in its header: the order went to the back of its queue.
pub const PRIORITY_LOST: u8 = 0x40;
/// Mask of the [`crate::codes::RestateReason`] in a [`Restated`] header's flags.
pub const RESTATE_REASON_MASK: u8 = 0x0f;

/// A live order changed. The reason and [`PRIORITY_LOST`] are in the header's flags.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Restated {
    /// See the module's text.
    pub header: Header,
    /// The order.
    pub order_id: u64,
    /// Its limit price now.
    pub price_ticks: u64,
    /// Lots shown now.
    pub open_lots: u64,
    /// Lots shown and hidden now.
    pub leaves_lots: u64,
    /// Money moved from held back to available; negative if more was held.
    pub released: Amount,
}

/// A stop's condition came true; what it does as an order follows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Triggered {
    /// See the module's text.
    pub header: Header,
    /// The order.
    pub order_id: u64,
    /// Its owner.
    pub member: u32,
    /// Zero.
    pub reserved: u32,
    /// The trigger price at that moment.
    pub stop_price_ticks: u64,
    /// The last trade's price at the moment of release.
    pub last_price_ticks: u64,
    /// Zero.
    pub reserved_words: [u64; 2],
}

/// A balance after a [`crate::command::Funds`] command; two of them after a transfer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Balance {
    /// See the module's text.
    pub header: Header,
    /// The operation's number.
    pub operation: u64,
    /// Whose.
    pub member: u32,
    /// Which currency.
    pub currency: u16,
    /// Kind of the command.
    pub command: u8,
    /// Zero.
    pub reserved: u8,
    /// Available now.
    pub available: Amount,
    /// Held now: for orders and for withdrawals.
    pub held: Amount,
}

/// A command that only sets something was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Applied {
    /// See the module's text.
    pub header: Header,
    /// The operation's number, 0 if the command has none.
    pub operation: u64,
    /// Dead-man timer: when it will fire, 0 if disarmed.
    pub time_ns: u64,
    /// The member it is about, or 0.
    pub member: u32,
    /// Kind of the command.
    pub command: u8,
    /// Zero.
    pub reserved: [u8; 3],
    /// Zero.
    pub reserved_words: [u64; 3],
}

/// A mass cancel came to its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct MassCancelled {
    /// See the module's text; of the turn it ended in.
    pub header: Header,
    /// Orders it cancelled.
    pub cancelled: u64,
    /// Whose.
    pub member: u32,
    /// Session it was limited to, or 0.
    pub session: u32,
    /// [`crate::codes::DoneReason`] its orders left with.
    pub reason: u8,
    /// Zero.
    pub reserved: [u8; 7],
    /// Zero.
    pub reserved_words: [u64; 3],
}

/// A numbered operation came again and was ignored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Repeated {
    /// See the module's text.
    pub header: Header,
    /// The operation's number.
    pub operation: u64,
    /// The last number this source had applied.
    pub last: u64,
    /// Kind of the command.
    pub command: u8,
    /// Zero.
    pub reserved: [u8; 7],
    /// Zero.
    pub reserved_words: [u64; 3],
}

/// A market was created, changed or moved to another state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct MarketChanged {
    /// See the module's text.
    pub header: Header,
    /// The operation's number.
    pub operation: u64,
    /// [`crate::codes::MarketState`] now.
    pub state: u8,
    /// The state before; 0 for a new market.
    pub previous: u8,
    /// Kind of the command.
    pub command: u8,
    /// Zero.
    pub reserved: [u8; 5],
    /// Zero.
    pub reserved_words: [u64; 4],
}

/// An uncross began: its trades follow, in this turn and, if there are many, in later ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Uncrossed {
    /// See the module's text.
    pub header: Header,
    /// The one price.
    pub price_ticks: u64,
    /// Lots that can trade at it, as 128 bits.
    pub volume_lots: Amount,
    /// Lots left over on the larger side at that price, as 128 bits.
    pub surplus_lots: Amount,
    /// Zero.
    pub reserved: u64,
}

/// An event of any kind.
pub trait Event: Pod {
    /// Its kind.
    const KIND: u8;
    /// Its length in cells.
    const CELLS: u8 = (size_of::<Self>() / size_of::<Cell>()) as u8;
    /// A header for it.
    #[must_use]
    fn header_for(market: u16) -> Header {
        Header::new(Self::KIND, Self::CELLS, market)
    }
}

/// Where events go: the log's stage, a test's vector.
pub trait EventSink {
    /// Takes one event. Sequence, source and [`crate::record::LAST_OF_GROUP`] are the sink's to
    /// set.
    fn put<E: Event>(&mut self, event: &E);
}

macro_rules! events {
    ($($event:ident = $kind:ident: $bytes:literal,)+) => {
        $(
            impl Event for $event { const KIND: u8 = kind::$kind; }
            const _: () = {
                assert!(size_of::<$event>() == $bytes && $bytes % 64 == 0);
                assert!(offset_of!($event, header) == 0);
            };
        )+
    };
}

events! {
    Rejected = REJECTED: 64, Accepted = ACCEPTED: 64, Trade = TRADE: 128, Done = DONE: 64,
    Restated = RESTATED: 64, Triggered = TRIGGERED: 64, Balance = BALANCE: 64,
    Applied = APPLIED: 64, MassCancelled = MASS_CANCELLED: 64, Repeated = REPEATED: 64,
    MarketChanged = MARKET_CHANGED: 64, Uncrossed = UNCROSSED: 64,
}

const _: () = {
    assert!(offset_of!(Rejected, reason) == 36 && offset_of!(Accepted, held) == 48);
    assert!(offset_of!(Trade, price_ticks) == 40 && offset_of!(Trade, maker_fee) == 64);
    assert!(offset_of!(Trade, maker_member) == 112 && offset_of!(Done, released) == 48);
    assert!(offset_of!(Restated, released) == 48 && offset_of!(Balance, available) == 32);
};

/// Reads the event of type `E` that begins at the first of `cells`; `None` if the kind differs or
/// the record is cut short.
#[must_use]
pub fn read<E: Event>(cells: &[Cell]) -> Option<&E> {
    let first = cells.first()?;
    if first.header().kind != E::KIND {
        return None;
    }
    let bytes: &[u8] = bytemuck::cast_slice(cells);
    Some(bytemuck::from_bytes(bytes.get(..size_of::<E>())?))
}
