//! Engines for tests: small sizes, any driver, and a loop that drives them.

#![allow(dead_code, reason = "each test file uses its own part")]

#[path = "../../../log/tests/support/batches.rs"]
pub mod batches;

use batches::TestBatch;
use millrace_engine::{
    Append, Code, Committed, Effect, Engine, EngineConfig, Isolation, Level, Offset, Outcome, Policy, Read,
    RecoveryAccount,
};
use millrace_io::{Io, Piece, SimHandle, SimOptions};

pub const ALWAYS: Policy = Policy::ALWAYS;

/// Small journal files and settle sizes, so that laps and settles happen within a test.
pub fn config() -> EngineConfig {
    EngineConfig {
        policy: ALWAYS,
        journal_file_bytes: 64 << 10,
        journal_files: 4,
        memory_bytes: 1 << 20,
        settle_bytes: 32 << 10,
        own_segment_bytes: 8 << 10,
        segment_bytes: 64 << 10,
        bulk_bytes: 0,
        large_bytes: 0,
        index_interval_bytes: 1 << 10,
        read_ahead_bytes: 4 << 20,
        fresh_directory_id: *b"a data directory",
        fresh_cluster_id: *b"one test cluster",
        node_id: 1,
        #[cfg(feature = "planted")]
        planted: millrace_journal_planted(),
    }
}

#[cfg(feature = "planted")]
fn millrace_journal_planted() -> millrace_engine::Planted {
    millrace_engine::Planted::default()
}

/// A perfect simulated machine.
pub fn machine(seed: u64) -> SimHandle {
    SimHandle::new(SimOptions::perfect(seed))
}

/// An engine on a simulated machine.
pub fn open(machine: &SimHandle) -> (Engine, RecoveryAccount) {
    open_with(machine, config())
}

pub fn open_with(machine: &SimHandle, config: EngineConfig) -> (Engine, RecoveryAccount) {
    Engine::open(Io::sim(machine.clone()), config).expect("the engine opens")
}

/// Turns until `done`, at most a while.
pub fn drive(engine: &mut Engine, mut done: impl FnMut(&mut Engine) -> bool) {
    for _ in 0..100_000 {
        engine.turn();
        if done(engine) {
            return;
        }
        let timeout = engine.next_deadline().map(|at| at.saturating_sub(engine.io().now_ns()));
        engine.wait(Some(timeout.unwrap_or(1_000_000).max(1)));
    }
    panic!("the engine does not get there");
}

/// Commits and waits until the frame is durable.
pub fn commit(engine: &mut Engine, effects: &[Effect<'_>]) -> (Committed, Vec<Outcome>) {
    let mut outcomes = Vec::new();
    let committed = engine.commit(effects, Level::Durable, &mut outcomes);
    if committed.code == Code::Ok {
        drive(engine, |engine| engine.events().durable >= committed.lsn);
    }
    (committed, outcomes)
}

/// Appends one batch durably; answers its base offset.
pub fn append(engine: &mut Engine, partition: u64, batch: &[u8]) -> i64 {
    let (committed, outcomes) = commit(engine, &[Effect::Append(Append::new(partition, batch))]);
    assert_eq!(committed.code, Code::Ok);
    outcomes[0].base_offset
}

/// Appends as `append`, turning while the engine is busy settling or waits for space.
pub fn append_patiently(engine: &mut Engine, partition: u64, batch: &[u8]) -> i64 {
    loop {
        let mut outcomes = Vec::new();
        let effect = Effect::Append(Append::new(partition, batch));
        let committed = engine.commit(&[effect], Level::Durable, &mut outcomes);
        if matches!(committed.code, Code::Busy | Code::NoSpace) {
            let mut turns = 0;
            drive(engine, |_| {
                turns += 1;
                turns > 4
            });
            continue;
        }
        assert_eq!(committed.code, Code::Ok);
        drive(engine, |engine| engine.events().durable >= committed.lsn);
        return outcomes[0].base_offset;
    }
}

pub fn create(engine: &mut Engine, partitions: &[u64]) {
    for partition in partitions {
        let (committed, _) = commit(engine, &[Effect::CreatePartition { partition: *partition }]);
        assert_eq!(committed.code, Code::Ok);
    }
}

/// Reads from an offset, waiting for cold data.
pub fn read(engine: &mut Engine, partition: u64, offset: i64, max_bytes: u64) -> Result<Vec<Piece>, Code> {
    match engine.read(partition, offset, max_bytes, Isolation::ReadUncommitted) {
        Read::Ready(pieces) => Ok(pieces),
        Read::Refused(code) => Err(code),
        Read::Pending(token) => {
            let mut finished = Vec::new();
            drive(engine, |engine| {
                engine.take_finished(&mut finished);
                finished.iter().any(|(done, _)| *done == token)
            });
            engine.take_read(token)
        }
    }
}

/// Looks a time up, waiting for cold data.
pub fn offset_for_time(engine: &mut Engine, partition: u64, timestamp: i64) -> Offset {
    match engine.offset_for_time(partition, timestamp, Isolation::ReadUncommitted) {
        Offset::Pending(token) => {
            let mut finished = Vec::new();
            drive(engine, |engine| {
                engine.take_finished(&mut finished);
                finished.iter().any(|(done, _)| *done == token)
            });
            engine.take_offset(partition, token)
        }
        ready => ready,
    }
}

/// Reads a partition from its log start to its end.
pub fn read_all(engine: &mut Engine, partition: u64) -> Vec<Vec<u8>> {
    let mut offset = engine.watermarks(partition).expect("the partition is there").log_start as i64;
    let mut batches = Vec::new();
    loop {
        let pieces = read(engine, partition, offset, 4 << 10).expect("readable");
        if pieces.is_empty() {
            return batches;
        }
        for piece in pieces {
            offset = end_of(piece.bytes());
            batches.push(piece.bytes().to_vec());
        }
    }
}

/// Offset behind the last one of a stored batch, whether its record is still there or not.
pub fn end_of(batch: &[u8]) -> i64 {
    let base = i64::from_be_bytes(batch[..8].try_into().expect("eight bytes"));
    base + 1 + i64::from(u32::from_be_bytes(batch[23..27].try_into().expect("four bytes")))
}

/// A batch as it is stored: base offset and leader epoch patched, nothing else.
pub fn stored(batch: &[u8], base: i64, epoch: i32) -> Vec<u8> {
    let mut out = batch.to_vec();
    out[..8].copy_from_slice(&base.to_be_bytes());
    out[12..16].copy_from_slice(&epoch.to_be_bytes());
    out
}

/// A batch of one record with `bytes` bytes of value.
pub fn filler(seed: u64, bytes: usize) -> Vec<u8> {
    let value: Vec<u8> =
        (0..bytes).map(|at| (seed.wrapping_mul(31).wrapping_add(at as u64 * 7) % 251) as u8).collect();
    TestBatch::of(&[&value]).encode()
}

/// Compares batch lists without printing them.
#[track_caller]
pub fn assert_same(found: &[Vec<u8>], expected: &[Vec<u8>]) {
    let differs = found.iter().zip(expected).position(|(found, expected)| found != expected);
    let heads = differs.map(|at| (found[at][..61].to_vec(), expected[at][..61].to_vec()));
    assert!(
        differs.is_none() && found.len() == expected.len(),
        "{} batches instead of {}, the first that differs is {differs:?}: {heads:?}",
        found.len(),
        expected.len()
    );
}
