//! Opening: a new data directory is laid out, an old one is recovered: manifest, segments, then the journal's frames
//! above the checkpoint.
//!
//! What it is not: the journal's own recovery. Nothing here depends on how the last run ended.
//!
//! The invariant: a directory of a newer format or of other identity is refused before anything is changed; before the
//! first append a manifest with a new incarnation and without the clean mark is durable.

use crate::account::{Damage, Ended, RecoveryAccount};
use crate::account_file;
use crate::config::EngineConfig;
use crate::edits_file;
use crate::engine::Engine;
use crate::entry::apply;
use crate::error::EngineError;
use crate::in_place::InPlace;
use crate::kv_open;
use crate::ledger::Ledger;
use crate::manifest::{Head, Manifest, ManifestError, PATH};
use crate::merged::{self, ReadError};
use crate::planted::{self, PlantedBug};
use crate::publish::Publish;
use crate::reserve::Reserve;
use crate::state::State;
use millrace_io::{Done, Io, IoErrorKind, Op, OpQueue, OpenMode};
use millrace_journal::{JOURNAL_DIRECTORY, Journal, JournalReport, Listener, RecoveredFrame, Start};
use millrace_kv::Kv;
use millrace_log::segment::{self, Kind};
use millrace_log::{Log, LogConfig};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

impl Engine {
    /// Opens the data directory the driver was opened on, creating what is missing in an empty one.
    ///
    /// # Errors
    ///
    /// `EngineError`: a newer format, a foreign or incomplete directory, a device error. Damaged data is no error: it
    /// is in the account, and the rest is served.
    pub fn open(mut io: Io, config: EngineConfig) -> Result<(Engine, RecoveryAccount), EngineError> {
        config.check().map_err(EngineError::Setting)?;
        let begun = io.now_ns();
        let mut queue = OpQueue::default();
        let found = load(&mut io, &config, &mut queue)?;
        let mut manifest = found.manifest;
        manifest.head.incarnation = manifest
            .head
            .incarnation
            .checked_add(1)
            .filter(|incarnation| *incarnation <= i32::MAX as u32)
            .ok_or(EngineError::IncarnationsUsedUp)?;
        let mut recovery = Recovery::new(&config, &manifest)?;
        let loaded = kv_open::load(&mut recovery.kv, &mut io)?;
        recovery.damage.extend_from_slice(&loaded.damage);
        let (journal, report) = recovery.journal(&mut io, &config, &manifest, found.fresh)?;
        let was_clean = found.fresh || (manifest.head.clean && report.last_lsn == manifest.head.end_lsn);
        let checkpoint_lsn = manifest.head.checkpoint_lsn;
        let ended = ended(found.fresh, was_clean, manifest.head.boot, io.boot());
        manifest.head.clean = false;
        manifest.head.base = 1;
        manifest.head.boot = io.boot();
        manifest.head.node_id = config.node_id;
        manifest.head.durable_lsn = report.last_lsn.max(manifest.head.checkpoint_lsn);
        let mut unnamed = recovery.check_segments(&mut io)?;
        kv_open::check_large(&recovery.kv, &mut io, &mut recovery.damage)?;
        unnamed.extend(loaded.unnamed_large(&recovery.kv));
        let edits = edits_file::open(&mut io, manifest.edits_from.is_some())?;
        let published = publish_first(manifest, &mut io, &mut queue)?;
        let manifest = InPlace::new(&published, edits, config.journal_file_bytes);
        let base_bytes = published.bytes();
        drop(published);
        // Only now is it sure which manifest is in place: the one that was read may still have lost its name.
        let unnamed: Vec<PathBuf> = unnamed.into_iter().chain(loaded.unnamed).collect();
        let unnamed_files = unnamed.len() as u64;
        for path in unnamed {
            io.run(Op::Unlink { path })?;
        }
        recovery.log.advance(journal.written(), journal.durable());
        recovery.log.replay_done();
        recovery.kv.replay_done();
        let sums = recovery.ledger.finish(&recovery.log, report.durable_lsn_known);
        let account = RecoveryAccount {
            clean: was_clean && recovery.damage.is_empty(),
            ended,
            policy: config.policy,
            opened_ms: io.wall_ms(),
            cut_frames: sums.cut_frames,
            cut_lsns: sums.cut_lsns,
            checkpoint_lsn,
            durable_lsn: report.durable_lsn_known,
            kept_lsn: report.last_lsn,
            incarnation: manifest.head.incarnation,
            directory_id: manifest.head.directory_id,
            cluster_id: manifest.head.cluster_id,
            frames_replayed: report.frames,
            kept_bytes: report.kept_bytes,
            cut_bytes: report.cut_bytes,
            partitions: recovery.log.partitions() as u64,
            compacted_partitions: recovery.log.compacted_partitions(),
            unnamed_files,
            duration_ns: io.now_ns().saturating_sub(begun),
            damage: recovery.damage,
            touched: sums.touched,
            stores: sums.stores,
            state: sums.state,
        };
        // Before the account, which can do without space.
        let reserve = Reserve::open(&mut io, base_bytes)?;
        account_file::keep(&mut io, &account)?;
        let Recovery { log, state, kv, .. } = recovery;
        let engine =
            Engine::assemble(io, queue, journal, log, state, kv, config, manifest, reserve, account.clone());
        Ok((engine, account))
    }
}

