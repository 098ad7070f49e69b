//! Unfinished mass cancels: section 9 of docs/matching.md. The engine's part is in `sweeping up`,
//! [`super::mass`].

use super::pool::NIL;
use std::collections::VecDeque;
use wire::codes::{DoneReason, SideFilter};
use wire::limits::WORKS_MAX;

/// Which orders a work takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filter {
    /// Only this market; 0 for all.
    pub market: u16,
    /// Only this session; 0 for all.
    pub session: u32,
    /// Only this side.
    pub side: SideFilter,
    /// Waiting, queued and pending orders too.
    pub include_stops: bool,
    /// Only orders that leave when their session goes down.
    pub instructed_only: bool,
}

/// One mass cancel.
#[derive(Clone, Copy, Debug)]
pub struct Work {
    /// Whose orders; the house for a delisting.
    pub member: u32,
    /// Which of them.
    pub filter: Filter,
    /// Why they leave.
    pub reason: DoneReason,
    /// Orders with a larger serial are not visited.
    pub last_serial: u64,
    /// Next order to visit.
    pub next: u32,
    /// Orders cancelled so far.
    pub cancelled: u64,
}

/// The works, oldest first, and the one a turn is busy with.
pub struct Works {
    queue: VecDeque<Work>,
    /// The work in hand.
    pub current: Option<Work>,
}

impl Works {
    /// No works; room for [`WORKS_MAX`].
    #[must_use]
    pub fn new() -> Self {
        Self { queue: VecDeque::with_capacity(WORKS_MAX), current: None }
    }

    /// Whether another work fits.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.queue.len() < WORKS_MAX
    }

    /// Whether none is unfinished.
    #[must_use]
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Adds a work at the back.
    pub fn push(&mut self, work: Work) {
        self.queue.push_back(work);
    }

    /// Takes the oldest into hand.
    pub fn pop(&mut self) -> Option<Work> {
        self.queue.pop_front()
    }

    /// Puts the work in hand back as the oldest.
    pub fn put_back(&mut self, work: Work) {
        self.queue.push_front(work);
    }

    /// All of them, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Work> {
        self.queue.iter()
    }

    /// The order at `slot` goes away: works that would have visited it go on with `younger`.
    #[inline]
    pub fn passed(&mut self, slot: u32, younger: u32) {
        if self.queue.is_empty() && self.current.is_none() {
            return;
        }
        for work in self.queue.iter_mut().chain(&mut self.current) {
            if work.next == slot && slot != NIL {
                work.next = younger;
            }
        }
    }
}

impl Default for Works {
    fn default() -> Self {
        Self::new()
    }
}
