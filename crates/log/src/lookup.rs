//! Reads of a partition as readers ask for them: watermarks, batches from an offset, an offset for a time or epoch.
//! Hot data is answered at once, data in sealed files under a token.
//!
//! What it is not: the cold read itself (`reader.rs`).
//!
//! The invariant: no reader sees an offset at or above the bound of its isolation, or below the log start.

use crate::ahead_read::Served;
use crate::code::Code;
use crate::cold::Goal;
use crate::log::Log;
use crate::range::Range;
use crate::table::Handle;
use crate::watermarks::{Isolation, Watermarks};
use millrace_io::Piece;

/// What a fetch leads to.
#[derive(Debug)]
pub enum Fetch {
    Ready(Vec<Piece>),
    Pending(u64),
}

/// What a search by time leads to.
#[derive(Debug)]
pub enum OffsetSearch {
    /// Offset and timestamp; `None`: no such record.
    Ready(Option<(u64, i64)>),
    Pending(u64),
}

/// The next step of a search by time.
#[derive(Debug)]
pub(crate) enum Search {
    Ready(Option<(u64, i64)>),
    /// The record must be looked for in this range.
    Range(Range),
}

/// What lies behind a range that had nothing for a reader.
#[derive(Debug)]
pub(crate) enum Behind {
    Pieces(Vec<Piece>),
    Range(Range),
    /// Nothing that may be read.
    Nothing,
}

/// What a reader may ask of the log's ends instead of a time (kafka.md rule 35).
pub const LATEST: i64 = -1;
pub const EARLIEST: i64 = -2;
pub const MAX_TIMESTAMP: i64 = -3;
pub const EARLIEST_LOCAL: i64 = -4;

impl Log {
    fn known(&self, id: u64) -> Result<Handle, Code> {
        self.table.find(id).ok_or(Code::UnknownPartition)
    }

    /// Watermarks of a partition.
    pub fn watermarks(&self, id: u64) -> Result<Watermarks, Code> {
        let handle = self.known(id)?;
        self.table.get(handle).map(|partition| partition.marks).ok_or(Code::UnknownPartition)
    }

    /// Bytes a `fetch` would yield: exact in the tail, an upper bound with room for a whole batch in sealed files.
    pub fn available(&self, id: u64, offset: u64, max_bytes: u64, isolation: Isolation) -> Result<u64, Code> {
        let handle = self.known(id)?;
        let partition = self.table.get(handle).ok_or(Code::UnknownPartition)?;
        let below = bound(&partition.marks, offset, isolation)?;
        if offset >= below {
            return Ok(0);
        }
        let below = partition.before_hole(offset, below);
        if let Some(bytes) = partition.tail.available(offset, max_bytes, below) {
            return Ok(bytes);
        }
        let Some(range) = partition.range_of(offset) else { return Ok(0) };
        Ok(range.length.min(max_bytes.max(u64::from(range.largest))))
    }

    /// Whole batches from the one that holds `offset` on (rule 27), at least one even above `max_bytes` (rule 26),
    /// none at the readable end. A read of sealed data may end with its file: the next read goes on.
    pub fn fetch(
        &mut self,
        id: u64,
        offset: u64,
        max_bytes: u64,
        isolation: Isolation,
    ) -> Result<Fetch, Code> {
        let handle = self.known(id)?;
        let partition = self.table.get(handle).ok_or(Code::UnknownPartition)?;
        let below = bound(&partition.marks, offset, isolation)?;
        if offset >= below {
            return Ok(Fetch::Ready(Vec::new()));
        }
        let below = partition.before_hole(offset, below);
        if let Some(pieces) = partition.tail.read(offset, max_bytes, below) {
            return Ok(Fetch::Ready(pieces));
        }
        if partition.tail.find(offset).is_some() {
            // The batch is in the tail but reaches above the bound: not readable yet.
            return Ok(Fetch::Ready(Vec::new()));
        }
        let range = *partition.range_of(offset).ok_or(Code::Damaged)?;
        if let Served::Pieces(pieces) = self.fetch_ahead(handle, offset, max_bytes, below) {
            return Ok(Fetch::Ready(pieces));
        }
        let goal = Goal::Fetch { offset, max_bytes, below };
        Ok(Fetch::Pending(self.start_cold(handle, id, range, goal)))
    }

