//! Opening the stores of a data directory: the keys of every published file go into memory, from its hint if that is
//! whole, else from the records themselves.
//!
//! What it is not: replay of frames above the checkpoint (`kv_replay.rs`).
//!
//! The invariant: a hint is only a short cut; whatever is wrong with one, the outcome is that of a scan with every check.

use crate::account::Damage;
use crate::config::EngineConfig;
use crate::error::EngineError;
use crate::manifest::Manifest;
use crate::open::short_id;
use millrace_io::{BLOCK, Done, FileId, Io, IoError, IoErrorKind, Op, OpenMode, Piece, ReadBuffer};
use millrace_journal::{BulkHeader, LARGE_FILE};
use millrace_kv::data_file::{DIRECTORY, data_path, hint_path, number_of};
use millrace_kv::large::large_path;
use millrace_kv::load::{Loaded, Scan, ToLoad, from_hint};
use millrace_kv::{Kv, KvConfig};
use std::collections::BTreeSet;
use std::path::PathBuf;

/// The largest hint that is used.
const HINT_MAX: usize = 4 << 30;

/// What loading found.
pub(crate) struct Opened {
    pub damage: Vec<Damage>,
    /// Files with records, and hints, that no manifest names.
    pub unnamed: Vec<PathBuf>,
    /// Numbers of all large files.
    large: BTreeSet<u64>,
}

impl Opened {
    /// Large files that neither the manifest names nor a frame that was kept refers to. Ask when replay is over.
    pub fn unnamed_large(&self, kv: &Kv) -> Vec<PathBuf> {
        let known = kv.large_files();
        self.large
            .iter()
            .filter(|number| !known.contains_key(number))
            .map(|number| large_path(*number))
            .collect()
    }
}

/// The stores a manifest tells of, without their keys. Settled values may take half of what tails may.
pub(crate) fn restore(config: &EngineConfig, manifest: &Manifest) -> Result<Kv, EngineError> {
    let config = KvConfig {
        directory_id: manifest.head.directory_id,
        epoch: manifest.head.incarnation,
        resident_bytes: config.memory_bytes / 2,
        large_header: Some(large_header),
    };
    Ok(Kv::restore(config, manifest.kv())?)
}

/// Block 0 of a large file, as the journal makes it.
fn large_header(id: [u8; 16], number: u64) -> Piece {
    BulkHeader { directory_id: short_id(id), number: number | LARGE_FILE }.encode()
}

/// Loads the keys of all published files. Damage is reported and fenced; it is no error.
pub(crate) fn load(kv: &mut Kv, io: &mut Io) -> Result<Opened, EngineError> {
    io.make_directory(DIRECTORY)?;
    load_keys(kv, io)
}

/// As `load`, without making the directory.
pub(crate) fn load_keys(kv: &mut Kv, io: &mut Io) -> Result<Opened, EngineError> {
    kv.now(u64::try_from(io.wall_ms()).unwrap_or(0));
    let names: BTreeSet<String> = io.list_if_there(DIRECTORY)?.into_iter().collect();
    let last = names.iter().filter_map(|name| number_of(name)).max().unwrap_or(0);
    // A name that is removed may come back with a power cut: its number is not given out again.
    kv.reserve_file_numbers(last);
    let files = kv.to_load();
    let named: BTreeSet<u64> = files.iter().map(|file| file.sealed.identity.number).collect();
    let (large, others): (Vec<_>, Vec<_>) = names.iter().partition(|name| name.ends_with(".large"));
    let unnamed =
        others.into_iter().filter(|name| number_of(name).is_some_and(|number| !named.contains(&number)));
    let unnamed = unnamed.map(|name| PathBuf::from(DIRECTORY).join(name)).collect();
    let large: BTreeSet<u64> = large.into_iter().filter_map(|name| number_of(name)).collect();
    let mut damage = Vec::new();
    let stores: Vec<u32> = kv.stores().collect();
    for store in stores {
        let mut loaded = Vec::new();
        for file in files.iter().filter(|file| file.sealed.identity.store == store) {
            loaded.push(load_file(kv, io, file, &mut damage)?);
        }
        kv.fill(store, &loaded);
    }
    Ok(Opened { damage, unnamed, large })
}

