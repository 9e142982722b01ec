//! A short life is lived once for every call it makes to the disk, every error that call can meet, once and for ever:
//! afterwards everything acknowledged as durable is there, and no byte is wrong. The same of passes of compaction.
//!
//! `MILLRACE_SITES=all` takes every site and every error, once and for ever, everywhere; without it, of the sticky ones
//! and of those on real drivers a part.

#[path = "support/compaction/mod.rs"]
mod compaction;
#[path = "support/sites/mod.rs"]
mod sites;
mod support;

use support::batches;

use millrace_io::DriverChoice;
use millrace_io::faults::{CallKind, ERRNOS, Fault, FaultRule, Site};
use sites::compaction::Base;
use sites::{Ground, live_with, sites};

/// What a sweep over a life's sites came to.
#[derive(Debug, Default)]
struct Sweep {
    lives: u64,
    /// Lives that met their fault.
    met: u64,
    violations: Vec<String>,
}

impl Sweep {
    fn live(&mut self, ground: &Ground, site: &Site, rule: FaultRule, heals: bool) {
        let what = format!("{site}: {:?}, sticky {}, on {ground}", rule.fault, rule.sticky);
        self.count(live_with(ground, rule, heals), &what);
    }

    /// Counts a life and what came of it.
    fn count(&mut self, lived: Result<u64, String>, what: &str) {
        self.lives += 1;
        match lived {
            Ok(injected) => self.met += u64::from(injected > 0),
            Err(violation) => self.violations.push(format!("{what}: {violation}")),
        }
    }

    /// Lives of two passes of compaction with every second of these faults at each of their calls, other ones at the next
    /// call, and every sixth for ever (all of them when everything is asked for). Half of them end by a power cut, the others by a kill.
    fn compact(&mut self, base: &Base, faults: &[Fault]) {
        for site in &base.sites() {
            for (number, fault) in faults.iter().enumerate() {
                let case = site.nth + number as u64;
                for sticky in [false, true] {
                    if !all() && !case.is_multiple_of(if sticky { 6 } else { 2 }) {
                        continue;
                    }
                    let cut = (case / 2).is_multiple_of(2) != sticky;
                    let rule = FaultRule::at(site.nth, *fault, sticky);
                    let what = format!("compaction, {site}: {fault:?}, sticky {sticky}, cut {cut}");
                    self.count(base.live_with(&rule, cut), &what);
                }
            }
        }
    }

    /// Lives on a simulated machine for each of these sites and faults. A sticky fault (unless everything is asked for,
    /// one in three at each site) stays until the end; a passing one is followed by a sudden end within a few frames, or by none. Half of the ends are power cuts.
    fn simulate(&mut self, sites: &[Site], faults: &[Fault]) {
        for (site, (number, fault)) in
            sites.iter().flat_map(|site| faults.iter().enumerate().map(move |f| (site, f)))
        {
            let case = site.nth + number as u64;
            let cut = case.is_multiple_of(2);
            if all() || number % 3 == site.nth as usize % 3 {
                self.live(&Ground::sim(cut), site, FaultRule::at(site.nth, *fault, true), false);
            }
            let within = case % 7;
            let ground = if within == 6 { Ground::sim(!cut) } else { Ground::sudden(!cut, within) };
            self.live(&ground, site, FaultRule::at(site.nth, *fault, false), false);
        }
    }

    #[track_caller]
    fn judge(&self, least_met: u64) {
        println!("{} lives, {} met a fault", self.lives, self.met);
        let violations = &self.violations;
        assert!(violations.is_empty(), "{} violations:\n{}", violations.len(), violations.join("\n"));
        assert!(self.met >= least_met, "only {} of {} lives met a fault", self.met, self.lives);
    }
}

/// Whether everything is asked for.
fn all() -> bool {
    std::env::var("MILLRACE_SITES").is_ok_and(|value| value == "all")
}

fn simulated_sites() -> Vec<Site> {
    let sites = sites(&Ground::sim(false));
    let has = |kind: CallKind, path: &str| {
        sites.iter().any(|site| site.kind == kind && site.path.to_string_lossy().contains(path))
    };
    assert!(has(CallKind::Write, ".shared") && has(CallKind::Write, ".log"), "it settles both kinds");
    assert!(has(CallKind::Read, "journal/") && has(CallKind::Read, "segments/"), "it recovers and reads");
    assert!(has(CallKind::DurableWrite, "journal/") && has(CallKind::Sync, "journal/"));
    assert!(has(CallKind::Write, ".bulk") || has(CallKind::DurableWrite, ".bulk"), "large appends too");
    assert!(has(CallKind::Rename, "manifest") && has(CallKind::Rename, "journal/"));
    sites
}

#[test]
fn a_call_that_is_refused_loses_nothing_acknowledged() {
    let mut sweep = Sweep::default();
    sweep.simulate(&simulated_sites(), &ERRNOS.map(Fault::Refuse));
    sweep.judge(sweep.lives * 9 / 10);
}

