//! Retention by age and size, flush policies of single partitions: what they delete and keep, and that it survives.

mod support;

use millrace_engine::{Append, Code, Effect, Engine, EngineConfig, Level, Limits, PartitionSettings, Policy};
use millrace_io::SimHandle;
use support::batches::TestBatch;
use support::*;

/// A batch of one record with `bytes` bytes of value, stamped with this time.
fn stamped(ms: i64, bytes: usize) -> Vec<u8> {
    TestBatch::of(&[&vec![7; bytes]]).at(ms).encode()
}

fn limited(limits: Limits) -> PartitionSettings {
    PartitionSettings { limits, flush: None }
}

/// A whole round at this time.
fn retain(engine: &mut Engine, now_ms: i64) {
    engine.begin_retention(now_ms);
    drive(engine, |engine| !engine.is_retaining());
}

fn start_of(engine: &Engine, partition: u64) -> u64 {
    engine.watermarks(partition).expect("it is there").log_start
}

/// Files in `segments/`.
fn files(engine: &mut Engine, machine: &SimHandle) -> usize {
    drive(engine, |engine| engine.io().in_flight() == 0);
    machine.files().iter().filter(|name| name.starts_with("segments/")).count()
}

/// Appends until a settle was published.
fn settle(engine: &mut Engine, partition: u64, from_ms: i64) -> i64 {
    let before = engine.counters().settles;
    let mut ms = from_ms;
    while engine.counters().settles == before {
        append_patiently(engine, partition, &stamped(ms, 2_000));
        ms += 1;
    }
    ms
}

#[test]
fn settled_segments_go_by_age_whole_and_their_files_with_them() {
    let machine = machine(1);
    let (mut engine, _) = open(&machine);
    create(&mut engine, &[1]);
    engine.configure(&[1], &limited(Limits { retention_ms: Some(1_000), ..Limits::default() }));
    settle(&mut engine, 1, 10_000);
    let first = engine.watermarks(1).expect("there").log_end;
    settle(&mut engine, 1, 500_000);
    retain(&mut engine, 100_000);
    let start = start_of(&engine, 1);
    assert!(start > 0 && start <= first, "only what is old: {start} of {first}");
    assert_eq!(engine.counters().deletions, 1);
    let with_old = files(&mut engine, &machine);
    settle(&mut engine, 1, 600_000);
    settle(&mut engine, 1, 700_000);
    retain(&mut engine, 650_000);
    settle(&mut engine, 1, 800_000);
    assert!(files(&mut engine, &machine) <= with_old + 2, "files go behind the log start");
    machine.cut_power();
    drop(engine);
    let (engine, account) = open(&machine);
    assert!(account.damage.is_empty(), "{account:?}");
    assert!(start_of(&engine, 1) > start, "the log start is where it was");
}

#[test]
fn a_quiet_partition_ages_although_nothing_of_it_is_settled() {
    let machine = machine(2);
    let (mut engine, _) = open(&machine);
    create(&mut engine, &[1, 2]);
    let limits = Limits { retention_ms: Some(1_000), segment_ms: Some(5_000), ..Limits::default() };
    engine.configure(&[1, 2], &limited(limits));
    for ms in [10_000, 12_000, 20_000] {
        append(&mut engine, 1, &stamped(ms, 10));
        append(&mut engine, 2, &stamped(10_000, 10));
    }
    retain(&mut engine, 11_500);
    assert_eq!((start_of(&engine, 1), start_of(&engine, 2)), (0, 3), "the second of the first one is young");
    retain(&mut engine, 13_500);
    assert_eq!(start_of(&engine, 1), 2, "the third began a segment of its own");
    assert_eq!(engine.watermarks(2).map(|marks| marks.log_end), Some(3), "offsets go on");
}

#[test]
fn the_oldest_go_by_size_and_what_remains_is_enough() {
    let machine = machine(3);
    let (mut engine, _) = open(&machine);
    create(&mut engine, &[1]);
    let limits = Limits { retention_bytes: Some(40_000), segment_bytes: Some(10_000), ..Limits::default() };
    assert_eq!(engine.configure(&[1, 99], &limited(limits)), 1, "99 is not there");
    for ms in 0..100 {
        append_patiently(&mut engine, 1, &stamped(ms, 2_000));
    }
    retain(&mut engine, i64::MAX);
    let kept: usize = read_all(&mut engine, 1).iter().map(Vec::len).sum();
    assert!((40_000..60_000).contains(&kept), "{kept} bytes are left");
    retain(&mut engine, i64::MAX);
    assert_eq!(engine.counters().deletions, 1, "a second round finds nothing");
}

#[test]
fn a_round_over_many_partitions_goes_in_steps_and_touches_only_those_with_limits() {
    let machine = machine(4);
    let (mut engine, _) = open_with(&machine, EngineConfig { journal_file_bytes: 1 << 20, ..config() });
    let all: Vec<u64> = (1..=1_500).collect();
    let effects: Vec<Effect<'_>> =
        all.iter().map(|partition| Effect::CreatePartition { partition: *partition }).collect();
    commit(&mut engine, &effects);
    let limited_ones: Vec<u64> = all.iter().copied().filter(|id| id % 2 == 0).collect();
    engine.configure(&limited_ones, &limited(Limits { retention_ms: Some(1), ..Limits::default() }));
    let batch = stamped(5, 1);
    for part in all.chunks(100) {
        let effects: Vec<Effect<'_>> =
            part.iter().map(|partition| Effect::Append(Append::new(*partition, &batch))).collect();
        assert_eq!(commit(&mut engine, &effects).0.code, Code::Ok);
    }
    engine.begin_retention(1_000);
    engine.turn();
    assert!(engine.is_retaining(), "one turn does not look at all of them");
    drive(&mut engine, |engine| !engine.is_retaining());
    assert!(all.iter().all(|id| start_of(&engine, *id) == u64::from(id % 2 == 0)));
    assert_eq!(engine.counters().deletions, 750);
}

#[test]
fn a_partition_with_a_policy_of_its_own_is_flushed_by_it() {
    for (own, engines, kept) in [(Policy::ALWAYS, Policy::OS, 1), (Policy::OS, Policy::ALWAYS, 0)] {
        let machine = machine(5);
        let (mut engine, _) = open_with(&machine, EngineConfig { policy: engines, ..config() });
        create(&mut engine, &[1, 2]);
        engine.configure(&[1], &PartitionSettings { limits: Limits::default(), flush: Some(own) });
        let (batch, mut outcomes) = (filler(1, 10), Vec::new());
        let flushes = engine.io().counters().syncs + engine.io().counters().durable_writes;
        let effect = Effect::Append(Append::new(1, &batch));
        let committed = engine.commit(&[effect], Level::Written, &mut outcomes);
        drive(&mut engine, |engine| engine.events().written >= committed.lsn);
        for _ in 0..20 {
            engine.turn();
        }
        let flushed = engine.io().counters().syncs + engine.io().counters().durable_writes - flushes;
        assert_eq!((flushed > 0, engine.events().durable >= committed.lsn), (kept == 1, kept == 1));
        // A frame of both is flushed as the stricter one demands.
        let both = [Effect::Append(Append::new(1, &batch)), Effect::Append(Append::new(2, &batch))];
        let committed = engine.commit(&both, Level::Written, &mut outcomes);
        drive(&mut engine, |engine| engine.events().durable >= committed.lsn);
    }
}
