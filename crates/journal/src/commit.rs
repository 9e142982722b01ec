//! Commit memory: frames are built one behind the other in slabs, and a group commit writes whole blocks of them.
//!
//! What it is not: it neither submits nor knows about flushes; it carries what its frames demand of one.
//!
//! The one invariant: bytes are copied once, into the slab; the write, the tails of the views and the frame's checksum
//! all use that copy.

use crate::bulk::{BulkWrite, Placed};
use crate::entry::{ENTRY_HEADER, Entry};
use crate::flush::Demand;
use crate::frame::{ALIGN, FRAME_HEADER, FrameHeader};
use millrace_io::{Piece, SlabPool, SlabWriter, round_up};

/// Slabs that may lie idle: the views give them back about as fast as they are taken.
const IDLE_SLABS: usize = 32;

/// Frames that are written with one operation.
#[derive(Debug)]
pub(crate) struct Commit {
    /// Index of the file.
    pub file: usize,
    pub position: u64,
    /// Whole blocks, one behind the other.
    pub pieces: Vec<Piece>,
    pub bytes: u64,
    pub first_lsn: u64,
    pub last_lsn: u64,
    pub demand: Demand,
    /// Records its frames hold.
    pub records: u64,
    /// The durable LSN its last frame carries.
    pub claims_durable: u64,
    /// What its frames refer to and was not sent yet.
    pub bulk: Vec<BulkWrite>,
    /// Bytes of all that its frames refer to, in whole blocks.
    pub bulk_bytes: u64,
    /// Some of that was sent as plain writes, which only a flush makes durable.
    pub bulk_plain: bool,
}

impl Commit {
    /// Bytes that wait in memory because of it.
    pub fn all_bytes(&self) -> u64 {
        self.bytes + self.bulk_bytes
    }

    /// Adds the bytes of one entry to what is to be written in bulk.
    fn add_bulk(&mut self, placed: &Placed, blocks: Piece, lsn: u64) {
        let (place, bytes) = (placed.place, blocks.len() as u64);
        self.bulk_bytes += bytes;
        let follows = |write: &&mut BulkWrite| {
            write.place.file == place.file && write.place.position + write.bytes == place.position
        };
        match self.bulk.iter_mut().find(follows) {
            Some(write) => {
                write.bytes += bytes;
                write.pieces.push(blocks);
            }
            None => self.bulk.push(BulkWrite { place, pieces: vec![blocks], bytes, lsn }),
        }
    }
}

/// The commit that still takes frames, and the slab they are built in.
#[derive(Debug)]
pub(crate) struct CommitBuilder {
    slab_bytes: usize,
    pool: SlabPool,
    writer: SlabWriter,
    /// Where in the slab the blocks of the open commit begin.
    from: usize,
    open: Option<Commit>,
}

impl CommitBuilder {
    pub fn new(slab_bytes: usize) -> CommitBuilder {
        let pool = SlabPool::new(slab_bytes, IDLE_SLABS);
        CommitBuilder { slab_bytes, writer: SlabWriter::from_pool(&pool), pool, from: 0, open: None }
    }

    pub fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Whole blocks the open commit takes so far.
    pub fn bytes(&self) -> u64 {
        self.open
            .as_ref()
            .map_or(0, |commit| commit.bytes + round_up(self.writer.position() - self.from) as u64)
    }

    /// Whole blocks the open commit takes with one more frame of `frame` bytes.
    pub fn bytes_with(&self, frame: usize) -> u64 {
        let Some(commit) = &self.open else { return round_up(frame) as u64 };
        let inside = self.writer.position() - self.from;
        let blocks = if self.writer.remaining() >= frame {
            round_up(inside + frame)
        } else {
            round_up(inside) + round_up(frame)
        };
        commit.bytes + blocks as u64
    }

    /// Opens a commit at a place of a file.
    pub fn open(&mut self, file: usize, position: u64, first_lsn: u64) {
        assert!(self.open.is_none(), "one commit is open");
        self.from = self.writer.position();
        self.open = Some(Commit {
            file,
            position,
            pieces: Vec::new(),
            bytes: 0,
            first_lsn,
            last_lsn: first_lsn,
            demand: Demand::default(),
            records: 0,
            claims_durable: 0,
            bulk: Vec::new(),
            bulk_bytes: 0,
            bulk_plain: false,
        });
    }

