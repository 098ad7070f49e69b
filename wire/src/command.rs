//! Messages in: what a gateway or the bridge asks of the matcher.
//!
//! The first cell of every command is header, engine time and 40 bytes of its own. In a ring
//! `time_ns` is the producer's clock and only measures; in the log it is the engine time, stamped
//! once. Prices are ticks, quantities lots, amounts smallest units, times nanoseconds since 1970.
//! Fields named `reserved` are zero, and checked to be zero.

use crate::limits::CELLS_MAX;
use crate::record::{Cell, Header};
use crate::units::Amount;
use bytemuck::{Pod, Zeroable};
use core::mem::offset_of;

/// Kinds of commands.
pub mod kind {
    /// [`super::NewOrder`], with or without [`super::OrderExtra`].
    pub const NEW_ORDER: u8 = 1;
    /// [`super::Cancel`].
    pub const CANCEL: u8 = 2;
    /// [`super::Amend`], with or without [`super::AmendExtra`].
    pub const AMEND: u8 = 3;
    /// [`super::MassCancel`].
    pub const MASS_CANCEL: u8 = 4;
    /// [`super::CancelNew`].
    pub const CANCEL_NEW: u8 = 5;
    /// [`super::NewList`].
    pub const NEW_LIST: u8 = 6;
    /// [`super::SessionDown`].
    pub const SESSION_DOWN: u8 = 7;
    /// [`super::DeadMan`].
    pub const DEAD_MAN: u8 = 8;
    /// [`super::KillSwitch`].
    pub const KILL_SWITCH: u8 = 9;
    /// [`super::Tick`]: written by the matcher thread only.
    pub const TICK: u8 = 10;
    /// [`super::Funds`]: credits a deposit.
    pub const DEPOSIT: u8 = 16;
    /// [`super::Funds`]: sets money aside for a withdrawal.
    pub const WITHDRAW_HOLD: u8 = 17;
    /// [`super::Funds`]: the held money has left.
    pub const WITHDRAW_SETTLE: u8 = 18;
    /// [`super::Funds`]: the held money is given back.
    pub const WITHDRAW_RELEASE: u8 = 19;
    /// [`super::Funds`]: from one member to another.
    pub const TRANSFER: u8 = 20;
    /// [`super::Funds`]: signed correction of an available balance.
    pub const ADJUST: u8 = 21;
    /// [`super::CurrencySet`].
    pub const CURRENCY_SET: u8 = 32;
    /// [`super::MarketSet`].
    pub const MARKET_SET: u8 = 33;
    /// [`super::MarketStateSet`].
    pub const MARKET_STATE: u8 = 34;
    /// [`super::FeeSet`].
    pub const FEE_SET: u8 = 35;
    /// [`super::MemberSet`].
    pub const MEMBER_SET: u8 = 36;
    /// What the log holds in place of a command that broke the count of its ring.
    pub const OUT_OF_SEQUENCE: u8 = 62;
    /// What the log holds in place of a command whose kind or length nobody knows.
    pub const INVALID: u8 = 63;
}

/// Header flags of [`NewOrder`], of its leg and of [`Amend`].
pub mod flag {
    /// New order: rejected if it would trade at once.
    pub const POST_ONLY: u8 = 1;
    /// New order: cancelled when its session goes down, whatever the session's mode.
    pub const CANCEL_ON_DISCONNECT: u8 = 2;
    /// Every flag a new order knows.
    pub const NEW_ORDER_ALL: u8 = POST_ONLY | CANCEL_ON_DISCONNECT;
    /// Cancel, amend, cancel-and-new: `target` is a client order id.
    pub const BY_CLIENT_ID: u8 = 1;
    /// Amend: the new quantity is a total, and fills in flight are taken off it.
    pub const IN_FLIGHT_MITIGATION: u8 = 2;
    /// Amend: reject rather than lose the place in the queue.
    pub const KEEP_PRIORITY: u8 = 4;
    /// Every flag an amend knows.
    pub const AMEND_ALL: u8 = BY_CLIENT_ID | IN_FLIGHT_MITIGATION | KEEP_PRIORITY;
}

