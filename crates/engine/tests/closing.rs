//! Closing comes to its end wherever the background work stands: settles and merges, turn by turn.
//!
//! What it is not: what a close leaves behind (`append_and_read.rs`, `power_cut.rs`).

#[path = "support/kv/mod.rs"]
mod kv;
mod support;

use batches::TestBatch;
use kv::{Write, commit, drive, get};
use millrace_engine::{Engine, Level};
use millrace_io::SimHandle;
use support::{append_patiently, batches, create, machine, open};

const STORE: u32 = 1;
const PARTITION: u64 = 7;
/// More turns than any background work of these tests takes.
const TURNS_MAX: usize = 400;

/// A machine with a store in several data files and a log.
fn filled() -> (SimHandle, Engine) {
    let machine = machine(1);
    let (mut engine, _) = open(&machine);
    commit(&mut engine, &[Write::Create(STORE)], Level::Durable);
    create(&mut engine, &[PARTITION]);
    for round in 0..3 {
        let before = engine.counters().settles;
        while engine.counters().settles == before {
            put(&mut engine, round);
        }
        drive(&mut engine, |engine| !engine.kv_stats(STORE).is_some_and(|stats| stats.merging));
    }
    (machine, engine)
}

fn put(engine: &mut Engine, fill: u8) {
    let lsn = commit(engine, &[Write::Put(STORE, b"key".to_vec(), vec![fill; 2_000])], Level::Durable);
    drive(engine, |engine| engine.events().durable >= lsn);
}

fn closes(mut engine: Engine, machine: &SimHandle, fill: u8) {
    engine.close_begin();
    drive(&mut engine, |engine| engine.is_closed());
    drop(engine);
    let (mut engine, account) = open(machine);
    assert!(account.clean, "{:?}", account.damage);
    let found = get(&mut engine, STORE, b"key", 0).expect("readable").expect("there");
    assert_eq!(found.value, vec![fill; 2_000]);
}

#[test]
fn an_engine_closes_wherever_a_merge_stands() {
    let mut merged_before_the_close = false;
    for turns in 0..TURNS_MAX {
        let (machine, mut engine) = filled();
        let merges = engine.kv_stats(STORE).expect("it is there").merges;
        assert!(engine.kv_merge(STORE), "there are files to merge");
        for _ in 0..turns {
            engine.turn();
        }
        merged_before_the_close = engine.kv_stats(STORE).expect("it is there").merges > merges;
        closes(engine, &machine, 2);
        if merged_before_the_close {
            break;
        }
    }
    assert!(merged_before_the_close, "every stage of a merge was closed on");
}

#[test]
fn an_engine_closes_wherever_a_settle_of_log_and_stores_stands() {
    let mut settled_before_the_close = false;
    for turns in 0..TURNS_MAX {
        let (machine, mut engine) = filled();
        for _ in 0..3 {
            append_patiently(&mut engine, PARTITION, &TestBatch::of(&[&[1; 1_000]]).encode());
        }
        let settles = engine.counters().settles;
        // One at least: the appends may have made a settle due already, and then the loop below has nothing to do.
        put(&mut engine, 9);
        // Appends until the next turn begins a settle.
        while engine.unsettled_bytes() < 32 << 10 {
            commit(&mut engine, &[Write::Put(STORE, b"key".to_vec(), vec![9; 2_000])], Level::Durable);
        }
        for _ in 0..turns {
            engine.turn();
        }
        settled_before_the_close = engine.counters().settles > settles;
        closes(engine, &machine, 9);
        if settled_before_the_close {
            break;
        }
    }
    assert!(settled_before_the_close, "every stage of a settle was closed on");
}
