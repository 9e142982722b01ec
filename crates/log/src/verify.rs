//! Verification of what is settled: every range of every partition, batch by batch, and its sparse index beside it.
//!
//! What it is not: the reading of files (the engine does), or a repair.
//!
//! The invariant: a range that is reported whole is served whole: its checksum, the checksum of each batch, offsets and
//! epochs are what reads check, and more.

use crate::batch::{HEADER, Header, verify};
use crate::index::{Sparse, Stretch};
use crate::log::Log;
use crate::range::Range;
use crate::segment::Kind;

/// One range, and whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OfPartition {
    pub partition: u64,
    pub kind: Kind,
    pub range: Range,
}

impl Log {
    /// All ranges the manifest names, in the order of files and positions.
    #[must_use]
    pub fn settled_ranges(&self) -> Vec<OfPartition> {
        let of = |partition: &crate::partition::Partition| {
            let id = partition.id;
            let ranges = partition.ranges.clone();
            ranges.into_iter().filter_map(move |range| {
                let (kind, _) = self.files.get(range.file)?;
                Some(OfPartition { partition: id, kind, range })
            })
        };
        let mut all: Vec<OfPartition> = self.table.iter().flat_map(of).collect();
        all.sort_by_key(|one| (one.range.file, one.range.position));
        all
    }

    /// Where the leader epoch of a partition's record at `offset` ends, if another one has begun behind it.
    #[must_use]
    pub fn epoch_end(&self, partition: u64, offset: u64) -> Option<u64> {
        self.table.find(partition).and_then(|handle| self.table.get(handle))?.epochs.end_at(offset)
    }

    /// The leader epoch a partition's record at `offset` must have, if it is remembered.
    #[must_use]
    pub fn remembered_epoch(&self, partition: u64, offset: u64) -> Option<i32> {
        self.table.find(partition).and_then(|handle| self.table.get(handle))?.epochs.at(offset)
    }
}

/// Something that does not verify.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Defect {
    /// Bytes from the start of the file.
    pub position: u64,
    pub detail: String,
    /// It can be built again from the batches.
    pub derivable: bool,
}

/// The check of one range, fed from front to back.
#[derive(Debug)]
pub struct RangeCheck {
    pub of: OfPartition,
    digest: crc_fast::Digest,
    /// Bytes of a batch that is not whole yet; it begins at `position`.
    carry: Vec<u8>,
    position: u64,
    /// Bytes to come that fill a block and mean nothing.
    skip: usize,
    /// Offset behind the last batch.
    offset: u64,
    /// No batch can be found any more.
    lost: bool,
    fed: u64,
    starts: Vec<Stretch>,
    pub batches: u64,
    pub records: u64,
    defects: Vec<Defect>,
}

impl RangeCheck {
    /// Begins the check of a range.
    #[must_use]
    pub fn new(of: OfPartition) -> RangeCheck {
        RangeCheck {
            of,
            digest: crc_fast::Digest::new(crc_fast::CrcAlgorithm::Crc32Iscsi),
            carry: Vec::new(),
            position: of.range.position,
            skip: 0,
            offset: of.range.base,
            lost: false,
            fed: 0,
            starts: Vec::new(),
            batches: 0,
            records: 0,
            defects: Vec::new(),
        }
    }

    /// Bytes of the range that are still to come.
    #[must_use]
    pub fn left(&self) -> u64 {
        self.of.range.length - self.fed
    }

    fn found(&mut self, position: u64, detail: &str) {
        self.defects.push(Defect { position, detail: detail.to_string(), derivable: false });
    }

    /// The file ends, or cannot be read, where more of the range should follow.
    pub fn ends_early(&mut self, detail: &str) {
        let at = self.of.range.position + self.fed;
        self.found(at, detail);
        self.fed = self.of.range.length;
        self.lost = true;
    }

    /// Takes the next bytes of the range. `log` knows the epochs.
    pub fn feed(&mut self, log: &Log, bytes: &[u8]) {
        self.fed += bytes.len() as u64;
        self.digest.update(bytes);
        if self.lost {
            return;
        }
        let skipped = self.skip.min(bytes.len());
        self.skip -= skipped;
        self.carry.extend_from_slice(&bytes[skipped..]);
        let mut at = 0;
        while self.skip == 0
            && let Some(length) = self.batch(log, at)
        {
            at += length;
        }
        // What fills the block behind a batch may still be to come.
        self.skip += at.saturating_sub(self.carry.len());
        self.position += at as u64;
        self.carry.drain(..at.min(self.carry.len()));
    }

