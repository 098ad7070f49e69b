//! What a message does to the book, and what is reported of it.

use crate::abi::{Cancel, Message, Modify, NewOrder, Push, Report, kind, report};
use crate::ids::Ids;
use crate::ring::Ring;
use core::ffi::c_void;
use matcher::engine::book::{Books, Meet, Taker, side_of};
use matcher::engine::far::Queue;
use matcher::engine::pool::{NIL, Node, bit};
use wire::codes::Side;

const MARKET: u16 = 1;
/// Orders that may rest at once; the interface has no way to refuse one more.
const ORDERS: u32 = 1 << 21;
/// Ticks around the touch that are found by index.
const WINDOW: u32 = 1 << 16;
/// Added to a signed price to make it one of ours; prices beyond it either way are taken as it.
const OFFSET: i64 = 1 << 61;

/// Where reports go.
pub enum Sink {
    /// Our ring.
    Own(*const Ring),
    /// Another queue.
    Foreign(Push, *mut c_void),
}

impl Sink {
    /// Our ring.
    pub fn own(ring: *const Ring) -> Self {
        Self::Own(ring)
    }

    /// Another queue, by its push function and handle.
    pub fn foreign(push: Push, handle: *mut c_void) -> Self {
        Self::Foreign(push, handle)
    }

    #[inline(always)]
    fn put(&self, report: Report) {
        while !self.try_put(&report) {
            core::hint::spin_loop();
        }
    }

    #[inline(always)]
    fn try_put(&self, report: &Report) -> bool {
        match *self {
            Self::Own(ring) => {
                // SAFETY: the ring lives until after shutdown, and is only ever shared.
                let ring = unsafe { &*ring };
                // SAFETY: this is the one thread that pushes.
                unsafe { ring.push(report) }
            }
            // SAFETY: as the contract says: its own handle, and a whole report.
            Self::Foreign(push, handle) => unsafe { push(handle, report) != 0 },
        }
    }

    /// Makes what was put visible.
    pub fn flush(&self) {
        if let Self::Own(ring) = *self {
            // SAFETY: as in `try_put`.
            let ring = unsafe { &*ring };
            // SAFETY: as in `try_put`.
            unsafe { ring.flush() };
        }
    }
}

/// The book, the ids and the way out.
pub struct Venue {
    books: Books,
    ids: Ids,
    /// Where reports go.
    pub sink: Sink,
}

/// The order that matches now.
struct Incoming<'a> {
    ids: &'a mut Ids,
    sink: &'a Sink,
    id: u64,
    sequence: u64,
}

impl Taker for Incoming<'_> {
    #[inline(always)]
    fn meet(&mut self, books: &mut Books, slot: u32, remaining: u64) -> Meet {
        let node = &books.pool.nodes[slot as usize];
        let lots = node.open.min(remaining);
        self.sink.put(Report {
            kind: report::TRADE,
            sequence: self.sequence,
            price: signed(node.price),
            quantity: lots as u32,
            maker: node.client_order_id,
            taker: self.id,
            ..Report::default()
        });
        Meet::Trade(lots)
    }

    #[inline(always)]
    fn filled(&mut self, books: &mut Books, slot: u32) {
        self.ids.clear(books.pool.nodes[slot as usize].client_order_id);
        books.pool.give(slot);
    }

    #[inline(always)]
    fn next_slice(&mut self, _: &mut Books, _: u32) -> u64 {
        0
    }
}

#[inline(always)]
fn ticks(price: i64) -> u64 {
    (price.clamp(1 - OFFSET, OFFSET) + OFFSET).cast_unsigned()
}

#[inline(always)]
fn signed(ticks: u64) -> i64 {
    ticks.cast_signed() - OFFSET
}

#[inline(always)]
fn side(code: u8) -> Side {
    if code == 0 { Side::Buy } else { Side::Sell }
}

impl Venue {
    /// An empty book.
    pub fn new(sink: Sink) -> Self {
        let mut books = Books::new(ORDERS, 2 * WINDOW, MARKET + 1);
        books.open_market(MARKET, WINDOW);
        Self { books, ids: Ids::new(), sink }
    }

    /// Carries out one message of a batch.
    #[inline(always)]
    pub fn apply(&mut self, message: &Message) {
        let NewOrder { id, sequence, price, quantity, .. } = message.body;
        match message.kind {
            kind::NEW => self.enter(&message.body),
            kind::CANCEL => self.cancel(&Cancel { id, sequence }),
            _ => self.change(id, sequence, price, quantity),
        }
    }

