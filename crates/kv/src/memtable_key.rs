//! A key as the memtable keeps it: its first bytes beside it, so that most comparisons touch no other memory.
//!
//! What it is not: another order. Keys are in the order of their bytes.
//!
//! The invariant: two heads that differ are in the order of their keys. (A key that ends within its head is filled up with
//! zeros, and no byte is below zero.)

use std::borrow::Borrow;
use std::cmp::Ordering;

/// Bytes of a head.
const HEAD: usize = 16;

#[derive(Clone, Debug)]
enum Bytes<'a> {
    Owned(Box<[u8]>),
    Borrowed(&'a [u8]),
}

/// A key to look for.
#[derive(Clone, Debug)]
pub(crate) struct MemtableKey<'a> {
    head: [u64; 2],
    bytes: Bytes<'a>,
}

fn head_of(key: &[u8]) -> [u64; 2] {
    let mut padded = [0; HEAD];
    let length = key.len().min(HEAD);
    padded[..length].copy_from_slice(&key[..length]);
    let both = u128::from_be_bytes(padded);
    [(both >> 64) as u64, both as u64]
}

impl<'a> MemtableKey<'a> {
    pub fn of(key: &'a [u8]) -> MemtableKey<'a> {
        MemtableKey { head: head_of(key), bytes: Bytes::Borrowed(key) }
    }

    pub fn bytes(&self) -> &[u8] {
        match &self.bytes {
            Bytes::Owned(bytes) => bytes,
            Bytes::Borrowed(bytes) => bytes,
        }
    }
}

impl Ord for MemtableKey<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        match self.head.cmp(&other.head) {
            Ordering::Equal => {}
            order => return order,
        }
        let (own, others) = (self.bytes(), other.bytes());
        // Of two keys that end within equal heads the shorter one is a prefix of the other.
        if own.len() <= HEAD && others.len() <= HEAD {
            return own.len().cmp(&others.len());
        }
        own.cmp(others)
    }
}

impl PartialOrd for MemtableKey<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for MemtableKey<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for MemtableKey<'_> {}

/// A key that is kept.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct KeptKey(MemtableKey<'static>);

impl KeptKey {
    /// A copy of a key that was looked for.
    pub fn copy_of(key: &MemtableKey<'_>) -> KeptKey {
        KeptKey(MemtableKey { head: key.head, bytes: Bytes::Owned(key.bytes().into()) })
    }

    pub fn bytes(&self) -> &[u8] {
        self.0.bytes()
    }
}

impl<'a> Borrow<MemtableKey<'a>> for KeptKey {
    fn borrow(&self) -> &MemtableKey<'a> {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_in_the_order_of_their_bytes_however_long_they_are() {
        let mut keys: Vec<Vec<u8>> = vec![vec![], b"a".to_vec(), b"b".to_vec(), vec![255; 40]];
        for length in [1, 2, 14, 15, 16, 17, 31, 33] {
            for last in [0, 1, b'k', 255] {
                let mut key = vec![b'k'; length];
                key[length - 1] = last;
                keys.push(key.clone());
                key.extend([0, 0, 0]);
                keys.push(key);
            }
            keys.push(vec![0; length]);
        }
        for left in &keys {
            for right in &keys {
                let order = MemtableKey::of(left).cmp(&MemtableKey::of(right));
                assert_eq!(order, left.cmp(right), "{left:?} {right:?}");
                assert_eq!(KeptKey::copy_of(&MemtableKey::of(left)).bytes(), &left[..]);
            }
        }
    }
}
