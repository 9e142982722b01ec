//! What settles leave in small pieces is joined: the same bytes at the same offsets, in few ranges, on every driver, while
//! appends go on.

mod support;

use millrace_engine::{Append, Code, Effect, Engine, EngineConfig, Level, Severity, verify};
use millrace_io::{DriverChoice, Io, Limits};
use std::path::PathBuf;
use support::batches::TestBatch;
use support::*;

const PARTITIONS: [u64; 3] = [1, 2, 3];
const ROUNDS: u64 = 160;
/// The number of shared segments among the kinds.
const SHARED: usize = 1;

/// Sizes at which every other round is settled, and little of it stays in memory.
fn sizes() -> EngineConfig {
    EngineConfig {
        journal_file_bytes: 32 << 10,
        memory_bytes: 24 << 10,
        settle_bytes: 2 << 10,
        own_segment_bytes: 2 << 10,
        segment_bytes: 1 << 20,
        index_interval_bytes: 512,
        ..config()
    }
}

fn open(io: Io, config: EngineConfig) -> Engine {
    let (mut engine, account) = Engine::open(io, config).expect("it opens");
    assert!(account.damage.is_empty(), "{account:?}");
    engine.set_joining(4);
    engine
}

fn close(mut engine: Engine) {
    engine.close_begin();
    drive(&mut engine, |engine| engine.is_closed());
}

/// A batch of a producer that goes on in order.
fn from_producer(round: u64) -> Vec<u8> {
    let value = vec![round as u8; 40 + round as usize % 90];
    let base = TestBatch::of(&[&value, b"second"]);
    TestBatch { producer_id: 7, producer_epoch: 0, base_sequence: 2 * round as i32, ..base }.encode()
}

fn appended(engine: &mut Engine, round: u64) {
    append_patiently(engine, 1, &filler(round, 150));
    append_patiently(engine, 2, &from_producer(round));
    append_patiently(engine, 3, &filler(round, 10));
}

fn until_joined(engine: &mut Engine) {
    drive(engine, |engine| !engine.is_joining() && engine.io().in_flight() == 0);
}

/// Id, epoch and last sequence of the producers of partition 2: the time of their last batch is not kept.
fn producers(engine: &Engine) -> Vec<(i64, i16, i32)> {
    let known = engine.producers_of(2).expect("it is there");
    known
        .iter()
        .map(|known| (known.producer.id, known.producer.epoch, known.producer.last_sequence))
        .collect()
}

fn ranges(engine: &Engine, partition: u64) -> usize {
    engine.segments_of(partition).expect("it is there").len()
}

/// Offsets, bytes, epochs and producers stay what they were while ranges are joined, and after two openings.
fn stays_the_same(driver: &dyn Fn() -> Io) {
    let mut engine = open(driver(), sizes());
    // Nothing is joined in the first run: everything that is, lies on both sides of a new epoch.
    engine.set_joining(usize::MAX);
    create(&mut engine, &PARTITIONS);
    (0..ROUNDS / 2).for_each(|round| appended(&mut engine, round));
    close(engine);
    let mut engine = open(driver(), sizes());
    engine.set_joining(usize::MAX);
    (ROUNDS / 2..ROUNDS).for_each(|round| appended(&mut engine, round));
    let many: Vec<usize> = PARTITIONS.iter().map(|id| ranges(&engine, *id)).collect();
    assert!(many.iter().all(|ranges| *ranges > 20), "{many:?} ranges: the test is about many");
    let before: Vec<Vec<Vec<u8>>> = PARTITIONS.iter().map(|id| read_all(&mut engine, *id)).collect();
    assert_eq!(producers(&engine), [(7, 0, 2 * ROUNDS as i32 - 1)]);
    close(engine);

    let mut engine = open(driver(), sizes());
    until_joined(&mut engine);
    let done = engine.counters().compaction;
    assert!(done.joins >= 3 && done.joined_ranges >= 60 && done.runs == 0, "{done:?}");
    for _ in 0..2 {
        for (id, before) in PARTITIONS.iter().zip(&before) {
            assert!(ranges(&engine, *id) <= 12, "{} ranges of partition {id}", ranges(&engine, *id));
            assert_same(&read_all(&mut engine, *id), before);
        }
        assert_eq!(producers(&engine), [(7, 0, 2 * ROUNDS as i32 - 1)]);
        close(engine);
        let found = verify(driver(), true).expect("it can be looked at");
        assert!(found.findings.iter().all(|finding| finding.severity == Severity::Note), "{found:?}");
        engine = open(driver(), sizes());
    }
    let again = append_patiently(&mut engine, 2, &from_producer(ROUNDS - 1));
    assert_eq!(again, 2 * (ROUNDS as i64 - 1), "a batch that was sent twice is known");
    append_patiently(&mut engine, 2, &from_producer(ROUNDS));
    close(engine);
}