/// Profile bits of [`MarketSet`]: where a market keeps Peatio's visible rules instead of ours.
pub mod profile {
    /// Price improvement stays held until the order ends.
    pub const IMPROVEMENT_HELD: u32 = 1;
    /// A market buy holds min(1.1 x estimate, available) and needs depth for its whole quantity.
    pub const MARKET_BUY_LOCK: u32 = 2;
    /// With [`MARKET_BUY_LOCK`]: refuse if available is below the bare estimate (Peatio 2.4).
    pub const FUNDS_RULE_24: u32 = 4;
    /// A market buy stops at an order it cannot pay whole, instead of taking what it can pay.
    pub const WHOLE_LEVEL_STOP: u32 = 8;
    /// Orders of one member trade with each other.
    pub const SELF_TRADE_ALLOWED: u32 = 16;
    /// The maker of a trade is the order with the smaller client order id.
    pub const MAKER_BY_ID: u32 = 32;
    /// Every bit.
    pub const ALL: u32 = 63;
    /// All of Peatio's rules, with the funds rule of its version 2.4.
    pub const PEATIO: u32 = ALL;
}

/// A new order. One cell, or two with [`OrderExtra`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct NewOrder {
    /// Market, source, sequence, and the flags of [`flag`].
    pub header: Header,
    /// Engine time.
    pub time_ns: u64,
    /// Who.
    pub member: u32,
    /// Session it came through; 0 for none.
    pub session: u32,
    /// The owner's name for it; 0 for none.
    pub client_order_id: u64,
    /// Limit price; 0 for types without one.
    pub price_ticks: u64,
    /// Base quantity; 0 for [`crate::codes::OrderType::MarketQuote`].
    pub quantity_lots: u64,
    /// [`crate::codes::Side`].
    pub side: u8,
    /// [`crate::codes::OrderType`].
    pub order_type: u8,
    /// [`crate::codes::TimeInForce`].
    pub time_in_force: u8,
    /// [`crate::codes::SelfTrade`].
    pub self_trade: u8,
    /// The sender's number for this request, echoed by the log.
    pub request: u32,
}

/// Second cell of [`NewOrder`]. Zero means "not used" in every field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct OrderExtra {
    /// Stop price; for a trailing stop the price that starts the tracking, or 0 to start at once.
    pub stop_price_ticks: u64,
    /// Iceberg: lots shown at a time.
    pub display_lots: u64,
    /// GTD: when it expires.
    pub expire_ns: u64,
    /// Market by quote amount: the amount. Market buy under
    /// [`profile::MARKET_BUY_LOCK`]: the exact amount to hold, instead of the estimate.
    pub quote_amount: Amount,
    /// Trailing stop: its distance in bips.
    pub trail_bips: u32,
    /// Zero.
    pub reserved: [u32; 5],
}

/// Removes an order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Cancel {
    /// The flag [`flag::BY_CLIENT_ID`]; the market is not needed and not looked at.
    pub header: Header,
    /// Engine time.
    pub time_ns: u64,
    /// Who; only the owner's orders are found.
    pub member: u32,
    /// Session it came through.
    pub session: u32,
    /// Order id, or client order id.
    pub target: u64,
    /// The sender's number for this request.
    pub request: u32,
    /// Zero.
    pub reserved: [u32; 5],
}

/// Changes an order. One cell, or two with [`AmendExtra`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Amend {
    /// The amend flags of [`flag`].
    pub header: Header,
    /// Engine time.
    pub time_ns: u64,
    /// Who.
    pub member: u32,
    /// Session it came through.
    pub session: u32,
    /// Order id, or client order id.
    pub target: u64,
    /// New limit price; 0 keeps it.
    pub price_ticks: u64,
    /// New total quantity; 0 keeps it.
    pub quantity_lots: u64,
    /// The sender's number for this request.
    pub request: u32,
    /// Zero.
    pub reserved: u32,
}

/// Second cell of [`Amend`]. Zero keeps what is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct AmendExtra {
    /// New displayed quantity of an iceberg.
    pub display_lots: u64,
    /// New expiry of a GTD order.
    pub expire_ns: u64,
    /// New client order id.
    pub client_order_id: u64,
    /// New stop price of a waiting stop.
    pub stop_price_ticks: u64,
    /// Zero.
    pub reserved: [u64; 4],
}

/// Cancels many orders of one member.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct MassCancel {
    /// Market 0 means all markets.
    pub header: Header,
    /// Engine time.
    pub time_ns: u64,
    /// Whose orders.
    pub member: u32,
    /// Only orders of this session; 0 for all.
    pub session: u32,
    /// [`crate::codes::SideFilter`].
    pub side: u8,
    /// 1 to take waiting stops and pending legs too, 0 to leave them.
    pub include_stops: u8,
    /// Zero.
    pub reserved: [u8; 2],
    /// The sender's number for this request.
    pub request: u32,
    /// Zero.
    pub reserved_words: [u64; 3],
}

