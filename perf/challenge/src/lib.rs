//! The matcher's bare books behind the C interface of a public matching-engine benchmark, so that a
//! third party's harness can time and audit them. Declarations are our own reading of its contract.
//!
//! What runs is `Books::sweep`, `rest` and `unlink` as in the matcher; no funds, no order features.
//! Code map: `abi` the messages, `ring` our report queue, `ids` order id to slot, `venue`
//! what a message does; this file is the door.
#![expect(unsafe_code, reason = "the C interface hands over raw pointers")]

mod abi;
mod ids;
mod ring;
mod venue;

use abi::{Cancel, Message, Modify, NewOrder, Report, Transport};
use core::ffi::c_void;
use core::sync::atomic::{AtomicPtr, Ordering};
use venue::{Sink, Venue};
use wire::codes::Side;

/// The one engine. The contract has one matcher thread make all calls but those of the queue.
static VENUE: AtomicPtr<Venue> = AtomicPtr::new(core::ptr::null_mut());

/// Messages between a hint and its message.
#[cfg(feature = "look-ahead")]
const AHEAD: [usize; 3] = [32, 20, 10];

#[inline(always)]
fn venue<'a>() -> &'a mut Venue {
    // SAFETY: `engine_init` stored a leaked box before any other call, as the contract says, and
    // only the matcher's thread comes here, one call at a time, so nobody else has a reference.
    unsafe { &mut *VENUE.load(Ordering::Relaxed) }
}

/// Builds the engine. Reports go to our own queue if it is the one that was chosen.
///
/// # Safety
/// `transport` and `sink` are the chosen queue's table and handle, alive until shutdown.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn engine_init(_: u64, transport: *const Transport, sink: *mut c_void) {
    let sink = if core::ptr::eq(transport, &raw const ring::TRANSPORT) {
        Sink::own(sink.cast())
    } else {
        // SAFETY: the caller's promise.
        Sink::foreign(unsafe { (*transport).push }, sink)
    };
    let new = Box::into_raw(Box::new(Venue::new(sink)));
    let old = VENUE.swap(new, Ordering::Relaxed);
    drop_venue(old);
}

/// Frees the engine.
#[unsafe(no_mangle)]
pub extern "C" fn engine_shutdown() {
    drop_venue(VENUE.swap(core::ptr::null_mut(), Ordering::Relaxed));
}

fn drop_venue(venue: *mut Venue) {
    if !venue.is_null() {
        // SAFETY: the pointer came from `Box::into_raw` and was just taken out of `VENUE`.
        drop(unsafe { Box::from_raw(venue) });
    }
}

/// A new order.
#[unsafe(no_mangle)]
pub extern "C" fn engine_on_new_order(order: &NewOrder) {
    venue().enter(order);
}

/// A cancel.
#[unsafe(no_mangle)]
pub extern "C" fn engine_on_cancel(cancel: &Cancel) {
    venue().cancel(cancel);
}

/// A modify.
#[unsafe(no_mangle)]
pub extern "C" fn engine_on_modify(modify: &Modify) {
    venue().modify(modify);
}

/// A run of messages, one after the other.
///
/// # Safety
/// `messages` points to `count` messages.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn engine_on_batch(messages: *const Message, count: u32) {
    // SAFETY: the caller's promise; nobody writes them meanwhile.
    let messages = unsafe { core::slice::from_raw_parts(messages, count as usize) };
    let venue = venue();
    #[cfg(feature = "look-ahead")]
    let mut ahead = AHEAD.map(|distance| messages.iter().skip(distance));
    for message in messages {
        #[cfg(feature = "look-ahead")]
        if let [Some(far), Some(middle), Some(near)] = ahead.each_mut().map(Iterator::next) {
            venue.hint([far, middle, near]);
        }
        venue.apply(message);
    }
}

/// All messages have been carried out when their call returned; what is written becomes visible.
#[unsafe(no_mangle)]
pub extern "C" fn engine_flush() {
    venue().sink.flush();
}

/// Best bid, or the smallest number.
#[unsafe(no_mangle)]
pub extern "C" fn engine_query_best_bid() -> i64 {
    venue().best(Side::Buy).unwrap_or(i64::MIN)
}

/// Best ask, or the largest number.
#[unsafe(no_mangle)]
pub extern "C" fn engine_query_best_ask() -> i64 {
    venue().best(Side::Sell).unwrap_or(i64::MAX)
}

/// Lots that rest at a price.
#[unsafe(no_mangle)]
pub extern "C" fn engine_query_depth_at(price: i64, side: u8) -> u64 {
    venue().depth_at(price, side)
}

/// Our report queue.
#[cfg(not(feature = "default-queue"))]
#[unsafe(no_mangle)]
pub extern "C" fn engine_get_transport() -> *const Transport {
    &raw const ring::TRANSPORT
}

const _: () = assert!(size_of::<Report>() == 64);
