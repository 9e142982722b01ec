//! Merging: data files of one store are read in key order and what is still needed goes into one new file, which a
//! manifest then names in their place.
//!
//! What it is not: the choice of files (`merge_plan.rs`), or the manifest (the engine publishes it between `merge_ready`
//! and `merge_published`).
//!
//! The invariant: a tombstone, or a record past its expiry, of sequence s is dropped only if no file outside this merge
//! has a lower sequence and a key range that may hold the key; a record that only unsettled writes supersede is kept.
//! The keydir moves after publication, entry by entry, where it still points at what was copied.

use crate::data_file::{DIRECTORY, Role};
use crate::data_writer::DataWriter;
use crate::files::{Files, Handle};
use crate::hint::Entries;
use crate::kv::Kv;
use crate::large_merge::LargeSource;
use crate::limits::STEP_ENTRIES;
use crate::location::{Location, Settled};
use crate::merge_input::{Input, State};
use crate::merge_plan::{Candidate, choose};
use crate::planted;
use crate::record::{Kind, Record};
use crate::store::Store;
use crate::value_copy::ValueCopy;
use millrace_io::{Done, IoError, IoErrorKind, Op, OpId, OpQueue};
use std::path::PathBuf;

#[derive(Debug)]
pub(crate) enum Stage {
    /// Inputs are read and the output is written.
    Copying,
    Directory(OpId),
    Ready,
    Moving {
        slot: u32,
        next: usize,
        /// Bytes of the hint that were used, and the position they lead to.
        used: usize,
        position: u64,
    },
    /// Nothing more is begun; what is in flight comes to its end.
    Stopping,
}

/// One merge under way.
#[derive(Debug)]
pub(crate) struct Merge {
    store: u32,
    inputs: Vec<Input>,
    /// Instead of inputs: large files whose values are copied.
    pub values: Option<LargeSource>,
    /// Created with the first record that is kept.
    pub output: Option<DataWriter>,
    /// Where each record of the output came from.
    pub origins: Vec<(u32, u64)>,
    /// Places of copied values that no key points at yet, in the order of the output.
    pub needs: Vec<Location>,
    pub finished: bool,
    pub stage: Stage,
    pub max_sequence: u64,
    input_bytes: u64,
    /// Somebody wants all of it merged.
    asked: bool,
    /// It has nothing but a manifest to publish.
    pub releases: bool,
    /// Wall clock, ms.
    begun_ms: u64,
}

impl Merge {
    pub fn new(store: u32, asked: bool, begun_ms: u64) -> Merge {
        Merge {
            store,
            inputs: Vec::new(),
            values: None,
            output: None,
            origins: Vec::new(),
            needs: Vec::new(),
            finished: false,
            stage: Stage::Copying,
            max_sequence: 0,
            input_bytes: 0,
            asked,
            releases: false,
            begun_ms,
        }
    }

    fn copy(&self) -> Option<&ValueCopy> {
        self.values.as_ref()?.copy.as_ref()
    }

    /// Slots of the files it holds.
    fn held(&self) -> impl Iterator<Item = u32> {
        let large = self.values.iter().flat_map(|values| values.slots.iter().copied());
        self.inputs.iter().map(|input| input.slot).chain(large)
    }

    /// Some of the output cannot be written.
    fn has_failed(&self) -> bool {
        let failed = |outcome: Option<Result<(), IoError>>| outcome.is_some_and(|outcome| outcome.is_err());
        failed(self.output.as_ref().and_then(DataWriter::outcome))
            || failed(self.copy().and_then(ValueCopy::outcome))
    }

    /// All of the output is durable but for its names.
    fn is_written(&self) -> bool {
        let of_values = self.copy().map_or(Some(Ok(())), ValueCopy::outcome);
        let of_values = if planted::refers_early() { Some(Ok(())) } else { of_values };
        matches!(
            (self.output.as_ref().and_then(DataWriter::outcome), of_values),
            (Some(Ok(())), Some(Ok(())))
        )
    }

    pub fn store(&self) -> u32 {
        self.store
    }

    pub fn owns(&self, id: OpId) -> bool {
        self.inputs.iter().any(|input| input.state == State::Reading(id))
            || self.output.as_ref().is_some_and(|output| output.owns(id))
            || self.copy().is_some_and(|copy| copy.is_reading(id) || copy.owns(id))
            || matches!(self.stage, Stage::Directory(op) if op == id)
    }

