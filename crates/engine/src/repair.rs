//! Repair of a data directory that nobody has open: what can be derived is built again; what is damaged is copied away
//! before anything may reuse its place.
//!
//! What it is not: a cut. No record is removed, no range shortened: damaged ranges are fenced by the engine, which serves
//! the rest, unless it is told to give them up (`skip.rs`, `skip_stores.rs`), or everything behind them (`truncate.rs`).
//! Without `apply` nothing is changed.
//!
//! The invariant: whatever is replaced or may be overwritten lies in `repair/<time>/` before, synced.

use crate::dump_line::Line;
use crate::error::EngineError;
use crate::finding::{Severity, Verified};
use crate::manifest::Manifest;
use crate::open::Recovery;
use crate::skip::{self, Skip};
use crate::skip_stores::{self, StoreSkips};
use crate::truncate;
use crate::verify::{Rebuilt, Verifier};
use crate::verify_read::{CHUNK, open, read};
use millrace_io::{Done, FileId, Io, Op, OpenMode, Piece};
use millrace_journal::JOURNAL_DIRECTORY;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Where copies lie, below the data directory.
const DIRECTORY: &str = "repair";

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// An index or hint is written anew from batches or records.
    Rebuild,
    /// A damaged journal file is copied to `repair/<time>/`, since its place is used again; so is a segment, data file or
    /// large file of which something is given up.
    Copy,
    /// Offsets are given up: reads go on behind them. Or keys of a store: they are absent then.
    Skip,
    /// Nothing: the engine refuses reads of this place and serves the rest.
    Fenced,
}

/// Which part of what gives nothing up is done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Parts {
    #[default]
    All,
    /// Indexes and hints are written anew, and that is all.
    Rebuild,
    /// Damaged files of the journal are copied away, and that is all: ranges stay fenced.
    Fence,
}

/// What a repair may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Repairing<'a> {
    /// Without it nothing is changed.
    pub apply: bool,
    pub parts: Parts,
    /// Damaged ranges of segments, holes between them, and damaged records and values of stores are given up.
    pub skip_damaged: bool,
    /// Of a partition that has lost something, everything from there to its end is given up.
    pub truncate: bool,
    /// Only this file of the directory, as reports name it, with its index or hint. Excludes `truncate`.
    pub only: Option<&'a str>,
}

impl Repairing<'_> {
    /// Nothing is changed, and nothing would be given up.
    pub const PLAN: Repairing<'static> =
        Repairing { apply: false, parts: Parts::All, skip_damaged: false, truncate: false, only: None };
}

/// Keys of a store that are lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LostKeys {
    pub store: u32,
    /// Those that are known: they are absent afterwards.
    pub count: u64,
    /// The first of them, in key order.
    pub names: Vec<Vec<u8>>,
    /// Most records that are lost beside, of keys that nobody knows.
    pub unknown: u64,
}

/// Offsets of a partition; `to` is exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offsets {
    pub partition: u64,
    pub from: u64,
    pub to: u64,
}

/// One step of a repair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action {
    pub act: Act,
    pub file: String,
    pub detail: String,
    /// Of `Skip`: what is lost of a partition.
    pub offsets: Option<Offsets>,
    /// Of `Skip`: what is lost of a store.
    pub keys: Option<LostKeys>,
}

impl Action {
    /// As one line of JSON.
    #[must_use]
    pub fn line(&self) -> String {
        let act = match self.act {
            Act::Rebuild => "rebuild",
            Act::Copy => "copy",
            Act::Skip => "skip",
            Act::Fenced => "fenced",
        };
        let line = Line::of(act).text("file", &self.file).text("detail", &self.detail);
        let line = match self.offsets {
            Some(Offsets { partition, from, to }) => {
                line.number("partition", partition).number("from", from).number("to", to)
            }
            None => line,
        };
        match &self.keys {
            Some(LostKeys { store, count, unknown, .. }) => line
                .number("store", u64::from(*store))
                .number("lostKeys", *count)
                .number("unknownRecords", *unknown)
                .finish(),
            None => line.finish(),
        }
    }
}

/// What was verified deeply, and what can be made of it.
struct Looked {
    io: Io,
    verified: Verified,
    rebuilt: Vec<Rebuilt>,
    views: Option<(Manifest, Recovery)>,
    /// Damaged ranges of segments.
    skips: Vec<Skip>,
    cuts: Vec<Offsets>,
}

