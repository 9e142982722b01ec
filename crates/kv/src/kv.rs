//! All stores of one engine: writes, reads, snapshots, figures.
//!
//! What it is not: the journal. It is told which LSN a frame has; settling, cold reads, merging and loading have files of
//! their own.
//!
//! The invariant: a write becomes part of a store only when its frame is in the journal; the keydir is exactly what the
//! published manifest and its files say.

use crate::data_file::{Identity, Role};
use crate::files::Files;
use crate::generation::Newest;
use crate::large_files::{Cleared, Naming};
use crate::location::Location;
use crate::memtable::Written;
use crate::merge::Merge;
use crate::planted;
use crate::read::{Found, Peek, Read};
use crate::reader::Reader;
use crate::resident::Resident;
use crate::settle::{Apply, Settle};
use crate::share::Published;
use crate::store::Store;
use crate::value::Value;
use millrace_io::{Done, IoError, OpId, OpQueue, Piece};
use std::collections::BTreeMap;

/// Fixed at open.
#[derive(Clone, Copy, Debug, Default)]
pub struct KvConfig {
    pub directory_id: [u8; 16],
    /// Incarnation of this run.
    pub epoch: u32,
    /// Budget for settled values in memory, in bytes.
    pub resident_bytes: u64,
    /// The first block of a large file, of directory id and number; `None`: no large file is made by merges.
    pub large_header: Option<fn([u8; 16], u64) -> Piece>,
}

/// All stores, their files, and what is going on with them.
#[derive(Debug)]
pub struct Kv {
    pub(crate) config: KvConfig,
    pub(crate) stores: BTreeMap<u32, Store>,
    pub(crate) files: Files,
    pub(crate) resident: Resident,
    pub(crate) reader: Reader,
    pub(crate) published: Published,
    pub(crate) settle: Option<Settle>,
    pub(crate) apply: Option<Apply>,
    pub(crate) merge: Option<Merge>,
    pub(crate) totals: Totals,
    /// Open snapshots: store and sequence by id.
    snapshots: BTreeMap<u64, (u32, u64)>,
    last_snapshot: u64,
    /// Wall time in ms never goes back here: what has expired stays so.
    clock_ms: u64,
    /// Numbers of files that a manifest may name which may be in place.
    pub(crate) in_doubt: Vec<u64>,
    /// Memory of active memtables in bytes.
    pub(crate) unsettled: u64,
    /// Snapshots that were given up since the last step.
    released: Vec<(u32, u64)>,
    /// Files that dropped stores held for snapshots.
    let_go: Vec<u32>,
    /// Values in large files of generations whose end no manifest says yet.
    pub(crate) cleared: Vec<Cleared>,
    /// Sequence of the last clear.
    pub(crate) last_clear: u64,
    /// The large file the journal writes.
    pub(crate) growing: Option<u64>,
    /// Checkpoint of the manifest in place, as far as it is known.
    pub(crate) checkpoint: u64,
    pub(crate) naming: Naming,
    /// Everything comes to its end: nobody publishes a manifest of a merge any more.
    pub(crate) closing: bool,
}

/// What merges have done since open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub merges: u64,
    /// From beginning to the last key being moved, of all merges together: ms of the wall clock.
    pub merge_ms: u64,
    pub merged_bytes: u64,
    pub reclaimed_bytes: u64,
    /// Of large values, of those that merges wrote.
    pub moved_bytes: u64,
    pub purged: u64,
}

/// Figures of one store; bytes and counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Keys, including expired ones that were not purged yet.
    pub keys: u64,
    /// Bytes of the records of all keys, in data files or to be.
    pub live_bytes: u64,
    /// Those of them that expire.
    pub expiring: u64,
    /// Memory of writes above the checkpoint.
    pub memtable_bytes: u64,
    /// Memory of the keydir.
    pub keydir_bytes: u64,
    /// Data files, their size, and what of it no key needs.
    pub files: u64,
    pub file_bytes: u64,
    pub dead_bytes: u64,
    /// Of all stores: large files, their size, and what of it no key needs.
    pub large_files: u64,
    pub large_bytes: u64,
    pub large_dead_bytes: u64,
    /// Open snapshots, and the sequence of the oldest (0: none).
    pub snapshots: u64,
    pub oldest_snapshot: u64,
    /// A merge of this store is under way.
    pub merging: bool,
    /// Of all stores: settled values in memory, merges that were published, bytes they wrote and gave back, expired
    /// keys that were purged, cold reads.
    pub resident_bytes: u64,
    pub merges: u64,
    /// How long they took together, ms.
    pub merge_ms: u64,
    pub merged_bytes: u64,
    pub reclaimed_bytes: u64,
    /// Bytes of large values that merges copied out of mostly dead files; `merged_bytes` has them too.
    pub moved_bytes: u64,
    pub purged: u64,
    pub cold_reads: u64,
}