/// Reports large files that settled keys need and that are missing or too short; values are verified when they are read.
/// What a file has behind its last value is given back. Replay is over.
pub(crate) fn check_large(kv: &Kv, io: &mut Io, damage: &mut Vec<Damage>) -> Result<(), EngineError> {
    let needed = kv.needed_large_files();
    for (number, length) in kv.large_files() {
        let path = large_path(number);
        let detail = match io.run(Op::Open { path: path.clone(), mode: OpenMode::WriteDirect }) {
            Ok(Done::Opened { file, size }) => {
                let end = length.next_multiple_of(BLOCK as u64);
                if size > end {
                    io.run(Op::Truncate { file, length: end })?;
                }
                io.run(Op::Close { file })?;
                (size < length)
                    .then(|| (size, format!("the file has {size} bytes, the manifest names {length}")))
            }
            Ok(other) => panic!("an open completed as {other:?}"),
            Err(error) if is_fleeting(&error) => return Err(error.into()),
            Err(error) => Some((0, error.to_string())),
        };
        // The journal has reported what unsettled frames refer to.
        let detail = detail.filter(|_| needed.contains_key(&number));
        let report = |(position, detail)| Damage { file: path.display().to_string(), position, detail };
        damage.extend(detail.map(report));
    }
    Ok(())
}

fn load_file(
    kv: &mut Kv,
    io: &mut Io,
    file: &ToLoad,
    damage: &mut Vec<Damage>,
) -> Result<Loaded, EngineError> {
    let sealed = &file.sealed;
    let path = data_path(sealed.identity.number);
    let mut report = |position, detail: String| {
        damage.push(Damage { file: path.display().to_string(), position, detail });
    };
    let opened = match io.run(Op::Open { path: path.clone(), mode: OpenMode::ReadDirect }) {
        Ok(Done::Opened { file: handle, size }) => {
            if size < sealed.length {
                report(size, format!("the file has {size} bytes, the manifest names {}", sealed.length));
            }
            Some(handle)
        }
        Ok(other) => panic!("an open completed as {other:?}"),
        Err(error) if is_fleeting(&error) => return Err(error.into()),
        Err(error) => {
            report(0, error.to_string());
            None
        }
    };
    let hint = hint_of(io, file)?;
    let loaded = match (hint, opened) {
        (Some(loaded), _) => loaded,
        (None, Some(handle)) => {
            let (loaded, bad) = scan(io, handle, file)?;
            for bad in bad {
                report(bad.position, bad.detail.to_string());
                kv.fence(file.slot, &bad.from, &bad.to);
            }
            loaded
        }
        (None, None) => {
            kv.fence(file.slot, &sealed.min_key, &sealed.max_key);
            Loaded::nothing(file.slot)
        }
    };
    if let Some(file) = opened {
        io.run(Op::Close { file })?;
    }
    Ok(loaded)
}

/// The keys of a file out of its hint; `None`: it is missing, or does not verify.
pub(crate) fn hint_of(io: &mut Io, file: &ToLoad) -> Result<Option<Loaded>, EngineError> {
    match io.read_small(hint_path(file.sealed.identity.number), HINT_MAX) {
        Ok(bytes) => Ok(from_hint(file, &bytes).ok()),
        Err(error) if is_fleeting(&error) => Err(error.into()),
        Err(_) => Ok(None),
    }
}

/// A lack of descriptors or memory says nothing about a file and ends the opening.
fn is_fleeting(error: &IoError) -> bool {
    matches!(error.kind, IoErrorKind::Descriptors | IoErrorKind::Memory | IoErrorKind::Cancelled)
}

/// The keys of a file out of its records, and what does not verify.
pub(crate) fn scan(
    io: &mut Io,
    handle: FileId,
    file: &ToLoad,
) -> Result<(Loaded, Vec<millrace_kv::load::BadRange>), EngineError> {
    let mut scan = Scan::new(file.clone());
    while let Some((from, length)) = scan.wanted() {
        let start = from / BLOCK as u64 * BLOCK as u64;
        let skip = (from - start) as usize;
        let buffer = ReadBuffer::new(skip + length);
        match io.run(Op::Read { file: handle, position: start, buffer }) {
            Ok(Done::Read { buffer, length: read }) => {
                let end = read.min(skip + length);
                let fresh = buffer.bytes().get(skip..end).unwrap_or(&[]);
                let ends = fresh.len() < length || from + fresh.len() as u64 >= file.sealed.length;
                scan.feed(fresh, ends);
                if fresh.len() < length {
                    break;
                }
            }
            Ok(other) => panic!("a read completed as {other:?}"),
            Err(error) if is_fleeting(&error) => return Err(error.into()),
            // The device does not give these bytes: they are as good as damaged, and so is what lies behind them.
            Err(_) => break,
        }
    }
    Ok(scan.finish())
}