/// Cancels one order and enters another in one step. Three cells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct CancelNew {
    /// The new order.
    pub order: NewOrder,
    /// Its second cell.
    pub extra: OrderExtra,
    /// Order id of the one to cancel, or its client order id.
    pub target: u64,
    /// [`crate::codes::ReplaceMode`].
    pub mode: u8,
    /// 1 if `target` is a client order id.
    pub by_client_id: u8,
    /// Zero.
    pub reserved: [u8; 6],
    /// Zero.
    pub reserved_words: [u64; 6],
}

/// One leg of [`NewList`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct ListLeg {
    /// As in [`NewOrder`].
    pub client_order_id: u64,
    /// As in [`NewOrder`].
    pub price_ticks: u64,
    /// As in [`NewOrder`].
    pub quantity_lots: u64,
    /// As in [`OrderExtra`].
    pub stop_price_ticks: u64,
    /// As in [`OrderExtra`].
    pub display_lots: u64,
    /// As in [`OrderExtra`].
    pub expire_ns: u64,
    /// As in [`OrderExtra`].
    pub trail_bips: u32,
    /// [`crate::codes::Side`].
    pub side: u8,
    /// [`crate::codes::OrderType`].
    pub order_type: u8,
    /// [`crate::codes::TimeInForce`].
    pub time_in_force: u8,
    /// The new-order flags of [`flag`].
    pub flags: u8,
    /// [`crate::codes::SelfTrade`].
    pub self_trade: u8,
    /// Zero.
    pub reserved: [u8; 7],
}

/// An order list. Four cells; legs the list's kind does not use are zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct NewList {
    /// Market of every leg.
    pub header: Header,
    /// Engine time.
    pub time_ns: u64,
    /// Who.
    pub member: u32,
    /// Session it came through.
    pub session: u32,
    /// [`crate::codes::ListKind`].
    pub list_kind: u8,
    /// Zero.
    pub reserved: [u8; 3],
    /// The sender's number for this request.
    pub request: u32,
    /// Zero.
    pub reserved_words: [u64; 3],
    /// The legs.
    pub legs: [ListLeg; 3],
}

/// A session of a member went down; a fact, decided by the gateway, acted on by the matcher.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct SessionDown {
    /// Market is 0.
    pub header: Header,
    /// Engine time.
    pub time_ns: u64,
    /// Whose session.
    pub member: u32,
    /// Which; not 0.
    pub session: u32,
    /// [`crate::codes::DisconnectScope`].
    pub scope: u8,
    /// Zero.
    pub reserved: [u8; 3],
    /// The sender's number for this request.
    pub request: u32,
    /// Zero.
    pub reserved_words: [u64; 3],
}

/// Arms, re-arms or disarms a member's dead-man timer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct DeadMan {
    /// Market is 0.
    pub header: Header,
    /// Engine time.
    pub time_ns: u64,
    /// Whose orders are cancelled when it fires.
    pub member: u32,
    /// Milliseconds from now; 0 disarms.
    pub timeout_ms: u32,
    /// The sender's number for this request.
    pub request: u32,
    /// Zero.
    pub reserved: [u32; 7],
}

/// Pulls or releases a member's kill switch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct KillSwitch {
    /// Market is 0.
    pub header: Header,
    /// Engine time.
    pub time_ns: u64,
    /// Whose.
    pub member: u32,
    /// 1 cancels everything and refuses new orders; 0 releases.
    pub active: u32,
    /// The sender's number for this request.
    pub request: u32,
    /// Zero.
    pub reserved: [u32; 7],
}

/// Fires due timers and goes on with unfinished work. Written by the matcher thread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Tick {
    /// Market is 0.
    pub header: Header,
    /// Engine time.
    pub time_ns: u64,
    /// Zero.
    pub reserved: [u64; 5],
}

/// A movement of money that an outbox numbers: the kinds from [`kind::DEPOSIT`] to
/// [`kind::ADJUST`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Funds {
    /// Market is 0.
    pub header: Header,
    /// Engine time.
    pub time_ns: u64,
    /// Positive; signed and not zero for an adjustment.
    pub amount: Amount,
    /// The source's number for this operation, growing; one not above the last is ignored.
    pub operation: u64,
    /// Whose balance.
    pub member: u32,
    /// Receiver of a transfer; 0 otherwise.
    pub to_member: u32,
    /// Which currency.
    pub currency: u16,
    /// Zero.
    pub reserved: u16,
    /// The sender's number for this request.
    pub request: u32,
}

/// Creates or renames a currency. Its scale never changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct CurrencySet {
    /// Market is 0.
    pub header: Header,
    /// Engine time.
    pub time_ns: u64,
    /// As in [`Funds`].
    pub operation: u64,
    /// ASCII name, zero padded.
    pub code: [u8; 16],
    /// Which; from 1.
    pub currency: u16,
    /// Decimal places of the smallest unit, at most 18.
    pub scale: u8,
    /// Zero.
    pub reserved: u8,
    /// The sender's number for this request.
    pub request: u32,
    /// Zero.
    pub reserved_word: u64,
}

