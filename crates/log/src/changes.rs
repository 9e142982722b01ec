//! The log's share of an edit of the manifest: what has changed of partitions and files since the manifest in place.
//! Format: docs/format/manifest.md.
//!
//! What it is not: the whole (`snapshot.rs`), or the file that edits are appended to, which is the engine's.
//!
//! The invariant: the whole of one checkpoint with the edit applied is the whole of the next one, in every range, bound,
//! producer and file. So an edit may say too much, and never too little.

use crate::epochs::Epochs;
use crate::fields::{Fields, put_u32, put_u64};
use crate::log::{Log, LogConfig};
use crate::partition::Partition;
use crate::producers::Producers;
use crate::range::{ENCODED, Range};
use crate::segment::Kind;
use crate::snapshot::{Added, SnapshotError};
use crate::table::Handle;
use crate::transactions::Transactions;
use crate::watermarks::Watermarks;

/// Bytes of the shortest row of a partition, and of the shortest splice.
const ROW_LEAST: usize = 40;
const SPLICE_LEAST: usize = 32;

/// What has changed as of a checkpoint, without what its settle writes.
#[derive(Debug)]
pub(crate) struct Changes {
    /// Bulk files that were named before and have grown.
    grown: Vec<(u64, Kind, u64)>,
    /// How many partitions, and each as it is now, without its ranges.
    rows: Vec<u8>,
}

/// Ranges of one partition in `from..to` that others have taken the place of.
#[derive(Debug)]
pub(crate) struct Splice<'a> {
    pub partition: u64,
    pub from: u64,
    pub to: u64,
    pub files: &'a [(u64, Kind, Range)],
    /// Offsets of markers that went.
    pub markers: &'a [u64],
}

impl Changes {
    /// Captures these partitions as they are now; those that are deleted are left out.
    pub fn capture(log: &Log, changed: &[Handle]) -> Changes {
        let mut rows = Vec::new();
        let mut count = 0_u32;
        put_u32(&mut rows, 0);
        let present = changed.iter().filter_map(|handle| log.table.get(*handle));
        for partition in present.filter(|partition| !partition.deleted) {
            count += 1;
            put_u64(&mut rows, partition.id);
            put_u64(&mut rows, partition.marks.log_start);
            put_u64(&mut rows, partition.marks.log_end);
            partition.epochs.encode(&mut rows);
            partition.producers.encode(&mut rows);
            partition.transactions.encode(&mut rows);
        }
        rows[..4].copy_from_slice(&count.to_le_bytes());
        Changes { grown: log.files.grown(log.settled_lsn).collect(), rows }
    }

    /// The log's share of the edit: what was captured, the partitions that are `gone`, what the settle has added.
    pub fn encode(&self, last_file: u64, gone: &[u64], added: &Added) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.rows.len() + 64 + added.ranges.len() * (8 + ENCODED));
        put_u64(&mut out, last_file);
        put_files(&mut out, self.grown.iter().chain(&added.files).copied());
        put_u32(&mut out, gone.len() as u32);
        gone.iter().for_each(|id| put_u64(&mut out, *id));
        out.extend_from_slice(&self.rows);
        put_u32(&mut out, 0);
        put_u32(&mut out, added.ranges.len() as u32);
        for added in &added.ranges {
            put_u64(&mut out, added.partition);
            added.range.encode(&mut out);
        }
        out
    }
}

impl Splice<'_> {
    /// The log's share of an edit that says nothing but this.
    pub fn encode(&self, last_file: u64) -> Vec<u8> {
        let mut out = Vec::new();
        put_u64(&mut out, last_file);
        put_files(&mut out, self.files.iter().map(|(number, kind, range)| (*number, *kind, range.length)));
        put_u32(&mut out, 0);
        put_u32(&mut out, 0);
        put_u32(&mut out, 1);
        put_u64(&mut out, self.partition);
        put_u64(&mut out, self.from);
        put_u64(&mut out, self.to);
        put_u32(&mut out, self.markers.len() as u32);
        self.markers.iter().for_each(|marker| put_u64(&mut out, *marker));
        put_u32(&mut out, self.files.len() as u32);
        self.files.iter().for_each(|(.., range)| range.encode(&mut out));
        put_u32(&mut out, 0);
        out
    }
}