    /// Looks at the batch that begins at `at` of what is at hand; `None`: it is not whole yet, or nothing follows.
    fn batch(&mut self, log: &Log, at: usize) -> Option<usize> {
        let left = self.carry.get(at..).filter(|left| left.len() >= HEADER && !self.lost)?;
        let position = self.position + at as u64;
        let in_range = self.of.range.position + self.of.range.length - position;
        let header = Header::parse(left).ok().filter(|header| header.length as u64 <= in_range);
        let Some(header) = header else {
            self.found(position, "header of a batch");
            self.lost = true;
            return None;
        };
        let batch = left.get(..header.length)?;
        let wrong = match verify(batch) {
            Err(_) => Some("checksum of a batch"),
            Ok(_) => self.misplaced(log, &header),
        };
        self.batches += 1;
        self.records += u64::from(header.count);
        let (offset, max_timestamp) = (header.base_offset, header.max_timestamp);
        self.starts.push(Stretch { offset, position, max_timestamp });
        self.offset = header.end_offset();
        if let Some(detail) = wrong {
            self.found(position, detail);
        }
        // Between batches of a bulk file lies what is left of a block.
        let next = (position + header.length as u64).next_multiple_of(self.of.kind.alignment());
        Some((next - position) as usize)
    }

    /// What is wrong with the place of a batch whose checksum is right: offset and epoch lie outside it.
    fn misplaced(&self, log: &Log, header: &Header) -> Option<&'static str> {
        let passed = self.of.kind.has_gaps() && header.base_offset > self.offset;
        let follows = header.base_offset == self.offset || passed;
        if !follows || header.end_offset() > self.of.range.end {
            return Some("offset of a batch");
        }
        let epoch = log.remembered_epoch(self.of.partition, header.base_offset);
        (epoch.is_some_and(|epoch| epoch != header.leader_epoch)).then_some("leader epoch of a batch")
    }

    /// The defects of the range itself.
    fn close(&mut self) {
        let range = self.of.range;
        if !self.lost && !self.carry.is_empty() {
            self.found(self.position, "a batch reaches beyond its range");
        }
        let whole = self.offset == range.end || self.of.kind.has_gaps();
        if !whole && self.defects.is_empty() {
            self.found(range.position + range.length, "a range ends before its last offset");
        }
        let crc = self.digest.clone().finalize() as u32;
        if self.of.kind != Kind::Bulk && crc != range.crc && self.defects.is_empty() {
            self.found(range.position, "checksum of a range");
        }
    }

    /// Ends the check. `table`: the bytes of its sparse index, where it has one.
    #[must_use]
    pub fn finish(mut self, table: Option<&[u8]>) -> (Vec<Defect>, Vec<Stretch>) {
        self.close();
        let range = self.of.range;
        if range.sparse_count > 0 && self.defects.is_empty() {
            let sparse = table.and_then(|table| Sparse::decode(table, self.of.partition, &range));
            let wrong = match sparse {
                None => Some("the sparse index does not verify"),
                Some(sparse) => {
                    (!agrees(&sparse, range.base, &self.starts)).then_some("the sparse index leads elsewhere")
                }
            };
            if let Some(detail) = wrong {
                let detail = detail.to_string();
                self.defects.push(Defect { position: range.sparse_position, detail, derivable: true });
            }
        }
        (self.defects, self.starts)
    }
}

/// Whether every stretch begins at a batch, and says how late its batches reach. The first one begins where its range
/// does, also where compaction has taken the batches that were there.
fn agrees(sparse: &Sparse, base: u64, starts: &[Stretch]) -> bool {
    let stretches = sparse.stretches();
    let ends = stretches.iter().skip(1).map(|stretch| stretch.position).chain([u64::MAX]);
    stretches.iter().zip(ends).all(|(stretch, end)| {
        let first = starts.partition_point(|start| start.position < stretch.position);
        let of = starts[first..].iter().take_while(|start| start.position < end);
        let latest = of.map(|start| start.max_timestamp).max();
        let offset = |start: &Stretch| if first == 0 { base } else { start.offset };
        starts
            .get(first)
            .is_some_and(|start| (start.position, offset(start)) == (stretch.position, stretch.offset))
            && latest == Some(stretch.max_timestamp)
    })
}

/// A sparse index with exactly as many entries as the range's manifest entry has room for, from the batches themselves.
#[must_use]
pub fn rebuild(of: &OfPartition, starts: &[Stretch]) -> Option<Vec<u8>> {
    let (range, count) = (of.range, of.range.sparse_count as usize);
    if count == 0 || count > starts.len() {
        return None;
    }
    let mut sparse = Sparse::default();
    for (index, start) in starts.iter().enumerate() {
        // Stretches of about equally many batches: one begins wherever this quotient goes up.
        let begins = index == 0 || index * count / starts.len() > (index - 1) * count / starts.len();
        let interval = if begins { 0 } else { u64::MAX };
        let offset = if index == 0 { range.base } else { start.offset };
        sparse.add(offset, start.position, start.max_timestamp, interval);
    }
    let mut out = Vec::new();
    sparse.encode(range.file, of.partition, range.base, &mut out);
    (sparse.len() == count).then_some(out)
}
