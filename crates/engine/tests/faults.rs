//! What goes wrong on the device: full disks, failed settles, damage, foreign and newer files. Nothing acknowledged is
//! lost, nothing wrong is served, and everything else goes on.

mod support;

use millrace_engine::manifest::ManifestError;
use millrace_engine::{Append, Code, Effect, Engine, EngineError, Level};
use millrace_io::{Done, Io, Op, OpenMode, SimHandle, SimOptions};
use support::*;

/// Appends rounds of batches to partition 1, ignoring refusals; answers what was accepted.
fn push(engine: &mut Engine, rounds: u64, bytes: usize) -> (Vec<Vec<u8>>, Vec<Code>) {
    let (mut accepted, mut refusals) = (Vec::new(), Vec::new());
    let mut outcomes = Vec::new();
    for seed in 0..rounds {
        let batch = filler(seed, bytes);
        let committed =
            engine.commit(&[Effect::Append(Append::new(1, &batch))], Level::Durable, &mut outcomes);
        match committed.code {
            Code::Ok => accepted.push(stored(&batch, outcomes[0].base_offset, 1)),
            code => refusals.push(code),
        }
        let mut turns = 0;
        drive(engine, |_| {
            turns += 1;
            turns > 6
        });
    }
    (accepted, refusals)
}

#[test]
fn a_full_disk_refuses_appends_with_a_clear_code_and_everything_resumes_by_itself() {
    let machine = machine(1);
    let (mut engine, _) = open(&machine);
    create(&mut engine, &[1]);
    // Room for a part of a block is left over.
    machine.change_options(|options| options.space = Some((160 << 10) + 1536));
    let (mut accepted, refusals) = push(&mut engine, 400, 900);
    assert!(refusals.contains(&Code::NoSpace), "{} refusals", refusals.len());
    assert!(engine.events().failure.is_none(), "a full disk is no failed flush");
    assert_same(&read_all(&mut engine, 1), &accepted);
    machine.change_options(|options| options.space = None);
    let end = engine.watermarks(1).expect("there").log_end as i64;
    let batch = filler(9, 900);
    assert_eq!(append_patiently(&mut engine, 1, &batch), end, "it resumes without a restart");
    accepted.push(stored(&batch, end, 1));
    machine.cut_power();
    drop(engine);
    let (mut engine, account) = open(&machine);
    assert!(account.damage.is_empty(), "{account:?}");
    assert_same(&read_all(&mut engine, 1), &accepted);
}

#[test]
fn an_engine_on_a_full_disk_closes_with_the_clean_mark() {
    let machine = machine(16);
    let (mut engine, _) = open(&machine);
    create(&mut engine, &[1]);
    machine.change_options(|options| options.space = Some((160 << 10) + 1536));
    let (accepted, refusals) = push(&mut engine, 400, 900);
    assert!(refusals.contains(&Code::NoSpace), "{} refusals", refusals.len());
    engine.close_begin();
    drive(&mut engine, |engine| engine.is_closed());
    assert!(engine.has_clean_mark(), "its room was there before");
    drop(engine);
    machine.change_options(|options| options.space = None);
    let (mut engine, account) = open(&machine);
    assert!(account.clean, "{account:?}");
    assert_same(&read_all(&mut engine, 1), &accepted);
}

#[test]
fn a_settle_that_fails_at_any_operation_loses_nothing() {
    let mut failed = 0;
    for nth in 0..120 {
        let machine = machine(nth);
        let (mut engine, _) = open(&machine);
        create(&mut engine, &[1]);
        let base = machine.attempts();
        machine.change_options(|options| {
            options.fail_at =
                Some(millrace_io::sim::FailAt { attempt: base + 1 + nth, errno: libc::EIO, sticky: false });
        });
        let (accepted, _) = push(&mut engine, 60, 900);
        failed += engine.counters().settles_failed;
        if engine.events().failure.is_none() {
            drive(&mut engine, |engine| engine.events().durable == engine.events().appended);
            assert_same(&read_all(&mut engine, 1), &accepted);
        }
        let durable_end = engine.watermarks(1).expect("there").durable as usize;
        machine.cut_power();
        drop(engine);
        let (mut engine, account) = open(&machine);
        assert!(account.damage.is_empty(), "attempt {nth}: {account:?}");
        let back = read_all(&mut engine, 1);
        assert!(back.len() >= durable_end, "attempt {nth}");
        assert_same(&back, &accepted[..back.len()]);
    }
    assert!(failed > 10, "the test is about settles that fail: {failed}");
}

