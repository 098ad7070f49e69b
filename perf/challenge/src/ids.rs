//! Order id to slot: pages of a direct table for small ids, a sorted map for the others.
//!
//! Small ids cost two loads. Pages come when an id of theirs first rests, and never more than
//! [`PAGES`]; larger ids cost a tree walk, and memory only while they live.

use matcher::engine::huge::filled;
use matcher::engine::pool::NIL;
use matcher::engine::prefetch::prefetch_at;
use std::collections::BTreeMap;

const PAGE_BITS: u32 = 20;
/// Direct ids end at `PAGES << PAGE_BITS`: 256 Mi ids, 1 GiB if all of them are ever used.
const PAGES: usize = 256;
/// Pages made at the start.
const FIRST_PAGES: usize = 4;

/// The table.
pub struct Ids {
    pages: Box<[Box<[u32]>]>,
    others: BTreeMap<u64, u32>,
}

impl Ids {
    /// An empty table.
    pub fn new() -> Self {
        let page = |index| if index < FIRST_PAGES { new_page() } else { Box::default() };
        Self { pages: (0..PAGES).map(page).collect(), others: BTreeMap::new() }
    }

    /// Slot of a live order, or [`NIL`].
    #[inline]
    pub fn get(&self, id: u64) -> u32 {
        match self.pages.get((id >> PAGE_BITS) as usize) {
            Some(page) => page.get(within(id)).copied().unwrap_or(NIL),
            None => self.get_other(id),
        }
    }

    #[cold]
    fn get_other(&self, id: u64) -> u32 {
        self.others.get(&id).copied().unwrap_or(NIL)
    }

    /// Sets the slot of an order that rests now.
    #[inline]
    pub fn set(&mut self, id: u64, slot: u32) {
        let page = self.pages.get_mut((id >> PAGE_BITS) as usize);
        match page.and_then(|page| page.get_mut(within(id))) {
            Some(place) => *place = slot,
            None => self.set_other(id, slot),
        }
    }

    #[cold]
    fn set_other(&mut self, id: u64, slot: u32) {
        match self.pages.get_mut((id >> PAGE_BITS) as usize) {
            Some(page) => {
                *page = new_page();
                page[within(id)] = slot;
            }
            None => drop(self.others.insert(id, slot)),
        }
    }

    /// Forgets an order that rested.
    #[inline]
    pub fn clear(&mut self, id: u64) {
        let page = self.pages.get_mut((id >> PAGE_BITS) as usize);
        match page.and_then(|page| page.get_mut(within(id))) {
            Some(place) => *place = NIL,
            None => drop(self.others.remove(&id)),
        }
    }

    /// Prefetches an entry.
    #[inline]
    #[cfg_attr(not(feature = "look-ahead"), expect(dead_code, reason = "look-ahead only"))]
    pub fn hint(&self, id: u64) {
        if let Some(page) = self.pages.get((id >> PAGE_BITS) as usize) {
            prefetch_at(page, within(id) as u32);
        }
    }
}

#[inline]
fn within(id: u64) -> usize {
    (id & ((1 << PAGE_BITS) - 1)) as usize
}

fn new_page() -> Box<[u32]> {
    filled(NIL, 1 << PAGE_BITS)
}
