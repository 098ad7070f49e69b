//! (member, client order id) to slot: a fixed table with linear probing and no tombstones.

use super::pool::{NIL, Node};

#[derive(Clone, Copy)]
#[repr(C)]
struct Entry {
    client_order_id: u64,
    member: u32,
    slot: u32,
}

const EMPTY: Entry = Entry { client_order_id: 0, member: 0, slot: NIL };

/// The table; it holds live orders that have a client order id.
pub struct Clients {
    table: Box<[Entry]>,
}

impl Clients {
    /// Room for `orders` orders.
    #[must_use]
    pub fn new(orders: u32) -> Self {
        let places = (u64::from(orders) * 2).next_power_of_two();
        Self { table: super::huge::filled(EMPTY, places as usize) }
    }

    #[inline]
    fn start(&self, member: u32, client_order_id: u64) -> usize {
        let mixed = (client_order_id ^ u64::from(member).rotate_left(40))
            .wrapping_mul(0x9E37_79B9_7F4A_7C15);
        (mixed ^ mixed >> 32) as usize & (self.table.len() - 1)
    }

    #[inline]
    fn probe(&self, member: u32, client_order_id: u64) -> usize {
        let mut place = self.start(member, client_order_id);
        loop {
            let entry = &self.table[place];
            let same = entry.client_order_id == client_order_id && entry.member == member;
            if entry.slot == NIL || same {
                return place;
            }
            place = (place + 1) & (self.table.len() - 1);
        }
    }

    /// Prefetches where a look-up would begin.
    #[inline]
    pub fn hint(&self, member: u32, client_order_id: u64) {
        if let Some(entry) = self.table.get(self.start(member, client_order_id)) {
            super::prefetch::prefetch(entry);
        }
    }

    /// Slot of the live order a member gave this id, or [`NIL`].
    #[must_use]
    #[inline]
    pub fn find(&self, member: u32, client_order_id: u64) -> u32 {
        if client_order_id == 0 {
            return NIL;
        }
        self.table[self.probe(member, client_order_id)].slot
    }

    /// Remembers an order, if it has a client order id. The id is free.
    #[inline]
    pub fn insert(&mut self, node: &Node, slot: u32) {
        let Node { client_order_id, member, .. } = *node;
        if client_order_id != 0 {
            let place = self.probe(member, client_order_id);
            self.table[place] = Entry { client_order_id, member, slot };
        }
    }

    /// Forgets an order.
    #[inline]
    pub fn remove(&mut self, node: &Node) {
        if node.client_order_id == 0 {
            return;
        }
        let mask = self.table.len() - 1;
        let mut hole = self.probe(node.member, node.client_order_id);
        let mut place = hole;
        loop {
            place = (place + 1) & mask;
            let entry = self.table[place];
            if entry.slot == NIL {
                break;
            }
            // Entries behind the hole move up unless that would put them before their start.
            let start = self.start(entry.member, entry.client_order_id);
            if place.wrapping_sub(start) & mask >= place.wrapping_sub(hole) & mask {
                self.table[hole] = entry;
                hole = place;
            }
        }
        self.table[hole] = EMPTY;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn the_table_behaves_as_a_map_while_entries_come_and_go() {
        let mut clients = Clients::new(32);
        let mut map = BTreeMap::new();
        let mut state = 7u64;
        for step in 0..200_000u32 {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            let member = (state >> 40) as u32 % 3;
            let client_order_id = 1 + (state >> 50) % 25;
            let node = Node { member, client_order_id, ..Node::FREE };
            let key = (member, client_order_id);
            assert_eq!(
                clients.find(member, client_order_id),
                map.get(&key).copied().unwrap_or(NIL)
            );
            if map.remove(&key).is_some() {
                clients.remove(&node);
            } else if map.len() < 32 {
                clients.insert(&node, step);
                map.insert(key, step);
            }
        }
    }
}