#[test]
fn a_failed_flush_poisons_for_good_and_reads_go_on() {
    let machine = machine(2);
    let (mut engine, _) = open(&machine);
    create(&mut engine, &[1]);
    append(&mut engine, 1, &filler(1, 100));
    machine.change_options(|options| (options.write_errors, options.flush_failures) = (1_000_000, 1_000_000));
    let mut outcomes = Vec::new();
    let lost = filler(2, 100);
    let committed = engine.commit(&[Effect::Append(Append::new(1, &lost))], Level::Durable, &mut outcomes);
    assert_eq!(committed.code, Code::Ok, "the outcome is not known yet");
    drive(&mut engine, |engine| engine.events().failure.is_some());
    assert!(engine.events().durable < committed.lsn);
    machine.change_options(|options| (options.write_errors, options.flush_failures) = (0, 0));
    let again = engine.commit(&[Effect::Append(Append::new(1, &lost))], Level::Memory, &mut outcomes);
    assert_eq!((again.code, outcomes[0].code), (Code::Poisoned, Code::Poisoned));
    assert_eq!(read_all(&mut engine, 1).len(), 1, "what was verified is still served");
    engine.close_begin();
    drive(&mut engine, |engine| engine.is_closed());
    drop(engine);
    assert!(!open(&machine).1.clean, "a poisoned engine leaves no clean mark");
}

/// An engine with much data in segments and little memory, closed cleanly.
fn settled(seed: u64) -> (SimHandle, Vec<Vec<u8>>) {
    let machine = machine(seed);
    let mut config = config();
    config.memory_bytes = 64 << 10;
    let (mut engine, _) = open_with(&machine, config);
    create(&mut engine, &[1]);
    let mut expected = Vec::new();
    for seed in 0..200 {
        let batch = filler(seed, 900);
        let base = append_patiently(&mut engine, 1, &batch);
        expected.push(stored(&batch, base, 1));
    }
    engine.close_begin();
    drive(&mut engine, |engine| engine.is_closed());
    (machine, expected)
}

#[test]
fn a_flipped_bit_in_a_segment_is_never_served_and_costs_only_its_own_batch() {
    let (machine, expected) = settled(3);
    let path = "segments/0000000000000001.log";
    let length = expected[0].len();
    for at in [0, 3, 7, 8, 11, 12, 15, 16, 17, 30, 60, 61, 500, length - 1] {
        let machine = machine.fork(at as u64);
        assert!(machine.flip_bit(path, (length + at) as u64, 3), "batch 1 is damaged");
        let (mut engine, _) = open(&machine);
        assert_same(
            &[read(&mut engine, 1, 0, 1).expect("batch 0 is whole")[0].bytes().to_vec()],
            &expected[..1],
        );
        assert_eq!(read(&mut engine, 1, 1, 1).unwrap_err(), Code::Damaged, "bit in byte {at}");
        let damage = engine.take_damage();
        assert_eq!((damage[0].file.as_str(), damage[0].position), (path, length as u64));
        let later = read(&mut engine, 1, 150, 1).expect("other ranges are served");
        assert_eq!(later[0].bytes(), expected[150]);
        assert!(engine.events().failure.is_none());
    }
}

#[test]
fn a_damaged_or_missing_index_costs_time_and_no_data() {
    let (machine, expected) = settled(4);
    for position in [5, 40, 70, 90] {
        let machine = machine.fork(position);
        assert!(machine.flip_bit("segments/0000000000000001.index", position, 1));
        let (mut engine, account) = open(&machine);
        assert!(account.clean);
        assert_same(&read_all(&mut engine, 1), &expected);
        assert_eq!(read(&mut engine, 1, 20, 1).expect("found by a scan")[0].bytes(), expected[20]);
    }
}

#[test]
fn a_missing_segment_is_reported_and_the_rest_is_served() {
    let (machine, expected) = settled(5);
    let mut io = Io::sim(machine.clone());
    io.run(Op::Unlink { path: "segments/0000000000000001.log".into() }).expect("removed");
    drop(io);
    let (mut engine, account) = open(&machine);
    assert!(!account.clean);
    assert_eq!(account.damage[0].file, "segments/0000000000000001.log");
    assert_eq!(read(&mut engine, 1, 0, 1).unwrap_err(), Code::Damaged);
    assert_eq!(read(&mut engine, 1, 150, 1).expect("served")[0].bytes(), expected[150]);
}

/// Cuts a file behind the engine's back.
fn shorten(machine: &SimHandle, path: &str, length: u64) {
    let mut io = Io::sim(machine.clone());
    let opened = io.run(Op::Open { path: path.into(), mode: OpenMode::WriteDirect }).expect("opened");
    let Done::Opened { file, .. } = opened else { panic!("{opened:?}") };
    io.run(Op::Truncate { file, length }).expect("cut");
    io.run(Op::Sync { file }).expect("synced");
}