    /// Nothing of it is in flight.
    fn has_stopped(&self) -> bool {
        !self.reads()
            && self.output.as_ref().is_none_or(|output| output.outcome().is_some())
            && self.values.as_ref().is_none_or(LargeSource::has_stopped)
    }

    fn reads(&self) -> bool {
        self.inputs.iter().any(|input| matches!(input.state, State::Reading(_) | State::Parked))
    }

    /// The input whose record comes next: lowest key, of that the highest sequence. `None`: some input has none at hand.
    fn next_input(&self) -> Option<usize> {
        let mut best: Option<(usize, &[u8], u64)> = None;
        for (index, input) in self.inputs.iter().enumerate() {
            if input.state == State::Ended {
                continue;
            }
            let (record, ..) = input.record()?;
            let better = best.is_none_or(|(_, key, sequence)| {
                record.key < key || record.key == key && record.sequence > sequence
            });
            if better {
                best = Some((index, record.key, record.sequence));
            }
        }
        best.map(|(index, ..)| index)
    }

    fn has_ended(&self) -> bool {
        self.inputs.iter().all(|input| input.state == State::Ended)
    }
}

/// What becomes of a record.
enum Verdict {
    Copy,
    /// It hides older ones elsewhere: only that is kept of it.
    Tombstone,
    Drop,
}

/// Whether a file outside the merge may hold an older record of this key.
fn may_be_older(files: &Files, merge: &Merge, key: &[u8], sequence: u64) -> bool {
    if planted::drops_tombstones() {
        return false;
    }
    files
        .live()
        .filter(|(slot, file)| {
            file.sealed.identity.store == merge.store && merge.inputs.iter().all(|input| input.slot != *slot)
        })
        .any(|(_, file)| {
            let sealed = &file.sealed;
            sealed.min_sequence < sequence && *sealed.min_key <= *key && *key <= *sealed.max_key
        })
}

fn judge(
    store: &Store,
    files: &Files,
    merge: &Merge,
    record: &Record<'_>,
    place: (u32, u64),
    now_ms: u64,
) -> Verdict {
    if record.sequence < store.current.cleared_at {
        return Verdict::Drop;
    }
    let expired = record.expires_ms != 0 && record.expires_ms <= now_ms;
    if record.kind == Kind::Tombstone || expired {
        let needed = may_be_older(files, merge, record.key, record.sequence);
        return if needed { Verdict::Tombstone } else { Verdict::Drop };
    }
    let location = store.current.keydir.get(record.key).map(|settled| settled.location);
    let place = files.place_of(record, place);
    match location {
        Some(location) if (location.slot, location.position) == place => Verdict::Copy,
        _ => Verdict::Drop,
    }
}

impl Kv {
    /// Begins to merge files of a store. `asked`: all of them, whatever they have that is dead. False: nothing to do, or
    /// a merge is under way.
    pub fn begin_merge(&mut self, store: u32, asked: bool) -> bool {
        let chosen = choose(&self.candidates(store), asked);
        self.begin_merge_of_slots(store, chosen, asked) || asked && self.begin_large_merge(true)
    }

    /// Begins to merge those files of a store whose numbers `pick` wants. False: none, or a merge is under way.
    pub fn begin_merge_of(&mut self, store: u32, pick: &mut dyn FnMut(u64) -> bool) -> bool {
        let mut slots: Vec<u32> = self.candidates(store).iter().map(|candidate| candidate.slot).collect();
        slots.retain(|slot| self.files.get(*slot).is_some_and(|file| pick(file.sealed.identity.number)));
        self.begin_merge_of_slots(store, slots, false)
    }

    /// Files of a store that can be merged.
    fn candidates(&self, store: u32) -> Vec<Candidate> {
        let Some(of) = self.stores.get(&store) else { return Vec::new() };
        let cleared_at = of.current.cleared_at;
        let ours = self.files.live().filter(|(_, file)| {
            file.sealed.identity.store == store && !file.damaged && file.sealed.max_sequence >= cleared_at
        });
        ours.map(|(slot, file)| Candidate { slot, bytes: file.sealed.length, dead_bytes: file.dead_bytes })
            .collect()
    }

