//! Every batch in memory in journal order, over all partitions: what became written, what became durable, and which
//! settled batches are the oldest to give up.
//!
//! What it is not: the batches (tails have them). One entry a batch, three cursors, no per-partition scan.
//!
//! The invariant: entries grow in LSN; `durable <= written` as positions, and only settled durable entries leave.

use std::collections::VecDeque;

/// One batch of one partition.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    pub lsn: u64,
    /// Offset behind the batch.
    pub end: u64,
    pub slot: u32,
    /// Use of the slot: a partition that took the place of a deleted one is another one.
    pub generation: u32,
    /// Bytes of the memory slab this batch is the first one in, else 0.
    pub charge: u32,
}

/// All batches in memory, oldest first.
#[derive(Debug, Default)]
pub struct Order {
    entries: VecDeque<Entry>,
    written: usize,
    durable: usize,
    bytes: u64,
}

impl Order {
    /// Adds a batch that was just appended.
    pub fn push(&mut self, entry: Entry) {
        debug_assert!(self.entries.back().is_none_or(|last| last.lsn <= entry.lsn));
        self.bytes += u64::from(entry.charge);
        self.entries.push_back(entry);
    }

    /// Memory held by tails, in whole slabs.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The next batch whose frame is written at `lsn` and was not reported yet.
    pub fn next_written(&mut self, lsn: u64) -> Option<Entry> {
        let entry = *self.entries.get(self.written).filter(|entry| entry.lsn <= lsn)?;
        self.written += 1;
        Some(entry)
    }

    /// The next written batch whose frame is durable at `lsn` and was not reported yet.
    pub fn next_durable(&mut self, lsn: u64) -> Option<Entry> {
        if self.durable >= self.written {
            return None;
        }
        let entry = *self.entries.get(self.durable).filter(|entry| entry.lsn <= lsn)?;
        self.durable += 1;
        Some(entry)
    }

    /// Takes the oldest batch if its frame is durable and at or below the settled `lsn`.
    pub fn evict(&mut self, settled: u64) -> Option<Entry> {
        let entry = *self.entries.front()?;
        if self.durable == 0 || entry.lsn > settled {
            return None;
        }
        self.entries.pop_front();
        self.written -= 1;
        self.durable -= 1;
        self.bytes -= u64::from(entry.charge);
        Some(entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(lsn: u64) -> Entry {
        Entry { lsn, end: lsn, slot: 0, generation: 0, charge: 10 }
    }

    #[test]
    fn written_comes_before_durable_and_durable_before_eviction() {
        let mut order = Order::default();
        (1..=3).for_each(|lsn| order.push(entry(lsn)));
        assert!(order.next_durable(3).is_none(), "nothing is durable that is not written");
        assert_eq!(order.next_written(2).map(|entry| entry.lsn), Some(1));
        assert_eq!(order.next_written(2).map(|entry| entry.lsn), Some(2));
        assert!(order.next_written(2).is_none());
        assert!(order.evict(3).is_none());
        assert_eq!(order.next_durable(9).map(|entry| entry.lsn), Some(1));
        assert!(order.evict(0).is_none(), "unsettled data stays");
        assert_eq!(order.evict(1).map(|entry| entry.lsn), Some(1));
        assert_eq!(order.bytes(), 20);
        assert_eq!(order.next_durable(9).map(|entry| entry.lsn), Some(2));
    }
}
