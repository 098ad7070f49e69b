//! Deadlines: an indexed binary heap over arrays allocated once.

use super::pool::NIL;

/// Whose time comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Owner {
    /// An order, by id.
    Order(u64),
    /// A member's dead-man timer.
    Member(u32),
}

#[derive(Clone, Copy)]
struct Timer {
    deadline: u64,
    owner: Owner,
    /// Place in `positions`.
    handle: u32,
}

/// The heap. Ties are broken by owner: orders by id, then members.
pub struct Timers {
    heap: Vec<Timer>,
    /// Handle to place in the heap.
    positions: Box<[u32]>,
}

impl Timers {
    /// Room for `handles` timers; a handle names a slot or, after all slots, a member.
    #[must_use]
    pub fn new(handles: u32) -> Self {
        Self {
            heap: Vec::with_capacity(handles as usize),
            positions: vec![NIL; handles as usize].into(),
        }
    }

    /// Earliest deadline, or the largest number.
    #[must_use]
    #[inline]
    pub fn earliest(&self) -> u64 {
        self.heap.first().map_or(u64::MAX, |timer| timer.deadline)
    }

    /// Owner of the earliest deadline.
    #[must_use]
    pub fn first(&self) -> Option<Owner> {
        self.heap.first().map(|timer| timer.owner)
    }

    /// Sets the timer of a handle that has none.
    pub fn set(&mut self, handle: u32, deadline: u64, owner: Owner) {
        debug_assert_eq!(self.positions[handle as usize], NIL, "one timer a handle");
        self.heap.push(Timer { deadline, owner, handle });
        let place = self.heap.len() - 1;
        self.positions[handle as usize] = place as u32;
        self.rise(place);
    }

    /// Clears the timer of a handle, if it has one.
    pub fn clear(&mut self, handle: u32) {
        let place = self.positions[handle as usize];
        if place == NIL {
            return;
        }
        self.positions[handle as usize] = NIL;
        let place = place as usize;
        self.heap.swap_remove(place);
        if let Some(moved) = self.heap.get(place) {
            self.positions[moved.handle as usize] = place as u32;
            self.rise(place);
            self.sink(place);
        }
    }

    /// Deadline of a handle's timer, 0 if it has none.
    #[must_use]
    pub fn deadline(&self, handle: u32) -> u64 {
        let place = self.positions[handle as usize];
        self.heap.get(place as usize).map_or(0, |timer| timer.deadline)
    }

    #[inline]
    fn before(&self, a: usize, b: usize) -> bool {
        let key = |timer: &Timer| (timer.deadline, timer.owner);
        key(&self.heap[a]) < key(&self.heap[b])
    }

    fn swap(&mut self, a: usize, b: usize) {
        self.heap.swap(a, b);
        self.positions[self.heap[a].handle as usize] = a as u32;
        self.positions[self.heap[b].handle as usize] = b as u32;
    }

    fn rise(&mut self, mut place: usize) {
        while place > 0 && self.before(place, (place - 1) / 2) {
            self.swap(place, (place - 1) / 2);
            place = (place - 1) / 2;
        }
    }

    fn sink(&mut self, mut place: usize) {
        loop {
            let mut least = place;
            for child in [2 * place + 1, 2 * place + 2] {
                if child < self.heap.len() && self.before(child, least) {
                    least = child;
                }
            }
            if least == place {
                return;
            }
            self.swap(place, least);
            place = least;
        }
    }
}
