//! Readers of sealed data for tests: partitions that are mostly in segments, and who goes through them.
//!
//! What it is not: what reading ahead promises (`read_ahead.rs`); the functions here that panic are run by that test and by
//! the one of planted bugs.

#![allow(dead_code, reason = "each test file uses its own part")]

use crate::client;
use crate::support::batches::{TestBatch, TestRecord};
use crate::support::*;
use millrace_engine::{Code, Compact, Engine, EngineConfig, Isolation, Limits, PartitionSettings, Read};
use millrace_io::{Io, Piece};
use std::collections::BTreeMap;

pub const KIB: u64 = 1 << 10;
pub const MIB: u64 = 1 << 20;

/// Sizes at which ranges are as large as several windows.
pub fn sizes() -> EngineConfig {
    EngineConfig {
        journal_file_bytes: 4 * MIB,
        memory_bytes: 4 * MIB,
        settle_bytes: 2 * MIB,
        segment_bytes: 8 * MIB,
        index_interval_bytes: 4 * KIB,
        read_ahead_bytes: 16 * MIB,
        ..config()
    }
}

/// An engine whose partitions have these batches each, by base offset: most of them in segments.
pub fn filled(
    io: Io,
    config: EngineConfig,
    partitions: &[u64],
    batches: u64,
    bytes: usize,
) -> (Engine, Vec<Vec<u8>>) {
    let (mut engine, _) = Engine::open(io, config).expect("the engine opens");
    create(&mut engine, partitions);
    let mut expected = Vec::new();
    for number in 0..batches {
        let batch = filler(number, bytes);
        for partition in partitions {
            append_patiently(&mut engine, *partition, &batch);
        }
        expected.push(stored(&batch, number as i64, 1));
    }
    (engine, expected)
}

/// Reads in order from `offset` on, `most` bytes a fetch, to the end or until enough was read.
pub fn follow(
    engine: &mut Engine,
    partition: u64,
    mut offset: i64,
    most: u64,
    enough: usize,
) -> Vec<Vec<u8>> {
    let mut found: Vec<Vec<u8>> = Vec::new();
    while found.len() < enough {
        let pieces = read(engine, partition, offset, most).expect("readable");
        let Some(last) = pieces.last() else { break };
        offset = end_of(last.bytes());
        found.extend(pieces.iter().map(|piece| piece.bytes().to_vec()));
    }
    found
}

/// A batch of one record.
fn keyed(key: &str, byte: u8) -> Vec<u8> {
    let value = vec![byte; 4_000];
    let record = TestRecord { timestamp_delta: 0, key: Some(key.as_bytes()), value: Some(&value) };
    TestBatch { records: vec![record], ..TestBatch::of(&[]) }.encode()
}

/// A compacted partition 1, opened anew, with a range between others that has nothing left in it; that range's
/// first offset, and the newest values.
fn with_an_emptied_range() -> (Engine, u64, BTreeMap<String, u8>) {
    const RULES: Compact =
        Compact { dirty_ratio: 0, delete_retention_ms: 1 << 40, lag_min_ms: 0, lag_max_ms: None };
    let config = EngineConfig { settle_bytes: 48 << 10, ..config() };
    let machine = machine(18);
    let (mut engine, _) = open_with(&machine, config.clone());
    create(&mut engine, &[1]);
    let mut newest = BTreeMap::new();
    // What is written twice has been written for more than two ranges before.
    for (byte, name, keys) in [(1, "before", 20), (2, "twice", 40), (3, "twice", 40), (4, "behind", 40)] {
        for number in 0..keys {
            let key = format!("{name} {number}");
            append_patiently(&mut engine, 1, &keyed(&key, byte));
            newest.insert(key, byte);
        }
    }
    let limits = Limits { compact: Some(RULES), ..Limits::default() };
    engine.configure(&[1], &PartitionSettings { limits, flush: None });
    engine.begin_compaction(2_000_000);
    drive(&mut engine, |engine| !engine.is_compacting());
    let ranges = engine.segments_of(1).expect("the partition is there");
    let emptied = ranges.iter().position(|range| range.bytes < 200).expect("one range has lost everything");
    assert!(emptied > 0 && ranges[emptied + 1..].iter().any(|range| range.bytes > 4_000), "{ranges:?}");
    let base = ranges[emptied].base;
    engine.close_begin();
    drive(&mut engine, |engine| engine.is_closed());
    drop(engine);
    (open_with(&machine, config).0, base, newest)
}

