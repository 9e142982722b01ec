//! Settling: every store's memtable goes, in key order, into one sealed data file with its hint; then a manifest names
//! them, and the keys move into the keydirs.
//!
//! What it is not: the manifest (the engine publishes it between `SettleState::Ready` and `settle_published`), nor the
//! decision when to settle.
//!
//! The invariant: until the manifest is durable no keydir changes; a settle that fails leaves orphan files and nothing
//! else, and its writes stay in memory and in the journal.

use crate::data_file::{DIRECTORY, Role};
use crate::data_writer::{DataWriter, Sealed};
use crate::files::Files;
use crate::kv::Kv;
use crate::large::Reference;
use crate::large_files::Cleared;
use crate::limits::STEP_ENTRIES;
use crate::location::{Location, Settled};
use crate::memtable::{Memtable, Written};
use crate::planted;
use crate::record::{Kind, Record};
use millrace_io::{Done, IoError, Op, OpId, OpQueue};
use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;
use std::path::PathBuf;
use std::sync::Arc;

/// A store's frozen writes.
#[derive(Clone, Debug)]
struct Part {
    store: u32,
    table: Arc<Memtable>,
}

#[derive(Debug)]
struct Current {
    part: Part,
    /// The last key that was written.
    cursor: Option<Box<[u8]>>,
    places: Vec<(u64, u32)>,
    /// Values in large files that records refer to.
    refers: Vec<Location>,
    writer: DataWriter,
}

/// A file that was written, and where its records lie, in key order.
#[derive(Debug)]
struct Ended {
    part: Part,
    sealed: Sealed,
    places: Vec<(u64, u32)>,
    refers: Vec<Location>,
}

#[derive(Debug)]
enum Stage {
    Files,
    Directory(OpId),
    Ready,
    Failed(IoError),
}

/// One settle under way.
#[derive(Debug)]
pub(crate) struct Settle {
    checkpoint: u64,
    /// Stores as of the checkpoint, each with the sequence its generation began at.
    stores: BTreeMap<u32, u64>,
    parts: VecDeque<Part>,
    /// All parts, to give back or to account for.
    all: Vec<Part>,
    current: Option<Box<Current>>,
    ended: Vec<Ended>,
    created: Vec<u64>,
    stage: Stage,
}

impl Settle {
    /// Memory of what it settles.
    pub fn bytes(&self) -> u64 {
        self.all.iter().map(|part| part.table.bytes()).sum()
    }

    fn fail(&mut self, error: IoError) {
        self.current = None;
        self.parts.clear();
        self.stage = Stage::Failed(error);
    }
}

/// How a settle stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettleState {
    Idle,
    Working,
    /// Files and directory are durable: publish the manifest, then call `settle_published`.
    Ready,
    /// Abandoned; call `settle_abandoned`, try again later.
    Failed(IoError),
}

/// Settled keys on their way into the keydirs.
#[derive(Debug)]
pub(crate) struct Apply {
    files: VecDeque<(Ended, u32)>,
    cursor: Option<Box<[u8]>>,
    next: usize,
}

fn after(cursor: Option<&[u8]>) -> (Bound<&[u8]>, Bound<&[u8]>) {
    (cursor.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded)
}

/// The record of a write. `reference`: room for where its value lies, when it lies in a large file.
fn record_of<'a>(
    key: &'a [u8],
    written: &'a Written,
    files: &Files,
    reference: &'a mut Vec<u8>,
) -> Record<'a> {
    let Written { sequence, expires_ms, .. } = *written;
    if let Some(Location { slot, position, length }) = written.place {
        let file = files.get(slot).map_or(0, |file| file.sealed.identity.number);
        reference.clear();
        Reference { file, position, length }.put(reference);
        return Record { kind: Kind::Reference, sequence, expires_ms, key, value: reference };
    }
    match &written.value {
        Some(value) => Record { kind: Kind::Put, sequence, expires_ms, key, value: value.bytes() },
        None => Record { kind: Kind::Tombstone, sequence, expires_ms: 0, key, value: &[] },
    }
}

