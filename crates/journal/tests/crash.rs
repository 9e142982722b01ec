//! Crash tests over the simulated disk. `MILLRACE_SEEDS=N` runs more; `MILLRACE_SEED=S` replays one.

mod support;

use millrace_io::SimOptions;
use support::life::Run;
use support::{Exercised, run_all};

const LIVES: u32 = 5;

#[test]
fn acknowledged_frames_survive_power_cuts_and_kills_as_their_level_and_policy_say() {
    let exercised = run_all("acknowledged_frames_survive_power_cuts", 400, |seed| {
        let mut run = Run::new(seed, SimOptions::random(seed), false);
        run.lives(LIVES).map(|()| run.exercised)
    });
    exercised
        .check(|sum: &Exercised| sum.cuts > 0 && sum.laps > 0 && sum.lost_written > 0 && sum.poisonings == 0);
}

#[test]
fn acknowledged_frames_survive_devices_that_fail_as_well() {
    let exercised = run_all("acknowledged_frames_survive_devices_that_fail", 400, |seed| {
        let mut run = Run::new(seed, SimOptions::random_with_errors(seed), true);
        run.lives(LIVES).map(|()| run.exercised)
    });
    exercised.check(|sum: &Exercised| sum.cuts > 0 && sum.laps > 0 && sum.poisonings > 0);
}
