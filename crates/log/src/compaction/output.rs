//! One file that a pass writes: a segment of one partition and its index file, written, synced, closed.
//!
//! What it is not: the choice of what goes into it.
//!
//! The invariant: `outcome` says that all is well only when both files are durable; their names are the directory's.

use crate::content::{Built, Part, SLAB, index_file};
use crate::index::{Sparse, table_bytes};
use crate::range::Range;
use crate::segment::{Kind, index_path, path};
use crate::table::Handle;
use millrace_io::{Done, FileWriter, IoError, OpId, OpQueue, OpenMode, SlabPool, SlabWriter};

#[derive(Debug)]
enum Stage {
    Content(FileWriter),
    Index(FileWriter),
    Done(Result<(), IoError>),
}

/// A segment in the making.
#[derive(Debug)]
pub(crate) struct Output {
    pub number: u64,
    pub kind: Kind,
    handle: Handle,
    partition: u64,
    range: Range,
    sparse: Sparse,
    digest: crc_fast::Digest,
    interval: u64,
    /// What was pushed and not handed to the writer.
    buffer: Vec<u8>,
    /// A batch with records has given the newest timestamp.
    timed: bool,
    finished: bool,
    stage: Stage,
}

impl Output {
    /// Begins a file of a partition whose first offset is `base`, of about `reserve` bytes.
    pub fn create(
        number: u64,
        kind: Kind,
        partition: (Handle, u64),
        base: u64,
        reserve: u64,
        interval: u64,
        queue: &mut OpQueue,
    ) -> Output {
        let range = Range {
            file: number,
            base,
            end: base,
            position: 0,
            length: 0,
            max_timestamp: i64::MIN,
            crc: 0,
            largest: 0,
            sparse_position: 0,
            sparse_count: 0,
        };
        let writer = FileWriter::create(path(number, kind), reserve, OpenMode::CreateDirect, queue);
        Output {
            number,
            kind,
            handle: partition.0,
            partition: partition.1,
            range,
            sparse: Sparse::default(),
            digest: crc_fast::Digest::new(crc_fast::CrcAlgorithm::Crc32Iscsi),
            interval,
            buffer: Vec::new(),
            timed: false,
            finished: false,
            stage: Stage::Content(writer),
        }
    }

    /// Adds a batch that begins at `offset` and has `count` records.
    pub fn push(&mut self, offset: u64, count: u32, max_timestamp: i64, bytes: &[u8]) {
        let range = &mut self.range;
        // The table of a range begins where the range does, whatever was compacted away there.
        let offset = if range.length == 0 { range.base } else { offset };
        self.sparse.add(offset, range.length, max_timestamp, self.interval);
        // An empty batch has a time of its own only as long as there is no better one.
        if count > 0 && !self.timed {
            range.max_timestamp = i64::MIN;
            self.timed = true;
        }
        if count > 0 || !self.timed {
            range.max_timestamp = range.max_timestamp.max(max_timestamp);
        }
        range.length += bytes.len() as u64;
        range.largest = range.largest.max(bytes.len() as u32);
        self.digest.update(bytes);
        self.buffer.extend_from_slice(bytes);
    }

    /// Nothing was pushed yet.
    pub fn is_empty(&self) -> bool {
        self.range.length == 0
    }

    /// Nothing more is to be pushed before some of it is written.
    pub fn is_full(&self) -> bool {
        self.buffer.len() > SLAB
    }

    /// Nothing more is pushed: the range ends at `end`.
    pub fn finish(&mut self, end: u64) {
        assert!(!self.is_empty(), "a segment has one batch at least");
        self.range.end = end;
        self.range.crc = self.digest.finalize() as u32;
        self.range.sparse_count = self.sparse.len() as u32;
        self.finished = true;
    }

    pub fn is_finished(&self) -> bool {
        self.finished
    }

    /// Hands at most one slab to the writer. The last one waits for `finish`.
    pub fn step(&mut self, pool: &SlabPool, queue: &mut OpQueue) {
        let (last, full) = (self.finished && self.buffer.len() <= SLAB, self.is_full());
        let Stage::Content(writer) = &mut self.stage else { return };
        if !writer.wants_data() || !(last || full) {
            return;
        }
        let length = self.buffer.len().min(SLAB);
        let mut slab = if last { SlabWriter::new(length) } else { SlabWriter::from_pool(pool) };
        slab.write(&self.buffer[..length]);
        self.buffer.drain(..length);
        slab.pad_to_block();
        writer.write(slab.piece(0, slab.position()), last.then_some(self.range.length), queue);
        if last {
            self.buffer = Vec::new();
        }
    }

    /// A step would hand something to the writer.
    pub fn wants_step(&self) -> bool {
        let Stage::Content(writer) = &self.stage else { return false };
        writer.wants_data() && ((self.finished && !self.buffer.is_empty()) || self.is_full())
    }

    pub fn owns(&self, id: OpId) -> bool {
        match &self.stage {
            Stage::Content(writer) | Stage::Index(writer) => writer.owns(id),
            Stage::Done(_) => false,
        }
    }

    pub fn complete(
        &mut self,
        id: OpId,
        result: Result<Done, IoError>,
        directory_id: &[u8; 16],
        queue: &mut OpQueue,
    ) {
        let (Stage::Content(writer) | Stage::Index(writer)) = &mut self.stage else { return };
        writer.complete(id, result, queue);
        match (writer.outcome(), &mut self.stage) {
            (Some(Ok(())), Stage::Content(_)) => self.begin_index(queue),
            (Some(outcome), _) => self.stage = Stage::Done(outcome),
            (None, Stage::Index(writer)) if writer.wants_data() => {
                let mut built = self.built();
                let bytes = index_file(directory_id, self.number, &mut built);
                self.range = built.range;
                let mut slab = SlabWriter::new(bytes.len());
                slab.write(&bytes);
                slab.pad_to_block();
                let Stage::Index(writer) = &mut self.stage else { return };
                writer.write(slab.piece(0, slab.position()), Some(bytes.len() as u64), queue);
            }
            (None, _) => {}
        }
    }

    fn begin_index(&mut self, queue: &mut OpQueue) {
        let bytes = table_bytes(self.range.sparse_count) as u64;
        let writer = FileWriter::create(index_path(self.number), bytes, OpenMode::CreateDirect, queue);
        self.stage = Stage::Index(writer);
    }

    fn built(&self) -> Built {
        let Range { base, end, length, .. } = self.range;
        let part =
            Part { handle: self.handle, partition: self.partition, from: base, to: end, bytes: length };
        Built { part, range: self.range, sparse: self.sparse.clone() }
    }

    /// Gives up; what is in flight comes to its end.
    pub fn abandon(&mut self, error: &IoError, queue: &mut OpQueue) {
        let (Stage::Content(writer) | Stage::Index(writer)) = &mut self.stage else { return };
        writer.abandon(error.clone(), queue);
        if let Some(outcome) = writer.outcome() {
            self.stage = Stage::Done(outcome);
        }
    }

    /// `Some` when nothing is in flight any more: both files are durable, or why they are not.
    pub fn outcome(&self) -> Option<Result<(), IoError>> {
        if let Stage::Done(outcome) = &self.stage { Some(outcome.clone()) } else { None }
    }

    /// Number, kind and range, once the outcome is good.
    pub fn written(&self) -> (u64, Kind, Range) {
        (self.number, self.kind, self.range)
    }
}
