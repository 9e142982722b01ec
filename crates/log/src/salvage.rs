//! What is left of a damaged range, and what takes the place of offsets that are given up.
//!
//! What it is not: a decision. Nobody calls it who was not told to give the offsets up.
//!
//! The invariant: a batch that is kept verifies by itself, follows what was kept before it, and has its successor, or the
//! end of the range, right behind it; whatever is not kept is reported as lost.

use crate::batch::{HEADER, Head, Header, verify};
use crate::index::Sparse;
use crate::log::{Log, LogConfig};
use crate::range::Range;
use crate::segment::{INDEX_HEADER, Kind, index_header};
use crate::snapshot::SnapshotError;
use crate::verify::OfPartition;

/// Offsets of a partition that nothing serves: `to` is exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost {
    pub partition: u64,
    pub from: u64,
    pub to: u64,
}

/// What verifies of a range.
#[derive(Clone, Debug, Default)]
pub struct Salvaged {
    /// Header and place of each batch that is kept.
    batches: Vec<(Header, std::ops::Range<usize>)>,
    /// Offsets without one. Where compaction has been, some of them may have been missing before.
    pub lost: Vec<(u64, u64)>,
}

impl Salvaged {
    /// Of `bytes`, which are those of the range as far as they can be read.
    #[must_use]
    pub fn of(log: &Log, of: &OfPartition, bytes: &[u8]) -> Salvaged {
        let mut salvaged = Salvaged::default();
        let (range, alignment) = (of.range, of.kind.alignment() as usize);
        let (mut at, mut offset, mut damaged) = (0, range.base, false);
        while at < bytes.len() {
            let Some(header) = kept(log, of, &bytes[at..], offset, damaged) else {
                (at, damaged) = (at + alignment, true);
                continue;
            };
            if header.base_offset > offset && (damaged || !of.kind.has_gaps()) {
                salvaged.lost.push((offset, header.base_offset));
            }
            salvaged.batches.push((header, at..at + header.length));
            (offset, damaged) = (header.end_offset(), false);
            at = (at + header.length).next_multiple_of(alignment);
        }
        let whole = bytes.len() as u64 == range.length && !damaged && of.kind.has_gaps();
        if offset < range.end && !whole {
            salvaged.lost.push((offset, range.end));
        }
        salvaged
    }

    /// Only what lies wholly below `offset`.
    #[must_use]
    pub fn below(mut self, offset: u64) -> Salvaged {
        self.batches.retain(|(header, _)| header.end_offset() <= offset);
        self
    }
}

/// The batch at the start of `bytes`, when it can be kept behind `offset`; `damaged`: what lies before it cannot.
fn kept(log: &Log, of: &OfPartition, bytes: &[u8], offset: u64, damaged: bool) -> Option<Header> {
    let header = verify(bytes).ok()?;
    let epoch = log.remembered_epoch(of.partition, header.base_offset);
    let fits = header.base_offset >= offset
        && header.end_offset() <= of.range.end
        && epoch.is_none_or(|epoch| epoch == header.leader_epoch);
    // Bytes that look like a batch may lie inside the records of one that is damaged.
    let behind = bytes.get(header.length.next_multiple_of(of.kind.alignment() as usize)..);
    let next = behind.and_then(|behind| Header::parse(behind).ok()).map(|next| next.base_offset);
    let led = match next {
        Some(next) if of.kind.has_gaps() => next >= header.end_offset() && next < of.range.end,
        Some(next) => next == header.end_offset(),
        None => behind.is_none_or(<[u8]>::is_empty),
    };
    // One that follows what was kept needs nobody behind it.
    let follows = header.base_offset == offset || (of.kind.has_gaps() && !damaged);
    (fits && (led || follows)).then_some(header)
}

/// A segment and its index file in place of a range.
#[derive(Clone, Debug)]
pub struct Rewritten {
    pub range: Range,
    pub segment: Vec<u8>,
    pub index: Vec<u8>,
}

/// Where the files of a rewritten range belong.
#[derive(Clone, Copy, Debug)]
pub struct Home {
    pub directory_id: [u8; 16],
    /// Number of the new file.
    pub file: u64,
    /// Bytes between two entries of the index.
    pub interval: u64,
}

