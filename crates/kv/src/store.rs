//! One store: the generation that is written, those that snapshots still see, and key ranges whose records are lost.
//!
//! What it is not: durable by itself; frames are the journal's, files are the settle's.
//!
//! The invariant: a write that an open snapshot sees is kept, in its generation's history or in a past generation,
//! until no snapshot sees it.

use crate::fence::Fence;
use crate::files::Files;
use crate::generation::{Generation, Newest, Old, Version};
use crate::memtable::Written;
use millrace_io::OpQueue;

/// A generation that was cleared while a snapshot saw it.
#[derive(Debug)]
struct Past {
    /// Sequence of the clear: snapshots below it see this generation.
    until: u64,
    generation: Generation,
    /// Slots of the files its keys lie in.
    held: Vec<u32>,
}

/// A store and everything it knows.
#[derive(Debug, Default)]
pub(crate) struct Store {
    pub current: Generation,
    past: Vec<Past>,
    /// Sequences of the open snapshots.
    snapshots: Vec<u64>,
    /// Keys whose newest write is a value, expired ones included until they are purged.
    pub count: u64,
    /// Bytes of their records, in data files or to be.
    pub live_bytes: u64,
    /// Those of them that expire.
    pub expiring: u64,
    pub fences: Vec<Fence>,
}

impl Store {
    /// A store whose life begins with the frame of this LSN.
    pub fn new(sequence: u64) -> Store {
        let current = Generation { cleared_at: sequence, ..Generation::default() };
        Store { current, ..Store::default() }
    }

    /// The sequence of the key's newest write; 0 when it is absent, deleted or expired.
    pub fn sequence_of(&self, key: &[u8], now_ms: u64) -> u64 {
        let newest = self.current.newest(key);
        if newest.lives(now_ms) { newest.sequence() } else { 0 }
    }

    /// Sets a key; answers the sequence of what was there and had not expired at `now_ms`, 0 for nothing.
    pub fn put(&mut self, key: &[u8], written: Written, now_ms: u64, files: &mut Files) -> u64 {
        self.keep_version(key, written.sequence, files);
        let grown = written.live_bytes(key);
        let expires = u64::from(written.is_value() && written.expires_ms != 0);
        let replaced = self.current.active.insert(key, written);
        let before = match &replaced {
            Some(written) => Newest::Written(written),
            None => self.current.below_active(key),
        };
        let is_new = !before.is_value();
        self.live_bytes = self.live_bytes + grown - before.live_bytes(key);
        self.expiring = self.expiring + expires - u64::from(before.expires());
        let sequence = if before.lives(now_ms) { before.sequence() } else { 0 };
        self.count += u64::from(is_new);
        if is_new && let Some(ranks) = &mut self.current.ranks {
            ranks.active.add(key, 1);
        }
        sequence
    }

    /// Removes a key. A tombstone is left only where something older may exist.
    pub fn delete(&mut self, key: &[u8], sequence: u64, files: &mut Files) {
        self.keep_version(key, sequence, files);
        let newest = self.current.newest(key);
        let present = newest.is_value();
        self.live_bytes -= newest.live_bytes(key);
        self.expiring -= u64::from(newest.expires());
        self.count -= u64::from(present);
        if present && let Some(ranks) = &mut self.current.ranks {
            ranks.active.add(key, -1);
        }
        let below = !matches!(self.current.below_active(key), Newest::None);
        if below || self.is_fenced(key, sequence - 1) {
            self.current.active.insert(key, Written { sequence, expires_ms: 0, value: None, place: None });
        } else {
            self.current.active.forget(key);
        }
    }

    /// The settled record of a key is copied into one of so many bytes.
    pub fn record_moved(&mut self, key: &[u8], length: u32) {
        if let Newest::Settled(settled) = self.current.newest(key) {
            self.live_bytes = self.live_bytes + u64::from(length) - u64::from(settled.location.length);
        }
    }

