//! Writes above the checkpoint, newest per key: values and tombstones in key order.
//!
//! What it is not: the store; what is settled lies in data files and in the keydir.
//!
//! The invariant: an entry here is newer than anything a data file has for its key.

use crate::location::Location;
use crate::memtable_key::{KeptKey, MemtableKey};
use crate::record::put_bytes;
use crate::value::Value;
use std::collections::BTreeMap;
use std::ops::Bound;

/// Memory of one entry beside key and value: tree slot with the key's head, two allocations.
const ENTRY_BYTES: u64 = 136;

/// The newest write of a key.
#[derive(Clone, Debug)]
pub struct Written {
    /// LSN of its frame.
    pub sequence: u64,
    /// Wall time in ms when it dies; 0: never.
    pub expires_ms: u64,
    /// In memory. `None`: deleted, or only in its large file.
    pub value: Option<Value>,
    /// Where the value lies in a large file, if it does.
    pub place: Option<Location>,
}

impl Written {
    /// Bytes of the record it is or would be in a data file, or of what lies in a large file; 0: a tombstone.
    #[must_use]
    pub fn live_bytes(&self, key: &[u8]) -> u64 {
        if let Some(place) = self.place {
            return u64::from(place.length);
        }
        let value = self.value.as_ref();
        value.map_or(0, |value| put_bytes(self.sequence, self.expires_ms, key.len(), value.len()))
    }

    /// True unless it is a tombstone.
    #[must_use]
    pub fn is_value(&self) -> bool {
        self.value.is_some() || self.place.is_some()
    }

    /// True unless it is a tombstone or has expired.
    #[must_use]
    pub fn lives(&self, now_ms: u64) -> bool {
        self.is_value() && (self.expires_ms == 0 || now_ms < self.expires_ms)
    }
}

/// Newest writes by key.
#[derive(Clone, Debug, Default)]
pub struct Memtable {
    map: BTreeMap<KeptKey, Written>,
    bytes: u64,
}

/// A range of keys.
pub type KeyRange<'a> = (Bound<&'a [u8]>, Bound<&'a [u8]>);

fn cost(key: &[u8], written: &Written) -> u64 {
    ENTRY_BYTES + key.len() as u64 + written.value.as_ref().map_or(0, |value| value.len() as u64)
}

impl Memtable {
    #[must_use]
    pub fn get(&self, key: &[u8]) -> Option<&Written> {
        self.map.get(&MemtableKey::of(key))
    }

    /// Sets the newest write of a key; answers the one it takes the place of.
    pub fn insert(&mut self, key: &[u8], written: Written) -> Option<Written> {
        self.bytes += cost(key, &written);
        let wanted = MemtableKey::of(key);
        let Some(place) = self.map.get_mut(&wanted) else {
            self.map.insert(KeptKey::copy_of(&wanted), written);
            return None;
        };
        self.bytes -= cost(key, place);
        Some(std::mem::replace(place, written))
    }

    /// Forgets a key of which nothing older exists anywhere.
    pub fn forget(&mut self, key: &[u8]) {
        if let Some(gone) = self.map.remove(&MemtableKey::of(key)) {
            self.bytes -= cost(key, &gone);
        }
    }

    /// Puts older writes below what is here: a settle that failed gives them back.
    pub fn take_back(&mut self, older: &Memtable) {
        for (key, written) in &older.map {
            if !self.map.contains_key(key) {
                self.insert(key.bytes(), written.clone());
            }
        }
    }

    /// Memory in bytes, values of the journal's commit memory included.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// About the bytes that its records take in a data file.
    #[must_use]
    pub fn record_bytes(&self) -> u64 {
        let large = self.map.values().filter(|written| written.place.is_some());
        let large = large.filter_map(|written| Some(written.value.as_ref()?.len() as u64));
        self.bytes - large.sum::<u64>()
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.map.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.map.is_empty()
    }

    /// Entries of a range in key order. The range must not be inverted.
    pub fn range<'a>(
        &'a self,
        range: KeyRange<'_>,
    ) -> impl DoubleEndedIterator<Item = (&'a [u8], &'a Written)> + use<'a> {
        let range = (range.0.map(MemtableKey::of), range.1.map(MemtableKey::of));
        self.map.range::<MemtableKey<'_>, _>(range).map(|(key, written)| (key.bytes(), written))
    }
}
