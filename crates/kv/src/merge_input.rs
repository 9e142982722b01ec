//! One data file that a merge reads from front to back, chunk by chunk, with every check.
//!
//! What it is not: the choice of what is kept (`merge.rs`).
//!
//! The invariant: a record is looked at only when its CRC and its link to the record before it were found right.

use crate::data_file::DATA_HEADER;
use crate::record::{Defect, Kind, Record, decode};
use millrace_io::{BLOCK, FileId, Op, OpId, OpQueue, ReadBuffer};

/// Bytes that one operation reads, unless a record is larger.
const CHUNK: usize = 256 << 10;

/// What an input is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// It needs bytes.
    Hungry,
    /// Its file is being opened.
    Parked,
    Reading(OpId),
    /// A record is at hand.
    Ready,
    /// The commit mark was reached.
    Ended,
}

/// One file on its way through a merge.
#[derive(Debug)]
pub(crate) struct Input {
    pub slot: u32,
    pub state: State,
    seal: u32,
    length: u64,
    previous: u32,
    /// Position of the next record, and the bytes at hand from there on.
    position: u64,
    bytes: Vec<u8>,
    at: usize,
    /// Bytes of the record at hand.
    record_bytes: usize,
    need: usize,
}

impl Input {
    pub fn new(slot: u32, seal: u32, length: u64) -> Input {
        Input {
            slot,
            state: State::Hungry,
            seal,
            length,
            previous: seal,
            position: DATA_HEADER as u64,
            bytes: Vec::new(),
            at: 0,
            record_bytes: 0,
            need: 0,
        }
    }

    /// Asks for the next bytes.
    pub fn read(&mut self, file: FileId, queue: &mut OpQueue) {
        let block = BLOCK as u64;
        let from = self.position + (self.bytes.len() - self.at) as u64;
        let start = from / block * block;
        let most = self.length.next_multiple_of(block) - start;
        let length = (CHUNK.max(self.need.next_multiple_of(BLOCK) + BLOCK) as u64).min(most) as usize;
        let buffer = ReadBuffer::new(length);
        self.state = State::Reading(queue.push(Op::Read { file, position: start, buffer }));
    }

    /// Takes the bytes that were read; false: the file ends early.
    pub fn take(&mut self, bytes: &[u8]) -> Result<(), &'static str> {
        let from = self.position + (self.bytes.len() - self.at) as u64;
        let skip = (from % BLOCK as u64) as usize;
        let inside = (self.length - (from - skip as u64)).min(bytes.len() as u64) as usize;
        let fresh = bytes.get(skip..inside).filter(|fresh| !fresh.is_empty()).ok_or("the file ends early")?;
        self.bytes.drain(..self.at);
        self.at = 0;
        self.bytes.extend_from_slice(fresh);
        self.state = State::Hungry;
        self.look()
    }

    /// Finds the next record in the bytes at hand.
    fn look(&mut self) -> Result<(), &'static str> {
        let left = self.length - self.position;
        match decode(&self.bytes[self.at..], self.seal, self.position, left) {
            Ok(decoded) if decoded.previous != self.previous => Err("link of a record"),
            Ok(decoded) => {
                self.previous = decoded.crc;
                self.record_bytes = decoded.length;
                let ended = decoded.record.kind == Kind::Mark;
                self.state = if ended { State::Ended } else { State::Ready };
                Ok(())
            }
            Err(Defect::Short(need)) => {
                self.need = need;
                self.state = State::Hungry;
                Ok(())
            }
            Err(Defect::Bad(detail)) => Err(detail),
        }
    }

    /// The record at hand, which was verified when it was found, and where it lies.
    pub fn record(&self) -> Option<(Record<'_>, u64, u32)> {
        if self.state != State::Ready {
            return None;
        }
        let bytes = &self.bytes[self.at..self.at + self.record_bytes];
        let decoded = crate::record::parse(bytes)?;
        Some((decoded, self.position, self.record_bytes as u32))
    }

    /// Goes on to the next record.
    pub fn advance(&mut self) -> Result<(), &'static str> {
        self.at += self.record_bytes;
        self.position += self.record_bytes as u64;
        self.look()
    }

    pub fn position(&self) -> u64 {
        self.position
    }
}
