//! Contents of a segment file in the making: batches out of the tails, slab by slab, with checksum and sparse index.
//!
//! What it is not: operations (`FileWriter`) or the choice of what goes where (`settle.rs`).
//!
//! The invariant: bytes come from tails unchanged, each batch once, in offset order within a partition; a step copies
//! at most one slab.

use crate::index::Sparse;
use crate::range::Range;
use crate::segment::{INDEX_HEADER, SHARED_HEADER, index_header, shared_footer, shared_header};
use crate::snapshot::AddedRange;
use crate::table::{Handle, Table};
use millrace_io::{Piece, SlabPool, SlabWriter};

/// Bytes built in one step: large enough for the device, small enough for a turn of the loop.
pub const SLAB: usize = 1 << 20;

/// A stretch of one partition's tail that is to be settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    pub handle: Handle,
    pub partition: u64,
    /// Offset of the first batch.
    pub from: u64,
    /// Offset behind the last batch.
    pub to: u64,
    /// Bytes of its batches.
    pub bytes: u64,
}

/// A part that was copied in full.
#[derive(Clone, Debug)]
pub struct Built {
    pub part: Part,
    pub range: Range,
    pub sparse: Sparse,
}

impl Built {
    /// What the manifest learns of it.
    #[must_use]
    pub fn added(&self) -> AddedRange {
        AddedRange { handle: self.part.handle, partition: self.part.partition, range: self.range }
    }
}

#[derive(Debug)]
struct Open {
    range: Range,
    sparse: Sparse,
    digest: crc_fast::Digest,
    /// Next batch to copy, and how much of it is copied.
    next: u64,
    inner: usize,
}

/// What is written in front of, between and behind the batches.
#[derive(Debug)]
enum Lead {
    Bytes(Vec<u8>, usize),
    Batches,
    Done,
}

/// The contents of one file.
#[derive(Debug)]
pub struct Content {
    file: u64,
    shared: bool,
    directory_id: [u8; 16],
    interval: u64,
    parts: std::vec::IntoIter<Part>,
    part: Option<(Part, Open)>,
    built: Vec<Built>,
    lead: Lead,
    position: u64,
    /// Bytes of batches not copied yet.
    batch_bytes: u64,
    footer_done: bool,
}

impl Content {
    /// An own segment: one part, plain batches.
    #[must_use]
    pub fn own(file: u64, part: Part, interval: u64) -> Content {
        Content::new(file, false, [0; 16], vec![part], interval, Lead::Batches)
    }

    /// A shared segment: header block, parts in order, tables, trailer.
    #[must_use]
    pub fn shared(file: u64, directory_id: [u8; 16], parts: Vec<Part>, interval: u64) -> Content {
        let header = shared_header(&directory_id, file);
        assert_eq!(header.len(), SHARED_HEADER);
        Content::new(file, true, directory_id, parts, interval, Lead::Bytes(header, 0))
    }

    fn new(
        file: u64,
        shared: bool,
        directory_id: [u8; 16],
        parts: Vec<Part>,
        interval: u64,
        lead: Lead,
    ) -> Content {
        let batch_bytes = parts.iter().map(|part| part.bytes).sum();
        let (part, built, parts) = (None, Vec::new(), parts.into_iter());
        Content {
            file,
            shared,
            directory_id,
            interval,
            parts,
            part,
            built,
            lead,
            position: 0,
            batch_bytes,
            footer_done: false,
        }
    }

    /// Fills the next slab out of the tails. Answers the bytes, padded to whole blocks, and whether they are the last.
    /// `pool` has slabs of `SLAB` bytes.
    pub fn fill(&mut self, table: &Table, pool: &SlabPool) -> (Piece, bool) {
        let left = self.left();
        let mut slab = if left < SLAB { SlabWriter::new(left.max(1)) } else { SlabWriter::from_pool(pool) };
        let mut last = false;
        while slab.remaining() > 0 {
            if !self.step(&mut slab, table) {
                last = true;
                break;
            }
        }
        slab.pad_to_block();
        (slab.piece(0, slab.position()), last)
    }

    /// Bytes that are known to come; the footer of a shared segment is not, until it is built.
    fn left(&self) -> usize {
        let lead = match &self.lead {
            Lead::Bytes(bytes, done) => bytes.len() - *done,
            Lead::Batches | Lead::Done => 0,
        };
        lead + usize::try_from(self.batch_bytes).unwrap_or(usize::MAX - lead)
    }