    /// Where a read goes on at `offset`, the end of a range.
    pub(crate) fn behind(
        &self,
        handle: Handle,
        offset: u64,
        max_bytes: u64,
        below: u64,
    ) -> Result<Behind, Code> {
        let partition = self.table.get(handle).filter(|partition| !partition.deleted);
        let partition = partition.ok_or(Code::UnknownPartition)?;
        if offset >= below {
            return Ok(Behind::Nothing);
        }
        if let Some(pieces) = partition.tail.read(offset, max_bytes, below) {
            return Ok(Behind::Pieces(pieces));
        }
        if partition.tail.find(offset).is_some() {
            return Ok(Behind::Nothing);
        }
        partition.range_of(offset).map(|range| Behind::Range(*range)).ok_or(Code::Damaged)
    }

    /// Rules 35 and 36: the first record with a timestamp of at least `timestamp`, or one of the named ends.
    pub fn offset_for_time(
        &mut self,
        id: u64,
        timestamp: i64,
        isolation: Isolation,
    ) -> Result<OffsetSearch, Code> {
        let handle = self.known(id)?;
        let partition = self.table.get(handle).ok_or(Code::UnknownPartition)?;
        let (start, below) = (partition.marks.log_start, partition.marks.bound(isolation));
        let target = match timestamp {
            LATEST => return Ok(OffsetSearch::Ready(Some((below, -1)))),
            EARLIEST | EARLIEST_LOCAL => return Ok(OffsetSearch::Ready(Some((start, -1)))),
            MAX_TIMESTAMP => match self.largest_timestamp(handle, start, below) {
                Some(largest) => largest,
                None => return Ok(OffsetSearch::Ready(None)),
            },
            timestamp if timestamp < 0 => return Err(Code::InvalidTimestamp),
            timestamp => timestamp,
        };
        match self.search_time(handle, target, start, below)? {
            Search::Ready(found) => Ok(OffsetSearch::Ready(found)),
            Search::Range(range) => {
                let goal = Goal::Time { target, from: start, below };
                Ok(OffsetSearch::Pending(self.start_cold(handle, id, range, goal)))
            }
        }
    }

    fn largest_timestamp(&self, handle: Handle, start: u64, below: u64) -> Option<i64> {
        let partition = self.table.get(handle)?;
        let tail = partition.tail.max_timestamp(start.max(partition.settled_end), below);
        let ranges = partition.ranges.iter().filter(|range| range.end > start && range.base < below);
        ranges.map(|range| range.max_timestamp).chain(tail).max()
    }

    /// Where the first record of `from..below` with a timestamp of at least `target` is, or must be looked for.
    pub(crate) fn search_time(
        &mut self,
        handle: Handle,
        target: i64,
        from: u64,
        below: u64,
    ) -> Result<Search, Code> {
        let partition = self.table.get(handle).filter(|partition| !partition.deleted);
        let partition = partition.ok_or(Code::UnknownPartition)?;
        let hot = partition.tail.front().map_or(u64::MAX, |batch| batch.base);
        let range = partition
            .ranges
            .iter()
            .find(|range| range.end > from && range.base < below.min(hot) && range.max_timestamp >= target);
        if let Some(range) = range {
            return Ok(Search::Range(*range));
        }
        Ok(Search::Ready(partition.tail.find_time(target, from, below, &mut self.scratch)?))
    }

    /// Leader epoch of the record at `offset`, -1 when it is not known.
    #[must_use]
    pub fn epoch_at(&self, id: u64, offset: u64) -> i32 {
        let partition = self.table.find(id).and_then(|handle| self.table.get(handle));
        partition.and_then(|partition| partition.epochs.at(offset)).unwrap_or(-1)
    }

    /// Rule 34: (epoch, end offset) for a leader epoch; `None` is (-1, -1).
    pub fn offset_for_epoch(&self, id: u64, epoch: i32) -> Result<Option<(i32, u64)>, Code> {
        let handle = self.known(id)?;
        let partition = self.table.get(handle).ok_or(Code::UnknownPartition)?;
        let marks = &partition.marks;
        Ok(partition.epochs.end_of(epoch, self.config.epoch, marks.log_start, marks.log_end))
    }
}

/// Rule 31: below the log start or above the log end is out of range.
fn bound(marks: &Watermarks, offset: u64, isolation: Isolation) -> Result<u64, Code> {
    if offset < marks.log_start || offset > marks.log_end {
        return Err(Code::OffsetOutOfRange);
    }
    Ok(marks.bound(isolation))
}
