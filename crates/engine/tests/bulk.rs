//! Large batches: written once to a bulk file, referred to by the journal, named by the manifest, read like all others.

mod support;

use millrace_engine::{
    Append, Code, Effect, Engine, EngineConfig, EngineError, Level, RecoveryAccount, dump,
};
use millrace_io::faults::{CallKind, Fault, FaultRule, Faults};
use millrace_io::{Done, DriverChoice, Io, Limits, Op, OpenMode, SimHandle};
use std::path::PathBuf;
use support::*;

/// As `config`, with bulk files of 64 KiB for batches of 2,000 bytes and more.
fn bulk_config() -> EngineConfig {
    EngineConfig { bulk_bytes: 2_000, ..config() }
}

fn open_bulk(machine: &SimHandle) -> (Engine, RecoveryAccount) {
    open_with(machine, bulk_config())
}

/// An engine with a partition and a bulk file that is ready to be used.
fn ready(machine: &SimHandle) -> Engine {
    let (mut engine, _) = open_bulk(machine);
    create(&mut engine, &[1, 2]);
    make_ready(&mut engine);
    engine
}

/// Appends to partition 2 until appends go to a bulk file.
fn make_ready(engine: &mut Engine) {
    for seed in 0..50 {
        append_patiently(engine, 2, &filler(seed, 2_000));
        if engine.counters().journal.bulk_bytes > 0 {
            return;
        }
        let mut turns = 0;
        drive(engine, |_| {
            turns += 1;
            turns > 10
        });
    }
    panic!("no bulk file was made");
}

fn bulk_files(machine: &SimHandle) -> Vec<String> {
    // Not listed: a second driver would take the machine over from an engine that runs.
    let paths = (1..200).map(|number| format!("segments/{number:016x}.bulk"));
    paths.filter(|path| machine.read(path).is_some()).collect()
}

/// Where a batch lies in some bulk file.
fn place_of(machine: &SimHandle, batch: &[u8]) -> (String, u64) {
    for path in bulk_files(machine) {
        let bytes = machine.read(&path).expect("there");
        let found =
            bytes.chunks(4096).position(|block| batch.starts_with(&block[..block.len().min(batch.len())]));
        if let Some(block) = found {
            return (path, block as u64 * 4096);
        }
    }
    panic!("the batch lies in no bulk file");
}

fn round_trip(open: &mut dyn FnMut() -> Engine) {
    let mut engine = open();
    create(&mut engine, &[1, 2, 3]);
    let mut expected: Vec<Vec<Vec<u8>>> = vec![Vec::new(); 4];
    for round in 0..240u64 {
        let partition = 1 + round % 3;
        // Partition 1 has only large batches, 2 only small ones, 3 both in turn.
        let large = partition == 1 || partition == 3 && round % 2 == 0;
        let batch = filler(round, if large { 2_500 + round as usize * 20 } else { 300 });
        let base = append_patiently(&mut engine, partition, &batch);
        expected[partition as usize].push(stored(&batch, base, 1));
    }
    let counters = engine.counters();
    assert!(counters.settles >= 2 && counters.journal.bulk_bytes > 128 << 10, "{counters:?}");
    for partition in 1..=3u64 {
        assert_same(&read_all(&mut engine, partition), &expected[partition as usize]);
    }
    drop(engine);
    for clean in [false, true] {
        let mut engine = open();
        let account = engine.recovery_account().clone();
        assert!(account.damage.is_empty(), "after a kill or a close ({clean}): {account:?}");
        for partition in 1..=3u64 {
            assert_same(&read_all(&mut engine, partition), &expected[partition as usize]);
        }
        engine.close_begin();
        drive(&mut engine, |engine| engine.is_closed());
    }
}

#[test]
fn large_and_small_batches_come_back_byte_for_byte_on_the_simulated_disk() {
    let machine = machine(1);
    round_trip(&mut || open_bulk(&machine).0);
}

