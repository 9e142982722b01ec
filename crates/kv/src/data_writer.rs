//! Writes one sealed data file and its hint: header, records in key order, commit mark, sync; then the hint, sync.
//!
//! What it is not: the choice of records (`settle.rs`, `merge.rs`), or the naming of the file by a manifest.
//!
//! The invariant: keys come in ascending order, once each; what `outcome` answers with success is durable but for its
//! name in the directory.

use crate::data_builder::DataBuilder;
use crate::data_file::{DATA_HEADER, Identity, data_path, hint_path};
use crate::limits::SLAB;
use crate::record::Record;
use millrace_io::{Done, FileWriter, IoError, OpId, OpQueue, OpenMode, SlabWriter};

/// What is known of a file that was written.
#[derive(Clone, Debug)]
pub struct Sealed {
    pub identity: Identity,
    /// Bytes of the file.
    pub length: u64,
    pub records: u64,
    pub min_sequence: u64,
    pub max_sequence: u64,
    pub min_key: Vec<u8>,
    pub max_key: Vec<u8>,
}

#[derive(Debug)]
enum Stage {
    Data(FileWriter),
    Hint(FileWriter, Vec<u8>),
    Done(Result<(), IoError>),
}

/// A data file in the making.
#[derive(Debug)]
pub struct DataWriter {
    builder: DataBuilder,
    stage: Stage,
}

impl DataWriter {
    /// Begins a file that will have about `reserve` bytes of records.
    pub fn create(identity: Identity, reserve: u64, queue: &mut OpQueue) -> DataWriter {
        let path = data_path(identity.number);
        let writer = FileWriter::create(path, reserve + DATA_HEADER as u64, OpenMode::CreateDirect, queue);
        DataWriter { builder: DataBuilder::new(identity), stage: Stage::Data(writer) }
    }

    /// True while records can be added without piling up memory.
    #[must_use]
    pub fn is_hungry(&self) -> bool {
        let room = !self.builder.is_finished() && self.builder.pending().len() < SLAB;
        room && matches!(self.stage, Stage::Data(_))
    }

    /// Adds a record behind the last one; answers its position and length.
    pub fn push(&mut self, record: &Record<'_>) -> (u64, u32) {
        self.builder.push(record)
    }

    /// Adds the commit mark: everything up to `sequence` that belongs here is here.
    pub fn finish(&mut self, sequence: u64) {
        self.builder.finish(sequence);
    }

    /// Hands over at most one slab.
    pub fn step(&mut self, queue: &mut OpQueue) {
        match &mut self.stage {
            Stage::Data(writer) => {
                let (finished, pending) = (self.builder.is_finished(), self.builder.pending());
                if (finished || pending.len() >= SLAB) && writer.wants_data() {
                    let last = (finished && pending.len() <= SLAB).then_some(self.builder.sealed().length);
                    let take = pending.len().min(SLAB);
                    let mut slab = SlabWriter::new(take.max(1));
                    slab.write(&pending[..take]);
                    slab.pad_to_block();
                    self.builder.taken(take);
                    writer.write(slab.piece(0, slab.position()), last, queue);
                }
            }
            Stage::Hint(writer, bytes) => {
                if writer.wants_data() {
                    let mut slab = SlabWriter::new(bytes.len());
                    slab.write(bytes);
                    slab.pad_to_block();
                    let length = bytes.len() as u64;
                    bytes.clear();
                    writer.write(slab.piece(0, slab.position()), Some(length), queue);
                }
            }
            Stage::Done(_) => {}
        }
    }

    /// True when the operation belongs to this file.
    #[must_use]
    pub fn owns(&self, id: OpId) -> bool {
        match &self.stage {
            Stage::Data(writer) | Stage::Hint(writer, _) => writer.owns(id),
            Stage::Done(_) => false,
        }
    }

    /// Takes the result of one of its operations.
    pub fn complete(&mut self, id: OpId, result: Result<Done, IoError>, queue: &mut OpQueue) {
        let (writer, is_data) = match &mut self.stage {
            Stage::Data(writer) => (writer, true),
            Stage::Hint(writer, _) => (writer, false),
            Stage::Done(_) => return,
        };
        writer.complete(id, result, queue);
        self.check(is_data, queue);
    }

    fn check(&mut self, is_data: bool, queue: &mut OpQueue) {
        let (Stage::Data(writer) | Stage::Hint(writer, _)) = &self.stage else { return };
        match writer.outcome() {
            None => {}
            Some(Ok(())) if is_data => {
                let bytes = self.builder.hint_file();
                let path = hint_path(self.builder.sealed().identity.number);
                let writer = FileWriter::create(path, bytes.len() as u64, OpenMode::CreateDirect, queue);
                self.stage = Stage::Hint(writer, bytes);
            }
            Some(result) => self.stage = Stage::Done(result),
        }
    }

    /// Gives up; `outcome` answers the error once nothing is in flight.
    pub fn abandon(&mut self, error: &IoError, queue: &mut OpQueue) {
        let (Stage::Data(writer) | Stage::Hint(writer, _)) = &mut self.stage else { return };
        writer.abandon(error.clone(), queue);
        if let Some(Err(error)) = writer.outcome() {
            self.stage = Stage::Done(Err(error));
        }
    }

    /// `Some` when nothing is in flight any more.
    #[must_use]
    pub fn outcome(&self) -> Option<Result<(), IoError>> {
        if let Stage::Done(result) = &self.stage { Some(result.clone()) } else { None }
    }

    /// What was written so far.
    #[must_use]
    pub fn sealed(&self) -> &Sealed {
        self.builder.sealed()
    }

    /// The entries of the hint so far.
    #[must_use]
    pub fn hint(&self) -> &[u8] {
        self.builder.hint()
    }
}
