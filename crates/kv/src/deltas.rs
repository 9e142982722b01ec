//! The keys that a layer of writes adds to what lies below it, and those it takes away, in order, with their sums.
//!
//! What it is not: the writes. A key that is overwritten changes no number and is not here.
//!
//! The invariant: no key has the delta 0, no chunk is empty, and a chunk's sum is that of its entries.

use crate::prefix_sums::{PrefixSums, steps};

/// Entries of a chunk before it is split.
const CHUNK_MAX: usize = 256;

#[derive(Debug)]
struct Chunk {
    entries: Vec<(Box<[u8]>, i8)>,
    sum: i64,
}

impl Chunk {
    fn first(&self) -> &[u8] {
        &self.entries[0].0
    }

    fn search(&self, key: &[u8]) -> Result<usize, usize> {
        self.entries.binary_search_by(|(of, _)| of.as_ref().cmp(key))
    }
}

/// Keys with how many they add: 1, or -1.
#[derive(Debug, Default)]
pub(crate) struct Deltas {
    chunks: Vec<Chunk>,
    sums: PrefixSums,
}

impl Deltas {
    #[cfg(debug_assertions)]
    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    fn chunk_of(&self, key: &[u8]) -> usize {
        self.chunks.partition_point(|chunk| chunk.first() <= key).saturating_sub(1)
    }

    /// Changes the delta of a key.
    pub fn add(&mut self, key: &[u8], by: i8) {
        if by == 0 {
            return;
        }
        if self.chunks.is_empty() {
            self.chunks.push(Chunk { entries: vec![(key.into(), by)], sum: i64::from(by) });
            self.sums.forget();
            return;
        }
        let at = self.chunk_of(key);
        let chunk = &mut self.chunks[at];
        chunk.sum += i64::from(by);
        self.sums.add(at, i64::from(by));
        match chunk.search(key) {
            Ok(index) => {
                chunk.entries[index].1 += by;
                if chunk.entries[index].1 == 0 {
                    chunk.entries.remove(index);
                }
            }
            Err(index) => chunk.entries.insert(index, (key.into(), by)),
        }
        if chunk.entries.is_empty() {
            self.chunks.remove(at);
            self.sums.forget();
        } else if chunk.entries.len() > CHUNK_MAX {
            let entries = chunk.entries.split_off(CHUNK_MAX / 2);
            let sum = entries.iter().map(|(_, delta)| i64::from(*delta)).sum();
            chunk.sum -= sum;
            self.chunks.insert(at + 1, Chunk { entries, sum });
            self.sums.forget();
        }
    }

    /// Takes over all deltas of another layer.
    pub fn take_all(&mut self, other: &mut Deltas) {
        for (key, by) in std::mem::take(other).chunks.iter().flat_map(|chunk| &chunk.entries) {
            self.add(key, *by);
        }
    }

    /// Makes `before` possible.
    pub fn build(&mut self) {
        self.sums.build(self.chunks.iter().map(|chunk| chunk.sum));
    }

    /// Sum of the deltas of all keys below `key`.
    pub fn before(&self, key: &[u8]) -> i64 {
        if self.chunks.is_empty() {
            return 0;
        }
        let at = self.chunk_of(key);
        let chunk = &self.chunks[at];
        let (Ok(index) | Err(index)) = chunk.search(key);
        steps::note(index as u64);
        let inside: i64 = chunk.entries[..index].iter().map(|(_, delta)| i64::from(*delta)).sum();
        self.sums.before(at) + inside
    }

    /// The last key for which `is_so` holds, when it holds for all before it too.
    pub fn last_where(&self, mut is_so: impl FnMut(&[u8]) -> bool) -> Option<&[u8]> {
        let at = self.chunks.partition_point(|chunk| is_so(chunk.first())).checked_sub(1)?;
        let entries = &self.chunks[at].entries;
        let index = entries.partition_point(|(key, _)| is_so(key)).checked_sub(1)?;
        Some(&entries[index].0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn sums_and_searches_are_those_of_a_plain_map() {
        let mut model: BTreeMap<Vec<u8>, i8> = BTreeMap::new();
        let mut deltas = Deltas::default();
        let mut state = 9_u64;
        for round in 0..6000 {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            let key = format!("{:04}", (state >> 33) % 1500).into_bytes();
            let by: i8 = if model.get(&key).is_some_and(|delta| *delta > 0) { -1 } else { 1 };
            deltas.add(&key, by);
            *model.entry(key.clone()).or_default() += by;
            model.retain(|_, delta| *delta != 0);
            if round % 50 == 0 {
                deltas.build();
                let sum: i64 = model.range(..key.clone()).map(|(_, delta)| i64::from(*delta)).sum();
                assert_eq!(deltas.before(&key), sum);
                let last = model.range(..=key.clone()).next_back().map(|(key, _)| key.as_slice());
                assert_eq!(deltas.last_where(|of| of <= key.as_slice()), last);
            }
        }
        let mut other = Deltas::default();
        other.take_all(&mut deltas);
        other.build();
        assert_eq!(other.before(b"z"), model.values().map(|delta| i64::from(*delta)).sum::<i64>());
        assert!(deltas.chunks.is_empty());
    }
}
