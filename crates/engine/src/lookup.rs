//! Reads: of partitions, of the state map. Hot data at once, data in segments under a token.
//!
//! What it is not: a wait. `Events` of later turns say when watermarks moved and tokens finished.
//!
//! The invariant: every token is reported by `take_finished` exactly once and has one result to take.

use crate::engine::Engine;
use crate::read::{EpochEnd, Offset, Read, Readable};
use millrace_io::Piece;
use millrace_log::{Code, Fetch, Found, Isolation, OffsetSearch, Watermarks};

impl Engine {
    /// Watermarks of a partition; `None` when there is none with this id.
    #[must_use]
    pub fn watermarks(&self, partition: u64) -> Option<Watermarks> {
        self.log.watermarks(partition).ok()
    }

    /// Watermarks of a partition and the bytes a `read` would yield (rules 30, 31, 33). `epoch` is the leader epoch the
    /// reader believes in, -1 unchecked.
    #[must_use]
    pub fn readable(
        &self,
        partition: u64,
        offset: i64,
        max_bytes: u64,
        isolation: Isolation,
        epoch: i32,
    ) -> Readable {
        match self.try_readable(partition, offset, max_bytes, isolation, epoch) {
            Ok(readable) => readable,
            Err(code) => Readable::refused(code),
        }
    }

    fn try_readable(
        &self,
        partition: u64,
        offset: i64,
        max_bytes: u64,
        isolation: Isolation,
        epoch: i32,
    ) -> Result<Readable, Code> {
        let marks = self.log.watermarks(partition)?;
        let current = self.log.epoch();
        if epoch >= 0 && epoch != current {
            return Err(if epoch < current { Code::FencedEpoch } else { Code::UnknownEpoch });
        }
        let offset = u64::try_from(offset).map_err(|_| Code::OffsetOutOfRange)?;
        let bytes = self.log.available(partition, offset, max_bytes, isolation)?;
        Ok(Readable {
            code: Code::Ok,
            bytes,
            log_start: marks.log_start as i64,
            high_watermark: marks.high_watermark as i64,
            last_stable: marks.last_stable as i64,
            durable: marks.durable as i64,
            log_end: marks.log_end as i64,
            leader_epoch: current,
        })
    }

    /// Batches from the one that holds `offset` on: whole, at least one even above `max_bytes` (rules 26, 27), below
    /// the isolation's watermark.
    pub fn read(&mut self, partition: u64, offset: i64, max_bytes: u64, isolation: Isolation) -> Read {
        let Ok(offset) = u64::try_from(offset) else { return Read::Refused(Code::OffsetOutOfRange) };
        match self.log.fetch(partition, offset, max_bytes, isolation) {
            Ok(Fetch::Ready(pieces)) => Read::Ready(pieces),
            Ok(Fetch::Pending(token)) => Read::Pending(token),
            Err(code) => Read::Refused(code),
        }
    }

    /// Whether a read that was answered at once has left something to begin in a turn.
    #[must_use]
    pub fn reads_ahead(&self) -> bool {
        self.log.reads_ahead()
    }

    /// Appends the tokens that finished since the last call, with their codes.
    pub fn take_finished(&mut self, into: &mut Vec<(u64, Code)>) {
        self.log.drain_finished(into);
        self.drain_finished_kv(into);
    }

    /// The batches of a finished read token, once.
    pub fn take_read(&mut self, token: u64) -> Result<Vec<Piece>, Code> {
        match self.log.take_found(token) {
            Some(Ok(Found::Pieces(pieces))) => Ok(pieces),
            Some(Err(code)) => Err(code),
            Some(Ok(Found::Offset(_))) | None => Err(Code::OffsetOutOfRange),
        }
    }

    /// Rules 35 and 36: the first record with a timestamp of at least `timestamp` (ms), or -1 latest, -2 and -4
    /// earliest, -3 the record with the largest timestamp.
    pub fn offset_for_time(&mut self, partition: u64, timestamp: i64, isolation: Isolation) -> Offset {
        match self.log.offset_for_time(partition, timestamp, isolation) {
            Ok(OffsetSearch::Ready(found)) => self.offset_answer(partition, found),
            Ok(OffsetSearch::Pending(token)) => Offset::Pending(token),
            Err(code) => Offset::Refused(code),
        }
    }

    /// The result of a finished `offset_for_time` token, once. `partition` is the one that was asked for.
    pub fn take_offset(&mut self, partition: u64, token: u64) -> Offset {
        match self.log.take_found(token) {
            Some(Ok(Found::Offset(found))) => self.offset_answer(partition, found),
            Some(Err(code)) => Offset::Refused(code),
            Some(Ok(Found::Pieces(_))) | None => Offset::Refused(Code::OffsetOutOfRange),
        }
    }

    fn offset_answer(&self, partition: u64, found: Option<(u64, i64)>) -> Offset {
        let Some((offset, timestamp)) = found else {
            return Offset::Ready { offset: -1, timestamp: -1, leader_epoch: -1 };
        };
        let leader_epoch = self.log.epoch_at(partition, offset);
        Offset::Ready { offset: offset as i64, timestamp, leader_epoch }
    }

    /// Rule 34: where a leader epoch ends.
    #[must_use]
    pub fn offset_for_epoch(&self, partition: u64, epoch: i32) -> EpochEnd {
        match self.log.offset_for_epoch(partition, epoch) {
            Ok(Some((epoch, end))) => EpochEnd { code: Code::Ok, end_offset: end as i64, epoch },
            Ok(None) => EpochEnd { code: Code::Ok, end_offset: -1, epoch: -1 },
            Err(code) => EpochEnd { code, end_offset: -1, epoch: -1 },
        }
    }

    /// Pairs of the state map whose key begins with `prefix`, in key order.
    pub fn scan_state<'a>(&'a self, prefix: &'a [u8]) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        self.state.scan(prefix)
    }

    /// The value of a key of the state map.
    #[must_use]
    pub fn state(&self, key: &[u8]) -> Option<&[u8]> {
        self.state.get(key)
    }
}
