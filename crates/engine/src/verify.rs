//! Verification of a data directory: manifest, journal, segments, data files and what can be derived from them, in steps.
//!
//! What it is not: an opening. Nothing is changed, cut or removed; recovery's own walk looks at the journal. Nor a repair
//! (`repair.rs`).
//!
//! The invariant: whatever an opening or a read would refuse, a deep verification reports; what it does not report comes
//! back as it was written.

use crate::config::{BULK_BYTES, EngineConfig, LARGE_BYTES};
use crate::edits_file;
use crate::error::EngineError;
use crate::finding::{Severity, Verified};
use crate::manifest::{Manifest, ManifestError, PATH};
use crate::merged::{self, ReadError};
use crate::open::{Recovery, start_of};
use crate::planted::{self, PlantedBug};
use crate::state::State;
use crate::verify_large::check_files;
use crate::{verify_data, verify_segment};
use millrace_io::Io;
use millrace_journal::{JOURNAL_DIRECTORY, Journal, Policy};
use millrace_kv::data_file;
use millrace_log::segment;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};

/// Sizes of an engine that will never append.
pub(crate) fn config() -> EngineConfig {
    const MIB: u64 = 1 << 20;
    EngineConfig {
        policy: Policy::ALWAYS,
        journal_file_bytes: 64 * MIB,
        journal_files: 3,
        memory_bytes: 64 * MIB,
        settle_bytes: 64 * MIB,
        own_segment_bytes: MIB,
        segment_bytes: 1024 * MIB,
        bulk_bytes: BULK_BYTES,
        large_bytes: LARGE_BYTES,
        index_interval_bytes: 4096,
        read_ahead_bytes: 0,
        fresh_directory_id: [0; 16],
        fresh_cluster_id: [0; 16],
        node_id: 0,
        #[cfg(feature = "planted")]
        planted: millrace_journal::Planted::default(),
    }
}

/// A file that can be built again: its path and what it must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rebuilt {
    pub path: PathBuf,
    pub bytes: Vec<u8>,
}

/// Something that is still to be looked at.
#[derive(Debug)]
enum Work {
    Segment(Box<verify_segment::Segment>),
    Data(Box<verify_data::Data>),
}

impl Work {
    /// Bytes a deep look reads.
    fn bytes(&self) -> u64 {
        match self {
            Work::Segment(segment) => segment.bytes(),
            Work::Data(data) => data.bytes(),
        }
    }

    /// Names the manifest stands for.
    fn paths(&self) -> Vec<PathBuf> {
        match self {
            Work::Segment(segment) => segment.paths(),
            Work::Data(data) => data.paths().to_vec(),
        }
    }
}

/// What parts of a verification share.
pub(crate) struct Context<'a> {
    pub io: &'a mut Io,
    pub recovery: &'a Recovery,
    pub directory_id: [u8; 16],
    pub deep: bool,
    pub verified: &'a mut Verified,
    pub rebuilt: &'a mut Vec<Rebuilt>,
}

/// A verification under way. The directory is locked by its `Io` meanwhile.
pub struct Verifier {
    io: Io,
    deep: bool,
    recovery: Option<Recovery>,
    manifest: Option<Manifest>,
    /// Large files that the manifest names.
    large: BTreeMap<u64, u64>,
    directory_id: [u8; 16],
    work: VecDeque<Work>,
    verified: Verified,
    rebuilt: Vec<Rebuilt>,
    total: u64,
}

impl Verifier {
    /// Looks at manifest and journal; the rest is done by `step`. `deep`: every byte that means something.
    ///
    /// # Errors
    ///
    /// A newer format, and a device that does not answer. Damage is a finding.
    pub fn open(io: Io, deep: bool) -> Result<Verifier, EngineError> {
        let mut verifier = Verifier {
            io,
            deep,
            recovery: None,
            manifest: None,
            large: BTreeMap::new(),
            directory_id: [0; 16],
            work: VecDeque::new(),
            verified: Verified::default(),
            rebuilt: Vec::new(),
            total: 0,
        };
        if let Some(manifest) = verifier.read_manifest()? {
            verifier.begin(&manifest)?;
            verifier.manifest = Some(manifest);
        }
        Ok(verifier)
    }