fn look(io: Io, how: Repairing<'_>) -> Result<Looked, EngineError> {
    let mut verifier = Verifier::open(io, true)?;
    if let Some(file) = how.only {
        verifier.only(file);
    }
    while verifier.step()? {}
    let (mut io, verified, mut rebuilt, views) = verifier.into_parts();
    let mut skips = match &views {
        Some((_, recovery)) if how.skip_damaged || how.truncate => skip::find(&mut io, recovery, &verified)?,
        _ => Vec::new(),
    };
    if how.only.is_some() {
        // A hole lies in no file.
        skips.retain(|skip| skip.of.is_some());
    }
    let cuts = match &views {
        Some((_, recovery)) if how.truncate => truncate::cuts(recovery, &skips),
        _ => Vec::new(),
    };
    if how.parts == Parts::Fence {
        rebuilt.clear();
    }
    Ok(Looked { io, verified, rebuilt, views, skips, cuts })
}

/// Verifies the directory deeply and says what is to be done; with `apply`, does it. `stamp` names the folder for what is
/// replaced: digits, letters and dashes.
///
/// # Errors
///
/// As `Verifier::open`, and a device that refuses to write.
pub fn repair(io: Io, how: Repairing<'_>, stamp: &str) -> Result<(Verified, Vec<Action>), EngineError> {
    let mut looked = look(io, how)?;
    let stores = match &looked.views {
        Some((manifest, _)) if how.skip_damaged => {
            skip_stores::find(&mut looked.io, manifest, &looked.verified)?
        }
        _ => StoreSkips::default(),
    };
    let actions = plan(how, &looked, &stores);
    let home = PathBuf::from(DIRECTORY).join(stamp);
    let changes = actions.iter().any(|action| action.act != Act::Fenced);
    if how.apply && changes {
        let verified = looked.verified.clone();
        apply(looked, &actions, &stores, &home, how)?;
        return Ok((verified, actions));
    }
    Ok((looked.verified, actions))
}

fn apply(
    looked: Looked,
    actions: &[Action],
    stores: &StoreSkips,
    home: &Path,
    how: Repairing<'_>,
) -> Result<(), EngineError> {
    let Looked { mut io, rebuilt, views, skips, cuts, .. } = looked;
    io.make_directory(DIRECTORY)?;
    io.make_directory(home)?;
    for action in actions.iter().filter(|action| action.act == Act::Copy) {
        copy(&mut io, Path::new(&action.file), home)?;
    }
    for file in &rebuilt {
        replace(&mut io, file, home)?;
    }
    let Some((mut manifest, recovery)) = views else { return Ok(()) };
    if cuts.is_empty() && !skips.is_empty() {
        manifest = skip::apply(&mut io, &manifest, &recovery, &skips)?;
    }
    if !stores.files.is_empty() {
        skip_stores::apply(&mut io, &manifest, stores)?;
    }
    if cuts.is_empty() {
        return Ok(());
    }
    // What is only in the journal, of these partitions or of others, has to be in files before anything can be cut.
    let Looked { mut io, views, cuts, .. } = look(truncate::settle_all(io, &manifest)?, how)?;
    let Some((manifest, recovery)) = views else { return Ok(()) };
    let skips = truncate::skips_of(&recovery, &cuts);
    let is_kept =
        |file: &Path| actions.iter().any(|one| one.act == Act::Copy && Path::new(&one.file) == file);
    for file in skip::files(&skips).iter().filter(|file| !is_kept(file)) {
        copy(&mut io, file, home)?;
    }
    skip::apply(&mut io, &manifest, &recovery, &skips)?;
    Ok(())
}

