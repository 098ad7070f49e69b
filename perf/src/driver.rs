//! The matcher's bare books, without funds, features or events, behind a table of dense order ids.
//!
//! What runs is `Books::sweep`, `rest` and `unlink` as the matcher runs them; the taker here only
//! writes the trade down.

use crate::workload::{BUY, Record, Trade, Trades, Workload, kind};
use matcher::engine::book::{Books, Meet, Taker, side_of};
use matcher::engine::huge::filled;
use matcher::engine::pool::{NIL, Node, bit};
use matcher::engine::prefetch::prefetch_at;
use wire::codes::Side;
use wire::limits::PRICE_MAX;

/// Ticks of all windows together, if there is more than one book.
const WINDOW_TICKS: u64 = 1 << 24;

/// So many orders are in the processor's own caches anyway.
const SMALL: u32 = 4096;

/// Books and id table.
pub struct Driver {
    books: Books,
    /// Slot of a live order.
    slots: Box<[u32]>,
}

/// Writes trades down and gives filled orders back.
struct Recorder<'a> {
    slots: &'a mut [u32],
    out: &'a mut Trades,
    taker: u64,
}

impl Taker for Recorder<'_> {
    #[inline(always)]
    fn meet(&mut self, books: &mut Books, slot: u32, remaining: u64) -> Meet {
        let node = &books.pool.nodes[slot as usize];
        let quantity = node.open.min(remaining);
        self.out.push(Trade {
            maker: node.client_order_id,
            taker: self.taker,
            price: node.price,
            quantity,
        });
        Meet::Trade(quantity)
    }

    #[inline(always)]
    fn filled(&mut self, books: &mut Books, slot: u32) {
        let id = books.pool.nodes[slot as usize].client_order_id;
        self.slots[id as usize] = NIL;
        books.pool.give(slot);
    }

    #[inline(always)]
    fn next_slice(&mut self, _: &mut Books, _: u32) -> u64 {
        0
    }
}

/// Market id of a symbol; 0 is no market.
#[inline]
fn market_of(symbol: u32) -> u16 {
    symbol as u16 + 1
}

fn side(code: u8) -> Side {
    if code == BUY { Side::Buy } else { Side::Sell }
}

/// Window for books whose prices span so many ticks: a power of two that fits the budget.
pub(crate) fn window_for(span: u64, symbols: u32) -> u32 {
    let budget = WINDOW_TICKS / u64::from(symbols) / 2;
    let most = u64::from(matcher::engine::ladder::WINDOW_MAX).min(budget).max(64);
    let window = span.next_power_of_two().clamp(4096, most.max(4096));
    (1 << window.ilog2()).min(matcher::engine::ladder::WINDOW_MAX)
}

impl Driver {
    /// Empty books for the symbols, ids and live orders of a file.
    #[must_use]
    pub fn new(workload: &Workload) -> Self {
        let header = &workload.header;
        let span = header.price_max.abs_diff(header.price_min) + 1;
        let window = window_for(span, header.symbols);
        let ticks = window * 2 * header.symbols;
        let mut books =
            Books::new(header.live_max as u32 + 1, ticks, market_of(header.symbols - 1) + 1);
        for symbol in 0..header.symbols {
            books.open_market(market_of(symbol), window);
        }
        Self { books, slots: filled(NIL, header.id_max as usize + 1) }
    }

    /// Hints what comes: the first of the three is the farthest away.
    #[inline(always)]
    pub fn hint(&self, ahead: [&Record; 3]) {
        let [far, middle, near] = ahead;
        prefetch_at(&self.slots, far.id as u32);
        if self.books.pool.used() <= SMALL {
            return;
        }
        // A slot or price that is none costs a useless hint; a branch would cost more.
        self.books.pool.hint(self.slot_of(middle.id));
        if near.kind >= kind::CANCEL {
            self.books.hint_order(self.slot_of(near.id));
        }
        self.books.hint(market_of(near.symbol), side(near.side), near.price.cast_unsigned());
    }

    #[inline]
    fn slot_of(&self, id: u64) -> u32 {
        self.slots.get(id as usize).copied().unwrap_or(NIL)
    }

    /// Carries out one command and writes its trades.
    #[inline(always)]
    pub fn apply(&mut self, record: &Record, out: &mut Trades) {
        let price = record.price.cast_unsigned();
        let quantity = u64::from(record.quantity);
        match record.kind {
            kind::LIMIT => {
                let bits = if record.side == BUY { 0 } else { bit::SELL };
                let market = market_of(record.symbol);
                let id = record.id;
                let left = self.take(market, side(record.side), price, id, quantity, out);
                if left != 0 {
                    let (slot, id) = self.books.pool.take();
                    self.books.pool.nodes[slot as usize] = Node {
                        id,
                        price,
                        open: left,
                        client_order_id: record.id,
                        member: record.user,
                        market,
                        bits,
                        ..Node::FREE
                    };
                    self.slots[record.id as usize] = slot;
                    self.books.rest(slot);
                }
            }
            kind::IMMEDIATE => {
                let market = market_of(record.symbol);
                self.take(market, side(record.side), price, record.id, quantity, out);
            }
            kind::MARKET => {
                let worst = if record.side == BUY { PRICE_MAX } else { 1 };
                let market = market_of(record.symbol);
                self.take(market, side(record.side), worst, record.id, quantity, out);
            }
            _ => {
                let slot = self.slot_of(record.id);
                if slot == NIL {
                    return;
                }
                self.books.unlink(slot);
                if record.kind == kind::MODIFY {
                    return self.enter_again(slot, record, out);
                }
                self.slots[record.id as usize] = NIL;
                self.books.pool.give(slot);
            }
        }
    }

    /// An order out of the book comes back with a new price: it matches and rests.
    #[inline(always)]
    fn enter_again(&mut self, slot: u32, record: &Record, out: &mut Trades) {
        let node = &mut self.books.pool.nodes[slot as usize];
        let price = record.price.cast_unsigned();
        node.price = price;
        let (market, side, open) = (node.market, side_of(node), node.open);
        let quantity = if record.quantity == 0 { open } else { u64::from(record.quantity) };
        let left = self.take(market, side, price, record.id, quantity, out);
        if left != 0 {
            self.books.pool.nodes[slot as usize].open = left;
            self.books.rest(slot);
        } else {
            self.slots[record.id as usize] = NIL;
            self.books.pool.give(slot);
        }
    }

    #[inline(always)]
    fn take(
        &mut self,
        market: u16,
        side: Side,
        limit: u64,
        taker: u64,
        quantity: u64,
        out: &mut Trades,
    ) -> u64 {
        let mut recorder = Recorder { slots: &mut self.slots, out, taker };
        let opposite = side.opposite();
        self.books.sweep(market, opposite, limit, quantity, u32::MAX, &mut recorder).remaining
    }
}
