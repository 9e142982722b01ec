//! What verification, repair and opening say at their edges: of directories that were hardly begun, of torn ends, of files
//! that lack their end, and of what is derived from damage.

#[path = "support/compacted.rs"]
mod compacted;
#[path = "support/flips.rs"]
mod flips;
#[path = "support/kv/mod.rs"]
mod kv;
mod support;

use flips::{directory, first, is_all_there, is_reported, look, small};
use millrace_engine::manifest::{Head, Manifest};
use millrace_engine::{
    Act, Append, Effect, Engine, EngineConfig, EngineError, Level, Policy, Repairing, Severity, repair,
    verify,
};
use millrace_io::{Done, Io, Op, OpenMode, SimHandle, SimOptions};
use millrace_journal::crc32c;
use millrace_kv::hint::HINT_HEADER;
use std::path::PathBuf;
use support::{append_patiently, config, create, drive, filler, machine, open_with, read_all};

fn remove(disk: &SimHandle, file: &str) {
    Io::sim(disk.clone()).run(Op::Unlink { path: PathBuf::from(file) }).expect("it is removed");
}

fn cut(disk: &SimHandle, path: &str, length: u64) {
    let mut io = Io::sim(disk.clone());
    let open = Op::Open { path: PathBuf::from(path), mode: OpenMode::WriteDirect };
    let Ok(Done::Opened { file, .. }) = io.run(open) else { panic!("{path} is opened") };
    io.run(Op::Truncate { file, length }).expect("it is cut");
    io.run(Op::Sync { file }).expect("it is synced");
    io.run(Op::Close { file }).expect("it is closed");
}

fn worst(disk: &SimHandle) -> Option<Severity> {
    look(disk).expect("it can be looked at").worst()
}

fn close(mut engine: Engine) {
    engine.close_begin();
    drive(&mut engine, |engine| engine.is_closed());
}

#[test]
fn a_directory_whose_creation_was_cut_anywhere_is_no_damage_once_it_has_a_manifest() {
    let (mut without, mut never_used) = (0, 0);
    for event in 1..400 {
        let disk = SimHandle::new(SimOptions { cut_at: Some(event), ..SimOptions::perfect(1) });
        let opened = Engine::open(Io::sim(disk.clone()), config()).is_ok();
        if !disk.is_cut() {
            assert!(opened && event > 20, "{event} events make a directory");
            break;
        }
        let expected = if disk.read("manifest").is_none() {
            without += 1;
            Some(Severity::Damage)
        } else {
            never_used += 1;
            None
        };
        disk.change_options(|options| options.cut_at = None);
        let found = worst(&disk).filter(|worst| *worst > Severity::Note);
        assert_eq!(found, expected, "cut at event {event}");
        let (engine, _) = open_with(&disk, config());
        close(engine);
        assert_eq!(worst(&disk).filter(|worst| *worst > Severity::Note), None, "cut at event {event}");
    }
    assert!(without > 0 && never_used > 0, "{without} without a manifest, {never_used} with one");
}

#[test]
fn verification_notes_a_torn_tail_and_a_torn_edit_exactly_when_the_opening_cuts_one() {
    let (mut tails, mut edits) = (0, 0);
    for event in (3_000..9_000).step_by(23) {
        let disk = SimHandle::new(SimOptions { cut_at: Some(event), ..SimOptions::random(event) });
        let policy = Policy { records: 5, ..Policy::OS };
        let Ok((mut engine, _)) = Engine::open(Io::sim(disk.clone()), EngineConfig { policy, ..small() })
        else {
            continue;
        };
        // So many that an edit of the manifest has more than one sector.
        let create: Vec<_> = (1..=20).map(|partition| Effect::CreatePartition { partition }).collect();
        engine.commit(&create, Level::Durable, &mut Vec::new());
        for round in 0..4_000 {
            if disk.is_cut() {
                break;
            }
            let batch = filler(round, 300);
            let append = Effect::Append(Append::new(1 + round % 20, &batch));
            engine.commit(&[append], Level::Written, &mut Vec::new());
            for _ in 0..3 {
                engine.turn();
                engine.wait(Some(50_000));
            }
        }
        drop(engine);
        if !disk.is_cut() {
            disk.cut_power();
        }
        disk.change_options(|options| options.cut_at = None);
        let found = look(&disk).expect("it can be looked at");
        let notes = |text: &str| found.findings.iter().any(|finding| finding.detail.contains(text));
        let (tail, edit) =
            (notes("the next opening cuts a torn tail"), notes("the edit begun there never was"));
        assert!(found.worst() <= Some(Severity::Note), "event {event}: {:?}", found.findings);
        let (_, account) = open_with(&disk, small());
        assert_eq!(tail, account.cut_bytes > 0, "event {event}: {account:?}");
        (tails, edits) = (tails + u64::from(tail), edits + u64::from(edit));
    }
    assert!(tails > 0 && edits > 0, "{tails} torn tails, {edits} torn edits");
}

