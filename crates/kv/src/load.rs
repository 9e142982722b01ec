//! Loading: the keys of the published files go into the keydirs, from hints where they are whole, else from the records
//! themselves.
//!
//! What it is not: the reading of files, which the engine does; frames above the checkpoint come afterwards.
//!
//! The invariant: the highest sequence of a key wins, whatever file it lies in; what cannot be read is fenced, never
//! passed over.

use crate::data_file::{DATA_HEADER, Identity};
use crate::data_writer::Sealed;
use crate::fence::Fence;
use crate::hint::{self, Entries, Entry, put_entry};
use crate::keydir::Builder;
use crate::kv::Kv;
use crate::large::Reference;
use crate::location::Settled;
use crate::record::{Decoded, Defect, Kind, decode};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;

/// Bytes that a scan reads at once.
const CHUNK: usize = 1 << 20;
/// Behind bytes that do not verify no larger record is looked for.
const RESYNC_MAX: usize = 64 << 20;

/// The keys of one data file, in order, as runs of records that follow each other.
#[derive(Debug, PartialEq, Eq)]
pub struct Loaded {
    pub slot: u32,
    runs: Vec<(u64, Vec<u8>)>,
}

impl Loaded {
    /// A file without readable keys.
    #[must_use]
    pub fn nothing(slot: u32) -> Loaded {
        Loaded { slot, runs: Vec::new() }
    }

    /// The hint of the file, when all of its records were read; `None` when some were not.
    #[must_use]
    pub fn hint(&self, sealed: &Sealed) -> Option<Vec<u8>> {
        let [(first, entries)] = &self.runs[..] else { return None };
        let whole = *first == DATA_HEADER as u64 && self.entries().count() as u64 == sealed.records;
        whole.then(|| hint::hint_file(&sealed.identity, sealed.length, sealed.records, entries))
    }

    /// Keys whose values lie in large files: key, sequence, and where.
    pub fn references(&self) -> impl Iterator<Item = (&[u8], u64, Reference)> {
        self.entries().filter_map(|entry| Some((entry.key, entry.sequence, entry.reference?)))
    }

    /// All keys, in order, with where their records lie.
    pub fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
        self.runs.iter().flat_map(|(position, bytes)| Entries::new(bytes, *position))
    }
}

/// A file that is to be loaded.
#[derive(Clone, Debug)]
pub struct ToLoad {
    pub slot: u32,
    pub sealed: Sealed,
}

impl Kv {
    /// The published files.
    #[must_use]
    pub fn to_load(&self) -> Vec<ToLoad> {
        self.files.live().map(|(slot, file)| ToLoad { slot, sealed: file.sealed.clone() }).collect()
    }

    /// Everything that can have been in the file's key range is unknown.
    pub fn fence(&mut self, slot: u32, from: &[u8], to: &[u8]) {
        self.files.mark_damaged(slot);
        let Some(file) = self.files.get(slot) else { return };
        let (store, sequence) = (file.sealed.identity.store, file.sealed.max_sequence);
        if let Some(store) = self.stores.get_mut(&store) {
            store.fences.push(Fence { from: from.to_vec(), to: to.to_vec(), sequence });
        }
    }

    /// Numbers of data files up to this one are not given out: names of an earlier life may still have them.
    pub fn reserve_file_numbers(&mut self, last: u64) {
        self.files.reserve_numbers(last);
    }

