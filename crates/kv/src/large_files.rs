//! Large files among the files of a run: which values in them are needed, what a manifest names, when one may go.
//!
//! What it is not: their contents (`large.rs`), or their writing, which is the journal's.
//!
//! The invariant: a large file goes only after a manifest is durable that does not name it, at whose checkpoint no key
//! needed it, and when no frame above that checkpoint refers to it.

use crate::data_file::{Identity, Role};
use crate::data_writer::Sealed;
use crate::files::{DataFile, Files};
use crate::generation::Generation;
use crate::hint::Entry;
use crate::kv::Kv;
use crate::location::Location;
use crate::record::Record;
use crate::value::Value;
use millrace_io::{BLOCK, OpQueue, Piece};
use std::collections::{BTreeMap, BTreeSet};

/// Bytes in front of the first value.
pub const LARGE_FROM: u64 = BLOCK as u64;

/// Whole blocks of a value.
pub(crate) fn blocks(length: u32) -> u64 {
    u64::from(length).next_multiple_of(BLOCK as u64)
}

impl DataFile {
    /// Bytes of a large file that no key needs.
    #[must_use]
    pub fn idle_bytes(&self) -> u64 {
        self.sealed.length.saturating_sub(LARGE_FROM + self.needed_bytes)
    }
}

impl Files {
    /// The large files.
    pub fn large(&self) -> impl Iterator<Item = (u32, &DataFile)> {
        self.all().filter(|(_, file)| file.is_large())
    }

    /// The slot of the large file with this number, which is added when it is not known.
    pub fn large_slot(&mut self, directory_id: [u8; 16], number: u64) -> u32 {
        if let Some(slot) = self.large_slots.get(&number) {
            return *slot;
        }
        let identity = Identity { directory_id, number, store: 0, epoch: 0, role: Role::Large };
        let slot = self.add(Sealed {
            identity,
            length: LARGE_FROM,
            records: 0,
            min_sequence: u64::MAX,
            max_sequence: 0,
            min_key: Vec::new(),
            max_key: Vec::new(),
        });
        self.large_slots.insert(number, slot);
        slot
    }

    /// A large file has values up to `end`; frames up to this LSN refer to it.
    pub fn large_used(&mut self, slot: u32, end: u64, lsn: u64) {
        if let Some(file) = self.get_mut(slot) {
            file.sealed.length = file.sealed.length.max(end);
            file.last_lsn = file.last_lsn.max(lsn);
        }
    }

    /// Where the value of a hint's entry is read; `slot`: of the file with the record.
    pub fn location_of(&mut self, entry: &Entry<'_>, slot: u32) -> Location {
        let Entry { position, length, .. } = *entry;
        let Some(reference) = entry.reference else { return Location { slot, position, length } };
        let directory_id = self.get(slot).map_or([0; 16], |file| file.sealed.identity.directory_id);
        let slot = self.large_slot(directory_id, reference.file);
        Location { slot, position: reference.position, length: reference.length }
    }

    /// Slot and position by which the keydir knows a record that lies at `place`: of its value, if that is in a large file.
    pub fn place_of(&self, record: &Record<'_>, place: (u32, u64)) -> (u32, u64) {
        let Some(reference) = record.reference() else { return place };
        let slot = self.large_slots.get(&reference.file);
        // A file that is gone held nothing that was needed; no key is there.
        slot.map_or((u32::MAX, 0), |slot| (*slot, reference.position))
    }

    /// A key needs the value there, if that is in a large file.
    pub fn need(&mut self, location: Location) {
        if let Some(file) = self.get_mut(location.slot).filter(|file| file.is_large()) {
            file.needed += 1;
            file.needed_bytes += blocks(location.length);
        }
    }

    /// A key needs the value in a large file no more.
    pub fn need_no_more(&mut self, location: Location) {
        if let Some(file) = self.get_mut(location.slot).filter(|file| file.is_large()) {
            assert!(file.needed > 0, "a value is given up more often than it was needed");
            file.needed -= 1;
            file.needed_bytes = file.needed_bytes.saturating_sub(blocks(location.length));
        }
    }
}

/// Values in large files that a generation needed until its end, which the frame `sequence` said.
#[derive(Debug)]
pub(crate) struct Cleared {
    sequence: u64,
    places: Vec<Location>,
}

