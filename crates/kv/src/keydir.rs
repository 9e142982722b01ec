//! The keydir: every key of a store whose newest settled write is a value, in order, with where its record lies.
//!
//! What it is not: aware of what is not settled yet; memtables lie above it. It holds no values and no tombstones.
//!
//! Leaves of some 4 KiB lie in nodes of at most 256 leaves, nodes in one vector: three searches by halves, no pointers
//! per key.
//!
//! The invariant: it is exactly what the published files say; no leaf and no node is empty.

use crate::leaf::Leaf;
use crate::location::Settled;
use crate::memtable::KeyRange;
use std::ops::Bound;

/// Leaves of one node before it is split.
const NODE_MAX: usize = 256;

/// Keys with the places of their records.
#[derive(Clone, Debug, Default)]
pub struct Keydir {
    nodes: Vec<Vec<Leaf>>,
    len: u64,
    scratch: Vec<u8>,
    /// Where the sweep for expired keys goes on.
    swept: (usize, usize),
}

/// Node, leaf, entry.
type Place = (usize, usize, usize);

impl Keydir {
    /// Keys.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.len
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Memory in bytes.
    #[must_use]
    pub fn memory(&self) -> u64 {
        let idle = |node: &Vec<Leaf>| (node.capacity() - node.len()) * size_of::<Leaf>();
        let node = |node: &Vec<Leaf>| node.iter().map(Leaf::memory).sum::<usize>() + idle(node);
        let nodes = self.nodes.capacity() * size_of::<Vec<Leaf>>();
        (nodes + self.nodes.iter().map(node).sum::<usize>()) as u64
    }

    /// The leaf in which the key lies or would lie. There must be one.
    fn leaf_of(&self, key: &[u8]) -> (usize, usize) {
        let node = self.nodes.partition_point(|node| node[0].key(0) <= key).saturating_sub(1);
        let leaf = self.nodes[node].partition_point(|leaf| leaf.key(0) <= key).saturating_sub(1);
        (node, leaf)
    }

    /// What is known of a key.
    #[must_use]
    pub fn get(&self, key: &[u8]) -> Option<Settled> {
        if self.nodes.is_empty() {
            return None;
        }
        let (node, leaf) = self.leaf_of(key);
        let leaf = &self.nodes[node][leaf];
        leaf.search(key).ok().map(|at| leaf.entry(at).1)
    }

    /// Sets a key; answers what was known before.
    pub fn set(&mut self, key: &[u8], entry: &Settled) -> Option<Settled> {
        if self.nodes.is_empty() {
            self.nodes.push(vec![Leaf::new()]);
            self.nodes[0][0].insert(0, key, entry, &mut self.scratch);
            self.len = 1;
            return None;
        }
        let (node, at) = self.leaf_of(key);
        let leaf = &mut self.nodes[node][at];
        match leaf.search(key) {
            Ok(index) => {
                let before = leaf.entry(index).1;
                leaf.replace(index, key, entry, &mut self.scratch);
                Some(before)
            }
            Err(index) => {
                let more = leaf.insert(index, key, entry, &mut self.scratch);
                self.len += 1;
                if !more.is_empty() {
                    self.add_leaves(node, at + 1, more);
                }
                None
            }
        }
    }

    fn add_leaves(&mut self, node: usize, at: usize, leaves: Vec<Leaf>) {
        let place = &mut self.nodes[node];
        place.reserve_exact(leaves.len());
        place.splice(at..at, leaves);
        if place.len() > NODE_MAX {
            let half = if at + 1 >= place.len() { place.len() - 1 } else { place.len() / 2 };
            let rest = place.split_off(half);
            place.shrink_to_fit();
            self.nodes.insert(node + 1, rest);
        }
    }

    /// Removes a key; answers what was known of it.
    pub fn remove(&mut self, key: &[u8]) -> Option<Settled> {
        if self.nodes.is_empty() {
            return None;
        }
        let (node, at) = self.leaf_of(key);
        let leaf = &mut self.nodes[node][at];
        let index = leaf.search(key).ok()?;
        let before = leaf.entry(index).1;
        leaf.remove(index);
        self.len -= 1;
        self.drop_if_empty(node, at);
        Some(before)
    }

    /// True when the leaf was empty and is gone.
    fn drop_if_empty(&mut self, node: usize, leaf: usize) -> bool {
        if self.nodes[node][leaf].len() > 0 {
            return false;
        }
        self.nodes[node].remove(leaf);
        if self.nodes[node].is_empty() {
            self.nodes.remove(node);
        }
        true
    }

