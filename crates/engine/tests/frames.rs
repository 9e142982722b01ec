//! One commit is one frame: all of its effects happen, or none; producers are remembered with them.

mod support;

use millrace_engine::{Append, Code, Effect, Isolation, Level, Outcome, Policy};
use support::batches::TestBatch;
use support::*;

fn outcome(code: Code, base_offset: i64) -> (Code, i64) {
    (code, base_offset)
}

fn codes(outcomes: &[Outcome]) -> Vec<(Code, i64)> {
    outcomes.iter().map(|outcome| (outcome.code, outcome.base_offset)).collect()
}

#[test]
fn all_effects_of_a_frame_happen_together_and_survive_a_power_cut_together() {
    let machine = machine(1);
    let (mut engine, _) = open(&machine);
    create(&mut engine, &[1, 2]);
    let batch = TestBatch::of(&[b"a", b"b"]).encode();
    let (committed, outcomes) = commit(
        &mut engine,
        &[
            Effect::Append(Append::new(1, &batch)),
            Effect::Append(Append::new(2, &batch)),
            Effect::Append(Append::new(1, &batch)),
            Effect::Put { key: b"offset/group", value: b"4" },
        ],
    );
    assert_eq!(committed.code, Code::Ok);
    let expected = [outcome(Code::Ok, 0), outcome(Code::Ok, 0), outcome(Code::Ok, 2), outcome(Code::Ok, -1)];
    assert_eq!(codes(&outcomes), expected);
    machine.cut_power();
    drop(engine);
    let (mut engine, account) = open(&machine);
    assert!(!account.clean && account.damage.is_empty());
    assert_eq!(engine.state(b"offset/group"), Some(&b"4"[..]));
    assert_same(&read_all(&mut engine, 1), &[stored(&batch, 0, 1), stored(&batch, 2, 1)]);
    assert_same(&read_all(&mut engine, 2), &[stored(&batch, 0, 1)]);
}

#[test]
fn a_frame_with_one_refused_effect_does_nothing_at_all() {
    let machine = machine(2);
    let (mut engine, _) = open(&machine);
    create(&mut engine, &[1]);
    let batch = TestBatch::of(&[b"a"]).by(7, 0, 0).encode();
    let (committed, outcomes) = commit(
        &mut engine,
        &[
            Effect::Append(Append::new(1, &batch)),
            Effect::CreatePartition { partition: 5 },
            Effect::Put { key: b"k", value: b"v" },
            Effect::Append(Append::new(5, &batch)),
            Effect::DeletePartition { partition: 1 },
            Effect::Append(Append::new(1, &batch)),
        ],
    );
    assert_eq!((committed.code, committed.lsn), (Code::UnknownPartition, 0));
    let expected: Vec<Code> =
        [Code::RefusedWithFrame; 5].into_iter().chain([Code::UnknownPartition]).collect();
    assert_eq!(outcomes.iter().map(|outcome| outcome.code).collect::<Vec<_>>(), expected);
    assert_eq!(engine.watermarks(1).map(|marks| marks.log_end), Some(0));
    assert_eq!((engine.watermarks(5), engine.state(b"k")), (None, None));
    let (_, outcomes) = commit(&mut engine, &[Effect::Append(Append::new(1, &batch))]);
    assert_eq!(codes(&outcomes), [outcome(Code::Ok, 0)], "the producer's sequence was not used up");
}

#[test]
fn rule_15_a_repeated_batch_returns_its_first_offset_even_after_a_settle_and_a_power_cut() {
    let machine = machine(3);
    let (mut engine, _) = open(&machine);
    create(&mut engine, &[1]);
    let batch = |sequence| TestBatch::of(&[b"a", b"b"]).by(7, 0, sequence).encode();
    for sequence in 0..6 {
        append(&mut engine, 1, &batch(sequence * 2));
    }
    let repeat = |engine: &mut _, sequence: i32| {
        let (committed, outcomes) = commit(engine, &[Effect::Append(Append::new(1, &batch(sequence)))]);
        (committed.code, outcomes[0].code, outcomes[0].base_offset)
    };
    for round in 0..3 {
        assert_eq!(repeat(&mut engine, 10), (Code::Ok, Code::Duplicate, 10), "round {round}");
        assert_eq!(repeat(&mut engine, 2), (Code::Ok, Code::Duplicate, 2), "round {round}");
        assert_eq!(repeat(&mut engine, 0).0, Code::OutOfOrderSequence, "the sixth last, round {round}");
        assert_eq!(repeat(&mut engine, 14).0, Code::OutOfOrderSequence, "a gap, round {round}");
        if round == 0 {
            for seed in 0..60 {
                append_patiently(&mut engine, 1, &filler(seed, 900));
            }
            assert!(engine.counters().settles > 0, "the producer is in the manifest now");
        }
        machine.cut_power();
        drop(engine);
        engine = open(&machine).0;
    }
}

