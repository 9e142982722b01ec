//! What is appended is read back byte for byte, from memory, from segments and after a restart.

mod support;

use millrace_engine::{Append, Code, Effect, Engine, Isolation, Level, Read};
use millrace_io::{DriverChoice, Io, Limits};
use support::batches::TestBatch;
use support::*;

/// Appends to three partitions until everything was settled a few times, reopens, and compares every byte.
fn round_trip(open: &mut dyn FnMut() -> Engine) {
    let mut engine = open();
    create(&mut engine, &[1, 2, 3]);
    let mut expected: Vec<Vec<Vec<u8>>> = vec![Vec::new(); 4];
    let mut ends = [0i64; 4];
    for round in 0..200u64 {
        let partition = 1 + round % 3;
        // Partition 3 stays small enough to share segments.
        let size = if partition == 3 { 40 } else { 700 + round as usize };
        let batch = filler(round, size);
        let base = append_patiently(&mut engine, partition, &batch);
        let at = partition as usize;
        assert_eq!(base, ends[at]);
        ends[at] += 1;
        expected[at].push(stored(&batch, base, 1));
    }
    assert!(engine.counters().settles >= 2, "the test is about settled data too");
    for partition in 1..=3u64 {
        assert_same(&read_all(&mut engine, partition), &expected[partition as usize]);
    }
    engine.close_begin();
    drive(&mut engine, |engine| engine.is_closed());
    drop(engine);
    let mut engine = open();
    let account = engine.recovery_account().clone();
    assert!(account.clean, "{account:?}");
    assert_eq!((account.incarnation, account.partitions), (2, 3));
    for partition in 1..=3u64 {
        assert_same(&read_all(&mut engine, partition), &expected[partition as usize]);
        let batch = filler(9, 10);
        let base = append_patiently(&mut engine, partition, &batch);
        assert_eq!(base, ends[partition as usize], "offsets go on where they were");
        assert_eq!(read_all(&mut engine, partition).pop(), Some(stored(&batch, base, 2)));
    }
}

#[test]
fn appended_batches_come_back_byte_for_byte_on_the_simulated_disk() {
    let machine = machine(1);
    round_trip(&mut || open(&machine).0);
}

#[test]
fn appended_batches_come_back_byte_for_byte_on_the_pool_driver() {
    let directory = scratch("pool");
    round_trip(&mut || {
        let io = Io::open(&directory, DriverChoice::Pool, Limits::default()).expect("the pool opens");
        Engine::open(io, config()).expect("the engine opens").0
    });
    std::fs::remove_dir_all(directory).expect("removed");
}

#[test]
fn appended_batches_come_back_byte_for_byte_on_the_best_driver_of_this_machine() {
    let directory = scratch("auto");
    round_trip(&mut || {
        let io = Io::open(&directory, DriverChoice::Auto, Limits::default()).expect("a driver opens");
        Engine::open(io, config()).expect("the engine opens").0
    });
    std::fs::remove_dir_all(directory).expect("removed");
}

fn scratch(name: &str) -> std::path::PathBuf {
    let path = std::env::temp_dir().join(format!("millrace-engine-{}-{name}", std::process::id()));
    let _ = std::fs::remove_dir_all(&path);
    path
}

#[test]
fn rule_26_the_first_batch_comes_whole_even_above_the_limit() {
    let machine = machine(2);
    let (mut engine, _) = open(&machine);
    create(&mut engine, &[1]);
    for seed in 0..3 {
        append(&mut engine, 1, &filler(seed, 500));
    }
    let one = read(&mut engine, 1, 0, 1).expect("readable");
    assert_eq!(one.len(), 1);
    let bytes = engine.readable(1, 0, 1, Isolation::ReadUncommitted, -1).bytes;
    assert_eq!(bytes, one[0].len() as u64, "readable announces what read yields");
    let two = read(&mut engine, 1, 0, 2 * one[0].len() as u64).expect("readable");
    assert_eq!(two.len(), 2, "after it the limit holds");
}