    /// Looks at no more than `leaves` leaves, where the last sweep ended, and removes what has expired. True: the sweep
    /// has come to the end and begins again.
    pub fn sweep(&mut self, now_ms: u64, leaves: usize, gone: &mut dyn FnMut(&[u8], &Settled)) -> bool {
        for _ in 0..leaves {
            let (node, leaf) = self.swept;
            if node >= self.nodes.len() {
                self.swept = (0, 0);
                return true;
            }
            if leaf >= self.nodes[node].len() {
                self.swept = (node + 1, 0);
                continue;
            }
            let before = self.nodes[node][leaf].len();
            self.nodes[node][leaf].purge(now_ms, gone);
            self.len -= (before - self.nodes[node][leaf].len()) as u64;
            if !self.drop_if_empty(node, leaf) {
                self.swept = (node, leaf + 1);
            }
        }
        false
    }

    /// The first entry whose key is not below (`after`: above) `key`, or the end.
    fn seek(&self, key: &[u8], after: bool) -> Place {
        if self.nodes.is_empty() {
            return (0, 0, 0);
        }
        let (node, at) = self.leaf_of(key);
        let leaf = &self.nodes[node][at];
        let index = match leaf.search(key) {
            Ok(index) => index + usize::from(after),
            Err(index) => index,
        };
        self.settle_place((node, at, index))
    }

    /// Names the same place by the leaf that holds the next entry.
    fn settle_place(&self, (node, leaf, entry): Place) -> Place {
        if node >= self.nodes.len() || entry < self.nodes[node][leaf].len() {
            (node, leaf, entry)
        } else if leaf + 1 < self.nodes[node].len() {
            (node, leaf + 1, 0)
        } else {
            (node + 1, 0, 0)
        }
    }

    /// Entries of a range in key order.
    #[must_use]
    pub fn range(&self, (from, to): KeyRange<'_>) -> Entries<'_> {
        let front = match from {
            Bound::Unbounded => (0, 0, 0),
            Bound::Included(key) => self.seek(key, false),
            Bound::Excluded(key) => self.seek(key, true),
        };
        let back = match to {
            Bound::Unbounded => (self.nodes.len(), 0, 0),
            Bound::Included(key) => self.seek(key, true),
            Bound::Excluded(key) => self.seek(key, false),
        };
        Entries { keydir: self, front, back }
    }
}

/// Entries between two places.
#[derive(Clone, Debug)]
pub struct Entries<'a> {
    keydir: &'a Keydir,
    front: Place,
    back: Place,
}

impl<'a> Iterator for Entries<'a> {
    type Item = (&'a [u8], Settled);

    fn next(&mut self) -> Option<Self::Item> {
        if self.front >= self.back {
            return None;
        }
        let (node, leaf, entry) = self.front;
        let item = self.keydir.nodes[node][leaf].entry(entry);
        self.front = self.keydir.settle_place((node, leaf, entry + 1));
        Some(item)
    }
}

impl DoubleEndedIterator for Entries<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        if self.front >= self.back {
            return None;
        }
        let (mut node, mut leaf, mut entry) = self.back;
        if entry == 0 {
            if leaf == 0 {
                node -= 1;
                leaf = self.keydir.nodes[node].len();
            }
            leaf -= 1;
            entry = self.keydir.nodes[node][leaf].len();
        }
        self.back = (node, leaf, entry - 1);
        Some(self.keydir.nodes[node][leaf].entry(entry - 1))
    }
}

/// Builds a keydir out of keys in order, with full leaves.
#[derive(Debug, Default)]
pub struct Builder {
    keydir: Keydir,
    leaves: Vec<Leaf>,
}

impl Builder {
    /// Adds a key above all before it.
    pub fn push(&mut self, key: &[u8], entry: &Settled) {
        self.keydir.len += 1;
        let full = match self.leaves.last_mut() {
            Some(last) => !last.push(key, entry, &mut self.keydir.scratch),
            None => true,
        };
        if !full {
            return;
        }
        if let Some(last) = self.leaves.last_mut() {
            last.shrink();
        }
        // Nodes keep room for the leaves that splits will add.
        if self.leaves.len() >= NODE_MAX / 2 {
            self.keydir.nodes.push(std::mem::take(&mut self.leaves));
        }
        let mut leaf = Leaf::new();
        leaf.push(key, entry, &mut self.keydir.scratch);
        self.leaves.push(leaf);
    }

    #[must_use]
    pub fn finish(mut self) -> Keydir {
        if let Some(last) = self.leaves.last_mut() {
            last.shrink();
        }
        if !self.leaves.is_empty() {
            self.keydir.nodes.push(self.leaves);
        }
        self.keydir
    }
}
