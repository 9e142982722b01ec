//! Known bugs of reading ahead, switched on one at a time: what goes through sealed data in order must find each of them.

#![cfg(feature = "planted")]

#[path = "support/ahead/mod.rs"]
mod ahead;
#[path = "support/compaction/client.rs"]
mod client;
mod support;

use millrace_engine::log_planted::{PlantedBug, plant};

fn is_found(bug: PlantedBug, by: fn()) {
    by();
    let verdict = std::panic::catch_unwind(|| {
        plant(Some(bug));
        by();
    });
    plant(None);
    assert!(verdict.is_err(), "{bug:?} was not found");
}

#[test]
fn windows_that_answers_hold_and_nobody_counts_are_found() {
    is_found(PlantedBug::LentForgotten, ahead::many_readers_keep_to_the_budget);
}