fn plan(how: Repairing<'_>, looked: &Looked, stores: &StoreSkips) -> Vec<Action> {
    let Looked { verified, rebuilt, skips, cuts, .. } = looked;
    let mut actions = Vec::new();
    let given_up: BTreeSet<String> =
        skip::files(skips).into_iter().chain(stores.names()).map(|path| path.display().to_string()).collect();
    // A cut opens the directory, which may use the place of a damaged journal file again.
    let copies_journal = how.parts != Parts::Rebuild || !cuts.is_empty();
    let mut copied = BTreeSet::new();
    for finding in &verified.findings {
        let file = finding.file.clone();
        let is_journal = file.starts_with(JOURNAL_DIRECTORY) && file.len() > JOURNAL_DIRECTORY.len();
        let is_kept = (is_journal && copies_journal) || given_up.contains(&file);
        let anew = rebuilt.iter().any(|one| one.path.as_path() == Path::new(&file));
        let act = match finding.severity {
            Severity::Note => continue,
            Severity::Derivable if anew => Act::Rebuild,
            Severity::Derivable if how.parts == Parts::Fence => continue,
            Severity::Damage if is_kept && copied.insert(file.clone()) => Act::Copy,
            Severity::Damage | Severity::Derivable if given_up.contains(&file) => continue,
            Severity::Derivable | Severity::Damage => Act::Fenced,
        };
        actions.push(Action { act, file, detail: finding.detail.clone(), offsets: None, keys: None });
    }
    for &offsets in cuts {
        let Offsets { partition, from, to } = offsets;
        let of_partition = |skip: &&Skip| skip.reach.partition == partition;
        let first = skips
            .iter()
            .filter(of_partition)
            .min_by_key(|skip| skip.lost.iter().map(|(from, _)| *from).min());
        let file = first.map_or_else(|| JOURNAL_DIRECTORY.to_string(), Skip::file);
        let detail = format!("partition {partition}: offsets {from} to {} are cut off", to - 1);
        actions.push(Action { act: Act::Skip, file, detail, offsets: Some(offsets), keys: None });
    }
    for skip in skips.iter().filter(|_| !how.truncate) {
        let partition = skip.reach.partition;
        for (from, to) in skip.lost.iter().copied() {
            let detail = format!("partition {partition}: offsets {from} to {} are lost", to - 1);
            let offsets = Some(Offsets { partition, from, to });
            actions.push(Action { act: Act::Skip, file: skip.file(), detail, offsets, keys: None });
        }
    }
    actions.extend(stores.files.iter().map(|skip| {
        let (detail, keys) = (skip.detail(), Some(skip.keys()));
        Action { act: Act::Skip, file: skip.name(), detail, offsets: None, keys }
    }));
    actions
}

fn home_of(path: &Path, home: &Path) -> PathBuf {
    home.join(path.file_name().unwrap_or_default())
}

pub(crate) fn create(io: &mut Io, path: PathBuf) -> Result<FileId, EngineError> {
    match io.run(Op::Open { path, mode: OpenMode::CreateCached })? {
        Done::Opened { file, .. } => Ok(file),
        other => panic!("an open completed as {other:?}"),
    }
}

pub(crate) fn append(io: &mut Io, file: FileId, position: u64, bytes: &[u8]) -> Result<(), EngineError> {
    let pieces = vec![Piece::copy_of(bytes)];
    io.run(Op::Write { file, position, pieces, durable: false })?;
    Ok(())
}

pub(crate) fn close(io: &mut Io, file: FileId, directory: &Path) -> Result<(), EngineError> {
    io.run(Op::Sync { file })?;
    io.run(Op::Close { file })?;
    io.run(Op::SyncDirectory { path: directory.to_path_buf() })?;
    Ok(())
}

/// Copies what can be read of a file.
fn copy(io: &mut Io, path: &Path, home: &Path) -> Result<(), EngineError> {
    let Ok((from, size)) = open(io, path)? else { return Ok(()) };
    let to = create(io, home_of(path, home))?;
    let mut position = 0;
    while position < size {
        let length = (size - position).min(CHUNK) as usize;
        if let Ok(bytes) = read(io, from, position, length)? {
            append(io, to, position, &bytes)?;
        }
        position += length as u64;
    }
    io.run(Op::Close { file: from })?;
    close(io, to, home)
}

/// Moves a file that is there to the side, and writes it anew.
fn replace(io: &mut Io, file: &Rebuilt, home: &Path) -> Result<(), EngineError> {
    let directory = file.path.parent().unwrap_or(Path::new(""));
    if io.exists(&file.path)? {
        io.run(Op::Rename { from: file.path.clone(), to: home_of(&file.path, home) })?;
        io.run(Op::SyncDirectory { path: home.to_path_buf() })?;
        io.run(Op::SyncDirectory { path: directory.to_path_buf() })?;
    }
    let handle = create(io, file.path.clone())?;
    append(io, handle, 0, &file.bytes)?;
    close(io, handle, directory)
}