    fn begin_merge_of_slots(&mut self, store: u32, chosen: Vec<u32>, asked: bool) -> bool {
        if chosen.is_empty() || self.merge.is_some() || self.closing || !self.files.has_slots() {
            return false;
        }
        let mut merge = Merge::new(store, asked, self.clock_ms());
        for slot in chosen {
            let Some(file) = self.files.get(slot) else { continue };
            merge.inputs.push(Input::new(slot, file.seal, file.sealed.length));
            merge.max_sequence = merge.max_sequence.max(file.sealed.max_sequence);
            merge.input_bytes += file.sealed.length;
            self.files.hold(slot);
        }
        self.merge = Some(merge);
        true
    }

    /// Begins the first merge that is due, of any store.
    pub(crate) fn begin_due_merge(&mut self) {
        let stores: Vec<u32> = self.stores.keys().copied().collect();
        let _ =
            stores.into_iter().any(|store| self.begin_merge(store, false)) || self.begin_large_merge(false);
    }

    pub(crate) fn merge_has_work(&self) -> bool {
        self.merge.as_ref().is_some_and(|merge| match merge.stage {
            Stage::Copying if merge.values.is_some() => {
                merge.values.as_ref().is_some_and(LargeSource::has_work)
            }
            Stage::Copying => {
                let fed = merge.inputs.iter().any(|input| input.state == State::Hungry);
                fed || (merge.next_input().is_some()
                    && merge.output.as_ref().is_none_or(DataWriter::is_hungry))
            }
            Stage::Moving { .. } => true,
            Stage::Stopping => merge.has_stopped(),
            Stage::Directory(_) | Stage::Ready => false,
        })
    }

    /// Does a bounded amount of work of the merge.
    pub(crate) fn step_merge(&mut self, queue: &mut OpQueue) {
        let Some(mut merge) = self.merge.take() else { return };
        match merge.stage {
            Stage::Copying if merge.values.is_some() => {
                if self.copy_values(&mut merge, queue) {
                    self.end_merge(&merge, queue);
                    return;
                }
            }
            Stage::Copying => self.copy(&mut merge, queue),
            Stage::Moving { .. } => {
                let moved = self.move_some(&mut merge);
                if moved && merge.values.as_mut().is_none_or(|values| values.is_down(queue)) {
                    self.end_merge(&merge, queue);
                    return;
                }
            }
            Stage::Stopping => {
                self.stop(&mut merge, queue);
                if merge.has_stopped() {
                    self.discard(merge, queue);
                    return;
                }
            }
            Stage::Directory(_) | Stage::Ready => {}
        }
        self.merge = Some(merge);
    }

    fn copy(&mut self, merge: &mut Merge, queue: &mut OpQueue) {
        self.feed_inputs(merge, queue);
        for _ in 0..STEP_ENTRIES {
            if merge.output.as_ref().is_some_and(|output| !output.is_hungry()) {
                break;
            }
            let Some(index) = merge.next_input() else { break };
            if let Err(detail) = self.take_record(merge, index, queue) {
                return self.input_damaged(merge, index, detail, queue);
            }
        }
        if merge.has_ended() && !merge.finished {
            merge.finished = true;
            match &mut merge.output {
                Some(output) => output.finish(merge.max_sequence),
                None => merge.stage = Stage::Ready,
            }
        }
        if let Some(output) = &mut merge.output {
            output.step(queue);
        }
    }

    fn feed_inputs(&mut self, merge: &mut Merge, queue: &mut OpQueue) {
        for input in merge.inputs.iter_mut().filter(|input| input.state == State::Hungry) {
            match self.files.handle(input.slot, queue) {
                Handle::Ready(file) => input.read(file, queue),
                Handle::Opening => input.state = State::Parked,
                Handle::Missing => {
                    merge.stage = Stage::Stopping;
                    return;
                }
            }
        }
    }