    /// Copies something into the slab; false when there is nothing left.
    fn step(&mut self, slab: &mut SlabWriter, table: &Table) -> bool {
        match &mut self.lead {
            Lead::Bytes(bytes, done) => {
                let length = slab.remaining().min(bytes.len() - *done);
                slab.write(&bytes[*done..*done + length]);
                *done += length;
                self.position += length as u64;
                if *done == bytes.len() {
                    self.lead = if self.footer_done { Lead::Done } else { Lead::Batches };
                }
                true
            }
            Lead::Batches => {
                if self.part.is_none() && !self.next_part() {
                    self.begin_footer();
                    return !matches!(self.lead, Lead::Done);
                }
                self.copy_batches(slab, table);
                true
            }
            Lead::Done => false,
        }
    }

    fn next_part(&mut self) -> bool {
        let Some(part) = self.parts.next() else { return false };
        let range = Range {
            file: self.file,
            base: part.from,
            end: part.to,
            position: self.position,
            length: 0,
            max_timestamp: i64::MIN,
            crc: 0,
            largest: 0,
            sparse_position: 0,
            sparse_count: 0,
        };
        let digest = crc_fast::Digest::new(crc_fast::CrcAlgorithm::Crc32Iscsi);
        let open = Open { range, sparse: Sparse::default(), digest, next: part.from, inner: 0 };
        self.part = Some((part, open));
        true
    }

    /// Copies batches of the open part until it or the slab ends.
    fn copy_batches(&mut self, slab: &mut SlabWriter, table: &Table) {
        let Some((part, open)) = &mut self.part else { return };
        let partition =
            table.get(part.handle).expect("a partition stays in memory while its tail is settled");
        let first = partition.tail.find(open.next);
        for batch in partition.tail.iter_from(first.expect("unsettled batches stay in the tail")) {
            if batch.base >= part.to || slab.remaining() == 0 {
                break;
            }
            let bytes = batch.piece.bytes();
            if open.inner == 0 {
                open.sparse.add(batch.base, self.position, batch.max_timestamp, self.interval);
                open.range.max_timestamp = open.range.max_timestamp.max(batch.max_timestamp);
                open.range.largest = open.range.largest.max(bytes.len() as u32);
            }
            let length = slab.remaining().min(bytes.len() - open.inner);
            let copied = &bytes[open.inner..open.inner + length];
            slab.write(copied);
            open.digest.update(copied);
            open.range.length += length as u64;
            self.position += length as u64;
            self.batch_bytes -= length as u64;
            open.inner += length;
            if open.inner == bytes.len() {
                open.inner = 0;
                open.next = batch.end;
            }
        }
        if open.next == part.to
            && let Some((part, mut open)) = self.part.take()
        {
            assert_eq!(open.range.length, part.bytes, "a part is copied in full");
            open.range.crc = open.digest.finalize() as u32;
            open.range.sparse_count = open.sparse.len() as u32;
            self.built.push(Built { part, range: open.range, sparse: open.sparse });
        }
    }

    /// Behind the last batch of a shared segment come the sparse tables, the table of ranges and the trailer.
    fn begin_footer(&mut self) {
        if !self.shared {
            self.lead = Lead::Done;
            return;
        }
        self.footer_done = true;
        let start = self.position;
        let mut footer = Vec::new();
        for built in &mut self.built {
            if built.range.sparse_count > 1 {
                built.range.sparse_position = start + footer.len() as u64;
                built.sparse.encode(self.file, built.part.partition, built.range.base, &mut footer);
            } else {
                built.range.sparse_count = 0;
            }
        }
        let ranges: Vec<(u64, Range)> =
            self.built.iter().map(|built| (built.part.partition, built.range)).collect();
        let position = start + footer.len() as u64;
        footer.extend_from_slice(&shared_footer(&self.directory_id, self.file, position, &ranges));
        self.lead = Lead::Bytes(footer, 0);
    }

    /// Bytes of content so far: the length of the file once `fill` has answered its last slab.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.position
    }

    /// What was copied, once the last slab was answered.
    #[must_use]
    pub fn into_built(self) -> Vec<Built> {
        self.built
    }
}

/// The contents of the index file of an own segment, and where its table begins.
#[must_use]
pub fn index_file(directory_id: &[u8; 16], file: u64, built: &mut Built) -> Vec<u8> {
    let mut out = index_header(directory_id, file, built.part.partition, built.sparse.len() as u32);
    assert_eq!(out.len(), INDEX_HEADER);
    built.sparse.encode(file, built.part.partition, built.range.base, &mut out);
    built.range.sparse_position = INDEX_HEADER as u64;
    out
}