    /// Keeps what `key` is now for the snapshots that see it.
    fn keep_version(&mut self, key: &[u8], until: u64, files: &mut Files) {
        let Some(newest_snapshot) = self.snapshots.iter().max() else { return };
        let newest = self.current.newest(key);
        if newest.sequence() > *newest_snapshot || !newest.is_value() {
            return;
        }
        let old = match newest {
            Newest::Written(written) => {
                if let Some(place) = written.elsewhere() {
                    files.hold(place.location.slot);
                }
                Old::Written(written.clone())
            }
            Newest::Settled(settled) => {
                files.hold(settled.location.slot);
                Old::Settled(settled)
            }
            Newest::None => return,
        };
        self.current.history.entry(key.into()).or_default().push(Version { until, old });
    }

    /// Begins a new generation.
    pub fn clear(&mut self, sequence: u64, held: Vec<u32>, files: &mut Files) {
        let next = Generation { cleared_at: sequence, ..Generation::default() };
        let generation = std::mem::replace(&mut self.current, next);
        self.count = 0;
        self.live_bytes = 0;
        self.expiring = 0;
        self.fences.clear();
        if !self.snapshots.is_empty() {
            held.iter().for_each(|slot| files.hold(*slot));
            self.past.push(Past { until: sequence, generation, held });
        }
    }

    /// The generation a snapshot sees; 0: the current one.
    pub fn generation_at(&self, at: u64) -> &Generation {
        if at == 0 {
            return &self.current;
        }
        self.past.iter().find(|past| at < past.until).map_or(&self.current, |past| &past.generation)
    }

    /// Whether a record of this key may be lost that is newer than `sequence`.
    pub fn is_fenced(&self, key: &[u8], sequence: u64) -> bool {
        self.fences.iter().any(|fence| fence.covers(key, sequence))
    }

    pub fn open_snapshot(&mut self, sequence: u64) {
        self.snapshots.push(sequence);
    }

    /// Open snapshots, and the sequence of the oldest.
    pub fn snapshots(&self) -> (usize, Option<u64>) {
        (self.snapshots.len(), self.snapshots.iter().min().copied())
    }

    /// Gives a snapshot up, and what only it saw.
    pub fn release_snapshot(&mut self, sequence: u64, files: &mut Files, queue: &mut OpQueue) {
        let Some(at) = self.snapshots.iter().position(|open| *open == sequence) else { return };
        self.snapshots.swap_remove(at);
        if self.snapshots.contains(&sequence) {
            return;
        }
        let snapshots = &self.snapshots;
        let mut released = Vec::new();
        for past in std::mem::take(&mut self.past) {
            if snapshots.iter().any(|open| *open < past.until) {
                self.past.push(past);
            } else {
                released.extend(&past.held);
                past.generation
                    .history
                    .values()
                    .flatten()
                    .for_each(|version| released.extend(slot_of(version)));
            }
        }
        let generations =
            std::iter::once(&mut self.current).chain(self.past.iter_mut().map(|past| &mut past.generation));
        for generation in generations {
            generation.history.retain(|_, versions| {
                versions.retain(|version| {
                    let from = version.old.sequence();
                    let seen = snapshots.iter().any(|open| from <= *open && *open < version.until);
                    if !seen {
                        released.extend(slot_of(version));
                    }
                    seen
                });
                !versions.is_empty()
            });
        }
        released.into_iter().for_each(|slot| files.release(slot, queue));
    }

    /// Slots that only this store's snapshots hold; for a store that is dropped.
    pub fn into_held(self) -> Vec<u32> {
        let mut held: Vec<u32> = self.past.iter().flat_map(|past| past.held.iter().copied()).collect();
        let past = self.past.iter().map(|past| &past.generation);
        for generation in past.chain([&self.current]) {
            held.extend(generation.history.values().flatten().filter_map(slot_of));
        }
        held
    }
}

fn slot_of(version: &Version) -> Option<u32> {
    match &version.old {
        Old::Settled(settled) => Some(settled.location.slot),
        Old::Written(written) => written.elsewhere().map(|settled| settled.location.slot),
    }
}
