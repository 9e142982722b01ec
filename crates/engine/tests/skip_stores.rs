//! Promises of `repair --skip-damaged` for stores: the keys that are lost are told before; they are absent afterwards, never an
//! older version of themselves; all others are as they were.

#[path = "support/kv/mod.rs"]
mod kv;
mod support;

use kv::{Write, commit, drive, get};
use millrace_engine::{
    Act, Action, Engine, EngineConfig, Level, LostKeys, Repairing, Severity, repair, verify,
};
use millrace_io::{Io, SimHandle};
use std::collections::BTreeMap;
use support::{config, machine, open_with};

const PLAN: Repairing = Repairing { skip_damaged: true, ..Repairing::PLAN };
const APPLY: Repairing = Repairing { apply: true, skip_damaged: true, ..Repairing::PLAN };
const KEYS: u8 = 12;

fn small() -> EngineConfig {
    EngineConfig { large_bytes: 10_000, segment_bytes: 128 << 10, ..config() }
}

fn key(number: u8) -> Vec<u8> {
    format!("key{number:02}").into_bytes()
}

/// What every key of store 1 holds; `None`: it was deleted.
type Truth = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

fn settle(engine: &mut Engine) {
    let before = engine.counters().settles;
    for round in 0..100u32 {
        let put = Write::Put(9, format!("filler/{}", round % 4).into_bytes(), vec![0; 2_000]);
        let lsn = commit(engine, &[put], Level::Durable);
        drive(engine, |engine| engine.events().durable >= lsn);
        if engine.counters().settles > before {
            break;
        }
    }
    drive(engine, |engine| engine.next_deadline().is_none_or(|at| at > engine.io().now_ns()));
}

/// Three data files with versions of the same keys, values in large files among them, tombstones that hide versions, and frames
/// that are newer than all of them.
fn directory() -> (SimHandle, Truth) {
    let disk = machine(3);
    let (mut engine, _) = open_with(&disk, small());
    commit(&mut engine, &[Write::Create(1), Write::Create(9)], Level::Durable);
    let mut truth = Truth::new();
    for round in 0..3u8 {
        for number in 0..KEYS {
            let large = number % 4 == 3;
            let write = match (u16::from(number) + u16::from(round)) % 3 {
                0 => Write::Put(1, key(number), vec![round * 50 + number; if large { 12_000 } else { 40 }]),
                1 if round == 1 => Write::Delete(1, key(number)),
                _ if round == 0 => Write::Put(1, key(number), vec![200 + number; 60]),
                _ => continue,
            };
            let value = if let Write::Put(_, _, value) = &write { Some(value.clone()) } else { None };
            truth.insert(key(number), value);
            commit(&mut engine, &[write], Level::Durable);
        }
        settle(&mut engine);
    }
    commit(
        &mut engine,
        &[Write::Put(1, key(0), b"newest".to_vec()), Write::Delete(1, key(1))],
        Level::Durable,
    );
    truth.insert(key(0), Some(b"newest".to_vec()));
    truth.insert(key(1), None);
    engine.close_begin();
    drive(&mut engine, |engine| engine.is_closed());
    drop(engine);
    disk.kill_process();
    (disk, truth)
}

fn lost_of(steps: &[Action]) -> Vec<LostKeys> {
    steps.iter().filter(|step| step.act == Act::Skip).filter_map(|step| step.keys.clone()).collect()
}

/// Plans, which changes nothing, and repairs; answers what was given up.
fn skip(disk: &SimHandle) -> Vec<LostKeys> {
    let before: Vec<_> = disk.files().into_iter().map(|file| (disk.read(&file), file)).collect();
    let (_, planned) = repair(Io::sim(disk.clone()), PLAN, "plan").expect("it can be looked at");
    let after: Vec<_> = disk.files().into_iter().map(|file| (disk.read(&file), file)).collect();
    assert!(before == after, "a plan changes nothing");
    let (_, done) = repair(Io::sim(disk.clone()), APPLY, "now").expect("it is repaired");
    assert_eq!(planned, done, "what was done is what was planned");
    let found = verify(Io::sim(disk.clone()), true).expect("it can be looked at");
    assert!(found.worst() <= Some(Severity::Note), "{:?}", found.findings);
    lost_of(&done)
}