impl Cleared {
    /// What the keys of a generation needed; `None`: nothing.
    pub fn of(generation: &Generation, sequence: u64, files: &Files) -> Option<Cleared> {
        files.large().next()?;
        let range = (std::ops::Bound::Unbounded, std::ops::Bound::Unbounded);
        let large = |location: &Location| files.get(location.slot).is_some_and(DataFile::is_large);
        let places: Vec<Location> =
            generation.keydir.range(range).map(|(_, settled)| settled.location).filter(large).collect();
        (!places.is_empty()).then_some(Cleared { sequence, places })
    }

    /// Values at these places, of a generation that ended with that frame or before.
    pub fn of_places(places: Vec<Location>, sequence: u64) -> Cleared {
        Cleared { sequence, places }
    }

    /// Slots of the files.
    pub fn slots(&self) -> BTreeSet<u32> {
        self.places.iter().map(|place| place.slot).collect()
    }
}

/// The large files that a manifest on its way names, and the checkpoint it is of.
#[derive(Clone, Debug, Default)]
pub(crate) struct Naming {
    slots: BTreeSet<u32>,
}

impl Kv {
    /// Sets a key to a value that the journal placed in a large file; as `put` otherwise. `value`: the bytes of the value.
    #[allow(clippy::too_many_arguments)]
    pub fn put_large(
        &mut self,
        store: u32,
        key: &[u8],
        value: Option<Piece>,
        (file, position, length): (u64, u64, u32),
        sequence: u64,
        expires_ms: u64,
        now_ms: u64,
    ) -> u64 {
        let slot = self.files.large_slot(self.config.directory_id, file);
        self.files.large_used(slot, position + u64::from(length), sequence);
        self.growing = self.growing.max(Some(file));
        let place = Location { slot, position, length };
        let value = value.map(Value::of_piece);
        self.put_written(store, key, (value, Some(place)), sequence, expires_ms, now_ms)
    }

    /// A number for a new large file, which no file had before.
    pub fn new_large_number(&mut self) -> u64 {
        self.files.new_number()
    }

    /// Replay is over: no large file known so far is written any more.
    pub fn replay_done(&mut self) {
        self.growing = None;
    }

    /// The large files that hold values, or may: number and bytes.
    #[must_use]
    pub fn large_files(&self) -> BTreeMap<u64, u64> {
        let large = self.files.large();
        large.map(|(_, file)| (file.sealed.identity.number, file.sealed.length)).collect()
    }

    /// The large files that some key needs: number and bytes.
    #[must_use]
    pub fn needed_large_files(&self) -> BTreeMap<u64, u64> {
        let needed = self.files.large().filter(|(_, file)| file.needed > 0);
        needed.map(|(_, file)| (file.sealed.identity.number, file.sealed.length)).collect()
    }

    /// Notes which large files the manifest in the making names: those that some key needs.
    pub(crate) fn name_large(&mut self) -> Vec<(u64, u64)> {
        let needed = self.files.large().filter(|(_, file)| file.needed > 0 && !file.retired());
        let named: Vec<(u32, u64, u64)> =
            needed.map(|(slot, file)| (slot, file.sealed.identity.number, file.sealed.length)).collect();
        self.naming = Naming { slots: named.iter().map(|(slot, ..)| *slot).collect() };
        named.into_iter().map(|(_, number, length)| (number, length)).collect()
    }

    /// The manifest for which `name_large` was asked last is durable, and everything up to `checkpoint` is settled: large
    /// files that nothing needs go.
    pub(crate) fn drop_large(&mut self, queue: &mut OpQueue) {
        let checkpoint = self.checkpoint;
        let (past, open) = std::mem::take(&mut self.cleared)
            .into_iter()
            .partition(|cleared: &Cleared| cleared.sequence <= checkpoint);
        self.cleared = open;
        let past: Vec<Cleared> = past;
        for place in past.into_iter().flat_map(|cleared| cleared.places) {
            self.files.need_no_more(place);
        }
        let growing = self.growing;
        let named = std::mem::take(&mut self.naming).slots;
        let goes = |slot: &u32, file: &DataFile| {
            file.needed == 0
                && !file.retired()
                && !named.contains(slot)
                && file.last_lsn <= checkpoint
                && growing != Some(file.sealed.identity.number)
        };
        let gone: Vec<(u32, u64)> = self
            .files
            .large()
            .filter(|(slot, file)| goes(slot, file))
            .map(|(slot, file)| (slot, file.sealed.identity.number))
            .collect();
        for (slot, number) in gone {
            self.files.large_slots.remove(&number);
            self.files.retire(slot, queue);
        }
    }
}