#[test]
fn a_segment_that_is_too_short_is_reported_at_opening_with_its_end_and_the_rest_is_served() {
    let (machine, expected) = settled(12);
    let path = "segments/0000000000000001.log";
    let whole = machine.read(path).expect("there").len() as u64;
    let first = expected[0].len() as u64;
    for length in [0, first, first + 10, whole - 1] {
        let machine = machine.fork(length);
        shorten(&machine, path, length);
        let (mut engine, account) = open(&machine);
        assert!(!account.clean);
        let [damage] = &account.damage[..] else { panic!("{:?}", account.damage) };
        assert_eq!((damage.file.as_str(), damage.position), (path, length));
        let detail = format!("the file has {length} bytes, the manifest names {whole}");
        assert_eq!(damage.detail, detail);
        if length >= first {
            assert_eq!(read(&mut engine, 1, 0, 1).expect("batch 0 is whole")[0].bytes(), expected[0]);
        }
        if length < whole - 1 {
            assert_eq!(read(&mut engine, 1, 1, 1).unwrap_err(), Code::Damaged, "{length} bytes");
        }
        assert_eq!(read(&mut engine, 1, 150, 1).expect("served")[0].bytes(), expected[150]);
    }
}

/// Opens again and again with one operation failing, each time a later one; counts segments reported as damaged.
fn segments_reported(machine: &SimHandle, errno: i32) -> usize {
    let mut reported = 0;
    for nth in 0..100 {
        let machine = machine.fork(nth);
        let attempt = machine.attempts() + 1 + nth;
        machine.change_options(|options| {
            options.fail_at = Some(millrace_io::sim::FailAt { attempt, errno, sticky: false });
        });
        if let Ok((_, account)) = Engine::open(Io::sim(machine), config()) {
            reported += account.damage.iter().filter(|damage| damage.file.starts_with("segments/")).count();
        }
    }
    reported
}

#[test]
fn a_segment_that_does_not_open_is_reported_unless_only_descriptors_are_short() {
    let (machine, _) = settled(13);
    let files = Io::sim(machine.clone()).list("segments").expect("listed");
    let segments = files.iter().filter(|name| !name.ends_with(".index")).count();
    assert!(segments > 1);
    assert_eq!(segments_reported(&machine, libc::EACCES), segments);
    assert_eq!(segments_reported(&machine, libc::EMFILE), 0);
}

fn refused(machine: &SimHandle) -> EngineError {
    match Engine::open(Io::sim(machine.clone()), config()) {
        Ok(_) => panic!("it opens"),
        Err(error) => error,
    }
}

/// All files of a machine, to see that nothing was touched.
fn files(machine: &SimHandle) -> Vec<(String, Option<Vec<u8>>)> {
    let mut io = Io::sim(machine.clone());
    let mut all = Vec::new();
    for directory in ["", "journal", "segments"] {
        for name in io.list(directory).expect("listed") {
            let path = if directory.is_empty() { name } else { format!("{directory}/{name}") };
            all.push((path.clone(), machine.read(&path)));
        }
    }
    all
}

/// Overwrites bytes of the manifest and makes its header's checksum right again.
fn forge_manifest(machine: &SimHandle, position: u64, bytes: &[u8]) {
    assert!(machine.overwrite("manifest", position, bytes));
    let head = machine.read("manifest").expect("there")[..124].to_vec();
    let crc = support::batches::castagnoli(&head);
    assert!(machine.overwrite("manifest", 124, &crc.to_le_bytes()));
}

#[test]
fn a_manifest_of_a_newer_format_is_refused_untouched() {
    let (machine, _) = settled(6);
    forge_manifest(&machine, 8, &(millrace_engine::manifest::VERSION + 1).to_le_bytes());
    let before = files(&machine);
    let text = refused(&machine).to_string();
    assert!(text.contains("newer"), "{text}");
    assert_eq!(files(&machine), before);
}

#[test]
fn a_directory_whose_journal_belongs_to_another_one_is_refused_untouched() {
    let (machine, _) = settled(7);
    // Edits are chained to the header that is forged; behind an opening there are none.
    drop(open(&machine));
    machine.kill_process();
    forge_manifest(&machine, 16, b"another director");
    let before = files(&machine);
    let error = refused(&machine);
    assert!(matches!(error, EngineError::Journal(millrace_journal::OpenError::Foreign { .. })), "{error}");
    assert_eq!(files(&machine), before);
}

#[test]
fn a_damaged_manifest_is_refused_and_a_missing_one_beside_a_journal_too() {
    let (machine, _) = settled(8);
    for position in [0, 9, 20, 60, 100, 126, 130, 200] {
        let machine = machine.fork(position);
        assert!(machine.flip_bit("manifest", position, 0));
        assert!(matches!(refused(&machine), EngineError::Manifest(_)), "byte {position}");
    }
    let mut io = Io::sim(machine.clone());
    io.run(Op::Unlink { path: "manifest".into() }).expect("removed");
    drop(io);
    assert_eq!(refused(&machine), EngineError::NoManifest);
}

