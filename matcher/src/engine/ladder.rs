//! One side of a book: queues by key, best first.
//!
//! A key is the price for asks and the reversed price for bids, so the best level is always the
//! smallest key and both sides are one code. A window of keys around the best is found by direct
//! index in a circular array, with a three-level bitmap of the levels in use; keys outside it are
//! in
//! a [`Tree`]. The window follows the best: every operation that meets it out of place moves it by
//! at
//! most one block of 64 keys at each end, so no price, however far, makes one command slow, and no
//! jump is paid at once.
//!
//! Invariants: cells outside `low..high` are empty; `low` and `high` are multiples of 64 and at
//! most
//! the window's size apart; a key is in the window or in the tree, never in both; `best` is the
//! smallest key of both.

use super::far::{Far, Queue, Tree};
use super::huge::filled;
use super::pool::{NIL, Node, neighbour};
use super::prefetch::prefetch_at;
use core::hint::select_unpredictable;

/// No key: larger than every key.
pub const NONE: u64 = u64::MAX;
/// Turns a bid price into its key and back.
const REVERSE: u64 = (1 << 63) - 1;
const BLOCK: u64 = 64;
/// Largest window: three levels of 64-bit words.
pub const WINDOW_MAX: u32 = 1 << 18;
/// Smallest window: one block.
pub const WINDOW_MIN: u32 = 64;

/// One side of one market's book.
#[derive(Clone)]
#[repr(C, align(64))]
pub struct Ladder {
    best: u64,
    low: u64,
    flip: u64,
    /// Bit `i`: some word `64 i .. 64 i + 64` of `words` is not zero.
    summary: u64,
    /// Keys from `low` on that the window covers now.
    span: u32,
    /// Ticks of the window less one; 0 if the market does not exist.
    mask: u32,
    /// First cell of the window in the arena.
    cells: u32,
    /// First word of the bitmap in the arena, a bit a cell.
    words: u32,
    /// First word of the bitmap above it, a bit a word.
    above: u32,
    far: Tree,
    far_best: u64,
}

const _: () = assert!(size_of::<Ladder>() == 64);

/// Storage of all ladders' windows.
pub struct Arena {
    cells: Box<[Queue]>,
    words: Box<[u64]>,
    cells_used: u32,
    words_used: u32,
}

/// Words of both bitmaps of a window.
const fn words_of(window: u32) -> u32 {
    window / 64 + (window / 64).div_ceil(64)
}

impl Arena {
    /// Room for windows of together `ticks` cells.
    #[must_use]
    pub fn new(ticks: u32) -> Self {
        Self {
            cells: filled(Queue::EMPTY, ticks as usize),
            words: filled(0, (ticks / 64 + ticks / 64) as usize + 2),
            cells_used: 0,
            words_used: 0,
        }
    }

    /// Whether `count` more windows of `window` ticks fit.
    #[must_use]
    pub fn has_room(&self, window: u32, count: u32) -> bool {
        let free = |used: u32, size: usize| size as u64 - u64::from(used);
        free(self.cells_used, self.cells.len()) >= u64::from(window) * u64::from(count)
            && free(self.words_used, self.words.len())
                >= u64::from(words_of(window)) * u64::from(count)
    }
}

impl Ladder {
    /// The side of a market that does not exist: it is empty.
    pub const ABSENT: Self = Self {
        best: NONE,
        low: 0,
        flip: 0,
        summary: 0,
        span: 0,
        mask: 0,
        cells: 0,
        words: 0,
        above: 0,
        far: Tree::EMPTY,
        far_best: NONE,
    };

    /// Whether its market exists.
    #[must_use]
    #[inline]
    pub fn exists(&self) -> bool {
        self.mask != 0
    }

    /// An empty side with a window of `window` ticks, a power of two, taken from `arena`, which has
    /// room for it.
    #[must_use]
    pub fn new(arena: &mut Arena, window: u32, is_bid: bool) -> Self {
        let ladder = Self {
            mask: window - 1,
            flip: if is_bid { REVERSE } else { 0 },
            cells: arena.cells_used,
            words: arena.words_used,
            above: arena.words_used + window / 64,
            ..Self::ABSENT
        };
        arena.cells_used += window;
        arena.words_used += words_of(window);
        ladder
    }

    /// Key of a price, and price of a key.
    #[must_use]
    #[inline]
    pub fn key(&self, price: u64) -> u64 {
        price ^ self.flip
    }

    /// Smallest key in use, or [`NONE`].
    #[must_use]
    #[inline]
    pub fn best(&self) -> u64 {
        self.best
    }

