//! Gives up what is damaged of stores' data files and of large values: what verifies of a file is written to a new one, with
//! a tombstone for every key whose newest version is lost, and a manifest names it in the place of the old one.
//!
//! What it is not: anything that happens by itself. Without being told, damage stays fenced (`repair.rs`).
//!
//! The invariant: no older version of a key comes back. A key whose newest version is lost, or may be, is absent
//! afterwards, and is told before. New files are durable before the manifest names them.

use crate::error::EngineError;
use crate::finding::{Severity, Verified};
use crate::kv_open::{hint_of, load_keys, scan};
use crate::manifest::{Head, Manifest};
use crate::open::{Recovery, start_of};
use crate::publish::Publish;
use crate::repair::{LostKeys, append, close, create};
use crate::verify::config;
use crate::verify_read::{CHUNK, open, read};
use millrace_io::{FileId, Io, Op, OpQueue};
use millrace_journal::Journal;
use millrace_kv::data_file::{DIRECTORY, Identity, data_path, hint_path};
use millrace_kv::hint::Entry;
use millrace_kv::large::{LargeValue, Reference, large_path};
use millrace_kv::load::{BadRange, Loaded, ToLoad};
use millrace_kv::record::{Kind, Record, decode};
use millrace_kv::{DataBuilder, Kv};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Keys that are told by name, and how much of each.
const NAMES_MAX: usize = 100;
const NAME_SHOWN: usize = 80;

/// One file that is written anew.
#[derive(Debug)]
pub(crate) struct StoreSkip {
    file: ToLoad,
    good: Loaded,
    /// Keys of good records that are not kept: other files have something newer, or what they refer to is lost.
    without: BTreeSet<Vec<u8>>,
    /// What is written in the place of what is lost: key and sequence.
    tombstones: BTreeMap<Vec<u8>, u64>,
    /// Keys that are absent afterwards and would not be without the damage.
    lost: Vec<Vec<u8>>,
    /// Most records that are lost without anybody knowing their keys, and the keys between which they lay.
    unknown: u64,
    between: Vec<(Vec<u8>, Vec<u8>)>,
    /// Large files with values that are given up.
    large: BTreeSet<u64>,
    /// The file itself is damaged.
    is_damaged: bool,
}

impl StoreSkip {
    /// Its path as reports have it.
    pub fn name(&self) -> String {
        data_path(self.file.sealed.identity.number).display().to_string()
    }

    fn store(&self) -> u32 {
        self.file.sealed.identity.store
    }

    /// What is lost.
    pub fn keys(&self) -> LostKeys {
        let names = self.lost.iter().take(NAMES_MAX).cloned().collect();
        LostKeys { store: self.store(), count: self.lost.len() as u64, names, unknown: self.unknown }
    }

    /// The same in words.
    pub fn detail(&self) -> String {
        let shown = |key: &[u8]| format!("\"{}\"", key[..key.len().min(NAME_SHOWN)].escape_ascii());
        let names: Vec<String> = self.lost.iter().take(NAMES_MAX).map(|key| shown(key)).collect();
        let mut text = format!("store {}: {} keys are lost", self.store(), self.lost.len());
        if !names.is_empty() {
            let more = if self.lost.len() > names.len() { ", ..." } else { "" };
            text += &format!(": {}{more}", names.join(", "));
        }
        if self.unknown > 0 {
            let between = self.between.iter().map(|(from, to)| format!("{} and {}", shown(from), shown(to)));
            let between: Vec<String> = between.take(NAMES_MAX).collect();
            text +=
                &format!("; and at most {} that nobody knows, between {}", self.unknown, between.join("; "));
        }
        text
    }
}

/// All that is given up of stores.
#[derive(Debug, Default)]
pub(crate) struct StoreSkips {
    pub files: Vec<StoreSkip>,
    /// Large files that some key still needs.
    large: BTreeSet<u64>,
}