#[test]
fn a_clean_mark_that_says_less_than_the_journal_has_is_reported() {
    let disk = machine(21);
    let (mut engine, _) = open_with(&disk, config());
    create(&mut engine, &[1]);
    append_patiently(&mut engine, 1, &filler(1, 100));
    close(engine);
    let mut manifest = Manifest::decode(&disk.read("manifest").expect("it is there")).expect("it is whole");
    manifest.head = Head { clean: true, end_lsn: 1, durable_lsn: 0, ..manifest.head };
    assert!(disk.overwrite("manifest", 0, &manifest.encode_head()));
    let found = look(&disk).expect("it can be looked at");
    let ends = found.findings.iter().find(|finding| finding.detail.contains("the clean mark says 1"));
    assert_eq!(ends.map(|finding| finding.severity), Some(Severity::Damage), "{:?}", found.findings);
}

#[test]
fn an_opening_on_a_full_disk_without_a_reserve_says_so_and_works_when_there_is_space() {
    let disk = machine(22);
    let (mut engine, _) = open_with(&disk, config());
    create(&mut engine, &[1]);
    append_patiently(&mut engine, 1, &filler(1, 100));
    close(engine);
    remove(&disk, "reserve");
    let used = disk.used();
    disk.change_options(|options| options.space = Some(used));
    let refused =
        Engine::open(Io::sim(disk.clone()), config()).err().expect("there is no room for a manifest");
    assert!(matches!(refused, EngineError::Io(_)), "{refused}");
    disk.change_options(|options| options.space = None);
    let (mut engine, account) = open_with(&disk, config());
    assert!(account.clean && read_all(&mut engine, 1).len() == 1, "{account:?}");
}

#[test]
fn segments_without_a_manifest_and_a_journal_are_somebodys_and_nothing_is_made_of_them() {
    let disk = machine(23);
    Io::sim(disk.clone()).make_directory("segments").expect("it is made");
    let refused = Engine::open(Io::sim(disk.clone()), config()).err().expect("it is refused");
    assert!(matches!(refused, EngineError::NoManifest), "{refused}");
}

#[test]
fn a_data_file_without_its_hint_and_its_end_is_loaded_as_far_as_it_goes() {
    let (whole, truth) = directory(24, true);
    let (data, hint) = (first(&whole, ".data"), first(&whole, ".hint"));
    let length = whole.read(&data).map_or(0, |bytes| bytes.len() as u64);
    let mut kept = 0;
    for end in [0, 10, length / 4, length / 2, length - 4_100] {
        let disk = whole.fork(end + 1);
        remove(&disk, &hint);
        cut(&disk, &data, end);
        assert_eq!(worst(&disk), Some(Severity::Damage), "cut at {end} of {length}");
        let (mut engine, account) = open_with(&disk, small());
        assert!(account.damage.iter().any(|damage| damage.file == data), "{account:?}");
        for (key, value) in &truth.values {
            let found = kv::get(&mut engine, 1, key, 0).ok().flatten();
            kept += u64::from(found.is_some_and(|entry| entry.value == *value));
        }
    }
    assert!(kept > 5, "only {kept} keys were found");
}

