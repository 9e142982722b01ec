//! Large values, promise by promise: they are written once, move by reference, go when nothing needs them, and are never
//! wrong.

//!
//! What it is not: merges of large files (`kv_large_merge.rs`).

#[path = "support/kv/mod.rs"]
mod kv;
#[path = "support/large/mod.rs"]
mod large;
mod support;

use kv::{Write, commit, drive, get, scan, settled_read};
use large::*;
use millrace_engine::{Code, Condition, Effect, Engine, EngineConfig, KvRead, Level, Outcome, verify};
use millrace_io::{Done, Io, Op, OpenMode, SimHandle};
use std::ops::Bound;
use std::path::PathBuf;
use support::{machine, open_with};

fn open(machine: &SimHandle) -> Engine {
    open_on(Io::sim(machine.clone()))
}

fn with_store() -> (SimHandle, Engine) {
    let machine = machine(1);
    let engine = with_store_on(Io::sim(machine.clone()));
    (machine, engine)
}

fn large_files(machine: &SimHandle) -> Vec<String> {
    machine.files().into_iter().filter(|path| path.ends_with(".large")).collect()
}

fn data_bytes(machine: &SimHandle) -> usize {
    let data = machine.files().into_iter().filter(|path| path.ends_with(".data"));
    data.filter_map(|path| machine.read(&path)).map(|bytes| bytes.len()).sum()
}

#[test]
fn a_large_value_is_written_once_and_read_from_memory_from_the_file_and_after_a_restart() {
    let (machine, mut engine) = with_store();
    // The first ones of all found no large file.
    settle(&mut engine);
    let before = data_bytes(&machine);
    let written = engine.counters().journal.written_bytes;
    let lsn = commit(&mut engine, &[put("a", 7)], Level::Durable);
    drive(&mut engine, |engine| engine.events().durable >= lsn);
    assert!(engine.counters().journal.written_bytes - written < 2 * LARGE as u64);
    assert_eq!(value(&mut engine, "a"), Some(vec![7; LARGE]));
    settle(&mut engine);
    assert!(data_bytes(&machine) < before + LARGE, "the settle has only written where it lies");
    assert_eq!(value(&mut engine, "a"), Some(vec![7; LARGE]));
    commit(&mut engine, &[put("b", 8)], Level::Durable);
    close(engine);
    let mut engine = open(&machine);
    assert_eq!(value(&mut engine, "a"), Some(vec![7; LARGE]));
    assert_eq!(value(&mut engine, "b"), Some(vec![8; LARGE]), "only the journal knows where it lies");
    settle(&mut engine);
    assert_eq!(value(&mut engine, "b"), Some(vec![8; LARGE]));
    let everything = (Bound::Unbounded, Bound::Unbounded);
    let keys: Vec<Vec<u8>> = scan(&mut engine, 1, 0, everything, false, 10)
        .expect("scanned")
        .into_iter()
        .map(|(key, _)| key)
        .collect();
    assert_eq!(keys, [&b"a"[..], b"b", b"first"]);
    close(engine);
    let found = verify(Io::sim(machine.clone()), true).expect("verified");
    assert!(found.findings.is_empty(), "{:?}", found.findings);
}

#[test]
fn a_merge_moves_a_large_value_by_reference() {
    let (machine, mut engine) = with_store();
    for (key, byte) in [("a", 1), ("b", 2), ("c", 3)] {
        commit(&mut engine, &[put(key, byte), Write::Put(1, b"small".to_vec(), vec![byte])], Level::Durable);
        settle(&mut engine);
    }
    // One of the other store may be under way.
    drive(&mut engine, |engine| engine.kv_merge(1));
    drive(&mut engine, |engine| engine.kv_stats(1).is_some_and(|stats| !stats.merging));
    let stats = engine.kv_stats(1).expect("there");
    assert!(stats.merges > 0 && stats.files == 1 && stats.file_bytes < LARGE as u64, "{stats:?}");
    for (key, byte) in [("a", 1), ("b", 2), ("c", 3)] {
        assert_eq!(value(&mut engine, key), Some(vec![byte; LARGE]));
    }
    close(engine);
    let mut engine = open(&machine);
    assert_eq!(value(&mut engine, "b"), Some(vec![2; LARGE]));
}

#[test]
fn a_large_file_goes_when_its_values_are_overwritten_deleted_or_cleared_and_a_snapshot_keeps_it() {
    let (machine, mut engine) = with_store();
    let writes: Vec<Write> = (0..30).map(|at| put(&format!("key{at:02}"), at)).collect();
    for write in &writes {
        commit(&mut engine, std::slice::from_ref(write), Level::Durable);
    }
    settle(&mut engine);
    let full = large_files(&machine).len();
    assert!(full >= 4, "{:?}", large_files(&machine));
    let snapshot = engine.kv_snapshot(1);
    commit(&mut engine, &[Write::Clear(1)], Level::Durable);
    settle(&mut engine);
    settle(&mut engine);
    let old = get(&mut engine, 1, b"key07", snapshot).expect("readable").expect("the snapshot sees it");
    assert_eq!(old.value, vec![7; LARGE]);
    engine.kv_release(snapshot);
    drive(&mut engine, |_| large_files(&machine).len() <= 2);
    assert_eq!(value(&mut engine, "key07"), None);
    close(engine);
    let mut engine = open(&machine);
    assert_eq!(engine.kv_count(1), Some(0));
    assert_eq!(value(&mut engine, "key07"), None);
}

