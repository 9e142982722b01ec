//! Partitions in dense slots, found by id. A slot number plus its generation names one life of one partition.
//!
//! What it is not: aware of anything inside a partition.
//!
//! The invariants: a generation grows whenever a slot is emptied, so a stale (slot, generation) finds nothing; and
//! whoever can change what a manifest says of a partition has marked it as changed.

use crate::partition::Partition;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// Ids are our own dense numbers, not attacker-chosen keys: one multiplication mixes them well enough.
#[derive(Default)]
pub struct IdHasher(u64);

impl Hasher for IdHasher {
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

#[derive(Debug, Default)]
struct Slot {
    generation: u32,
    /// It is in the table's list of changed partitions.
    changed: bool,
    partition: Option<Box<Partition>>,
}

/// One life of one partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handle {
    pub slot: u32,
    pub generation: u32,
}

/// All partitions.
#[derive(Debug, Default)]
pub struct Table {
    slots: Vec<Slot>,
    free: Vec<u32>,
    ids: HashMap<u64, u32, BuildHasherDefault<IdHasher>>,
    /// Partitions that changed since the list was last taken; some of them may be gone.
    changed: Vec<Handle>,
}

impl Table {
    /// The partition with this id, unless it is deleted.
    #[must_use]
    pub fn find(&self, id: u64) -> Option<Handle> {
        let slot = *self.ids.get(&id)?;
        Some(Handle { slot, generation: self.slots[slot as usize].generation })
    }

    #[must_use]
    pub fn get(&self, handle: Handle) -> Option<&Partition> {
        let slot = self.slots.get(handle.slot as usize)?;
        if slot.generation == handle.generation { slot.partition.as_deref() } else { None }
    }

    /// A partition to be changed: the next manifest says anew what it is.
    pub fn get_mut(&mut self, handle: Handle) -> Option<&mut Partition> {
        self.mark_changed(handle);
        self.get_unsaved(handle)
    }

    /// A partition of which only what no manifest says is changed, or what one says already.
    pub fn get_unsaved(&mut self, handle: Handle) -> Option<&mut Partition> {
        let slot = self.slots.get_mut(handle.slot as usize)?;
        if slot.generation == handle.generation { slot.partition.as_deref_mut() } else { None }
    }

    /// The next manifest says anew what this partition is.
    pub fn mark_changed(&mut self, handle: Handle) {
        if let Some(slot) = self.slots.get_mut(handle.slot as usize)
            && slot.generation == handle.generation
            && !slot.changed
        {
            slot.changed = true;
            self.changed.push(handle);
        }
    }

    /// The partitions that changed since this was last asked; the caller answers for their getting into a manifest.
    pub fn take_changed(&mut self) -> Vec<Handle> {
        let changed = std::mem::take(&mut self.changed);
        for handle in &changed {
            self.slots[handle.slot as usize].changed = false;
        }
        changed
    }

    /// How many slots there are.
    #[must_use]
    pub fn slots(&self) -> u32 {
        self.slots.len() as u32
    }

    /// The partition in a slot, hidden or not.
    #[must_use]
    pub fn in_slot(&self, slot: u32) -> Option<&Partition> {
        self.slots.get(slot as usize)?.partition.as_deref()
    }

    /// The partition in a slot, hidden or not, of which only what no manifest says is changed, and its handle.
    pub fn in_slot_unsaved(&mut self, slot: u32) -> Option<(Handle, &mut Partition)> {
        let place = self.slots.get_mut(slot as usize)?;
        let handle = Handle { slot, generation: place.generation };
        place.partition.as_deref_mut().map(|partition| (handle, partition))
    }

    /// Adds a partition whose id is not there yet.
    pub fn insert(&mut self, partition: Partition) -> Handle {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot::default());
            u32::try_from(self.slots.len() - 1).expect("fewer than 2^32 partitions")
        });
        let before = self.ids.insert(partition.id, slot);
        assert!(before.is_none(), "partition {} is there already", partition.id);
        let place = &mut self.slots[slot as usize];
        place.partition = Some(Box::new(partition));
        let handle = Handle { slot, generation: place.generation };
        self.mark_changed(handle);
        handle
    }

    /// Makes the id unknown; the partition stays reachable by its handle until `remove`.
    pub fn hide(&mut self, id: u64) {
        self.ids.remove(&id);
    }

    /// Undoes `hide`.
    pub fn unhide(&mut self, id: u64, handle: Handle) {
        self.ids.insert(id, handle.slot);
    }

    /// Takes a hidden partition out of its slot.
    pub fn remove(&mut self, handle: Handle) -> Option<Box<Partition>> {
        let place = self.slots.get_mut(handle.slot as usize)?;
        if place.generation != handle.generation {
            return None;
        }
        let partition = place.partition.take()?;
        // It may be in the list still: another life of the slot is told apart by its generation.
        place.changed = false;
        debug_assert!(!self.ids.contains_key(&partition.id) || self.ids[&partition.id] != handle.slot);
        place.generation += 1;
        self.free.push(handle.slot);
        Some(partition)
    }

    /// How many partitions are not deleted.
    #[must_use]
    pub fn count(&self) -> usize {
        self.ids.len()
    }

    /// All partitions that are not hidden, in slot order (the same on every run with the same history).
    pub fn iter(&self) -> impl Iterator<Item = &Partition> {
        self.slots.iter().filter_map(|slot| slot.partition.as_deref()).filter(|partition| !partition.deleted)
    }
}
