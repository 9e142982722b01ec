//! Settled values that stay in memory, under one budget for all stores.
//!
//! What it is not: needed; whatever is not here is read from its data file.
//!
//! The invariant: values are found by where their record lies, and records never change, so nothing here can be stale.

use crate::value::Value;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// Memory of one value beside its bytes.
const ENTRY_BYTES: u64 = 96;

/// Places are our own dense numbers, not attacker-chosen keys: one multiplication mixes them well enough.
#[derive(Default)]
struct PlaceHasher(u64);

impl Hasher for PlaceHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, value: u64) {
        let mixed = (self.0 ^ value).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = mixed ^ (mixed >> 29);
    }
}

#[derive(Debug)]
struct Kept {
    place: u64,
    value: Value,
    /// Read since the hand came by.
    used: bool,
}

/// Values by place, given up by a clock.
#[derive(Debug)]
pub struct Resident {
    budget: u64,
    bytes: u64,
    kept: Vec<Kept>,
    places: HashMap<u64, u32, BuildHasherDefault<PlaceHasher>>,
    hand: usize,
}

impl Resident {
    /// Keeps at most `budget` bytes.
    #[must_use]
    pub fn new(budget: u64) -> Resident {
        Resident { budget, bytes: 0, kept: Vec::new(), places: HashMap::default(), hand: 0 }
    }

    /// The value of the record at this place.
    pub fn get(&mut self, place: u64) -> Option<&Value> {
        let kept = &mut self.kept[*self.places.get(&place)? as usize];
        kept.used = true;
        Some(&kept.value)
    }

    /// Keeps a value, giving up others for it. A value that would take a quarter of everything is not kept.
    pub fn insert(&mut self, place: u64, value: Value) {
        let cost = ENTRY_BYTES + value.len() as u64;
        if cost > self.budget / 4 || self.places.contains_key(&place) {
            return;
        }
        while self.bytes + cost > self.budget && !self.kept.is_empty() {
            self.give_one_up();
        }
        self.bytes += cost;
        self.places.insert(place, self.kept.len() as u32);
        self.kept.push(Kept { place, value, used: false });
    }

    /// The record moved to another place.
    pub fn rename(&mut self, from: u64, to: u64) {
        if self.places.contains_key(&to) {
            return;
        }
        let Some(index) = self.places.remove(&from) else { return };
        self.kept[index as usize].place = to;
        self.places.insert(to, index);
    }

    fn give_one_up(&mut self) {
        loop {
            self.hand = if self.hand < self.kept.len() { self.hand } else { 0 };
            let kept = &mut self.kept[self.hand];
            if std::mem::take(&mut kept.used) {
                self.hand += 1;
                continue;
            }
            let gone = self.kept.swap_remove(self.hand);
            self.bytes -= ENTRY_BYTES + gone.value.len() as u64;
            self.places.remove(&gone.place);
            if let Some(moved) = self.kept.get(self.hand) {
                self.places.insert(moved.place, self.hand as u32);
            }
            self.hand += 1;
            return;
        }
    }

    /// Memory in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_budget_holds_and_what_was_read_stays_longer() {
        let mut resident = Resident::new(10 * (ENTRY_BYTES + 100));
        for place in 0..10 {
            resident.insert(place, Value::copied(&[place as u8; 100]));
        }
        assert!(resident.get(3).is_some());
        for place in 10..18 {
            resident.insert(place, Value::copied(&[place as u8; 100]));
            assert!(resident.bytes() <= 10 * (ENTRY_BYTES + 100));
        }
        assert_eq!(resident.get(3).map(Value::bytes), Some(&[3; 100][..]));
        assert!((0..10).filter(|place| resident.get(*place).is_some()).count() < 10);
    }
}