#[test]
fn small_ranges_are_joined_and_read_the_same_on_the_simulated_disk() {
    let disk = machine(1);
    stays_the_same(&|| Io::sim(disk.clone()));
}

/// A directory that goes with its test.
struct Root(PathBuf);

impl Root {
    fn new(name: &str) -> Root {
        let name = format!("joining-{name}-{}", std::process::id());
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = std::fs::remove_dir_all(&path);
        Root(path)
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn small_ranges_are_joined_and_read_the_same_with_threads() {
    let root = Root::new("pool");
    stays_the_same(&|| Io::open(&root.0, DriverChoice::Pool, Limits::default()).expect("the pool opens"));
}

#[test]
fn small_ranges_are_joined_and_read_the_same_with_the_best_driver() {
    let root = Root::new("auto");
    stays_the_same(&|| Io::open(&root.0, DriverChoice::Auto, Limits::default()).expect("a driver opens"));
}

#[test]
fn appends_go_on_while_ranges_are_joined_and_nothing_waits_for_a_join() {
    let disk = machine(2);
    let mut engine = open(Io::sim(disk), sizes());
    create(&mut engine, &PARTITIONS);
    let (mut beside, mut most) = (0, 0);
    for round in 0..ROUNDS {
        let effect = filler(round, 150);
        let committed =
            engine.commit(&[Effect::Append(Append::new(1, &effect))], Level::Durable, &mut Vec::new());
        if committed.code != Code::Ok {
            append_patiently(&mut engine, 1, &effect);
            continue;
        }
        beside += u64::from(engine.is_compacting());
        let mut turns = 0;
        drive(&mut engine, |engine| {
            turns += 1;
            engine.events().durable >= committed.lsn
        });
        most = most.max(turns);
    }
    let done = engine.counters().compaction;
    assert!(done.joins > 0 && beside > 0, "{beside} appends beside {done:?}");
    assert!(most < 100, "an append took {most} turns");
    assert_eq!(read_all(&mut engine, 1).len() as u64, ROUNDS);
}

#[test]
fn files_of_joined_ranges_go_and_what_readers_hold_of_them_stays_readable() {
    let disk = machine(3);
    let mut engine = open(Io::sim(disk.clone()), sizes());
    engine.set_joining(usize::MAX);
    create(&mut engine, &PARTITIONS);
    (0..ROUNDS).for_each(|round| appended(&mut engine, round));
    let shared = |engine: &Engine| engine.segment_totals()[SHARED].files;
    let (many, expected) = (shared(&engine), read_all(&mut engine, 1));
    let held = read(&mut engine, 1, 0, 4 << 10).expect("readable");
    engine.set_joining(4);
    // The look that finds them is due after a settle.
    let more = filler(0, 10);
    let before = engine.counters().settles;
    while engine.counters().settles < before + 2 {
        append_patiently(&mut engine, 3, &more);
    }
    until_joined(&mut engine);
    assert!(shared(&engine) < many / 4, "{} shared files of {many}", shared(&engine));
    let files = disk.files().into_iter().filter(|name| name.ends_with(".shared")).count() as u64;
    assert_eq!(files, shared(&engine), "what nothing names is not on the disk");
    for (piece, expected) in held.iter().zip(&expected) {
        assert_eq!(piece.bytes(), &expected[..]);
    }
    assert_same(&read_all(&mut engine, 1), &expected);
}