#[test]
fn rule_27_an_offset_inside_a_batch_returns_the_whole_batch() {
    let machine = machine(3);
    let (mut engine, _) = open(&machine);
    create(&mut engine, &[1]);
    let batch = TestBatch::of(&[b"a", b"b", b"c"]).encode();
    append(&mut engine, 1, &batch);
    append(&mut engine, 1, &batch);
    let pieces = read(&mut engine, 1, 4, 1).expect("readable");
    assert_eq!(pieces[0].bytes(), stored(&batch, 3, 1));
}

#[test]
fn rule_31_offsets_outside_the_log_are_refused_and_the_end_is_empty() {
    let machine = machine(4);
    let (mut engine, _) = open(&machine);
    create(&mut engine, &[1]);
    for seed in 0..4 {
        append(&mut engine, 1, &filler(seed, 10));
    }
    commit(&mut engine, &[Effect::DeleteRecords { partition: 1, offset: 2 }]);
    for (offset, answer) in [(-1, Err(Code::OffsetOutOfRange)), (1, Err(Code::OffsetOutOfRange)), (4, Ok(0))]
    {
        assert_eq!(read(&mut engine, 1, offset, 100).map(|pieces| pieces.len()), answer, "offset {offset}");
    }
    assert_eq!(read(&mut engine, 1, 5, 100).unwrap_err(), Code::OffsetOutOfRange);
    assert_eq!(read(&mut engine, 9, 0, 100).unwrap_err(), Code::UnknownPartition);
    assert_eq!(read(&mut engine, 1, 2, 1).map(|pieces| pieces.len()), Ok(1));
}

#[test]
fn nothing_is_readable_before_it_is_written_and_isolation_durable_waits_for_the_flush() {
    let machine = machine(5);
    let mut config = config();
    config.policy = millrace_engine::Policy::OS;
    let (mut engine, _) = open_with(&machine, config);
    create(&mut engine, &[1]);
    let batch = filler(1, 100);
    let mut outcomes = Vec::new();
    let append = Effect::Append(Append::new(1, &batch));
    let committed = engine.commit(&[append], Level::Written, &mut outcomes);
    let visible = |engine: &mut Engine, isolation| match engine.read(1, 0, 1000, isolation) {
        Read::Ready(pieces) => pieces.len(),
        other => panic!("hot data is ready: {other:?}"),
    };
    assert_eq!(outcomes[0].log_end, 1);
    assert_eq!(visible(&mut engine, Isolation::ReadUncommitted), 0);
    drive(&mut engine, |engine| engine.events().written >= committed.lsn);
    assert_eq!(visible(&mut engine, Isolation::ReadUncommitted), 1);
    assert_eq!(visible(&mut engine, Isolation::Durable), 0);
    let lsn = engine.flush();
    drive(&mut engine, |engine| engine.events().durable >= lsn);
    assert_eq!(visible(&mut engine, Isolation::Durable), 1);
}

#[test]
fn partitions_with_equal_offsets_in_one_shared_segment_do_not_see_each_other() {
    let machine = machine(6);
    let mut config = config();
    (config.own_segment_bytes, config.memory_bytes) = (1 << 20, 64 << 10);
    let (mut engine, _) = open_with(&machine, config);
    create(&mut engine, &[1, 2]);
    let mut expected = [Vec::new(), Vec::new()];
    for round in 0..120 {
        for partition in [1, 2] {
            let batch = filler(round * 2 + partition, 900);
            let base = append_patiently(&mut engine, partition, &batch);
            expected[partition as usize - 1].push(stored(&batch, base, 1));
        }
    }
    for partition in [1, 2] {
        assert_same(&read_all(&mut engine, partition), &expected[partition as usize - 1]);
    }
    assert!(engine.counters().cold_reads > 0, "the test is about reads from segments");
}
