//! The journal's files: which one is written, which are free, which hold unsettled frames.
//!
//! What it is not: it does no I/O. New files come from `prewrite`, the files of an earlier life from `recover`.
//!
//! The one invariant: a file is started again (a new lap) only when every frame in it is settled. Laps are numbered
//! through all files, so a later lap always has the higher number.

use crate::config::Config;
use crate::file_header::FRAMES_FROM;
use millrace_io::FileId;

/// What a file is used for right now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileState {
    /// Everything in it is settled: it may be started again.
    Free,
    /// Commits go here.
    Active,
    /// No more commits go here; it holds frames up to this LSN.
    Full { last_lsn: u64 },
    /// Damaged: kept as it is, never started again by this process.
    Fenced,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct JournalFile {
    pub number: u32,
    pub id: FileId,
    /// Size in bytes, header block included.
    pub capacity: u64,
    pub lap: u32,
    pub state: FileState,
    /// Position behind the last whole block that was given to a commit.
    pub used: u64,
    /// A plain write to it has completed that no flush has covered.
    pub unflushed: bool,
}

impl JournalFile {
    /// A file that holds nothing yet.
    pub fn fresh(number: u32, id: FileId, capacity: u64) -> JournalFile {
        JournalFile {
            number,
            id,
            capacity,
            lap: 0,
            state: FileState::Free,
            used: FRAMES_FROM,
            unflushed: false,
        }
    }
}

/// All files; they are named by their index, which never changes.
#[derive(Debug, Default)]
pub(crate) struct Files {
    files: Vec<JournalFile>,
    active: Option<usize>,
    last_lap: u32,
}

impl Files {
    pub fn add(&mut self, file: JournalFile) -> usize {
        self.last_lap = self.last_lap.max(file.lap);
        self.files.push(file);
        if file.state == FileState::Active {
            assert!(self.active.is_none(), "one file is active");
            self.active = Some(self.files.len() - 1);
        }
        self.files.len() - 1
    }

    /// No lap up to this number is given out again.
    pub fn reserve_laps(&mut self, lap: u32) {
        self.last_lap = self.last_lap.max(lap);
    }

    pub fn get(&self, index: usize) -> &JournalFile {
        &self.files[index]
    }

    pub fn get_mut(&mut self, index: usize) -> &mut JournalFile {
        &mut self.files[index]
    }

    pub fn active(&self) -> Option<usize> {
        self.active
    }

    pub fn iter(&self) -> impl Iterator<Item = &JournalFile> {
        self.files.iter()
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut JournalFile> {
        self.files.iter_mut()
    }

    /// The next number a new file may have.
    pub fn next_number(&self) -> u32 {
        self.files.iter().map(|file| file.number).max().unwrap_or(0) + 1
    }

    /// Starts a new lap in a free file with room for `bytes`; `last_lsn` is the last LSN in the file left behind.
    /// `None` when no free file is large enough.
    pub fn rotate(&mut self, bytes: u64, last_lsn: u64) -> Option<usize> {
        let room = |file: &JournalFile| file.state == FileState::Free && file.capacity - FRAMES_FROM >= bytes;
        let next = (0..self.files.len())
            .filter(|index| room(&self.files[*index]))
            .min_by_key(|index| (self.files[*index].lap, self.files[*index].number))?;
        if let Some(old) = self.active {
            self.files[old].state = FileState::Full { last_lsn };
        }
        self.last_lap = self.last_lap.checked_add(1).expect("2^32 laps of a journal file are centuries");
        let file = &mut self.files[next];
        file.lap = self.last_lap;
        file.used = FRAMES_FROM;
        file.state = FileState::Active;
        self.active = Some(next);
        Some(next)
    }

    /// Frees every full file whose frames are all at or below `lsn`.
    pub fn settle(&mut self, lsn: u64) {
        for file in &mut self.files {
            if matches!(file.state, FileState::Full { last_lsn } if last_lsn <= lsn) {
                file.state = FileState::Free;
            }
        }
    }

    /// Files that are or will be written again; fenced ones do not count against the budget.
    pub fn usable(&self) -> usize {
        self.files.iter().filter(|file| file.state != FileState::Fenced).count()
    }

    /// Whether there may be one more: fewer than the limit, or smaller ones, which a full disk has left room for.
    pub fn may_grow(&self, config: &Config) -> bool {
        let limit = u64::from(config.max_files).saturating_mul(config.file_bytes);
        let usable = self.files.iter().filter(|file| file.state != FileState::Fenced);
        let bytes: u64 = usable.map(|file| file.capacity).sum();
        self.usable() < config.max_files as usize || bytes.saturating_add(config.file_bytes) <= limit
    }

    /// Whether a full file will have room for `bytes` once its frames are settled.
    pub fn has_unsettled(&self, bytes: u64) -> bool {
        let room = |file: &JournalFile| file.capacity - FRAMES_FROM >= bytes;
        self.files.iter().any(|file| matches!(file.state, FileState::Full { .. }) && room(file))
    }

    /// Whether a free file of at least `capacity` bytes is waiting to be used.
    pub fn has_free(&self, capacity: u64) -> bool {
        self.files.iter().any(|file| file.state == FileState::Free && file.capacity >= capacity)
    }
}
