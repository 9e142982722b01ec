//! Stores with large values for tests: on any machine, one value a large file at hand.
//!
//! What it is not: a model (`support/kv`); the tests know what they wrote.

#![allow(dead_code, reason = "each test file uses its own part")]

pub mod place;

use crate::kv::{Write, commit, drive, get};
use crate::support::config;
use millrace_engine::{Engine, EngineConfig, Level};
use millrace_io::Io;

pub const LARGE: usize = 20_000;

pub fn large_config() -> EngineConfig {
    EngineConfig { large_bytes: 10_000, segment_bytes: 128 << 10, ..config() }
}

pub fn open_on(io: Io) -> Engine {
    let (engine, account) = Engine::open(io, large_config()).expect("the engine opens");
    assert!(account.damage.is_empty(), "{account:?}");
    engine
}

pub fn put(key: &str, byte: u8) -> Write {
    Write::Put(1, key.as_bytes().to_vec(), vec![byte; LARGE])
}

/// Stores 1 and 9, and a large file at hand: the first large value of a run finds none yet.
pub fn with_store_on(io: Io) -> Engine {
    let mut engine = open_on(io);
    commit(&mut engine, &[Write::Create(1), Write::Create(9)], Level::Durable);
    write_large(&mut engine, &put("first", 0));
    engine
}

/// Commits a large value until it has gone to a large file, and nothing is under way any more.
pub fn write_large(engine: &mut Engine, write: &Write) {
    let before = engine.counters().journal.bulk_bytes;
    for _ in 0..1_000 {
        let lsn = commit(engine, std::slice::from_ref(write), Level::Durable);
        drive(engine, |engine| engine.events().durable >= lsn);
        rest(engine);
        if engine.counters().journal.bulk_bytes > before {
            return;
        }
    }
    panic!("no large file comes");
}

/// Until nothing is in flight, and nothing due.
pub fn rest(engine: &mut Engine) {
    drive(engine, |engine| {
        let due = engine.next_deadline().is_some_and(|at| at <= engine.io().now_ns());
        engine.io().in_flight() == 0 && !due
    });
}

pub fn value_of(engine: &mut Engine, store: u32, key: &str) -> Option<Vec<u8>> {
    get(engine, store, key.as_bytes(), 0).expect("readable").map(|entry| entry.value)
}

pub fn value(engine: &mut Engine, key: &str) -> Option<Vec<u8>> {
    value_of(engine, 1, key)
}

/// Writes to store 9 until a settle more has come to its end.
pub fn settle(engine: &mut Engine) {
    let before = engine.counters().settles;
    let mut round = 0u32;
    while engine.counters().settles < before + 1 {
        round += 1;
        let filler = Write::Put(9, format!("filler/{}", round % 4).into_bytes(), vec![0; 2_000]);
        let lsn = commit(engine, &[filler], Level::Durable);
        drive(engine, |engine| engine.events().durable >= lsn);
    }
    drive(engine, |engine| engine.next_deadline().is_none_or(|at| at > engine.io().now_ns()));
}

/// Settles until `done`: what begins a merge is the settle that has had the last of the writes.
pub fn settle_until(engine: &mut Engine, mut done: impl FnMut(&mut Engine) -> bool) {
    for _ in 0..50 {
        settle(engine);
        if done(engine) {
            return;
        }
    }
    panic!("it does not come to that");
}

pub fn close(mut engine: Engine) {
    engine.close_begin();
    drive(&mut engine, |engine| engine.is_closed());
}
