//! What a repair asks of stores that were loaded and replayed, and the share of the manifest it publishes.
//!
//! What it is not: the choice of what is given up, or the writing of files (crates/engine).
//!
//! The invariant: everything but the files that are replaced is in the new share as it was in the old one.

use crate::data_writer::Sealed;
use crate::kv::Kv;
use crate::location::Settled;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

impl Kv {
    /// The settled write of a key, and the number of the file where its value lies; expired ones are not told.
    #[must_use]
    pub fn settled_of(&self, store: u32, key: &[u8]) -> Option<(Settled, u64)> {
        let settled = self.stores.get(&store)?.current.keydir.get(key)?;
        let file = self.files.get(settled.location.slot)?;
        Some((settled, file.sealed.identity.number))
    }

    /// Settled keys between two, both included.
    pub fn settled_between(&self, store: u32, from: &[u8], to: &[u8]) -> Vec<(Vec<u8>, Settled)> {
        let range = (Bound::Included(from), Bound::Included(to));
        let of = self.stores.get(&store).filter(|_| from <= to);
        let keys = of.into_iter().flat_map(|of| of.current.keydir.range(range));
        keys.map(|(key, settled)| (key.to_vec(), settled)).collect()
    }

    /// The sequence at which the store's generation began that the manifest tells of.
    #[must_use]
    pub fn published_since(&self, store: u32) -> Option<u64> {
        self.published.stores.get(&store).copied()
    }

    /// The share of the manifest with other files in the place of some, by number (`None`: without one), and with these
    /// large files.
    #[must_use]
    pub fn share_with(&self, replaced: &BTreeMap<u64, Option<Sealed>>, large: &BTreeSet<u64>) -> Vec<u8> {
        let files =
            self.files.live().filter_map(|(_, file)| match replaced.get(&file.sealed.identity.number) {
                Some(other) => other.as_ref(),
                None => Some(&file.sealed),
            });
        let numbers = self.large_files().into_iter().filter(|(number, _)| large.contains(number));
        let numbers: Vec<(u64, u64)> = numbers.collect();
        self.encode_share(&self.published.stores, files, &numbers)
    }

    /// The largest number a file has, or had.
    #[must_use]
    pub fn last_file_number(&self) -> u64 {
        self.files.last_number()
    }
}
