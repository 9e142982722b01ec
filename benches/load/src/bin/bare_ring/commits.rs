//! Two commits: one that is being written, one that is being filled.

use crc_fast::CrcAlgorithm::Crc32Iscsi;

use crate::direct_file::{AlignedBytes, BLOCK};

/// Room of one commit; millrace-load's small requests never fill it.
const COMMIT_LENGTH: usize = 4 << 20;
const HEADER_LENGTH: usize = 64;

/// Who waits for a frame.
pub struct Waiter {
    pub socket: i32,
    pub correlation: i32,
    pub offset: i64,
}

struct Commit {
    bytes: AlignedBytes,
    length: usize,
    waiters: Vec<Waiter>,
}

impl Commit {
    fn new() -> Commit {
        Commit { bytes: AlignedBytes::zeroed(COMMIT_LENGTH), length: 0, waiters: Vec::new() }
    }
}

/// The commits and the chain of their checksums.
pub struct Commits {
    filling: Commit,
    writing: Commit,
    is_writing: bool,
    sequence: u64,
    crc: u32,
    position: u64,
}

impl Commits {
    pub fn new() -> Commits {
        let [filling, writing] = [Commit::new(), Commit::new()];
        Commits { filling, writing, is_writing: false, sequence: 0, crc: 0, position: 0 }
    }

    /// One frame: sequence, length and the chained checksum in a 64-byte header, then the batch.
    pub fn append(&mut self, batch: &[u8], waiter: Waiter) {
        let at = self.filling.length;
        let frame = &mut self.filling.bytes[at..at + HEADER_LENGTH + batch.len()];
        let (header, rest) = frame.split_at_mut(HEADER_LENGTH);
        rest.copy_from_slice(batch);
        self.sequence += 1;
        header[4..8].copy_from_slice(&self.crc.to_le_bytes());
        header[8..16].copy_from_slice(&self.sequence.to_le_bytes());
        header[16..20].copy_from_slice(&(batch.len() as u32).to_le_bytes());
        self.crc = crc_fast::checksum(Crc32Iscsi, &frame[4..]) as u32;
        frame[..4].copy_from_slice(&self.crc.to_le_bytes());
        self.filling.length += frame.len();
        self.filling.waiters.push(waiter);
    }

    /// What is to be written next and where, unless something is being written or nothing waits.
    pub fn begin(&mut self, file_length: u64) -> Option<(&[u8], u64)> {
        if self.is_writing || self.filling.waiters.is_empty() {
            return None;
        }
        std::mem::swap(&mut self.filling, &mut self.writing);
        self.is_writing = true;
        let length = self.writing.length.next_multiple_of(BLOCK);
        self.writing.bytes[self.writing.length..length].fill(0);
        if self.position + length as u64 > file_length {
            self.position = 0;
        }
        let position = self.position;
        self.position += length as u64;
        Some((&self.writing.bytes[..length], position))
    }

    /// The write is done: those who waited for it.
    pub fn durable(&mut self) -> Vec<Waiter> {
        self.is_writing = false;
        self.writing.length = 0;
        std::mem::take(&mut self.writing.waiters)
    }
}
