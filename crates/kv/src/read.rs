//! What reads answer.
//!
//! What it is not: the reading.

use crate::value::Value;

/// A value that was found.
#[derive(Clone, Debug)]
pub struct Found {
    pub value: Value,
    /// LSN of the frame that wrote it.
    pub sequence: u64,
    /// Wall time in ms when it dies; 0: never.
    pub expires_ms: u64,
}

/// The answer to a read of one key.
#[derive(Clone, Debug)]
pub enum Read {
    Ready(Found),
    /// There is no such key, or it has expired.
    Absent,
    /// The value lies in a data file: the answer comes under this token.
    Pending(u64),
    /// The newest record of this key does not verify. Never an older one instead.
    Damaged,
    UnknownStore,
    /// The read could not be made now: too few descriptors, too little memory, or the engine closes.
    Busy,
}

/// What a look at a key finds in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peek<'a> {
    Ready(&'a [u8]),
    /// There is no such key, or it has expired.
    Absent,
    /// Not in memory, damaged, or no such store: a read says which.
    Elsewhere,
}

/// One entry of a scan.
#[derive(Clone, Copy, Debug)]
pub struct Item<'a> {
    pub key: &'a [u8],
    /// Empty when only keys were asked for.
    pub value: &'a [u8],
    pub sequence: u64,
    pub expires_ms: u64,
}

/// How a scan ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Page {
    /// The range has no further keys.
    End,
    /// The limit was reached, or the taker took no more.
    More,
    /// Values of the page lie in data files, and nothing was handed out: ask again when this token has finished.
    Pending(u64),
    /// The next key's record does not verify; what came before it was handed out.
    Damaged,
    UnknownStore,
}

/// What to scan.
#[derive(Clone, Copy, Debug)]
pub struct Range<'a> {
    pub from: std::ops::Bound<&'a [u8]>,
    pub to: std::ops::Bound<&'a [u8]>,
    pub reverse: bool,
    pub keys_only: bool,
    /// Most entries.
    pub limit: usize,
}

impl Range<'_> {
    /// True when no key can lie in it; such bounds may also be inverted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        use std::ops::Bound::{Excluded, Included, Unbounded};
        match (self.from, self.to) {
            (Unbounded, _) | (_, Unbounded) => false,
            (Included(from), Included(to)) => from > to,
            (Excluded(from) | Included(from), Excluded(to)) | (Excluded(from), Included(to)) => from >= to,
        }
    }
}
