//! The messages of the interface, as they lie in memory.

use core::ffi::c_void;

/// A new order.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct NewOrder {
    /// Its id.
    pub id: u64,
    /// The message's number.
    pub sequence: u64,
    /// Signed ticks.
    pub price: i64,
    /// Lots.
    pub quantity: u32,
    /// 0 buys, 1 sells.
    pub side: u8,
    /// 1: what does not match at once is dropped.
    pub immediate: u8,
    reserved: [u8; 2],
}

/// A cancel.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Cancel {
    /// Which order.
    pub id: u64,
    /// The message's number.
    pub sequence: u64,
}

/// A modify: cancel and enter again.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Modify {
    /// Which order.
    pub id: u64,
    /// The message's number.
    pub sequence: u64,
    /// New price.
    pub price: i64,
    /// New quantity.
    pub quantity: u32,
    /// Its side.
    pub side: u8,
    reserved: [u8; 3],
}

/// Kinds of messages in a batch.
pub mod kind {
    /// [`super::NewOrder`].
    pub const NEW: u8 = 0;
    /// [`super::Cancel`].
    pub const CANCEL: u8 = 1;
}

/// One message of a batch. Whatever its kind, all bytes behind it are there, and id and number come
/// first in every kind.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Message {
    /// One of [`kind`], else a modify.
    pub kind: u8,
    reserved: [u8; 7],
    /// The message as a new order; of a modify the same fields but the last, of a cancel the first
    /// two.
    pub body: NewOrder,
}

/// Kinds of reports.
pub mod report {
    /// Order entered.
    pub const ACK: u8 = 0;
    /// One fill.
    pub const TRADE: u8 = 1;
    /// Order gone, or the rest of an immediate one dropped.
    pub const CANCELLED: u8 = 2;
    /// Order modified.
    pub const MODIFIED: u8 = 3;
    /// Nothing to cancel.
    pub const CANCEL_REJECTED: u8 = 4;
    /// Nothing to modify.
    pub const MODIFY_REJECTED: u8 = 5;
}

/// What the engine says.
#[derive(Clone, Copy, Default)]
#[repr(C, align(64))]
pub struct Report {
    /// One of [`report`].
    pub kind: u8,
    /// Side of the order.
    pub side: u8,
    pub(crate) reserved: [u8; 6],
    /// Number of the message that caused it.
    pub sequence: u64,
    /// Order it is about.
    pub id: u64,
    /// Price.
    pub price: i64,
    /// Lots.
    pub quantity: u32,
    pub(crate) reserved_word: u32,
    /// Of a trade.
    pub maker: u64,
    /// Of a trade.
    pub taker: u64,
    pub(crate) reserved_tail: u64,
}

/// Puts one report into a queue; 0 if it is full.
pub type Push = unsafe extern "C" fn(*mut c_void, *const Report) -> i32;

/// A queue of reports from the matcher's thread to another one.
#[repr(C)]
pub struct Transport {
    /// Makes a queue with room for so many reports.
    pub create: extern "C" fn(u32) -> *mut c_void,
    /// The matcher's end.
    pub push: Push,
    /// The other end: takes up to so many reports.
    pub drain: unsafe extern "C" fn(*mut c_void, *mut Report, u32) -> u32,
    /// Makes everything pushed visible.
    pub flush: unsafe extern "C" fn(*mut c_void),
    /// Frees the queue.
    pub destroy: unsafe extern "C" fn(*mut c_void),
}

const _: () = {
    assert!(size_of::<NewOrder>() == 32 && size_of::<Modify>() == 32);
    assert!(size_of::<Cancel>() == 16 && size_of::<Message>() == 40);
    assert!(core::mem::offset_of!(Modify, side) == core::mem::offset_of!(NewOrder, side));
    assert!(core::mem::offset_of!(Report, maker) == 40);
};