    /// Fills the keydir of a store with the keys of all its files.
    pub fn fill(&mut self, store: u32, loaded: &[Loaded]) {
        let Some(of) = self.stores.get(&store) else { return };
        let now = self.clock_ms();
        let cleared_at = of.current.cleared_at;
        // Ties of a key go to the highest sequence; of the same record in several files the newest file is right.
        let mut loaded: Vec<&Loaded> = loaded.iter().collect();
        let number = |slot: u32| self.files.get(slot).map_or(0, |file| file.sealed.identity.number);
        loaded.sort_by_key(|loaded| Reverse(number(loaded.slot)));
        let mut files: Vec<_> = loaded.iter().map(|loaded| loaded.entries()).collect();
        let mut heads = BinaryHeap::new();
        for (index, file) in files.iter_mut().enumerate() {
            heads.extend(file.next().map(|entry| head(entry, index)));
        }
        let mut builder = Builder::default();
        let mut live_bytes = 0;
        let mut expiring = 0;
        let mut last: Option<&[u8]> = None;
        while let Some(mut top) = heads.peek_mut() {
            let Reverse((key, _, Order(entry, index))) = *top;
            let slot = loaded[index].slot;
            let newest = last != Some(key);
            last = Some(key);
            let expired = entry.expires_ms != 0 && entry.expires_ms <= now;
            if newest && !entry.tombstone && !expired && entry.sequence >= cleared_at {
                let location = self.files.location_of(&entry, slot);
                self.files.need(location);
                let Entry { sequence, expires_ms, .. } = entry;
                live_bytes += u64::from(location.length);
                expiring += u64::from(expires_ms != 0);
                builder.push(key, &Settled { location, sequence, expires_ms });
            } else {
                self.files.bury(slot, entry.length);
            }
            match files[index].next() {
                Some(entry) => *top = head(entry, index),
                None => {
                    PeekMut::pop(top);
                }
            }
        }
        let keydir = builder.finish();
        if let Some(of) = self.stores.get_mut(&store) {
            of.count = keydir.len();
            of.live_bytes = live_bytes;
            of.expiring = expiring;
            of.current.keydir = keydir;
        }
    }
}

/// An entry that takes no part in the order of the heap.
#[derive(Clone, Copy, Debug)]
struct Order<'a>(Entry<'a>, usize);

impl PartialEq for Order<'_> {
    fn eq(&self, other: &Order<'_>) -> bool {
        self.1 == other.1
    }
}

impl Eq for Order<'_> {}

impl PartialOrd for Order<'_> {
    fn partial_cmp(&self, other: &Order<'_>) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Order<'_> {
    fn cmp(&self, other: &Order<'_>) -> std::cmp::Ordering {
        self.1.cmp(&other.1)
    }
}

type Head<'a> = Reverse<(&'a [u8], Reverse<u64>, Order<'a>)>;

fn head(entry: Entry<'_>, index: usize) -> Head<'_> {
    Reverse((entry.key, Reverse(entry.sequence), Order(entry, index)))
}

/// The keys of a file out of its hint; `Err`: why the hint cannot be used.
pub fn from_hint(file: &ToLoad, bytes: &[u8]) -> Result<Loaded, &'static str> {
    let Sealed { identity, length, records, .. } = &file.sealed;
    let first = DATA_HEADER as u64;
    let entries = hint::verify(bytes, identity, *length, *records, first)?;
    Ok(Loaded { slot: file.slot, runs: vec![(first, entries.to_vec())] })
}

/// Bytes of a data file that do not verify.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadRange {
    pub position: u64,
    pub detail: &'static str,
    /// Keys between these two, both included, may have been there.
    pub from: Vec<u8>,
    pub to: Vec<u8>,
}

/// Reads a data file from front to back, with every check, and goes on behind what does not verify.
#[derive(Debug)]
pub struct Scan {
    file: ToLoad,
    seal: u32,
    /// Bytes at hand, from `position` on.
    bytes: Vec<u8>,
    position: u64,
    previous: Option<u32>,
    last_key: Vec<u8>,
    bad: Option<(u64, &'static str)>,
    runs: Vec<(u64, Vec<u8>)>,
    run_end: u64,
    bad_ranges: Vec<BadRange>,
    marked: bool,
    /// Bytes that the next record needs at least.
    need: usize,
}

impl Scan {
    /// A scan of the file, which begins with its header.
    #[must_use]
    pub fn new(file: ToLoad) -> Scan {
        let seal = file.sealed.identity.seal();
        let last_key = file.sealed.min_key.clone();
        Scan {
            file,
            seal,
            bytes: Vec::new(),
            position: 0,
            previous: Some(seal),
            last_key,
            bad: None,
            runs: Vec::new(),
            run_end: 0,
            bad_ranges: Vec::new(),
            marked: false,
            need: DATA_HEADER,
        }
    }

