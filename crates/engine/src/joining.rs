//! When small neighbouring ranges are joined: a look through all partitions after some settles, and rests between joins.
//!
//! What it is not: the choice of ranges (crates/log, `compaction/join.rs`), or the copying, which takes the same steps as a
//! pass of compaction, one at a time with it.
//!
//! The invariant: rounds of compaction go first, and joins take a part of the time at most, so that neither the thread nor
//! the device is theirs: what settles leave behind faster waits.

use crate::engine::{Closing, Engine};

/// Partitions looked at in one turn.
const STEP: u32 = 512;
/// Of the time one join after the other takes one part in so many at most.
const SHARE: u64 = 4;

/// Where a look through the partitions is.
#[derive(Debug)]
pub(crate) struct Joining {
    /// The place that is looked at next; `None`: no look is under way.
    next: Option<u32>,
    /// The join under way: its place, when it began, and how many had been done then.
    under_way: Option<(u32, u64, u64)>,
    rests_until: u64,
    /// Settles there were when the last look began.
    settles: u64,
}

impl Default for Joining {
    /// What an earlier run has left is looked at first.
    fn default() -> Joining {
        Joining { next: Some(0), under_way: None, rests_until: 0, settles: 0 }
    }
}

impl Engine {
    /// Neighbouring ranges of a partition that are joined at least, when they are small: each settle may leave one. Not
    /// less than 2.
    pub fn set_joining(&mut self, fewest: usize) {
        self.log.set_joining(fewest);
    }

    /// True while a look for small ranges, or a join, is under way.
    #[must_use]
    pub fn is_joining(&self) -> bool {
        self.compaction.joining.next.is_some() || self.compaction.joining.under_way.is_some()
    }

    /// When a turn is due for a look that no completion announces.
    pub(crate) fn joining_deadline(&self) -> Option<u64> {
        let joining = &self.compaction.joining;
        let looks = self.may_join() && (self.is_joining() || self.joining_is_due());
        looks.then(|| self.io.now_ns().max(joining.rests_until))
    }

    fn joining_is_due(&self) -> bool {
        let settles = self.checkpoint.settles - self.compaction.joining.settles;
        settles >= (self.log.join_fewest() as u64 / 2).max(1)
    }

    /// Nothing is begun beside a round of compaction, on a full disk, or on the way out.
    fn may_join(&self) -> bool {
        let free = self.closing == Closing::No && self.failure().is_none();
        free && !self.is_compacting() && !self.lacks_space()
    }

    /// Begins a look, goes on with it, or notes the end of a join.
    pub(crate) fn step_joining(&mut self, now: u64) {
        if !self.may_join() {
            return;
        }
        let joins = self.log.compaction_counters().joins;
        let joining = &mut self.compaction.joining;
        if let Some((place, begun, before)) = joining.under_way.take() {
            joining.rests_until = now.saturating_add((now - begun).saturating_mul(SHARE - 1));
            // There may be more in the same place, unless nothing came of it.
            if joins > before {
                joining.next = Some(place);
            }
        }
        if self.joining_is_due() && self.compaction.joining.next.is_none() {
            self.compaction.joining.settles = self.checkpoint.settles;
            self.compaction.joining.next = Some(0);
        }
        let Some(next) = self.compaction.joining.next.filter(|_| now >= self.compaction.joining.rests_until)
        else {
            return;
        };
        let (found, next) = self.log.begin_due_join(next, STEP);
        self.compaction.joining.next = next;
        self.compaction.joining.under_way = found.map(|place| (place, now, joins));
    }
}