fn put_files(out: &mut Vec<u8>, files: impl Iterator<Item = (u64, Kind, u64)>) {
    let at = out.len();
    put_u32(out, 0);
    let mut count = 0_u32;
    for (number, kind, length) in files {
        count += 1;
        put_u64(out, number);
        out.push(kind as u8);
        put_u64(out, length);
    }
    out[at..at + 4].copy_from_slice(&count.to_le_bytes());
}

/// The log's share of a manifest after its edits, oldest first.
///
/// # Errors
///
/// The share or an edit ends early, or they contradict each other.
pub fn merged<'a>(share: &[u8], edits: impl Iterator<Item = &'a [u8]>) -> Result<Vec<u8>, SnapshotError> {
    let mut log = Log::restore(LogConfig::of_a_share(), 0, share)?;
    for edit in edits {
        log.apply(edit)?;
    }
    Ok(log.empty_manifest())
}

impl Log {
    /// Takes over what an edit says.
    fn apply(&mut self, edit: &[u8]) -> Result<(), SnapshotError> {
        let mut fields = Fields::new(edit);
        self.files.reserve_numbers(fields.u64()?);
        for _ in 0..fields.count(17)? {
            let number = fields.u64()?;
            let kind = Kind::of(fields.u8()?).ok_or(SnapshotError::Invalid)?;
            self.files.name(number, kind, fields.u64()?);
        }
        for _ in 0..fields.count(8)? {
            // One that was created and deleted since is not known.
            if let Some(handle) = self.hide(fields.u64()?) {
                self.delete(handle);
            }
        }
        for _ in 0..fields.count(ROW_LEAST)? {
            self.apply_row(&mut fields)?;
        }
        for _ in 0..fields.count(SPLICE_LEAST)? {
            self.apply_splice(&mut fields)?;
        }
        for _ in 0..fields.count(8 + ENCODED)? {
            let handle = self.table.find(fields.u64()?).ok_or(SnapshotError::Invalid)?;
            let range = Range::decode(&mut fields)?;
            self.restore_range(handle, range)?;
        }
        if fields.left() == 0 { Ok(()) } else { Err(SnapshotError::Invalid) }
    }

    /// A partition as it is from now on; a new one has no range yet.
    fn apply_row(&mut self, fields: &mut Fields<'_>) -> Result<(), SnapshotError> {
        let (id, start, end) = (fields.u64()?, fields.u64()?, fields.u64()?);
        if start > end || end > i64::MAX as u64 {
            return Err(SnapshotError::Invalid);
        }
        let found = self.table.find(id);
        let handle = found.unwrap_or_else(|| self.table.insert(Partition::new(id)));
        let partition = self.table.get_mut(handle).ok_or(SnapshotError::Invalid)?;
        if start < partition.marks.log_start || end < partition.marks.log_end {
            return Err(SnapshotError::Invalid);
        }
        partition.epochs = Epochs::decode(fields)?;
        partition.producers = Producers::decode(fields)?;
        partition.transactions = Transactions::decode(fields, end)?;
        partition.marks = Watermarks::settled(start, end, partition.transactions.first_unstable());
        partition.settled_end = end;
        self.trim(handle);
        Ok(())
    }

    fn apply_splice(&mut self, fields: &mut Fields<'_>) -> Result<(), SnapshotError> {
        let handle = self.table.find(fields.u64()?).ok_or(SnapshotError::Invalid)?;
        let (from, to) = (fields.u64()?, fields.u64()?);
        let mut markers = Vec::new();
        for _ in 0..fields.count(8)? {
            markers.push(fields.u64()?);
        }
        let mut ranges = Vec::new();
        for _ in 0..fields.count(ENCODED)? {
            ranges.push(Range::decode(fields)?);
        }
        let partition = self.table.get_mut(handle).ok_or(SnapshotError::Invalid)?;
        partition.transactions.forget(&markers);
        let first = partition.ranges.partition_point(|range| range.base < from);
        let behind = partition.ranges.partition_point(|range| range.end <= to);
        if from > to || first > behind {
            return Err(SnapshotError::Invalid);
        }
        let after = partition.ranges.split_off(behind);
        for range in partition.ranges.split_off(first) {
            self.files.release(range.file);
        }
        for range in ranges {
            self.restore_range(handle, range)?;
        }
        let partition = self.table.get_mut(handle).ok_or(SnapshotError::Invalid)?;
        let follows = match (partition.ranges.last(), after.first()) {
            (Some(last), Some(next)) => last.end <= next.base,
            _ => true,
        };
        partition.ranges.extend(after);
        if follows { Ok(()) } else { Err(SnapshotError::Invalid) }
    }
}
