//! Counts and places in the order of a store's keys, without walking.
//!
//! What it is not: a read; what lies under the keys is not looked at, so expired keys count until they are purged. Stores
//! whose keys do not expire have exact answers.

use crate::engine::Engine;
use millrace_kv::Counted;

impl Engine {
    /// How many keys a store has from `from` on and before `to`.
    pub fn kv_count_between(&mut self, store: u32, from: &[u8], to: &[u8]) -> Counted<u64> {
        self.kv.count_between(store, from, to)
    }

    /// Bytes of the records of all keys of a store, in data files or to be; expired ones count until they are purged.
    #[must_use]
    pub fn kv_live_bytes(&self, store: u32) -> Option<u64> {
        self.kv.live_bytes(store)
    }

    /// The key from `from` on and before `to` (`None`: of all behind) that has `index` keys of that range before it; `Ready(None)`: there are
    /// fewer.
    pub fn kv_nth_between(
        &mut self,
        store: u32,
        from: &[u8],
        to: Option<&[u8]>,
        index: u64,
    ) -> Counted<Option<&[u8]>> {
        self.kv.nth_between(store, from, to, index)
    }
}
