//! How many keys lie before a key, and which key has so many before it, without walking over them.
//!
//! What it is not: a second index. The keydir knows how many keys each of its nodes has; the memtables above it know which
//! keys they add and take away (`deltas.rs`), from the first question on.
//!
//! The invariant: for every key, its place in the keydir (0 or 1), its delta in the settling and its delta in the active
//! memtable add up to 1 when its newest write is a value, and to 0 otherwise.

use crate::deltas::Deltas;
use crate::generation::Generation;
use crate::kv::Kv;
use crate::memtable::KeyRange;
use std::ops::Bound;

/// What both memtables of a generation change in the number of keys.
#[derive(Debug, Default)]
pub(crate) struct Ranks {
    pub active: Deltas,
    pub settling: Deltas,
}

/// The answer to a question of counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted<T> {
    Ready(T),
    /// Keys of the range may be lost.
    Damaged,
    UnknownStore,
}

impl Generation {
    /// Makes `rank` possible: the first time it looks at all writes above the keydir.
    fn build_ranks(&mut self) {
        if self.ranks.is_none() {
            let mut ranks = Ranks::default();
            let one = |is: bool| i8::from(is);
            for (key, written) in self.settling.iter().flat_map(|table| table.range(EVERYTHING)) {
                let below = self.keydir.get(key).is_some();
                ranks.settling.add(key, one(written.is_value()) - one(below));
            }
            for (key, written) in self.active.range(EVERYTHING) {
                let below = self.below_active(key).is_value();
                ranks.active.add(key, one(written.is_value()) - one(below));
            }
            self.ranks = Some(ranks);
        }
        self.keydir.build_sums();
        if let Some(ranks) = &mut self.ranks {
            ranks.active.build();
            ranks.settling.build();
        }
    }

    /// Keys below `key`, expired ones that were not purged included. `build_ranks` comes before it.
    fn rank(&self, key: &[u8]) -> u64 {
        let above =
            self.ranks.as_ref().map_or(0, |ranks| ranks.active.before(key) + ranks.settling.before(key));
        (self.keydir.rank(key) as i64 + above).max(0) as u64
    }

    /// The key that has `rank` keys below it.
    fn nth(&self, rank: u64) -> Option<&[u8]> {
        let mut is_up_to = |key: &[u8]| self.rank(key) <= rank;
        let ranks = self.ranks.as_ref()?;
        let settled = self.keydir.last_where(&mut is_up_to);
        let settling = ranks.settling.last_where(&mut is_up_to);
        let active = ranks.active.last_where(&mut is_up_to);
        // The greatest of all known keys with at most so many below it; the next one has more, so this one counts.
        let key = settled.into_iter().chain(settling).chain(active).max()?;
        (self.rank(key) == rank && self.newest(key).is_value()).then_some(key)
    }

    /// The active memtable settles.
    pub fn freeze_ranks(&mut self) {
        let Some(ranks) = &mut self.ranks else { return };
        #[cfg(debug_assertions)]
        assert!(ranks.settling.is_empty(), "what has settled changes no number");
        ranks.settling = std::mem::take(&mut ranks.active);
    }

    /// A settled write has moved into the keydir, which had the key before or not.
    pub fn moved_down(&mut self, key: &[u8], is_value: bool, was_there: bool) {
        if let Some(ranks) = &mut self.ranks {
            ranks.settling.add(key, i8::from(was_there) - i8::from(is_value));
        }
    }

    /// What was to settle is part of the active memtable again.
    pub fn take_ranks_back(&mut self) {
        if let Some(Ranks { active, settling }) = &mut self.ranks {
            active.take_all(settling);
        }
    }

    /// The key is gone from the keydir without a write; whoever knows of it above now adds it all by itself.
    pub fn purged(&mut self, key: &[u8]) {
        let Some(ranks) = &mut self.ranks else { return };
        if self.settling.as_ref().is_some_and(|table| table.get(key).is_some()) {
            ranks.settling.add(key, 1);
        } else if self.active.get(key).is_some() {
            ranks.active.add(key, 1);
        }
    }
}

const EVERYTHING: KeyRange<'static> = (Bound::Unbounded, Bound::Unbounded);

