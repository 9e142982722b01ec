//! A stretch of neighbouring keys of the keydir in one block of memory.
//!
//! What it is not: the tree above it (`keydir.rs`).
//!
//! An entry: key length varint, key, file slot 3 B, position 5 B, record length varint, sequence 6 B whose top bit says
//! that a time of expiry follows, 6 B in ms.
//!
//! The invariant: entries lie in key order without gaps, and `offsets` names the start of each; a leaf of more than one
//! entry has at most `LEAF_MAX` bytes.

use crate::location::{Location, Settled};
use crate::varint::{put_varint, take_varint};

/// A leaf of more bytes is split.
pub(crate) const LEAF_MAX: usize = 4 << 10;
/// Leaves grow by this part of their size, so that little of them lies idle.
const SLACK: usize = 16;

const EXPIRES: u64 = 1 << 47;
const MASK: u64 = (1 << 48) - 1;

/// Neighbouring keys.
#[derive(Clone, Debug, Default)]
pub(crate) struct Leaf {
    bytes: Vec<u8>,
    offsets: Vec<u16>,
    /// No entry expires before this; `u64::MAX`: none expires.
    pub soonest: u64,
}

fn encode(out: &mut Vec<u8>, key: &[u8], entry: &Settled) {
    put_varint(out, key.len() as u64);
    out.extend_from_slice(key);
    let Location { slot, position, length } = entry.location;
    out.extend_from_slice(&slot.to_le_bytes()[..3]);
    out.extend_from_slice(&position.to_le_bytes()[..5]);
    put_varint(out, u64::from(length));
    let flag = if entry.expires_ms == 0 { 0 } else { EXPIRES };
    out.extend_from_slice(&(entry.sequence | flag).to_le_bytes()[..6]);
    if entry.expires_ms != 0 {
        out.extend_from_slice(&entry.expires_ms.min(MASK).to_le_bytes()[..6]);
    }
}

fn number(bytes: &mut &[u8], width: usize) -> u64 {
    let (head, rest) = bytes.split_at(width);
    let mut wide = [0; 8];
    wide[..width].copy_from_slice(head);
    *bytes = rest;
    u64::from_le_bytes(wide)
}

fn varint(bytes: &mut &[u8]) -> u64 {
    take_varint(bytes).expect("a leaf holds what was encoded into it")
}

impl Leaf {
    /// An empty leaf with room for `bytes`.
    pub fn new() -> Leaf {
        Leaf { bytes: Vec::new(), offsets: Vec::new(), soonest: u64::MAX }
    }

    pub fn len(&self) -> usize {
        self.offsets.len()
    }

    /// Memory in bytes, the room that lies idle included.
    pub fn memory(&self) -> usize {
        self.bytes.capacity() + self.offsets.capacity() * 2 + size_of::<Leaf>()
    }

    pub fn key(&self, at: usize) -> &[u8] {
        let mut bytes = &self.bytes[usize::from(self.offsets[at])..];
        let length = varint(&mut bytes) as usize;
        &bytes[..length]
    }

    pub fn entry(&self, at: usize) -> (&[u8], Settled) {
        let mut bytes = &self.bytes[usize::from(self.offsets[at])..];
        let length = varint(&mut bytes) as usize;
        let (key, mut bytes) = bytes.split_at(length);
        let slot = number(&mut bytes, 3) as u32;
        let position = number(&mut bytes, 5);
        let length = varint(&mut bytes) as u32;
        let sequence = number(&mut bytes, 6);
        let expires_ms = if sequence & EXPIRES == 0 { 0 } else { number(&mut bytes, 6) };
        let location = Location { slot, position, length };
        (key, Settled { location, sequence: sequence & !EXPIRES, expires_ms })
    }

    /// Where the key is, or where it would be.
    pub fn search(&self, key: &[u8]) -> Result<usize, usize> {
        let at = self.lower_bound(key);
        if at < self.len() && self.key(at) == key { Ok(at) } else { Err(at) }
    }

