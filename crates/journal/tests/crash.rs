//! Crash tests over the simulated disk. `MILLRACE_SEEDS=N` runs more; `MILLRACE_SEED=S` replays one.

mod support;

use millrace_io::SimOptions;
use support::life::Run;
use support::run_all;

const LIVES: u32 = 5;

#[test]
fn acknowledged_frames_survive_power_cuts_and_kills_as_their_level_and_policy_say() {
    run_all("acknowledged_frames_survive", 400, |seed| {
        Run::new(seed, SimOptions::random(seed), false).lives(LIVES)
    });
}

#[test]
fn acknowledged_frames_survive_devices_that_fail_as_well() {
    run_all("acknowledged_frames_survive_devices", 400, |seed| {
        Run::new(seed, SimOptions::random_with_errors(seed), true).lives(LIVES)
    });
}
