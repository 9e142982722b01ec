//! Reads frames out of one journal file, in large direct reads.
//!
//! What it is not: it does not decide whether a frame belongs where it is (`walk`).
//!
//! The one invariant: a length read from the disk is believed only as far as the file reaches, and a frame only after
//! its checksum matched.

use crate::entry::Entries;
use crate::frame::{Claim, FRAME_HEADER, FrameHeader, NoFrame};
use millrace_io::{BLOCK, Done, FileId, Io, IoError, IoErrorKind, Op, Piece, ReadBuffer, round_up};

/// Bytes of one read while a file is scanned.
const WINDOW: u64 = 4 << 20;
/// Bytes of the first read of a file: enough for its header and most first frames.
const FIRST: u64 = 64 << 10;
/// How often a read is tried before its range counts as unreadable. (Reads may be repeated; flushes never.)
const READ_ATTEMPTS: u32 = 3;

/// A frame that is whole by its own checksum.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub header: FrameHeader,
    pub crc: u32,
    pub payload: Piece,
    /// Some of its entries lie outside.
    pub refers: bool,
    /// What was read around it, in whole blocks, and where in the file that begins.
    pub window: Piece,
    pub window_at: u64,
}

/// What lies at a position.
#[derive(Clone, Debug)]
pub(crate) enum Probe {
    Frame(Frame),
    Not(NoFrame),
    /// The device refused to read it.
    Unreadable(IoError),
}

/// An open file and the part of it that was read last.
#[derive(Debug)]
pub(crate) struct FileReader {
    file: FileId,
    size: u64,
    window_at: u64,
    window: Option<Piece>,
    /// Up to here reads are made block by block, because a large one failed.
    careful_until: u64,
    pub read_bytes: u64,
}

impl FileReader {
    pub fn new(file: FileId, size: u64) -> FileReader {
        FileReader { file, size, window_at: 0, window: None, careful_until: 0, read_bytes: 0 }
    }

    pub fn size(&self) -> u64 {
        self.size
    }

    /// Lets go of the memory read last.
    pub fn release(&mut self) {
        self.window = None;
    }

    /// Up to `length` bytes at `position` (fewer at the end of the file). The outer error ends recovery; the inner one
    /// means that this range cannot be read.
    pub fn bytes(
        &mut self,
        io: &mut Io,
        position: u64,
        length: u64,
    ) -> Result<Result<&[u8], IoError>, IoError> {
        let length = length.min(self.size.saturating_sub(position));
        if !self.holds(position, length)
            && let Err(error) = self.load(io, position, length)?
        {
            return Ok(Err(error));
        }
        Ok(Ok(self.held(position, length)))
    }

    /// The part of a range that the window holds.
    fn held(&self, position: u64, length: u64) -> &[u8] {
        let Some(window) = &self.window else { return &[] };
        let start = index(position.saturating_sub(self.window_at)).min(window.len());
        let end = (start + index(length)).min(window.len());
        &window.bytes()[start..end]
    }

    fn holds(&self, position: u64, length: u64) -> bool {
        length == 0
            || self.window.as_ref().is_some_and(|window| {
                position >= self.window_at && position + length <= self.window_at + window.len() as u64
            })
    }

    /// Reads a window that begins with the block of `position`. The outer error ends recovery; the inner one means that
    /// this range cannot be read.
    fn load(&mut self, io: &mut Io, position: u64, length: u64) -> Result<Result<(), IoError>, IoError> {
        let start = position - position % BLOCK as u64;
        let needed = position - start + length;
        let ahead = match () {
            () if start < self.careful_until => 0,
            () if start == 0 => FIRST,
            () => WINDOW,
        };
        self.window = None;
        match self.read(io, start, needed.max(ahead).min(self.size - start)) {
            Err(error) if error.kind == IoErrorKind::Device && needed < ahead => {
                self.careful_until = start + ahead;
                match self.read(io, start, needed) {
                    Err(error) if error.kind == IoErrorKind::Device => Ok(Err(error)),
                    other => other.map(Ok),
                }
            }
            Err(error) if error.kind == IoErrorKind::Device => Ok(Err(error)),
            other => other.map(Ok),
        }
    }

    fn read(&mut self, io: &mut Io, start: u64, length: u64) -> Result<(), IoError> {
        for attempt in 1.. {
            let buffer = ReadBuffer::new(round_up(index(length)));
            match io.run(Op::Read { file: self.file, position: start, buffer }) {
                Ok(Done::Read { buffer, length }) => {
                    self.read_bytes += length as u64;
                    self.window_at = start;
                    self.window = Some(buffer.into_piece(length));
                    break;
                }
                Ok(other) => panic!("a read completed as {other:?}"),
                Err(error) if error.kind == IoErrorKind::Device && attempt < READ_ATTEMPTS => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// The frame that begins at `position`, if one does.
    pub fn probe(&mut self, io: &mut Io, position: u64) -> Result<Probe, IoError> {
        let header = match self.bytes(io, position, FRAME_HEADER as u64)? {
            Ok(header) => header,
            Err(error) => return Ok(Probe::Unreadable(error)),
        };
        let Some(claim) = FrameHeader::claim(header) else {
            return Ok(Probe::Not(FrameHeader::open(header).err().unwrap_or(NoFrame::Magic)));
        };
        if claim.bytes > self.size - position {
            return Ok(Probe::Not(NoFrame::Short));
        }
        let frame = match self.bytes(io, position, claim.bytes)? {
            Ok(frame) => frame,
            Err(error) => return Ok(Probe::Unreadable(error)),
        };
        let (header, crc) = match FrameHeader::open(frame) {
            Ok(opened) => opened,
            Err(why) => return Ok(Probe::Not(why)),
        };
        Ok(match Entries::references(&frame[FRAME_HEADER..], header.entries) {
            Some(references) => Probe::Frame(self.frame(position, header, crc, references > 0)),
            None => Probe::Not(NoFrame::Length),
        })
    }

    /// A frame that was found whole in the window.
    fn frame(&self, position: u64, header: FrameHeader, crc: u32, refers: bool) -> Frame {
        let window = self.window.clone().expect("the frame lies in it");
        let payload_at = index(position - self.window_at) + FRAME_HEADER;
        let payload = window.slice(payload_at, header.payload_bytes as usize);
        Frame { header, crc, payload, refers, window, window_at: self.window_at }
    }

    /// What the bytes at `position` claim to be, unverified.
    pub fn claim(&mut self, io: &mut Io, position: u64) -> Result<Option<Claim>, IoError> {
        let header = self.bytes(io, position, FRAME_HEADER as u64)?;
        Ok(header.ok().and_then(FrameHeader::claim))
    }
}

fn index(bytes: u64) -> usize {
    usize::try_from(bytes).expect("files are smaller than the address space")
}
