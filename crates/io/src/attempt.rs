//! What a driver is asked to do: one attempt at one operation, shaped like a system call.
//!
//! What it is not: an operation. An operation may need several attempts (short writes, EINTR); `inflight` decides
//! that, a driver never does.
//!
//! The one invariant: an attempt owns the memory it works on. Whoever holds the attempt keeps that memory alive, so
//! a driver gives an attempt back only when nothing outside reads or writes its memory any more.

use crate::buffer::{Piece, ReadBuffer};
use crate::op::OpenMode;
use std::path::PathBuf;

/// A driver's own name for an open file: a descriptor, or an entry in the simulated disk.
pub(crate) type Handle = i32;

/// Names one attempt: slot in the low half, generation in the high half.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token(pub u64);

impl Token {
    pub fn new(slot: u32, generation: u32) -> Token {
        Token(u64::from(slot) | u64::from(generation) << 32)
    }

    pub fn slot(self) -> usize {
        (self.0 & 0xffff_ffff) as usize
    }

    pub fn generation(self) -> u32 {
        (self.0 >> 32) as u32
    }
}

/// One attempt.
#[derive(Debug)]
pub(crate) enum Attempt {
    /// `direct`: with O_DIRECT. The result is the handle.
    Open {
        path: PathBuf,
        mode: OpenMode,
        direct: bool,
    },
    Close {
        handle: Handle,
    },
    /// Fills `buffer` from `done` on. The result is the number of bytes.
    Read {
        handle: Handle,
        position: u64,
        buffer: ReadBuffer,
        done: usize,
    },
    /// Writes what lies behind the first `done` bytes of `pieces`. The result is the number of bytes.
    Write {
        handle: Handle,
        position: u64,
        pieces: Vec<Piece>,
        done: usize,
        durable: bool,
        /// The file goes through the page cache.
        cached: bool,
    },
    Sync {
        handle: Handle,
    },
    SyncDirectory {
        path: PathBuf,
    },
    Allocate {
        handle: Handle,
        length: u64,
    },
    Truncate {
        handle: Handle,
        length: u64,
    },
    Rename {
        from: PathBuf,
        to: PathBuf,
    },
    Unlink {
        path: PathBuf,
    },
    Timer {
        deadline_ns: u64,
    },
}

impl Attempt {
    /// Whether doing it a second time, after an outcome that may or may not have had an effect, is harmless.
    pub fn is_idempotent(&self) -> bool {
        match self {
            Attempt::Read { .. }
            | Attempt::Write { .. }
            | Attempt::Sync { .. }
            | Attempt::SyncDirectory { .. }
            | Attempt::Allocate { .. }
            | Attempt::Truncate { .. }
            | Attempt::Timer { .. } => true,
            Attempt::Open { mode, .. } => *mode != OpenMode::CreateDirect,
            Attempt::Close { .. } | Attempt::Rename { .. } | Attempt::Unlink { .. } => false,
        }
    }
}

/// An attempt that is over: its memory, and what a system call would have returned (a negated errno on failure).
#[derive(Debug)]
pub(crate) struct Outcome {
    pub token: Token,
    pub attempt: Attempt,
    pub result: i64,
}

/// The parts of `pieces` behind their first `done` bytes, in order.
pub(crate) fn remaining(pieces: &[Piece], done: usize) -> impl Iterator<Item = &[u8]> {
    let mut skip = done;
    pieces.iter().filter_map(move |piece| {
        let bytes = piece.bytes();
        let skipped = skip.min(bytes.len());
        skip -= skipped;
        (skipped < bytes.len()).then(|| &bytes[skipped..])
    })
}

/// Bytes in all pieces.
pub(crate) fn total(pieces: &[Piece]) -> usize {
    pieces.iter().map(Piece::len).sum()
}

/// The `length` bytes behind the first `done` ones, without copying.
pub(crate) fn first_bytes(pieces: &[Piece], done: usize, length: usize) -> Vec<Piece> {
    let (mut skip, mut left) = (done, length);
    let mut parts = Vec::with_capacity(1);
    for piece in pieces {
        let skipped = skip.min(piece.len());
        skip -= skipped;
        let taken = (piece.len() - skipped).min(left);
        left -= taken;
        if taken > 0 {
            parts.push(piece.slice(skipped, taken));
        }
    }
    debug_assert_eq!(total(&parts), remaining(pieces, done).map(<[u8]>::len).sum::<usize>().min(length));
    parts
}
