//! Merges of large values, promise by promise and on every driver: what is needed of mostly dead files is copied, the files
//! go, and wherever the store is closed meanwhile, nothing is wrong and nothing left over.
//!
//! What it is not: power cuts in such merges (`kv_power_cut.rs`).

#[path = "support/kv/mod.rs"]
mod kv;
#[path = "support/large/mod.rs"]
mod large;
mod support;

use kv::{Write, commit, drive, get, settled_read};
use large::place::Place;
use large::*;
use millrace_engine::{Engine, KvRead, Level, Severity, verify};

/// More turns than a merge of these tests takes.
const TURNS_MAX: usize = 4_000;

fn key(at: u8) -> String {
    format!("key{at:02}")
}

/// All of these files but the last ones, which may still have been written, are gone.
fn are_gone(place: &Place, files: &[String]) -> bool {
    let now = place.large_files();
    files.iter().filter(|file| now.contains(file)).count() <= 2
}

fn has_come_to_rest(engine: &mut Engine) -> bool {
    let stats = engine.kv_stats(1).expect("there");
    let due = engine.next_deadline().is_some_and(|at| at <= engine.io().now_ns());
    stats.moved_bytes > 0 && !stats.merging && !due
}

fn is_copied_and_goes(place: &Place) {
    let mut engine = with_store_on(place.io());
    let fifth: Vec<u8> = (0..30).filter(|at| at % 5 == 0).collect();
    (0..30).for_each(|at| write_large(&mut engine, &put(&key(at), at)));
    settle(&mut engine);
    let before = place.large_files();
    assert!(before.len() >= 5, "{before:?}");
    let snapshot = engine.kv_snapshot(1);
    for at in (0..30).filter(|at| !fifth.contains(at)) {
        commit(&mut engine, &[Write::Delete(1, key(at).into_bytes())], Level::Durable);
    }
    settle_until(&mut engine, has_come_to_rest);
    let old = get(&mut engine, 1, b"key07", snapshot).expect("readable").expect("the snapshot sees it");
    assert_eq!(old.value, vec![7; LARGE], "a file stays as long as a snapshot holds it");
    engine.kv_release(snapshot);
    settle_until(&mut engine, |_| are_gone(place, &before));
    let stats = engine.kv_stats(1).expect("there");
    assert!(stats.moved_bytes >= 3 * LARGE as u64 && stats.large_dead_bytes < stats.large_bytes, "{stats:?}");
    for round in 0..2 {
        for at in 0..30 {
            let expected = fifth.contains(&at).then(|| vec![at; LARGE]);
            assert_eq!(value(&mut engine, &key(at)), expected, "round {round}, key {at}");
        }
        close(engine);
        let found = verify(place.io(), true).expect("verified");
        assert!(found.worst() <= Some(Severity::Note), "{:?}", found.findings);
        engine = open_on(place.io());
    }
}

#[test]
fn what_is_needed_of_mostly_dead_large_files_is_copied_and_they_go() {
    is_copied_and_goes(&Place::sim(1));
}

#[test]
fn what_is_needed_of_mostly_dead_large_files_is_copied_and_they_go_with_threads() {
    is_copied_and_goes(&Place::pool("large"));
}

#[test]
fn what_is_needed_of_mostly_dead_large_files_is_copied_and_they_go_with_a_ring() {
    match Place::ring("large") {
        Some(place) => is_copied_and_goes(&place),
        None => println!("no ring on this machine"),
    }
}

/// A closed store whose large files will be mostly dead once its last frames are settled: of 30 keys every fifth stays.
fn nearly_dead(place: &Place) {
    let mut engine = with_store_on(place.io());
    (0..30).for_each(|at| write_large(&mut engine, &put(&key(at), at)));
    settle(&mut engine);
    for at in (0..30u8).filter(|at| at % 5 != 0) {
        commit(&mut engine, &[Write::Delete(1, key(at).into_bytes())], Level::Durable);
    }
    close(engine);
}

fn has_all(engine: &mut Engine, when: &str) {
    assert_eq!(value(engine, "first"), Some(vec![0; LARGE]), "{when}");
    for at in 0..30 {
        let expected = (at % 5 == 0).then(|| vec![at; LARGE]);
        assert_eq!(value(engine, &key(at)), expected, "{when}: key {at}");
    }
}

/// Nothing lies in the directory that no manifest names, and everything verifies.
fn is_tidy(place: &Place, when: &str) {
    let found = verify(place.io(), true).expect("verified");
    assert!(found.findings.is_empty(), "{when}: {:?}", found.findings);
}

/// Makes a settle due, behind which values are copied; says whether all that had come to its end within so many turns.
fn merge_for(engine: &mut Engine, turns: usize) -> bool {
    while engine.unsettled_bytes() < large_config().settle_bytes {
        commit(engine, &[Write::Put(9, b"filler".to_vec(), vec![0; 2_000])], Level::Durable);
    }
    for _ in 0..turns {
        engine.turn();
        if has_come_to_rest(engine) {
            return true;
        }
        engine.wait(Some(100_000));
    }
    false
}

