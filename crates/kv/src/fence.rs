//! Key ranges of a store in which records were lost to damage.
//!
//! What it is not: damage of one record whose key a hint knows; reading that key finds it.
//!
//! The invariant: a key in a fenced range is answered only by a write that is newer than anything the damaged file can
//! have had; otherwise the answer is "damaged", never an older version and never "absent".

/// Records of keys from `from` to `to`, both included, were lost; none had a sequence above `sequence`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fence {
    pub from: Vec<u8>,
    pub to: Vec<u8>,
    pub sequence: u64,
}

impl Fence {
    /// Whether a record of `key` that is newer than `sequence` may be lost.
    #[must_use]
    pub fn covers(&self, key: &[u8], sequence: u64) -> bool {
        sequence < self.sequence && *self.from <= *key && *key <= *self.to
    }

    /// Whether a key between these bounds may be lost.
    #[must_use]
    pub fn touches(&self, range: crate::memtable::KeyRange<'_>) -> bool {
        use std::ops::Bound::{Excluded, Included, Unbounded};
        let (from, to) = range;
        let starts = match from {
            Unbounded => true,
            Included(key) => key <= &self.to[..],
            Excluded(key) => key < &self.to[..],
        };
        let ends = match to {
            Unbounded => true,
            Included(key) => key >= &self.from[..],
            Excluded(key) => key > &self.from[..],
        };
        starts && ends
    }
}
