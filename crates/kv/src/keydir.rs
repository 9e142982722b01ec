//! The keydir: every key of a store whose newest settled write is a value, in order, with where its record lies.
//!
//! What it is not: aware of what is not settled yet; memtables lie above it. It holds no values and no tombstones.
//!
//! Leaves of some 4 KiB lie in nodes of at most 256 leaves, nodes in one vector: three searches by halves, no pointers
//! per key. The first two look at numbers (`heads.rs`), so that only the leaf itself is touched.
//!
//! The invariant: it is exactly what the published files say; no leaf and no node is empty.

use crate::heads::Heads;
use crate::leaf::Leaf;
use crate::location::Settled;
use crate::memtable::KeyRange;
use crate::prefix_sums::{PrefixSums, steps};
use std::ops::Bound;

/// Leaves of one node before it is split.
const NODE_MAX: usize = 256;

/// Neighbouring leaves.
#[derive(Clone, Debug)]
struct Node {
    leaves: Vec<Leaf>,
    heads: Heads,
}

impl Node {
    fn of(leaves: Vec<Leaf>) -> Node {
        let heads = Heads::of(leaves.len(), |at| leaves[at].key(0));
        Node { leaves, heads }
    }

    fn first(&self) -> &[u8] {
        self.leaves[0].key(0)
    }

    fn find(&self, key: &[u8]) -> usize {
        self.heads.find(key, |at| self.leaves[at].key(0))
    }

    fn memory(&self) -> usize {
        let idle = (self.leaves.capacity() - self.leaves.len()) * size_of::<Leaf>();
        self.leaves.iter().map(Leaf::memory).sum::<usize>() + idle + self.heads.memory()
    }
}