fn without(machine: &SimHandle, path: &str) {
    Io::sim(machine.clone()).run(Op::Unlink { path: path.into() }).expect("removed");
}

#[test]
fn a_directory_from_before_the_manifest_had_edits_is_taken_over() {
    let (machine, mut expected) = settled(12);
    // An opening writes everything into the base: without its edits it is what the release before wrote.
    drop(open(&machine));
    machine.kill_process();
    forge_manifest(&machine, 100, &0u32.to_le_bytes());
    forge_manifest(&machine, 8, &5u32.to_le_bytes());
    without(&machine, "manifest.edits");
    let (mut engine, account) = open(&machine);
    assert!(account.damage.is_empty(), "{account:?}");
    assert_same(&read_all(&mut engine, 1), &expected);
    let batch = filler(3, 900);
    for _ in 0..60 {
        let base = append_patiently(&mut engine, 1, &batch);
        expected.push(stored(&batch, base, 3));
    }
    assert!(engine.counters().settles > 0);
    machine.cut_power();
    drop(engine);
    let (mut engine, account) = open(&machine);
    assert!(account.damage.is_empty(), "{account:?}");
    assert_same(&read_all(&mut engine, 1), &expected);
}

#[test]
fn missing_edits_and_a_damaged_one_that_others_follow_are_refused_untouched() {
    let machine = machine(13);
    let (mut engine, _) = open(&machine);
    create(&mut engine, &[1]);
    while engine.counters().settles < 3 {
        append_patiently(&mut engine, 1, &filler(4, 900));
    }
    drop(engine);
    machine.kill_process();
    let missing = machine.fork(1);
    without(&missing, "manifest.edits");
    assert_eq!(refused(&missing), EngineError::Manifest(ManifestError::Edits));
    for (position, is_refused) in [(0, true), (30, true), (70, true), (4_096 + 20, true), (8_192 + 20, false)]
    {
        let machine = machine.fork(position);
        assert!(machine.flip_bit("manifest.edits", position, 3));
        let before = files(&machine);
        if is_refused {
            assert_eq!(refused(&machine), EngineError::Manifest(ManifestError::Edits), "byte {position}");
            assert_eq!(files(&machine), before);
        } else {
            // The last one is torn then, and the journal leads to the same state, or its laps are missed.
            let (engine, account) = open(&machine);
            assert!(!account.damage.is_empty() || engine.watermarks(1).is_some(), "byte {position}");
        }
    }
}

#[test]
fn segment_files_that_no_manifest_names_are_removed_and_foreign_names_are_left_alone() {
    let (machine, expected) = settled(9);
    let mut io = Io::sim(machine.clone());
    for name in ["segments/00000000000000ff.log", "segments/00000000000000fe.shared", "segments/notes.txt"] {
        io.run(Op::Open { path: name.into(), mode: OpenMode::CreateCached }).expect("created");
    }
    drop(io);
    let (mut engine, account) = open(&machine);
    assert!(account.clean);
    assert_same(&read_all(&mut engine, 1), &expected);
    assert_eq!(machine.read("segments/00000000000000ff.log"), None);
    assert_eq!(machine.read("segments/00000000000000fe.shared"), None);
    assert!(machine.read("segments/notes.txt").is_some());
}

#[test]
fn settings_that_make_no_sense_are_refused_before_anything_is_touched() {
    let machine = SimHandle::new(SimOptions::perfect(10));
    let mut config = config();
    config.journal_files = 2;
    let error = Engine::open(Io::sim(machine.clone()), config).map(|_| ()).expect_err("refused");
    assert_eq!(error, EngineError::Setting("journal_files must be at least 3"));
    assert_eq!(machine.used(), 0);
}

#[test]
fn a_settle_comes_to_its_end_without_any_further_call_of_the_user() {
    for with_batches in [false, true] {
        let machine = machine(11);
        let (mut engine, _) = open(&machine);
        create(&mut engine, &[1]);
        let (value, batch) = (vec![7; 36 << 10], filler(1, 36 << 10));
        let effect = if with_batches {
            Effect::Append(Append::new(1, &batch))
        } else {
            Effect::Put { key: b"k", value: &value }
        };
        commit(&mut engine, &[effect]);
        // A host turns only when something completed or a deadline passed.
        while engine.io().in_flight() > 0 {
            engine.wait(None);
            engine.turn();
        }
        assert_eq!(engine.counters().settles, 1, "with batches: {with_batches}");
    }
}
