//! A known bug of joining, switched on: the power cuts must find it.

#![cfg(feature = "planted")]

#[path = "support/crash/mod.rs"]
mod crash;

use crash::Plant;
use millrace_engine::log_planted::{PlantedBug, plant};

/// Power cuts within which a planted bug must show.
const WITHIN_CUTS: u64 = 30_000;

#[test]
fn files_that_go_before_the_manifest_that_joined_their_ranges_are_found() {
    let verdict = std::panic::catch_unwind(|| {
        plant(Some(PlantedBug::InputGoesEarly));
        crash::run_many(1, WITHIN_CUTS, Plant::Nothing)
    });
    plant(None);
    match verdict {
        Ok(Ok((tally, seeds))) => panic!("it was not found in {seeds} seeds: {tally:?}"),
        Ok(Err((seed, violation))) => println!("seed {seed}: {violation}"),
        Err(_) => println!("an assertion of the engine stopped it"),
    }
}