impl Kv {
    /// Without any store.
    #[must_use]
    pub fn new(config: KvConfig) -> Kv {
        Kv {
            config,
            stores: BTreeMap::new(),
            files: Files::default(),
            resident: Resident::new(config.resident_bytes),
            reader: Reader::default(),
            published: Published::default(),
            settle: None,
            apply: None,
            merge: None,
            totals: Totals::default(),
            snapshots: BTreeMap::new(),
            last_snapshot: 0,
            clock_ms: 0,
            in_doubt: Vec::new(),
            unsettled: 0,
            released: Vec::new(),
            let_go: Vec::new(),
            cleared: Vec::new(),
            last_clear: 0,
            growing: None,
            checkpoint: 0,
            naming: Naming::default(),
            closing: false,
        }
    }

    /// Takes note of the wall time in ms; answers the latest that was ever noted.
    pub fn now(&mut self, wall_ms: u64) -> u64 {
        self.clock_ms = if planted::believes_the_clock() { wall_ms } else { self.clock_ms.max(wall_ms) };
        self.clock_ms
    }

    /// The latest wall time that was noted, in ms.
    #[must_use]
    pub fn clock_ms(&self) -> u64 {
        self.clock_ms
    }

    /// Identity of the data directory.
    #[must_use]
    pub fn directory_id(&self) -> [u8; 16] {
        self.config.directory_id
    }

    pub(crate) fn identity(&self, number: u64, store: u32, role: Role) -> Identity {
        let KvConfig { directory_id, epoch, .. } = self.config;
        Identity { directory_id, number, store, epoch, role }
    }

    /// Whether there is a store with this id.
    #[must_use]
    pub fn has_store(&self, store: u32) -> bool {
        self.stores.contains_key(&store)
    }

    /// Ids of all stores.
    pub fn stores(&self) -> impl Iterator<Item = u32> {
        self.stores.keys().copied()
    }

    /// The sequence of a key's newest write, 0 when it is absent or expired; `None`: no such store.
    #[must_use]
    pub fn sequence_of(&self, store: u32, key: &[u8], now_ms: u64) -> Option<u64> {
        Some(self.stores.get(&store)?.sequence_of(key, now_ms))
    }

    /// Whether the newest write of a key may be lost to damage, so that no condition can be judged.
    #[must_use]
    pub fn is_fenced(&self, store: u32, key: &[u8]) -> bool {
        self.stores
            .get(&store)
            .is_some_and(|store| store.is_fenced(key, store.current.newest(key).sequence()))
    }

    /// Creates an empty store; nothing happens when the id is taken.
    pub fn create(&mut self, store: u32, sequence: u64) {
        self.stores.entry(store).or_insert_with(|| Store::new(sequence));
    }

    /// Removes a store with all its keys. Its files go with the next settle.
    pub fn remove(&mut self, store: u32, sequence: u64) {
        self.abort_merge_of(store);
        let Some(gone) = self.stores.remove(&store) else { return };
        self.unsettled -= gone.current.active.bytes();
        self.cleared.extend(Cleared::of(&gone.current, sequence, &self.files));
        self.last_clear = sequence;
        self.let_go.extend(gone.into_held());
    }

    /// Removes all keys of a store: a new generation begins.
    pub fn clear(&mut self, store: u32, sequence: u64) {
        self.abort_merge_of(store);
        let mut held = self.slots_of(store);
        let Some(of) = self.stores.get_mut(&store) else { return };
        self.unsettled -= of.current.active.bytes();
        if let Some(cleared) = Cleared::of(&of.current, sequence, &self.files) {
            held.extend(cleared.slots());
            self.cleared.push(cleared);
        }
        held.extend(of.current.slots_elsewhere());
        self.last_clear = sequence;
        of.clear(sequence, held, &mut self.files);
    }

    /// Slots of a store's files.
    pub(crate) fn slots_of(&self, store: u32) -> Vec<u32> {
        self.files
            .live()
            .filter(|(_, file)| file.sealed.identity.store == store)
            .map(|(slot, _)| slot)
            .collect()
    }

    /// Sets a key; answers the sequence of what was there and had not expired at `now_ms`, 0 for nothing.
    pub fn put(
        &mut self,
        store: u32,
        key: &[u8],
        value: Value,
        sequence: u64,
        expires_ms: u64,
        now_ms: u64,
    ) -> u64 {
        self.put_written(store, key, (Some(value), None), sequence, expires_ms, now_ms)
    }