/// Closes after each of these numbers of turns of a merge, up to the one that its end comes before.
fn closes_wherever_a_merge_stands(base: &Place, numbers: impl IntoIterator<Item = usize>) {
    nearly_dead(base);
    let before = base.large_files();
    let (mut ended, mut in_the_middle) = (false, 0);
    for turns in numbers {
        let (place, when) = (base.fork(), format!("closed after {turns} turns"));
        let mut engine = open_on(place.io());
        ended = merge_for(&mut engine, turns);
        in_the_middle += usize::from(engine.kv_stats(1).expect("there").merging);
        close(engine);
        let mut engine = open_on(place.io());
        has_all(&mut engine, &when);
        // What the close has interrupted is done by the next run, and its files go then.
        settle_until(&mut engine, |_| are_gone(&place, &before));
        drive(&mut engine, |engine| !engine.kv_stats(1).expect("there").merging);
        rest(&mut engine);
        has_all(&mut engine, &when);
        close(engine);
        is_tidy(&place, &when);
        if ended {
            break;
        }
    }
    assert!(ended, "the last close was behind the merge");
    println!("{in_the_middle} closes were in the middle of a merge");
    // How many turns a merge takes on a real device is the device's affair.
    assert!(in_the_middle > 3 || !base.is_simulated(), "{in_the_middle} closes were in the middle of one");
}

#[test]
fn a_store_closes_at_every_turn_of_a_merge_of_large_files() {
    closes_wherever_a_merge_stands(&Place::sim(2), 0..TURNS_MAX);
}

/// The turns of a merge, from each to the next a third more.
fn further_and_further() -> impl Iterator<Item = usize> {
    std::iter::successors(Some(1), |turns| Some(turns + 1 + turns / 3)).take_while(|turns| *turns < TURNS_MAX)
}

#[test]
fn a_store_closes_in_the_middle_of_a_merge_of_large_files_with_threads() {
    closes_wherever_a_merge_stands(&Place::pool("close"), further_and_further());
}

#[test]
fn a_store_closes_in_the_middle_of_a_merge_of_large_files_with_a_ring() {
    match Place::ring("close") {
        Some(place) => closes_wherever_a_merge_stands(&place, further_and_further()),
        None => println!("no ring on this machine"),
    }
}

#[test]
fn values_of_several_stores_leave_a_large_file_one_store_after_the_other() {
    let place = Place::sim(1);
    let mut engine = with_store_on(place.io());
    commit(&mut engine, &[Write::Create(2)], Level::Durable);
    let store_of = |at: u8| 1 + u32::from(at % 2);
    for at in 0..30u8 {
        write_large(&mut engine, &Write::Put(store_of(at), key(at).into_bytes(), vec![at; LARGE]));
    }
    settle(&mut engine);
    let before = place.large_files();
    assert!(before.len() >= 5, "{before:?}");
    for at in (0..30u8).filter(|at| at % 5 != 0) {
        commit(&mut engine, &[Write::Delete(store_of(at), key(at).into_bytes())], Level::Durable);
    }
    settle(&mut engine);
    settle_until(&mut engine, |_| are_gone(&place, &before));
    for round in 0..2 {
        for at in (0..30u8).filter(|at| at % 5 == 0) {
            let found = value_of(&mut engine, store_of(at), &key(at));
            assert_eq!(found, Some(vec![at; LARGE]), "round {round}, key {at}");
        }
        close(engine);
        engine = open_on(place.io());
    }
}

#[test]
fn a_merge_meets_damage_in_a_large_file_and_leaves_it_alone() {
    let place = Place::sim(1);
    let Place::Sim(machine) = &place else { unreachable!("it is simulated") };
    let mut engine = with_store_on(place.io());
    (0..15).for_each(|at| write_large(&mut engine, &put(&key(at), at)));
    settle(&mut engine);
    close(engine);
    let (path, at) = place
        .large_files()
        .into_iter()
        .find_map(|path| {
            let at = machine.read(&path)?.windows(64).position(|window| window == [5; 64])?;
            Some((path, at))
        })
        .expect("the value lies in a large file");
    assert!(machine.flip_bit(&path, at as u64 + 100, 2));
    let mut engine = open_on(place.io());
    for at in (0..15u8).filter(|at| at % 5 != 0) {
        commit(&mut engine, &[Write::Delete(1, key(at).into_bytes())], Level::Durable);
    }
    settle(&mut engine);
    drive(&mut engine, |engine| !engine.kv_stats(1).expect("there").merging);
    let read = engine.kv_get(1, b"key05", 0);
    assert!(matches!(settled_read(&mut engine, read), KvRead::Damaged));
    assert_eq!(value(&mut engine, "key00"), Some(vec![0; LARGE]));
    assert_eq!(value(&mut engine, "key10"), Some(vec![10; LARGE]));
    assert!(machine.files().contains(&path), "it is kept for who may salvage it");
}
