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
}

/// Why the journal takes nothing more. The outcome of every frame above `durable` is unknown until it is reopened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Poison {
    pub cause: PoisonCause,
    pub error: IoError,
    /// Number of the journal file.
    pub file: u32,
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
        };
        write!(
            f,
            "{what} of journal file {:08} failed ({}); outcome unknown above LSN {}",
            self.file, self.error, self.durable
        )
    }
}
