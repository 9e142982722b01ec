//! One store: its writes in memory, its keys on disk, and what open snapshots still see.
//!
//! What it is not: durable by itself; frames are the journal's, files are the settle's.
//!
//! The invariant: for every key the first of memtable, settling memtable and keydir that knows it has its newest write;
//! a clear moves all three away at once.

use crate::memtable::{Memtable, Written};
use crate::value::Value;

/// A store and everything it knows.
#[derive(Debug, Default)]
pub struct Store {
    /// Records of lower sequences belong to an earlier generation.
    pub cleared_at: u64,
    pub(crate) active: Memtable,
    /// Keys whose newest write is a value.
    pub(crate) count: u64,
}

impl Store {
    /// A store whose life begins with the frame of this LSN.
    #[must_use]
    pub fn new(sequence: u64) -> Store {
        Store { cleared_at: sequence, ..Store::default() }
    }

    /// The sequence of the key's newest write; 0 when it is absent, deleted or expired.
    #[must_use]
    pub fn sequence_of(&self, key: &[u8], now_ms: u64) -> u64 {
        self.active.get(key).map_or(0, |written| if lives(written, now_ms) { written.sequence } else { 0 })
    }

    /// Sets a key.
    pub fn put(&mut self, key: &[u8], value: Value, sequence: u64, expires_ms: u64) {
        let present = self.active.get(key).is_some_and(|written| written.value.is_some());
        self.count += u64::from(!present);
        self.active.insert(key, Written { sequence, expires_ms, value: Some(value) });
    }

    /// Removes a key; one that is not there is left alone.
    pub fn delete(&mut self, key: &[u8], _sequence: u64) {
        let present = self.active.get(key).is_some_and(|written| written.value.is_some());
        self.count -= u64::from(present);
        self.active.forget(key);
    }

    /// Begins a new generation.
    pub fn clear(&mut self, sequence: u64) {
        self.cleared_at = sequence;
        self.active = Memtable::default();
        self.count = 0;
    }

    /// Keys, including those that have expired and were not purged yet.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }
}

/// True unless it is a tombstone or has expired.
pub(crate) fn lives(written: &Written, now_ms: u64) -> bool {
    written.value.is_some() && (written.expires_ms == 0 || now_ms < written.expires_ms)
}
