//! Known bugs of stores, switched on one at a time: the power cuts must find each of them.

#![cfg(feature = "planted")]

#[path = "support/kv/mod.rs"]
mod kv;

use kv::cuts::run_many;
use millrace_engine::kv_planted::{PlantedBug, plant};

/// Power cuts within which a planted bug must show, by a violation or by an assertion that stops the engine.
const WITHIN_CUTS: u64 = 600;

fn is_found(bug: PlantedBug, spoils_hints: bool) {
    let verdict = std::panic::catch_unwind(|| {
        plant(Some(bug));
        run_many(1, WITHIN_CUTS, spoils_hints)
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
    is_found(PlantedBug::TombstoneDroppedEarly, false);
}

#[test]
fn a_hint_that_is_trusted_without_its_checksum_is_found() {
    is_found(PlantedBug::HintTrusted, true);
}

#[test]
fn a_keydir_that_moves_before_the_merge_is_durable_is_found() {
    is_found(PlantedBug::MovedBeforeDurable, false);
}
