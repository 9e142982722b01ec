//! Rounds of compaction: which partitions are looked at when, and the edits of the manifest that a pass needs.
//!
//! What it is not: the pass (crates/log, `compaction`), or when a round begins.
//!
//! The invariant: an edit of compaction has the checkpoint of the manifest in place and changes only where records lie; it
//! is never on its way together with another one, nor while a settle waits for its own.

use crate::edit::Edit;
use crate::engine::{Closing, Engine};
use crate::joining::Joining;
use crate::manifest::Head;
use millrace_log::SettleState;

/// Partitions looked at in one turn.
const STEP: u32 = 512;
/// Of the thread's time a pass takes one part in so many at most.
const SHARE: u64 = 4;

/// A round under way.
#[derive(Clone, Copy, Debug)]
struct Round {
    now_ms: i64,
    next: u32,
}

/// When a pass goes on.
#[derive(Debug, Default)]
pub(crate) struct Compaction {
    round: Option<Round>,
    /// No step before this time, on the driver's clock: what else there is to do goes first.
    rests_until: u64,
    pub joining: Joining,
}

impl Engine {
    /// Begins a round that compacts partitions that are due at this wall time (ms since 1970), one after the other, in
    /// bounded steps of later turns; one that is under way goes on with the new time. The caller answers for a clock
    /// that jumps.
    pub fn begin_compaction(&mut self, now_ms: i64) {
        let next = self.compaction.round.map_or(0, |round| round.next);
        self.compaction.round = Some(Round { now_ms, next });
    }

    /// True while a round is under way.
    #[must_use]
    pub fn is_compacting(&self) -> bool {
        self.compaction.round.is_some() || self.log.is_compacting()
    }

    /// Memory for the keys of a partition while it is compacted, in bytes, from the next pass on; what does not fit waits
    /// for another pass.
    pub fn set_compaction_memory(&mut self, bytes: u64) {
        self.log.set_compaction_memory(bytes);
    }

    /// When a turn is due for a round that no completion announces.
    pub(crate) fn compaction_deadline(&self) -> Option<u64> {
        let looks = self.compaction.round.is_some() && !self.log.is_compacting();
        let due = || self.io.now_ns().max(self.compaction.rests_until);
        (looks || self.log.compaction_has_work()).then(due)
    }

    /// One step of a pass, or the look for the next partition when none is under way; then a rest, in proportion to how
    /// long it took.
    pub(crate) fn step_compaction(&mut self, now: u64) {
        if self.closing != Closing::No || self.failure().is_some() {
            self.compaction.round = None;
        }
        if now < self.compaction.rests_until || !self.is_compacting() {
            return;
        }
        let begun = self.io.now_ns();
        if self.log.is_compacting() {
            self.log.step_compaction(&mut self.queue);
        } else if let Some(round) = self.compaction.round {
            let next = self.log.begin_due_compaction(round.now_ms, round.next, STEP);
            self.compaction.round = next.map(|next| Round { next, ..round });
        }
        let now = self.io.now_ns();
        self.compaction.rests_until = now + (now - begun) * (SHARE - 1);
    }

    /// The edit that puts the files of a pass in the place of those they were made of; `None`: there is none, or it is not
    /// its turn.
    pub(crate) fn edit_of_compaction(&mut self) -> Option<Edit> {
        let free = self.closing == Closing::No && self.failure().is_none();
        if !free || !self.log.compaction_ready() || self.settle_state() != SettleState::Idle {
            return None;
        }
        let log = self.log.compaction_edit(&mut self.queue)?;
        let head =
            Head { clean: false, end_lsn: 0, durable_lsn: self.journal.durable(), ..self.manifest.head };
        Some(Edit { log, ..Edit::of(&head) })
    }
}
