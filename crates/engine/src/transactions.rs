//! Ends of transactions: the effect, its marker, and what readers of committed data ask.
//!
//! What it is not: the coordinator, which decides how a transaction ends and names all its partitions in one frame.
//!
//! The invariant: the effects of one frame are all done or none, so a transaction never ends in one partition and goes on
//! in another.

use crate::commit::Prepared;
use crate::engine::Engine;
use millrace_io::Piece;
use millrace_log::Code;
use millrace_log::batch::Header;
use millrace_log::marker::Marker;

/// Appends the marker that ends the transaction of a producer in one partition, whether it has records there or not.
/// Answers `UnknownPartition`, or `InvalidProducerEpoch` below an epoch that the partition knows. The epoch counts from
/// then on: batches of older ones are refused. The last stable offset moves when the frame is durable.
#[derive(Clone, Copy, Debug)]
pub struct EndTransaction {
    pub partition: u64,
    pub producer_id: i64,
    pub producer_epoch: i16,
    /// Else aborted.
    pub committed: bool,
}

impl EndTransaction {
    pub(crate) fn marker(&self) -> Marker {
        if self.committed { Marker::Commit } else { Marker::Abort }
    }
}

/// The offset behind the last batch of what a read found; 0 for nothing.
#[must_use]
pub fn end_of_batches(pieces: &[Piece]) -> u64 {
    let mut end = 0;
    for piece in pieces {
        let mut bytes = piece.bytes();
        while let Ok(header) = Header::parse(bytes) {
            end = header.end_offset();
            bytes = bytes.get(header.length..).unwrap_or_default();
        }
    }
    end
}

impl Engine {
    pub(crate) fn prepare_end(&mut self, end: &EndTransaction, lsn: u64) -> Result<Prepared, Code> {
        let handle = self.log.judge_marker(end.partition, end.producer_id, end.producer_epoch)?;
        let marker = end.marker();
        let mut checked = marker.checked(end.producer_id, end.producer_epoch, self.io.wall_ms());
        let (base, undo) = self.log.reserve(handle, &checked.header, Some(marker), lsn);
        checked.head.place(base, self.log.epoch());
        Ok(Prepared::Append { handle, checked, base, undo })
    }

    /// Aborted transactions of a partition that overlap the offsets `from..to`: producer id and first offset, in the
    /// order in which they ended (rule 22). `OffsetOutOfRange` when the log starts above `from` by now.
    pub fn aborted_between(&self, partition: u64, from: u64, to: u64) -> Result<Vec<(i64, u64)>, Code> {
        self.log.aborted_between(partition, from, to)
    }

    /// Aborted transactions that are remembered, over all partitions: with none, nobody has to ask.
    #[must_use]
    pub fn aborted_transactions(&self) -> u64 {
        self.log.aborted_transactions()
    }
}
