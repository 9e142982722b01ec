//! Merges of large files: what keys still need of mostly dead ones is copied into a new file, with records that refer to it,
//! and a manifest then names both.
//!
//! What it is not: the publishing and the moving of keys, which all merges have in common (`merge.rs`); the bytes
//! (`value_copy.rs`).
//!
//! The invariant: a manifest names records that refer to a new file only when the file is durable; from then on until no
//! key can point there, its values count as needed. The old file goes by the rule of all large files.

use crate::data_file::Role;
use crate::data_writer::DataWriter;
use crate::files::{DataFile, Handle};
use crate::hint::Entries;
use crate::kv::Kv;
use crate::large::Reference;
use crate::large_files::{Cleared, LARGE_FROM};
use crate::limits::STEP_ENTRIES;
use crate::location::{Location, Settled};
use crate::merge::{Merge, Stage};
use crate::merge_plan::{LargeCandidate, choose_large};
use crate::planted;
use crate::record::{Kind, Record};
use crate::value_copy::{Copied, ValueCopy};
use millrace_io::{Done, IoError, IoErrorKind, OpQueue};
use std::collections::BTreeSet;
use std::ops::Bound;

/// Where a merge finds the values it copies.
#[derive(Debug)]
pub(crate) struct LargeSource {
    /// Large files that are to be emptied of the store's values.
    pub slots: BTreeSet<u32>,
    /// The last key that was looked at.
    cursor: Option<Box<[u8]>>,
    searched: bool,
    /// Bytes their values have at most.
    live_bytes: u64,
    /// The generation whose keys are looked at.
    cleared_at: u64,
    /// Begun with the first value.
    pub copy: Option<ValueCopy>,
}

impl LargeSource {
    /// There is something to do that no completion announces.
    pub fn has_work(&self) -> bool {
        let Some(copy) = &self.copy else { return !self.searched };
        copy.has_work() || copy.wants().is_some() || copy.is_idle() && !self.searched
    }

    /// The new file is closed, which it was before anything referred to it.
    pub fn is_down(&mut self, queue: &mut OpQueue) -> bool {
        let Some(copy) = self.copy.as_mut().filter(|_| planted::refers_early()) else { return true };
        copy.finish();
        copy.step(queue);
        copy.outcome().is_some()
    }

    /// Nothing of the new file is in flight.
    pub fn has_stopped(&self) -> bool {
        self.copy.as_ref().is_none_or(|copy| !copy.reads() && copy.outcome().is_some())
    }
}

impl DataFile {
    /// The store after which keys are still to be looked at.
    fn next_store(&self, stores: impl Iterator<Item = u32>) -> Option<u32> {
        let passed = self.passed;
        stores.filter(|store| passed.is_none_or(|passed| *store > passed)).min()
    }
}

impl Kv {
    /// Begins to copy what is needed of mostly dead large files. `asked`: of less dead ones too. False: there are none, or a
    /// merge is under way.
    pub(crate) fn begin_large_merge(&mut self, asked: bool) -> bool {
        let busy = self.merge.is_some() || self.apply.is_some() || self.closing || !self.files.has_slots();
        if busy || self.config.large_header.is_none() {
            return false;
        }
        let candidates = self.files.large().filter(|(_, file)| self.is_at_rest(file) && !file.damaged);
        let candidates: Vec<LargeCandidate> = candidates
            .filter_map(|(slot, file)| {
                let store = file.next_store(self.stores())?;
                let (bytes, live_bytes) = (file.sealed.length.saturating_sub(LARGE_FROM), file.needed_bytes);
                Some(LargeCandidate { slot, store, bytes, live_bytes })
            })
            .filter(|candidate| candidate.live_bytes > 0)
            .collect();
        let Some((store, slots)) = choose_large(&candidates, asked) else { return false };
        let Some(of) = self.stores.get(&store) else { return false };
        let slots: BTreeSet<u32> = slots.into_iter().collect();
        let live = candidates.iter().filter(|candidate| slots.contains(&candidate.slot));
        let source = LargeSource {
            cursor: None,
            searched: false,
            live_bytes: live.map(|candidate| candidate.live_bytes).sum(),
            cleared_at: of.current.cleared_at,
            copy: None,
            slots,
        };
        source.slots.iter().for_each(|slot| self.files.hold(*slot));
        let mut merge = Merge::new(store, asked, self.clock_ms());
        merge.values = Some(source);
        self.merge = Some(merge);
        true
    }

