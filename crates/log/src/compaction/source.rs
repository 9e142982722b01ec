//! One range read from front to back, batch by batch, in chunks.
//!
//! What it is not: a read for a client (`cold.rs`), which enters in the middle and stops early.
//!
//! The invariant: every batch that leaves here was verified and stands where the range says; a range that ends early or
//! has a gap it may not have is damage, never passed over.

use crate::batch::{HEADER, Header, verify};
use crate::epochs::Epochs;
use crate::range::Range;
use crate::segment::Kind;
use millrace_io::{BLOCK, Done, FileId, IoError, Op, OpId, OpQueue, Piece, ReadBuffer};

/// Bytes of one read, unless a batch is larger.
const CHUNK: u64 = 512 << 10;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Hungry,
    Reading(OpId),
    Fed,
}

/// What comes next.
#[derive(Debug)]
pub(crate) enum Next {
    Batch(Header, Piece),
    /// `read` must be called, or its completion awaited.
    Hungry,
    End,
    Damaged(&'static str),
}

/// A range as it is being read.
#[derive(Debug)]
pub(crate) struct Source {
    pub range: Range,
    kind: Kind,
    /// Position of the next batch, and the lowest offset it may have.
    position: u64,
    offset: u64,
    want: u64,
    state: State,
    start: u64,
    /// Where the chunk must end at least, and whether it does not: the file has no more.
    asked: u64,
    cut: bool,
    chunk: Option<Piece>,
}

impl Source {
    pub fn new(range: Range, kind: Kind) -> Source {
        let (position, offset) = (range.position, range.base);
        let state = State::Hungry;
        let (start, asked, cut, chunk) = (0, 0, false, None);
        Source { range, kind, position, offset, want: CHUNK, state, start, asked, cut, chunk }
    }

    fn end(&self) -> u64 {
        self.range.position + self.range.length
    }

    /// Where the next batch lies, for reports of damage.
    pub fn position(&self) -> u64 {
        self.position
    }

    pub fn is_hungry(&self) -> bool {
        self.state == State::Hungry
    }

    pub fn is_reading(&self) -> bool {
        matches!(self.state, State::Reading(_))
    }

    pub fn owns(&self, id: OpId) -> bool {
        self.state == State::Reading(id)
    }

    /// Asks for the next chunk.
    pub fn read(&mut self, file: FileId, queue: &mut OpQueue) {
        let block = BLOCK as u64;
        self.start = self.position / block * block;
        self.asked = self.position.saturating_add(self.want).min(self.end());
        let buffer = ReadBuffer::new((self.asked.next_multiple_of(block) - self.start) as usize);
        self.state = State::Reading(queue.push(Op::Read { file, position: self.start, buffer }));
    }

    /// Takes the chunk that was asked for.
    pub fn complete(&mut self, result: Result<Done, IoError>) -> Result<(), IoError> {
        match result? {
            Done::Read { buffer, length } => {
                self.cut = self.start + (length as u64) < self.asked;
                self.chunk = Some(buffer.into_piece(length));
            }
            other => unreachable!("a read completes as read, not {other:?}"),
        }
        self.state = State::Fed;
        Ok(())
    }

    /// The next batch.
    pub fn next(&mut self, epochs: &Epochs) -> Next {
        if self.position >= self.end() {
            let whole = self.offset == self.range.end || self.kind.has_gaps();
            return if whole { Next::End } else { Next::Damaged("a range ends before its last offset") };
        }
        let Some(chunk) = self.chunk.as_ref().filter(|_| self.state == State::Fed) else {
            return Next::Hungry;
        };
        let at = (self.position - self.start) as usize;
        let left = (chunk.len().saturating_sub(at) as u64).min(self.end() - self.position);
        if left < HEADER as u64 {
            return self.short(HEADER as u64);
        }
        let bytes = &chunk.bytes()[at..at + left as usize];
        let Ok(header) = Header::parse(bytes) else { return Next::Damaged("header of a batch") };
        if let Some(detail) = self.defect(&header, epochs) {
            return Next::Damaged(detail);
        }
        if header.length as u64 > left {
            return self.short(header.length as u64);
        }
        if verify(bytes).is_err() {
            return Next::Damaged("checksum of a batch");
        }
        let batch = chunk.slice(at, header.length);
        self.position = (self.position + header.length as u64).next_multiple_of(self.kind.alignment());
        self.offset = header.end_offset();
        self.want = CHUNK;
        Next::Batch(header, batch)
    }

    fn defect(&self, header: &Header, epochs: &Epochs) -> Option<&'static str> {
        let follows =
            header.base_offset == self.offset || (self.kind.has_gaps() && header.base_offset > self.offset);
        if !follows || header.end_offset() > self.range.end {
            return Some("offset of a batch");
        }
        if header.length as u64 > self.end() - self.position {
            return Some("length of a batch");
        }
        // Epochs below the log start are forgotten.
        let known = epochs.at(header.base_offset).is_none_or(|epoch| epoch == header.leader_epoch);
        (!known).then_some("leader epoch of a batch")
    }

    /// The chunk ends inside a batch of which `needed` bytes are needed.
    fn short(&mut self, needed: u64) -> Next {
        if needed > self.end() - self.position {
            return Next::Damaged("a batch reaches beyond its range");
        }
        if self.cut {
            return Next::Damaged("the file ends early");
        }
        self.want = self.want.max(needed);
        self.state = State::Hungry;
        Next::Hungry
    }
}
