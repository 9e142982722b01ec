//! What reads answer: watermarks with what is available, bytes now or a token for later.

use millrace_io::Piece;
use millrace_log::Code;

/// State of a partition as one reader sees it. On an error all offsets are -1 (kafka.md rule 30).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Readable {
    pub code: Code,
    /// Bytes a `read` with the same arguments would yield. Exact for hot data; for data in segments an upper bound
    /// that always has room for the first whole batch.
    pub bytes: u64,
    pub log_start: i64,
    pub high_watermark: i64,
    pub last_stable: i64,
    pub durable: i64,
    pub log_end: i64,
    pub leader_epoch: i32,
}

/// The answer to `Engine::read`.
#[derive(Clone, Debug)]
pub enum Read {
    /// Whole batches in order, at least the first whole even above the limit (rule 26); none at the readable end.
    Ready(Vec<Piece>),
    /// The bytes lie in a segment: `Events::finished` will name this token, then `Engine::take_read` has them.
    Pending(u64),
    Refused(Code),
}

/// The answer to `Engine::offset_for_time` and `take_offset`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offset {
    /// Rule 36: none is (-1, -1, -1).
    Ready {
        offset: i64,
        timestamp: i64,
        leader_epoch: i32,
    },
    Pending(u64),
    Refused(Code),
}

/// The answer to `Engine::offset_for_epoch` (rule 34); (-1, -1) for an epoch that is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EpochEnd {
    pub code: Code,
    pub end_offset: i64,
    pub epoch: i32,
}

impl Readable {
    /// An answer that is only a code.
    #[must_use]
    pub fn refused(code: Code) -> Readable {
        Readable {
            code,
            bytes: 0,
            log_start: -1,
            high_watermark: -1,
            last_stable: -1,
            durable: -1,
            log_end: -1,
            leader_epoch: -1,
        }
    }
}