impl StoreSkips {
    /// Damaged files with something that is given up.
    pub fn names(&self) -> impl Iterator<Item = PathBuf> {
        self.files.iter().flat_map(|skip| {
            let number = skip.file.sealed.identity.number;
            let own = [data_path(number), hint_path(number)].into_iter().filter(|_| skip.is_damaged);
            own.chain(skip.large.iter().map(|number| large_path(*number)))
        })
    }
}

/// The stores as an opening would find them.
fn stores_of(io: &mut Io, manifest: &Manifest) -> Result<Kv, EngineError> {
    let config = config();
    let mut recovery = Recovery::new(&config, manifest)?;
    load_keys(&mut recovery.kv, io)?;
    let mut head = manifest.head;
    head.incarnation = head.incarnation.saturating_add(1);
    // What of the journal does not verify is a finding, and is lost with it.
    let _ = Journal::examine(io, &config.journal(), start_of(&head), &mut recovery);
    Ok(recovery.kv)
}

/// Everything of stores that can be given up.
pub(crate) fn find(io: &mut Io, manifest: &Manifest, verified: &Verified) -> Result<StoreSkips, EngineError> {
    let damage = verified.findings.iter().filter(|finding| finding.severity == Severity::Damage);
    let damaged: BTreeSet<&str> = damage.map(|finding| finding.file.as_str()).collect();
    if !damaged.iter().any(|file| Path::new(file).starts_with(DIRECTORY)) {
        return Ok(StoreSkips::default());
    }
    let kv = stores_of(io, manifest)?;
    let named = Recovery::new(&config(), manifest)?.kv.large_files();
    let mut skips = StoreSkips::default();
    for file in kv.to_load() {
        let is_damaged = damaged.contains(&*data_path(file.sealed.identity.number).display().to_string());
        let mut skip = look(io, &kv, file, is_damaged)?;
        let store = skip.store();
        let references: Vec<_> =
            skip.good.references().map(|(key, sequence, at)| (key.to_vec(), sequence, at)).collect();
        for (key, sequence, at) in references {
            match kv.settled_of(store, &key) {
                // It has expired, and may hide older ones.
                None => {
                    skip.tombstones.insert(key, sequence);
                    continue;
                }
                Some((settled, file)) if (file, settled.location.position) != (at.file, at.position) => {
                    skip.without.insert(key);
                    continue;
                }
                Some(_) => {}
            }
            let suspect = !named.contains_key(&at.file)
                || damaged.contains(&*large_path(at.file).display().to_string());
            if suspect && !is_whole(io, &kv, store, (key.as_slice(), sequence, at))? {
                skip.without.insert(key.clone());
                skip.large.insert(at.file);
                lose(&mut skip, &kv, key, sequence);
            } else {
                skips.large.insert(at.file);
            }
        }
        if is_damaged || !skip.large.is_empty() {
            skips.files.push(skip);
        }
    }
    Ok(skips)
}

/// The version of this sequence is lost; its key is told when nothing is newer.
fn lose(skip: &mut StoreSkip, kv: &Kv, key: Vec<u8>, sequence: u64) {
    if kv.sequence_of(skip.store(), &key, kv.clock_ms()) == Some(sequence) {
        skip.lost.push(key.clone());
    }
    skip.tombstones.insert(key, sequence);
}