    /// Where to read on, and how much; `None`: the end was reached.
    #[must_use]
    pub fn wanted(&self) -> Option<(u64, usize)> {
        let from = self.position + self.bytes.len() as u64;
        let left = self.file.sealed.length.saturating_sub(from);
        (left > 0 && !self.marked).then(|| (from, (left.min(CHUNK.max(self.need) as u64)) as usize))
    }

    /// Takes the bytes that `wanted` named; fewer: the file ends early.
    pub fn feed(&mut self, chunk: &[u8], ends: bool) {
        self.bytes.extend_from_slice(chunk);
        if self.position == 0 {
            if Identity::decode(&self.bytes) != Some(self.file.sealed.identity) {
                self.bad = Some((0, "header of a data file"));
            }
            self.advance(DATA_HEADER.min(self.bytes.len()));
        }
        self.walk(ends);
    }

    fn advance(&mut self, bytes: usize) {
        self.bytes.drain(..bytes);
        self.position += bytes as u64;
    }

    fn walk(&mut self, ends: bool) {
        let bytes = std::mem::take(&mut self.bytes);
        let mut at = 0;
        let end = self.file.sealed.length;
        while at < bytes.len() && !self.marked {
            let position = self.position + at as u64;
            match decode(&bytes[at..], self.seal, position, end.saturating_sub(position)) {
                Ok(decoded) => {
                    self.take(position, &decoded);
                    at += decoded.length;
                }
                // What only looks like a record may claim to be huge.
                Err(Defect::Short(need)) if !ends && (self.bad.is_none() || need <= RESYNC_MAX) => {
                    self.need = need;
                    break;
                }
                Err(defect) => {
                    let detail = match defect {
                        Defect::Bad(detail) => detail,
                        Defect::Short(_) => "the file ends early",
                    };
                    self.bad.get_or_insert((position, detail));
                    self.previous = None;
                    at += 1;
                }
            }
        }
        self.bytes = bytes[at..].to_vec();
        self.position += at as u64;
    }

    fn take(&mut self, position: u64, decoded: &Decoded<'_>) {
        let Decoded { record, crc, previous, length } = *decoded;
        if self.previous.is_some_and(|expected| expected != previous) {
            self.bad.get_or_insert((position, "link of a record"));
        }
        self.previous = Some(crc);
        if record.kind == Kind::Mark {
            self.close_bad(None);
            self.marked = true;
            return;
        }
        self.close_bad(Some(record.key));
        if self.runs.is_empty() || self.run_end != position {
            self.runs.push((position, Vec::new()));
        }
        self.run_end = position + length as u64;
        self.last_key.clear();
        self.last_key.extend_from_slice(record.key);
        let entry = Entry {
            key: record.key,
            tombstone: record.kind == Kind::Tombstone,
            sequence: record.sequence,
            expires_ms: record.expires_ms,
            position,
            length: u32::try_from(length).expect("decode refuses longer records"),
            reference: record.reference(),
        };
        if let Some((_, run)) = self.runs.last_mut() {
            put_entry(run, &entry);
        }
    }

    /// What did not verify ends before this key, or with the file.
    fn close_bad(&mut self, next: Option<&[u8]>) {
        let Some((position, detail)) = self.bad.take() else { return };
        let to = next.unwrap_or(&self.file.sealed.max_key).to_vec();
        self.bad_ranges.push(BadRange { position, detail, from: self.last_key.clone(), to });
    }

    /// The keys that were found, and what was lost.
    #[must_use]
    pub fn finish(mut self) -> (Loaded, Vec<BadRange>) {
        if !self.marked {
            self.bad.get_or_insert((self.position, "the file ends without its commit mark"));
        }
        self.close_bad(None);
        (Loaded { slot: self.file.slot, runs: self.runs }, self.bad_ranges)
    }
}
