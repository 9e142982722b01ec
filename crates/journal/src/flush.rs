//! When the journal is flushed: the policies of all requests, joined; the strongest decides. Pure: time is an input.
//!
//! What it is not: it submits nothing and knows no file.
//!
//! The one invariant: what is acknowledged as *written* and not yet durable is never more than each policy allows, plus
//! one commit. So a flush is due when an allowance is used up, and commits that would use more wait for it.

/// What an acknowledgement waits for. The numbers cross the boundary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Level {
    /// Nothing.
    Memory = 0,
    /// The kernel or device holds it: survives the death of the process.
    Written = 1,
    /// A flush that covers it has returned: survives a power cut.
    Durable = 2,
}

/// When to flush; any combination, the earliest wins. All zero: never (`os`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Flush with every group commit.
    pub always: bool,
    /// Flush when this many records are unflushed; 0: no such limit.
    pub records: u64,
    /// Flush when this many payload bytes are unflushed; 0: no such limit.
    pub bytes: u64,
    /// Flush when the oldest unflushed append is this old; 0: no such limit.
    pub interval_ns: u64,
}

impl Policy {
    /// Write, never flush.
    pub const OS: Policy = Policy { always: false, records: 0, bytes: 0, interval_ns: 0 };
    /// Flush with every group commit.
    pub const ALWAYS: Policy = Policy { always: true, ..Policy::OS };

    /// What satisfies both: the earlier of each limit.
    #[must_use]
    pub fn joined(self, other: Policy) -> Policy {
        let earlier = |a: u64, b: u64| if a == 0 || b == 0 { a.max(b) } else { a.min(b) };
        Policy {
            always: self.always || other.always,
            records: earlier(self.records, other.records),
            bytes: earlier(self.bytes, other.bytes),
            interval_ns: earlier(self.interval_ns, other.interval_ns),
        }
    }
}

/// How one append is to be treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    pub level: Level,
    pub policy: Policy,
    /// Records in the append, for `Policy::records`.
    pub records: u32,
}

impl Request {
    /// The default: flushed with its commit, acknowledged when durable.
    pub const DURABLE: Request = Request { level: Level::Durable, policy: Policy::ALWAYS, records: 1 };
}

/// One whole allowance. Each append uses `records / N` of it, so topics with different N share one count, and none
/// loses more than its own N.
const ALLOWANCE: u64 = 1 << 32;

/// What a flush of the journal was due to. The numbers cross the boundary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum FlushCause {
    /// A policy that flushes with every commit.
    Always = 0,
    /// An allowance of records, bytes or time was used up.
    Records = 1,
    Bytes = 2,
    Interval = 3,
    /// A request for *durable*, or for a flush, under a policy that would not have flushed yet.
    Request = 4,
}

/// How many causes there are.
pub const FLUSH_CAUSES: usize = 5;

/// What a set of frames demands of the next flush.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Demand {
    at_once: bool,
    /// At once because a policy says so, not only a request.
    always: bool,
    written_waiter: bool,
    records_used: u64,
    bytes_used: u64,
    deadline_ns: Option<u64>,
}

/// How a commit is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommitWrite {
    /// One write that is durable by itself: written and durable move together.
    Durable,
    /// A plain write; a flush follows when one is due.
    Plain,
}

fn share(amount: u64, limit: u64) -> u64 {
    if limit == 0 {
        return 0;
    }
    let used = (u128::from(amount) * u128::from(ALLOWANCE)).div_ceil(u128::from(limit));
    u64::try_from(used).unwrap_or(u64::MAX)
}

impl Demand {
    /// What one append of `payload_bytes` at time `now` demands.
    #[must_use]
    pub fn of(request: Request, payload_bytes: u64, now: u64) -> Demand {
        let policy = request.policy;
        Demand {
            at_once: policy.always || request.level == Level::Durable,
            always: policy.always,
            written_waiter: request.level == Level::Written,
            records_used: share(u64::from(request.records), policy.records),
            bytes_used: share(payload_bytes, policy.bytes),
            deadline_ns: (policy.interval_ns > 0).then(|| now.saturating_add(policy.interval_ns)),
        }
    }

    /// A flush of everything so far was asked for.
    #[must_use]
    pub fn now() -> Demand {
        Demand { at_once: true, ..Demand::default() }
    }

    /// Adds what other frames demand.
    pub fn join(&mut self, other: Demand) {
        self.at_once |= other.at_once;
        self.always |= other.always;
        self.written_waiter |= other.written_waiter;
        self.records_used = self.records_used.saturating_add(other.records_used);
        self.bytes_used = self.bytes_used.saturating_add(other.bytes_used);
        self.deadline_ns = match (self.deadline_ns, other.deadline_ns) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
    }

