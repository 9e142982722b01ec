//! The bytes of a data file and of its hint, record by record.
//!
//! What it is not: the writing of them (`data_writer.rs`; repair has its own).
//!
//! The invariant: keys come in ascending order, once each; the commit mark comes last.

use crate::data_file::Identity;
use crate::data_writer::Sealed;
use crate::hint::{Entry, hint_file, put_entry};
use crate::record::{Kind, Record, encode};

/// A data file in the making.
#[derive(Debug)]
pub struct DataBuilder {
    sealed: Sealed,
    seal: u32,
    previous: u32,
    /// Bytes that were not taken yet.
    pending: Vec<u8>,
    hint: Vec<u8>,
    finished: bool,
}

impl DataBuilder {
    /// Begins with the header.
    #[must_use]
    pub fn new(identity: Identity) -> DataBuilder {
        let (pending, seal) = (identity.encode(), identity.seal());
        let sealed = Sealed {
            identity,
            length: pending.len() as u64,
            records: 0,
            min_sequence: u64::MAX,
            max_sequence: 0,
            min_key: Vec::new(),
            max_key: Vec::new(),
        };
        DataBuilder { sealed, seal, previous: seal, pending, hint: Vec::new(), finished: false }
    }

    /// Adds a record behind the last one; answers its position and length. Panics when its key is not above that one's, or
    /// when the mark was added.
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

    /// The commit mark was added.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.finished
    }

    /// Bytes of the file that were not taken yet.
    #[must_use]
    pub fn pending(&self) -> &[u8] {
        &self.pending
    }

    /// The first so many of them were taken.
    pub fn taken(&mut self, bytes: usize) {
        self.pending.drain(..bytes);
    }

    /// What was added so far.
    #[must_use]
    pub fn sealed(&self) -> &Sealed {
        &self.sealed
    }

    /// The entries of the hint so far.
    #[must_use]
    pub fn hint(&self) -> &[u8] {
        &self.hint
    }

    /// The hint of what was added so far.
    #[must_use]
    pub fn hint_file(&self) -> Vec<u8> {
        let Sealed { identity, length, records, .. } = &self.sealed;
        hint_file(identity, *length, *records, &self.hint)
    }
}
