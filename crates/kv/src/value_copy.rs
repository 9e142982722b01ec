//! Values on their way from large files that are mostly dead into a new one, as they lie: chunk by chunk, with both
//! checksums looked at before anything refers to the copy.
//!
//! What it is not: the choice of keys, or the records that refer to the new places (`large_merge.rs`).
//!
//! The invariant: a value is said to be copied only when every byte of it was found right; the file is durable, but for
//! its name, when `outcome` answers with success.

use crate::bytes::get_u32;
use crate::large::{LargeValue, VALUE_CRC_AT, large_path};
use crate::large_files::{LARGE_FROM, blocks};
use crate::location::{Location, Settled};
use millrace_io::{BLOCK, Done, FileId, FileWriter, IoError, Op, OpId, OpQueue, OpenMode, Piece, ReadBuffer};
use std::collections::VecDeque;

/// Bytes that one operation reads; the head of a value fits in.
const CHUNK: u64 = 256 << 10;
/// Chunks that were read and not written yet.
const WAITING_MAX: usize = 2;

#[derive(Debug)]
enum State {
    /// No value was named.
    Idle,
    /// It needs bytes.
    Hungry,
    /// Its file is being opened.
    Parked,
    Reading(OpId),
}

/// The value under way.
#[derive(Debug)]
struct Current {
    key: Box<[u8]>,
    settled: Settled,
    /// Bytes that were read.
    done: u64,
    /// Of the value, once its head was read.
    crc: u32,
    digest: crc_fast::Digest,
}

/// A value that was copied.
#[derive(Debug)]
pub(crate) struct Copied {
    pub key: Box<[u8]>,
    pub before: Settled,
    /// Where it lies in the new file.
    pub position: u64,
}

/// A large file in the making, and the value that is on its way into it.
#[derive(Debug)]
pub(crate) struct ValueCopy {
    pub number: u64,
    writer: FileWriter,
    waiting: VecDeque<Piece>,
    /// Where the next value goes.
    end: u64,
    finished: bool,
    state: State,
    current: Option<Current>,
}

impl ValueCopy {
    /// Begins a file that will have about `reserve` bytes of values behind its header block.
    pub fn create(number: u64, header: Piece, reserve: u64, queue: &mut OpQueue) -> ValueCopy {
        let writer =
            FileWriter::create(large_path(number), LARGE_FROM + reserve, OpenMode::CreateDirect, queue);
        let waiting = VecDeque::from([header]);
        let (end, finished, state) = (LARGE_FROM, false, State::Idle);
        ValueCopy { number, writer, waiting, end, finished, state, current: None }
    }

    /// Takes the value of a key, the one before it being copied.
    pub fn begin(&mut self, key: &[u8], settled: Settled) {
        let digest = crc_fast::Digest::new(crc_fast::CrcAlgorithm::Crc32Iscsi);
        self.current = Some(Current { key: key.into(), settled, done: 0, crc: 0, digest });
        self.state = State::Hungry;
    }

    /// No value is under way.
    pub fn is_idle(&self) -> bool {
        matches!(self.state, State::Idle)
    }

    /// Where the value lies whose next bytes can be asked for.
    pub fn wants(&self) -> Option<Location> {
        let hungry = matches!(self.state, State::Hungry) && self.waiting.len() < WAITING_MAX;
        self.place().filter(|_| hungry)
    }

    /// Where the value under way lies.
    pub fn place(&self) -> Option<Location> {
        self.current.as_ref().map(|current| current.settled.location)
    }

    /// Its file is being opened.
    pub fn park(&mut self) {
        self.state = State::Parked;
    }

    /// A file was opened, or could not be; true when it was waited for.
    pub fn unpark(&mut self, slot: u32) -> bool {
        let ours = self.current.as_ref().is_some_and(|current| current.settled.location.slot == slot);
        let waits = ours && matches!(self.state, State::Parked);
        if waits {
            self.state = State::Hungry;
        }
        waits
    }