#[test]
fn a_duplicate_waits_for_the_flush_of_the_original() {
    let machine = machine(4);
    let mut config = config();
    config.policy = Policy::OS;
    let (mut engine, _) = open_with(&machine, config);
    create(&mut engine, &[1]);
    let batch = TestBatch::of(&[b"a"]).by(7, 0, 0).encode();
    let mut outcomes = Vec::new();
    let first = engine.commit(&[Effect::Append(Append::new(1, &batch))], Level::Written, &mut outcomes);
    drive(&mut engine, |engine| engine.events().written >= first.lsn);
    assert!(engine.events().durable < first.lsn, "policy os does not flush by itself");
    let again = engine.commit(&[Effect::Append(Append::new(1, &batch))], Level::Durable, &mut outcomes);
    assert_eq!((outcomes[0].code, again.lsn), (Code::Duplicate, first.lsn));
    drive(&mut engine, |engine| engine.events().durable >= again.lsn);
}

#[test]
fn deleted_records_and_partitions_stay_deleted_after_a_power_cut() {
    let machine = machine(5);
    let (mut engine, _) = open(&machine);
    create(&mut engine, &[1, 2]);
    for seed in 0..100 {
        append_patiently(&mut engine, 1 + seed % 2, &filler(seed, 900));
    }
    let (committed, outcomes) = commit(
        &mut engine,
        &[
            Effect::DeleteRecords { partition: 1, offset: 30 },
            Effect::DeletePartition { partition: 2 },
            Effect::DeleteRecords { partition: 1, offset: 20 },
        ],
    );
    assert_eq!(committed.code, Code::Ok);
    assert_eq!((outcomes[0].log_start, outcomes[2].log_start), (30, 30), "the log start never goes back");
    let beyond = [Effect::DeleteRecords { partition: 1, offset: 51 }];
    assert_eq!(commit(&mut engine, &beyond).0.code, Code::OffsetOutOfRange);
    machine.cut_power();
    drop(engine);
    let (mut engine, _) = open(&machine);
    assert_eq!(engine.watermarks(2), None);
    assert_eq!(engine.watermarks(1).map(|marks| (marks.log_start, marks.log_end)), Some((30, 50)));
    assert_eq!(read_all(&mut engine, 1).len(), 20);
}

#[test]
fn files_without_living_data_are_removed_once_no_manifest_names_them() {
    let machine = machine(6);
    let (mut engine, _) = open(&machine);
    create(&mut engine, &[1, 2]);
    for seed in 0..150 {
        append_patiently(&mut engine, 1, &filler(seed, 900));
    }
    assert!(machine.read("segments/0000000000000001.log").is_some());
    commit(&mut engine, &[Effect::DeletePartition { partition: 1 }]);
    let settles = engine.counters().settles;
    for seed in 0..100 {
        append_patiently(&mut engine, 2, &filler(seed, 900));
    }
    assert!(engine.counters().settles > settles);
    assert_eq!(machine.read("segments/0000000000000001.log"), None);
    assert_eq!(machine.read("segments/0000000000000001.index"), None);
}

#[test]
fn rules_33_and_34_epochs_grow_with_every_start_and_say_where_they_end() {
    let machine = machine(7);
    for _ in 0..3 {
        let (mut engine, account) = open(&machine);
        if account.incarnation == 1 {
            create(&mut engine, &[1]);
        }
        append(&mut engine, 1, &filler(1, 10));
        append(&mut engine, 1, &filler(2, 10));
        machine.cut_power();
    }
    let (engine, _) = open(&machine);
    let end = |epoch| {
        let answer = engine.offset_for_epoch(1, epoch);
        (answer.epoch, answer.end_offset)
    };
    assert_eq!([end(1), end(2), end(3), end(4), end(5)], [(1, 2), (2, 4), (3, 6), (4, 6), (-1, -1)]);
    let code = |epoch| engine.readable(1, 0, 100, Isolation::ReadUncommitted, epoch).code;
    assert_eq!(
        [code(-1), code(4), code(3), code(5)],
        [Code::Ok, Code::Ok, Code::FencedEpoch, Code::UnknownEpoch]
    );
}
