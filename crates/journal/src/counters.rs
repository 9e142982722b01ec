//! What the journal has done, in numbers that only grow.
//!
//! What it is not: metrics with names and units for people; those are made above.
//!
//! The one invariant: `copied_bytes == payload_bytes`: bytes of callers are copied exactly once.

use crate::flush::FLUSH_CAUSES;

/// Counts since open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Group commits written.
    pub commits: u64,
    /// Those of them that were durable by themselves.
    pub durable_commits: u64,
    /// Those of them that were begun while another was on its way.
    pub followed_commits: u64,
    /// Frames appended, marks included.
    pub frames: u64,
    /// Mark frames appended.
    pub marks: u64,
    /// Flushes, and commits that were durable by themselves, by `FlushCause`.
    pub flushes_by_cause: [u64; FLUSH_CAUSES],
    /// Flush operations submitted.
    pub flushes: u64,
    /// Bytes callers handed in.
    pub payload_bytes: u64,
    /// Bytes copied into commit memory.
    pub copied_bytes: u64,
    /// Bytes written to the device, headers and padding included.
    pub written_bytes: u64,
    /// Those of them that went to bulk files, in whole blocks.
    pub bulk_bytes: u64,
    /// Files pre-written since open.
    pub new_files: u64,
    /// Times a file was started again from its beginning.
    pub laps: u64,
}
