//! What a partition may keep: retention by age and size, and how its data is cut into segments. Declared from above after
//! every opening; nothing of it is written to disk.
//!
//! What it is not: the deletion. Whoever asks for `Log::expired` deletes records by a frame, so that a crash undoes
//! either all of it or nothing.
//!
//! A segment is a range in a file, or, of what is not settled yet, as many batches as would become one. The invariant:
//! only whole segments expire, oldest first, none of which a transaction holds or that is not durable; the newest one
//! goes by age alone.

use crate::batch::Checked;
use crate::code::Code;
use crate::compaction::Compact;
use crate::log::Log;
use crate::partition::Partition;
use crate::table::Handle;
use crate::tail::TailBatch;
use std::sync::Arc;

/// Limits of one partition. The default keeps everything for ever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// A segment goes when its newest record is older. Records without a timestamp never age.
    pub retention_ms: Option<u64>,
    /// The oldest segments go while what remains has at least so many bytes in its files.
    pub retention_bytes: Option<u64>,
    /// Largest segment in bytes; `None`: the engine's.
    pub segment_bytes: Option<u64>,
    /// Records this much newer than the first of a segment begin another.
    pub segment_ms: Option<u64>,
    /// Records may be this much older than the clock (rule 9).
    pub timestamp_before_ms: Option<u64>,
    /// Records may be this much newer than the clock.
    pub timestamp_after_ms: Option<u64>,
    /// Of every key only the newest record has to stay; `None`: all do.
    pub compact: Option<Compact>,
}

/// How many times one settle cuts a partition's data for its timestamps, which clients choose.
pub(crate) const CUTS_MAX: usize = 8;

/// A whole segment, or what would become one.
#[derive(Clone, Copy, Debug)]
struct Stretch {
    end: u64,
    bytes: u64,
    max_timestamp: i64,
    /// Nothing is added to it any more.
    closed: bool,
}

impl Limits {
    /// Whether a checked batch lies within the bounds of timestamps at this wall time (rule 9). What is stamped with its
    /// append time always does, and so do records without a timestamp.
    pub(crate) fn admits(&self, checked: &Checked, now_ms: i64) -> bool {
        let ms = |limit: u64| i64::try_from(limit).unwrap_or(i64::MAX);
        let oldest = self.timestamp_before_ms.map_or(i64::MIN, |limit| now_ms.saturating_sub(ms(limit)));
        let newest = self.timestamp_after_ms.map_or(i64::MAX, |limit| now_ms.saturating_add(ms(limit)));
        checked.log_append_time != -1
            || (checked.earliest >= oldest && checked.header.max_timestamp <= newest)
    }

    /// Whether timestamps have bounds at all.
    fn bounds_timestamps(&self) -> bool {
        self.timestamp_before_ms.is_some() || self.timestamp_after_ms.is_some()
    }

    fn expires(&self) -> bool {
        self.retention_ms.is_some() || self.retention_bytes.is_some()
    }

    /// Whether a batch with this timestamp begins a segment behind one that begins with `first`.
    pub(crate) fn cuts(&self, first: &TailBatch, batch: &TailBatch) -> bool {
        let ms = self.segment_ms.map(|ms| i64::try_from(ms).unwrap_or(i64::MAX));
        ms.is_some_and(|ms| batch.max_timestamp >= first.max_timestamp.saturating_add(ms))
    }
}

impl Partition {
    /// The segments from the log start on, oldest first.
    fn stretches(&self, limits: Limits, segment_bytes: u64) -> impl Iterator<Item = Stretch> {
        let start = self.marks.log_start;
        let ranges = self.ranges.iter().filter(move |range| range.end > start).map(|range| Stretch {
            end: range.end,
            bytes: range.length,
            max_timestamp: range.max_timestamp,
            closed: true,
        });
        let mut batches = self.tail.onward(self.settled_end.max(start)).peekable();
        let tail = std::iter::from_fn(move || {
            let first = batches.next()?;
            let mut stretch = Stretch {
                end: first.end,
                bytes: first.piece.len() as u64,
                max_timestamp: first.max_timestamp,
                closed: false,
            };
            while let Some(batch) = batches.peek() {
                let bytes = stretch.bytes + batch.piece.len() as u64;
                stretch.closed = bytes > segment_bytes || limits.cuts(first, batch);
                if stretch.closed {
                    break;
                }
                stretch.bytes = bytes;
                stretch.end = batch.end;
                stretch.max_timestamp = stretch.max_timestamp.max(batch.max_timestamp);
                batches.next();
            }
            Some(stretch)
        });
        ranges.chain(tail)
    }

