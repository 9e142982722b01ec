//! What the I/O layer counts: read by budgets in tests and by metrics.

use crate::op::Op;

/// Monotone counts since `Io` was opened. All lengths in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IoCounters {
    /// System calls made to submit (for the pool: hand-overs to its threads).
    pub enters: u64,
    /// Times entries had to wait because the ring's submission queue was full.
    pub queue_full: u64,
    pub opens: u64,
    /// Those of them that asked for direct I/O where there is none: their files go through the page cache.
    pub direct_fallbacks: u64,
    pub closes: u64,
    pub reads: u64,
    pub bytes_read: u64,
    /// Write operations, durable or not.
    pub writes: u64,
    pub bytes_written: u64,
    /// Write operations that asked to be durable themselves.
    pub durable_writes: u64,
    /// `Sync` operations.
    pub syncs: u64,
    pub directory_syncs: u64,
    /// Allocate, Truncate, Rename, Unlink.
    pub changes: u64,
    pub timers: u64,
    /// Bytes copied because the pieces of a direct write were not aligned.
    pub bytes_copied: u64,
    /// Attempts started to finish short reads and writes.
    pub continued: u64,
    /// Attempts started again after EINTR, EAGAIN or ECANCELED.
    pub reissued: u64,
    /// Operations that failed.
    pub failed: u64,
}

impl IoCounters {
    /// Counts an operation by its kind. `direct`: whether there is direct I/O here.
    pub(crate) fn count(&mut self, op: &Op, direct: bool) {
        match op {
            Op::Open { mode, .. } => {
                self.opens += 1;
                self.direct_fallbacks += u64::from(!direct && mode.is_direct());
            }
            Op::Close { .. } => self.closes += 1,
            Op::Read { .. } => self.reads += 1,
            Op::Write { durable, .. } => {
                self.writes += 1;
                self.durable_writes += u64::from(*durable);
            }
            Op::Sync { .. } => self.syncs += 1,
            Op::SyncDirectory { .. } => self.directory_syncs += 1,
            Op::Allocate { .. } | Op::Truncate { .. } | Op::Rename { .. } | Op::Unlink { .. } => {
                self.changes += 1;
            }
            Op::Timer { .. } => self.timers += 1,
        }
    }
}