impl Kv {
    /// Begins to settle everything appended so far; `checkpoint` is the LSN of the last frame. Panics when a settle is
    /// under way.
    pub fn begin_settle(&mut self, checkpoint: u64) {
        assert!(self.settle.is_none() && self.apply.is_none(), "one settle at a time");
        let stores = self.stores.iter().map(|(id, store)| (*id, store.current.cleared_at)).collect();
        let mut parts = Vec::new();
        for (id, store) in &mut self.stores {
            if store.current.active.is_empty() {
                continue;
            }
            let table = Arc::new(std::mem::take(&mut store.current.active));
            self.unsettled -= table.bytes();
            store.current.settling = Some(Arc::clone(&table));
            store.current.freeze_ranks();
            parts.push(Part { store: *id, table });
        }
        // Without files there is nothing to wait for.
        let stage = if parts.is_empty() { Stage::Ready } else { Stage::Files };
        self.settle = Some(Settle {
            checkpoint,
            stores,
            parts: parts.clone().into(),
            all: parts,
            current: None,
            ended: Vec::new(),
            created: Vec::new(),
            stage,
        });
    }

    /// How the settle stands. Keys that still move into the keydirs count as work.
    #[must_use]
    pub fn settle_state(&self) -> SettleState {
        match &self.settle {
            None if self.apply.is_some() => SettleState::Working,
            None => SettleState::Idle,
            Some(settle) => match &settle.stage {
                Stage::Ready => SettleState::Ready,
                Stage::Failed(error) if settle.current.is_none() => SettleState::Failed(error.clone()),
                _ => SettleState::Working,
            },
        }
    }

    /// The stores' share of the manifest that publishes this settle. `None`: none is ready.
    #[must_use]
    pub fn settle_manifest(&mut self) -> Option<Vec<u8>> {
        self.settle.as_ref().filter(|settle| matches!(settle.stage, Stage::Ready))?;
        let large = self.name_large();
        let settle = self.settle.as_ref().filter(|settle| matches!(settle.stage, Stage::Ready))?;
        let kept =
            self.files.live().map(|(_, file)| &file.sealed).filter(|sealed| stays(&settle.stores, sealed));
        let new = settle.ended.iter().map(|ended| &ended.sealed);
        Some(self.encode_share(&settle.stores, kept.chain(new), &large))
    }

    /// Does at most one slab of work.
    pub(crate) fn step_settle(&mut self, queue: &mut OpQueue) {
        let Some(mut settle) = self.settle.take() else { return };
        if matches!(settle.stage, Stage::Files) {
            if settle.current.is_none() {
                self.next_file(&mut settle, queue);
            }
            if let Some(current) = &mut settle.current {
                current.fill(settle.checkpoint, &self.files);
                current.writer.step(queue);
            }
        }
        self.settle = Some(settle);
    }

    fn next_file(&mut self, settle: &mut Settle, queue: &mut OpQueue) {
        let Some(part) = settle.parts.pop_front() else {
            let op = Op::SyncDirectory { path: PathBuf::from(DIRECTORY) };
            settle.stage = Stage::Directory(queue.push(op));
            return;
        };
        if !self.files.has_slots() {
            settle.fail(IoError::from_errno(libc::EMFILE, "data files of one run are used up"));
            return;
        }
        let number = self.files.new_number();
        let identity = self.identity(number, part.store, Role::Settle);
        let writer = DataWriter::create(identity, part.table.record_bytes(), queue);
        settle.created.push(number);
        let (cursor, places, refers) = (None, Vec::new(), Vec::new());
        settle.current = Some(Box::new(Current { part, cursor, places, refers, writer }));
    }

    /// True when the operation belongs to the settle.
    pub(crate) fn settle_owns(&self, id: OpId) -> bool {
        self.settle.as_ref().is_some_and(|settle| match (&settle.current, &settle.stage) {
            (Some(current), _) => current.writer.owns(id),
            (None, Stage::Directory(op)) => *op == id,
            _ => false,
        })
    }

