//! Our report queue: one producer, one consumer, reports of one line each.
//!
//! Each end keeps its own copy of the other's index and looks again only when that runs out. The
//! producer publishes every [`PUBLISH_EVERY`] reports, when the ring looks full, and on flush; the
//! consumer gives its index back once a drain. So the lines both sides write move between the cores
//! once a batch, not once a report.

use crate::abi::{Report, Transport};
use core::cell::UnsafeCell;
use core::ffi::c_void;
use core::sync::atomic::{AtomicU64, Ordering};
use matcher::engine::huge::filled;

const PUBLISH_EVERY: u64 = 32;
/// Pauses of a consumer that found nothing, so that it does not take the index line away from a
/// producer that is about to write it.
const PAUSES: u32 = 32;

#[repr(align(128))]
struct Alone<T>(T);

struct Producer {
    written: u64,
    published: u64,
    drained: u64,
}

struct Consumer {
    drained: u64,
    published: u64,
}

/// The queue.
pub struct Ring {
    published: Alone<AtomicU64>,
    drained: Alone<AtomicU64>,
    producer: Alone<UnsafeCell<Producer>>,
    consumer: Alone<UnsafeCell<Consumer>>,
    /// The reports, owned; both ends write and read through it.
    slots: *mut Report,
    mask: u64,
}

impl Ring {
    fn new(capacity: u32) -> Self {
        let size = u64::from(capacity).next_power_of_two().max(1 << 12);
        let slots = filled(Report::default(), size as usize);
        Self {
            published: Alone(AtomicU64::new(0)),
            drained: Alone(AtomicU64::new(0)),
            producer: Alone(UnsafeCell::new(Producer { written: 0, published: 0, drained: 0 })),
            consumer: Alone(UnsafeCell::new(Consumer { drained: 0, published: 0 })),
            slots: Box::into_raw(slots).cast(),
            mask: size - 1,
        }
    }

    #[inline(always)]
    fn slot(&self, index: u64) -> *mut Report {
        // SAFETY: masked, so inside the table.
        unsafe { self.slots.add((index & self.mask) as usize) }
    }

    /// Puts a report in; `false` if there is no room.
    ///
    /// # Safety
    /// Only one thread pushes and flushes.
    #[inline(always)]
    pub unsafe fn push(&self, report: &Report) -> bool {
        // SAFETY: the producer's part is touched by the one producer only, and nowhere above us.
        let own = unsafe { &mut *self.producer.0.get() };
        if own.written - own.drained > self.mask && !self.make_room(own) {
            return false;
        }
        // SAFETY: the consumer has given this slot back (`written - drained < size`) and does not
        // touch it again before `published` has passed it.
        unsafe { self.slot(own.written).write(*report) };
        own.written += 1;
        if own.written - own.published >= PUBLISH_EVERY {
            self.publish(own);
        }
        true
    }

    #[cold]
    fn make_room(&self, own: &mut Producer) -> bool {
        self.publish(own);
        // Acquire pairs with the Release in `drain`: what it read, it has read.
        own.drained = self.drained.0.load(Ordering::Acquire);
        own.written - own.drained <= self.mask
    }

    #[inline(always)]
    fn publish(&self, own: &mut Producer) {
        // Release pairs with the Acquire in `drain`: first the reports, then their number.
        self.published.0.store(own.written, Ordering::Release);
        own.published = own.written;
    }

    /// Makes everything pushed visible.
    ///
    /// # Safety
    /// As for [`Self::push`].
    pub unsafe fn flush(&self) {
        // SAFETY: as in `push`.
        let own = unsafe { &mut *self.producer.0.get() };
        self.publish(own);
    }

    /// Moves up to `most` reports to `out` and says how many.
    ///
    /// # Safety
    /// Only one thread drains, and `out` has room for `most`.
    unsafe fn drain(&self, out: *mut Report, most: u32) -> u32 {
        // SAFETY: the consumer's part is touched by the one consumer only.
        let own = unsafe { &mut *self.consumer.0.get() };
        if own.drained == own.published {
            own.published = self.published.0.load(Ordering::Acquire);
            if own.drained == own.published {
                (0..PAUSES).for_each(|_| core::hint::spin_loop());
                return 0;
            }
        }
        let count = (own.published - own.drained).min(u64::from(most));
        for index in 0..count {
            let from = self.slot(own.drained + index);
            // SAFETY: `index < most`, so the sum stays inside what the caller gave.
            let to = unsafe { out.add(index as usize) };
            // SAFETY: the slot is published and not yet given back, so nobody writes it; `to` need
            // not be aligned as we would have it.
            unsafe { core::ptr::copy_nonoverlapping(from.cast::<u8>(), to.cast(), 64) };
        }
        own.drained += count;
        self.drained.0.store(own.drained, Ordering::Release);
        count as u32
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        let slots = core::ptr::slice_from_raw_parts_mut(self.slots, self.mask as usize + 1);
        // SAFETY: the table of `new`, with its length, and nobody reads it any more.
        drop(unsafe { Box::from_raw(slots) });
    }
}

/// The queue as the interface wants it.
pub static TRANSPORT: Transport = Transport { create, push, drain, flush, destroy };

extern "C" fn create(capacity: u32) -> *mut c_void {
    Box::into_raw(Box::new(Ring::new(capacity))).cast()
}

unsafe extern "C" fn push(ring: *mut c_void, report: *const Report) -> i32 {
    // SAFETY: `ring` came from `create` and is not destroyed yet.
    let ring = unsafe { &*ring.cast::<Ring>() };
    // SAFETY: a foreign report need not be aligned as ours are.
    let report = unsafe { report.read_unaligned() };
    // SAFETY: the contract has one producer.
    i32::from(unsafe { ring.push(&report) })
}

unsafe extern "C" fn drain(ring: *mut c_void, out: *mut Report, most: u32) -> u32 {
    // SAFETY: as in `push`.
    let ring = unsafe { &*ring.cast::<Ring>() };
    // SAFETY: the contract has one consumer, and `out` has room for `most`.
    unsafe { ring.drain(out, most) }
}

unsafe extern "C" fn flush(ring: *mut c_void) {
    // SAFETY: as in `push`.
    let ring = unsafe { &*ring.cast::<Ring>() };
    // SAFETY: the contract has the producer flush.
    unsafe { ring.flush() };
}

unsafe extern "C" fn destroy(ring: *mut c_void) {
    // SAFETY: it came from `create`, and the contract destroys it once, last.
    drop(unsafe { Box::from_raw(ring.cast::<Ring>()) });
}
