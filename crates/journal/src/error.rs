//! Errors of the journal: closed sets, by what the caller can do about them.
//!
//! What it is not: the place where the device's errors get their meaning (`millrace_io::errno`).
//!
//! The one invariant: an append that returns an error has had no effect at all.

use crate::poison::Poison;
use millrace_io::IoError;
use std::path::PathBuf;
use thiserror::Error;

/// Why there is no room right now. All of these pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Busy {
    /// Every file holds unsettled frames and there may be no more files: settle.
    Unsettled,
    /// The next file is still being pre-written.
    FileNotReady,
    /// The next file cannot be pre-written: the disk is full or refuses. It is tried again by itself.
    NoSpace,
    /// The bulk file for an entry that is larger than a frame is still being made.
    BulkNotReady,
    /// Too much waits in memory to be written: the device is slower than the callers.
    Waiting,
}

/// Why an append was refused. Nothing of it was taken.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum JournalError {
    #[error("the journal has no room right now ({0:?})")]
    Busy(Busy),
    #[error("a frame of {bytes} bytes is over the limit of {limit}")]
    TooLarge { bytes: u64, limit: u64 },
    #[error("the journal is poisoned: {0}")]
    Poisoned(Poison),
}

/// Why a journal could not be opened. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum OpenError {
    #[error("{0}")]
    Io(#[from] IoError),
    #[error("{} belongs to another data directory ({found:016x}, expected {expected:016x})", path.display())]
    Foreign { path: PathBuf, found: u64, expected: u64 },
    #[error("{} has format version {version}, newer than this program reads ({supported})", path.display())]
    NewerFormat { path: PathBuf, version: u32, supported: u32 },
    #[error("{} holds frames of incarnation {found}, but this opening is only {opening}: the manifest is too old",
        path.display())]
    IncarnationBehind { path: PathBuf, found: u32, opening: u32 },
}
