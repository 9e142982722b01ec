//! Known bugs of compaction, switched on one at a time: the power cuts must find each of them.

#![cfg(feature = "planted")]

#[path = "../../log/tests/support/batches.rs"]
mod batches;
#[path = "support/compaction/mod.rs"]
mod compaction;

use compaction::run_many;
use millrace_engine::log_planted::{PlantedBug, plant};

/// Power cuts within which a planted bug must show, by a violation or by an assertion that stops the engine.
const WITHIN_CUTS: u64 = 1_000;

fn is_found(bug: PlantedBug) {
    let verdict = std::panic::catch_unwind(|| {
        plant(Some(bug));
        run_many(1, WITHIN_CUTS)
    });
    plant(None);
    match verdict {
        Ok(Ok(tally)) => panic!("{bug:?} was not found: {tally:?}"),
        Ok(Err((seed, violation))) => println!("{bug:?}: seed {seed}: {violation}"),
        Err(_) => println!("{bug:?}: an assertion stopped it"),
    }
}

#[test]
fn a_tombstone_that_is_dropped_too_early_is_found() {
    is_found(PlantedBug::TombstoneDroppedEarly);
}

#[test]
fn a_manifest_that_names_an_output_before_it_is_durable_is_found() {
    is_found(PlantedBug::PublishedBeforeDurable);
}

#[test]
fn an_aborted_record_that_wins_its_key_is_found() {
    is_found(PlantedBug::AbortedRecordWins);
}
