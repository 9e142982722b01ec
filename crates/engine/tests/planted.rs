//! Known bugs, switched on one at a time: the power cuts must find each of them. A crash test that finds nothing proves
//! nothing.

#![cfg(feature = "planted")]

#[path = "support/crash/mod.rs"]
mod crash;

use crash::Plant;
use millrace_engine::look_planted::PlantedBug;

/// Power cuts within which a planted bug must show, by a violation or by an assertion that stops the engine.
const WITHIN_CUTS: u64 = 3_000;
/// For one that shows only when a cut falls between two commits that overlap.
const WITHIN_MANY_CUTS: u64 = 12_000;

fn is_found(plant: Plant) {
    is_found_within(WITHIN_CUTS, plant);
}

fn is_found_within(cuts: u64, plant: Plant) {
    let verdict = std::panic::catch_unwind(|| crash::run_many(1, cuts, plant));
    match verdict {
        Ok(Ok((tally, seeds))) => panic!("{plant:?} was not found in {seeds} seeds: {tally:?}"),
        Ok(Err((seed, violation))) => println!("{plant:?}: seed {seed}: {violation}"),
        Err(_) => println!("{plant:?}: an assertion of the engine stopped it"),
    }
}

#[test]
fn an_acknowledgement_before_the_flush_is_found() {
    is_found(Plant::AcknowledgeBeforeFlush);
}

#[test]
fn an_acknowledgement_of_a_commit_before_an_older_one_is_found() {
    is_found_within(WITHIN_MANY_CUTS, Plant::AcknowledgeOutOfOrder);
}

#[test]
fn a_stale_lap_that_is_accepted_is_found() {
    is_found(Plant::AcceptStaleLap);
}

#[test]
fn a_failed_flush_that_is_tried_again_is_found() {
    is_found(Plant::RetryFailedFlush);
}

#[test]
fn a_flush_before_a_short_write_is_continued_is_found() {
    is_found(Plant::FlushBeforeShortWriteContinued);
}

#[test]
fn a_directory_sync_that_is_left_out_is_found() {
    is_found(Plant::DirectorySyncLeftOut);
}

#[test]
fn an_acknowledgement_before_bulk_bytes_are_flushed_is_found() {
    is_found(Plant::AcknowledgeBeforeBulkFlush);
}

#[test]
fn a_file_that_goes_while_the_manifest_names_it_is_found() {
    is_found(Plant::RemoveNamedFiles);
}

#[test]
fn a_reference_that_is_trusted_without_its_checksum_is_found() {
    is_found(Plant::TrustReferences);
}

#[test]
fn an_edit_of_the_manifest_that_counts_before_its_flush_is_found() {
    is_found(Plant::Engine(PlantedBug::EditUnsynced));
}

#[test]
fn a_torn_edit_of_the_manifest_that_is_accepted_is_found() {
    is_found(Plant::Engine(PlantedBug::TornEditAccepted));
}

#[test]
fn a_base_of_the_manifest_without_a_directory_sync_is_found() {
    is_found(Plant::Engine(PlantedBug::BaseUnsynced));
}