impl Kv {
    /// How many keys there are from `from` on and before `to`, expired ones that were not purged included. The first
    /// question to a store looks at all its writes that are not settled; after that it costs logarithms.
    pub fn count_between(&mut self, store: u32, from: &[u8], to: &[u8]) -> Counted<u64> {
        let Some(of) = self.stores.get_mut(&store) else { return Counted::UnknownStore };
        if from >= to {
            return Counted::Ready(0);
        }
        let range = (Bound::Included(from), Bound::Excluded(to));
        if of.fences.iter().any(|fence| fence.touches(range)) {
            return Counted::Damaged;
        }
        of.current.build_ranks();
        Counted::Ready(of.current.rank(to) - of.current.rank(from))
    }

    /// The key from `from` on and before `to` (`None`: of all behind) that has `index` keys of that range before it; otherwise as
    /// `count_between`.
    pub fn nth_between(
        &mut self,
        store: u32,
        from: &[u8],
        to: Option<&[u8]>,
        index: u64,
    ) -> Counted<Option<&[u8]>> {
        let Some(of) = self.stores.get_mut(&store) else { return Counted::UnknownStore };
        let range = (Bound::Included(from), to.map_or(Bound::Unbounded, Bound::Excluded));
        if to.is_some_and(|to| from >= to) {
            return Counted::Ready(None);
        }
        if of.fences.iter().any(|fence| fence.touches(range)) {
            return Counted::Damaged;
        }
        of.current.build_ranks();
        let first = of.current.rank(from);
        let key = first.checked_add(index).and_then(|rank| of.current.nth(rank));
        Counted::Ready(key.filter(|key| to.is_none_or(|to| *key < to)))
    }
}

#[cfg(test)]
mod tests {
    use crate::files::Files;
    use crate::keydir::Builder;
    use crate::location::{Location, Settled};
    use crate::memtable::Written;
    use crate::prefix_sums::steps;
    use crate::store::Store;
    use crate::value::Value;

    fn key(number: u64) -> Vec<u8> {
        format!("{number:012}").into_bytes()
    }

    /// A store with the even numbers below `2 * keys` in its keydir, every fourth of them removed again in memory, and every
    /// eighth odd number put there.
    fn store(keys: u64) -> Store {
        let mut builder = Builder::default();
        let location = Location { slot: 1, position: 0, length: 10 };
        for number in 0..keys {
            builder.push(&key(number * 2), &Settled { location, sequence: 1, expires_ms: 0 });
        }
        let mut store = Store::new(0);
        store.current.keydir = builder.finish();
        store.count = keys;
        store.live_bytes = keys * 10;
        let mut files = Files::default();
        for number in (0..keys * 2).step_by(8) {
            store.delete(&key(number), 2, &mut files);
            let written =
                Written { sequence: 2, expires_ms: 0, value: Some(Value::copied(b"v")), place: None };
            store.put(&key(number + 1), written, 0, &mut files);
        }
        store
    }

    /// Steps of one rank and of one search by rank, at most, in 200 of each.
    fn steps_at_most(keys: u64) -> (u64, u64) {
        let mut store = store(keys);
        store.current.build_ranks();
        let (mut most, mut most_of_search) = (0, 0);
        for question in 0..200 {
            let number = question * 7919 % (keys * 2);
            steps::take();
            let rank = store.current.rank(&key(number));
            most = most.max(steps::take());
            // Of eight numbers: 1, 2, 4 and 6 are there.
            let expected = number / 8 * 4 + [0, 0, 1, 2, 2, 3, 3, 4][(number % 8) as usize];
            assert_eq!(rank, expected, "before {number} of {keys}");
            let nth = store.current.nth(rank).map(<[u8]>::to_vec);
            most_of_search = most_of_search.max(steps::take());
            let there = (number..keys * 2).find(|at| [1, 2, 4, 6].contains(&(at % 8)));
            assert_eq!(nth, there.map(key), "the key with {rank} before it");
        }
        (most, most_of_search)
    }

    #[test]
    fn the_steps_of_a_rank_grow_as_a_logarithm() {
        let (few, few_of_search) = steps_at_most(4_000);
        let (many, many_of_search) = steps_at_most(256_000);
        // A node's leaves and a chunk's entries at most, and some sums: 64 times the keys add a few of them.
        assert!(few <= 600 && many <= 600, "{few} steps of 4,000 keys, {many} of 256,000");
        // A rank for each halving of three layers.
        let halvings = 3 * 20;
        assert!(few_of_search <= few * halvings && many_of_search <= many * halvings);
        println!("{few} and {few_of_search} steps of 4,000 keys, {many} and {many_of_search} of 256,000");
    }
}
