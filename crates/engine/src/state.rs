//! The state map: an ordered map of bytes to bytes whose puts and deletes are journal entries. TypeScript owns the
//! meaning of keys.
//!
//! What it is not: a store for large data; it lies in memory, and is written whole with every base of the manifest.
//!
//! The invariant: the map is what the frames say, in their order; a replay of puts and deletes rebuilds it.

use millrace_log::fields::{Fields, Short, put_bytes, put_u32};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

/// Keys of which the next edit of the manifest says what has become of them.
pub(crate) type Changed = BTreeSet<Box<[u8]>>;

/// Keys and values, in key order.
#[derive(Clone, Debug, Default)]
pub struct State {
    map: BTreeMap<Box<[u8]>, Box<[u8]>>,
    changed: Changed,
}

impl PartialEq for State {
    fn eq(&self, other: &State) -> bool {
        self.map == other.map
    }
}

impl State {
    /// Sets a key.
    pub fn put(&mut self, key: &[u8], value: &[u8]) {
        self.change(key);
        match self.map.get_mut(key) {
            Some(place) if place.len() == value.len() => place.copy_from_slice(value),
            Some(place) => *place = value.into(),
            None => {
                self.map.insert(key.into(), value.into());
            }
        }
    }

    /// Removes a key, if it is there.
    pub fn delete(&mut self, key: &[u8]) {
        self.change(key);
        self.map.remove(key);
    }

    fn change(&mut self, key: &[u8]) {
        if !self.changed.contains(key) {
            self.changed.insert(key.into());
        }
    }

    /// The keys that changed since this was last asked; the caller answers for their getting into a manifest.
    pub(crate) fn take_changed(&mut self) -> Changed {
        std::mem::take(&mut self.changed)
    }

    /// Gives back what was taken: no manifest says it.
    pub(crate) fn give_back(&mut self, changed: Changed) {
        self.changed.extend(changed);
    }

    /// What has become of these keys, for an edit of the manifest.
    pub(crate) fn encode_changes(&self, changed: &Changed) -> Vec<u8> {
        let (kept, gone): (Vec<_>, Vec<_>) = changed.iter().partition(|key| self.map.contains_key(*key));
        let mut out = Vec::new();
        put_u32(&mut out, kept.len() as u32);
        for key in kept {
            put_bytes(&mut out, key);
            put_bytes(&mut out, &self.map[key]);
        }
        put_u32(&mut out, gone.len() as u32);
        gone.into_iter().for_each(|key| put_bytes(&mut out, key));
        out
    }

    /// Takes over what `encode_changes` wrote.
    pub(crate) fn apply(&mut self, changes: &[u8]) -> Result<(), Short> {
        let mut fields = Fields::new(changes);
        for _ in 0..fields.count(8)? {
            let key = fields.bytes()?;
            self.map.insert(key.into(), fields.bytes()?.into());
        }
        for _ in 0..fields.count(4)? {
            self.map.remove(fields.bytes()?);
        }
        if fields.left() == 0 { Ok(()) } else { Err(Short) }
    }

    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &[u8]) -> Option<&[u8]> {
        self.map.get(key).map(AsRef::as_ref)
    }

    /// Pairs whose key begins with `prefix`, in key order.
    pub fn scan<'a>(&'a self, prefix: &'a [u8]) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        let from: (Bound<&[u8]>, Bound<&[u8]>) = (Bound::Included(prefix), Bound::Unbounded);
        self.map
            .range::<[u8], _>(from)
            .take_while(move |(key, _)| key.starts_with(prefix))
            .map(|(key, value)| (key.as_ref(), value.as_ref()))
    }

    /// The map for a manifest.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_u32(&mut out, self.map.len() as u32);
        for (key, value) in &self.map {
            put_bytes(&mut out, key);
            put_bytes(&mut out, value);
        }
        out
    }

    /// Reads what `encode` wrote.
    pub fn decode(bytes: &[u8]) -> Result<State, Short> {
        let mut fields = Fields::new(bytes);
        let mut state = State::default();
        for _ in 0..fields.count(8)? {
            let key = fields.bytes()?;
            state.map.insert(key.into(), fields.bytes()?.into());
        }
        if fields.left() == 0 { Ok(state) } else { Err(Short) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> State {
        let mut state = State::default();
        for (key, value) in [("topic/b", "2"), ("offset/x", "9"), ("topic/a", "1"), ("topic/", "")] {
            state.put(key.as_bytes(), value.as_bytes());
        }
        state
    }

    #[test]
    fn a_scan_yields_the_keys_of_a_prefix_in_order() {
        let state = state();
        let keys: Vec<&[u8]> = state.scan(b"topic/").map(|(key, _)| key).collect();
        assert_eq!(keys, [&b"topic/"[..], b"topic/a", b"topic/b"]);
        assert_eq!(state.scan(b"zzz").count(), 0);
    }

    #[test]
    fn what_has_changed_leads_from_one_map_to_the_next() {
        let mut before = state();
        let mut now = before.clone();
        now.take_changed();
        now.put(b"topic/a", b"other");
        now.put(b"new", b"1");
        now.delete(b"topic/b");
        now.put(b"fleeting", b"1");
        now.delete(b"fleeting");
        let changed = now.take_changed();
        let bytes = now.encode_changes(&changed);
        for cut in 0..bytes.len() {
            assert!(before.clone().apply(&bytes[..cut]).is_err());
        }
        before.apply(&bytes).expect("whole");
        assert_eq!(before, now);
        assert!(now.take_changed().is_empty());
        now.give_back(changed);
        assert_eq!(now.take_changed().len(), 4);
    }

    #[test]
    fn the_map_comes_back_whole_and_a_cut_one_is_refused() {
        let mut state = state();
        state.delete(b"topic/a");
        state.put(b"topic/b", b"longer");
        let bytes = state.encode();
        assert_eq!(State::decode(&bytes), Ok(state));
        for cut in 0..bytes.len() {
            assert_eq!(State::decode(&bytes[..cut]), Err(Short));
        }
    }
}