/// What of a data file is good, and what is lost.
fn look(io: &mut Io, kv: &Kv, file: ToLoad, is_damaged: bool) -> Result<StoreSkip, EngineError> {
    let sealed = &file.sealed;
    let (store, number, slot) = (sealed.identity.store, sealed.identity.number, file.slot);
    let mut hint = hint_of(io, &file)?;
    let (good, bad) = match hint.take_if(|_| !is_damaged) {
        Some(hint) => (hint, Vec::new()),
        None => match open(io, &data_path(number))? {
            Ok((handle, _)) => {
                let scanned = scan(io, handle, &file)?;
                io.run(Op::Close { file: handle })?;
                scanned
            }
            Err(_) => {
                let (from, to) = (sealed.min_key.clone(), sealed.max_key.clone());
                let everything = BadRange { position: 0, detail: "the file is missing", from, to };
                (Loaded::nothing(slot), vec![everything])
            }
        },
    };
    let records = sealed.records;
    let newest = sealed.max_sequence;
    let mut skip = StoreSkip {
        file,
        good,
        without: BTreeSet::new(),
        tombstones: BTreeMap::new(),
        lost: Vec::new(),
        unknown: 0,
        between: Vec::new(),
        large: BTreeSet::new(),
        is_damaged,
    };
    if !is_damaged {
        return Ok(skip);
    }
    let known: BTreeSet<Vec<u8>> = skip.good.entries().map(|entry| entry.key.to_vec()).collect();
    if let Some(hint) = hint {
        for entry in hint.entries().filter(|entry| !known.contains(entry.key)) {
            lose_entry(&mut skip, kv, &entry);
        }
        return Ok(skip);
    }
    skip.unknown = records.saturating_sub(known.len() as u64);
    for BadRange { from, to, .. } in bad {
        for (key, settled) in kv.settled_between(store, &from, &to) {
            if settled.sequence < newest && !known.contains(&key) {
                if kv.sequence_of(store, &key, kv.clock_ms()) == Some(settled.sequence) {
                    skip.lost.push(key.clone());
                }
                skip.tombstones.insert(key, newest);
            }
        }
        skip.between.push((from, to));
    }
    skip.lost.sort();
    skip.lost.dedup();
    Ok(skip)
}

/// A record is lost of which the hint knows the key.
fn lose_entry(skip: &mut StoreSkip, kv: &Kv, entry: &Entry<'_>) {
    let (store, number) = (skip.store(), skip.file.sealed.identity.number);
    let place = entry.reference.map_or((number, entry.position), |at| (at.file, at.position));
    let settled = kv.settled_of(store, entry.key);
    let is_newest = settled.is_some_and(|(settled, file)| (file, settled.location.position) == place);
    let dies = entry.expires_ms != 0 && entry.expires_ms <= kv.clock_ms();
    if entry.tombstone || dies {
        // It may hide older ones, and nobody misses it.
        skip.tombstones.insert(entry.key.to_vec(), entry.sequence);
    } else if is_newest {
        lose(skip, kv, entry.key.to_vec(), entry.sequence);
    }
}

/// Whether a large value verifies.
fn is_whole(
    io: &mut Io,
    kv: &Kv,
    store: u32,
    (key, sequence, at): (&[u8], u64, Reference),
) -> Result<bool, EngineError> {
    let Ok((handle, _)) = open(io, &large_path(at.file))? else { return Ok(false) };
    let bytes = read(io, handle, at.position, at.length as usize)?;
    io.run(Op::Close { file: handle })?;
    let Ok(bytes) = bytes else { return Ok(false) };
    let large = LargeValue::verified(&bytes, &kv.directory_id());
    Ok(large.is_some_and(|large| {
        (large.store, large.sequence, large.key) == (store, sequence, key) && large.length() == bytes.len()
    }))
}

/// Writes the new files and publishes a manifest that names them in place of `manifest`, which is the one in the directory.
pub(crate) fn apply(io: &mut Io, manifest: &Manifest, skips: &StoreSkips) -> Result<(), EngineError> {
    let mut kv = Recovery::new(&config(), manifest)?.kv;
    let names = io.list_if_there(DIRECTORY)?;
    let taken = names.iter().filter_map(|name| millrace_kv::data_file::number_of(name)).max().unwrap_or(0);
    kv.reserve_file_numbers(taken);
    io.make_directory(DIRECTORY)?;
    let mut replaced = BTreeMap::new();
    for skip in &skips.files {
        let number = kv.last_file_number() + 1;
        kv.reserve_file_numbers(number);
        let sealed = rewrite(io, skip, number)?;
        replaced.insert(skip.file.sealed.identity.number, sealed);
    }
    let share = kv.share_with(&replaced, &skips.large);
    // It says what the edits said too, and has none of its own.
    let head = Head { base: 0, ..manifest.head };
    let new = Manifest::new(head, manifest.log(), &share, manifest.state());
    Publish::run(new, io, &mut OpQueue::default())?;
    Ok(())
}

