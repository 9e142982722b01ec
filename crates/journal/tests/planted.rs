//! Known bugs, planted one at a time: the crash runs must find each of them. Compiled only with the feature `planted`.
#![cfg(feature = "planted")]

mod support;

use millrace_io::SimOptions;
use millrace_journal::Planted;
use support::disk::{Disk, Open};
use support::life::Run;
use support::seed_range;

/// The first seed whose run breaks a promise with the bug in place.
fn first_violation(
    planted: Planted,
    options: impl Fn(u64) -> SimOptions,
    errors: bool,
) -> Option<(u64, String)> {
    seed_range(2000).find_map(|seed| {
        let mut run = Run::new(seed, options(seed), errors);
        run.config.planted = planted;
        run.lives(5).err().map(|violation| (seed, violation.what))
    })
}

fn assert_found(found: Option<(u64, String)>) {
    let (seed, what) = found.expect("no run noticed the planted bug");
    println!("found at seed {seed}: {what}");
    let promises = ["lost", "recovered", "came back", "damage reported"];
    assert!(promises.iter().any(|promise| what.contains(promise)), "found something else: {what}");
}

#[test]
fn acknowledging_before_the_flush_is_found() {
    let planted = Planted { acknowledge_before_flush: true, ..Planted::default() };
    assert_found(first_violation(planted, SimOptions::random, false));
}

#[test]
fn acknowledging_a_commit_before_an_older_one_is_found() {
    let planted = Planted { acknowledge_out_of_order: true, ..Planted::default() };
    assert_found(first_violation(planted, SimOptions::random, false));
}

#[test]
fn accepting_a_stale_lap_is_found() {
    let planted = Planted { accept_stale_lap: true, ..Planted::default() };
    assert_found(first_violation(planted, SimOptions::random, false));
}

#[test]
fn retrying_a_failed_flush_is_found() {
    let planted = Planted { retry_failed_flush: true, ..Planted::default() };
    let failing = |seed| SimOptions { flush_failures: 100_000, ..SimOptions::random(seed) };
    assert_found(first_violation(planted, failing, true));
}

/// A stale lap that is believed leads back to the laps before the one it lies under: file 1 (lap 4), stale rest of lap 1,
/// file 2 (lap 2), file 3 (lap 3), file 1 again. What cannot be followed twice ends, whatever is believed.
#[test]
fn a_walk_through_a_stale_lap_that_leads_back_into_its_own_file_ends() {
    let mut disk = Disk::small();
    disk.config.max_files = 3;
    let (mut open, _) = disk.open();
    let lap = |open: &mut Open| -> u64 {
        let before = open.journal.counters().laps;
        while open.journal.counters().laps == before {
            open.append_durable(1);
        }
        open.journal.durable()
    };
    lap(&mut open);
    let first = lap(&mut open) - 1;
    lap(&mut open);
    open.journal.settled(first);
    let last = lap(&mut open);
    drop(open);
    disk.sim.kill_process();
    disk.checkpoint = first;
    disk.config.planted.accept_stale_lap = true;
    let (_, seen) = disk.open();
    let expected: Vec<u64> = (first + 1..=last).chain(2..=first).collect();
    assert_eq!(seen.frames, expected);
}