    pub(crate) fn complete_settle(&mut self, id: OpId, result: Result<Done, IoError>, queue: &mut OpQueue) {
        let Some(settle) = &mut self.settle else { return };
        match settle.current.take() {
            Some(mut current) => {
                current.writer.complete(id, result, queue);
                match current.writer.outcome() {
                    None => settle.current = Some(current),
                    Some(Err(error)) => settle.fail(error),
                    Some(Ok(())) => {
                        let Current { part, places, refers, writer, .. } = *current;
                        // From now on, until the keydir says so itself.
                        refers.iter().for_each(|location| self.files.need(*location));
                        settle.ended.push(Ended { part, sealed: writer.sealed().clone(), places, refers });
                    }
                }
            }
            None => match result {
                Ok(_) => {
                    settle.stage = Stage::Ready;
                    if planted::drops_large_files() {
                        self.checkpoint = settle.checkpoint;
                        self.drop_large(queue);
                    }
                }
                Err(error) => settle.fail(error),
            },
        }
    }

    /// The manifest of a ready settle is durable: its keys begin to move into the keydirs, and files that nothing needs
    /// any more are removed.
    pub fn settle_published(&mut self, queue: &mut OpQueue) {
        let settle = self.settle.take().filter(|settle| matches!(settle.stage, Stage::Ready));
        let settle = settle.expect("only a ready settle is published");
        let gone: Vec<u32> = self
            .files
            .live()
            .filter(|(_, file)| !stays(&settle.stores, &file.sealed))
            .map(|(slot, _)| slot)
            .collect();
        for slot in gone {
            self.files.retire(slot, queue);
        }
        let mut files = VecDeque::with_capacity(settle.ended.len());
        for ended in settle.ended {
            let slot = self.files.add(ended.sealed.clone());
            files.push_back((ended, slot));
        }
        self.published.stores = settle.stores;
        self.checkpoint = settle.checkpoint;
        self.drop_large(queue);
        for number in std::mem::take(&mut self.in_doubt) {
            self.files.unlink(number, queue);
        }
        if !files.is_empty() {
            self.apply = Some(Apply { files, cursor: None, next: 0 });
        }
    }

    /// Moves a bounded number of settled keys into the keydirs.
    pub(crate) fn step_apply(&mut self) {
        let Some(mut apply) = self.apply.take() else { return };
        let Some((ended, slot)) = apply.files.front() else { return };
        let Part { store, table } = &ended.part;
        let store = self.stores.get_mut(store);
        // A clear that came in between has begun a generation that knows nothing of these keys.
        let same = store.as_ref().and_then(|store| store.current.settling.as_ref());
        let current = same.is_some_and(|settling| Arc::ptr_eq(settling, table));
        let mut done = true;
        if let Some(store) = store.filter(|_| current) {
            let mut last = None;
            for (count, (key, written)) in table.range(after(apply.cursor.as_deref())).enumerate() {
                if count == STEP_ENTRIES {
                    done = false;
                    break;
                }
                let (position, length) = ended.places[apply.next];
                apply.next += 1;
                last = Some(key);
                let location = written.place.unwrap_or(Location { slot: *slot, position, length });
                let Written { sequence, expires_ms, .. } = *written;
                let is_value = written.is_value();
                let before = match &written.value {
                    _ if written.place.is_some() => {
                        store.current.keydir.set(key, &Settled { location, sequence, expires_ms })
                    }
                    Some(value) => {
                        self.resident.insert(location.packed(), value.unpinned());
                        store.current.keydir.set(key, &Settled { location, sequence, expires_ms })
                    }
                    None => {
                        self.files.bury(*slot, length);
                        store.current.keydir.remove(key)
                    }
                };
                store.current.moved_down(key, is_value, before.is_some());
                if is_value && store.current.active.get(key).is_none() {
                    // Its record may be shorter or longer than it was counted before it was written.
                    store.live_bytes =
                        store.live_bytes + u64::from(location.length) - written.live_bytes(key);
                }
                if let Some(before) = before {
                    self.files.forget(before.location);
                }
            }
            apply.cursor = last.map(Box::from);
            if done {
                store.current.settling = None;
            }
        } else {
            let records = ended.places.iter().map(|(_, length)| *length);
            records.for_each(|length| self.files.bury(*slot, length));
            // Until a manifest says that they are cleared, the one in place needs their values.
            let rest = table.range(after(apply.cursor.as_deref())).filter_map(|(_, written)| written.place);
            self.cleared.push(Cleared::of_places(rest.collect(), self.last_clear));
        }
        if done {
            apply.files.pop_front();
            (apply.cursor, apply.next) = (None, 0);
        }
        if apply.files.is_empty() {
            self.begin_due_merge();
        } else {
            self.apply = Some(apply);
        }
    }

