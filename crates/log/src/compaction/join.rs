//! Which small neighbours of a partition are joined: ranges that settles have left, one each, become one own segment.
//!
//! What it is not: the copying. A join is a pass (`pass.rs`) that maps no keys and keeps every batch as it is.
//!
//! The invariants: nothing is joined across a hole, nothing that compaction wrote, nothing beyond what retention may take at
//! once; and a range is copied only into one several times its size, so that no byte is copied often.

use super::Compact;
use super::pass::Order;
use crate::limits::Limits;
use crate::log::Log;
use crate::partition::Partition;
use crate::range::Range;

/// Neighbours that are joined at least, unless the host says otherwise.
pub(crate) const FEWEST: usize = 16;
/// So many times the fewest are joined although they have few bytes.
const MANY: usize = 16;
/// Ranges joined at once, at most.
const MOST: usize = 4_096;
/// The largest range that joining makes, in bytes.
const LARGEST: u64 = 16 << 20;
/// What is joined has at least so many times the bytes of its first range, which earlier joins have made.
const GROWTH: u64 = 4;
/// A joined range spans at most this part of the age, and has this part of the bytes, at which retention takes it.
const RETENTION_PART: u64 = 8;
/// What a join does not ask: it keeps everything.
const NOTHING_GOES: Compact =
    Compact { dirty_ratio: 0, delete_retention_ms: 0, lag_min_ms: 0, lag_max_ms: None };

/// What may be joined.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rule {
    fewest: usize,
    /// Fewer bytes stay where they are: a file of their own costs more than they are worth.
    bytes_min: u64,
    bytes_max: u64,
    span_ms: i64,
}

impl Rule {
    fn of(limits: Limits, fewest: usize, own_bytes: u64, segment_bytes: u64) -> Rule {
        let part = |whole: Option<u64>| whole.map_or(u64::MAX, |whole| whole / RETENTION_PART);
        let span_ms = part(limits.retention_ms).min(limits.segment_ms.unwrap_or(u64::MAX));
        Rule {
            fewest,
            bytes_min: own_bytes,
            bytes_max: segment_bytes.min(LARGEST).min(part(limits.retention_bytes)),
            span_ms: i64::try_from(span_ms).unwrap_or(i64::MAX),
        }
    }

    /// How many ranges at the front of `ranges` can be one. `before` is the newest time in front of them, if anything is.
    fn reach(&self, ranges: &[Range], before: Option<i64>, fits: impl Fn(&Range) -> bool) -> usize {
        let Some(first) = ranges.first() else { return 0 };
        let oldest = before.unwrap_or(first.max_timestamp);
        let (mut bytes, mut end, mut newest) = (0, first.base, oldest);
        let joins = |range: &&Range| {
            bytes += range.length;
            newest = newest.max(range.max_timestamp);
            let follows = range.base == end;
            end = range.end;
            let small = range.length <= self.bytes_max / 2 && bytes <= self.bytes_max;
            follows && small && newest.saturating_sub(oldest) <= self.span_ms && fits(range)
        };
        ranges.iter().take(MOST).take_while(joins).count()
    }

    /// The first ranges that are to become one.
    pub fn first_run<'a>(&self, ranges: &'a [Range], fits: impl Fn(&Range) -> bool) -> Option<&'a [Range]> {
        let mut at = 0;
        while at < ranges.len() {
            let before = at.checked_sub(1).map(|before| ranges[before].max_timestamp);
            let reach = self.reach(&ranges[at..], before, &fits);
            let mut run = &ranges[at..at + reach];
            let mut bytes: u64 = run.iter().map(|range| range.length).sum();
            while let [first, rest @ ..] = run
                && first.length.saturating_mul(GROWTH) > bytes
            {
                (run, bytes) = (rest, bytes - first.length);
            }
            let enough = bytes >= self.bytes_min || run.len() >= self.fewest.saturating_mul(MANY);
            if run.len() >= self.fewest && enough {
                return Some(run);
            }
            at += reach.max(1);
        }
        None
    }
}

impl Log {
    /// Neighbouring ranges that are joined at least, from the next look on; at least 2.
    pub fn set_joining(&mut self, fewest: usize) {
        self.join_fewest = fewest.max(2);
    }

    /// Neighbouring ranges that are joined at least.
    #[must_use]
    pub fn join_fewest(&self) -> usize {
        self.join_fewest
    }

    /// Of `count` places in the table of partitions, from place `first` on: begins to join ranges of the first partition
    /// that has too many small ones. Answers its place, and the next one to look at, `None` at the end.
    pub fn begin_due_join(&mut self, first: u32, count: u32) -> (Option<u32>, Option<u32>) {
        let end = first.saturating_add(count).min(self.table.slots());
        let next = |place: u32| (place < self.table.slots()).then_some(place);
        match (first..end).find_map(|slot| self.joinable(slot).map(|order| (slot, order))) {
            Some((slot, order)) => {
                let next = next(slot + 1);
                self.begin_pass(order);
                (Some(slot), next)
            }
            None => (None, next(end)),
        }
    }