    /// Whoever refers to the file is in the keydirs, as far as frames go.
    fn is_at_rest(&self, file: &DataFile) -> bool {
        let growing = self.growing == Some(file.sealed.identity.number);
        !file.retired() && !growing && file.last_lsn <= self.checkpoint
    }

    /// Copies some more; true: nothing had to be copied, and the merge is over.
    pub(crate) fn copy_values(&mut self, merge: &mut Merge, queue: &mut OpQueue) -> bool {
        let Some(mut source) = merge.values.take() else { return true };
        let room = merge.output.as_ref().is_none_or(DataWriter::is_hungry);
        if room && !source.searched && source.copy.as_ref().is_none_or(ValueCopy::is_idle) {
            self.find_value(&mut source, merge.store(), queue);
        }
        if let Some(copy) = &mut source.copy {
            match copy.wants().map(|location| self.files.handle(location.slot, queue)) {
                Some(Handle::Ready(file)) => copy.read(file, queue),
                Some(Handle::Opening) => copy.park(),
                Some(Handle::Missing) => merge.stage = Stage::Stopping,
                None => {}
            }
        }
        let ended = source.searched && source.copy.as_ref().is_none_or(ValueCopy::is_idle);
        if ended && !merge.finished {
            merge.finished = true;
            if let (Some(output), Some(copy)) = (&mut merge.output, &mut source.copy) {
                output.finish(merge.max_sequence);
                if !planted::refers_early() {
                    copy.finish();
                }
            }
        }
        source.copy.iter_mut().for_each(|copy| copy.step(queue));
        merge.output.iter_mut().for_each(|output| output.step(queue));
        let nothing = ended && source.copy.is_none();
        merge.values = Some(source);
        nothing
    }

    /// Looks for the next key whose value is to be copied.
    fn find_value(&mut self, source: &mut LargeSource, store: u32, queue: &mut OpQueue) {
        let (now, number) = (self.clock_ms(), self.files.last_number() + 1);
        let Some(of) = self.stores.get(&store) else {
            source.searched = true;
            return;
        };
        let from = source.cursor.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
        let mut last = None;
        for (count, (key, settled)) in of.current.keydir.range((from, Bound::Unbounded)).enumerate() {
            last = Some(key);
            if source.slots.contains(&settled.location.slot) && settled.lives(now) {
                let header = self.config.large_header.map(|header| header(self.config.directory_id, number));
                let Some(header) = header else { break };
                let live_bytes = source.live_bytes;
                let copy = source.copy.get_or_insert_with(|| {
                    self.files.reserve_numbers(number);
                    ValueCopy::create(number, header, live_bytes, queue)
                });
                copy.begin(key, settled);
                source.cursor = Some(key.into());
                return;
            }
            if count == STEP_ENTRIES {
                source.cursor = Some(key.into());
                return;
            }
        }
        source.cursor = last.map(Box::from);
        source.searched = true;
    }

    /// Takes bytes of a value.
    pub(crate) fn value_read(
        &mut self,
        merge: &mut Merge,
        result: Result<Done, IoError>,
        queue: &mut OpQueue,
    ) {
        let (store, directory_id) = (merge.store(), self.config.directory_id);
        let stopping = matches!(merge.stage, Stage::Stopping);
        let Some(copy) = merge.values.as_mut().and_then(|source| source.copy.as_mut()) else { return };
        let place = copy.place();
        let taken = match result {
            _ if stopping => Err(None),
            Ok(Done::Read { buffer, length }) => {
                copy.take(buffer, length, &directory_id, store).map_err(Some)
            }
            Ok(other) => unreachable!("a read completes as read, not {other:?}"),
            Err(error) if error.kind == IoErrorKind::Device => Err(Some("the device failed")),
            Err(_) => Err(None),
        };
        let number = copy.number;
        match taken {
            Ok(None) => {}
            Ok(Some(copied)) => self.value_copied(merge, number, &copied, queue),
            Err(detail) => {
                copy.read_for_nothing();
                if let Some((detail, place)) = detail.zip(place) {
                    self.reader.report(&mut self.files, place.slot, place.position, detail);
                }
                self.stop(merge, queue);
            }
        }
    }

