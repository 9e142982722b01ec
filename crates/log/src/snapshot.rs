//! The log's share of a manifest: every partition as of one LSN, and the files its ranges lie in.
//! Format: docs/format/manifest.md.
//!
//! What it is not: the manifest's frame, identity and checksum, which are the engine's.
//!
//! Partitions are captured when a settle begins (its checkpoint); the ranges the settle writes are added when it is
//! published. The invariant: what is captured is exactly the state after the frame with the checkpoint LSN.

use crate::epochs::Epochs;
use crate::fields::{Fields, Short, put_u32, put_u64};
use crate::log::{Log, LogConfig};
use crate::partition::Partition;
use crate::producers::Producers;
use crate::range::{ENCODED, Range};
use crate::segment::Kind;
use crate::table::Handle;
use crate::transactions::Transactions;
use crate::watermarks::Watermarks;

/// What manifests of format 2 lack at the end of the log's share: that no partition has transactions.
pub const NO_TRANSACTIONS: [u8; 4] = [0; 4];

/// The partitions as of a checkpoint.
#[derive(Debug)]
pub struct Snapshot {
    partitions: Vec<u8>,
    /// Of the partitions that have any: how many, then id and transactions.
    transactions: Vec<u8>,
    /// Files that live ranges lie in: number, kind, length.
    files: Vec<(u64, Kind, u64)>,
}

/// What a settle adds to a snapshot.
#[derive(Debug, Default)]
pub struct Added {
    pub files: Vec<(u64, Kind, u64)>,
    /// Partition by partition in offset order.
    pub ranges: Vec<AddedRange>,
}

/// A range a settle wrote.
#[derive(Clone, Copy, Debug)]
pub struct AddedRange {
    pub handle: Handle,
    pub partition: u64,
    pub range: Range,
}

/// Why a snapshot cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    #[error("the partitions of the manifest end early or contradict each other")]
    Invalid,
}

impl From<Short> for SnapshotError {
    fn from(_: Short) -> SnapshotError {
        SnapshotError::Invalid
    }
}

impl Snapshot {
    /// Captures all partitions as they are now.
    #[must_use]
    pub fn capture(log: &Log) -> Snapshot {
        let mut out = Vec::new();
        let mut transactions = Vec::new();
        put_u32(&mut transactions, 0);
        let mut count = 0_u32;
        put_u32(&mut out, log.partitions() as u32);
        for partition in log.table.iter() {
            put_u64(&mut out, partition.id);
            put_u64(&mut out, partition.marks.log_start);
            put_u64(&mut out, partition.marks.log_end);
            partition.epochs.encode(&mut out);
            partition.producers.encode(&mut out);
            put_u32(&mut out, partition.ranges.len() as u32);
            for range in &partition.ranges {
                range.encode(&mut out);
            }
            if !partition.transactions.is_empty() {
                count += 1;
                put_u64(&mut transactions, partition.id);
                partition.transactions.encode(&mut transactions);
            }
        }
        transactions[..4].copy_from_slice(&count.to_le_bytes());
        Snapshot { partitions: out, transactions, files: log.files.live().collect() }
    }

    /// The log's share of the manifest.
    #[must_use]
    pub fn encode(&self, last_file: u64, added: &Added) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.partitions.len() + 64 + added.ranges.len() * (8 + ENCODED));
        put_u64(&mut out, last_file);
        put_u32(&mut out, (self.files.len() + added.files.len()) as u32);
        for (number, kind, length) in self.files.iter().chain(&added.files) {
            put_u64(&mut out, *number);
            out.push(*kind as u8);
            put_u64(&mut out, *length);
        }
        out.extend_from_slice(&self.partitions);
        put_u32(&mut out, added.ranges.len() as u32);
        for added in &added.ranges {
            put_u64(&mut out, added.partition);
            added.range.encode(&mut out);
        }
        out.extend_from_slice(&self.transactions);
        out
    }
}

