//! What administrators ask of partitions, and the forgetting of idle producers.
//!
//! What it is not: counters (`engine.rs`).
//!
//! The invariant: it is asked between frames, so what it tells is the state after a whole frame.

use crate::engine::Engine;
use millrace_log::{Code, KINDS, PartitionProducer, SegmentReport, SegmentTotals};

impl Engine {
    /// Bytes of all batches of a partition, in files and not yet settled; `None` when there is no such partition.
    #[must_use]
    pub fn partition_bytes(&self, partition: u64) -> Option<u64> {
        self.log.partition_bytes(partition)
    }

    /// The segments that a partition lies in, in offset order, and the state of their indexes.
    pub fn segments_of(&self, partition: u64) -> Result<Vec<SegmentReport>, Code> {
        self.log.segments_of(partition)
    }

    /// Sealed segment files by the number of their kind.
    #[must_use]
    pub fn segment_totals(&self) -> [SegmentTotals; KINDS] {
        self.log.segment_totals()
    }

    /// Bytes of frames that a power cut could take now.
    #[must_use]
    pub fn unflushed_bytes(&self) -> u64 {
        self.journal.unflushed_bytes()
    }

    /// Whether a flush of the journal is on its way.
    #[must_use]
    pub fn is_flushing(&self) -> bool {
        self.journal.is_flushing()
    }

    /// The producers that a partition remembers, by id.
    pub fn producers_of(&self, partition: u64) -> Result<Vec<PartitionProducer>, Code> {
        self.log.producers_of(partition)
    }

    /// Forgets producers that have been idle for `idle_ms` at this wall time (ms since 1970), in all partitions; answers
    /// how many. A producer with an open transaction is not idle. Nothing of it is journaled: after a crash those that
    /// were forgotten may be known again, and are forgotten again.
    pub fn expire_producers(&mut self, now_ms: i64, idle_ms: i64) -> usize {
        self.log.expire_producers(now_ms, idle_ms)
    }
}
