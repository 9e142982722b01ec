//! What administrators ask of a partition: how many bytes it has, and which producers it remembers.
//!
//! What it is not: counters of the engine. Nothing here is on the way of an append.
//!
//! The invariant: asking changes nothing; `expire_producers` alone forgets, and never a producer with an open
//! transaction.

use crate::code::Code;
use crate::log::Log;
use crate::producers::ProducerReport;

/// A producer of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartitionProducer {
    pub producer: ProducerReport,
    /// First offset of its open transaction.
    pub transaction_start: Option<u64>,
}

impl Log {
    /// Bytes of all batches of a partition, in files and not yet settled; `None` when there is no such partition.
    #[must_use]
    pub fn partition_bytes(&self, id: u64) -> Option<u64> {
        let partition = self.table.find(id).and_then(|handle| self.table.get(handle))?;
        let settled: u64 = partition.ranges.iter().map(|range| range.length).sum();
        Some(settled + partition.unsettled_bytes)
    }

    /// The producers that a partition remembers, by id.
    pub fn producers_of(&self, id: u64) -> Result<Vec<PartitionProducer>, Code> {
        let partition = self.table.find(id).and_then(|handle| self.table.get(handle));
        let partition = partition.ok_or(Code::UnknownPartition)?;
        let reports = partition.producers.reports();
        let whole = reports.map(|producer| PartitionProducer {
            producer,
            transaction_start: partition.transactions.first_of(producer.id),
        });
        Ok(whole.collect())
    }

    /// Forgets producers that have been idle for `idle_ms` at this wall time, in all partitions; answers how many.
    pub fn expire_producers(&mut self, now_ms: i64, idle_ms: i64) -> usize {
        let mut forgotten = 0;
        for slot in 0..self.table.slots() {
            let Some((handle, partition)) = self.table.in_slot_unsaved(slot) else { continue };
            let transactions = &partition.transactions;
            let is_busy = |id| transactions.first_of(id).is_some();
            let gone = partition.producers.expire(now_ms, idle_ms, is_busy);
            if gone > 0 {
                self.table.mark_changed(handle);
            }
            forgotten += gone;
        }
        forgotten
    }
}
