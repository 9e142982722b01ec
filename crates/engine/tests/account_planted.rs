//! Known bugs of the account of an opening, switched on one at a time: the lives, which know what is true, must find each.

#![cfg(feature = "planted")]

#[path = "support/crash/mod.rs"]
mod crash;

use crash::Plant;
use millrace_engine::look_planted::{PlantedBug, plant};

/// Power cuts within which a planted bug must show.
const WITHIN_CUTS: u64 = 3_000;

/// The violation that a bug leads to: one of the account, not of anything else.
fn is_found(bug: PlantedBug) {
    plant(Some(bug));
    let verdict = crash::run_many(1, WITHIN_CUTS, Plant::Nothing);
    plant(None);
    match verdict {
        Ok((tally, seeds)) => panic!("{bug:?} was not found in {seeds} seeds: {tally:?}"),
        Err((seed, violation)) => {
            println!("{bug:?}: seed {seed}: {violation}");
            assert!(violation.contains("the account is wrong"), "{violation}");
        }
    }
}

#[test]
fn an_account_that_leaves_a_cut_frame_out_is_found() {
    is_found(PlantedBug::CutFrameLeftOut);
}

#[test]
fn an_account_that_calls_durable_offsets_unproven_is_found() {
    is_found(PlantedBug::ProofLeftOut);
}

#[test]
fn an_account_that_calls_everything_proven_is_found() {
    is_found(PlantedBug::EverythingProven);
}

#[test]
fn an_account_that_calls_a_power_cut_the_death_of_a_process_is_found() {
    is_found(PlantedBug::CutCalledDeath);
}