/// Writes what is good of a file to a new one, and tombstones for what is lost; `None`: nothing is left.
fn rewrite(io: &mut Io, skip: &StoreSkip, number: u64) -> Result<Option<millrace_kv::Sealed>, EngineError> {
    let old = &skip.file.sealed;
    let kept: Vec<Entry<'_>> = skip
        .good
        .entries()
        .filter(|entry| !skip.without.contains(entry.key) && !skip.tombstones.contains_key(entry.key))
        .collect();
    if kept.is_empty() && skip.tombstones.is_empty() {
        return Ok(None);
    }
    let mut builder = DataBuilder::new(Identity { number, ..old.identity });
    let (to, mut written) = (create(io, data_path(number))?, 0);
    let mut source = Source {
        file: open(io, &data_path(old.identity.number))?.ok().map(|(file, _)| file),
        ..Source::default()
    };
    let mut tombstones = skip.tombstones.iter().peekable();
    for entry in &kept {
        while let Some((key, sequence)) = tombstones.next_if(|(key, _)| key.as_slice() < entry.key) {
            builder.push(&tombstone(key, *sequence));
        }
        let bytes = source.record(io, entry, old.length)?;
        let left = u64::from(entry.length);
        let decoded = decode(bytes, old.identity.seal(), entry.position, left).map_err(|_| {
            millrace_io::IoError::from_errno(libc::EIO, "a record that was whole a moment ago")
        })?;
        builder.push(&decoded.record);
        if builder.pending().len() as u64 >= CHUNK {
            written = flush(io, to, &mut builder, written)?;
        }
    }
    for (key, sequence) in tombstones {
        builder.push(&tombstone(key, *sequence));
    }
    builder.finish(old.max_sequence);
    flush(io, to, &mut builder, written)?;
    close(io, to, Path::new(DIRECTORY))?;
    if let Some(file) = source.file {
        io.run(Op::Close { file })?;
    }
    let hint = create(io, hint_path(number))?;
    append(io, hint, 0, &builder.hint_file())?;
    close(io, hint, Path::new(DIRECTORY))?;
    Ok(Some(builder.sealed().clone()))
}

fn tombstone(key: &[u8], sequence: u64) -> Record<'_> {
    Record { kind: Kind::Tombstone, sequence, expires_ms: 0, key, value: &[] }
}

fn flush(io: &mut Io, to: FileId, builder: &mut DataBuilder, written: u64) -> Result<u64, EngineError> {
    let bytes = builder.pending().len();
    append(io, to, written, builder.pending())?;
    builder.taken(bytes);
    Ok(written + bytes as u64)
}

/// The file that is read, a piece at a time.
#[derive(Default)]
struct Source {
    file: Option<FileId>,
    from: u64,
    bytes: Vec<u8>,
}

impl Source {
    /// The bytes of a record; too few where the file does not give them.
    fn record(&mut self, io: &mut Io, entry: &Entry<'_>, length: u64) -> Result<&[u8], EngineError> {
        let (position, end) = (entry.position, entry.position + u64::from(entry.length));
        if position < self.from || end > self.from + self.bytes.len() as u64 {
            let most = CHUNK.max(u64::from(entry.length)).min(length - position) as usize;
            let Some(file) = self.file else { return Ok(&[]) };
            self.from = position;
            self.bytes = read(io, file, position, most)?.unwrap_or_default();
        }
        let at = (position - self.from) as usize;
        Ok(self.bytes.get(at..at + entry.length as usize).unwrap_or_default())
    }
}