#[test]
fn large_batches_of_an_earlier_run_are_found_by_one_that_writes_none() {
    let machine = machine(9);
    let mut engine = ready(&machine);
    let batch = filler(1, 9_000);
    append(&mut engine, 1, &batch);
    assert!(engine.counters().journal.bulk_bytes > 0);
    machine.cut_power();
    drop(engine);
    let (mut engine, account) = open(&machine);
    assert!(account.damage.is_empty() && account.cut_bytes == 0, "{account:?}");
    assert_same(&read_all(&mut engine, 1), &[stored(&batch, 0, 1)]);
    append(&mut engine, 1, &batch);
    assert_eq!(engine.counters().journal.bulk_bytes, 0);
}

#[test]
fn large_and_small_batches_come_back_byte_for_byte_on_the_drivers_of_this_machine() {
    for driver in [DriverChoice::Auto, DriverChoice::Pool] {
        let directory = std::env::temp_dir().join(format!("millrace-bulk-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&directory);
        round_trip(&mut || {
            let io = Io::open(&directory, driver, Limits::default()).expect("a driver opens");
            Engine::open(io, bulk_config()).expect("the engine opens").0
        });
        std::fs::remove_dir_all(directory).expect("removed");
    }
}

#[test]
fn large_batches_take_no_laps_of_the_journal_and_settling_them_writes_nothing() {
    let machine = machine(2);
    let (mut engine, _) = open_with(&machine, EngineConfig { segment_bytes: 1 << 20, ..bulk_config() });
    create(&mut engine, &[1, 2]);
    make_ready(&mut engine);
    let before = engine.counters();
    let batches: Vec<_> = (0..100).map(|seed| filler(seed, 4_000)).collect();
    let effects: Vec<_> = batches.iter().map(|batch| Effect::Append(Append::new(1, batch))).collect();
    for frame in effects.chunks(10) {
        assert_eq!(commit(&mut engine, frame).0.code, Code::Ok);
    }
    let after = engine.counters();
    assert_eq!(after.journal.laps, before.journal.laps, "400 KB against journal files of 64 KiB");
    assert_eq!(after.settles, before.settles, "and no lap had to be given back");
    let written = after.journal.written_bytes - before.journal.written_bytes;
    assert!(written <= 100 * 2 * 4096 + 10 * 4096, "batches and a block a frame: {written}");
}

#[test]
fn a_frame_of_a_large_batch_and_a_small_put_comes_back_whole_or_not_at_all() {
    let (mut whole, mut gone) = (0, 0);
    for after in 0..60 {
        let machine = machine(300 + after);
        let mut engine = ready(&machine);
        let end = engine.watermarks(1).expect("there").log_end;
        let cut_at = machine.events() + 1 + after;
        machine.change_options(|options| options.cut_at = Some(cut_at));
        let batch = filler(after, 9_000);
        let effects = [Effect::Append(Append::new(1, &batch)), Effect::Put { key: b"with", value: b"it" }];
        let committed = engine.commit(&effects, Level::Durable, &mut Vec::new());
        let mut durable = false;
        while !machine.is_cut() && !durable {
            let events = engine.turn();
            durable = !machine.is_cut() && events.durable >= committed.lsn;
            engine.wait(Some(1_000));
        }
        machine.cut_power();
        drop(engine);
        machine.change_options(|options| options.cut_at = None);
        let (mut engine, account) = open_bulk(&machine);
        assert!(account.damage.is_empty(), "{account:?}");
        let appended = engine.watermarks(1).expect("there").log_end > end;
        assert_eq!(appended, engine.scan_state(b"with").next().is_some(), "cut after {after} events");
        assert!(appended || !durable, "it was acknowledged");
        if appended {
            assert_same(&read_all(&mut engine, 1), &[stored(&batch, 0, 1)]);
        }
        (whole, gone) = (whole + u64::from(appended), gone + u64::from(!appended));
    }
    assert!(whole > 0 && gone > 0, "{whole} whole, {gone} gone");
}

#[test]
fn a_torn_large_batch_that_nothing_proves_durable_is_cut_and_the_account_says_so() {
    let machine = machine(4);
    let mut engine = ready(&machine);
    append(&mut engine, 1, &filler(1, 3_000));
    let last = filler(2, 9_000);
    append(&mut engine, 1, &last);
    machine.kill_process();
    drop(engine);
    let (path, position) = place_of(&machine, &stored(&last, 1, 1));
    assert!(machine.flip_bit(&path, position + 5_000, 1));
    let (mut engine, account) = open_bulk(&machine);
    assert!(account.damage.is_empty() && account.cut_bytes > 0, "{account:?}");
    assert_eq!(read_all(&mut engine, 1).len(), 1);
    let next = filler(3, 3_000);
    assert_eq!(append(&mut engine, 1, &next), 1, "its offset is given out again");
    machine.cut_power();
    drop(engine);
    let (mut engine, account) = open_bulk(&machine);
    assert!(account.damage.is_empty(), "what was cut stays cut: {account:?}");
    assert_eq!(read_all(&mut engine, 1).pop(), Some(stored(&next, 1, 2)));
}

#[test]
fn a_large_batch_damaged_after_it_was_durable_is_fenced_and_its_offsets_stay_taken() {
    let machine = machine(5);
    let mut engine = ready(&machine);
    let batches: Vec<_> = (0..3).map(|seed| filler(seed, 9_000)).collect();
    for batch in &batches {
        append(&mut engine, 1, batch);
    }
    // Its frame is proven durable by this one.
    append(&mut engine, 2, &filler(1, 10));
    append(&mut engine, 2, &filler(2, 10));
    machine.kill_process();
    drop(engine);
    for (lost, batch) in batches.iter().enumerate() {
        let machine = machine.fork(lost as u64);
        let (path, position) = place_of(&machine, &stored(batch, lost as i64, 1));
        assert!(machine.flip_bit(&path, position + 5_000, 1));
        let (mut engine, account) = open_bulk(&machine);
        let damage = account.damage.iter().find(|damage| damage.file == path).expect("it is reported");
        assert_eq!((damage.position, account.cut_bytes), (position, 0));
        for (offset, batch) in batches.iter().enumerate() {
            let found = read(&mut engine, 1, offset as i64, 1);
            match found {
                Err(code) => assert_eq!((code, offset), (Code::Damaged, lost)),
                Ok(pieces) => assert_eq!(pieces[0].bytes(), stored(batch, offset as i64, 1)),
            }
        }
        assert!(read(&mut engine, 1, lost as i64, 1).is_err());
        assert_eq!(append(&mut engine, 1, &filler(9, 100)), 3, "no offset is given out twice");
    }
}

/// An engine whose large batches were settled and evicted, closed cleanly.
fn settled(seed: u64) -> (SimHandle, Vec<Vec<u8>>) {
    let machine = machine(seed);
    let mut engine = ready(&machine);
    let mut expected = Vec::new();
    for seed in 0..300 {
        let batch = filler(seed, 4_500);
        let base = append_patiently(&mut engine, 1, &batch);
        expected.push(stored(&batch, base, 1));
    }
    engine.close_begin();
    drive(&mut engine, |engine| engine.is_closed());
    (machine, expected)
}

#[test]
fn a_flipped_bit_in_a_bulk_file_is_never_served_and_costs_only_its_own_batch() {
    let (machine, expected) = settled(6);
    let (path, position) = place_of(&machine, &expected[1]);
    let length = expected[1].len() as u64;
    for at in [0, 7, 8, 11, 12, 15, 16, 17, 30, 60, 61, 4_200, length - 1] {
        let machine = machine.fork(at);
        assert!(machine.flip_bit(&path, position + at, 3));
        let (mut engine, _) = open_bulk(&machine);
        assert_eq!(read(&mut engine, 1, 1, 1).unwrap_err(), Code::Damaged, "bit in byte {at}");
        let damage = engine.take_damage();
        assert_eq!((damage[0].file.as_str(), damage[0].position), (path.as_str(), position));
        for other in [0, 2, 3, 150] {
            let found = read(&mut engine, 1, other, 1).unwrap_or_else(|code| {
                panic!("bit in byte {at}, offset {other}: {code:?} {:?}", engine.take_damage())
            });
            assert_eq!(found[0].bytes(), expected[other as usize], "bit in byte {at}");
        }
    }
}

#[test]
fn bulk_files_go_when_nothing_refers_to_them_and_an_opening_gives_back_what_they_have_not_used() {
    let (machine, _) = settled(7);
    let (mut engine, _) = open_bulk(&machine);
    let files = bulk_files(&machine);
    assert!(files.len() > 3, "{files:?}");
    let last = files.last().expect("there are some");
    let before = machine.read(last).expect("there").len();
    assert!(before < 64 << 10, "{last} was cut to {before}");
    commit(&mut engine, &[Effect::DeletePartition { partition: 1 }]);
    commit(&mut engine, &[Effect::DeletePartition { partition: 2 }]);
    create(&mut engine, &[3]);
    // Small batches, until a settle is published.
    let settles = engine.counters().settles;
    while engine.counters().settles < settles + 2 {
        append_patiently(&mut engine, 3, &filler(1, 1_000));
    }
    drive(&mut engine, |_| bulk_files(&machine).is_empty());
}

#[test]
fn a_failed_write_of_a_large_batch_poisons_like_any_other() {
    let machine = machine(8);
    let mut engine = ready(&machine);
    machine.change_options(|options| options.write_errors = 1_000_000);
    let batch = filler(2, 9_000);
    let effect = Effect::Append(Append::new(1, &batch));
    let committed = engine.commit(&[effect], Level::Durable, &mut Vec::new());
    drive(&mut engine, |engine| engine.events().failure.is_some());
    assert!(engine.events().written < committed.lsn);
    assert!(read_all(&mut engine, 1).is_empty(), "nobody sees what is not written");
}

#[test]
fn a_dump_shows_references_and_the_batches_of_a_bulk_file() {
    let directory = std::env::temp_dir().join(format!("millrace-bulk-dump-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&directory);
    let io = Io::open(&directory, DriverChoice::Auto, Limits::default()).expect("a driver opens");
    let (mut engine, _) = Engine::open(io, bulk_config()).expect("the engine opens");
    create(&mut engine, &[2]);
    make_ready(&mut engine);
    drop(engine);
    let journal = dump(&directory.join("journal/00000001"), 1_000, false).expect("a journal file");
    let reference = journal.iter().find(|line| line.contains("bulkFile")).expect("a reference");
    assert!(reference.contains(r#""partition":2"#) && reference.contains(r#""records":1"#), "{reference}");
    let names = std::fs::read_dir(directory.join("segments")).expect("listed");
    let mut paths = names.map(|name| name.expect("read").path());
    let path = paths.find(|path| path.extension().is_some_and(|extension| extension == "bulk"));
    let shown = dump(&path.expect("a bulk file"), 1_000, false).expect("a bulk file");
    assert!(shown[0].contains(r#""kind":"bulk""#), "{shown:?}");
    assert!(shown[1].contains(r#""position":4096"#) && !shown[1].contains("note"), "{shown:?}");
    std::fs::remove_dir_all(directory).expect("removed");
}

/// A directory that was killed with this batch, at offset 0 of partition 1, in a bulk file and not settled. `proven`: a frame
/// behind it says that it was durable. Answers where it lies, too.
fn unsettled(seed: u64, proven: bool) -> (SimHandle, Vec<u8>, String, u64) {
    let machine = machine(seed);
    let mut engine = ready(&machine);
    let batch = filler(1, 9_000);
    append(&mut engine, 1, &batch);
    if proven {
        append(&mut engine, 2, &filler(1, 10));
        append(&mut engine, 2, &filler(2, 10));
    }
    machine.kill_process();
    drop(engine);
    let batch = stored(&batch, 0, 1);
    let (path, position) = place_of(&machine, &batch);
    (machine, batch, path, position)
}

/// What an opening makes of a disk on which its bytes do not verify: it is gone, which the account says, and other batches
/// only when the whole file is (`alone` is false).
fn judge_unsettled(machine: &SimHandle, batch: &[u8], (proven, alone): (bool, bool), what: &str) {
    let (mut engine, account) = open_bulk(machine);
    assert!(!account.damage.is_empty() || !proven && alone, "{what}: {account:?}");
    assert_eq!(account.cut_bytes > 0, !proven, "{what}: {account:?}");
    match read(&mut engine, 1, 0, 1) {
        Ok(pieces) => assert!(pieces.iter().all(|piece| piece.bytes() == batch), "{what}"),
        Err(code) => assert_eq!((code, proven), (Code::Damaged, true), "{what}"),
    }
    let next = append(&mut engine, 1, &filler(9, 100));
    assert_eq!(next, i64::from(proven), "{what}: a durable offset stays taken");
}

#[test]
fn a_bulk_file_that_is_gone_or_lacks_its_end_takes_what_is_not_proven_and_nothing_that_is_in_silence() {
    for proven in [false, true] {
        let (whole, batch, path, position) = unsettled(10, proven);
        for end in [None, Some(0), Some(4_096), Some(position + 4_096)] {
            let machine = whole.fork(1 + end.unwrap_or(0));
            let mut io = Io::sim(machine.clone());
            match end {
                None => drop(io.run(Op::Unlink { path: PathBuf::from(&path) }).expect("it is removed")),
                Some(length) => {
                    let open = Op::Open { path: PathBuf::from(&path), mode: OpenMode::WriteDirect };
                    let Ok(Done::Opened { file, .. }) = io.run(open) else { panic!("{path} is opened") };
                    io.run(Op::Truncate { file, length }).expect("it is cut");
                    io.run(Op::Sync { file }).expect("it is synced");
                }
            }
            drop(io);
            machine.kill_process();
            let what = format!("{path} cut at {end:?}, proven {proven}");
            judge_unsettled(&machine, &batch, (proven, end == Some(position + 4_096)), &what);
        }
    }
}

#[test]
fn bulk_bytes_that_cannot_be_read_are_damage_when_they_were_durable_and_else_nobody_guesses() {
    for proven in [false, true] {
        let (whole, batch, path, position) = unsettled(11, proven);
        let machine = whole.fork(1);
        assert!(machine.spoil(&path, position, 4_096));
        if proven {
            judge_unsettled(&machine, &batch, (proven, true), "unreadable");
            continue;
        }
        let refused = Engine::open(Io::sim(machine), bulk_config()).err().expect("it is not guessed");
        assert!(matches!(refused, EngineError::Io(_) | EngineError::Journal(_)), "{refused}");
        let (mut engine, account) = open_bulk(&whole);
        assert!(account.damage.is_empty() && account.cut_bytes == 0, "it is there again: {account:?}");
        assert_same(&read_all(&mut engine, 1), &[batch]);
    }
}

#[test]
fn a_bulk_file_that_does_not_open_ends_the_opening_and_says_nothing_about_its_bytes() {
    let (whole, batch, path, _) = unsettled(12, true);
    for errno in [libc::EACCES, libc::EMFILE, libc::EIO] {
        let rule = FaultRule {
            path: Some(path.clone()),
            ..FaultRule::on(CallKind::Open, 1, Fault::Refuse(errno), true)
        };
        let io = Io::sim(whole.fork(1)).faulty(&Faults::of(rule));
        assert!(Engine::open(io, bulk_config()).is_err(), "errno {errno}");
    }
    let (mut engine, _) = open_bulk(&whole);
    assert_same(&read_all(&mut engine, 1), &[batch]);
}
