//! What a run of simple commands has written and not appended yet: the effects of its next frame, and what a later command
//! of the run finds under their keys.
//!
//! What it is not: the frame, which the engine builds and judges when they are appended.
//!
//! The invariant: a key that was written is found with its newest value. Writes are put into the table when somebody asks,
//! so a run of blind writes pays nothing for it.

use crate::effect::Effect;
use millrace_kv::Condition;
use std::ops::Range;

/// Chains of the table.
const CHAINS: usize = 4096;
/// Ends a chain.
const NOBODY: u32 = u32::MAX;
/// What a write counts beside its bytes: what the frame has for it.
const WRITE_OVERHEAD: usize = 16;

/// Bytes of a key or a value: a part of what a client has sent, or made here.
#[derive(Clone, Debug)]
pub(crate) enum Piece<'a> {
    Given(&'a [u8]),
    /// In the memory of the writes.
    Made(Range<usize>),
}

impl<'a> Piece<'a> {
    fn bytes<'w>(&self, made: &'w [u8]) -> &'w [u8]
    where
        'a: 'w,
    {
        match self {
            Piece::Given(bytes) => bytes,
            Piece::Made(range) => &made[range.clone()],
        }
    }
}

/// What is put: a value and when it expires, ms since 1970 (0: never).
#[derive(Clone, Debug)]
struct Put<'a> {
    value: Piece<'a>,
    expires_ms: u64,
}

#[derive(Debug)]
struct Write<'a> {
    store: u32,
    key: Piece<'a>,
    /// `None`: the key is removed.
    put: Option<Put<'a>>,
    /// The chain it is in, and the next one there.
    chain: u32,
    next: u32,
}

/// What a run finds under a key it has written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrote<'w> {
    Put { value: &'w [u8], expires_ms: u64 },
    Removed,
}

/// Writes of one frame to be.
#[derive(Debug, Default)]
pub(crate) struct RunWrites<'a> {
    writes: Vec<Write<'a>>,
    /// Keys and values that were made here.
    made: Vec<u8>,
    /// About how many bytes the frame will have.
    bytes: usize,
    /// First write of each chain.
    chains: Vec<u32>,
    /// Writes that are in the table.
    seen: usize,
}

impl<'a> RunWrites<'a> {
    pub fn is_empty(&self) -> bool {
        self.writes.is_empty()
    }

    pub fn len(&self) -> usize {
        self.writes.len()
    }

    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Bytes made of these parts, to be a key or a value.
    pub fn make(&mut self, parts: &[&[u8]]) -> Piece<'a> {
        let from = self.made.len();
        for part in parts {
            self.made.extend_from_slice(part);
        }
        Piece::Made(from..self.made.len())
    }

    /// A number as a value.
    pub fn make_number(&mut self, number: i64) -> Piece<'a> {
        let from = self.made.len();
        millrace_resp::decimal(&mut self.made, number);
        Piece::Made(from..self.made.len())
    }

    /// Forgets everything: the writes begin anew.
    pub fn clear(&mut self) {
        for write in &self.writes[..self.seen] {
            self.chains[write.chain as usize] = NOBODY;
        }
        self.writes.clear();
        self.made.clear();
        self.bytes = 0;
        self.seen = 0;
    }

    /// Puts a key. The bytes of `key` are those that were looked up, when there was a look.
    pub fn put(&mut self, store: u32, key: Piece<'a>, value: Piece<'a>, expires_ms: u64) {
        self.add(store, key, Some(Put { value, expires_ms }));
    }

    pub fn remove(&mut self, store: u32, key: Piece<'a>) {
        self.add(store, key, None);
    }

    fn add(&mut self, store: u32, key: Piece<'a>, put: Option<Put<'a>>) {
        let value = put.as_ref().map_or(0, |put| put.value.bytes(&self.made).len());
        self.bytes += key.bytes(&self.made).len() + value + WRITE_OVERHEAD;
        self.writes.push(Write { store, key, put, chain: 0, next: NOBODY });
    }

    /// As `put`, in the place of the newest write of this key when there is one: a counter that is raised a thousand times
    /// is written once.
    pub fn put_over(&mut self, store: u32, key: Piece<'a>, value: Piece<'a>, expires_ms: u64) {
        self.enter();
        match self.newest(store, key.bytes(&self.made)) {
            Some(at) => {
                // Counted all the same: what was made for the value before stays until the frame is appended.
                self.bytes += value.bytes(&self.made).len();
                self.writes[at].put = Some(Put { value, expires_ms });
            }
            None => self.put(store, key, value, expires_ms),
        }
    }

    /// What the run has written under a key; `None`: nothing.
    pub fn find(&mut self, store: u32, key: &[u8]) -> Option<Wrote<'_>> {
        if self.writes.is_empty() {
            return None;
        }
        self.enter();
        let write = &self.writes[self.newest(store, key)?];
        Some(match &write.put {
            Some(put) => Wrote::Put { value: put.value.bytes(&self.made), expires_ms: put.expires_ms },
            None => Wrote::Removed,
        })
    }

    /// Puts the writes that are not in the table yet into it.
    fn enter(&mut self) {
        if self.chains.is_empty() {
            self.chains = vec![NOBODY; CHAINS];
        }
        for number in self.seen..self.writes.len() {
            let write = &mut self.writes[number];
            let chain = chain_of(write.store, write.key.bytes(&self.made));
            write.chain = chain as u32;
            write.next = self.chains[chain];
            self.chains[chain] = number as u32;
        }
        self.seen = self.writes.len();
    }

    /// The newest write of a key, of those in the table.
    fn newest(&self, store: u32, key: &[u8]) -> Option<usize> {
        let mut at = self.chains[chain_of(store, key)];
        while at != NOBODY {
            let write = &self.writes[at as usize];
            if write.store == store && write.key.bytes(&self.made) == key {
                return Some(at as usize);
            }
            at = write.next;
        }
        None
    }

    /// The effects of the frame.
    pub fn effects(&self) -> Vec<Effect<'_>> {
        self.writes
            .iter()
            .map(|write| {
                let (store, key) = (write.store, write.key.bytes(&self.made));
                match &write.put {
                    Some(put) => Effect::KvPut {
                        store,
                        key,
                        value: put.value.bytes(&self.made),
                        expires_ms: put.expires_ms,
                        condition: Condition::None,
                    },
                    None => Effect::KvDelete { store, key, condition: Condition::None },
                }
            })
            .collect()
    }
}