    pub(crate) fn put_written(
        &mut self,
        store: u32,
        key: &[u8],
        (value, place): (Option<Value>, Option<Location>),
        sequence: u64,
        expires_ms: u64,
        now_ms: u64,
    ) -> u64 {
        let Some(store) = self.stores.get_mut(&store) else { return 0 };
        let bytes = store.current.active.bytes();
        let written = Written { sequence, expires_ms, value, place };
        let before = store.put(key, written, now_ms, &mut self.files);
        self.unsettled = self.unsettled + store.current.active.bytes() - bytes;
        before
    }

    /// Removes a key. False: no such store.
    pub fn delete(&mut self, store: u32, key: &[u8], sequence: u64) -> bool {
        let Some(store) = self.stores.get_mut(&store) else { return false };
        let before = store.current.active.bytes();
        store.delete(key, sequence, &mut self.files);
        self.unsettled = self.unsettled + store.current.active.bytes() - before;
        true
    }

    /// The sequence an open snapshot of this store sees; 0 for none. `None`: it is not open.
    pub(crate) fn snapshot_at(&self, store: u32, snapshot: u64) -> Option<u64> {
        if snapshot == 0 {
            return Some(0);
        }
        self.snapshots.get(&snapshot).filter(|(of, _)| *of == store).map(|(_, sequence)| *sequence)
    }

    /// Reads a key. `snapshot`: an open one of this store, or 0; one that is not open is `UnknownStore`.
    pub fn get(&mut self, store: u32, key: &[u8], snapshot: u64, now_ms: u64) -> Read {
        let at = self.snapshot_at(store, snapshot);
        let Some((of, at)) = self.stores.get(&store).zip(at) else { return Read::UnknownStore };
        let generation = of.generation_at(at);
        let mut newest = generation.newest(key);
        if at != 0 {
            newest = generation.seen_at(key, newest, at);
        }
        if !of.fences.is_empty() && of.is_fenced(key, newest.sequence()) {
            return Read::Damaged;
        }
        if !newest.lives(now_ms) {
            return Read::Absent;
        }
        let settled = match newest {
            Newest::Written(written) => written.elsewhere(),
            Newest::Settled(settled) => Some(settled),
            Newest::None => None,
        };
        let (value, sequence, expires_ms) = match (newest, settled) {
            (Newest::Written(written), None) => (written.value.clone(), written.sequence, written.expires_ms),
            (_, None) => return Read::Absent,
            (_, Some(settled)) => {
                let Some(value) = self.resident.get(settled.location.packed()) else {
                    return self.reader.start_get(&mut self.files, store, key, settled);
                };
                (Some(value.clone()), settled.sequence, settled.expires_ms)
            }
        };
        value.map_or(Read::Absent, |value| Read::Ready(Found { value, sequence, expires_ms }))
    }

