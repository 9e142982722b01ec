//! Which partition is compacted next, and how far.
//!
//! What it is not: the pass. Nothing is remembered from one look to the next but how old the oldest dirty record is.
//!
//! A range is clean when a pass wrote it (`Kind::Compacted`); behind the clean ones all are dirty. The invariant: nothing
//! is chosen that a transaction holds, that is not durable, not settled, or younger than the topic wants.

use super::pass::Order;
use crate::log::Log;
use crate::partition::Partition;
use crate::range::Range;
use crate::table::Handle;
use std::sync::Arc;

/// The share of the whole, in millionths.
fn ratio(part: u64, whole: u64) -> u64 {
    let millionths = u128::from(part) * 1_000_000 / u128::from(whole.max(1));
    u64::try_from(millionths).unwrap_or(u64::MAX)
}

impl Log {
    /// Of `count` places in the table of partitions, from place `first` on: begins a pass over the first partition that is
    /// due at this wall time (ms since 1970). Answers the next place to look at, `None` at the end.
    pub fn begin_due_compaction(&mut self, now_ms: i64, first: u32, count: u32) -> Option<u32> {
        let end = first.saturating_add(count).min(self.table.slots());
        let next = |slot: u32| (slot < self.table.slots()).then_some(slot);
        for slot in first..end {
            if let Some(order) = self.due(slot, now_ms) {
                let next = next(slot + 1);
                self.begin_pass(order);
                return next;
            }
        }
        next(end)
    }

    fn due(&self, slot: u32, now_ms: i64) -> Option<Order> {
        let partition =
            self.table.in_slot(slot).filter(|partition| !partition.deleted && !partition.uncompactable)?;
        let limits = Arc::clone(partition.limits.as_ref()?);
        let rules = limits.compact?;
        let handle: Handle = self.table.find(partition.id)?;
        let start = partition.marks.log_start;
        let mut ranges: Vec<Range> = Vec::new();
        let (mut clean, mut dirty, mut clean_bytes, mut dirty_bytes) = (true, 0, 0, 0);
        let oldest_young = now_ms.saturating_sub(i64::try_from(rules.lag_min_ms).unwrap_or(i64::MAX));
        let ceiling = partition.marks.last_stable.min(partition.marks.durable);
        for range in partition.ranges.iter().filter(|range| range.end > start) {
            clean &= self.files.get(range.file).is_some_and(|(kind, _)| kind.has_gaps());
            let young = rules.lag_min_ms > 0 && range.max_timestamp > oldest_young;
            if range.end > ceiling || (young && !clean) {
                break;
            }
            ranges.push(*range);
            if clean {
                dirty += 1;
                clean_bytes += range.length;
            } else {
                dirty_bytes += range.length;
            }
        }
        let ripe = ratio(dirty_bytes, clean_bytes + dirty_bytes) > u64::from(rules.dirty_ratio)
            || rules.lag_max_ms.is_some_and(|ms| is_older(partition, now_ms, ms));
        (dirty_bytes > 0 && ripe).then_some(Order { handle, ranges, dirty, rules, now_ms, joins: false })
    }
}

/// A dirty record may be older than this: after a restart nobody knows, and one look too many does no harm.
fn is_older(partition: &Partition, now_ms: i64, ms: u64) -> bool {
    let ms = i64::try_from(ms).unwrap_or(i64::MAX);
    partition.dirty_since.is_none_or(|since| now_ms.saturating_sub(since) > ms)
}
