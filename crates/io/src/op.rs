//! One enum of operations and one completion type: everything an engine asks of the outside world.
//!
//! State machines push operations on an `OpQueue` and are handed `Completion`s; they never see a driver. Paths are
//! relative to the data directory the driver was opened on.

use crate::buffer::{Piece, ReadBuffer};
use crate::errno::IoError;
use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

/// Names one operation for ever: ids are never reused, and a completion with an unknown id is a fatal assertion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OpId(pub u64);

/// An open file in the driver's table. Slots are not reused while an operation refers to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(pub u32);

/// How a file is opened. One mode per file for its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenMode {
    /// Create a new file (fails with EEXIST), read and write, O_DIRECT where the file system has it.
    CreateDirect,
    /// Open an existing file, read and write, O_DIRECT where the file system has it.
    WriteDirect,
    /// Open an existing file for reading, O_DIRECT where the file system has it.
    ReadDirect,
    /// Create or truncate a small file through the page cache (manifests, hints).
    CreateCached,
    /// Open an existing file for reading through the page cache.
    ReadCached,
}

impl OpenMode {
    /// Asks for direct I/O.
    #[must_use]
    pub fn is_direct(self) -> bool {
        !matches!(self, OpenMode::CreateCached | OpenMode::ReadCached)
    }
}

/// What to do. Positions and lengths of direct files are whole blocks (`buffer::BLOCK`).
#[derive(Debug)]
pub enum Op {
    Open {
        path: PathBuf,
        mode: OpenMode,
    },
    Close {
        file: FileId,
    },
    /// Fills `buffer` from `position`; fewer bytes than asked for mean the end of the file was reached.
    Read {
        file: FileId,
        position: u64,
        buffer: ReadBuffer,
    },
    /// Writes all pieces one behind the other. `durable`: the write itself is on stable storage when it completes
    /// (`RWF_DSYNC`); that says nothing of any *other* write.
    Write {
        file: FileId,
        position: u64,
        pieces: Vec<Piece>,
        durable: bool,
    },
    /// Makes every write to `file` that *completed before this was submitted* durable (fdatasync, which includes a
    /// size that is needed to read the data).
    Sync {
        file: FileId,
    },
    /// Makes creations, renames and removals of names in this directory durable.
    SyncDirectory {
        path: PathBuf,
    },
    /// Reserves space (fallocate mode 0: the size grows, contents are zero).
    Allocate {
        file: FileId,
        length: u64,
    },
    Truncate {
        file: FileId,
        length: u64,
    },
    Rename {
        from: PathBuf,
        to: PathBuf,
    },
    Unlink {
        path: PathBuf,
    },
    /// Completes when the driver's monotonic clock reaches `deadline_ns`.
    Timer {
        deadline_ns: u64,
    },
}

/// What came of it. Every operation completes exactly once; its buffers come back with the completion.
#[derive(Debug)]
pub struct Completion {
    pub id: OpId,
    pub result: Result<Done, IoError>,
}

/// The result of a successful operation. Writes are complete *in full*: short writes were continued below.
#[derive(Debug)]
pub enum Done {
    Opened {
        file: FileId,
        size: u64,
    },
    /// `length` bytes of `buffer` were filled.
    Read {
        buffer: ReadBuffer,
        length: usize,
    },
    Written {
        length: usize,
    },
    /// Close, Sync, SyncDirectory, Allocate, Truncate, Rename, Unlink, Timer.
    Finished,
}

/// Where state machines put operations. Every queue of a process counts in a range of its own, so an id is never
/// used twice, however many queues feed one driver.
#[derive(Debug)]
pub struct OpQueue {
    next: u64,
    waiting: VecDeque<(OpId, Op)>,
}

/// Bits an id has for counting within its queue; the rest number the queue.
const QUEUE_BITS: u32 = 44;

static QUEUES: AtomicU64 = AtomicU64::new(0);

impl Default for OpQueue {
    fn default() -> OpQueue {
        let queue = QUEUES.fetch_add(1, Ordering::Relaxed);
        OpQueue { next: queue << QUEUE_BITS, waiting: VecDeque::new() }
    }
}

impl OpQueue {
    /// Queues an operation and names it.
    pub fn push(&mut self, op: Op) -> OpId {
        self.next += 1;
        let id = OpId(self.next);
        self.waiting.push_back((id, op));
        id
    }

    /// The oldest operation that no driver has taken yet.
    pub fn pop(&mut self) -> Option<(OpId, Op)> {
        self.waiting.pop_front()
    }

    /// Takes out the operations that `held` picks, in their order; whoever takes them has to give them back one day.
    pub fn take_if(&mut self, mut held: impl FnMut(&Op) -> bool) -> Vec<(OpId, Op)> {
        let (taken, kept) = std::mem::take(&mut self.waiting).into_iter().partition(|(_, op)| held(op));
        self.waiting = kept;
        Vec::from(taken)
    }

    /// Queues an operation that was taken out, under its name.
    pub fn push_again(&mut self, id: OpId, op: Op) {
        self.waiting.push_back((id, op));
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}