    /// Best price, if there is one.
    #[must_use]
    #[inline]
    pub fn best_price(&self) -> Option<u64> {
        (self.best != NONE).then_some(self.best ^ self.flip)
    }

    /// Ticks of the window.
    #[must_use]
    pub fn window(&self) -> u32 {
        self.mask + 1
    }

    /// First key behind the window.
    #[inline]
    fn high(&self) -> u64 {
        self.low + u64::from(self.span)
    }

    /// Place of a key in the window.
    #[inline]
    fn bit(&self, key: u64) -> usize {
        (key as u32 & self.mask) as usize
    }

    #[inline]
    fn in_window(&self, key: u64) -> bool {
        key.wrapping_sub(self.low) < u64::from(self.span)
    }

    #[inline]
    fn cell(&self, key: u64) -> usize {
        self.cells as usize + self.bit(key)
    }

    /// Prefetches the cell of a price.
    #[inline]
    pub fn hint(&self, arena: &Arena, price: u64) {
        prefetch_at(&arena.cells, self.cell(self.key(price)) as u32);
    }

    /// Last order in the cell of a price, whether or not it is that price's now: for hints.
    #[inline]
    pub fn back(&self, arena: &Arena, price: u64) -> u32 {
        arena.cells.get(self.cell(self.key(price))).map_or(NIL, |queue| queue.tail)
    }

    /// The queue at `key`: empty if the level does not exist.
    #[must_use]
    #[inline]
    pub fn queue(&self, arena: &Arena, far: &Far, key: u64) -> Queue {
        if self.in_window(key) { arena.cells[self.cell(key)] } else { far.get(self.far, key) }
    }

    /// The oldest order of the best level, which exists.
    #[must_use]
    #[inline]
    pub fn head(&self, arena: &Arena, far: &Far) -> u32 {
        // The half that `pop` writes, and no more: a wider load would wait for the store.
        if self.in_window(self.best) {
            arena.cells[self.cell(self.best)].head
        } else {
            far.get(self.far, self.best).head
        }
    }

    /// The queue at `key`, to be changed; the level exists.
    #[inline]
    fn queue_mut<'a>(&self, arena: &'a mut Arena, far: &'a mut Far, key: u64) -> &'a mut Queue {
        if self.in_window(key) {
            &mut arena.cells[self.cell(key)]
        } else {
            let mut tree = self.far;
            far.entry(&mut tree, key)
        }
    }

    /// Puts `slot` at the back of the queue of `price`.
    #[inline]
    pub fn push(&mut self, arena: &mut Arena, far: &mut Far, nodes: &mut [Node], slot: u32) {
        let key = nodes[slot as usize].price ^ self.flip;
        if !self.in_window(key) {
            return self.push_far(arena, far, nodes, slot, key);
        }
        let cell = self.cell(key);
        let queue = &mut arena.cells[cell];
        let tail = queue.tail;
        let is_new = tail == NIL;
        // Whether a level is new is a coin toss: no branch for what costs little.
        *queue = Queue { head: select_unpredictable(is_new, slot, queue.head), tail: slot };
        let node = &mut nodes[slot as usize];
        node.prev = tail;
        node.next = NIL;
        neighbour(nodes, tail).next = slot;
        if is_new {
            self.set(arena, key);
            self.best = self.best.min(key);
        }
    }

    #[cold]
    fn push_far(
        &mut self,
        arena: &mut Arena,
        far: &mut Far,
        nodes: &mut [Node],
        slot: u32,
        key: u64,
    ) {
        if self.best == NONE {
            self.low = self.low_for(key);
            self.span = self.window();
            return self.push(arena, far, nodes, slot);
        }
        let queue = far.entry(&mut self.far, key);
        append(queue, nodes, slot);
        self.far_best = self.far_best.min(key);
        self.best = self.best.min(key);
        self.follow(arena, far);
    }

    /// Takes `slot` out of its queue.
    #[inline]
    pub fn unlink(&mut self, arena: &mut Arena, far: &mut Far, nodes: &mut [Node], slot: u32) {
        let node = &nodes[slot as usize];
        let (prev, next, key) = (node.prev, node.next, node.price ^ self.flip);
        let (is_first, is_last) = (prev == NIL, next == NIL);
        let queue = self.queue_mut(arena, far, key);
        // Where in its queue an order stands is a coin toss: no branch for what costs little.
        *queue = Queue {
            head: select_unpredictable(is_first, next, queue.head),
            tail: select_unpredictable(is_last, prev, queue.tail),
        };
        neighbour(nodes, prev).next = next;
        neighbour(nodes, next).prev = prev;
        if is_first && is_last {
            self.remove_level(arena, far, key);
        }
    }

