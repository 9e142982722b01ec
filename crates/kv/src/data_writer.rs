//! Writes one sealed data file and its hint: header, records in key order, commit mark, sync; then the hint, sync.
//!
//! What it is not: the choice of records (`settle.rs`, `merge.rs`), or the naming of the file by a manifest.
//!
//! The invariant: keys come in ascending order, once each; what `outcome` answers with success is durable but for its
//! name in the directory.

use crate::data_file::{DATA_HEADER, Identity, data_path, hint_path};
use crate::hint::{Entry, hint_file, put_entry};
use crate::limits::SLAB;
use crate::record::{Kind, Record, encode};
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
    sealed: Sealed,
    seal: u32,
    previous: u32,
    /// Bytes that were not handed to the file yet.
    pending: Vec<u8>,
    hint: Vec<u8>,
    finished: bool,
    stage: Stage,
}

impl DataWriter {
    /// Begins a file that will have about `reserve` bytes of records.
    pub fn create(identity: Identity, reserve: u64, queue: &mut OpQueue) -> DataWriter {
        let header = identity.encode();
        let (seal, path) = (identity.seal(), data_path(identity.number));
        let writer = FileWriter::create(path, reserve + DATA_HEADER as u64, OpenMode::CreateDirect, queue);
        let sealed = Sealed {
            identity,
            length: header.len() as u64,
            records: 0,
            min_sequence: u64::MAX,
            max_sequence: 0,
            min_key: Vec::new(),
            max_key: Vec::new(),
        };
        DataWriter {
            sealed,
            seal,
            previous: seal,
            pending: header,
            hint: Vec::new(),
            finished: false,
            stage: Stage::Data(writer),
        }
    }

    /// True while records can be added without piling up memory.
    #[must_use]
    pub fn is_hungry(&self) -> bool {
        !self.finished && self.pending.len() < SLAB && matches!(self.stage, Stage::Data(_))
    }

    /// Adds a record behind the last one; answers its position and length.
    pub fn push(&mut self, record: &Record<'_>) -> (u64, u32) {
        assert!(!self.finished, "no record follows the commit mark");
        assert!(
            self.sealed.records == 0 || *self.sealed.max_key < *record.key,
            "records of a data file lie in key order"
        );
        if self.sealed.records == 0 {
            self.sealed.min_key.extend_from_slice(record.key);
        }
        self.sealed.max_key.clear();
        self.sealed.max_key.extend_from_slice(record.key);
        self.sealed.records += 1;
        self.sealed.min_sequence = self.sealed.min_sequence.min(record.sequence);
        self.sealed.max_sequence = self.sealed.max_sequence.max(record.sequence);
        let (position, length) = self.put(record);
        put_entry(
            &mut self.hint,
            &Entry {
                key: record.key,
                tombstone: record.kind == Kind::Tombstone,
                sequence: record.sequence,
                expires_ms: record.expires_ms,
                position,
                length,
                reference: record.reference(),
            },
        );
        (position, length)
    }

    fn put(&mut self, record: &Record<'_>) -> (u64, u32) {
        let (position, start) = (self.sealed.length, self.pending.len());
        self.previous = encode(&mut self.pending, self.seal, position, self.previous, record);
        let length = self.pending.len() - start;
        self.sealed.length += length as u64;
        (position, u32::try_from(length).expect("a record came out of a frame, which is below 4 GiB"))
    }

    /// Adds the commit mark: everything up to `sequence` that belongs here is here.
    pub fn finish(&mut self, sequence: u64) {
        let records = self.sealed.records.to_le_bytes();
        let mark = Record { kind: Kind::Mark, sequence, expires_ms: 0, key: &[], value: &records };
        self.put(&mark);
        self.finished = true;
    }

    /// Hands over at most one slab.
    pub fn step(&mut self, queue: &mut OpQueue) {
        match &mut self.stage {
            Stage::Data(writer) => {
                let due = self.finished || self.pending.len() >= SLAB;
                if due && writer.wants_data() {
                    let last = self.finished && self.pending.len() <= SLAB;
                    let take = self.pending.len().min(SLAB);
                    let mut slab = SlabWriter::new(take.max(1));
                    slab.write(&self.pending[..take]);
                    slab.pad_to_block();
                    self.pending.drain(..take);
                    writer.write(slab.piece(0, slab.position()), last.then_some(self.sealed.length), queue);
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
                let Sealed { identity, length, records, .. } = &self.sealed;
                let bytes = hint_file(identity, *length, *records, &self.hint);
                let path = hint_path(identity.number);
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
        &self.sealed
    }

    /// The entries of the hint so far.
    #[must_use]
    pub fn hint(&self) -> &[u8] {
        &self.hint
    }
}
