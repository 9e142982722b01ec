//! The tail of a partition: its newest batches, as views of the journal's own commit memory.
//!
//! What it is not: a cache with a budget; which batches may go, and when, is decided over all partitions (`order.rs`).
//!
//! The invariant: batches lie in offset order, and everything unsettled is here. Holes exist only where damage to the
//! journal left them (`Partition::resumes`).

use crate::batch::Header;
use crate::code::Code;
use crate::range::Place;
use crate::records::first_at_or_after;
use millrace_io::Piece;
use std::collections::VecDeque;

/// One batch in memory.
#[derive(Clone, Debug)]
pub struct TailBatch {
    pub base: u64,
    /// Offset behind the last record.
    pub end: u64,
    pub max_timestamp: i64,
    /// Bytes of this partition appended before this batch, counted since the engine was opened.
    pub position: u64,
    pub piece: Piece,
    /// It lies in a bulk file and needs no settling; else in a journal frame.
    pub place: Option<Place>,
}

/// Batches of one partition in memory, oldest first.
#[derive(Clone, Debug, Default)]
pub struct Tail {
    batches: VecDeque<TailBatch>,
    position: u64,
}

impl Tail {
    /// Adds a batch behind the last one.
    pub fn push(&mut self, base: u64, end: u64, max_timestamp: i64, piece: Piece, place: Option<Place>) {
        if let Some(last) = self.batches.back() {
            assert!(last.end <= base, "batches of a tail lie in offset order");
        }
        let position = self.position;
        self.position += piece.len() as u64;
        if self.batches.capacity() == 0 {
            // Of many partitions, most have one batch here.
            self.batches.reserve_exact(1);
        }
        self.batches.push_back(TailBatch { base, end, max_timestamp, position, piece, place });
    }

    /// The oldest batch in memory.
    #[must_use]
    pub fn front(&self) -> Option<&TailBatch> {
        self.batches.front()
    }

    /// Gives up the oldest batch.
    pub fn pop_front(&mut self) -> Option<TailBatch> {
        let batch = self.batches.pop_front();
        if self.batches.is_empty() {
            // A quiet partition keeps nothing of its busy past.
            self.batches = VecDeque::new();
        }
        batch
    }

    /// Gives up the batches that end at or below `end`.
    pub fn forget_below(&mut self, end: u64) {
        while self.batches.front().is_some_and(|batch| batch.end <= end) {
            self.pop_front();
        }
    }

    /// Index of the batch that holds `offset`.
    #[must_use]
    pub fn find(&self, offset: u64) -> Option<usize> {
        let front = self.batches.front()?;
        if offset < front.base {
            return None;
        }
        let next = self.batches.partition_point(|batch| batch.base <= offset);
        let at = next.checked_sub(1)?;
        (offset < self.batches[at].end).then_some(at)
    }

    /// Batches from index `at` on.
    pub fn iter_from(&self, at: usize) -> impl Iterator<Item = &TailBatch> {
        self.batches.range(at.min(self.batches.len())..)
    }

    /// From the batch that holds `offset`, or the first one behind it, to the end.
    pub fn onward(&self, offset: u64) -> impl Iterator<Item = &TailBatch> {
        self.iter_from(self.batches.partition_point(|batch| batch.end <= offset))
    }

    /// The batch that holds `offset`, or the first one behind it.
    #[must_use]
    pub fn at_or_behind(&self, offset: u64) -> Option<&TailBatch> {
        self.batches.get(self.batches.partition_point(|batch| batch.end <= offset))
    }

    /// From `first` on, below `below`: the batches that lie where `first` does, in a bulk file or not.
    pub fn run(&self, first: &TailBatch, below: u64) -> impl Iterator<Item = &TailBatch> {
        let placed = first.place.is_some();
        let at = self.batches.partition_point(|batch| batch.end <= first.base);
        let belongs = move |batch: &&TailBatch| batch.end <= below && batch.place.is_some() == placed;
        self.batches.range(at..).take_while(belongs)
    }

    /// From `first` on, below `below`: the end of as many batches as fit into `limit` bytes, at least one, and their
    /// bytes.
    #[must_use]
    pub fn extent(&self, first: &TailBatch, limit: u64, below: u64) -> (u64, u64) {
        let most = first.position.saturating_add(limit);
        let next = self.batches.partition_point(|batch| {
            batch.end <= first.end
                || (batch.end <= below && batch.position + batch.piece.len() as u64 <= most)
        });
        let last = &self.batches[next - 1];
        (last.end, last.position + last.piece.len() as u64 - first.position)
    }

    /// Batches with offsets in `from..below`, where both are batch borders or outside the tail.
    fn span(&self, offset: u64, max_bytes: u64, below: u64) -> Option<(usize, usize)> {
        let first = self.find(offset)?;
        let start = &self.batches[first];
        if start.end > below {
            return None;
        }
        let limit = start.position.saturating_add(max_bytes);
        // The first batch always goes whole (rule 26).
        let end = self
            .batches
            .partition_point(|batch| batch.end <= below && batch.position + batch.piece.len() as u64 <= limit)
            .max(first + 1);
        Some((first, end))
    }

    /// Whole batches from the one that holds `offset` on, below `below`, up to `max_bytes` but at least one.
    /// `None`: the offset is not in the tail, or not readable yet.
    #[must_use]
    pub fn read(&self, offset: u64, max_bytes: u64, below: u64) -> Option<Vec<Piece>> {
        let (first, end) = self.span(offset, max_bytes, below)?;
        Some(self.batches.range(first..end).map(|batch| batch.piece.clone()).collect())
    }

    /// Bytes `read` would yield.
    #[must_use]
    pub fn available(&self, offset: u64, max_bytes: u64, below: u64) -> Option<u64> {
        let (first, end) = self.span(offset, max_bytes, below)?;
        let last = &self.batches[end - 1];
        Some(last.position + last.piece.len() as u64 - self.batches[first].position)
    }

    /// The first record at or above `from` and below `below` with a timestamp of at least `target`.
    pub fn find_time(
        &self,
        target: i64,
        from: u64,
        below: u64,
        scratch: &mut Vec<u8>,
    ) -> Result<Option<(u64, i64)>, Code> {
        let first = self.batches.partition_point(|batch| batch.end <= from);
        for batch in self.batches.range(first..) {
            if batch.base >= below {
                break;
            }
            if batch.max_timestamp < target {
                continue;
            }
            let bytes = batch.piece.bytes();
            let header = Header::parse(bytes)?;
            if let Some(found) = first_at_or_after(bytes, &header, target, from, below, scratch)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// The largest timestamp of batches with records in `from..below`.
    #[must_use]
    pub fn max_timestamp(&self, from: u64, below: u64) -> Option<i64> {
        let first = self.batches.partition_point(|batch| batch.end <= from);
        self.batches
            .range(first..)
            .take_while(|batch| batch.base < below)
            .map(|batch| batch.max_timestamp)
            .max()
    }
}
