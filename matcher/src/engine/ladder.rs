//! One side of a book: queues by key, best first.
//!
//! A key is the price for asks and the reversed price for bids, so the best level is always the
//! smallest key and both sides are one code. A window of keys around the best is found by direct
//! index in a circular array, with a three-level bitmap of the levels in use; keys outside it are in
//! a [`Tree`]. The window follows the best: every operation that meets it out of place moves it by at
//! most one block of 64 keys at each end, so no price, however far, makes one command slow, and no
//! jump is paid at once.
//!
//! Invariants: cells outside `low..high` are empty; `low` and `high` are multiples of 64 and at most
//! the window's size apart; a key is in the window or in the tree, never in both; `best` is the
//! smallest key of both.

use super::far::{Far, Queue, Tree};
use super::pool::{NIL, Node};

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
pub struct Ladder {
    best: u64,
    low: u64,
    high: u64,
    mask: u64,
    flip: u64,
    far_best: u64,
    far: Tree,
    /// Bit `i`: some word `64 i .. 64 i + 64` of `words` is not zero.
    summary: u64,
    /// First cell of the window in the arena.
    cells: u32,
    /// First word of the bitmaps in the arena: one bit a cell, then one bit a word.
    words: u32,
}

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
            cells: vec![Queue::EMPTY; ticks as usize].into(),
            words: vec![0; (ticks / 64 + ticks / 64) as usize + 2].into(),
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
    /// An empty side with a window of `window` ticks, a power of two, taken from `arena`, which has
    /// room for it.
    #[must_use]
    pub fn new(arena: &mut Arena, window: u32, is_bid: bool) -> Self {
        let ladder = Self {
            best: NONE,
            low: 0,
            high: 0,
            mask: u64::from(window) - 1,
            flip: if is_bid { REVERSE } else { 0 },
            far_best: NONE,
            far: Tree::EMPTY,
            summary: 0,
            cells: arena.cells_used,
            words: arena.words_used,
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
        (self.best != NONE).then(|| self.best ^ self.flip)
    }

    /// Ticks of the window.
    #[must_use]
    pub fn window(&self) -> u32 {
        self.mask as u32 + 1
    }

    #[inline]
    fn in_window(&self, key: u64) -> bool {
        key.wrapping_sub(self.low) < self.high - self.low
    }

    #[inline]
    fn cell(&self, key: u64) -> usize {
        self.cells as usize + (key & self.mask) as usize
    }

    /// Where the cell of `key` is, as a prefetch hint.
    #[must_use]
    #[inline]
    pub fn hint<'a>(&self, arena: &'a Arena, price: u64) -> Option<&'a Queue> {
        arena.cells.get(self.cell(self.key(price)))
    }

    /// The queue at `key`: empty if the level does not exist.
    #[must_use]
    #[inline]
    pub fn queue(&self, arena: &Arena, far: &Far, key: u64) -> Queue {
        if self.in_window(key) {
            arena.cells[self.cell(key)]
        } else {
            far.get(self.far, key)
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
        queue.tail = slot;
        let node = &mut nodes[slot as usize];
        node.prev = tail;
        node.next = NIL;
        if tail == NIL {
            queue.head = slot;
            self.set(arena, key);
            self.best = self.best.min(key);
        } else {
            nodes[tail as usize].next = slot;
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
            self.high = self.low + self.mask + 1;
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
        if prev != NIL && next != NIL {
            nodes[prev as usize].next = next;
            nodes[next as usize].prev = prev;
            return;
        }
        let queue = self.queue_mut(arena, far, key);
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
        if prev == NIL && next == NIL {
            self.remove_level(arena, far, key);
        }
    }

    /// Forgets the level at `key`, whose queue is empty.
    #[inline]
    fn remove_level(&mut self, arena: &mut Arena, far: &mut Far, key: u64) {
        if self.in_window(key) {
            self.clear(arena, key);
        } else {
            far.remove(&mut self.far, key);
            if key == self.far_best {
                self.far_best = far.first(self.far).map_or(NONE, |(key, _)| key);
            }
        }
        if key == self.best {
            self.best = self.next_in_window(arena, key).min(self.far_best);
        }
        // One comparison on the way out keeps the window where the touch is.
        if self.best.wrapping_sub(self.low) > self.mask / 2 || self.high - self.low <= self.mask {
            self.follow(arena, far);
        }
    }

    #[inline]
    fn set(&mut self, arena: &mut Arena, key: u64) {
        let bit = (key & self.mask) as usize;
        let words = self.words as usize;
        arena.words[words + bit / 64] |= 1 << (bit % 64);
        let above = words + (self.mask as usize + 1) / 64;
        arena.words[above + bit / 4096] |= 1 << (bit / 64 % 64);
        self.summary |= 1 << (bit / 4096);
    }

    #[inline]
    fn clear(&mut self, arena: &mut Arena, key: u64) {
        let bit = (key & self.mask) as usize;
        let words = self.words as usize;
        let word = &mut arena.words[words + bit / 64];
        *word &= !(1 << (bit % 64));
        if *word == 0 {
            let above = words + (self.mask as usize + 1) / 64;
            let word = &mut arena.words[above + bit / 4096];
            *word &= !(1 << (bit / 64 % 64));
            if *word == 0 {
                self.summary &= !(1 << (bit / 4096));
            }
        }
    }

    /// Smallest key of the window that is at least `key`, the smallest possible; [`NONE`] if none.
    #[inline]
    fn next_in_window(&self, arena: &Arena, key: u64) -> u64 {
        // A best outside the window says nothing about where to begin in it.
        let key = if self.in_window(key) { key } else { self.low };
        let words = self.words as usize;
        let first = (key & self.mask) as usize / 64;
        let word = arena.words[words + first] & (!0 << (key % 64));
        if word != 0 {
            return key - key % 64 + u64::from(word.trailing_zeros());
        }
        let above = words + (self.mask as usize + 1) / 64;
        let block = self.next_word(arena, above, first);
        if block == usize::MAX {
            return NONE;
        }
        let distance = (block as u64).wrapping_sub(first as u64) & (self.mask >> 6);
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
        (key - key % BLOCK).saturating_sub((self.mask.div_ceil(8)) & !(BLOCK - 1))
    }

    /// Moves the window one step towards the best.
    #[cold]
    fn follow(&mut self, arena: &mut Arena, far: &mut Far) {
        let window = self.mask + 1;
        if self.best == NONE {
            return;
        }
        if self.best < self.low {
            if self.low - self.best > window {
                if self.summary == 0 {
                    self.low = self.low_for(self.best);
                    self.high = self.low;
                } else {
                    return self.drop_top(arena, far);
                }
            } else {
                self.low -= BLOCK;
                if self.high - self.low > window {
                    self.drop_top(arena, far);
                }
                self.pull(arena, far, self.low);
            }
        } else if self.best >= self.high {
            self.low = self.low_for(self.best);
            self.high = self.low;
        } else if self.best - self.low > self.mask / 2 {
            self.low = self.low_for(self.best);
        }
        if self.high - self.low < window {
            self.grow(arena, far);
        }
    }

    /// Extends the window upwards: as far as it may if nothing waits outside, else by a block.
    fn grow(&mut self, arena: &mut Arena, far: &mut Far) {
        let end = self.low + self.mask + 1;
        let start = self.high;
        let next = far.first_from(self.far, start).map_or(NONE, |(key, _)| key);
        if next >= end {
            self.high = end;
        } else {
            self.high += BLOCK;
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
        self.high -= BLOCK;
        let word = self.words as usize + (self.high & self.mask) as usize / 64;
        while arena.words[word] != 0 {
            let key = self.high + u64::from(arena.words[word].trailing_zeros());
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
        if start >= self.high {
            return in_tree;
        }
        let found = self.next_in_window_from(arena, start);
        found.min(in_tree)
    }

    /// As [`Self::next_in_window`], for a start that need not be the smallest key in use.
    fn next_in_window_from(&self, arena: &Arena, start: u64) -> u64 {
        let found = self.next_in_window(arena, start);
        // Going round may come back to keys before the start.
        if found == NONE || found >= self.high || found < start { NONE } else { found }
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
