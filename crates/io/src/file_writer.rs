//! Writes one immutable file from front to back: create, reserve space, large direct writes, cut to length, sync, close.
//!
//! What it is not: the contents; a caller fills one slab after another.
//!
//! The invariant: the sync is submitted only after every write completed in full and the length is set; a file whose
//! writer failed is never named by a manifest.

use crate::buffer::{Piece, round_up};
use crate::errno::{IoError, IoErrorKind};
use crate::op::{Done, FileId, Op, OpId, OpQueue, OpenMode};
use std::path::PathBuf;

/// Writes in flight at once.
const IN_FLIGHT: usize = 2;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Opening,
    Allocating,
    Writing,
    Truncating,
    Syncing,
    Closing,
    Done,
}

/// One file on its way to disk.
#[derive(Debug)]
pub struct FileWriter {
    stage: Stage,
    file: Option<FileId>,
    /// Bytes expected, reserved ahead so that no write extends the file.
    reserve: u64,
    position: u64,
    /// Bytes of content; set when the last slab was handed over.
    length: Option<u64>,
    pending: Vec<OpId>,
    error: Option<IoError>,
    mode: OpenMode,
}

impl FileWriter {
    /// Begins a file that does not exist yet and will have about `reserve` bytes.
    pub fn create(path: PathBuf, reserve: u64, mode: OpenMode, queue: &mut OpQueue) -> FileWriter {
        let id = queue.push(Op::Open { path, mode });
        let reserve = round_up(reserve as usize) as u64;
        let (stage, pending) = (Stage::Opening, vec![id]);
        FileWriter { stage, file: None, reserve, position: 0, length: None, pending, error: None, mode }
    }

    /// True when the operation belongs to this writer.
    #[must_use]
    pub fn owns(&self, id: OpId) -> bool {
        self.pending.contains(&id)
    }

    /// True while another slab can be handed over.
    #[must_use]
    pub fn wants_data(&self) -> bool {
        self.stage == Stage::Writing
            && self.length.is_none()
            && self.error.is_none()
            && self.pending.len() < IN_FLIGHT
    }

    /// Hands over the next bytes: whole blocks, except for files that are not written direct. `last` is the number of
    /// content bytes in the whole file once nothing follows; padding behind it is cut off.
    pub fn write(&mut self, piece: Piece, last: Option<u64>, queue: &mut OpQueue) {
        let file = self.file.expect("a writer that wants data has its file open");
        let length = piece.len() as u64;
        if length > 0 {
            let op = Op::Write { file, position: self.position, pieces: vec![piece], durable: false };
            self.pending.push(queue.push(op));
            self.position += length;
        }
        self.length = last;
        if self.pending.is_empty() {
            self.finish_writing(queue);
        }
    }

    /// Gives up: what is in flight is waited for, the file is closed, `outcome` then answers the error.
    pub fn abandon(&mut self, error: IoError, queue: &mut OpQueue) {
        self.error.get_or_insert(error);
        if self.pending.is_empty() && self.stage != Stage::Done {
            self.close(queue);
        }
    }

    /// Takes the result of one of its operations.
    pub fn complete(&mut self, id: OpId, result: Result<Done, IoError>, queue: &mut OpQueue) {
        self.pending.retain(|pending| *pending != id);
        match result {
            Ok(Done::Opened { file, .. }) => self.file = Some(file),
            Ok(_) => {}
            // Reserving is an optimisation: a file system that cannot do it extends the file as it is written.
            Err(error) if self.stage == Stage::Allocating && error.kind == IoErrorKind::Unsupported => {}
            Err(error) => {
                self.error.get_or_insert(error);
            }
        }
        if !self.pending.is_empty() {
            return;
        }
        if self.error.is_some() && self.stage != Stage::Closing {
            return self.close(queue);
        }
        self.advance(queue);
    }

    fn advance(&mut self, queue: &mut OpQueue) {
        let Some(file) = self.file else { return };
        match self.stage {
            Stage::Opening if self.mode == OpenMode::CreateDirect && self.reserve > 0 => {
                self.stage = Stage::Allocating;
                self.pending.push(queue.push(Op::Allocate { file, length: self.reserve }));
            }
            Stage::Opening | Stage::Allocating => self.stage = Stage::Writing,
            Stage::Writing if self.length.is_some() => self.finish_writing(queue),
            Stage::Writing => {}
            Stage::Truncating => self.sync(queue),
            Stage::Syncing => self.close(queue),
            Stage::Closing => self.stage = Stage::Done,
            Stage::Done => {}
        }
    }

    /// All bytes are written in full: set the length if padding or reserved space reaches beyond it.
    fn finish_writing(&mut self, queue: &mut OpQueue) {
        let (Some(file), Some(length)) = (self.file, self.length) else { return };
        let reserved = if self.mode == OpenMode::CreateDirect { self.reserve } else { 0 };
        if length == self.position.max(reserved) {
            return self.sync(queue);
        }
        self.stage = Stage::Truncating;
        self.pending.push(queue.push(Op::Truncate { file, length }));
    }

    fn sync(&mut self, queue: &mut OpQueue) {
        let Some(file) = self.file else { return };
        self.stage = Stage::Syncing;
        self.pending.push(queue.push(Op::Sync { file }));
    }

    fn close(&mut self, queue: &mut OpQueue) {
        self.stage = match self.file {
            Some(file) => {
                self.pending.push(queue.push(Op::Close { file }));
                Stage::Closing
            }
            None => Stage::Done,
        };
    }

    /// `Some` when nothing is in flight any more: the file is synced, or why it is not.
    #[must_use]
    pub fn outcome(&self) -> Option<Result<(), IoError>> {
        if self.stage != Stage::Done {
            return None;
        }
        Some(self.error.clone().map_or(Ok(()), Err))
    }
}
