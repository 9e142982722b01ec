//! Which call meets which fault, and the account of what was injected. Shared between a test and the `Io` it broke.

use super::call::CallKind;
use super::odds::FaultOdds;
use super::rule::{Fault, FaultRule};
use crate::sim::Random;
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A test's hold on the faults of one or more `Io`s. Clones are the same faults. Without a rule nothing fails.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    state: Arc<Mutex<State>>,
}

/// A call that was seen: what a rule can name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// Its number among all calls but timers, from 1; 0 for a timer.
    pub nth: u64,
    pub kind: CallKind,
    /// The file or directory; of a rename where it leads; empty for the data directory itself and for timers.
    pub path: PathBuf,
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "call {} ({:?} {})", self.nth, self.kind, self.path.display())
    }
}

/// How often a fault was injected into one kind of call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Injected {
    pub kind: CallKind,
    pub fault: Fault,
    pub count: u64,
}

#[derive(Debug, Default)]
struct State {
    rules: Vec<(FaultRule, u64)>,
    random: Option<(Random, FaultOdds)>,
    calls: u64,
    injected: BTreeMap<(CallKind, Fault), u64>,
    sites: Option<Vec<Site>>,
}

impl Faults {
    /// Faults that consist of one rule.
    #[must_use]
    pub fn of(rule: FaultRule) -> Faults {
        let faults = Faults::default();
        faults.add(rule);
        faults
    }

    /// Faults drawn from a seed: the same calls in the same order meet the same faults.
    #[must_use]
    pub fn seeded(seed: u64, odds: FaultOdds) -> Faults {
        let faults = Faults::default();
        faults.state().random = Some((Random::new(seed), odds));
        faults
    }

    /// Adds a rule, which counts calls from now on. Where several match a call, the first one added decides.
    pub fn add(&self, rule: FaultRule) {
        self.state().rules.push((rule, 0));
    }

    /// Ends all faults: rules and odds are gone, counts stay.
    pub fn clear(&self) {
        let mut state = self.state();
        state.rules.clear();
        state.random = None;
    }

    /// From now on keeps a list of all calls.
    pub fn record(&self) {
        self.state().sites.get_or_insert_default();
    }

    /// The calls seen since `record`, timers included.
    #[must_use]
    pub fn sites(&self) -> Vec<Site> {
        self.state().sites.clone().unwrap_or_default()
    }

    /// Calls seen so far, timers not counted.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.state().calls
    }

    /// What was injected so far, by kind of call and fault.
    #[must_use]
    pub fn injected(&self) -> Vec<Injected> {
        let state = self.state();
        let counts = state.injected.iter();
        counts.map(|((kind, fault), count)| Injected { kind: *kind, fault: *fault, count: *count }).collect()
    }

    /// How many faults were injected so far.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.state().injected.values().sum()
    }

    /// The fault this call meets. It counts as injected only when `count` says so.
    pub(super) fn decide(&self, kind: CallKind, paths: &[&Path]) -> Option<Fault> {
        let mut state = self.state();
        let nth = if kind == CallKind::Timer { 0 } else { state.calls + 1 };
        state.calls = state.calls.max(nth);
        if let Some(sites) = &mut state.sites {
            let path = paths.last().map_or_else(PathBuf::new, |path| path.to_path_buf());
            sites.push(Site { nth, kind, path });
        }
        let mut met = None;
        for (rule, seen) in state.rules.iter_mut().filter(|(rule, _)| rule.matches(kind, paths)) {
            *seen += 1;
            if *seen == rule.nth || rule.sticky && *seen > rule.nth {
                met = met.or(Some(rule.fault));
            }
        }
        let drawn = state.random.as_mut().and_then(|(random, odds)| odds.draw(random, kind));
        met.or(drawn).filter(|fault| fault.applies_to(kind))
    }

    pub(super) fn count(&self, kind: CallKind, fault: Fault) {
        *self.state().injected.entry((kind, fault)).or_default() += 1;
    }

    /// No code panics while it holds the lock, so a poisoned one still guards whole data.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