    fn take_record(
        &mut self,
        merge: &mut Merge,
        index: usize,
        queue: &mut OpQueue,
    ) -> Result<(), &'static str> {
        let now = self.clock_ms();
        let slot = merge.inputs[index].slot;
        let Some((record, position, _)) = merge.inputs[index].record() else { return Ok(()) };
        let Some(store) = self.stores.get(&merge.store) else { return Ok(()) };
        let verdict = judge(store, &self.files, merge, &record, (slot, position), now);
        let kept = match verdict {
            Verdict::Copy => Some(record),
            Verdict::Tombstone => Some(Record { kind: Kind::Tombstone, expires_ms: 0, value: &[], ..record }),
            Verdict::Drop => None,
        };
        // Of several records of a key that hide older ones the newest is enough.
        let kept = kept.filter(|record| {
            merge
                .output
                .as_ref()
                .is_none_or(|output| output.sealed().records == 0 || *output.sealed().max_key != *record.key)
        });
        if let Some(record) = kept {
            if merge.output.is_none() {
                let number = self.files.new_number();
                let roles = merge.inputs.iter().filter_map(|input| self.files.get(input.slot));
                let mut roles = roles.map(|file| file.sealed.identity.role);
                let role = if roles.any(|role| role == Role::Move) { Role::Move } else { Role::Merge };
                let identity = self.identity(number, merge.store, role);
                merge.output = Some(DataWriter::create(identity, 0, queue));
            }
            // The record borrows from the input, the output is another field.
            let output = merge.output.as_mut().expect("it was created just now");
            output.push(&record);
            merge.origins.push(self.files.place_of(&record, (slot, position)));
        }
        merge.inputs[index].advance()
    }

    fn input_damaged(&mut self, merge: &mut Merge, index: usize, detail: &str, queue: &mut OpQueue) {
        let (slot, position) = (merge.inputs[index].slot, merge.inputs[index].position());
        self.reader.report(&mut self.files, slot, position, detail);
        self.stop(merge, queue);
    }

    pub(crate) fn stop(&mut self, merge: &mut Merge, queue: &mut OpQueue) {
        merge.stage = Stage::Stopping;
        let error = IoError::from_errno(libc::ECANCELED, "the merge was given up");
        merge.output.iter_mut().for_each(|output| output.abandon(&error, queue));
        let copy = merge.values.as_mut().and_then(|values| values.copy.as_mut());
        copy.into_iter().for_each(|copy| copy.abandon(&error, queue));
    }

    pub(crate) fn complete_merge(&mut self, id: OpId, result: Result<Done, IoError>, queue: &mut OpQueue) {
        let Some(mut merge) = self.merge.take() else { return };
        let stopping = matches!(merge.stage, Stage::Stopping);
        if matches!(merge.stage, Stage::Directory(op) if op == id) {
            // A merge that is ready waits to be published: on the way to closing, it would wait for ever.
            let publishable = result.is_ok() && !self.closing;
            merge.stage = if publishable { Stage::Ready } else { Stage::Stopping };
            if publishable {
                self.need_values(&mut merge);
            }
        } else if merge.copy().is_some_and(|copy| copy.is_reading(id)) {
            self.value_read(&mut merge, result, queue);
        } else if let Some(index) = merge.inputs.iter().position(|input| input.state == State::Reading(id)) {
            merge.inputs[index].state = State::Hungry;
            let taken = match (result, stopping) {
                (_, true) => Ok(()),
                (Ok(Done::Read { buffer, length }), _) => {
                    merge.inputs[index].take(&buffer.bytes()[..length]).map_err(Some)
                }
                (Ok(other), _) => unreachable!("a read completes as read, not {other:?}"),
                (Err(error), _) if error.kind == IoErrorKind::Device => Err(Some("the device failed")),
                (Err(_), _) => Err(None),
            };
            match taken {
                Ok(()) => {}
                Err(Some(detail)) => self.input_damaged(&mut merge, index, detail, queue),
                Err(None) => self.stop(&mut merge, queue),
            }
        } else {
            self.complete_output(&mut merge, id, result, queue);
            if matches!(merge.stage, Stage::Copying) && merge.is_written() {
                if planted::moves_early() && merge.values.is_none() {
                    self.merge = Some(merge);
                    return self.merge_published(queue);
                }
                let op = Op::SyncDirectory { path: PathBuf::from(DIRECTORY) };
                merge.stage = Stage::Directory(queue.push(op));
            }
        }
        self.merge = Some(merge);
    }

    fn complete_output(
        &mut self,
        merge: &mut Merge,
        id: OpId,
        result: Result<Done, IoError>,
        queue: &mut OpQueue,
    ) {
        let copy = merge.values.as_mut().and_then(|values| values.copy.as_mut());
        match copy.filter(|copy| copy.owns(id)) {
            Some(copy) => copy.complete(id, result, queue),
            None => {
                if let Some(output) = &mut merge.output {
                    output.complete(id, result, queue);
                }
            }
        }
        if matches!(merge.stage, Stage::Copying) && merge.has_failed() {
            merge.stage = Stage::Stopping;
        }
    }

    /// A file was opened, or could not be.
    pub(crate) fn merge_file_ready(&mut self, slot: u32, error: Option<&IoError>, queue: &mut OpQueue) {
        let Some(mut merge) = self.merge.take() else { return };
        for input in
            merge.inputs.iter_mut().filter(|input| input.slot == slot && input.state == State::Parked)
        {
            input.state = State::Hungry;
            if error.is_some() {
                merge.stage = Stage::Stopping;
            }
        }
        let copy = merge.values.as_mut().and_then(|values| values.copy.as_mut());
        if copy.is_some_and(|copy| copy.unpark(slot)) && error.is_some() {
            merge.stage = Stage::Stopping;
        }
        if matches!(merge.stage, Stage::Stopping) {
            self.stop(&mut merge, queue);
        }
        self.merge = Some(merge);
    }

    /// The output is durable, name and all: publish the manifest, then call `merge_published`.
    #[must_use]
    pub fn merge_ready(&self) -> bool {
        self.merge.as_ref().is_some_and(|merge| matches!(merge.stage, Stage::Ready))
    }

    /// The stores' share of the manifest that names the output in place of the inputs.
    #[must_use]
    pub fn merge_manifest(&mut self) -> Option<Vec<u8>> {
        self.merge.as_ref().filter(|merge| matches!(merge.stage, Stage::Ready))?;
        let large = self.name_large();
        let merge = self.merge.as_ref().filter(|merge| matches!(merge.stage, Stage::Ready))?;
        let taken = |slot: u32| merge.inputs.iter().any(|input| input.slot == slot);
        let kept = self.files.live().filter(|(slot, _)| !taken(*slot)).map(|(_, file)| &file.sealed);
        let output = merge.output.as_ref().map(DataWriter::sealed);
        Some(self.encode_share(&self.published.stores, kept.chain(output), &large))
    }

    /// The manifest is durable: the keydir begins to move.
    pub fn merge_published(&mut self, queue: &mut OpQueue) {
        let Some(mut merge) = self.merge.take() else { return };
        for input in &merge.inputs {
            self.files.retire(input.slot, queue);
        }
        self.drop_large(queue);
        let Some(output) = &merge.output else { return self.end_merge(&merge, queue) };
        let slot = self.files.add(output.sealed().clone());
        let position = crate::data_file::DATA_HEADER as u64;
        merge.stage = Stage::Moving { slot, next: 0, used: 0, position };
        self.merge = Some(merge);
    }

    /// Moves a bounded number of keys to the output; true: all are moved.
    fn move_some(&mut self, merge: &mut Merge) -> bool {
        let Stage::Moving { slot, next, used, position } = &mut merge.stage else { return true };
        let Some(output) = &merge.output else { return true };
        let hint = output.hint();
        let mut entries = Entries::new(&hint[*used..], *position);
        let mut store = self.stores.get_mut(&merge.store);
        let moves_values = merge.values.is_some();
        let mut nothing = Vec::new();
        for entry in entries.by_ref().take(STEP_ENTRIES) {
            let (from_slot, from_position) = merge.origins[*next];
            *next += 1;
            let location = match moves_values {
                true => self.files.location_of(&entry, *slot),
                false => Location { slot: *slot, position: entry.position, length: entry.length },
            };
            let still = store.as_mut().filter(|store| {
                store.current.keydir.get(entry.key).is_some_and(|settled| {
                    (settled.location.slot, settled.location.position) == (from_slot, from_position)
                })
            });
            match still.filter(|_| !entry.tombstone) {
                // The value stays where it is, and the keydir with it.
                Some(_) if entry.reference.is_some() && !moves_values => {}
                Some(store) => {
                    store.record_moved(entry.key, location.length);
                    let keydir = &mut store.current.keydir;
                    let from = Location { slot: from_slot, position: from_position, length: location.length };
                    self.resident.rename(from.packed(), location.packed());
                    let (sequence, expires_ms) = (entry.sequence, entry.expires_ms);
                    keydir.set(entry.key, &Settled { location, sequence, expires_ms });
                    self.files.need_no_more(from);
                }
                // A tombstone that a merge has kept is needed.
                None if entry.tombstone => {}
                None => {
                    self.files.bury(*slot, entry.length);
                    nothing.extend(moves_values.then_some(location));
                }
            }
        }
        (*used, *position) = (hint.len() - entries.rest().len(), entries.position());
        let done = *used == hint.len();
        nothing.into_iter().for_each(|place| self.copied_for_nothing(merge, place));
        done
    }

    fn end_merge(&mut self, merge: &Merge, queue: &mut OpQueue) {
        let emptied = self.large_files_passed(merge);
        for slot in merge.held() {
            self.files.release(slot, queue);
        }
        if merge.releases {
            return;
        }
        if merge.values.is_none() || merge.output.is_some() {
            let moved = merge.copy().map_or(0, ValueCopy::bytes);
            let written = merge.output.as_ref().map_or(0, |output| output.sealed().length) + moved;
            self.totals.merges += 1;
            self.totals.merged_bytes += written;
            self.totals.moved_bytes += moved;
            self.totals.reclaimed_bytes += (merge.input_bytes + emptied).saturating_sub(written);
        }
        self.totals.merge_ms += self.clock_ms().saturating_sub(merge.begun_ms);
        if !self.begin_large_merge(merge.asked) && merge.values.is_some() {
            self.release_large(merge.store);
        }
    }

    /// A merge came to nothing: its output goes, its inputs stay.
    fn discard(&mut self, mut merge: Merge, queue: &mut OpQueue) {
        if let Some(output) = &merge.output {
            self.files.unlink(output.sealed().identity.number, queue);
        }
        match merge.copy() {
            // It is among the files, and goes as others do that nothing needs.
            Some(_) if !merge.needs.is_empty() => self.need_values_no_more(&mut merge),
            Some(copy) => self.files.unlink_large(copy.number, queue),
            None => {}
        }
        for slot in merge.held() {
            self.files.release(slot, queue);
        }
    }

    /// The manifest of a ready merge was not published.
    pub fn merge_abandoned(&mut self) {
        if let Some(merge) = self.merge.as_mut().filter(|merge| matches!(merge.stage, Stage::Ready)) {
            merge.stage = Stage::Stopping;
        }
    }

    /// The manifest of a ready merge may or may not be in place: its output stays until a later one is.
    pub fn merge_in_doubt(&mut self, queue: &mut OpQueue) {
        if let Some(mut merge) = self.merge.take_if(|merge| matches!(merge.stage, Stage::Ready)) {
            self.in_doubt.extend(merge.output.as_ref().map(|output| output.sealed().identity.number));
            for slot in merge.held() {
                self.files.release(slot, queue);
            }
            // No file goes before a manifest without it is in place.
            self.need_values_no_more(&mut merge);
        }
    }

    /// Stops a merge, for closing: what is in flight still completes, and no other is begun.
    pub fn stop_merge(&mut self, queue: &mut OpQueue) {
        self.closing = true;
        let Some(mut merge) = self.merge.take() else { return };
        match merge.stage {
            // Its manifest may be on its way, or in place: the files stay for the next opening to judge.
            Stage::Ready | Stage::Moving { .. } => {
                for slot in merge.held() {
                    self.files.release(slot, queue);
                }
                return;
            }
            Stage::Copying => self.stop(&mut merge, queue),
            Stage::Directory(_) | Stage::Stopping => {}
        }
        self.merge = Some(merge);
    }

    /// The store's keys are going away: a merge of them is pointless, unless it is as good as done.
    pub(crate) fn abort_merge_of(&mut self, store: u32) {
        if let Some(merge) = self.merge.as_mut().filter(|merge| merge.store == store)
            && matches!(merge.stage, Stage::Copying)
        {
            merge.stage = Stage::Stopping;
        }
    }
}
