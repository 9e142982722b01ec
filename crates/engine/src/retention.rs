//! Settings of partitions, declared from above after every opening, and rounds of retention that carry them out.
//!
//! What it is not: the choice of what expires (crates/log, `limits.rs`), or when a round begins.
//!
//! The invariant: a round deletes by frames of `DeleteRecords`, like anybody: after a crash each of them has happened or
//! not, and no file goes before a manifest behind its frame is durable.

use crate::effect::Effect;
use crate::engine::Engine;
use millrace_journal::{Level, Policy};
use millrace_log::{Code, Limits};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Partitions looked at in one turn; their deletions share a frame.
const STEP: u32 = 512;
/// How long a round waits when the journal has no room for its frame, in ns.
const RETRY_NS: u64 = 10_000_000;

/// Settings of a partition. The default keeps everything and flushes as the engine does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PartitionSettings {
    pub limits: Limits,
    /// Flush policy of appends to it instead of the engine's. A frame of several partitions is flushed as each of them
    /// demands.
    pub flush: Option<Policy>,
}

/// A round under way.
#[derive(Clone, Copy, Debug)]
struct Round {
    now_ms: i64,
    next: u32,
    not_before_ns: u64,
}

/// Flush policies of partitions that have their own, and the round under way.
#[derive(Debug, Default)]
pub(crate) struct Retention {
    policies: BTreeMap<u64, Policy>,
    round: Option<Round>,
    found: Vec<(u64, u64)>,
    /// Partitions whose log start a round has moved.
    pub deletions: u64,
}

impl Engine {
    /// Declares settings of these partitions, in place of those before; answers how many of them there are. They hold
    /// until the engine is closed or the partition is deleted: nothing of them is written to disk.
    pub fn configure(&mut self, partitions: &[u64], settings: &PartitionSettings) -> usize {
        let limits = Arc::new(settings.limits);
        let mut known = 0;
        for id in partitions {
            if !self.log.limit(*id, &limits) {
                continue;
            }
            known += 1;
            match settings.flush {
                Some(policy) => self.retention.policies.insert(*id, policy),
                None => self.retention.policies.remove(id),
            };
        }
        known
    }

    /// Begins a round that deletes what has expired at this wall time (ms since 1970), some partitions a turn; a round
    /// that is under way goes on with the new time. The caller answers for a clock that jumps.
    pub fn begin_retention(&mut self, now_ms: i64) {
        let round = Round { now_ms, next: 0, not_before_ns: 0 };
        self.retention.round = Some(match self.retention.round {
            Some(under_way) => Round { now_ms, ..under_way },
            None => round,
        });
    }

    /// True while a round is under way.
    #[must_use]
    pub fn is_retaining(&self) -> bool {
        self.retention.round.is_some()
    }

    /// When a turn is due for a round under way.
    pub(crate) fn retention_deadline(&self) -> Option<u64> {
        self.retention.round.map(|round| round.not_before_ns)
    }

    pub(crate) fn step_retention(&mut self, now_ns: u64) {
        let Some(round) = self.retention.round.filter(|round| round.not_before_ns <= now_ns) else { return };
        let mut found = std::mem::take(&mut self.retention.found);
        found.clear();
        let next = self.log.expired(round.now_ms, round.next, STEP, &mut found);
        let code = if found.is_empty() { Code::Ok } else { self.delete_expired(&found) };
        self.retention.round = match code {
            Code::Ok => next.map(|next| Round { next, ..round }),
            Code::Busy | Code::NoSpace => Some(Round { not_before_ns: now_ns + RETRY_NS, ..round }),
            _ => None,
        };
        self.retention.deletions += if code == Code::Ok { found.len() as u64 } else { 0 };
        self.retention.found = found;
    }

    fn delete_expired(&mut self, found: &[(u64, u64)]) -> Code {
        // Offsets stay below 2^63.
        let effects: Vec<Effect<'_>> = found
            .iter()
            .map(|(partition, start)| Effect::DeleteRecords { partition: *partition, offset: *start as i64 })
            .collect();
        self.commit(&effects, Level::Memory, &mut Vec::with_capacity(effects.len())).code
    }

    /// The flush policy of a frame: what each of its partitions demands, joined; without any, the engine's.
    pub(crate) fn policy_of(&self, effects: &[Effect<'_>]) -> Policy {
        if self.retention.policies.is_empty() {
            return self.config.policy;
        }
        let own = |effect: &Effect<'_>| match effect {
            Effect::Append(append) => self.retention.policies.get(&append.partition).copied(),
            Effect::EndTransaction(end) => self.retention.policies.get(&end.partition).copied(),
            _ => None,
        };
        let policies = effects.iter().map(|effect| own(effect).unwrap_or(self.config.policy));
        policies.reduce(Policy::joined).unwrap_or(self.config.policy)
    }

    /// The policy of a deleted partition goes with it.
    pub(crate) fn forget_policy(&mut self, partition: u64) {
        self.retention.policies.remove(&partition);
    }
}
