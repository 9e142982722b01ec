//! Expired keys leave the keydir without a write: the record says when it died.
//!
//! What it is not: what makes a key expire. Every read judges for itself, so an expired key is absent at once.
//!
//! The invariant: a step looks at a bounded number of leaves; a sweep passes over leaves in which nothing is due.

use crate::kv::Kv;

/// Leaves of one store that one step looks at.
const LEAVES: usize = 16;

impl Kv {
    /// Removes some of what has expired.
    pub(crate) fn purge(&mut self, now_ms: u64) {
        let files = &mut self.files;
        for store in self.stores.values_mut() {
            let generation = &mut store.current;
            // A key that was written again lives on in memory: only what the keydir alone knows was counted for it.
            let (active, settling) = (&generation.active, &generation.settling);
            let (mut purged, mut purged_bytes) = (0, 0);
            let mut covered: Vec<Box<[u8]>> = Vec::new();
            generation.keydir.sweep(now_ms, LEAVES, &mut |key, settled| {
                files.forget(settled.location);
                let above = active.get(key).is_some()
                    || settling.as_ref().is_some_and(|table| table.get(key).is_some());
                if above {
                    covered.push(key.into());
                } else {
                    purged += 1;
                    purged_bytes += u64::from(settled.location.length);
                }
            });
            covered.iter().for_each(|key| generation.purged(key));
            store.count -= purged;
            store.live_bytes -= purged_bytes;
            store.expiring -= purged;
            self.totals.purged += purged;
        }
    }
}