/// One reader goes through a range that compaction has emptied: panics when a fetch does not end, or has something else.
pub fn a_reader_passes_an_emptied_range() {
    let (mut engine, base, mut newest) = with_an_emptied_range();
    // One that begins with what is left right before it comes there while nothing of what follows has been read.
    let mut before = follow(&mut engine, 1, 0, 3 * KIB, usize::MAX);
    before.retain(|batch| end_of(batch) <= base as i64);
    let last = end_of(before.last().expect("something is left")) - 1;
    assert!(follow(&mut engine, 1, last, 3 * KIB, usize::MAX).len() > 1);
    for batch in follow(&mut engine, 1, 0, 3 * KIB, usize::MAX) {
        for record in client::decode(&batch).expect("a batch").records {
            let key = String::from_utf8(record.key).expect("as it was written");
            // What the pass did not come to is there in both versions.
            if record.value.is_some_and(|value| newest.get(&key) == Some(&value[0])) {
                newest.remove(&key);
            }
        }
    }
    assert!(newest.is_empty(), "{} keys were not read", newest.len());
    assert!(engine.counters().ahead.answers > 0, "{:?}", engine.counters().ahead);
}

/// One of many readers.
struct Lagging {
    partition: u64,
    offset: i64,
    token: Option<u64>,
    /// What it was answered last, which it is slow to let go.
    held: Vec<Piece>,
}

/// A thousand readers at places of their own: panics when windows take more than the budget, or one reads something else.
pub fn many_readers_keep_to_the_budget() {
    const BUDGET: u64 = 8 * MIB;
    let partitions: Vec<u64> = (1..=10).collect();
    let config =
        EngineConfig { read_ahead_bytes: BUDGET, memory_bytes: 2 * MIB, settle_bytes: MIB, ..sizes() };
    let (mut engine, expected) = filled(Io::sim(machine(17)), config, &partitions, 220, 8_000);
    let mut readers: Vec<Lagging> = (0..1_000)
        .map(|number| Lagging {
            partition: 1 + number % 10,
            offset: (number / 10) as i64,
            token: None,
            held: Vec::new(),
        })
        .collect();
    let mut finished = Vec::new();
    let mut results = BTreeMap::new();
    for _ in 0..6 {
        for reader in &mut readers {
            match engine.read(reader.partition, reader.offset, 16 * KIB, Isolation::ReadUncommitted) {
                Read::Ready(pieces) => reader.held = pieces,
                Read::Pending(token) => reader.token = Some(token),
                Read::Refused(code) => panic!("{code:?}"),
            }
        }
        let asked = readers.iter().filter(|reader| reader.token.is_some()).count();
        drive(&mut engine, |engine| {
            assert!(engine.counters().ahead.held <= BUDGET, "{:?}", engine.counters().ahead);
            engine.take_finished(&mut finished);
            for (token, code) in finished.drain(..) {
                assert_eq!(code, Code::Ok);
                results.insert(token, engine.take_read(token).expect("read"));
            }
            results.len() == asked
        });
        for reader in &mut readers {
            if let Some(pieces) = reader.token.take().and_then(|token| results.remove(&token)) {
                reader.held = pieces;
            }
            assert!(!reader.held.is_empty());
            for piece in &reader.held {
                assert!(piece.bytes() == expected[reader.offset as usize], "offset {}", reader.offset);
                reader.offset += 1;
            }
        }
    }
    let counters = engine.counters();
    assert!(counters.ahead.answers > 0, "{counters:?}");
    drop(readers);
    assert_eq!(append_patiently(&mut engine, 1, &filler(1, 100)), 220, "appends go on");
}