    /// Asks for the next bytes.
    pub fn read(&mut self, file: FileId, queue: &mut OpQueue) {
        let Some(current) = &self.current else { return };
        let Location { position, length, .. } = current.settled.location;
        let left = blocks(length) - current.done;
        let buffer = ReadBuffer::new(left.min(CHUNK) as usize);
        self.state = State::Reading(queue.push(Op::Read { file, position: position + current.done, buffer }));
    }

    pub fn is_reading(&self, id: OpId) -> bool {
        matches!(self.state, State::Reading(op) if op == id)
    }

    /// A read or an opening is under way.
    pub fn reads(&self) -> bool {
        matches!(self.state, State::Reading(_) | State::Parked)
    }

    /// What was read is of no use any more.
    pub fn read_for_nothing(&mut self) {
        self.state = State::Idle;
    }

    /// Takes bytes that were read; `Some`: that was all of the value.
    pub fn take(
        &mut self,
        mut buffer: ReadBuffer,
        read: usize,
        directory_id: &[u8; 16],
        store: u32,
    ) -> Result<Option<Copied>, &'static str> {
        let Some(current) = &mut self.current else { return Ok(None) };
        let Settled { location, sequence, .. } = current.settled;
        let wanted = (u64::from(location.length) - current.done).min(buffer.len() as u64) as usize;
        let bytes = buffer.bytes().get(..wanted.min(read)).filter(|bytes| bytes.len() == wanted);
        let bytes = bytes.ok_or("the file ends early")?;
        let mut value = bytes;
        if current.done == 0 {
            let large = LargeValue::head(bytes, directory_id).ok_or("a value does not verify")?;
            let same = large.store == store && large.sequence == sequence && *large.key == *current.key;
            if !same || large.length() != location.length as usize {
                return Err("another value lies where a key's should");
            }
            current.crc = get_u32(bytes, VALUE_CRC_AT);
            value = &bytes[large.value_at..];
        }
        current.digest.update(value);
        current.done += wanted as u64;
        // What lay behind it in its last block is nobody's.
        buffer.bytes_mut()[wanted..].fill(0);
        self.waiting.push_back(buffer.into_piece(wanted.next_multiple_of(BLOCK)));
        self.state = State::Hungry;
        if current.done < u64::from(location.length) {
            return Ok(None);
        }
        if current.digest.finalize() as u32 != current.crc {
            return Err("a value does not verify");
        }
        self.state = State::Idle;
        let position = self.end;
        self.end += blocks(location.length);
        let done = self.current.take();
        Ok(done.map(|Current { key, settled, .. }| Copied { key, before: settled, position }))
    }

    /// No value follows.
    pub fn finish(&mut self) {
        self.finished = true;
    }

    /// Something of it can be handed to the device.
    pub fn has_work(&self) -> bool {
        self.writer.wants_data() && (!self.waiting.is_empty() || self.finished)
    }

    /// Hands over at most one chunk.
    pub fn step(&mut self, queue: &mut OpQueue) {
        if !self.has_work() {
            return;
        }
        let piece = self.waiting.pop_front().unwrap_or_else(|| Piece::copy_of(&[]));
        let last = self.finished && self.waiting.is_empty();
        self.writer.write(piece, last.then_some(self.end), queue);
    }

    /// True when the operation belongs to the new file.
    pub fn owns(&self, id: OpId) -> bool {
        self.writer.owns(id)
    }

    /// Takes the result of one of its operations.
    pub fn complete(&mut self, id: OpId, result: Result<Done, IoError>, queue: &mut OpQueue) {
        self.writer.complete(id, result, queue);
    }

    /// Gives up; `outcome` answers the error once nothing is in flight.
    pub fn abandon(&mut self, error: &IoError, queue: &mut OpQueue) {
        self.writer.abandon(error.clone(), queue);
    }

    /// `Some` when nothing of the new file is in flight any more.
    pub fn outcome(&self) -> Option<Result<(), IoError>> {
        self.writer.outcome()
    }

    /// Bytes of the new file.
    pub fn bytes(&self) -> u64 {
        self.end
    }
}