/// The chain of a key.
fn chain_of(store: u32, key: &[u8]) -> usize {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut mixed = u64::from(store) ^ key.len() as u64;
    for chunk in key.chunks(8) {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        mixed = (mixed ^ u64::from_le_bytes(word)).wrapping_mul(FACTOR);
        // Keys that are counted differ in their last bytes only, which are the upper bits here: they come down.
        mixed ^= mixed >> 32;
    }
    (mixed.wrapping_mul(FACTOR) >> 32) as usize % CHAINS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put_text<'a>(writes: &mut RunWrites<'a>, key: &'a [u8], value: &'a [u8]) {
        writes.put(7, Piece::Given(key), Piece::Given(value), 0);
    }

    #[test]
    fn the_newest_write_of_every_key_is_found_and_no_other_key_is() {
        let keys: Vec<String> = (0..5000).map(|number| format!("key:{number:012}")).collect();
        let mut writes = RunWrites::default();
        for key in &keys {
            put_text(&mut writes, key.as_bytes(), b"old");
        }
        for (number, key) in keys.iter().enumerate() {
            assert_eq!(
                writes.find(7, key.as_bytes()),
                Some(Wrote::Put { value: b"old", expires_ms: 0 }),
                "{key}"
            );
            if number % 2 == 0 {
                put_text(&mut writes, key.as_bytes(), b"new");
            } else {
                writes.remove(7, Piece::Given(key.as_bytes()));
            }
        }
        for (number, key) in keys.iter().enumerate() {
            let expected =
                if number % 2 == 0 { Wrote::Put { value: b"new", expires_ms: 0 } } else { Wrote::Removed };
            assert_eq!(writes.find(7, key.as_bytes()), Some(expected));
            assert_eq!(writes.find(8, key.as_bytes()), None);
        }
        assert_eq!(writes.find(7, b"key:"), None);
    }

    #[test]
    fn a_key_that_is_put_over_is_written_once() {
        let mut writes = RunWrites::default();
        for number in 0..100 {
            let value = writes.make_number(number);
            let key = writes.make(&[b"count", b"er"]);
            writes.put_over(7, key, value, 5);
        }
        assert_eq!(writes.len(), 1);
        assert_eq!(writes.find(7, b"counter"), Some(Wrote::Put { value: b"99", expires_ms: 5 }));
    }

    #[test]
    fn nothing_is_found_after_a_clear() {
        let mut writes = RunWrites::default();
        put_text(&mut writes, b"a", b"1");
        assert!(writes.find(7, b"a").is_some());
        writes.clear();
        assert!(writes.is_empty());
        assert_eq!(writes.find(7, b"a"), None);
        put_text(&mut writes, b"b", b"1");
        assert_eq!(writes.find(7, b"a"), None);
        assert!(writes.find(7, b"b").is_some());
    }
}