/// Creates a market or changes its parameters. Three cells. Base, quote and both units never
/// change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct MarketSet {
    /// The market.
    pub header: Header,
    /// Engine time.
    pub time_ns: u64,
    /// As in [`Funds`].
    pub operation: u64,
    /// ASCII name, zero padded.
    pub code: [u8; 16],
    /// Base currency.
    pub base: u16,
    /// Quote currency.
    pub quote: u16,
    /// The sender's number for this request.
    pub request: u32,
    /// State of a new market, a [`crate::codes::MarketState`]; ignored for a known one.
    pub state: u8,
    /// Zero.
    pub reserved: [u8; 7],
    /// Smallest base units in one lot.
    pub lot_units: Amount,
    /// Smallest quote units that one lot costs at a price of one tick.
    pub tick_units: Amount,
    /// Smallest notional of an order, in quote units.
    pub min_notional: Amount,
    /// Lowest price.
    pub min_price_ticks: u64,
    /// Highest price.
    pub max_price_ticks: u64,
    /// Smallest quantity of an order.
    pub min_quantity_lots: u64,
    /// Largest quantity of an order.
    pub max_quantity_lots: u64,
    /// Reference price for bands until something has traded; 0 for none.
    pub reference_ticks: u64,
    /// Half width of the dynamic band; 0 for none.
    pub band_bips: u32,
    /// Bits of [`profile`].
    pub profile: u32,
    /// Resting orders one taker may meet; 0 for the default.
    pub sweep_limit: u32,
    /// Prices a side finds by direct index: a power of two; 0 for the default.
    pub window_ticks: u32,
    /// Zero.
    pub reserved_words: [u64; 3],
}

/// Moves a market to another state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct MarketStateSet {
    /// The market.
    pub header: Header,
    /// Engine time.
    pub time_ns: u64,
    /// As in [`Funds`].
    pub operation: u64,
    /// [`crate::codes::MarketState`].
    pub state: u8,
    /// Zero.
    pub reserved: [u8; 3],
    /// The sender's number for this request.
    pub request: u32,
    /// Zero.
    pub reserved_words: [u64; 3],
}

/// Sets a row of the fee table. Market 0 in the header means any market, group 0 any group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct FeeSet {
    /// The market, or 0.
    pub header: Header,
    /// Engine time.
    pub time_ns: u64,
    /// As in [`Funds`].
    pub operation: u64,
    /// Rate of a maker, parts per million.
    pub maker_ppm: u32,
    /// Rate of a taker, parts per million.
    pub taker_ppm: u32,
    /// Fee group, or 0.
    pub group: u16,
    /// Zero.
    pub reserved: u16,
    /// The sender's number for this request.
    pub request: u32,
    /// Zero.
    pub reserved_words: [u64; 2],
}

/// Creates a member or changes its groups and limits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct MemberSet {
    /// Market is 0.
    pub header: Header,
    /// Engine time.
    pub time_ns: u64,
    /// As in [`Funds`].
    pub operation: u64,
    /// Who; the house, 0, exists from the start and cannot be set.
    pub member: u32,
    /// Members of one non-zero group never trade with each other.
    pub self_trade_group: u32,
    /// Most live orders; 0 for no limit but the matcher's own.
    pub open_orders_max: u32,
    /// Fee group; 0 for none.
    pub fee_group: u16,
    /// Zero.
    pub reserved: u16,
    /// The sender's number for this request.
    pub request: u32,
    /// Zero.
    pub reserved_words: [u32; 3],
}

/// A command of any kind, as raw cells: what a ring delivers and [`crate::record`] describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Command {
    cells: [Cell; CELLS_MAX],
}

/// A message that can be put into a [`Command`].
pub trait Message: Pod {
    /// Lengths in cells this message may have as a whole struct.
    const CELLS: usize = size_of::<Self>() / size_of::<Cell>();
}

macro_rules! messages {
    ($($message:ty: $bytes:literal,)+) => {
        $(
            impl Message for $message {}
            const _: () = {
                assert!(size_of::<$message>() == $bytes);
                assert!($bytes % 64 == 0 && $bytes <= 64 * CELLS_MAX);
                assert!(offset_of!($message, header) == 0);
            };
        )+
    };
}