    /// Takes the order at the head of the best level out.
    #[inline]
    pub fn pop(&mut self, arena: &mut Arena, far: &mut Far, nodes: &mut [Node], slot: u32) {
        let next = nodes[slot as usize].next;
        let key = self.best;
        if next != NIL {
            nodes[next as usize].prev = NIL;
            self.queue_mut(arena, far, key).head = next;
            return;
        }
        *self.queue_mut(arena, far, key) = Queue::EMPTY;
        self.remove_level(arena, far, key);
    }

    /// Forgets the level at `key`, whose queue is empty.
    #[inline]
    fn remove_level(&mut self, arena: &mut Arena, far: &mut Far, key: u64) {
        if self.in_window(key) {
            self.clear(arena, key);
        } else {
            self.remove_far(far, key);
        }
        if key == self.best {
            self.best = self.first_in_window(arena).min(self.far_best);
        }
        // One comparison on the way out keeps the window where the touch is.
        if self.best.wrapping_sub(self.low) > u64::from(self.mask / 2) || self.span <= self.mask {
            self.follow(arena, far);
        }
    }

    #[cold]
    fn remove_far(&mut self, far: &mut Far, key: u64) {
        far.remove(&mut self.far, key);
        if key == self.far_best {
            self.far_best = far.first(self.far).map_or(NONE, |(key, _)| key);
        }
    }

    #[inline]
    fn set(&mut self, arena: &mut Arena, key: u64) {
        let bit = self.bit(key);
        arena.words[self.words as usize + bit / 64] |= 1 << (bit % 64);
        arena.words[self.above as usize + bit / 4096] |= 1 << (bit / 64 % 64);
        self.summary |= 1 << (bit / 4096);
    }

    #[inline]
    fn clear(&mut self, arena: &mut Arena, key: u64) {
        let bit = self.bit(key);
        let word = &mut arena.words[self.words as usize + bit / 64];
        *word &= !(1 << (bit % 64));
        if *word == 0 {
            let word = &mut arena.words[self.above as usize + bit / 4096];
            *word &= !(1 << (bit / 64 % 64));
            if *word == 0 {
                self.summary &= !(1 << (bit / 4096));
            }
        }
    }

    /// Smallest key of the window; [`NONE`] if none.
    #[inline]
    fn first_in_window(&self, arena: &Arena) -> u64 {
        // The window goes round: it begins at its first word, inside a group of 64 words.
        let start = self.bit(self.low) / 64;
        let begun = arena.words[self.above as usize + start / 64] & (!0 << (start % 64));
        let later = self.summary & (!1 << (start / 64));
        let group = if later != 0 { later } else { self.summary }.trailing_zeros() as usize;
        let group = if begun != 0 { start / 64 } else { group };
        if group == 64 {
            return NONE;
        }
        let words = if begun != 0 { begun } else { arena.words[self.above as usize + group] };
        let word = group * 64 + words.trailing_zeros() as usize;
        let bits = arena.words[self.words as usize + word];
        let distance = word.wrapping_sub(start) & (self.mask >> 6) as usize;
        self.low + distance as u64 * BLOCK + u64::from(bits.trailing_zeros())
    }

    /// Smallest key of the window that is at least `key`, the smallest possible; [`NONE`] if none.
    fn next_in_window(&self, arena: &Arena, key: u64) -> u64 {
        let words = self.words as usize;
        let first = self.bit(key) / 64;
        let word = arena.words[words + first] & (!0 << (key % 64));
        if word != 0 {
            return key - key % 64 + u64::from(word.trailing_zeros());
        }
        let block = self.next_word(arena, self.above as usize, first);
        if block == usize::MAX {
            return NONE;
        }
        let distance = (block as u64).wrapping_sub(first as u64) & u64::from(self.mask >> 6);
        let word = arena.words[words + block];
        key - key % 64 + distance * BLOCK + u64::from(word.trailing_zeros())
    }

    /// Index of the first word in use after `first`, going round; `usize::MAX` if none is.
    #[inline]
    fn next_word(&self, arena: &Arena, above: usize, first: usize) -> usize {
        let group = first / 64;
        // Two shifts: the count may be 64.
        let later = arena.words[above + group] & (!0 << (first % 64)) & !(1 << (first % 64));
        if later != 0 {
            return group * 64 + later.trailing_zeros() as usize;
        }
        let later = self.summary & (!0 << group) & !(1 << group);
        let group = if later != 0 { later } else { self.summary }.trailing_zeros() as usize;
        if group >= 64 {
            return usize::MAX;
        }
        group * 64 + arena.words[above + group].trailing_zeros() as usize
    }