    /// A value was copied: a record refers to its new place.
    fn value_copied(&mut self, merge: &mut Merge, file: u64, copied: &Copied, queue: &mut OpQueue) {
        let Settled { location, sequence, expires_ms } = copied.before;
        if merge.output.is_none() {
            let number = self.files.new_number();
            let identity = self.identity(number, merge.store(), Role::Move);
            merge.output = Some(DataWriter::create(identity, 0, queue));
        }
        let mut reference = Vec::new();
        Reference { file, position: copied.position, length: location.length }.put(&mut reference);
        let record =
            Record { kind: Kind::Reference, sequence, expires_ms, key: &copied.key, value: &reference };
        merge.output.iter_mut().for_each(|output| {
            output.push(&record);
        });
        merge.origins.push((location.slot, location.position));
        merge.max_sequence = merge.max_sequence.max(sequence);
    }

    /// Everything is durable and a manifest is about to name it: its values are needed from now on.
    pub(crate) fn need_values(&mut self, merge: &mut Merge) {
        let (Some(source), Some(output)) = (&merge.values, &merge.output) else { return };
        let Some(copy) = &source.copy else { return };
        let slot = self.files.large_slot(self.config.directory_id, copy.number);
        self.files.large_used(slot, copy.bytes(), 0);
        let first = crate::data_file::DATA_HEADER as u64;
        merge.needs = Entries::new(output.hint(), first)
            .filter_map(|entry| entry.reference)
            .map(|Reference { position, length, .. }| Location { slot, position, length })
            .collect();
        merge.needs.iter().for_each(|location| self.files.need(*location));
    }

    /// No manifest names the merge's values, and none will: they are needed by nobody.
    pub(crate) fn need_values_no_more(&mut self, merge: &mut Merge) {
        merge.needs.drain(..).for_each(|location| self.files.need_no_more(location));
    }

    /// A key is elsewhere by now than where its value was copied from.
    pub(crate) fn copied_for_nothing(&mut self, merge: &Merge, place: Location) {
        let now = self.stores.get(&merge.store()).map(|store| store.current.cleared_at);
        if merge.values.as_ref().is_some_and(|source| now == Some(source.cleared_at)) {
            return self.files.need_no_more(place);
        }
        // Until a manifest says that the keys are cleared, the one in place needs their values.
        self.cleared.push(Cleared::of_places(vec![place], self.last_clear));
    }

    /// All keys were moved, or none had to be: the store's keys need nothing of these files any more. Answers the bytes of
    /// those that nobody needs.
    pub(crate) fn large_files_passed(&mut self, merge: &Merge) -> u64 {
        let mut emptied = 0;
        for slot in merge.values.iter().flat_map(|source| &source.slots) {
            let Some(file) = self.files.get_mut(*slot) else { continue };
            file.passed = Some(merge.store());
            emptied += if file.needed == 0 { file.sealed.length } else { 0 };
        }
        emptied
    }

    /// Files that nothing needs any more wait for a manifest without them: it is published as one of a merge that has
    /// nothing else to say.
    pub(crate) fn release_large(&mut self, store: u32) {
        let idle = self.files.large().any(|(_, file)| self.is_at_rest(file) && file.needed == 0);
        if idle && !self.closing {
            let mut merge = Merge::new(store, false, self.clock_ms());
            (merge.releases, merge.stage) = (true, Stage::Ready);
            self.merge = Some(merge);
        }
    }
}
