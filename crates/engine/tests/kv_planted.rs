//! Known bugs of stores, switched on one at a time: the power cuts must find each of them.

#![cfg(feature = "planted")]

#[path = "support/kv/mod.rs"]
mod kv;
mod support;

use kv::cuts::{OF_THE_JOURNAL, run_many};
use kv::{Write, commit, drive, get};
use millrace_engine::kv_planted::{PlantedBug, plant};
use millrace_engine::{Condition, Effect, Level, Planted};
use support::{machine, open};

/// Power cuts within which a planted bug must show, by a violation or by an assertion that stops the engine.
const WITHIN_CUTS: u64 = 600;
/// For one that shows only when a cut falls between two steps of a rare kind.
const WITHIN_MANY_CUTS: u64 = 12_000;

fn is_found(bug: PlantedBug, spoils_hints: bool) {
    is_found_within(WITHIN_CUTS, bug, spoils_hints);
}

fn is_found_within(cuts: u64, bug: PlantedBug, spoils_hints: bool) {
    let verdict = std::panic::catch_unwind(|| {
        plant(Some(bug));
        run_many(1, cuts, spoils_hints)
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

#[test]
fn a_large_file_that_goes_before_the_manifest_without_it_is_durable_is_found() {
    is_found_within(WITHIN_MANY_CUTS, PlantedBug::LargeFileDropped, false);
}

#[test]
fn a_reference_that_moves_before_the_value_is_durable_is_found() {
    is_found_within(WITHIN_MANY_CUTS, PlantedBug::ReferredBeforeDurable, false);
}

#[test]
fn a_put_that_is_acknowledged_before_its_flush_is_found() {
    OF_THE_JOURNAL.with(|planted| {
        planted.set(Planted { acknowledge_before_flush: true, ..Planted::default() });
    });
    let verdict = run_many(1, WITHIN_CUTS, false);
    OF_THE_JOURNAL.with(|planted| planted.set(Planted::default()));
    let (seed, violation) = verdict.expect_err("a put that is not there was acknowledged");
    println!("acknowledged before the flush: seed {seed}: {violation}");
}

/// Whether a key that has died stays dead when the wall clock goes back, in memory and after a restart.
fn the_dead_stay_dead() -> Result<(), &'static str> {
    let machine = machine(1);
    let (mut engine, _) = open(&machine);
    commit(&mut engine, &[Write::Create(1)], Level::Durable);
    let at = u64::try_from(machine.wall_ms()).expect("after 1970") + 60_000;
    let condition = Condition::None;
    let put = Effect::KvPut { store: 1, key: b"dies", value: b"v", expires_ms: at, condition };
    let lsn = engine.commit(&[put], Level::Durable, &mut Vec::new()).lsn;
    drive(&mut engine, |engine| engine.events().durable >= lsn);
    machine.shift_wall_ms(60_000);
    if get(&mut engine, 1, b"dies", 0) != Ok(None) {
        return Err("it lives at its time");
    }
    machine.shift_wall_ms(-120_000);
    if get(&mut engine, 1, b"dies", 0) != Ok(None) {
        return Err("a clock that went back has brought it back");
    }
    Ok(())
}

#[test]
fn an_expiry_that_follows_a_clock_which_goes_back_is_found() {
    assert_eq!(the_dead_stay_dead(), Ok(()));
    plant(Some(PlantedBug::ClockBelieved));
    let verdict = the_dead_stay_dead();
    plant(None);
    println!("the clock is believed: {verdict:?}");
    assert_eq!(verdict, Err("a clock that went back has brought it back"));
}