    /// The state map as an opening would find it; `None` where the manifest does not verify.
    pub(crate) fn into_state(self) -> Option<State> {
        self.recovery.map(Recovery::into_state)
    }

    fn read_manifest(&mut self) -> Result<Option<Manifest>, EngineError> {
        let read = match merged::read(&mut self.io) {
            Ok(read) => read,
            Err(ReadError::Manifest(error @ ManifestError::Newer(_))) => return Err(error.into()),
            Err(ReadError::Io(error)) if crate::verify_read::says_nothing(&error) => return Err(error.into()),
            Err(ReadError::Manifest(error)) => {
                let file = if error == ManifestError::Edits { edits_file::PATH } else { PATH };
                self.verified.found(Severity::Damage, file, 0, &error.to_string());
                return Ok(None);
            }
            Err(ReadError::Io(error)) => {
                self.verified.found(Severity::Damage, PATH, 0, &error.to_string());
                return Ok(None);
            }
        };
        self.verified.files += 1 + u64::from(read.manifest.edits_from.is_some());
        self.verified.bytes += read.bytes;
        if read.is_torn {
            let detail =
                format!("behind {} edits lies a torn tail: the edit begun there never was", read.edits);
            self.verified.found(Severity::Note, edits_file::PATH, 0, &detail);
        }
        Ok(Some(read.manifest))
    }

    fn begin(&mut self, manifest: &Manifest) -> Result<(), EngineError> {
        let config = config();
        self.directory_id = manifest.head.directory_id;
        let mut recovery = match Recovery::new(&config, manifest) {
            Ok(recovery) => recovery,
            Err(error) => {
                self.verified.found(Severity::Damage, PATH, 0, &error.to_string());
                return Ok(());
            }
        };
        self.large = recovery.kv.large_files();
        // An incarnation of 0 says that the directory never held anything.
        if manifest.head.incarnation > 0 {
            self.journal(&config, manifest, &mut recovery)?;
        }
        self.list_segments(&recovery)?;
        self.list_data(&recovery)?;
        self.recovery = Some(recovery);
        Ok(())
    }

    fn journal(
        &mut self,
        config: &EngineConfig,
        manifest: &Manifest,
        recovery: &mut Recovery,
    ) -> Result<(), EngineError> {
        let mut head = manifest.head;
        head.incarnation = head.incarnation.saturating_add(1);
        let looked = Journal::examine(&mut self.io, &config.journal(), start_of(&head), recovery);
        let report = match looked {
            Ok(report) => report,
            Err(error @ millrace_journal::OpenError::NewerFormat { .. }) => return Err(error.into()),
            Err(millrace_journal::OpenError::Io(error)) if crate::verify_read::says_nothing(&error) => {
                return Err(error.into());
            }
            Err(error) => {
                self.verified.found(Severity::Damage, JOURNAL_DIRECTORY, 0, &error.to_string());
                return Ok(());
            }
        };
        self.verified.files += u64::from(report.files);
        self.verified.bytes += report.read_bytes + report.bulk_bytes;
        let believed = planted::is(PlantedBug::EndPassedBy);
        for damage in report.damage.iter().filter(|damage| !believed || damage.last_lsn < head.end_lsn) {
            let detail = format!("{:?}, LSN {} to {}", damage.detail, damage.first_lsn, damage.last_lsn);
            let file = damage.file.display().to_string();
            self.verified.found(Severity::Damage, &file, damage.position, &detail);
        }
        for damage in std::mem::take(&mut recovery.damage) {
            self.verified.found(Severity::Damage, &damage.file, damage.position, &damage.detail);
        }
        if report.cut_bytes > 0 {
            let detail = format!("the next opening cuts a torn tail of {} bytes", report.cut_bytes);
            self.verified.found(Severity::Note, JOURNAL_DIRECTORY, 0, &detail);
        }
        // What a clean mark counts was durable: it was followed, or reported as missing. There may be more only behind a
        // manifest that belongs to an earlier moment of the same run.
        if head.clean && report.last_lsn != head.end_lsn {
            let detail = format!("it ends at LSN {}, the clean mark says {}", report.last_lsn, head.end_lsn);
            self.verified.found(Severity::Damage, JOURNAL_DIRECTORY, 0, &detail);
        }
        Ok(())
    }