    /// A failed settle is over: its files are removed if they can be, its writes wait for the next one.
    pub fn settle_abandoned(&mut self, queue: &mut OpQueue) {
        let Some(settle) = self.settle.take() else { return };
        self.give_back(&settle);
        for number in settle.created {
            self.files.unlink(number, queue);
        }
    }

    /// A settle whose manifest may or may not be in place is over: its files stay until a later manifest is, its writes
    /// wait for the next one.
    pub fn settle_in_doubt(&mut self) {
        if let Some(settle) = self.settle.take() {
            self.give_back(&settle);
            self.in_doubt.extend(settle.created);
        }
    }

    fn give_back(&mut self, settle: &Settle) {
        for location in settle.ended.iter().flat_map(|ended| &ended.refers) {
            self.files.need_no_more(*location);
        }
        for part in &settle.all {
            let Some(store) = self.stores.get_mut(&part.store) else { continue };
            let ours = store.current.settling.take_if(|settling| Arc::ptr_eq(settling, &part.table));
            if ours.is_some() {
                let before = store.current.active.bytes();
                store.current.active.take_back(&part.table);
                store.current.take_ranks_back();
                self.unsettled = self.unsettled + store.current.active.bytes() - before;
            }
        }
    }

    /// Gives up a settle whose manifest may or may not be in place, and keys on their way: only on the way to closing.
    pub fn forget_settle(&mut self) {
        if self.settle_state() != SettleState::Working {
            self.settle = None;
        }
        self.apply = None;
    }

    /// Stops a settle, for closing: what is in flight still completes. A ready one can still be published.
    pub fn stop_settle(&mut self, error: &IoError, queue: &mut OpQueue) {
        self.apply = None;
        let Some(settle) = &mut self.settle else { return };
        if matches!(settle.stage, Stage::Ready | Stage::Directory(_)) {
            return;
        }
        settle.parts.clear();
        match &mut settle.current {
            Some(current) => {
                current.writer.abandon(error, queue);
                if let Some(Err(error)) = current.writer.outcome() {
                    settle.fail(error);
                }
            }
            None => settle.fail(error.clone()),
        }
    }
}

/// Whether a manifest with these stores goes on naming a file.
fn stays(stores: &BTreeMap<u32, u64>, sealed: &Sealed) -> bool {
    stores.get(&sealed.identity.store).is_some_and(|cleared_at| sealed.max_sequence >= *cleared_at)
}

impl Current {
    /// Adds records while the writer takes more.
    fn fill(&mut self, checkpoint: u64, files: &Files) {
        if !self.writer.is_hungry() {
            return;
        }
        let (mut last, mut reference) = (None, Vec::new());
        for (key, written) in self.part.table.range(after(self.cursor.as_deref())) {
            if !self.writer.is_hungry() {
                break;
            }
            self.refers.extend(written.place);
            self.places.push(self.writer.push(&record_of(key, written, files, &mut reference)));
            last = Some(key);
        }
        let ended = self.places.len() == self.part.table.len();
        self.cursor = last.map(Box::from).or(self.cursor.take());
        if ended {
            self.writer.finish(checkpoint);
        }
    }
}