    /// Start of the window for a best at `key`: a part of it is kept free for better prices.
    fn low_for(&self, key: u64) -> u64 {
        (key - key % BLOCK).saturating_sub(u64::from(self.window() / 8) & !(BLOCK - 1))
    }

    /// Moves the window one step towards the best.
    #[cold]
    fn follow(&mut self, arena: &mut Arena, far: &mut Far) {
        let window = self.window();
        if self.best == NONE {
            return;
        }
        if self.best < self.low {
            if self.low - self.best > u64::from(window) {
                if self.summary != 0 {
                    return self.drop_top(arena, far);
                }
                self.low = self.low_for(self.best);
                self.span = 0;
            } else {
                if self.span == window {
                    self.drop_top(arena, far);
                }
                self.low -= BLOCK;
                self.span += BLOCK as u32;
                self.pull(arena, far, self.low);
            }
        } else if self.best >= self.high() {
            self.low = self.low_for(self.best);
            self.span = 0;
        } else if self.best - self.low > u64::from(self.mask / 2) {
            let high = self.high();
            self.low = self.low_for(self.best);
            self.span = (high - self.low) as u32;
        }
        if self.span < window {
            self.grow(arena, far);
        }
    }

    /// Extends the window upwards: as far as it may if nothing waits outside, else by a block.
    fn grow(&mut self, arena: &mut Arena, far: &mut Far) {
        let start = self.high();
        let next = far.first_from(self.far, start).map_or(NONE, |(key, _)| key);
        if next >= self.low + u64::from(self.window()) {
            self.span = self.window();
        } else {
            self.span += BLOCK as u32;
            self.pull(arena, far, start);
        }
    }

    /// Takes the levels of the block at `start` from the tree into the window.
    fn pull(&mut self, arena: &mut Arena, far: &mut Far, start: u64) {
        while let Some((key, _)) = far.first_from(self.far, start) {
            if key - start >= BLOCK {
                break;
            }
            let queue = far.remove(&mut self.far, key);
            let cell = self.cell(key);
            arena.cells[cell] = queue;
            self.set(arena, key);
        }
        self.far_best = far.first(self.far).map_or(NONE, |(key, _)| key);
    }

    /// Gives the levels of the window's last block to the tree.
    fn drop_top(&mut self, arena: &mut Arena, far: &mut Far) {
        self.span -= BLOCK as u32;
        let high = self.high();
        let word = self.words as usize + self.bit(high) / 64;
        while arena.words[word] != 0 {
            let key = high + u64::from(arena.words[word].trailing_zeros());
            let cell = self.cell(key);
            *far.entry(&mut self.far, key) = arena.cells[cell];
            arena.cells[cell] = Queue::EMPTY;
            self.clear(arena, key);
            self.far_best = self.far_best.min(key);
        }
    }

    /// The next level behind `key`, by price priority; for walks that change nothing.
    #[must_use]
    pub fn after(&self, arena: &Arena, far: &Far, key: u64) -> u64 {
        let from = key + 1;
        let in_tree = far.first_from(self.far, from).map_or(NONE, |(key, _)| key);
        let start = from.max(self.low);
        if start >= self.high() {
            return in_tree;
        }
        let found = self.next_in_window_from(arena, start);
        found.min(in_tree)
    }

    /// As [`Self::next_in_window`], for a start that need not be the smallest key in use.
    fn next_in_window_from(&self, arena: &Arena, start: u64) -> u64 {
        let found = self.next_in_window(arena, start);
        // Going round may come back to keys before the start.
        if found == NONE || found >= self.high() || found < start { NONE } else { found }
    }
}

/// Appends to a queue that is not a window's cell.
#[inline]
pub fn append(queue: &mut Queue, nodes: &mut [Node], slot: u32) {
    let tail = queue.tail;
    queue.tail = slot;
    let node = &mut nodes[slot as usize];
    node.prev = tail;
    node.next = NIL;
    if tail == NIL {
        queue.head = slot;
    } else {
        nodes[tail as usize].next = slot;
    }
}

/// Takes `slot` out of a queue that is not a window's cell.
#[inline]
pub fn detach(queue: &mut Queue, nodes: &mut [Node], slot: u32) {
    let (prev, next) = {
        let node = &nodes[slot as usize];
        (node.prev, node.next)
    };
    if prev == NIL {
        queue.head = next;
    } else {
        nodes[prev as usize].next = next;
    }
    if next == NIL {
        queue.tail = prev;
    } else {
        nodes[next as usize].prev = prev;
    }
}