/// The directory's id as far as journal and bulk files have it.
pub(crate) fn short_id(id: [u8; 16]) -> u64 {
    u64::from_le_bytes([id[0], id[1], id[2], id[3], id[4], id[5], id[6], id[7]])
}

/// Where the journal of a directory with this manifest begins to count.
pub(crate) fn start_of(head: &Head) -> Start {
    Start {
        directory_id: short_id(head.directory_id),
        incarnation: head.incarnation,
        checkpoint_lsn: head.checkpoint_lsn,
        durable_lsn: head.durable_lsn.max(if head.clean { head.end_lsn } else { 0 }),
        clean: head.clean,
    }
}

/// Publishes the base of a run; on a full disk with what is in reserve.
fn publish_first(manifest: Manifest, io: &mut Io, queue: &mut OpQueue) -> Result<Publish, EngineError> {
    match Publish::run(manifest.clone(), io, queue) {
        Err(error) if error.kind == IoErrorKind::NoSpace && Reserve::give_up_now(io)? => {
            Ok(Publish::run(manifest, io, queue)?)
        }
        other => Ok(other?),
    }
}

/// How the last run ended, by the mark it left and by whether the machine is still the same one.
fn ended(fresh: bool, was_clean: bool, boot_then: u64, boot_now: u64) -> Ended {
    match (boot_then, boot_now) {
        _ if !fresh && !was_clean && planted::is(PlantedBug::CutCalledDeath) => Ended::Process,
        _ if fresh => Ended::First,
        _ if was_clean => Ended::Clean,
        (0, _) | (_, 0) => Ended::Unknown,
        _ if boot_then == boot_now => Ended::Process,
        _ => Ended::Machine,
    }
}

struct Found {
    manifest: Manifest,
    /// The directory was created now, or an earlier creation did not get to its end.
    fresh: bool,
}

/// Reads the manifest; in an empty directory writes the first one.
fn load(io: &mut Io, config: &EngineConfig, queue: &mut OpQueue) -> Result<Found, EngineError> {
    if io.exists(PATH)? {
        let manifest = match merged::read(io) {
            Ok(read) => read.manifest,
            Err(ReadError::Io(error)) => return Err(error.into()),
            Err(ReadError::Manifest(error)) => return Err(error.into()),
        };
        let fresh = manifest.head.incarnation == 0;
        return Ok(Found { manifest, fresh });
    }
    if io.exists(JOURNAL_DIRECTORY)? || io.exists(segment::DIRECTORY)? {
        return Err(EngineError::NoManifest);
    }
    let head = Head {
        clean: false,
        directory_id: config.fresh_directory_id,
        cluster_id: config.fresh_cluster_id,
        node_id: config.node_id,
        incarnation: 0,
        checkpoint_lsn: 0,
        end_lsn: 0,
        durable_lsn: 0,
        boot: 0,
        base: 0,
    };
    let log = Log::new(log_config(config, &head)).empty_manifest();
    // Incarnation 0 says that nothing was ever appended: a creation that is cut short is begun again.
    let manifest = Manifest::new(head, &log, &[], &State::default().encode());
    Publish::run(manifest.clone(), io, queue)?;
    Ok(Found { manifest, fresh: true })
}

fn log_config(config: &EngineConfig, head: &Head) -> LogConfig {
    LogConfig {
        directory_id: head.directory_id,
        epoch: head.incarnation as i32,
        memory_bytes: config.memory_bytes,
        own_segment_bytes: config.own_segment_bytes,
        segment_bytes: config.segment_bytes,
        index_interval_bytes: config.index_interval_bytes,
        read_ahead_bytes: config.read_ahead_bytes,
        #[cfg(feature = "planted")]
        remove_named_files: config.planted.remove_named_files,
    }
}

/// Views in the making.
pub(crate) struct Recovery {
    pub log: Log,
    state: State,
    pub kv: Kv,
    pub damage: Vec<Damage>,
    ledger: Ledger,
}

impl Recovery {
    /// What the manifest says.
    pub fn new(config: &EngineConfig, manifest: &Manifest) -> Result<Recovery, EngineError> {
        let head = &manifest.head;
        let log = Log::restore(log_config(config, head), head.checkpoint_lsn, manifest.log())?;
        let state = State::decode(manifest.state()).map_err(|_| ManifestError::Invalid)?;
        let kv = kv_open::restore(config, manifest)?;
        Ok(Recovery { log, state, kv, damage: Vec::new(), ledger: Ledger::default() })
    }

    /// The state map, after what was replayed so far.
    pub fn into_state(self) -> State {
        self.state
    }