#[test]
fn a_call_that_is_done_and_reported_as_failed_loses_nothing_acknowledged() {
    let usual = [libc::EIO, libc::EINTR, libc::ECANCELED, libc::ENOSPC];
    let errnos = ERRNOS.into_iter().filter(|errno| all() || usual.contains(errno));
    let faults: Vec<Fault> = errnos.map(Fault::FailAfter).collect();
    let mut sweep = Sweep::default();
    sweep.simulate(&simulated_sites(), &faults);
    sweep.judge(sweep.lives * 9 / 10);
}

#[test]
fn short_late_and_reordered_calls_change_nothing() {
    let mut sweep = Sweep::default();
    sweep.simulate(&simulated_sites(), &[Fault::Short, Fault::Delay(30_000_000), Fault::Reorder]);
    sweep.judge(sweep.lives / 4);
}

#[test]
fn a_full_disk_at_any_write_that_needs_space_heals_when_space_returns() {
    let needs_space = |site: &&Site| {
        let path = site.path.to_string_lossy();
        let grows = path.starts_with("segments/") || path.starts_with("manifest") || path.ends_with(".new");
        grows && matches!(site.kind, CallKind::Write | CallKind::DurableWrite | CallKind::Allocate)
    };
    let mut sweep = Sweep::default();
    let sites = simulated_sites();
    for (site, errno) in
        sites.iter().filter(needs_space).flat_map(|site| [(site, libc::ENOSPC), (site, libc::EDQUOT)])
    {
        for path in ["segments/*", "manifest*", "*.new"] {
            for kind in [CallKind::Write, CallKind::Allocate] {
                let same = |before: &&Site| before.nth <= site.nth && before.kind == kind;
                let nth = sites.iter().filter(needs_space).filter(same).count().max(1) as u64;
                let rule = FaultRule::on(kind, nth, Fault::Refuse(errno), true);
                let rule = FaultRule { path: Some(path.to_string()), ..rule };
                sweep.live(&Ground::sim(site.nth.is_multiple_of(2)), site, rule, true);
            }
        }
    }
    sweep.judge(20);
}

#[test]
fn the_calls_of_a_compaction_are_among_the_sites() {
    let sites = Base::new().sites();
    let has = |kind: CallKind, path: &str| {
        sites.iter().any(|site| site.kind == kind && site.path.to_string_lossy().contains(path))
    };
    assert!(has(CallKind::Read, "segments/"), "it reads what there is");
    assert!(has(CallKind::Write, ".log") && has(CallKind::Write, ".index"), "and writes it anew: {sites:?}");
    assert!(has(CallKind::SyncDirectory, "segments") && has(CallKind::Sync, "manifest.edits"));
    assert!(has(CallKind::Unlink, "segments/"), "and what is superseded goes");
}

#[test]
fn a_call_of_a_compaction_that_is_refused_changes_no_record() {
    let mut sweep = Sweep::default();
    sweep.compact(&Base::new(), &ERRNOS.map(Fault::Refuse));
    sweep.judge(sweep.lives * 9 / 10);
}

#[test]
fn a_call_of_a_compaction_that_is_done_and_reported_as_failed_late_or_short_changes_no_record() {
    let usual = [libc::EIO, libc::EINTR, libc::ECANCELED, libc::ENOSPC];
    let errnos = ERRNOS.into_iter().filter(|errno| all() || usual.contains(errno));
    let mut faults: Vec<Fault> = errnos.map(Fault::FailAfter).collect();
    faults.extend([Fault::Short, Fault::Delay(30_000_000), Fault::Reorder]);
    let mut sweep = Sweep::default();
    sweep.compact(&Base::new(), &faults);
    sweep.judge(sweep.lives / 2);
}

/// Sweeps on a real driver: all of it on request, else a part of the sites and errors that is another one for each.
fn on_a_disk(name: &str, choice: DriverChoice) {
    let sites = sites(&Ground::disk(name, choice));
    let mut sweep = Sweep::default();
    let faults: Vec<(Fault, bool)> = ERRNOS
        .iter()
        .flat_map(|errno| [(Fault::Refuse(*errno), false), (Fault::Refuse(*errno), true)])
        .collect();
    let cases = sites.iter().flat_map(|site| faults.iter().map(move |fault| (site, *fault)));
    for (site, (fault, sticky)) in cases.step_by(if all() { 1 } else { 601 }) {
        sweep.live(&Ground::disk(name, choice), site, FaultRule::at(site.nth, fault, sticky), false);
    }
    sweep.judge(sweep.lives / 2);
}

#[test]
fn on_the_pool_no_error_at_any_site_loses_what_was_acknowledged() {
    on_a_disk("pool", DriverChoice::Pool);
}

#[test]
fn on_the_best_driver_of_this_machine_no_error_at_any_site_loses_what_was_acknowledged() {
    on_a_disk("auto", DriverChoice::Auto);
}