/// Every key holds what it held, or was told to be lost and is absent. Answers the number of keys that are lost.
fn compare(disk: &SimHandle, truth: &Truth, lost: &[LostKeys]) -> u64 {
    let (mut engine, account) = open_with(disk, small());
    assert!(account.damage.is_empty(), "{:?}", account.damage);
    let named: Vec<&Vec<u8>> = lost.iter().flat_map(|lost| &lost.names).collect();
    let unknown: u64 = lost.iter().map(|lost| lost.unknown).sum();
    let mut gone = 0;
    for (key, value) in truth {
        let found = get(&mut engine, 1, key, 0).expect("no key is fenced").map(|entry| entry.value);
        if found == *value && !(value.is_some() && named.contains(&key)) {
            continue;
        }
        assert_eq!(found, None, "{}: another version", key.escape_ascii());
        assert!(named.contains(&key) || unknown > 0, "{}: nobody was told", key.escape_ascii());
        gone += 1;
    }
    assert!(named.len() as u64 <= gone, "{named:?} were told to be lost, {gone} are");
    // What was given up can be written again.
    commit(&mut engine, &[Write::Put(1, b"key05".to_vec(), b"again".to_vec())], Level::Durable);
    settle(&mut engine);
    assert_eq!(
        get(&mut engine, 1, b"key05", 0).expect("readable").map(|entry| entry.value),
        Some(b"again".to_vec())
    );
    gone
}

/// Data files of store 1.
fn data_files(disk: &SimHandle) -> Vec<String> {
    let files = disk.files().into_iter().filter(|file| file.ends_with(".data"));
    files.filter(|file| disk.read(file).is_some_and(|bytes| bytes[40..44] == [1, 0, 0, 0])).collect()
}

fn flip(disk: &SimHandle, file: &str, position: u64) -> SimHandle {
    let flipped = disk.fork(position + 1);
    assert!(flipped.flip_bit(file, position, (position % 8) as u8), "the byte is there");
    flipped
}

#[test]
fn a_damaged_record_costs_its_key_when_it_was_the_newest_and_nothing_otherwise() {
    let (disk, truth) = directory();
    let files = data_files(&disk);
    assert!(files.len() >= 2, "{files:?}");
    let (mut some, mut none) = (0, 0);
    for file in &files {
        let length = disk.read(file).expect("there").len() as u64;
        for position in (4096..length).step_by(41) {
            let flipped = flip(&disk, file, position);
            let lost = skip(&flipped);
            assert!(lost.iter().all(|lost| lost.unknown == 0), "the hint knows all keys: {lost:?}");
            let gone = compare(&flipped, &truth, &lost);
            assert!(gone <= 1, "{file}, {position}: one record was damaged, {gone} keys are lost");
            (some, none) = if gone > 0 { (some + 1, none) } else { (some, none + 1) };
        }
    }
    assert!(some > 5 && none > 5, "{some} places cost a key, {none} none");
}

#[test]
fn without_a_hint_what_may_be_older_is_given_up_too() {
    let (disk, truth) = directory();
    let mut unknown = 0;
    for file in data_files(&disk) {
        let hint = file.replace(".data", ".hint");
        let length = disk.read(&file).expect("there").len() as u64;
        for position in (4096..length).step_by(67) {
            let flipped = flip(&flip(&disk, &hint, 70), &file, position);
            let lost = skip(&flipped);
            unknown += lost.iter().map(|lost| lost.unknown).sum::<u64>();
            compare(&flipped, &truth, &lost);
        }
    }
    assert!(unknown > 0, "no record was lost without its key being known");
}

#[test]
fn a_damaged_large_value_costs_its_key_and_no_other() {
    let (disk, truth) = directory();
    let large: Vec<String> = disk.files().into_iter().filter(|file| file.ends_with(".large")).collect();
    let mut gone = 0;
    for file in &large {
        let length = disk.read(file).expect("there").len() as u64;
        for position in (4096 + 100..length).step_by(4096) {
            let flipped = flip(&disk, file, position);
            let lost = skip(&flipped);
            let costs = compare(&flipped, &truth, &lost);
            assert!(costs <= 1, "{file}, {position}: {costs}");
            gone += costs;
        }
    }
    assert!(gone > 0, "no large value was damaged");
}

#[test]
fn a_repair_that_a_power_cut_ends_is_repeated_and_loses_nothing_more() {
    let (disk, truth) = directory();
    let file = data_files(&disk).pop().expect("there is one");
    let damaged = flip(&disk, &file, 4096 + 30);
    let expected = lost_of(&repair(Io::sim(damaged.fork(1)), PLAN, "plan").expect("it can be looked at").1);
    let (begun, mut cuts) = (damaged.events(), 0);
    for within in 1..400 {
        let cut = damaged.fork(within);
        cut.change_options(|options| options.cut_at = Some(begun + within));
        let ended = repair(Io::sim(cut.clone()), APPLY, "now").is_ok();
        cuts += u64::from(cut.is_cut());
        cut.change_options(|options| options.cut_at = None);
        if ended && !cut.is_cut() {
            break;
        }
        let found = verify(Io::sim(cut.clone()), true).expect("it can be looked at");
        if found.worst() > Some(Severity::Note) {
            assert_eq!(skip(&cut), expected, "cut at {within}");
        }
        compare(&cut, &truth, &expected);
    }
    assert!(cuts > 20, "{cuts} cuts");
}
