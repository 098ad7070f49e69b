//! Order lists: OCO, OTO, OTOCO. Section 7 of docs/matching.md.

use super::pool::NIL;
use wire::codes::ListKind;

/// One list.
#[derive(Clone, Copy, Debug)]
pub struct List {
    /// Shape. An OTOCO whose working leg is filled is an OCO.
    pub kind: ListKind,
    /// Slots of the live legs, [`NIL`] for none; an OCO's are the last two.
    pub legs: [u32; 3],
}

/// The pool of lists.
pub struct Lists {
    lists: Box<[List]>,
    free: u32,
}

impl Lists {
    /// Room for `capacity` lists.
    #[must_use]
    pub fn new(capacity: u32) -> Self {
        let chain = |i: u32| if i + 1 < capacity { i + 1 } else { NIL };
        let empty = |i| List { kind: ListKind::Oco, legs: [chain(i), NIL, NIL] };
        let free = if capacity == 0 { NIL } else { 0 };
        Self { lists: (0..capacity).map(empty).collect(), free }
    }

    /// Whether another list fits.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.free != NIL
    }

    /// Adds a list; there is room.
    pub fn add(&mut self, list: List) -> u32 {
        let index = self.free;
        let place = &mut self.lists[index as usize];
        let [next, ..] = place.legs;
        self.free = next;
        *place = list;
        index
    }

    /// Removes a list and gives it back.
    pub fn remove(&mut self, index: u32) -> List {
        let place = &mut self.lists[index as usize];
        let list = *place;
        place.legs = [self.free, NIL, NIL];
        self.free = index;
        list
    }

    /// A live list.
    #[must_use]
    pub fn get(&self, index: u32) -> List {
        self.lists[index as usize]
    }

    /// Changes a live list.
    pub fn set(&mut self, index: u32, list: List) {
        self.lists[index as usize] = list;
    }
}
