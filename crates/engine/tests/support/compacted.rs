//! A compacted partition for tests: batches whose records have keys, and a pass over them.

use crate::support::batches::{TestBatch, TestRecord};
use crate::support::drive;
use millrace_engine::{Compact, Engine, Limits, PartitionSettings};

/// Everything that is settled is compacted, tombstones stay.
const RULES: Compact =
    Compact { dirty_ratio: 0, delete_retention_ms: 1 << 40, lag_min_ms: 0, lag_max_ms: None };
/// Wall time of the passes, ms since 1970: any, since nothing depends on it here.
const NOW_MS: i64 = 2_000_000;

/// A batch of three records with some of five keys; every seventh value is a tombstone.
pub fn keyed(round: u64, bytes: usize) -> Vec<u8> {
    let numbers: Vec<u64> = (0..3).map(|at| round * 3 + at).collect();
    let keys: Vec<Vec<u8>> =
        numbers.iter().map(|number| format!("key {}", number % 5).into_bytes()).collect();
    let values: Vec<Option<Vec<u8>>> = numbers
        .iter()
        .map(|number| (!number.is_multiple_of(7)).then(|| vec![*number as u8; bytes]))
        .collect();
    let records = keys.iter().zip(&values).map(|(key, value)| TestRecord {
        timestamp_delta: 0,
        key: Some(key),
        value: value.as_deref(),
    });
    TestBatch { records: records.collect(), ..TestBatch::of(&[]) }.encode()
}

/// Compacts what is settled of these partitions; at least one pass must have done something.
pub fn compact(engine: &mut Engine, partitions: &[u64]) {
    let limits = Limits { compact: Some(RULES), ..Limits::default() };
    engine.configure(partitions, &PartitionSettings { limits, flush: None });
    engine.begin_compaction(NOW_MS);
    drive(engine, |engine| !engine.is_compacting());
    let done = engine.counters().compaction;
    assert!(done.runs > 0 && done.bytes_after < done.bytes_before, "something is compacted: {done:?}");
}
