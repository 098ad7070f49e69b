//! Orders: slots in arrays allocated once, linked by 32-bit indices.
//!
//! What matching touches is in [`Node`], one cache line; the rest in [`super::desk::Detail`].

use wire::limits::{ORDER_SERIAL_MAX, SLOT_BITS};

/// No slot.
pub const NIL: u32 = u32::MAX;

/// The part of an order that matching reads.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub struct Node {
    /// Order id; 0 while the slot is free.
    pub id: u64,
    /// Limit price in ticks.
    pub price: u64,
    /// Lots shown.
    pub open: u64,
    /// The owner's name for it.
    pub client_order_id: u64,
    /// Younger neighbour in its queue; next free slot while free.
    pub next: u32,
    /// Older neighbour in its queue.
    pub prev: u32,
    /// Owner.
    pub member: u32,
    /// Market.
    pub market: u16,
    /// Bits of [`bit`].
    pub bits: u16,
    /// Fee rate as a maker, frozen at entry.
    pub maker_ppm: u32,
    /// Fee rate as a taker, frozen at entry.
    pub taker_ppm: u32,
    /// The owner's account in the base currency.
    pub base_account: u32,
    /// The owner's account in the quote currency.
    pub quote_account: u32,
}

const _: () = assert!(size_of::<Node>() == 64);

/// The neighbour of this link; the node behind all slots if there is none.
#[inline]
pub fn neighbour(nodes: &mut [Node], link: u32) -> &mut Node {
    let last = nodes.len() - 1;
    &mut nodes[(link as usize).min(last)]
}

/// Bits of [`Node::bits`].
pub mod bit {
    /// Sells.
    pub const SELL: u16 = 1;
    /// Has a reserve that is not shown.
    pub const ICEBERG: u16 = 2;
    /// Never takes.
    pub const POST_ONLY: u16 = 4;
    /// Leaves when its session goes down.
    pub const CANCEL_ON_DISCONNECT: u16 = 8;
    /// What it holds is a number of its own, not leaves times price.
    pub const HELD_STORED: u16 = 16;
    /// Part of a list that has not ended.
    pub const LISTED: u16 = 32;
    /// Has a timer.
    pub const TIMED: u16 = 64;
    /// Waits for a trigger.
    pub const WAITING: u16 = 128;
    /// In the release queue.
    pub const QUEUED: u16 = 256;
    /// Waits for another leg.
    pub const PENDING: u16 = 512;
    /// Not in the book.
    pub const OFF_BOOK: u16 = WAITING | QUEUED | PENDING;
    /// Triggered, not yet in the release queue.
    pub const MARKED: u16 = 1024;
    /// A buy whose price improvement stays held until it ends.
    pub const KEEPS_IMPROVEMENT: u16 = 2048;
}

impl Node {
    /// A free slot.
    pub const FREE: Self = Self {
        id: 0,
        price: 0,
        open: 0,
        client_order_id: 0,
        next: NIL,
        prev: NIL,
        member: 0,
        market: 0,
        bits: 0,
        maker_ppm: 0,
        taker_ppm: 0,
        base_account: NIL,
        quote_account: NIL,
    };

    /// Whether one of `bits` is set.
    #[must_use]
    #[inline]
    pub fn has(&self, bits: u16) -> bool {
        self.bits & bits != 0
    }

    /// Whether it sells.
    #[must_use]
    #[inline]
    pub fn sells(&self) -> bool {
        self.has(bit::SELL)
    }
}

/// The slots.
pub struct Pool {
    /// One node a slot, and one behind them that no order ever has: links of neighbours that are
    /// not there are written to it.
    pub nodes: Box<[Node]>,
    free: u32,
    used: u32,
    live: u32,
    serial: u64,
}

impl Pool {
    /// `capacity` slots, at most [`wire::limits::ORDERS_MAX`].
    #[must_use]
    pub fn new(capacity: u32) -> Self {
        let nodes = super::huge::filled(Node::FREE, capacity as usize + 1);
        Self { nodes, free: NIL, used: 0, live: 0, serial: 0 }
    }

    /// Free slots.
    #[must_use]
    #[inline]
    pub fn room(&self) -> u32 {
        if self.serial >= ORDER_SERIAL_MAX { 0 } else { self.nodes.len() as u32 - 1 - self.live }
    }

    /// Live orders.
    #[must_use]
    pub fn live(&self) -> u32 {
        self.live
    }

    /// Serial of the last order.
    #[must_use]
    #[inline]
    pub fn serial(&self) -> u64 {
        self.serial
    }

    /// Takes a slot, the one freed last or else the lowest never used, and an id for it. There is
    /// room.
    #[inline]
    pub fn take(&mut self) -> (u32, u64) {
        let slot = if self.free == NIL {
            self.used += 1;
            self.used - 1
        } else {
            let slot = self.free;
            self.free = self.nodes[slot as usize].next;
            slot
        };
        self.live += 1;
        self.serial += 1;
        (slot, self.serial << SLOT_BITS | u64::from(slot))
    }

    /// Gives a slot back.
    #[inline]
    pub fn give(&mut self, slot: u32) {
        let node = &mut self.nodes[slot as usize];
        node.id = 0;
        node.next = self.free;
        self.free = slot;
        self.live -= 1;
    }

    /// Slot of the live order with this id.
    #[must_use]
    #[inline]
    pub fn find(&self, id: u64) -> Option<u32> {
        let slot = (id & ((1 << SLOT_BITS) - 1)) as u32;
        let node = self.nodes.get(slot as usize)?;
        (node.id == id && id != 0).then_some(slot)
    }

    /// Prefetches a slot; any number may be given.
    #[inline]
    pub fn hint(&self, slot: u32) {
        super::prefetch::prefetch_at(&self.nodes, slot);
    }

    /// Slots ever used; larger ones are free.
    #[must_use]
    pub fn used(&self) -> u32 {
        self.used
    }
}
