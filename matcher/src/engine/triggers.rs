//! Stops: what a trade sets off, and the release queue. Section 6 of docs/matching.md.

use super::Engine;
use super::desk::{Detail, Market};
use super::ladder::{append, detach};
use super::pool::{NIL, bit};
use super::spec::{trail_above_ceil, trail_below_floor};
use wire::event::{Event, EventSink, Triggered};
use wire::limits::{BIPS_ONE, RELEASES_PER_TURN, WORK_PER_TURN};

const REVERSE: u64 = (1 << 63) - 1;

/// What one turn has done so far: a command, or a tick, and all it sets off.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Turn {
    /// Resting orders met.
    pub met: u32,
    /// Orders released.
    pub released: u32,
    /// Stops collected.
    pub collected: u32,
}

impl Detail {
    /// Shows a price to a trailing stop: whether it triggers. Otherwise its extreme follows.
    fn follow(&mut self, price: u64, sells: bool) -> bool {
        let starts = self.stop_price == 0
            || if sells { price >= self.stop_price } else { price <= self.stop_price };
        if !self.tracking {
            if starts {
                self.tracking = true;
                self.extreme = price;
            }
            return false;
        }
        let scaled = u128::from(price) * u128::from(BIPS_ONE);
        let edge = if sells { BIPS_ONE - self.trail_bips } else { BIPS_ONE + self.trail_bips };
        let edge = u128::from(self.extreme) * u128::from(edge);
        if if sells { scaled <= edge } else { scaled >= edge } {
            return true;
        }
        self.extreme = if sells { price.max(self.extreme) } else { price.min(self.extreme) };
        false
    }
}

impl Engine {
    /// Shows the first and last price of a run to the trailing stops of a market.
    #[cold]
    pub(super) fn follow_trailing(&mut self, id: u16, first: u64, last: u64) {
        let Some(Some(market)) = self.desk.markets.get_mut(usize::from(id)) else { return };
        let nodes = &mut self.books.pool.nodes;
        let mut slot = market.trailing.head;
        while slot != NIL {
            let node = nodes[slot as usize];
            let detail = &mut self.desk.details[slot as usize];
            let sells = node.sells();
            if detail.follow(first, sells) || detail.follow(last, sells) {
                detach(&mut market.trailing, nodes, slot);
                market.trailing_count -= 1;
                nodes[slot as usize].bits |= bit::MARKED;
                append(&mut market.marked, nodes, slot);
            }
            slot = node.next;
        }
    }

    /// Moves the stops that the marks of a market reach into its release queue.
    #[inline]
    pub(super) fn collect(&mut self, id: u16, turn: &mut Turn) {
        let Some(Some(market)) = self.desk.markets.get_mut(usize::from(id)) else { return };
        if market.up_mark == 0 {
            return;
        }
        if market.up.is_empty() && market.down.is_empty() && market.marked.head == NIL {
            (market.up_mark, market.down_mark) = (0, 0);
            return;
        }
        self.collect_reached(id, turn);
    }

    #[cold]
    fn collect_reached(&mut self, id: u16, turn: &mut Turn) {
        let Some(Some(market)) = self.desk.markets.get_mut(usize::from(id)) else { return };
        let (far, nodes) = (&mut self.books.far, &mut self.books.pool.nodes);
        let mut done = true;
        for up in [true, false] {
            let (up_mark, down_mark) = (market.up_mark, market.down_mark);
            let Market { up: up_tree, down: down_tree, queue, .. } = market;
            let (tree, last) =
                if up { (up_tree, up_mark) } else { (down_tree, down_mark ^ REVERSE) };
            while let Some((key, reached)) = far.first(*tree).filter(|(key, _)| *key <= last) {
                if turn.collected == WORK_PER_TURN {
                    done = false;
                    break;
                }
                turn.collected += 1;
                let slot = reached.head;
                let level = far.entry(tree, key);
                detach(level, nodes, slot);
                if level.head == NIL {
                    far.remove(tree, key);
                }
                let bits = &mut nodes[slot as usize].bits;
                *bits = *bits & !bit::WAITING | bit::QUEUED;
                append(queue, nodes, slot);
            }
        }
        if done {
            (market.up_mark, market.down_mark) = (0, 0);
        }
        while market.marked.head != NIL {
            let slot = market.marked.head;
            detach(&mut market.marked, nodes, slot);
            let bits = &mut nodes[slot as usize].bits;
            *bits = *bits & !(bit::WAITING | bit::MARKED) | bit::QUEUED;
            append(&mut market.queue, nodes, slot);
        }
    }

    /// Collects, then releases orders from the front of the queue as far as the turn may go.
    #[inline]
    pub(super) fn collect_and_release<S: EventSink>(
        &mut self,
        id: u16,
        turn: &mut Turn,
        out: &mut S,
    ) {
        let Some(market) = self.desk.market(id) else { return };
        if !market.has_releases() || !market.is_continuous() {
            return;
        }
        self.collect(id, turn);
        self.release_queue(id, turn, out);
        self.desk.busy |= self.desk.market(id).is_some_and(Market::has_releases);
    }

    fn release_queue<S: EventSink>(&mut self, id: u16, turn: &mut Turn, out: &mut S) {
        loop {
            let Some(Some(market)) = self.desk.markets.get_mut(usize::from(id)) else { return };
            let slot = market.queue.head;
            let may = turn.released < RELEASES_PER_TURN && turn.met < market.sweep_limit;
            if slot == NIL || !may {
                return;
            }
            turn.released += 1;
            detach(&mut market.queue, &mut self.books.pool.nodes, slot);
            let node = &mut self.books.pool.nodes[slot as usize];
            node.bits &= !bit::QUEUED;
            if node.has(bit::PENDING) {
                self.release_leg(slot, turn, out);
            } else {
                self.trigger(slot, turn, out);
            }
            self.collect(id, turn);
        }
    }

    fn trigger<S: EventSink>(&mut self, slot: u32, turn: &mut Turn, out: &mut S) {
        let node = self.books.pool.nodes[slot as usize];
        let detail = &self.desk.details[slot as usize];
        let trails = detail.order_type == wire::codes::OrderType::TrailingStop;
        let stop_price_ticks = match (trails, node.sells()) {
            (false, _) => detail.stop_price,
            (true, true) => trail_below_floor(detail.extreme, detail.trail_bips),
            (true, false) => trail_above_ceil(detail.extreme, detail.trail_bips),
        };
        out.put(&Triggered {
            header: Triggered::header_for(node.market),
            order_id: node.id,
            member: node.member,
            reserved: 0,
            stop_price_ticks,
            last_price_ticks: self.desk.market(node.market).map_or(0, |m| m.last_price),
            reserved_words: [0; 2],
        });
        self.desk.dissolve(&mut self.books, slot, out);
        self.take(slot, turn, out);
    }
}
