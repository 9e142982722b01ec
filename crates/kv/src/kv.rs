//! All stores of one engine.
//!
//! What it is not: the journal. It is told which LSN a frame has.
//!
//! The invariant: a write becomes part of a store only when its frame is in the journal.

use crate::read::{Found, Item, Page, Range, Read};
use crate::store::{Store, lives};
use crate::value::Value;
use std::collections::BTreeMap;

/// All stores.
#[derive(Debug, Default)]
pub struct Kv {
    pub(crate) stores: BTreeMap<u32, Store>,
}

/// Figures of one store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Keys, including expired ones that were not purged yet.
    pub keys: u64,
    /// Memory of writes above the checkpoint, in bytes.
    pub memtable_bytes: u64,
}

impl Kv {
    /// Whether there is a store with this id.
    #[must_use]
    pub fn has_store(&self, store: u32) -> bool {
        self.stores.contains_key(&store)
    }

    /// The sequence of a key's newest write, 0 when it is absent; `None`: no such store.
    #[must_use]
    pub fn sequence_of(&self, store: u32, key: &[u8], now_ms: u64) -> Option<u64> {
        Some(self.stores.get(&store)?.sequence_of(key, now_ms))
    }

    /// Creates an empty store; nothing happens when the id is taken.
    pub fn create(&mut self, store: u32, sequence: u64) {
        self.stores.entry(store).or_insert_with(|| Store::new(sequence));
    }

    /// Removes a store with all its keys.
    pub fn remove(&mut self, store: u32) {
        self.stores.remove(&store);
    }

    /// Removes all keys of a store: a new generation begins.
    pub fn clear(&mut self, store: u32, sequence: u64) {
        if let Some(store) = self.stores.get_mut(&store) {
            store.clear(sequence);
        }
    }

    /// Sets a key. False: no such store.
    pub fn put(&mut self, store: u32, key: &[u8], value: Value, sequence: u64, expires_ms: u64) -> bool {
        let Some(store) = self.stores.get_mut(&store) else { return false };
        store.put(key, value, sequence, expires_ms);
        true
    }

    /// Removes a key. False: no such store.
    pub fn delete(&mut self, store: u32, key: &[u8], sequence: u64) -> bool {
        let Some(store) = self.stores.get_mut(&store) else { return false };
        store.delete(key, sequence);
        true
    }

    /// Reads a key. `snapshot`: an open one, or 0.
    pub fn get(&mut self, store: u32, key: &[u8], _snapshot: u64, now_ms: u64) -> Read {
        let Some(store) = self.stores.get(&store) else { return Read::UnknownStore };
        match store.active.get(key) {
            Some(written) if lives(written, now_ms) => match &written.value {
                Some(value) => Read::Ready(Found {
                    value: value.clone(),
                    sequence: written.sequence,
                    expires_ms: written.expires_ms,
                }),
                None => Read::Absent,
            },
            _ => Read::Absent,
        }
    }

    /// Hands entries of a range to `take`, in key order, until it answers false: that entry was not taken.
    pub fn scan(
        &mut self,
        store: u32,
        _snapshot: u64,
        range: &Range<'_>,
        now_ms: u64,
        take: &mut dyn FnMut(&Item<'_>) -> bool,
    ) -> Page {
        let Some(store) = self.stores.get(&store) else { return Page::UnknownStore };
        if range.is_empty() {
            return Page::End;
        }
        let mut entries = store.active.range((range.from, range.to));
        let mut taken = 0;
        loop {
            let next = if range.reverse { entries.next_back() } else { entries.next() };
            let Some((key, written)) = next else { return Page::End };
            if !lives(written, now_ms) {
                continue;
            }
            let value = written.value.as_ref().map_or(&[][..], Value::bytes);
            let value = if range.keys_only { &[] } else { value };
            let item = Item { key, value, sequence: written.sequence, expires_ms: written.expires_ms };
            if taken == range.limit || !take(&item) {
                return Page::More;
            }
            taken += 1;
        }
    }

    /// Memory of writes above the checkpoint, in bytes.
    #[must_use]
    pub fn unsettled_bytes(&self) -> u64 {
        self.stores.values().map(|store| store.active.bytes()).sum()
    }

    /// Figures of a store.
    #[must_use]
    pub fn stats(&self, store: u32) -> Option<Stats> {
        let store = self.stores.get(&store)?;
        Some(Stats { keys: store.count(), memtable_bytes: store.active.bytes() })
    }
}