    /// Looks at a key without reading any file.
    pub fn peek(&mut self, store: u32, key: &[u8], now_ms: u64) -> Peek<'_> {
        self.peek_entry(store, key, now_ms).0
    }

    /// As `peek`, and when the value that is there expires: ms since 1970, 0 = never.
    pub fn peek_entry(&mut self, store: u32, key: &[u8], now_ms: u64) -> (Peek<'_>, u64) {
        let Some(of) = self.stores.get(&store) else { return (Peek::Elsewhere, 0) };
        let newest = of.current.newest(key);
        if !of.fences.is_empty() && of.is_fenced(key, newest.sequence()) {
            return (Peek::Elsewhere, 0);
        }
        if !newest.lives(now_ms) {
            return (Peek::Absent, 0);
        }
        let (value, expires_ms) = match newest {
            Newest::None => return (Peek::Absent, 0),
            Newest::Written(written) => (written.value.as_ref(), written.expires_ms),
            Newest::Settled(settled) => (self.resident.get(settled.location.packed()), settled.expires_ms),
        };
        (value.map_or(Peek::Elsewhere, |value| Peek::Ready(value.bytes())), expires_ms)
    }

    /// Whether a key is there, wherever its value is; `None`: damage keeps it from being known, or there is no such store.
    #[must_use]
    pub fn holds(&self, store: u32, key: &[u8], now_ms: u64) -> Option<bool> {
        let of = self.stores.get(&store)?;
        let newest = of.current.newest(key);
        (!of.is_fenced(key, newest.sequence())).then(|| newest.lives(now_ms))
    }

    /// Opens a snapshot of a store as of the frame `sequence`; 0: no such store.
    pub fn snapshot(&mut self, store: u32, sequence: u64) -> u64 {
        let Some(of) = self.stores.get_mut(&store) else { return 0 };
        of.open_snapshot(sequence);
        self.last_snapshot += 1;
        self.snapshots.insert(self.last_snapshot, (store, sequence));
        self.last_snapshot
    }

    /// Gives a snapshot up; one that is not open is left alone.
    pub fn release(&mut self, snapshot: u64) {
        self.released.extend(self.snapshots.remove(&snapshot));
    }

    /// Memory of writes in no published file, in bytes.
    #[must_use]
    pub fn unsettled_bytes(&self) -> u64 {
        self.unsettled + self.settle.as_ref().map_or(0, Settle::bytes)
    }

    /// Figures of a store.
    #[must_use]
    pub fn stats(&self, store: u32) -> Option<Stats> {
        let of = self.stores.get(&store)?;
        let (snapshots, oldest) = of.snapshots();
        let settling = of.current.settling.as_ref().map_or(0, |settling| settling.bytes());
        let mut stats = Stats {
            keys: of.count,
            live_bytes: of.live_bytes,
            expiring: of.expiring,
            memtable_bytes: of.current.active.bytes() + settling,
            keydir_bytes: of.current.keydir.memory(),
            snapshots: snapshots as u64,
            oldest_snapshot: oldest.unwrap_or(0),
            merging: self.merge.as_ref().is_some_and(|merge| merge.store() == store),
            resident_bytes: self.resident.bytes(),
            merges: self.totals.merges,
            merge_ms: self.totals.merge_ms,
            merged_bytes: self.totals.merged_bytes,
            reclaimed_bytes: self.totals.reclaimed_bytes,
            moved_bytes: self.totals.moved_bytes,
            purged: self.totals.purged,
            cold_reads: self.reader.reads,
            ..Stats::default()
        };
        for (_, file) in self.files.live().filter(|(_, file)| file.sealed.identity.store == store) {
            stats.files += 1;
            stats.file_bytes += file.sealed.length;
            stats.dead_bytes += file.dead_bytes;
        }
        for (_, file) in self.files.large() {
            stats.large_files += 1;
            stats.large_bytes += file.sealed.length;
            stats.large_dead_bytes += file.idle_bytes();
        }
        Some(stats)
    }

    /// Keys of a store, including expired ones that were not purged yet.
    #[must_use]
    pub fn count(&self, store: u32) -> Option<u64> {
        self.stores.get(&store).map(|store| store.count)
    }

    /// Bytes of the records of all keys of a store, in data files or to be.
    #[must_use]
    pub fn live_bytes(&self, store: u32) -> Option<u64> {
        self.stores.get(&store).map(|store| store.live_bytes)
    }

    /// True when the operation belongs to a store: a settle, a merge, a cold read, a file.
    #[must_use]
    pub fn owns(&self, id: OpId) -> bool {
        self.settle_owns(id)
            || self.merge.as_ref().is_some_and(|merge| merge.owns(id))
            || self.reader.owns(id)
            || self.files.owns(id)
    }

    /// Takes the result of one of the stores' operations.
    pub fn complete(&mut self, id: OpId, result: Result<Done, IoError>, queue: &mut OpQueue) {
        if self.settle_owns(id) {
            self.complete_settle(id, result, queue);
        } else if self.merge.as_ref().is_some_and(|merge| merge.owns(id)) {
            self.complete_merge(id, result, queue);
        } else if self.reader.owns(id) {
            self.complete_read(id, result, queue);
        } else if let Some((slot, error)) = self.files.complete(id, result, queue) {
            self.reader.file_ready(&mut self.files, slot, error.as_ref(), queue);
            self.merge_file_ready(slot, error.as_ref(), queue);
        }
    }

    /// Does a bounded amount of what is due: reads, the next slab of a settle or merge, entries on their way into the
    /// keydir, expired keys.
    pub fn step(&mut self, wall_ms: u64, queue: &mut OpQueue) {
        let now = self.now(wall_ms);
        for (store, sequence) in std::mem::take(&mut self.released) {
            if let Some(store) = self.stores.get_mut(&store) {
                store.release_snapshot(sequence, &mut self.files, queue);
            }
        }
        for slot in std::mem::take(&mut self.let_go) {
            self.files.release(slot, queue);
        }
        self.reader.step(&mut self.files, queue);
        self.step_settle(queue);
        self.step_apply();
        self.step_merge(queue);
        self.purge(now);
    }

    /// Work that needs no completion to go on: `step` is due at once.
    #[must_use]
    pub fn has_work(&self) -> bool {
        self.apply.is_some() || !self.released.is_empty() || self.merge_has_work()
    }

    /// Operations under way, or reads whose answer is still to come.
    #[must_use]
    pub fn busy(&self) -> bool {
        self.reader.busy() || self.files.busy() || self.settle.is_some() || self.merge.is_some()
    }

    /// Closes all files that nobody holds.
    pub fn close_files(&mut self, queue: &mut OpQueue) {
        self.files.close_all(queue);
    }

    /// Damage that reads and merges met since the last call.
    pub fn take_damage(&mut self) -> Vec<crate::reader::Damaged> {
        self.reader.take_damage()
    }
}
