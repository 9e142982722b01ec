//! A failed flush is final.
//!
//! What it is not: an error of one request. Once set, nothing is written any more, for anyone.
//!
//! The one invariant: it is set once and never cleared; only reopening, which verifies from the device, ends it.

use millrace_io::IoError;
use std::fmt;

/// Which operation failed for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoisonCause {
    /// A plain write of a commit.
    Write,
    /// A write that was to be durable by itself.
    DurableWrite,
    /// A flush.
    Flush,
    /// The device failed while a new file was pre-written.
    NewFile,
    /// A write of bytes that a frame refers to.
    BulkWrite,
    /// A flush of a bulk file.
    BulkFlush,
}

/// Why the journal takes nothing more. The outcome of every frame above `durable` is unknown until it is reopened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Poison {
    pub cause: PoisonCause,
    pub error: IoError,
    /// Number of the journal file; of the bulk file for the causes of bulk files.
    pub file: u64,
    /// The durable watermark when it happened; it does not move any more.
    pub durable: u64,
}

impl fmt::Display for Poison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.cause {
            PoisonCause::Write => "write",
            PoisonCause::DurableWrite => "durable write",
            PoisonCause::Flush => "flush",
            PoisonCause::NewFile => "pre-writing",
            PoisonCause::BulkWrite => "bulk write",
            PoisonCause::BulkFlush => "bulk flush",
        };
        let bulk = matches!(self.cause, PoisonCause::BulkWrite | PoisonCause::BulkFlush);
        let file = if bulk {
            format!("segment file {:016x}", self.file)
        } else {
            format!("journal file {:08}", self.file)
        };
        write!(f, "{what} of {file} failed ({}); outcome unknown above LSN {}", self.error, self.durable)
    }
}