    /// The first entry whose key is not below `key`.
    pub fn lower_bound(&self, key: &[u8]) -> usize {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = usize::midpoint(low, high);
            if self.key(middle) < key { low = middle + 1 } else { high = middle }
        }
        low
    }

    fn end_of(&self, at: usize) -> usize {
        self.offsets.get(at + 1).map_or(self.bytes.len(), |end| usize::from(*end))
    }

    /// Replaces the bytes of `count` entries (0 or 1) at `at` by `entry`, which is one entry or nothing.
    fn splice(&mut self, at: usize, count: usize, entry: &[u8]) {
        let start = self.offsets.get(at).map_or(self.bytes.len(), |start| usize::from(*start));
        let end = if count == 0 { start } else { self.end_of(at) };
        let grown = self.bytes.len() + entry.len() - (end - start);
        if grown > self.bytes.capacity() {
            self.bytes.reserve_exact(grown - self.bytes.len() + grown / SLACK);
        }
        self.bytes.splice(start..end, entry.iter().copied());
        let moved = entry.len() as isize - (end - start) as isize;
        for offset in self.offsets.iter_mut().skip(at + count) {
            *offset = (*offset as isize + moved) as u16;
        }
        if count == 0 && !entry.is_empty() {
            if self.offsets.len() == self.offsets.capacity() {
                self.offsets.reserve_exact(1 + self.offsets.len() / SLACK);
            }
            self.offsets.insert(at, start as u16);
        } else if entry.is_empty() {
            self.offsets.remove(at);
        }
    }

    fn note(&mut self, entry: &Settled) {
        if entry.expires_ms != 0 {
            self.soonest = self.soonest.min(entry.expires_ms);
        }
    }

    /// Adds an entry at `at`. Answers the leaves that follow when it had to be split.
    pub fn insert(&mut self, at: usize, key: &[u8], entry: &Settled, scratch: &mut Vec<u8>) -> Vec<Leaf> {
        scratch.clear();
        encode(scratch, key, entry);
        self.note(entry);
        if self.len() > 0 && self.bytes.len() + scratch.len() > LEAF_MAX {
            return self.split(at, key, entry, scratch);
        }
        let bytes = std::mem::take(scratch);
        self.splice(at, 0, &bytes);
        *scratch = bytes;
        Vec::new()
    }

    pub fn replace(&mut self, at: usize, key: &[u8], entry: &Settled, scratch: &mut Vec<u8>) {
        scratch.clear();
        encode(scratch, key, entry);
        self.note(entry);
        let bytes = std::mem::take(scratch);
        self.splice(at, 1, &bytes);
        *scratch = bytes;
    }

    pub fn remove(&mut self, at: usize) {
        self.splice(at, 1, &[]);
    }

    /// Adds an entry behind the last one, if it fits.
    pub fn push(&mut self, key: &[u8], entry: &Settled, scratch: &mut Vec<u8>) -> bool {
        scratch.clear();
        encode(scratch, key, entry);
        if self.len() > 0 && self.bytes.len() + scratch.len() > LEAF_MAX {
            return false;
        }
        self.note(entry);
        self.offsets.push(self.bytes.len() as u16);
        self.bytes.extend_from_slice(scratch);
        true
    }

    /// Gives idle room back.
    pub fn shrink(&mut self) {
        self.bytes.shrink_to_fit();
        self.offsets.shrink_to_fit();
    }

    /// The entries and a new one in as many leaves as they need; this one keeps the first.
    fn split(&mut self, at: usize, key: &[u8], entry: &Settled, scratch: &mut Vec<u8>) -> Vec<Leaf> {
        let whole = std::mem::replace(self, Leaf::new());
        // Keys that come in order leave full leaves behind.
        let share = if at == whole.len() { LEAF_MAX } else { LEAF_MAX / 2 };
        let mut leaves = vec![Leaf::new()];
        let mut add = |key: &[u8], entry: &Settled| {
            let last = leaves.last_mut().expect("there is always one");
            if (last.len() > 0 && last.bytes.len() >= share) || !last.push(key, entry, scratch) {
                let mut next = Leaf::new();
                next.push(key, entry, scratch);
                leaves.push(next);
            }
        };
        for index in 0..whole.len() {
            if index == at {
                add(key, entry);
            }
            let (key, entry) = whole.entry(index);
            add(key, &entry);
        }
        if at == whole.len() {
            add(key, entry);
        }
        leaves.iter_mut().for_each(Leaf::shrink);
        *self = leaves.remove(0);
        leaves
    }

    /// Removes the entries that have expired and hands each to `gone`.
    pub fn purge(&mut self, now_ms: u64, gone: &mut dyn FnMut(&[u8], &Settled)) {
        if self.soonest > now_ms {
            return;
        }
        let (mut at, mut soonest) = (0, u64::MAX);
        while at < self.len() {
            let (key, entry) = self.entry(at);
            if entry.expires_ms != 0 && entry.expires_ms <= now_ms {
                gone(key, &entry);
                self.remove(at);
                continue;
            }
            if entry.expires_ms != 0 {
                soonest = soonest.min(entry.expires_ms);
            }
            at += 1;
        }
        self.soonest = soonest;
    }
}