messages! {
    NewOrder: 64, Cancel: 64, Amend: 64, MassCancel: 64, NewList: 256, SessionDown: 64,
    DeadMan: 64, KillSwitch: 64, Tick: 64, Funds: 64, CurrencySet: 64, MarketSet: 192,
    MarketStateSet: 64, FeeSet: 64, MemberSet: 64,
}

impl Message for CancelNew {}

const _: () = {
    assert!(size_of::<CancelNew>() == 192 && offset_of!(CancelNew, target) == 128);
    assert!(size_of::<OrderExtra>() == 64 && size_of::<AmendExtra>() == 64);
    assert!(size_of::<ListLeg>() == 64 && offset_of!(NewList, legs) == 64);
    assert!(offset_of!(NewOrder, time_ns) == 16 && offset_of!(NewOrder, member) == 24);
    assert!(offset_of!(NewOrder, client_order_id) == 32 && offset_of!(NewOrder, price_ticks) == 40);
    assert!(offset_of!(NewOrder, quantity_lots) == 48 && offset_of!(NewOrder, side) == 56);
    assert!(offset_of!(Cancel, target) == 32 && offset_of!(Amend, target) == 32);
    assert!(offset_of!(Funds, amount) == 24 && offset_of!(Funds, operation) == 40);
    assert!(offset_of!(MarketSet, lot_units) == 64 && offset_of!(MarketSet, band_bips) == 152);
};

impl Command {
    /// All zero: no kind.
    pub const ZERO: Self = Self { cells: [Cell::ZERO; CELLS_MAX] };

    /// A command from a whole message.
    #[must_use]
    #[inline]
    pub fn new<M: Message>(message: &M) -> Self {
        let mut command = Self::ZERO;
        let bytes = bytemuck::bytes_of(message);
        let target: &mut [u8] = bytemuck::cast_slice_mut(&mut command.cells);
        let (target, _) = target.split_at_mut(bytes.len().min(64 * CELLS_MAX));
        target.copy_from_slice(bytes);
        command
    }

    /// A two-cell command: a message of one cell and its extra cell.
    #[must_use]
    pub fn with_extra<M: Message, X: Pod>(message: &M, extra: &X) -> Self {
        let mut command = Self::new(message);
        let [_, second, ..] = &mut command.cells;
        let bytes = bytemuck::bytes_of(extra);
        let target: &mut [u8] = bytemuck::cast_slice_mut(&mut second.0);
        target.copy_from_slice(bytes);
        command.header_mut().cells = 2;
        command
    }

    /// A command from the cells of a ring; cells past the first four are ignored.
    #[must_use]
    #[inline]
    pub fn from_cells(cells: &[Cell]) -> Self {
        let mut command = Self::ZERO;
        for (to, from) in command.cells.iter_mut().zip(cells) {
            *to = *from;
        }
        command
    }

    /// The header.
    #[must_use]
    #[inline]
    pub fn header(&self) -> &Header {
        let [first, ..] = &self.cells;
        first.header()
    }

    /// The header, to be changed.
    #[must_use]
    #[inline]
    pub fn header_mut(&mut self) -> &mut Header {
        let [first, ..] = &mut self.cells;
        let (header, _) = first.0.split_at_mut(2);
        bytemuck::from_bytes_mut(bytemuck::cast_slice_mut(header))
    }

    /// Engine time.
    #[must_use]
    #[inline]
    pub fn time_ns(&self) -> u64 {
        let [first, ..] = &self.cells;
        let [_, _, time, ..] = first.0;
        time
    }

    /// Stamps the engine time.
    #[inline]
    pub fn set_time_ns(&mut self, time_ns: u64) {
        let [first, ..] = &mut self.cells;
        let [_, _, time, ..] = &mut first.0;
        *time = time_ns;
    }

    /// The cells the header counts, one to four.
    #[must_use]
    #[inline]
    pub fn cells(&self) -> &[Cell] {
        let count = usize::from(self.header().cells).clamp(1, CELLS_MAX);
        self.cells.get(..count).unwrap_or(&self.cells)
    }

    /// The command read as `M`. The caller has matched the kind and the length.
    #[must_use]
    #[inline]
    pub fn view<M: Message>(&self) -> &M {
        let bytes: &[u8] = bytemuck::cast_slice(&self.cells);
        let (bytes, _) = bytes.split_at(size_of::<M>());
        bytemuck::from_bytes(bytes)
    }

    /// The second cell read as `X`; zero if the command has one cell.
    #[must_use]
    #[inline]
    pub fn extra<X: Pod>(&self) -> X {
        let [first, second, ..] = &self.cells;
        if first.header().cells < 2 { X::zeroed() } else { bytemuck::cast(second.0) }
    }
}