#[cfg(test)]
mod tests {
    use super::super::pool::Pool;
    use super::*;
    use std::collections::{BTreeMap, VecDeque};

    struct Rng(u64);

    impl Rng {
        fn below(&mut self, count: u64) -> u64 {
            self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut z = self.0;
            z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            (z ^ (z >> 31)) % count
        }
    }

    /// A ladder and a sorted map of queues that must agree with it.
    struct Pair {
        pool: Pool,
        far: Far,
        arena: Arena,
        ladder: Ladder,
        map: BTreeMap<u64, VecDeque<u32>>,
    }

    impl Pair {
        fn new(window: u32, is_bid: bool) -> Self {
            let mut arena = Arena::new(2 * window);
            // A neighbour, so that no offset is zero.
            let _ = Ladder::new(&mut arena, window, is_bid);
            let ladder = Ladder::new(&mut arena, window, is_bid);
            Self { pool: Pool::new(512), far: Far::new(512), arena, ladder, map: BTreeMap::new() }
        }

        fn push(&mut self, price: u64) {
            let (slot, _) = self.pool.take();
            self.pool.nodes[slot as usize].price = price;
            self.ladder.push(&mut self.arena, &mut self.far, &mut self.pool.nodes, slot);
            self.map.entry(self.ladder.key(price)).or_default().push_back(slot);
        }

        fn unlink(&mut self, key: u64, index: usize) {
            let queue = self.map.get_mut(&key).unwrap();
            let slot = queue.remove(index).unwrap();
            if queue.is_empty() {
                self.map.remove(&key);
            }
            let (arena, far, nodes) = (&mut self.arena, &mut self.far, &mut self.pool.nodes);
            if index == 0 && key == self.ladder.best() && slot.is_multiple_of(2) {
                self.ladder.pop(arena, far, nodes, slot);
            } else {
                self.ladder.unlink(arena, far, nodes, slot);
            }
            self.pool.give(slot);
        }

        fn check(&self) {
            let (arena, far) = (&self.arena, &self.far);
            let mut key = self.ladder.best();
            for (wanted, queue) in &self.map {
                assert_eq!(key, *wanted);
                let found = self.ladder.queue(arena, far, key);
                assert_eq!((Some(&found.head), Some(&found.tail)), (queue.front(), queue.back()));
                let mut slot = found.head;
                for wanted in queue {
                    assert_eq!(slot, *wanted);
                    slot = self.pool.nodes[slot as usize].next;
                }
                assert_eq!(slot, NIL);
                assert!(self.ladder.queue(arena, far, key ^ 1 << 40) == Queue::EMPTY);
                key = self.ladder.after(arena, far, key);
            }
            assert_eq!(key, NONE);
            assert!(
                self.ladder.low.is_multiple_of(BLOCK) && self.ladder.span <= self.ladder.window()
            );
        }
    }

    /// Prices of one kind of market: near a middle that walks, and now and then far away.
    fn price(rng: &mut Rng, middle: &mut u64, seed: u64) -> u64 {
        let width = [8, 100, 1_000, 20_000, 400_000][(seed % 5) as usize];
        if rng.below(200) == 0 {
            *middle = 1 + rng.below(1 << [13, 20, 62][(seed % 3) as usize]);
        }
        if rng.below(100) == 0 {
            return 1 + rng.below(1 << 62);
        }
        (*middle + rng.below(width)).saturating_sub(width / 2).clamp(1, 1 << 62)
    }

    #[test]
    fn a_ladder_behaves_as_a_sorted_map_of_queues_wherever_prices_go() {
        for seed in 0..60u64 {
            let window = [64, 128, 512, 4_096, 16_384][(seed / 2 % 5) as usize];
            let mut pair = Pair::new(window, seed % 2 == 0);
            let mut rng = Rng(seed);
            let (mut middle, mut live) = (1u64 << 12, 0);
            for step in 0..6_000u64 {
                let most = [1, 10, 500][(step / 1_000 % 3) as usize];
                if live < most && rng.below(2) == 0 {
                    pair.push(price(&mut rng, &mut middle, seed));
                    live += 1;
                } else if live > 0 {
                    let levels = pair.map.len() as u64;
                    let level = if rng.below(2) == 0 { 0 } else { rng.below(levels) };
                    let (key, queue) = pair.map.iter().nth(level as usize).unwrap();
                    let (key, index) = (*key, rng.below(queue.len() as u64) as usize);
                    pair.unlink(key, index);
                    live -= 1;
                }
                if live < 20 || step % 50 == 0 {
                    pair.check();
                }
            }
        }
    }
}