    /// The offset behind the last segment that is to go at this wall time (ms since 1970); the log start when none is.
    fn expired(&self, limits: Limits, segment_bytes: u64, now_ms: i64) -> u64 {
        let ceiling = self.marks.last_stable.min(self.marks.durable);
        let cutoff = limits.retention_ms.and_then(|ms| now_ms.checked_sub(i64::try_from(ms).ok()?));
        let mut left: u64 = match limits.retention_bytes {
            Some(_) => self.stretches(limits, segment_bytes).map(|stretch| stretch.bytes).sum(),
            None => 0,
        };
        let mut end = self.marks.log_start;
        for stretch in self.stretches(limits, segment_bytes) {
            let old = cutoff.is_some_and(|cutoff| (0..cutoff).contains(&stretch.max_timestamp));
            let rest = left.saturating_sub(stretch.bytes);
            let large = stretch.closed && limits.retention_bytes.is_some_and(|bytes| rest >= bytes);
            if stretch.end > ceiling || !(old || large) {
                break;
            }
            (end, left) = (stretch.end, rest);
        }
        end
    }
}

impl Log {
    /// Refuses a batch whose records are too old or too new for their partition (rule 9). `wall_ms` is asked for the
    /// time only where there are bounds.
    pub fn check_timestamps(
        &self,
        handle: Handle,
        checked: &Checked,
        wall_ms: impl FnOnce() -> i64,
    ) -> Result<(), Code> {
        let limits = self.table.get(handle).and_then(|partition| partition.limits.as_deref());
        match limits.filter(|limits| limits.bounds_timestamps()) {
            Some(limits) if !limits.admits(checked, wall_ms()) => Err(Code::InvalidTimestamp),
            _ => Ok(()),
        }
    }

    /// Declares the limits of a partition; false when there is no such partition.
    pub fn limit(&mut self, id: u64, limits: &Arc<Limits>) -> bool {
        let partition = self.table.find(id).and_then(|handle| self.table.get_unsaved(handle));
        let Some(partition) = partition else { return false };
        partition.limits = Some(Arc::clone(limits));
        true
    }

    /// Changes the bytes between two entries of the sparse indexes that are made from now on; above 0. Those that are there
    /// stay: a read that finds too little behind an entry reads on.
    pub fn set_index_interval(&mut self, bytes: u64) {
        self.config.index_interval_bytes = bytes;
    }

    /// Largest own segment of a partition in bytes: not so small that a settle makes many files of little.
    pub(crate) fn segment_bytes_of(&self, partition: &Partition) -> u64 {
        let own = partition.limits.as_ref().and_then(|limits| limits.segment_bytes);
        own.map_or(self.config.segment_bytes, |bytes| bytes.max(self.config.own_segment_bytes))
    }

