//! Ordered queues by 63-bit key: crit-bit trees over one preallocated pool.
//!
//! What the ladders' windows do not cover, and all stops, live here. A tree has one leaf a key and
//! one inner node fewer; an operation walks at most 63 nodes, whatever the keys are, and allocates
//! nothing. Keys are compared as unsigned numbers, smallest first.
//!
//! Idea: D. J. Bernstein, "Crit-bit trees" (2006).

use super::pool::NIL;

/// Marks a link to a leaf; without it a link names an inner node.
const LEAF: u32 = 1 << 31;

/// First and last order of a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Queue {
    /// Oldest order, or [`NIL`].
    pub head: u32,
    /// Youngest order, or [`NIL`].
    pub tail: u32,
}

impl Queue {
    /// No orders.
    pub const EMPTY: Self = Self { head: NIL, tail: NIL };
}

#[derive(Clone, Copy)]
struct Leaf {
    key: u64,
    queue: Queue,
}

#[derive(Clone, Copy)]
struct Inner {
    /// The highest bit in which keys below differ; it falls on every way down.
    bit: u32,
    child: [u32; 2],
}

/// One ordered set of queues in a [`Far`] pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tree {
    root: u32,
}

impl Tree {
    /// A tree without keys.
    pub const EMPTY: Self = Self { root: NIL };

    /// Whether it has no keys.
    #[must_use]
    #[inline]
    pub fn is_empty(self) -> bool {
        self.root == NIL
    }
}

/// The pool all trees share. It has room for one leaf per order, so it cannot run out: a leaf
/// exists only while an order is in its queue.
pub struct Far {
    leaves: Box<[Leaf]>,
    inners: Box<[Inner]>,
    free_leaf: u32,
    free_inner: u32,
}

#[inline]
fn is_inner(link: u32) -> bool {
    link & LEAF == 0
}

#[inline]
fn branch(key: u64, bit: u32) -> usize {
    (key >> bit & 1) as usize
}

impl Far {
    /// A pool for `capacity` queues over all trees.
    #[must_use]
    pub fn new(capacity: u32) -> Self {
        let chain = |index: u32| if index + 1 < capacity { index + 1 } else { NIL };
        let leaf = |i| Leaf { key: 0, queue: Queue { head: chain(i), tail: NIL } };
        let inner = |i| Inner { bit: 0, child: [chain(i), NIL] };
        Self {
            leaves: (0..capacity).map(leaf).collect(),
            inners: (0..capacity).map(inner).collect(),
            free_leaf: 0,
            free_inner: 0,
        }
    }

    /// Bytes the pool takes for one queue.
    pub const BYTES_PER_QUEUE: usize = size_of::<Leaf>() + size_of::<Inner>();

    #[inline]
    fn child(&self, inner: u32, key: u64) -> u32 {
        let node = &self.inners[inner as usize];
        node.child[branch(key, node.bit)]
    }

    /// The leaf whose key shares the longest prefix with `key`. The tree is not empty.
    fn nearest(&self, tree: Tree, key: u64) -> u32 {
        let mut link = tree.root;
        while is_inner(link) {
            link = self.child(link, key);
        }
        link & !LEAF
    }

    /// A copy of the queue at `key`; empty if there is none.
    #[must_use]
    pub fn get(&self, tree: Tree, key: u64) -> Queue {
        if tree.is_empty() {
            return Queue::EMPTY;
        }
        let leaf = &self.leaves[self.nearest(tree, key) as usize];
        if leaf.key == key { leaf.queue } else { Queue::EMPTY }
    }

    /// The queue at `key`, made if there was none.
    pub fn entry(&mut self, tree: &mut Tree, key: u64) -> &mut Queue {
        if tree.is_empty() {
            let leaf = self.new_leaf(key);
            tree.root = leaf | LEAF;
            return &mut self.leaves[leaf as usize].queue;
        }
        let nearest = self.nearest(*tree, key);
        let difference = self.leaves[nearest as usize].key ^ key;
        if difference == 0 {
            return &mut self.leaves[nearest as usize].queue;
        }
        let bit = 63 - difference.leading_zeros();
        let (parent, below) = self.descend(*tree, key, bit);
        let leaf = self.new_leaf(key);
        let inner = self.free_inner;
        self.free_inner = self.inners[inner as usize].child[0];
        let side = branch(key, bit);
        let mut child = [below; 2];
        child[side] = leaf | LEAF;
        self.inners[inner as usize] = Inner { bit, child };
        self.relink(tree, parent, key, inner);
        &mut self.leaves[leaf as usize].queue
    }

