//! Offsets by time (kafka.md rules 35, 36): in memory, in segments, inside compressed batches.

mod support;

use millrace_engine::{Code, Effect, Engine, Offset};
use support::batches::{TestBatch, TestRecord};
use support::*;

fn ready(offset: i64, timestamp: i64) -> (i64, i64) {
    (offset, timestamp)
}

fn look_up(engine: &mut Engine, timestamp: i64) -> (i64, i64) {
    match offset_for_time(engine, 1, timestamp) {
        Offset::Ready { offset, timestamp, .. } => (offset, timestamp),
        other => panic!("{timestamp}: {other:?}"),
    }
}

/// Records whose timestamps go up and down across batches.
fn batch(timestamps: &[i64], attributes: i16, padding: &[u8]) -> Vec<u8> {
    let records = timestamps
        .iter()
        .map(|timestamp| TestRecord {
            timestamp_delta: timestamp - timestamps[0],
            key: None,
            value: Some(padding),
        })
        .collect();
    let batch = TestBatch { records, attributes, ..TestBatch::of(&[]).at(timestamps[0]) };
    if attributes == 0 {
        return batch.encode();
    }
    let mut section = Vec::new();
    millrace_codec::deflate(attributes as u8, &batch.section(), None, &mut section).expect("deflates");
    batch.encode_with(&section)
}

fn check_all(engine: &mut Engine) {
    // Offsets 0-2: 100, 300, 200; 3-4: 150, 160; 5-6 (gzip): 250, 400.
    for (target, expected) in [
        (0, ready(0, 100)),
        (100, ready(0, 100)),
        (101, ready(1, 300)),
        (300, ready(1, 300)),
        (301, ready(6, 400)),
        (400, ready(6, 400)),
        (401, ready(-1, -1)),
        (-3, ready(6, 400)),
        (-1, ready(7, -1)),
        (-2, ready(0, -1)),
    ] {
        assert_eq!(look_up(engine, target), expected, "target {target}");
    }
}

fn append_all(engine: &mut Engine) {
    create(engine, &[1, 2]);
    append(engine, 1, &batch(&[100, 300, 200], 0, b"v"));
    append(engine, 1, &batch(&[150, 160], 0, b"v"));
    append(engine, 1, &batch(&[250, 400], 1, b"v"));
}

/// Pushes partition 1 out of memory into segments.
fn push_out(engine: &mut Engine) {
    for seed in 0..200 {
        append_patiently(engine, 2, &filler(seed, 3_000));
    }
}

#[test]
fn rule_36_the_first_record_at_or_after_a_time_is_found_in_memory() {
    let machine = machine(1);
    let (mut engine, _) = open(&machine);
    append_all(&mut engine);
    check_all(&mut engine);
}

#[test]
fn rule_36_the_first_record_at_or_after_a_time_is_found_in_segments() {
    let machine = machine(2);
    let mut config = config();
    config.memory_bytes = 128 << 10;
    let (mut engine, _) = open_with(&machine, config);
    append_all(&mut engine);
    push_out(&mut engine);
    let before = engine.counters().cold_reads;
    check_all(&mut engine);
    assert!(engine.counters().cold_reads > before, "the test is about cold data");
}

#[test]
fn a_time_behind_the_log_start_is_not_found_there() {
    let machine = machine(3);
    let (mut engine, _) = open(&machine);
    append_all(&mut engine);
    commit(&mut engine, &[Effect::DeleteRecords { partition: 1, offset: 2 }]);
    assert_eq!(look_up(&mut engine, 100), ready(2, 200));
    assert_eq!(look_up(&mut engine, 201), ready(5, 250));
    assert_eq!(look_up(&mut engine, -2), ready(2, -1));
}

#[test]
fn a_long_own_segment_is_searched_through_its_sparse_index() {
    let machine = machine(4);
    let mut config = config();
    config.memory_bytes = 128 << 10;
    let (mut engine, _) = open_with(&machine, config);
    create(&mut engine, &[1, 2]);
    for index in 0..300i64 {
        append_patiently(&mut engine, 1, &batch(&[index * 10, index * 10 + 5], 0, &[7; 200]));
    }
    push_out(&mut engine);
    for index in [0, 1, 77, 150, 298] {
        assert_eq!(
            look_up(&mut engine, index * 10 + 1),
            ready(index * 2 + 1, index * 10 + 5),
            "batch {index}"
        );
    }
}

#[test]
fn partitions_that_are_not_there_and_times_that_mean_nothing_are_refused() {
    let machine = machine(5);
    let (mut engine, _) = open(&machine);
    append_all(&mut engine);
    assert_eq!(offset_for_time(&mut engine, 9, 5), Offset::Refused(Code::UnknownPartition));
    assert_eq!(offset_for_time(&mut engine, 1, -7), Offset::Refused(Code::InvalidTimestamp));
}
