//! Faults drawn from a seed: how often each kind happens.

use super::call::CallKind;
use super::rule::{ERRNOS, Fault};
use crate::sim::Random;

/// Odds of each kind of fault, in a million calls. Timers are left alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FaultOdds {
    /// Calls that fail with an error of `ERRNOS` and are not done.
    pub refuse: u32,
    /// Calls that are done and reported as failed.
    pub fail_after: u32,
    /// Calls that fail with EINTR, EAGAIN or ECANCELED, which nobody above may see for what can be repeated.
    pub interrupt: u32,
    pub short: u32,
    pub delay: u32,
    /// Longest delay in nanoseconds.
    pub delay_ns_max: u64,
    pub reorder: u32,
}

impl FaultOdds {
    /// Nothing fails; everything is late, short, interrupted and out of order: promises must hold unchanged.
    #[must_use]
    pub fn disorder() -> FaultOdds {
        FaultOdds {
            interrupt: 100_000,
            short: 200_000,
            delay: 100_000,
            delay_ns_max: 200_000,
            reorder: 200_000,
            ..FaultOdds::default()
        }
    }

    pub(super) fn draw(&self, random: &mut Random, kind: CallKind) -> Option<Fault> {
        if kind == CallKind::Timer {
            return None;
        }
        let errno = |random: &mut Random, from: &[i32]| from[random.below(from.len() as u64) as usize];
        let fault = if random.chance(self.refuse) {
            Fault::Refuse(errno(random, &ERRNOS))
        } else if random.chance(self.fail_after) {
            Fault::FailAfter(errno(random, &ERRNOS))
        } else if kind.is_repeated() && random.chance(self.interrupt) {
            Fault::Refuse(errno(random, &[libc::EINTR, libc::EAGAIN, libc::ECANCELED]))
        } else if random.chance(self.short) {
            Fault::Short
        } else if random.chance(self.delay) {
            Fault::Delay(random.between(1, self.delay_ns_max.max(1)))
        } else if random.chance(self.reorder) {
            Fault::Reorder
        } else {
            return None;
        };
        fault.applies_to(kind).then_some(fault)
    }
}