#[test]
fn a_value_larger_than_any_frame_waits_for_its_file_and_comes_back() {
    let (machine, mut engine) = with_store();
    let value_of = |byte| vec![byte; 300_000];
    let effect = |value: &'static [u8]| Effect::KvPut {
        store: 1,
        key: b"huge",
        value,
        expires_ms: 0,
        condition: Condition::None,
    };
    let huge: &'static [u8] = Box::leak(value_of(5).into_boxed_slice());
    let mut outcomes: Vec<Outcome> = Vec::new();
    let mut refused = 0;
    let lsn = loop {
        let committed = engine.commit(&[effect(huge)], Level::Durable, &mut outcomes);
        match committed.code {
            Code::Ok => break committed.lsn,
            Code::Busy => {
                refused += 1;
                assert!(refused < 1_000, "no file of its size comes");
                engine.turn();
                engine.wait(Some(1_000_000));
            }
            code => panic!("{code:?}"),
        }
    };
    assert!(refused > 0, "a journal file has 64 KiB, and no file had room for it");
    drive(&mut engine, |engine| engine.events().durable >= lsn);
    assert_eq!(value(&mut engine, "huge"), Some(value_of(5)));
    close(engine);
    let mut engine = open(&machine);
    settle(&mut engine);
    assert_eq!(value(&mut engine, "huge"), Some(value_of(5)));
    let (mut engine, _) = {
        close(engine);
        open_with(&machine, EngineConfig { large_bytes: 0, ..large_config() })
    };
    assert_eq!(value(&mut engine, "huge"), Some(value_of(5)), "it is read whatever the setting says now");
    let code = engine.commit(&[effect(huge)], Level::Durable, &mut outcomes).code;
    assert_eq!(code, Code::MessageTooLarge);
}

#[test]
fn a_damaged_large_value_is_answered_as_damage_and_found_by_verification() {
    for unsettled in [false, true] {
        let (machine, mut engine) = with_store();
        commit(&mut engine, &[put("bad", 1)], Level::Durable);
        settle(&mut engine);
        if unsettled {
            commit(&mut engine, &[put("bad", 9), put("good", 2)], Level::Durable);
        } else {
            commit(&mut engine, &[put("good", 2)], Level::Durable);
        }
        close(engine);
        let needle = vec![if unsettled { 9 } else { 1 }; 64];
        let (path, at) = large_files(&machine)
            .into_iter()
            .find_map(|path| {
                let bytes = machine.read(&path)?;
                let at = bytes.windows(64).position(|window| window == needle)?;
                Some((path, at))
            })
            .expect("the value lies in a large file");
        assert!(machine.flip_bit(&path, at as u64 + 100, 2));
        let found = verify(Io::sim(machine.clone()), true).expect("verified");
        assert!(found.findings.iter().any(|finding| finding.file == path), "{:?}", found.findings);
        let (mut engine, _) = open_with(&machine, large_config());
        for _ in 0..2 {
            let read = engine.kv_get(1, b"bad", 0);
            assert!(matches!(settled_read(&mut engine, read), KvRead::Damaged), "never the value before");
            assert_eq!(value(&mut engine, "good"), Some(vec![2; LARGE]));
            settle(&mut engine);
        }
        commit(&mut engine, &[put("bad", 3)], Level::Durable);
        assert_eq!(value(&mut engine, "bad"), Some(vec![3; LARGE]), "a newer write is an answer");
    }
}

#[test]
fn a_large_file_that_is_gone_or_lacks_its_end_is_reported_and_only_its_values_are_damaged() {
    let (machine, mut engine) = with_store();
    commit(&mut engine, &[put("bad", 1)], Level::Durable);
    settle(&mut engine);
    close(engine);
    let needle = [1; 64];
    let holds = |path: &String| {
        machine.read(path).is_some_and(|bytes| bytes.windows(64).any(|window| window == needle))
    };
    let path = large_files(&machine).into_iter().find(holds).expect("the value lies in a large file");
    for end in [None, Some(0), Some(4_096), Some(5_000)] {
        let machine = machine.fork(1 + end.unwrap_or(0));
        let mut io = Io::sim(machine.clone());
        match end {
            None => drop(io.run(Op::Unlink { path: PathBuf::from(&path) }).expect("it is removed")),
            Some(length) => {
                let open = Op::Open { path: PathBuf::from(&path), mode: OpenMode::WriteDirect };
                let Ok(Done::Opened { file, .. }) = io.run(open) else { panic!("{path} is opened") };
                io.run(Op::Truncate { file, length }).expect("it is cut");
                io.run(Op::Sync { file }).expect("it is synced");
            }
        }
        drop(io);
        machine.kill_process();
        let found = verify(Io::sim(machine.clone()), true).expect("verified");
        assert!(found.findings.iter().any(|finding| finding.file == path), "{end:?}: {:?}", found.findings);
        let (mut engine, account) = open_with(&machine, large_config());
        assert!(account.damage.iter().any(|damage| damage.file == path), "{end:?}: {account:?}");
        let read = engine.kv_get(1, b"bad", 0);
        assert!(matches!(settled_read(&mut engine, read), KvRead::Damaged), "{end:?}");
        commit(&mut engine, &[put("bad", 3)], Level::Durable);
        assert_eq!(value(&mut engine, "bad"), Some(vec![3; LARGE]));
    }
}