    /// Appends one frame to the open commit: copies the parts that were not `placed` elsewhere, seals the header over
    /// the copy. Returns the frame's CRC and the bytes of each entry. `placed` is empty or has one item per entry.
    pub fn append(
        &mut self,
        header: &FrameHeader,
        entries: &[Entry<'_>],
        placed: &[Option<Placed>],
        demand: Demand,
    ) -> (u32, Vec<Piece>) {
        let length = header.frame_bytes();
        if self.writer.remaining() < length {
            self.take_blocks();
            let fits = length <= self.slab_bytes;
            self.writer = if fits { SlabWriter::from_pool(&self.pool) } else { SlabWriter::new(length) };
            self.from = 0;
        }
        let start = self.writer.position();
        let crc = self.writer.fill(length, |frame| {
            let mut end = FRAME_HEADER;
            for (index, entry) in entries.iter().enumerate() {
                end += entry.encode(&mut frame[end..], placed_at(placed, index));
            }
            assert_eq!(end, length, "the frame is as long as was announced");
            header.seal(frame)
        });
        let commit = self.open.as_mut().expect("a commit is open");
        commit.last_lsn = header.lsn;
        commit.demand.join(demand);
        commit.claims_durable = header.durable_lsn;
        (crc, self.payloads(start, entries, placed))
    }

    /// Adds what the next frame refers to.
    pub fn add_bulk(&mut self, placed: &Placed, blocks: Piece, lsn: u64) {
        self.open.as_mut().expect("a commit is open").add_bulk(placed, blocks, lsn);
    }

    /// The open commit, for sending what its frames refer to.
    pub fn open_commit(&mut self) -> Option<&mut Commit> {
        self.open.as_mut()
    }

    /// Bytes of all that the frames of the open commit refer to.
    pub fn bulk_bytes(&self) -> u64 {
        self.open.as_ref().map_or(0, |commit| commit.bulk_bytes)
    }

    fn payloads(&self, frame_start: usize, entries: &[Entry<'_>], placed: &[Option<Placed>]) -> Vec<Piece> {
        let mut at = frame_start + FRAME_HEADER;
        let mut pieces = Vec::with_capacity(entries.len());
        for (index, entry) in entries.iter().enumerate() {
            if let Some(placed) = placed_at(placed, index) {
                pieces.push(placed.piece.clone());
                at += entry.referring_bytes();
            } else {
                let length = entry.length();
                pieces.push(self.writer.piece(at + ENTRY_HEADER, length));
                at += ENTRY_HEADER + length.next_multiple_of(ALIGN);
            }
        }
        pieces
    }

    /// The open commit as far as it has come: without the bytes of the slab that is being filled.
    pub fn peek(&self) -> Option<&Commit> {
        self.open.as_ref()
    }

    /// The frame that was just appended holds so many records.
    pub fn count(&mut self, records: u32) {
        self.open.as_mut().expect("a commit is open").records += u64::from(records);
    }

    /// Adds a demand to the open commit.
    pub fn demand(&mut self, demand: Demand) {
        self.open.as_mut().expect("a commit is open").demand.join(demand);
    }

    /// Ends the open commit.
    pub fn close(&mut self) -> Option<Commit> {
        if self.open.is_some() {
            self.take_blocks();
        }
        self.open.take()
    }

    /// Pads to a whole block and moves what was built since `from` into the open commit.
    fn take_blocks(&mut self) {
        self.writer.pad_to_block();
        let length = self.writer.position() - self.from;
        let commit = self.open.as_mut().expect("a commit is open");
        if length > 0 {
            commit.pieces.push(self.writer.piece(self.from, length));
            commit.bytes += length as u64;
        }
        self.from = self.writer.position();
    }
}

/// Where the bytes of an entry went, if they went elsewhere.
fn placed_at(placed: &[Option<Placed>], index: usize) -> Option<&Placed> {
    placed.get(index).and_then(Option::as_ref)
}