    /// Walks towards `key` down to the first link whose keys agree in all bits above `bit`:
    /// (the inner node above it or [`NIL`], the link).
    fn descend(&self, tree: Tree, key: u64, bit: u32) -> (u32, u32) {
        let (mut parent, mut link) = (NIL, tree.root);
        while is_inner(link) && self.inners[link as usize].bit > bit {
            parent = link;
            link = self.child(link, key);
        }
        (parent, link)
    }

    fn relink(&mut self, tree: &mut Tree, parent: u32, key: u64, link: u32) {
        if parent == NIL {
            tree.root = link;
        } else {
            let node = &mut self.inners[parent as usize];
            node.child[branch(key, node.bit)] = link;
        }
    }

    fn new_leaf(&mut self, key: u64) -> u32 {
        let leaf = self.free_leaf;
        let slot = &mut self.leaves[leaf as usize];
        self.free_leaf = slot.queue.head;
        *slot = Leaf { key, queue: Queue::EMPTY };
        leaf
    }

    /// Removes the key, which is there, and gives back its queue.
    pub fn remove(&mut self, tree: &mut Tree, key: u64) -> Queue {
        let (mut grand, mut parent, mut link) = (NIL, NIL, tree.root);
        while is_inner(link) {
            grand = parent;
            parent = link;
            link = self.child(link, key);
        }
        let leaf = link & !LEAF;
        let slot = &mut self.leaves[leaf as usize];
        debug_assert_eq!(slot.key, key, "the key to remove is there");
        let queue = slot.queue;
        slot.queue.head = self.free_leaf;
        self.free_leaf = leaf;
        if parent == NIL {
            tree.root = NIL;
        } else {
            let node = self.inners[parent as usize];
            let other = node.child[1 - branch(key, node.bit)];
            self.relink(tree, grand, key, other);
            self.inners[parent as usize].child[0] = self.free_inner;
            self.free_inner = parent;
        }
        queue
    }

    fn least(&self, mut link: u32) -> (u64, Queue) {
        while is_inner(link) {
            link = self.inners[link as usize].child[0];
        }
        let leaf = &self.leaves[(link & !LEAF) as usize];
        (leaf.key, leaf.queue)
    }

    /// Smallest key and its queue.
    #[must_use]
    pub fn first(&self, tree: Tree) -> Option<(u64, Queue)> {
        (!tree.is_empty()).then(|| self.least(tree.root))
    }

    /// Smallest key that is at least `key`, and its queue.
    #[must_use]
    pub fn first_from(&self, tree: Tree, key: u64) -> Option<(u64, Queue)> {
        if tree.is_empty() {
            return None;
        }
        let nearest = &self.leaves[self.nearest(tree, key) as usize];
        let difference = nearest.key ^ key;
        if difference == 0 {
            return Some((key, nearest.queue));
        }
        let bit = 63 - difference.leading_zeros();
        // The subtree of keys that agree with `key` above `bit`, and the nearest one to its right.
        let (mut right, mut link) = (NIL, tree.root);
        while is_inner(link) && self.inners[link as usize].bit > bit {
            let node = &self.inners[link as usize];
            if branch(key, node.bit) == 0 {
                right = node.child[1];
            }
            link = self.child(link, key);
        }
        if branch(key, bit) == 0 {
            Some(self.least(link))
        } else {
            (right != NIL).then(|| self.least(right))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn next(state: &mut u64) -> u64 {
        *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = *state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    #[test]
    fn a_tree_behaves_as_a_sorted_map_for_dense_and_for_wild_keys() {
        for seed in 0..40u64 {
            let mut state = seed;
            let mut far = Far::new(64);
            let mut tree = Tree::EMPTY;
            let mut map = BTreeMap::new();
            for _ in 0..4_000 {
                let raw = next(&mut state);
                let key =
                    if seed % 2 == 0 { raw % 97 } else { raw >> (raw % 60) & ((1 << 63) - 1) };
                if map.contains_key(&key) {
                    assert_eq!(far.remove(&mut tree, key).head, map.remove(&key).unwrap());
                } else if map.len() < 64 {
                    far.entry(&mut tree, key).head = raw as u32;
                    map.insert(key, raw as u32);
                }
                let probe = (next(&mut state) % 97) << (seed % 50);
                let from = map.range(probe..).next().map(|(k, v)| (*k, *v));
                assert_eq!(far.first_from(tree, probe).map(|(k, q)| (k, q.head)), from);
                let first = map.iter().next().map(|(k, v)| (*k, *v));
                assert_eq!(far.first(tree).map(|(k, q)| (k, q.head)), first);
                assert_eq!(far.get(tree, probe).head, map.get(&probe).copied().unwrap_or(NIL));
            }
        }
    }
}
