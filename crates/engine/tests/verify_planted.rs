//! Known bugs of verification, switched on one at a time: flipped bits that it passes by must show.

#![cfg(feature = "planted")]

#[path = "support/compacted.rs"]
mod compacted;
#[path = "support/flips.rs"]
mod flips;
#[path = "support/kv/mod.rs"]
mod kv;
mod support;

use flips::{Places, directory, frame_places, index_places, shared_places, unreported};
use millrace_engine::look_planted::{PlantedBug, plant};
use millrace_io::SimHandle;

fn is_found(bug: PlantedBug, places: fn(&SimHandle) -> Places) {
    let (disk, _) = directory(8, true);
    let (file, places, step) = places(&disk);
    plant(Some(bug));
    let found = unreported(&disk, &file, places, step);
    plant(None);
    assert!(found.is_some(), "{bug:?} was not found in {file}");
    println!("{bug:?}: a flip of byte {found:?} of {file} goes unreported");
}

#[test]
fn verification_that_passes_by_an_index_is_found() {
    is_found(PlantedBug::IndexPassedBy, index_places);
}

#[test]
fn verification_that_passes_by_a_shared_segment_is_found() {
    is_found(PlantedBug::SharedPassedBy, shared_places);
}

#[test]
fn verification_that_passes_by_the_last_frame_of_a_closed_journal_is_found() {
    is_found(PlantedBug::EndPassedBy, frame_places);
}
