//! What recovery found: an exact account of what was kept, cut and damaged.
//!
//! What it is not: a log message. The layers above word it.
//!
//! The one invariant: whatever was durable and is not handed out is in `damage`.

use std::path::PathBuf;

/// A range that was durable and can no longer be read. It is fenced, not cut: its bytes stay where they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    pub file: PathBuf,
    /// Where in the file reading stopped, in bytes.
    pub position: u64,
    /// First and last LSN that are missing because of it.
    pub first_lsn: u64,
    pub last_lsn: u64,
    pub detail: DamageDetail,
}

/// What was found at the position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DamageDetail {
    /// The file has no valid header block; its frames are read all the same.
    FileHeader,
    /// The file is shorter than its header says.
    FileShort,
    /// There is no frame where one must be.
    NoFrame,
    /// There is a frame header, and what it announces does not match its checksum.
    Checksum,
    /// There is a valid frame, but not the one that belongs here (lost, misdirected or stale write).
    WrongFrame,
    /// The device returned an error for this range.
    ReadError,
    /// The frame is whole, and the bytes of a bulk file that it refers to are not what was written.
    Outside,
}

/// The account of one recovery.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JournalReport {
    /// Frames handed to the views.
    pub frames: u64,
    /// Their bytes, headers included.
    pub kept_bytes: u64,
    /// Bytes of the torn tail that was cut.
    pub cut_bytes: u64,
    /// Bytes that were kept but not proven durable, and so were written again before they were served.
    pub rewritten_bytes: u64,
    pub damage: Vec<Damage>,
    /// Last LSN that was kept (or settled before).
    pub last_lsn: u64,
    /// The highest LSN known to have been durable before this opening.
    pub durable_lsn_known: u64,
    /// Journal files present, and how many bytes of them were read.
    pub files: u32,
    pub read_bytes: u64,
    /// Bytes of bulk files that were read.
    pub bulk_bytes: u64,
}