    /// Prefetches what messages to come name, the farthest first.
    #[cfg(feature = "look-ahead")]
    #[inline(always)]
    pub fn hint(&self, ahead: [&Message; 3]) {
        let [far, middle, near] = ahead.map(|message| &message.body);
        self.ids.hint(far.id);
        self.books.pool.hint(self.ids.get(middle.id));
        self.books.hint_order(self.ids.get(near.id));
        self.books.hint(MARKET, side(near.side), ticks(near.price));
    }

    /// A new order.
    #[inline(always)]
    pub fn enter(&mut self, order: &NewOrder) {
        let NewOrder { id, sequence, price, quantity, side: code, immediate, .. } = *order;
        let about = Report { side: code, sequence, id, price, quantity, ..Report::default() };
        self.sink.put(Report { kind: report::ACK, ..about });
        let left = self.take(id, sequence, side(code), price, u64::from(quantity));
        if left == 0 {
            return;
        }
        if immediate != 0 {
            let quantity = left as u32;
            return self.sink.put(Report { kind: report::CANCELLED, quantity, ..about });
        }
        assert!(self.books.pool.room() != 0, "more orders rest than there is room for");
        let (slot, name) = self.books.pool.take();
        self.books.pool.nodes[slot as usize] = Node {
            id: name,
            price: ticks(price),
            open: left,
            client_order_id: id,
            market: MARKET,
            bits: if code == 0 { 0 } else { bit::SELL },
            ..Node::FREE
        };
        self.ids.set(id, slot);
        self.books.rest(slot);
    }

    #[inline(always)]
    fn take(&mut self, id: u64, sequence: u64, side: Side, price: i64, lots: u64) -> u64 {
        let mut taker = Incoming { ids: &mut self.ids, sink: &self.sink, id, sequence };
        let (limit, most) = (ticks(price), u32::MAX);
        self.books.sweep(MARKET, side.opposite(), limit, lots, most, &mut taker).remaining
    }

    /// A cancel.
    #[inline(always)]
    pub fn cancel(&mut self, cancel: &Cancel) {
        let Cancel { id, sequence } = *cancel;
        let slot = self.ids.get(id);
        if slot == NIL {
            let kind = report::CANCEL_REJECTED;
            return self.sink.put(Report { kind, sequence, id, ..Report::default() });
        }
        let node = &self.books.pool.nodes[slot as usize];
        self.sink.put(Report {
            kind: report::CANCELLED,
            side: u8::from(node.sells()),
            sequence,
            id,
            price: signed(node.price),
            quantity: node.open as u32,
            ..Report::default()
        });
        self.books.unlink(slot);
        self.ids.clear(id);
        self.books.pool.give(slot);
    }

    /// A modify.
    #[inline(always)]
    pub fn modify(&mut self, modify: &Modify) {
        self.change(modify.id, modify.sequence, modify.price, modify.quantity);
    }

    #[inline(always)]
    fn change(&mut self, id: u64, sequence: u64, price: i64, quantity: u32) {
        let slot = self.ids.get(id);
        if slot == NIL {
            let kind = report::MODIFY_REJECTED;
            return self.sink.put(Report { kind, sequence, id, ..Report::default() });
        }
        self.books.unlink(slot);
        let side = side_of(&self.books.pool.nodes[slot as usize]);
        let left = self.take(id, sequence, side, price, u64::from(quantity));
        if left == 0 {
            self.ids.clear(id);
            self.books.pool.give(slot);
        } else {
            let node = &mut self.books.pool.nodes[slot as usize];
            node.price = ticks(price);
            node.open = left;
            self.books.rest(slot);
        }
        self.sink.put(Report {
            kind: report::MODIFIED,
            side: u8::from(side == Side::Sell),
            sequence,
            id,
            price,
            quantity,
            ..Report::default()
        });
    }

    /// Best price of a side.
    pub fn best(&self, side: Side) -> Option<i64> {
        self.books.best(MARKET, side).map(signed)
    }

    /// Lots that rest at a price: walked from both ends, as two chains of cache misses are quicker
    /// than one of twice the length.
    pub fn depth_at(&self, price: i64, code: u8) -> u64 {
        let Queue { head, tail } = self.books.queue_at(MARKET, side(code), ticks(price));
        let (mut front, mut back, mut lots) = (head, tail, 0);
        let nodes = &self.books.pool.nodes;
        while let (Some(first), Some(last)) = (nodes.get(front as usize), nodes.get(back as usize))
        {
            lots += first.open;
            if front == back {
                break;
            }
            lots += last.open;
            if first.next == back {
                break;
            }
            (front, back) = (first.next, last.prev);
        }
        lots
    }
}