/// What is left of a range, as a compacted segment that reaches from its first to its last offset.
#[must_use]
pub fn rewrite(log: &Log, home: Home, lost: Lost, bytes: &[u8], salvaged: &Salvaged) -> Rewritten {
    let mut range = Range {
        file: home.file,
        base: lost.from,
        end: lost.to,
        position: 0,
        length: 0,
        max_timestamp: i64::MIN,
        crc: 0,
        largest: 0,
        sparse_position: 0,
        sparse_count: 0,
    };
    let (mut sparse, mut segment) = (Sparse::default(), Vec::new());
    let mut add = |header: &Header, batch: &[u8]| {
        let offset = if segment.is_empty() { lost.from } else { header.base_offset };
        sparse.add(offset, segment.len() as u64, header.max_timestamp, home.interval);
        range.max_timestamp = range.max_timestamp.max(header.max_timestamp);
        range.largest = range.largest.max(header.length as u32);
        segment.extend_from_slice(batch);
    };
    let mut end = lost.from;
    for (header, place) in &salvaged.batches {
        add(header, &bytes[place.clone()]);
        end = header.end_offset();
    }
    // A reader at what is lost there would have neither records nor a way on.
    while end < lost.to {
        // A batch is of one epoch, which is that of its first offset.
        let epoch = log.remembered_epoch(lost.partition, end).unwrap_or_default();
        let ends = log.epoch_end(lost.partition, end).unwrap_or(u64::MAX);
        let to = lost.to.min(end + SPAN_MAX).min(ends);
        let (header, batch) = signpost(Lost { from: end, to, ..lost }, epoch);
        add(&header, &batch);
        end = to;
    }
    range.length = segment.len() as u64;
    range.crc = crate::batch::crc32c(&segment);
    range.sparse_count = sparse.len() as u32;
    range.sparse_position = INDEX_HEADER as u64;
    let mut index = index_header(&home.directory_id, home.file, lost.partition, range.sparse_count);
    sparse.encode(home.file, lost.partition, range.base, &mut index);
    Rewritten { range, segment, index }
}

/// Offsets that one batch can span.
const SPAN_MAX: u64 = 1 << 31;

/// A batch without records over all these offsets, at most `SPAN_MAX`: it says where to go on.
fn signpost(lost: Lost, epoch: i32) -> (Header, Vec<u8>) {
    let mut header = Header {
        base_offset: lost.from,
        length: HEADER,
        leader_epoch: epoch,
        crc: 0,
        attributes: 0,
        base_timestamp: -1,
        max_timestamp: -1,
        producer_id: -1,
        producer_epoch: -1,
        base_sequence: -1,
        last_offset_delta: (lost.to - lost.from - 1) as u32,
        count: 0,
    };
    let mut head = Head::whole(&header);
    head.place(header.base_offset, epoch);
    header.crc = head.seal(&[]);
    (header, head.bytes().to_vec())
}

impl Log {
    /// Offsets at and above the log start, below what is settled, that lie in no range: holes that damage of the journal
    /// has left.
    #[must_use]
    pub fn settled_holes(&self) -> Vec<Lost> {
        let mut holes = Vec::new();
        for partition in self.table.iter() {
            let mut next = partition.marks.log_start;
            let ends = (partition.settled_end, partition.settled_end);
            let ranges = partition.ranges.iter().map(|range| (range.base, range.end)).chain([ends]);
            for (base, end) in ranges {
                if base > next {
                    holes.push(Lost { partition: partition.id, from: next, to: base });
                }
                next = next.max(end);
            }
        }
        holes
    }

    /// The highest number of a file so far.
    #[must_use]
    pub fn last_file_number(&self) -> u64 {
        self.files.last_number()
    }
}

/// The log's share of a manifest with these ranges, each of a compacted file of its own, in the place of the same offsets of
/// their partitions: where ranges lie, or a hole.
///
/// # Errors
///
/// The share is none, or a range begins or ends inside another one.
pub fn replace_ranges(share: &[u8], new: &[(u64, Range)]) -> Result<Vec<u8>, SnapshotError> {
    let mut log = Log::restore(LogConfig::of_a_share(), 0, share)?;
    for (partition, range) in new {
        log.put_in_place(*partition, *range)?;
    }
    Ok(log.empty_manifest())
}

impl Log {
    fn put_in_place(&mut self, id: u64, range: Range) -> Result<(), SnapshotError> {
        let handle = self.table.find(id).ok_or(SnapshotError::Invalid)?;
        let partition = self.table.get_mut(handle).ok_or(SnapshotError::Invalid)?;
        let ranges = &mut partition.ranges;
        let first = ranges.partition_point(|one| one.base < range.base);
        let behind = ranges.partition_point(|one| one.end <= range.end);
        let before = ranges[..first].last().map_or(0, |one| one.end);
        let after = ranges.get(behind).map_or(u64::MAX, |one| one.base);
        if first > behind || before > range.base || after < range.end {
            return Err(SnapshotError::Invalid);
        }
        self.files.add(range.file, Kind::Compacted, range.length);
        self.files.hold(range.file);
        for gone in ranges.splice(first..behind, [range]) {
            self.files.release(gone.file);
        }
        Ok(())
    }
}