    /// Leaves everything out that is not of this file or its index or hint.
    pub fn only(&mut self, file: &str) {
        let named = Path::new(file);
        let is_of = |path: &Path| path.parent() == named.parent() && path.file_stem() == named.file_stem();
        self.verified.findings.retain(|finding| is_of(Path::new(&finding.file)));
        self.work.retain(|work| work.paths().iter().any(|path| is_of(path)));
        self.total = self.work.iter().map(Work::bytes).sum();
    }

    fn names(&mut self, directory: &str) -> Result<BTreeSet<String>, EngineError> {
        Ok(self.io.list_if_there(directory)?.into_iter().collect())
    }

    fn note_unnamed(&mut self, directory: &str, names: &BTreeSet<String>, known: &BTreeSet<PathBuf>) {
        for name in names {
            let path = Path::new(directory).join(name);
            if !known.contains(&path) {
                let detail = "nothing names this file";
                self.verified.found(Severity::Note, &path.display().to_string(), 0, detail);
            }
        }
    }

    fn list_segments(&mut self, recovery: &Recovery) -> Result<(), EngineError> {
        let names = self.names(segment::DIRECTORY)?;
        let mut known = BTreeSet::new();
        let ranges = recovery.log.settled_ranges();
        for (number, kind, length) in recovery.log.files() {
            let of_file = ranges.iter().filter(|one| one.range.file == number).copied().collect();
            let segment = verify_segment::Segment::new(number, kind, length, of_file);
            known.extend(segment.paths());
            self.total += length;
            self.work.push_back(Work::Segment(Box::new(segment)));
        }
        self.note_unnamed(segment::DIRECTORY, &names, &known);
        Ok(())
    }

    fn list_data(&mut self, recovery: &Recovery) -> Result<(), EngineError> {
        let names = self.names(data_file::DIRECTORY)?;
        let unsettled = recovery.kv.large_files();
        let mut known = check_files(&mut self.io, &mut self.verified, &self.large, &unsettled)?;
        for file in recovery.kv.to_load() {
            self.total += file.sealed.length;
            let data = verify_data::Data::new(file);
            known.extend(data.paths());
            self.work.push_back(Work::Data(Box::new(data)));
        }
        self.note_unnamed(data_file::DIRECTORY, &names, &known);
        Ok(())
    }

    /// Looks at some more; false: nothing is left.
    ///
    /// # Errors
    ///
    /// A device that does not answer.
    pub fn step(&mut self) -> Result<bool, EngineError> {
        let Some(recovery) = &self.recovery else { return Ok(false) };
        let Some(work) = self.work.front_mut() else { return Ok(false) };
        let mut context = Context {
            io: &mut self.io,
            recovery,
            directory_id: self.directory_id,
            deep: self.deep,
            verified: &mut self.verified,
            rebuilt: &mut self.rebuilt,
        };
        let goes_on = match work {
            Work::Segment(segment) => segment.step(&mut context)?,
            Work::Data(data) => data.step(&mut context)?,
        };
        if !goes_on {
            self.verified.files += 1;
            self.work.pop_front();
        }
        Ok(!self.work.is_empty())
    }

    /// What was found so far.
    #[must_use]
    pub fn verified(&self) -> &Verified {
        &self.verified
    }

    /// Bytes of the files that a deep verification reads, those of the journal aside.
    #[must_use]
    pub fn total_bytes(&self) -> u64 {
        self.total
    }

    /// The driver, what was found, and the files that can be built again; the manifest in place with the views that were
    /// recovered from it and the journal, unless it does not verify.
    pub(crate) fn into_parts(self) -> (Io, Verified, Vec<Rebuilt>, Option<(Manifest, Recovery)>) {
        (self.io, self.verified, self.rebuilt, self.manifest.zip(self.recovery))
    }
}

/// Verifies the whole directory.
///
/// # Errors
///
/// As `Verifier::open`.
pub fn verify(io: Io, deep: bool) -> Result<Verified, EngineError> {
    let mut verifier = Verifier::open(io, deep)?;
    while verifier.step()? {}
    Ok(verifier.verified)
}
