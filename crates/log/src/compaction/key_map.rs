//! Which offset has the newest record of a key: 16 bytes of hash and 8 of offset a key, in bounded memory.
//!
//! What it is not: a map of keys. Two keys with one hash would lose the older one's record, so the hash is keyed with the
//! directory's random id, and 128 bits long: nobody outside can look for two, and chance does not find them.
//!
//! The invariant: never more memory than was allowed, and growing costs one small table, never all of them.

use std::hash::{DefaultHasher, Hasher};

/// Most tables: one grows at a time.
const TABLES_MAX: usize = 256;
/// Slots of a table at first.
const FIRST_SLOTS: usize = 16;
/// Offsets are below 2^63.
const EMPTY: u64 = u64::MAX;

#[derive(Clone, Copy, Debug)]
struct Slot {
    hash: [u64; 2],
    offset: u64,
}

const _: () = assert!(size_of::<Slot>() == 24);

#[derive(Debug, Default)]
struct Table {
    /// A power of two of them, at most three quarters used.
    slots: Vec<Slot>,
    used: usize,
}

/// The newest offset of every key that was put in.
#[derive(Debug)]
pub(crate) struct KeyMap {
    secret: [u8; 16],
    tables: Vec<Table>,
    slots_max: usize,
}

impl Table {
    /// The slot that has the hash, or the empty one it would take.
    fn find(&self, hash: [u64; 2]) -> usize {
        let mask = self.slots.len() - 1;
        let mut at = hash[1] as usize & mask;
        while self.slots[at].offset != EMPTY && self.slots[at].hash != hash {
            at = (at + 1) & mask;
        }
        at
    }

    fn grow(&mut self) {
        let count = (self.slots.len() * 2).max(FIRST_SLOTS);
        let before = std::mem::replace(&mut self.slots, vec![Slot { hash: [0; 2], offset: EMPTY }; count]);
        for slot in before.into_iter().filter(|slot| slot.offset != EMPTY) {
            let at = self.find(slot.hash);
            self.slots[at] = slot;
        }
    }

    fn is_full(&self) -> bool {
        self.used >= self.slots.len() / 4 * 3
    }
}

impl KeyMap {
    /// An empty map of at most `bytes` bytes, but of some keys whatever that is.
    pub fn new(secret: [u8; 16], bytes: u64) -> KeyMap {
        let slots = usize::try_from(bytes).unwrap_or(usize::MAX) / size_of::<Slot>();
        let tables = (slots / FIRST_SLOTS).clamp(1, TABLES_MAX);
        let slots_max = 1 << (slots / tables).max(FIRST_SLOTS).ilog2();
        KeyMap { secret, tables: (0..tables).map(|_| Table::default()).collect(), slots_max }
    }

    fn hash(&self, key: &[u8]) -> [u64; 2] {
        [1, 2].map(|half| {
            let mut hasher = DefaultHasher::new();
            hasher.write(&self.secret);
            hasher.write_u8(half);
            hasher.write(key);
            hasher.finish()
        })
    }

    /// Says that the record at `offset` is the newest of its key. False: there is no room for another key.
    #[must_use]
    pub fn put(&mut self, key: &[u8], offset: u64) -> bool {
        let hash = self.hash(key);
        let count = self.tables.len();
        let table = &mut self.tables[hash[0] as usize % count];
        if table.slots.is_empty() {
            table.grow();
        }
        let mut at = table.find(hash);
        if table.slots[at].offset == EMPTY {
            if table.is_full() {
                if table.slots.len() >= self.slots_max {
                    return false;
                }
                table.grow();
                at = table.find(hash);
            }
            table.used += 1;
        }
        table.slots[at] = Slot { hash, offset };
        true
    }

    /// The offset of the newest record of a key; `None`: the map does not know it.
    pub fn newest(&self, key: &[u8]) -> Option<u64> {
        let hash = self.hash(key);
        let table = &self.tables[hash[0] as usize % self.tables.len()];
        if table.slots.is_empty() {
            return None;
        }
        let slot = &table.slots[table.find(hash)];
        (slot.offset != EMPTY).then_some(slot.offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_offset_of_every_key_is_found_and_no_other() {
        let mut map = KeyMap::new([7; 16], 1 << 20);
        for offset in 0..20_000_u64 {
            assert!(map.put(&(offset % 9_000).to_le_bytes(), offset));
        }
        for key in 0..9_000_u64 {
            let newest = if key < 2_000 { 18_000 + key } else { 9_000 + key };
            assert_eq!(map.newest(&key.to_le_bytes()), Some(newest));
        }
        assert_eq!(map.newest(b""), None);
        assert_eq!(map.newest(&9_000_u64.to_le_bytes()), None);
    }

    #[test]
    fn memory_is_bounded_and_known_keys_go_on_moving_when_it_is_used_up() {
        let mut map = KeyMap::new([7; 16], 256 * 24 * 32);
        let mut refused = 0;
        for key in 0..20_000_u64 {
            refused += u64::from(!map.put(&key.to_le_bytes(), key));
        }
        let slots: usize = map.tables.iter().map(|table| table.slots.len()).sum();
        assert!(slots <= 256 * 32 && refused >= 20_000 - 256 * 24, "{slots} slots, {refused} refused");
        assert!(map.newest(&0_u64.to_le_bytes()).is_some() && map.put(&0_u64.to_le_bytes(), 30_000));
        assert_eq!(map.newest(&0_u64.to_le_bytes()), Some(30_000));
    }
}