    fn joinable(&self, slot: u32) -> Option<Order> {
        let fits = |partition: &&Partition| !partition.deleted && !partition.uncompactable;
        let partition = self.table.in_slot(slot).filter(fits)?;
        if partition.ranges.len() < self.join_fewest {
            return None;
        }
        let limits = partition.limits.as_deref().copied().unwrap_or_default();
        // Compaction writes such a partition anew by itself.
        if limits.compact.is_some() {
            return None;
        }
        let segment_bytes = self.segment_bytes_of(partition);
        let rule = Rule::of(limits, self.join_fewest, self.config.own_segment_bytes, segment_bytes);
        let plain = |range: &Range| self.files.get(range.file).is_some_and(|(kind, _)| !kind.has_gaps());
        let ranges = rule.first_run(&partition.ranges, plain)?.to_vec();
        let (handle, dirty) = (self.table.find(partition.id)?, ranges.len());
        Some(Order { handle, ranges, dirty, rules: NOTHING_GOES, now_ms: 0, joins: true })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: Rule = Rule { fewest: 4, bytes_min: 400, bytes_max: 10_000, span_ms: 1_000 };

    /// Ranges of ten records, each with these bytes and this newest time.
    fn ranges(of: &[(u64, i64)]) -> Vec<Range> {
        let range = |(at, (length, max_timestamp)): (usize, &(u64, i64))| Range {
            file: at as u64,
            base: at as u64 * 10,
            end: at as u64 * 10 + 10,
            position: 0,
            length: *length,
            max_timestamp: *max_timestamp,
            crc: 0,
            largest: 1,
            sparse_position: 0,
            sparse_count: 0,
        };
        of.iter().enumerate().map(range).collect()
    }

    /// Which files are joined, first and last.
    fn joined(of: &[Range]) -> Option<(u64, u64)> {
        let run = RULE.first_run(of, |_| true)?;
        Some((run.first()?.file, run.last()?.file))
    }

    #[test]
    fn small_neighbours_are_joined_from_a_number_and_a_size_on() {
        assert_eq!(joined(&ranges(&[(100, 0); 3])), None, "too few");
        assert_eq!(joined(&ranges(&[(100, 0); 4])), Some((0, 3)));
        assert_eq!(joined(&ranges(&[(99, 0); 4])), None, "too little");
        assert_eq!(joined(&ranges(&[(1, 0); 63])), None, "too little");
        assert_eq!(joined(&ranges(&[(1, 0); 64])), Some((0, 63)), "so many that their size does not matter");
    }

    #[test]
    fn a_range_is_copied_only_into_one_several_times_as_large() {
        let mut of = vec![(1_000, 0)];
        of.extend([(100, 0); 9]);
        assert_eq!(joined(&ranges(&of)), Some((1, 9)), "what was joined before stays");
        of.extend([(100, 0); 21]);
        assert_eq!(joined(&ranges(&of)), Some((0, 30)));
        let mut sizes = vec![100_u64; 200];
        let mut copied = 0;
        while let Some((first, last)) =
            joined(&ranges(&sizes.iter().map(|bytes| (*bytes, 0)).collect::<Vec<_>>()))
        {
            let bytes = sizes.drain(first as usize..=last as usize).sum();
            copied += bytes;
            sizes.insert(first as usize, bytes);
        }
        assert!(sizes.len() < 12 && copied <= 3 * 20_000, "{sizes:?}, {copied} bytes copied");
    }

    #[test]
    fn large_ranges_holes_and_what_does_not_fit_end_a_run() {
        let with_large = ranges(&[(100, 0), (100, 0), (100, 0), (5_001, 0), (100, 0), (100, 0), (100, 0)]);
        assert_eq!(joined(&with_large), None);
        let mut with_hole = ranges(&[(100, 0); 7]);
        with_hole.remove(3);
        assert_eq!(joined(&with_hole), None);
        let of = ranges(&[(100, 0); 7]);
        assert!(RULE.first_run(&of, |range| range.file != 3).is_none());
        let behind = RULE.first_run(&of, |range| range.file != 1).expect("five behind it");
        assert_eq!((behind[0].file, behind.len()), (2, 5));
    }

    #[test]
    fn nothing_is_joined_that_retention_would_keep_much_longer_then() {
        let limits = Limits { retention_ms: Some(8_000), retention_bytes: Some(80_000), ..Limits::default() };
        let rule = Rule::of(limits, 4, 400, 1 << 30);
        assert_eq!((rule.span_ms, rule.bytes_max), (1_000, 10_000));
        let slow: Vec<(u64, i64)> = (0..40).map(|at| (100, at * 400)).collect();
        assert_eq!(joined(&ranges(&slow)), None, "three of them span more than a second");
        let quick: Vec<(u64, i64)> = (0..40).map(|at| (100, at * 100)).collect();
        assert_eq!(joined(&ranges(&quick)), Some((0, 10)));
    }
}
