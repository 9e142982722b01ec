//! Appends an edit of the manifest: room behind it, one direct write, a flush.
//!
//! What it is not: what the edit says (`edit.rs`), or when there is one (`checkpoint.rs`).
//!
//! The invariant: an edit is in place when a flush that covers it has returned; until then it may or may not be, so the
//! next one is written over it, and nothing that either state names goes.

use crate::edit::Edit;
use crate::edits_file::EditsFile;
use crate::planted::{self, PlantedBug};
use crate::publish::PublishError;
use millrace_io::{BLOCK, Done, IoError, Op, OpId, OpQueue, SlabWriter};

#[derive(Debug)]
enum Stage {
    Allocating(OpId, SlabWriter),
    Writing(OpId),
    Syncing(OpId),
    Done(Result<(), PublishError>),
}

/// One edit on its way.
#[derive(Debug)]
pub(crate) struct Append {
    edit: Edit,
    place: EditsFile,
    /// Bytes in whole blocks.
    bytes: u64,
    crc: u32,
    stage: Stage,
}

impl Append {
    /// Begins to append an edit at the end of the file. `None`: it is too large for one.
    pub fn begin(edit: Edit, place: EditsFile, queue: &mut OpQueue) -> Option<Append> {
        let (content, crc) = edit.encode(place.link)?;
        let mut slab = SlabWriter::new(content.len());
        slab.write(&content);
        slab.pad_to_block();
        let bytes = slab.position() as u64;
        // The mark of a clean close is the last edit of all: it takes the room that every other one leaves.
        let behind = if edit.clean { 0 } else { BLOCK as u64 };
        let end = place.position + bytes + behind;
        let mut append = Append { edit, place, bytes, crc, stage: Stage::Done(Ok(())) };
        if end > place.allocated {
            // Twice what is there, so that a growing file is not extended by every edit.
            append.place.allocated = end.max(place.allocated * 2);
            let op = Op::Allocate { file: place.file, length: append.place.allocated };
            append.stage = Stage::Allocating(queue.push(op), slab);
        } else {
            append.write(slab, queue);
        }
        Some(append)
    }

    fn write(&mut self, slab: SlabWriter, queue: &mut OpQueue) {
        let pieces = vec![slab.piece(0, slab.position())];
        let EditsFile { file, position, .. } = self.place;
        self.stage = Stage::Writing(queue.push(Op::Write { file, position, pieces, durable: false }));
    }

    /// True when the operation belongs to it.
    pub fn owns(&self, id: OpId) -> bool {
        match &self.stage {
            Stage::Allocating(op, _) | Stage::Writing(op) | Stage::Syncing(op) => *op == id,
            Stage::Done(_) => false,
        }
    }

    /// Takes the result of its operation.
    pub fn complete(&mut self, result: Result<Done, IoError>, queue: &mut OpQueue) {
        match (std::mem::replace(&mut self.stage, Stage::Done(Ok(()))), result) {
            (Stage::Allocating(_, slab), Ok(_)) => self.write(slab, queue),
            (Stage::Allocating(..), Err(error)) => {
                self.stage = Stage::Done(Err(PublishError::Unchanged(error)))
            }
            (Stage::Writing(_), Ok(_)) if planted::is(PlantedBug::EditUnsynced) => {}
            (Stage::Writing(_), Ok(_)) => {
                self.stage = Stage::Syncing(queue.push(Op::Sync { file: self.place.file }));
            }
            (Stage::Writing(_), Err(error)) => self.stage = Stage::Done(Err(PublishError::Either(error))),
            (Stage::Syncing(_), Err(error)) => self.stage = Stage::Done(Err(PublishError::Unknown(error))),
            (Stage::Syncing(_) | Stage::Done(_), _) => {}
        }
    }

    /// `Some` when it is over.
    pub fn outcome(&self) -> Option<Result<(), PublishError>> {
        if let Stage::Done(result) = &self.stage { Some(result.clone()) } else { None }
    }

    /// The edit that was appended, and where the next one goes.
    pub fn into_parts(mut self) -> (Edit, EditsFile) {
        self.place.appended(self.bytes, self.crc);
        (self.edit, self.place)
    }

    /// Bytes that were written, or would have been.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}