    /// What a flush at this time is due to: the strongest of what asks for it.
    #[must_use]
    pub fn cause(&self, now: u64) -> FlushCause {
        if self.always {
            FlushCause::Always
        } else if self.at_once {
            FlushCause::Request
        } else if self.records_used >= ALLOWANCE {
            FlushCause::Records
        } else if self.bytes_used >= ALLOWANCE {
            FlushCause::Bytes
        } else if self.deadline_ns.is_some_and(|deadline| deadline <= now) {
            FlushCause::Interval
        } else {
            FlushCause::Request
        }
    }

    /// Whether these frames, written and unflushed, must be flushed now.
    #[must_use]
    pub fn is_due(&self, now: u64) -> bool {
        self.at_once || self.is_used_up(now)
    }

    /// Whether an allowance of records, bytes or time is used up.
    #[must_use]
    pub fn is_used_up(&self, now: u64) -> bool {
        self.records_used >= ALLOWANCE
            || self.bytes_used >= ALLOWANCE
            || self.deadline_ns.is_some_and(|deadline| deadline <= now)
    }

    /// Whether these frames, not yet written, must wait because `unflushed` has used up an allowance they share.
    #[must_use]
    pub fn is_held_by(&self, unflushed: &Demand, now: u64) -> bool {
        let limited = self.records_used > 0 || self.bytes_used > 0 || self.deadline_ns.is_some();
        limited && unflushed.is_used_up(now)
    }

    /// When a flush becomes due by time alone.
    #[must_use]
    pub fn deadline_ns(&self) -> Option<u64> {
        self.deadline_ns
    }

    /// One durable write when somebody wants a flush at once, nobody waits for *written* alone and nothing plain
    /// precedes it unflushed (a durable write covers only its own blocks); else a plain write.
    #[must_use]
    pub fn commit_write(&self, unflushed_before: bool) -> CommitWrite {
        if self.at_once && !self.written_waiter && !unflushed_before {
            CommitWrite::Durable
        } else {
            CommitWrite::Plain
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joined_policies_have_the_earlier_of_each_limit() {
        let a = Policy { records: 5, interval_ns: 9, ..Policy::OS };
        let b = Policy { records: 7, bytes: 3, ..Policy::OS };
        assert_eq!(a.joined(b), Policy { always: false, records: 5, bytes: 3, interval_ns: 9 });
        assert_eq!(a.joined(b), b.joined(a));
        assert!(a.joined(Policy::ALWAYS).always && !a.joined(Policy::OS).always);
    }

    fn demand(policy: Policy, records: u32, bytes: u64, now: u64) -> Demand {
        Demand::of(Request { level: Level::Written, policy, records }, bytes, now)
    }

    #[test]
    fn topics_with_different_limits_share_one_count_and_none_exceeds_its_own() {
        let small = Policy { records: 10, ..Policy::OS };
        let large = Policy { records: 1000, ..Policy::OS };
        let mut unflushed = demand(small, 9, 0, 0);
        unflushed.join(demand(large, 99, 0, 0));
        assert!(!unflushed.is_due(0));
        unflushed.join(demand(large, 1, 0, 0));
        assert!(unflushed.is_due(0), "9 of 10 and 100 of 1000 are one allowance");
    }

    #[test]
    fn the_earliest_of_several_limits_decides() {
        let policy = Policy { records: 100, bytes: 100, interval_ns: 100, always: false };
        assert!(!demand(policy, 99, 99, 0).is_due(99));
        assert!(demand(policy, 100, 0, 0).is_due(0));
        assert!(demand(policy, 0, 100, 0).is_due(0));
        assert!(demand(policy, 0, 0, 0).is_due(100));
    }

    #[test]
    fn huge_amounts_use_up_an_allowance_and_do_not_overflow() {
        let policy = Policy { records: 1, bytes: 1, interval_ns: u64::MAX, always: false };
        let mut unflushed = demand(policy, u32::MAX, u64::MAX, u64::MAX - 1);
        unflushed.join(unflushed);
        assert!(unflushed.is_used_up(0));
    }

    #[test]
    fn only_commits_that_share_an_allowance_wait_for_its_flush() {
        let limited = demand(Policy { records: 1, ..Policy::OS }, 1, 0, 0);
        let free = demand(Policy::OS, 1, 0, 0);
        assert!(limited.is_held_by(&limited, 0));
        assert!(!free.is_held_by(&limited, 0));
        assert!(!limited.is_held_by(&free, 0));
    }

    #[test]
    fn the_strongest_waiter_decides_how_a_commit_is_written() {
        let durable = Demand::of(Request::DURABLE, 1, 0);
        let written = demand(Policy::OS, 1, 1, 0);
        let mut both = durable;
        both.join(written);
        assert_eq!(durable.commit_write(false), CommitWrite::Durable);
        assert_eq!(durable.commit_write(true), CommitWrite::Plain);
        assert_eq!(written.commit_write(false), CommitWrite::Plain);
        assert_eq!(both.commit_write(false), CommitWrite::Plain);
    }
}
