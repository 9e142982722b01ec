//! Which segments a partition lies in, and what state their indexes are in; and all sealed files by kind.
//!
//! What it is not: counters. Nothing here is on the way of an append or a read.
//!
//! The invariant: asking changes nothing and reads nothing: the state of an index that no read has wanted is not known.

use crate::code::Code;
use crate::log::Log;
use crate::segment::Kind;

/// What is known of a range's sparse index. The numbers cross the boundary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum IndexState {
    /// The range is so short that reads begin at its start.
    NotNeeded = 0,
    /// In its file; no read has wanted it since it was last dropped from memory.
    OnDisk = 1,
    InMemory = 2,
    /// It did not verify: reads begin at the start of the range.
    Unreadable = 3,
    /// Of a bulk file, which has none: it is made from the batches when a read wants it.
    MadeWhenRead = 4,
}

/// One range of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentReport {
    pub file: u64,
    pub kind: Kind,
    pub base: u64,
    pub end: u64,
    pub bytes: u64,
    pub max_timestamp: i64,
    pub index_entries: u32,
    pub index: IndexState,
}

/// Sealed files of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SegmentTotals {
    pub files: u64,
    pub bytes: u64,
}

/// How many kinds of segments there are, by `Kind`'s numbers.
pub const KINDS: usize = 4;

impl Log {
    /// The ranges of a partition in offset order.
    pub fn segments_of(&self, id: u64) -> Result<Vec<SegmentReport>, Code> {
        let partition = self.table.find(id).and_then(|handle| self.table.get(handle));
        let partition = partition.ok_or(Code::UnknownPartition)?;
        let reports = partition.ranges.iter().map(|range| {
            let kind = self.files.get(range.file).map_or(Kind::Own, |(kind, _)| kind);
            let index = match (self.reader.cached(range), kind) {
                (Some(sparse), _) if sparse.len() > 1 => IndexState::InMemory,
                (None, Kind::Bulk) => IndexState::MadeWhenRead,
                (_, _) if range.sparse_count <= 1 => IndexState::NotNeeded,
                (Some(_), _) => IndexState::Unreadable,
                (None, _) => IndexState::OnDisk,
            };
            SegmentReport {
                file: range.file,
                kind,
                base: range.base,
                end: range.end,
                bytes: range.length,
                max_timestamp: range.max_timestamp,
                index_entries: range.sparse_count,
                index,
            }
        });
        Ok(reports.collect())
    }

    /// Sealed files that data lies in, by the numbers of their kinds.
    #[must_use]
    pub fn segment_totals(&self) -> [SegmentTotals; KINDS] {
        let mut totals = [SegmentTotals::default(); KINDS];
        for (_, kind, bytes) in self.files.in_use() {
            let of = &mut totals[kind as usize];
            of.files += 1;
            of.bytes += bytes;
        }
        totals
    }
}
