//! Space in reserve: a file of nothing that is given up when the disk is full, so that the manifest can still be written.
//!
//! What it is not: needed for the mark of a clean close, which has its room in the file of edits (`edits_file.rs`).
//!
//! The invariant: nothing depends on it being there. It is given up at most once before it is made again, and it is made
//! again only after a checkpoint has found space.

use millrace_io::{BLOCK, Done, FileId, Io, IoError, IoErrorKind, Op, OpId, OpQueue, OpenMode};
use std::path::PathBuf;

/// Path below the data directory.
pub(crate) const PATH: &str = "reserve";
/// The least it has in bytes where there is space; a base of the manifest fits into it twice.
const LEAST: u64 = 64 << 10;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// There is none.
    Absent,
    Opening(OpId),
    Allocating(OpId, FileId),
    /// `held`: it has its bytes. Otherwise its name goes next.
    Closing(OpId, bool),
    Held,
    Removing(OpId),
    /// Its name is gone; once that is durable its bytes are free for certain.
    Forgetting(OpId),
}

/// The file and what is done with it.
#[derive(Debug)]
pub(crate) struct Reserve {
    stage: Stage,
    bytes: u64,
}

/// Bytes that a base of so many bytes is worth in reserve.
fn bytes_for(base_bytes: u64) -> u64 {
    (base_bytes * 2).next_multiple_of(LEAST).max(LEAST)
}

impl Reserve {
    /// What is there, or made now, at the end of an opening. Without space there is none, which is no error.
    pub fn open(io: &mut Io, base_bytes: u64) -> Result<Reserve, IoError> {
        let bytes = bytes_for(base_bytes);
        // Where two bases do not fit, one does better than none.
        let taken = match take(io, bytes) {
            Err(error) if error.kind == IoErrorKind::NoSpace => {
                let one = base_bytes.next_multiple_of(BLOCK as u64);
                take(io, one).map(|()| one)
            }
            other => other.map(|()| bytes),
        };
        let bytes = taken.as_ref().map_or(0, |bytes| *bytes);
        let stage = match taken {
            Ok(_) => Stage::Held,
            Err(error) if passes(&error) => {
                // A file that is too small helps nobody; that its name stays is no harm either.
                let _ = io.run(Op::Unlink { path: PathBuf::from(PATH) });
                Stage::Absent
            }
            Err(error) => return Err(error),
        };
        Ok(Reserve { stage, bytes })
    }

    /// Gives the space up for an opening that needs it; answers whether there was any.
    pub fn give_up_now(io: &mut Io) -> Result<bool, IoError> {
        let is_there = io.exists(PATH)?;
        if is_there {
            io.run(Op::Unlink { path: PathBuf::from(PATH) })?;
            io.run(Op::SyncDirectory { path: PathBuf::new() })?;
        }
        Ok(is_there)
    }

    /// Gives the space up; answers whether there is any to come.
    pub fn give_up(&mut self, queue: &mut OpQueue) -> bool {
        if self.stage == Stage::Held {
            self.stage = Stage::Removing(queue.push(Op::Unlink { path: PathBuf::from(PATH) }));
        }
        matches!(self.stage, Stage::Removing(_) | Stage::Forgetting(_))
    }

    /// Makes it again if there is none, and larger if a base of so many bytes would not fit.
    pub fn renew(&mut self, base_bytes: u64, queue: &mut OpQueue) {
        let mode = match self.stage {
            Stage::Absent => OpenMode::CreateDirect,
            Stage::Held if self.bytes < base_bytes => OpenMode::WriteDirect,
            _ => return,
        };
        self.bytes = bytes_for(base_bytes);
        self.stage = Stage::Opening(queue.push(Op::Open { path: PathBuf::from(PATH), mode }));
    }

    /// Something of it is under way.
    pub fn is_working(&self) -> bool {
        !matches!(self.stage, Stage::Absent | Stage::Held)
    }

    /// True when the operation belongs to it.
    pub fn owns(&self, id: OpId) -> bool {
        match self.stage {
            Stage::Opening(op)
            | Stage::Allocating(op, _)
            | Stage::Closing(op, _)
            | Stage::Removing(op)
            | Stage::Forgetting(op) => op == id,
            Stage::Absent | Stage::Held => false,
        }
    }

    /// Takes the result of its operation. A flush of the directory that failed condemns the device, as everywhere.
    pub fn complete(&mut self, result: Result<Done, IoError>, queue: &mut OpQueue) -> Result<(), IoError> {
        if let (Stage::Forgetting(_), Err(error)) = (self.stage, &result)
            && error.kind == IoErrorKind::Device
        {
            self.stage = Stage::Absent;
            return Err(error.clone());
        }
        self.stage = match (self.stage, result) {
            (Stage::Opening(_), Ok(Done::Opened { file, .. })) => {
                Stage::Allocating(queue.push(Op::Allocate { file, length: self.bytes }), file)
            }
            (Stage::Allocating(_, file), result) => {
                Stage::Closing(queue.push(Op::Close { file }), result.is_ok())
            }
            (Stage::Closing(_, true), _) => Stage::Held,
            (Stage::Closing(_, false), _) => {
                Stage::Removing(queue.push(Op::Unlink { path: PathBuf::from(PATH) }))
            }
            (Stage::Removing(_), Ok(_)) => {
                Stage::Forgetting(queue.push(Op::SyncDirectory { path: PathBuf::new() }))
            }
            // A name that could not be removed is looked at by the next opening.
            (Stage::Opening(_) | Stage::Removing(_) | Stage::Forgetting(_), _) => Stage::Absent,
            (stage @ (Stage::Absent | Stage::Held), _) => stage,
        };
        Ok(())
    }
}

/// Has a file of so many bytes there.
fn take(io: &mut Io, bytes: u64) -> Result<(), IoError> {
    let mode = if io.exists(PATH)? { OpenMode::WriteDirect } else { OpenMode::CreateDirect };
    let (file, size) = match io.run(Op::Open { path: PathBuf::from(PATH), mode })? {
        Done::Opened { file, size } => (file, size),
        other => unreachable!("an open completes as opened, not {other:?}"),
    };
    let allocated =
        if size < bytes { io.run(Op::Allocate { file, length: bytes }).map(|_| ()) } else { Ok(()) };
    io.run(Op::Close { file })?;
    allocated
}

/// It is done without, whatever the reason, unless the machine is gone.
fn passes(error: &IoError) -> bool {
    error.kind != IoErrorKind::Cancelled
}