#[test]
fn a_hint_that_verifies_and_says_other_than_the_records_is_told_and_built_again() {
    let (disk, truth) = directory(25, true);
    let path = first(&disk, ".hint");
    let bytes = disk.read(&path).expect("it is there");
    let sealed = |end: &usize| bytes[*end..*end + 4] == crc32c(&bytes[..*end]).to_le_bytes();
    let end = (HINT_HEADER..bytes.len() - 3).rev().find(sealed).expect("it has its checksum");
    let mut forged = bytes.clone();
    // Behind the flags of the first entry.
    assert!(forged[HINT_HEADER + 1] < 0x7f, "the sequence has one byte");
    forged[HINT_HEADER + 1] += 1;
    let seal = crc32c(&forged[..end]).to_le_bytes();
    forged[end..end + 4].copy_from_slice(&seal);
    assert!(disk.overwrite(&path, 0, &forged));
    let found = look(&disk).expect("it can be looked at");
    let [finding] = &found.findings[..] else { panic!("{:?}", found.findings) };
    assert_eq!((finding.severity, finding.file.as_str()), (Severity::Derivable, path.as_str()));
    assert!(finding.detail.contains("other than the records"), "{finding:?}");
    let apply = Repairing { apply: true, ..Repairing::PLAN };
    repair(Io::sim(disk.clone()), apply, "now").expect("it is repaired");
    assert!(!is_reported(&look(&disk)));
    assert_eq!(disk.read(&path).map(|after| after[..] == bytes[..]), Some(true), "as it was");
    assert_eq!(is_all_there(&disk, &truth), Ok(true));
}

#[test]
fn an_index_beside_batches_that_do_not_verify_is_not_built_again() {
    let (disk, _) = directory(26, true);
    let index = first(&disk, ".index");
    let segment = index.replace(".index", ".log");
    assert!(disk.flip_bit(&index, 20, 1) && disk.flip_bit(&segment, 16, 1));
    let (found, steps) = repair(Io::sim(disk.clone()), Repairing::PLAN, "dry").expect("it can be looked at");
    assert!(found.findings.iter().any(|finding| finding.file == index), "{:?}", found.findings);
    assert!(steps.iter().all(|step| step.act == Act::Fenced), "{steps:?}");
}

#[test]
fn a_quick_verification_looks_at_names_lengths_and_what_is_derived_and_reads_no_batch() {
    let (disk, _) = directory(27, true);
    let quick = |disk: &SimHandle| verify(Io::sim(disk.clone()), false).expect("it can be looked at");
    let (found, deep) = (quick(&disk), look(&disk).expect("it can be looked at"));
    assert_eq!((found.batches, found.worst().filter(|worst| *worst > Severity::Note)), (0, None));
    assert!(found.files == deep.files && found.bytes < deep.bytes, "{found:?}, deep {deep:?}");
    remove(&disk, &first(&disk, ".shared"));
    assert_eq!(quick(&disk).worst(), Some(Severity::Damage));
}

#[test]
fn an_empty_directory_verifies_and_has_nothing_to_be_repaired() {
    let disk = machine(28);
    close(open_with(&disk, config()).0);
    assert_eq!(worst(&disk), None);
    let skip = Repairing { apply: true, skip_damaged: true, ..Repairing::PLAN };
    let (_, steps) = repair(Io::sim(disk.clone()), skip, "now").expect("it is repaired");
    assert_eq!(steps, []);
    assert!(read_all_of_none(&disk), "and opens");
}

fn read_all_of_none(disk: &SimHandle) -> bool {
    let (mut engine, account) = open_with(disk, config());
    create(&mut engine, &[1]);
    account.clean && read_all(&mut engine, 1).is_empty()
}

#[test]
fn without_a_manifest_that_verifies_a_repair_changes_nothing() {
    let (disk, _) = directory(29, true);
    assert!(disk.flip_bit("manifest", 20, 0));
    let before: Vec<_> = disk.files().into_iter().map(|file| disk.read(&file)).collect();
    let skip = Repairing { apply: true, skip_damaged: true, ..Repairing::PLAN };
    let (_, steps) = repair(Io::sim(disk.clone()), skip, "now").expect("an answer");
    assert!(!steps.is_empty() && steps.iter().all(|step| step.act == Act::Fenced), "{steps:?}");
    let after: Vec<_> = disk.files().into_iter().map(|file| disk.read(&file)).collect();
    assert!(before == after, "not a byte is changed");
}