    /// Partitions that have lost something in the journal, each with the first offset of it; what is settled is not in it.
    pub fn lost_in_journal(&self) -> Vec<(u64, u64)> {
        self.ledger.first_lost()
    }

    /// Opens the journal and replays what is above the checkpoint.
    fn journal(
        &mut self,
        io: &mut Io,
        config: &EngineConfig,
        manifest: &Manifest,
        fresh: bool,
    ) -> Result<(Journal, JournalReport), EngineError> {
        let start = start_of(&manifest.head);
        if fresh {
            clear_directory(io, JOURNAL_DIRECTORY)?;
            let journal = Journal::create(io, config.journal(), start)?;
            return Ok((journal, JournalReport::default()));
        }
        let (journal, report) = Journal::recover_telling(io, config.journal(), start, self)?;
        for damage in &report.damage {
            self.damage.push(Damage {
                file: damage.file.display().to_string(),
                position: damage.position,
                detail: format!("{:?}, LSN {} to {}", damage.detail, damage.first_lsn, damage.last_lsn),
            });
        }
        Ok((journal, report))
    }

    /// Reports named segment files that are missing or too short; answers those no manifest names. Contents are verified
    /// when they are read.
    fn check_segments(&mut self, io: &mut Io) -> Result<Vec<PathBuf>, EngineError> {
        io.make_directory(segment::DIRECTORY)?;
        let names: BTreeSet<String> = io.list(segment::DIRECTORY)?.into_iter().collect();
        let mut known = BTreeSet::new();
        for (number, kind, length) in self.log.files() {
            let path = segment::path(number, kind);
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
            let defect = if name.as_ref().is_some_and(|name| !names.contains(name)) {
                Some((0, "the file is missing".to_string()))
            } else {
                check_length(io, &path, length, kind)?
            };
            if let Some((position, detail)) = defect {
                self.damage.push(Damage { file: path.display().to_string(), position, detail });
            }
            known.extend(name);
            if kind.is_indexed() {
                known.extend(
                    segment::index_path(number).file_name().map(|name| name.to_string_lossy().into_owned()),
                );
            }
        }
        // A name that is removed may come back with a power cut: its number is not given out again.
        let last = names.iter().filter_map(|name| segment::number_of(name)).max().unwrap_or(0);
        self.log.reserve_file_numbers(last);
        let unnamed = names.difference(&known).filter(|name| segment::number_of(name).is_some());
        Ok(unnamed.map(|name| PathBuf::from(segment::DIRECTORY).join(name)).collect())
    }
}

impl Listener for Recovery {
    fn kept(&mut self, frame: RecoveredFrame<'_>) {
        let lsn = frame.lsn();
        self.ledger.begin_frame(frame.header);
        for entry in frame.entries() {
            let noted = self.ledger.before(&entry, &self.log);
            let result = apply(&mut self.log, &mut self.state, &mut self.kv, lsn, entry);
            self.ledger.after(lsn, noted, &result, &self.log);
            if let Err(error) = result {
                let detail = format!("LSN {lsn}: {error}");
                self.damage.push(Damage { file: JOURNAL_DIRECTORY.to_string(), position: 0, detail });
            }
        }
    }

    fn cut(&mut self, frame: RecoveredFrame<'_>) {
        self.ledger.cut(frame.header, frame.entries(), &self.log);
    }
}

/// What is wrong with a segment file that is known to have `length` bytes, and at which position: it ends before, or does
/// not open. A lack of descriptors or memory says nothing about the file and ends the opening. What a bulk file has behind
/// its last batch is given back.
fn check_length(
    io: &mut Io,
    path: &Path,
    length: u64,
    kind: Kind,
) -> Result<Option<(u64, String)>, EngineError> {
    let mode = if kind == Kind::Bulk { OpenMode::WriteDirect } else { OpenMode::ReadCached };
    let opened = io.run(Op::Open { path: path.to_path_buf(), mode });
    let (file, size) = match opened {
        Ok(Done::Opened { file, size }) => (file, size),
        Ok(other) => panic!("an open completed as {other:?}"),
        Err(error) if matches!(error.kind, IoErrorKind::Device | IoErrorKind::Denied) => {
            return Ok(Some((0, error.to_string())));
        }
        Err(error) => return Err(error.into()),
    };
    let end = length.next_multiple_of(kind.alignment());
    if kind == Kind::Bulk && size > end {
        io.run(Op::Truncate { file, length: end })?;
    }
    io.run(Op::Close { file })?;
    let detail = || format!("the file has {size} bytes, the manifest names {length}");
    Ok((size < length).then(|| (size, detail())))
}

/// Removes the files of a creation that did not get to its end.
fn clear_directory(io: &mut Io, directory: &str) -> Result<(), EngineError> {
    if !io.exists(directory)? {
        return Ok(());
    }
    for name in io.list(directory)? {
        io.run(Op::Unlink { path: PathBuf::from(directory).join(name) })?;
    }
    Ok(())
}