/// Keys with the places of their records.
#[derive(Clone, Debug, Default)]
pub struct Keydir {
    nodes: Vec<Node>,
    /// Of the nodes.
    heads: Heads,
    len: u64,
    scratch: Vec<u8>,
    /// Where the sweep for expired keys goes on.
    swept: (usize, usize),
    /// Keys before each node, once somebody has asked for ranks.
    sums: PrefixSums,
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
        let nodes = self.nodes.capacity() * size_of::<Node>() + self.heads.memory();
        (nodes + self.nodes.iter().map(Node::memory).sum::<usize>()) as u64
    }

    /// The leaf in which the key lies or would lie. There must be one.
    fn leaf_of(&self, key: &[u8]) -> (usize, usize) {
        let node = self.heads.find(key, |at| self.nodes[at].first());
        (node, self.nodes[node].find(key))
    }

    /// The first key of this leaf may be another one now.
    fn first_changed(&mut self, node: usize, leaf: usize) {
        let place = &mut self.nodes[node];
        let first = place.leaves[leaf].key(0);
        if !place.heads.replace(leaf, first) {
            place.heads = Heads::of(place.leaves.len(), |at| place.leaves[at].key(0));
        }
        if leaf == 0 && !self.heads.replace(node, self.nodes[node].first()) {
            self.number_nodes();
        }
    }

    fn number_nodes(&mut self) {
        self.heads = Heads::of(self.nodes.len(), |at| self.nodes[at].first());
    }

    /// What is known of a key.
    #[must_use]
    pub fn get(&self, key: &[u8]) -> Option<Settled> {
        if self.nodes.is_empty() {
            return None;
        }
        let (node, leaf) = self.leaf_of(key);
        let leaf = &self.nodes[node].leaves[leaf];
        leaf.search(key).ok().map(|at| leaf.entry(at).1)
    }

    /// Sets a key; answers what was known before.
    pub fn set(&mut self, key: &[u8], entry: &Settled) -> Option<Settled> {
        if self.nodes.is_empty() {
            let mut leaf = Leaf::new();
            leaf.insert(0, key, entry, &mut self.scratch);
            self.nodes.push(Node::of(vec![leaf]));
            self.number_nodes();
            self.len = 1;
            self.sums.forget();
            return None;
        }
        let (node, at) = self.leaf_of(key);
        let leaf = &mut self.nodes[node].leaves[at];
        match leaf.search(key) {
            Ok(index) => {
                let before = leaf.entry(index).1;
                leaf.replace(index, key, entry, &mut self.scratch);
                Some(before)
            }
            Err(index) => {
                let more = leaf.insert(index, key, entry, &mut self.scratch);
                self.len += 1;
                self.sums.add(node, 1);
                if index == 0 {
                    self.first_changed(node, at);
                }
                if !more.is_empty() {
                    self.add_leaves(node, at + 1, more);
                }
                None
            }
        }
    }

    fn add_leaves(&mut self, node: usize, at: usize, leaves: Vec<Leaf>) {
        let Node { leaves: place, heads } = &mut self.nodes[node];
        place.reserve_exact(leaves.len());
        let fits = leaves.iter().enumerate().all(|(index, leaf)| heads.insert(at + index, leaf.key(0)));
        place.splice(at..at, leaves);
        if place.len() > NODE_MAX {
            let half = if at + 1 >= place.len() { place.len() - 1 } else { place.len() / 2 };
            let rest = Node::of(place.split_off(half));
            place.shrink_to_fit();
            *heads = Heads::of(half, |at| place[at].key(0));
            let fits = self.heads.insert(node + 1, rest.first());
            self.nodes.insert(node + 1, rest);
            self.sums.forget();
            if !fits {
                self.number_nodes();
            }
        } else if !fits {
            *heads = Heads::of(place.len(), |at| place[at].key(0));
        }
    }

    /// Removes a key; answers what was known of it.
    pub fn remove(&mut self, key: &[u8]) -> Option<Settled> {
        if self.nodes.is_empty() {
            return None;
        }
        let (node, at) = self.leaf_of(key);
        let leaf = &mut self.nodes[node].leaves[at];
        let index = leaf.search(key).ok()?;
        let before = leaf.entry(index).1;
        leaf.remove(index);
        self.len -= 1;
        self.sums.add(node, -1);
        if !self.drop_if_empty(node, at) && index == 0 {
            self.first_changed(node, at);
        }
        Some(before)
    }

    /// True when the leaf was empty and is gone.
    fn drop_if_empty(&mut self, node: usize, leaf: usize) -> bool {
        let place = &mut self.nodes[node];
        if place.leaves[leaf].len() > 0 {
            return false;
        }
        place.leaves.remove(leaf);
        place.heads.remove(leaf);
        if place.leaves.is_empty() {
            self.nodes.remove(node);
            self.sums.forget();
            self.heads.remove(node);
        } else if leaf == 0 {
            self.first_changed(node, 0);
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
            if leaf >= self.nodes[node].leaves.len() {
                self.swept = (node + 1, 0);
                continue;
            }
            let swept = &mut self.nodes[node].leaves[leaf];
            let before = swept.len();
            swept.purge(now_ms, gone);
            let left = swept.len();
            self.len -= (before - left) as u64;
            self.sums.add(node, -((before - left) as i64));
            if !self.drop_if_empty(node, leaf) {
                if left < before {
                    self.first_changed(node, leaf);
                }
                self.swept = (node, leaf + 1);
            }
        }
        false
    }

    /// Makes `rank` possible.
    pub(crate) fn build_sums(&mut self) {
        let count = |node: &Node| node.leaves.iter().map(|leaf| leaf.len() as i64).sum();
        self.sums.build(self.nodes.iter().map(count));
    }

    /// Keys below `key`. `build_sums` comes before it.
    pub(crate) fn rank(&self, key: &[u8]) -> u64 {
        if self.nodes.is_empty() {
            return 0;
        }
        let (node, at) = self.leaf_of(key);
        steps::note(at as u64 + 1);
        let leaves = &self.nodes[node].leaves;
        let before: usize = leaves[..at].iter().map(Leaf::len).sum();
        self.sums.before(node) as u64 + (before + leaves[at].lower_bound(key)) as u64
    }

    /// The last key for which `is_so` holds, when it holds for all before it too.
    pub(crate) fn last_where(&self, is_so: &mut dyn FnMut(&[u8]) -> bool) -> Option<&[u8]> {
        let node = self.nodes.partition_point(|node| is_so(node.first())).checked_sub(1)?;
        let leaves = &self.nodes[node].leaves;
        let leaf = &leaves[leaves.partition_point(|leaf| is_so(leaf.key(0))).checked_sub(1)?];
        let (mut low, mut high) = (0, leaf.len());
        while low < high {
            let middle = usize::midpoint(low, high);
            if is_so(leaf.key(middle)) { low = middle + 1 } else { high = middle }
        }
        Some(leaf.key(low.checked_sub(1)?))
    }

    /// The first entry whose key is not below (`after`: above) `key`, or the end.
    fn seek(&self, key: &[u8], after: bool) -> Place {
        if self.nodes.is_empty() {
            return (0, 0, 0);
        }
        let (node, at) = self.leaf_of(key);
        let leaf = &self.nodes[node].leaves[at];
        let index = match leaf.search(key) {
            Ok(index) => index + usize::from(after),
            Err(index) => index,
        };
        self.settle_place((node, at, index))
    }

    /// Names the same place by the leaf that holds the next entry.
    fn settle_place(&self, (node, leaf, entry): Place) -> Place {
        if node >= self.nodes.len() || entry < self.nodes[node].leaves[leaf].len() {
            (node, leaf, entry)
        } else if leaf + 1 < self.nodes[node].leaves.len() {
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
        let item = self.keydir.nodes[node].leaves[leaf].entry(entry);
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
                leaf = self.keydir.nodes[node].leaves.len();
            }
            leaf -= 1;
            entry = self.keydir.nodes[node].leaves[leaf].len();
        }
        self.back = (node, leaf, entry - 1);
        Some(self.keydir.nodes[node].leaves[leaf].entry(entry - 1))
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
            self.keydir.nodes.push(Node::of(std::mem::take(&mut self.leaves)));
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
            self.keydir.nodes.push(Node::of(self.leaves));
        }
        self.keydir.number_nodes();
        self.keydir
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::location::Location;
    use std::collections::BTreeMap;

    fn entry(number: u64, expires_ms: u64) -> Settled {
        let location = Location { slot: 1, position: number, length: 7 };
        Settled { location, sequence: number, expires_ms }
    }

    /// Keys that are scattered, share much, and come in order in places.
    fn key(number: u64) -> Vec<u8> {
        match number % 3 {
            0 => format!("{:016x}", number.wrapping_mul(0x9e37_79b9_7f4b) & 0xffff_ffff_ffff).into_bytes(),
            1 => format!("user:{number:010}:of a long and common name").into_bytes(),
            _ => (number * 17 % 5003).to_be_bytes()[6..].to_vec(),
        }
    }

    /// The invariant of `heads.rs`, for nodes and leaves.
    fn numbers_fit(keydir: &Keydir) -> bool {
        let leaves = |node: &Node| node.heads.fit(node.leaves.iter().map(|leaf| leaf.key(0)));
        keydir.heads.fit(keydir.nodes.iter().map(Node::first)) && keydir.nodes.iter().all(leaves)
    }

    #[test]
    fn it_says_what_a_map_says_whatever_is_set_removed_and_swept() {
        let (mut keydir, mut map) = (Keydir::default(), BTreeMap::new());
        let mut state = 77_u64;
        for turn in 0..60_000_u64 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let key = key((state >> 33) % 20_000);
            // Longer and longer stretches of only one of them, so that it grows and becomes nearly empty again.
            if (state >> 20) % 10 < if turn / 15_000 % 2 == 0 { 8 } else { 1 } {
                let entry = entry(turn, if turn % 5 == 0 { 1 + turn } else { 0 });
                assert_eq!(keydir.set(&key, &entry), map.insert(key, entry), "turn {turn}");
            } else {
                assert_eq!(keydir.remove(&key), map.remove(&key), "turn {turn}");
            }
            if turn % 64 == 0 {
                assert!(numbers_fit(&keydir), "turn {turn}");
                let now = turn / 2;
                keydir.sweep(now, 3, &mut |key, _| {
                    assert!(map.remove(key).is_some_and(|entry| (1..=now).contains(&entry.expires_ms)));
                });
            }
        }
        assert_eq!(keydir.len(), map.len() as u64);
        for number in 0..20_000 {
            assert_eq!(keydir.get(&key(number)), map.get(&key(number)).copied());
        }
        let all: Vec<_> =
            keydir.range((Bound::Unbounded, Bound::Unbounded)).map(|(key, at)| (key.to_vec(), at)).collect();
        assert_eq!(all, map.into_iter().collect::<Vec<_>>());
    }
}