    /// Of `count` places in the table of partitions, from place `first` on: which partitions have segments to give up at
    /// this wall time (ms since 1970), and their new log starts. Answers the next place, `None` at the end.
    pub fn expired(&self, now_ms: i64, first: u32, count: u32, into: &mut Vec<(u64, u64)>) -> Option<u32> {
        let end = first.saturating_add(count).min(self.table.slots());
        for slot in first..end {
            let Some(partition) = self.table.in_slot(slot).filter(|partition| !partition.deleted) else {
                continue;
            };
            let Some(limits) = partition.limits.as_deref().filter(|limits| limits.expires()) else {
                continue;
            };
            let start = partition.expired(*limits, self.segment_bytes_of(partition), now_ms);
            if start > partition.marks.log_start {
                into.push((partition.id, start));
            }
        }
        (end < self.table.slots()).then_some(end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::marker::Marker;
    use crate::range::Range;
    use crate::watermarks::Watermarks;

    /// Ranges of ten records and these bytes and newest timestamps.
    fn partition(ranges: &[(u64, i64)]) -> Partition {
        let mut partition = Partition::new(1);
        for (at, (length, max_timestamp)) in ranges.iter().enumerate() {
            let base = at as u64 * 10;
            partition.ranges.push(Range {
                file: at as u64,
                base,
                end: base + 10,
                position: 0,
                length: *length,
                max_timestamp: *max_timestamp,
                crc: 0,
                largest: 1,
                sparse_position: 0,
                sparse_count: 0,
            });
        }
        let end = ranges.len() as u64 * 10;
        partition.marks = Watermarks::settled(0, end, None);
        partition.settled_end = end;
        partition
    }

    fn by_age(ms: u64) -> Limits {
        Limits { retention_ms: Some(ms), ..Limits::default() }
    }

    fn by_size(bytes: u64) -> Limits {
        Limits { retention_bytes: Some(bytes), ..Limits::default() }
    }

    fn batch(earliest: i64, newest: i64) -> Checked {
        let mut checked = Marker::Commit.checked(1, 0, newest);
        checked.earliest = earliest;
        checked
    }

    #[test]
    fn rule_9_records_are_admitted_up_to_their_bounds_and_no_further() {
        let limits =
            Limits { timestamp_before_ms: Some(100), timestamp_after_ms: Some(10), ..Limits::default() };
        assert!(limits.admits(&batch(900, 1_010), 1_000));
        assert!(!limits.admits(&batch(899, 1_000), 1_000));
        assert!(!limits.admits(&batch(1_000, 1_011), 1_000));
        assert!(limits.admits(&batch(i64::MAX, -1), 1_000), "records without a timestamp");
        assert!(Limits::default().admits(&batch(0, i64::MAX), 1_000));
        let stamped = Checked { log_append_time: 5, ..batch(0, 5_000) };
        assert!(limits.admits(&stamped, 1_000), "its time is the broker's own");
    }

    #[test]
    fn segments_go_by_age_from_the_oldest_until_one_is_young() {
        let partition = partition(&[(100, 1_000), (100, 2_000), (100, 9_000), (100, 1_500)]);
        assert_eq!(partition.expired(by_age(500), 1 << 20, 1_500), 0, "as old as the limit is not older");
        assert_eq!(partition.expired(by_age(500), 1 << 20, 1_501), 10);
        assert_eq!(partition.expired(by_age(500), 1 << 20, 8_000), 20, "an old one behind a young one stays");
        assert_eq!(partition.expired(by_age(500), 1 << 20, i64::MAX), 40);
        assert_eq!(partition.expired(by_age(u64::MAX), 1 << 20, i64::MAX), 0);
        assert_eq!(partition.expired(by_age(500), 1 << 20, -1), 0, "a clock before 1970 deletes nothing");
    }

    #[test]
    fn segments_without_a_timestamp_never_age() {
        assert_eq!(partition(&[(100, -1)]).expired(by_age(1), 1 << 20, i64::MAX), 0);
    }

    #[test]
    fn segments_go_by_size_while_what_remains_is_enough() {
        let partition = partition(&[(100, 1), (50, 1), (100, 1)]);
        assert_eq!(partition.expired(by_size(151), 1 << 20, 0), 0);
        assert_eq!(partition.expired(by_size(150), 1 << 20, 0), 10);
        assert_eq!(partition.expired(by_size(100), 1 << 20, 0), 20);
        assert_eq!(partition.expired(by_size(0), 1 << 20, 0), 30);
    }

    #[test]
    fn nothing_goes_that_a_transaction_holds_or_that_is_not_durable() {
        let mut partition = partition(&[(100, 1), (100, 1)]);
        partition.marks.last_stable = 15;
        assert_eq!(partition.expired(by_age(1), 1 << 20, 100), 10);
        partition.marks = Watermarks::settled(0, 20, None);
        partition.marks.durable = 9;
        assert_eq!(partition.expired(by_age(1), 1 << 20, 100), 0);
    }

    #[test]
    fn what_lies_below_the_log_start_counts_no_more() {
        let mut partition = partition(&[(100, 1), (100, 1), (100, 1)]);
        partition.marks.move_log_start(10);
        assert_eq!(partition.expired(by_size(200), 1 << 20, 0), 10);
        assert_eq!(partition.expired(by_size(100), 1 << 20, 0), 20);
    }
}
