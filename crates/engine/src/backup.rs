//! What a copy of a live directory consists of: the base of the manifest that a settle publishes for it, and the files it
//! names, held until they are copied.
//!
//! What it is not: the copying, which is the host's, at its own pace. A copy has no journal: everything up to its mark is
//! in files, and the mark is where its manifest says that a run ended cleanly.
//!
//! The invariant: from the moment that base is in place until `backup_end` no file of this directory loses its name.

use crate::engine::{Closing, Engine};
use crate::error::EngineError;
use crate::in_place::Publication;
use crate::manifest::{Head, Manifest};
use crate::open::Recovery;
use millrace_io::{Op, OpId};
use millrace_kv::data_file::{data_path, hint_path};
use millrace_kv::large::large_path;
use millrace_log::segment::{self, Kind};
use std::path::PathBuf;

/// A backup under way.
#[derive(Debug)]
pub(crate) struct Backup {
    /// Everything up to here has to be settled.
    mark: u64,
    /// The base for it is in place, and nothing it names goes.
    held: bool,
    /// What that base says, until it is asked for.
    plan: Option<Result<BackupPlan, EngineError>>,
    /// Removals that wait for its end.
    removals: Vec<(OpId, Op)>,
}

/// One file of a copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupFile {
    /// Below the data directory.
    pub path: PathBuf,
    /// Bytes that belong to the copy; the file may have more.
    pub bytes: u64,
    /// It is never changed again and may be shared with the copy. Otherwise its end still moves: it must be copied.
    pub sealed: bool,
    /// It can be made from others, and may be missing.
    pub derivable: bool,
}

/// What a copy consists of.
#[derive(Clone, Debug)]
pub struct BackupPlan {
    /// The copy holds everything up to this LSN, and nothing of what came later.
    pub mark: u64,
    /// The bytes of its manifest, which is written last.
    pub manifest: Vec<u8>,
    pub files: Vec<BackupFile>,
}

impl Engine {
    /// Begins a backup of everything appended so far: it will be settled, and a base of the manifest written, which alone is
    /// the manifest of the copy. False: one is under way, or the engine takes no more work.
    pub fn backup_begin(&mut self) -> bool {
        if self.backup.is_some() || self.closing != Closing::No || self.failure().is_some() {
            return false;
        }
        let mark = self.journal.appended();
        self.backup = Some(Backup { mark, held: false, plan: None, removals: Vec::new() });
        true
    }

    /// A backup waits for a base of the manifest.
    pub(crate) fn backup_wants_base(&self) -> bool {
        self.backup.as_ref().is_some_and(|backup| !backup.held)
    }

    /// A change of the manifest is in place. When it is the base that a backup waits for, this is the moment it is of: what
    /// it names is listed and kept.
    pub(crate) fn backup_of(&mut self, published: &Publication) {
        let Publication::Base(publish) = published else { return };
        let manifest = publish.manifest();
        let mark = manifest.head.checkpoint_lsn;
        let Some(backup) = self.backup.as_mut().filter(|backup| !backup.held && backup.mark <= mark) else {
            return;
        };
        backup.held = true;
        let head = Head { clean: true, end_lsn: mark, durable_lsn: mark, base: 0, ..manifest.head };
        let manifest = Manifest { head, ..manifest.clone() };
        backup.plan = Some(Recovery::new(&self.config, &manifest).map(|recovery| BackupPlan {
            mark,
            manifest: [manifest.encode_head(), manifest.body].concat(),
            files: files_of(&recovery),
        }));
    }

    /// What to copy, once everything up to the mark is settled: answered once. All of it stays until `backup_end`. `None`: not
    /// yet, or none was begun.
    ///
    /// # Errors
    ///
    /// The manifest in place does not decode, which cannot be.
    pub fn backup_plan(&mut self) -> Result<Option<BackupPlan>, EngineError> {
        self.backup.as_mut().and_then(|backup| backup.plan.take()).transpose()
    }

    /// The copy is made, or given up: files that nothing needs any more go now.
    pub fn backup_end(&mut self) {
        for (id, op) in self.backup.take().map(|backup| backup.removals).unwrap_or_default() {
            self.queue.push_again(id, op);
        }
    }

    /// Keeps removals back while a copy is made.
    pub(crate) fn hold_removals(&mut self) {
        if let Some(backup) = self.backup.as_mut().filter(|backup| backup.held) {
            backup.removals.extend(self.queue.take_if(|op| matches!(op, Op::Unlink { .. })));
        }
    }
}

fn files_of(recovery: &Recovery) -> Vec<BackupFile> {
    let mut files = Vec::new();
    for (number, kind, bytes) in recovery.log.files() {
        let sealed = kind != Kind::Bulk;
        files.push(BackupFile { path: segment::path(number, kind), bytes, sealed, derivable: false });
        if kind.is_indexed() {
            let path = segment::index_path(number);
            files.push(BackupFile { path, bytes: 0, sealed: true, derivable: true });
        }
    }
    for file in recovery.kv.to_load() {
        let (number, bytes) = (file.sealed.identity.number, file.sealed.length);
        files.push(BackupFile { path: data_path(number), bytes, sealed: true, derivable: false });
        files.push(BackupFile { path: hint_path(number), bytes: 0, sealed: true, derivable: true });
    }
    for (number, bytes) in recovery.kv.large_files() {
        files.push(BackupFile { path: large_path(number), bytes, sealed: false, derivable: false });
    }
    files
}