impl Log {
    /// The log as a manifest describes it: everything settled up to `checkpoint`.
    pub fn restore(config: LogConfig, checkpoint: u64, bytes: &[u8]) -> Result<Log, SnapshotError> {
        let mut log = Log::new(config);
        log.settled_lsn = checkpoint;
        let mut fields = Fields::new(bytes);
        log.files.reserve_numbers(fields.u64()?);
        for _ in 0..fields.count(17)? {
            let number = fields.u64()?;
            let kind = Kind::of(fields.u8()?).ok_or(SnapshotError::Invalid)?;
            log.files.add(number, kind, fields.u64()?);
        }
        for _ in 0..fields.count(36)? {
            log.restore_partition(&mut fields)?;
        }
        for _ in 0..fields.count(8 + ENCODED)? {
            let id = fields.u64()?;
            let range = Range::decode(&mut fields)?;
            let handle = log.table.find(id).ok_or(SnapshotError::Invalid)?;
            log.restore_range(handle, range)?;
        }
        log.restore_transactions(&mut fields)?;
        if fields.left() > 0 {
            return Err(SnapshotError::Invalid);
        }
        // It is as the manifest says: the next one has nothing to add.
        log.table.take_changed();
        log.named = log.files.ranges();
        Ok(log)
    }

    fn restore_partition(&mut self, fields: &mut Fields) -> Result<(), SnapshotError> {
        let mut partition = Partition::new(fields.u64()?);
        let (start, end) = (fields.u64()?, fields.u64()?);
        if start > end || end > i64::MAX as u64 || self.table.find(partition.id).is_some() {
            return Err(SnapshotError::Invalid);
        }
        partition.marks = Watermarks::settled(start, end, None);
        partition.settled_end = end;
        partition.saved_start = start;
        partition.epochs = Epochs::decode(fields)?;
        partition.producers = Producers::decode(fields)?;
        let count = fields.count(ENCODED)?;
        let handle = self.table.insert(partition);
        for _ in 0..count {
            let range = Range::decode(fields)?;
            self.restore_range(handle, range)?;
        }
        Ok(())
    }

    fn restore_transactions(&mut self, fields: &mut Fields) -> Result<(), SnapshotError> {
        for _ in 0..fields.count(16)? {
            let handle = self.table.find(fields.u64()?).ok_or(SnapshotError::Invalid)?;
            let partition = self.table.get_mut(handle).ok_or(SnapshotError::Invalid)?;
            let marks = &partition.marks;
            partition.transactions = Transactions::decode(fields, marks.log_end)?;
            let unstable = partition.transactions.first_unstable();
            self.aborted += partition.transactions.aborted_count() as u64;
            partition.marks = Watermarks::settled(marks.log_start, marks.log_end, unstable);
        }
        Ok(())
    }

    pub(crate) fn restore_range(&mut self, handle: Handle, range: Range) -> Result<(), SnapshotError> {
        let partition = self.table.get_mut(handle).ok_or(SnapshotError::Invalid)?;
        let (_, length) = self.files.get(range.file).ok_or(SnapshotError::Invalid)?;
        let follows = partition.ranges.last().is_none_or(|last| last.end <= range.base);
        if !follows || range.end > partition.marks.log_end || range.position + range.length > length {
            return Err(SnapshotError::Invalid);
        }
        partition.ranges.push(range);
        self.files.hold(range.file);
        Ok(())
    }

    /// The log's share of a manifest, as it is now; for a log without unsettled data.
    #[must_use]
    pub fn empty_manifest(&self) -> Vec<u8> {
        Snapshot::capture(self).encode(self.files.last_number(), &Added::default())
    }

    /// Every file the partitions live in, and bulk files of unsettled batches: number, kind, length in bytes.
    pub fn files(&self) -> impl Iterator<Item = (u64, Kind, u64)> {
        self.files.in_use()
    }
}
