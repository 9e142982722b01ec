//! Promises of verification and repair: what does not verify is found, what verifies comes back, and repair builds anew
//! what can be derived.
//!
//! `MILLRACE_FLIPS=all` flips a bit of every byte of the small directories, a number as many as it says, drawn from
//! `MILLRACE_SEED`.

#[path = "support/kv/mod.rs"]
mod kv;
mod support;

use kv::Write;
use millrace_engine::{Code, Engine, EngineConfig, Level, Severity, Verified, repair, verify};
use millrace_io::{Io, SimHandle};
use std::collections::BTreeMap;
use support::{
    append_patiently as append, config, create, end_of, filler, machine, open_with, read, read_all,
};

/// Flips of each directory, unless told otherwise.
const FLIPS: u64 = 700;

fn small() -> EngineConfig {
    EngineConfig {
        journal_file_bytes: 32 << 10,
        settle_bytes: 6 << 10,
        own_segment_bytes: 2 << 10,
        segment_bytes: 16 << 10,
        bulk_bytes: 3_000,
        index_interval_bytes: 512,
        ..config()
    }
}

/// What a directory holds: batches by partition, values by key.
#[derive(Default)]
struct Truth {
    batches: BTreeMap<u64, Vec<Vec<u8>>>,
    values: BTreeMap<Vec<u8>, Vec<u8>>,
}

fn put(engine: &mut Engine, truth: &mut Truth, number: u8) {
    let (key, value) = (vec![b'k', number], vec![number; 20 + usize::from(number) * 3]);
    let lsn = kv::commit(engine, &[Write::Put(1, key.clone(), value.clone())], Level::Durable);
    kv::drive(engine, |engine| engine.events().durable >= lsn);
    truth.values.insert(key, value);
}

/// A directory with own and shared segments, bulk files, data files with hints, and frames that are not settled.
fn directory(seed: u64, closed: bool) -> (SimHandle, Truth) {
    let disk = machine(seed);
    let (mut engine, _) = open_with(&disk, small());
    let mut truth = Truth::default();
    create(&mut engine, &[1, 2, 3]);
    kv::commit(&mut engine, &[Write::Create(1)], Level::Durable);
    for round in 0..12u8 {
        append(&mut engine, 1, &filler(u64::from(round), 400));
        append(&mut engine, 2, &filler(u64::from(round), 60));
        put(&mut engine, &mut truth, round);
    }
    append(&mut engine, 3, &filler(77, 5_000));
    let settles = engine.counters().settles;
    assert!(settles > 0, "something is settled");
    // The last frames stay in the journal.
    support::drive(&mut engine, |engine| engine.next_deadline().is_none_or(|at| at > engine.io().now_ns()));
    put(&mut engine, &mut truth, 200);
    append(&mut engine, 2, &filler(99, 70));
    for partition in [1, 2, 3] {
        truth.batches.insert(partition, read_all(&mut engine, partition));
    }
    if closed {
        engine.close_begin();
        support::drive(&mut engine, |engine| engine.is_closed());
    }
    drop(engine);
    disk.kill_process();
    (disk, truth)
}

fn look(disk: &SimHandle) -> Result<Verified, String> {
    verify(Io::sim(disk.clone()), true).map_err(|error| error.to_string())
}

/// What opening a disk leads to: a wrong value is an error; `true` when everything is there.
fn is_all_there(disk: &SimHandle, truth: &Truth) -> Result<bool, String> {
    let Ok((mut engine, account)) = Engine::open(Io::sim(disk.clone()), small()) else { return Ok(false) };
    let mut whole = account.damage.is_empty();
    for (&partition, batches) in &truth.batches {
        for batch in batches {
            let base = i64::from_be_bytes(batch[..8].try_into().expect("eight bytes"));
            match read(&mut engine, partition, base, 1) {
                Ok(pieces) => match pieces.first() {
                    Some(piece) if piece.bytes() == batch => {}
                    Some(_) => return Err(format!("partition {partition}, offset {base}: other bytes")),
                    None => whole = false,
                },
                Err(Code::Damaged | Code::OffsetOutOfRange | Code::UnknownPartition) => whole = false,
                Err(code) => return Err(format!("partition {partition}, offset {base}: {code:?}")),
            }
        }
        let end = batches.last().map_or(0, |batch| end_of(batch)) as u64;
        whole &= engine.watermarks(partition).is_some_and(|marks| marks.log_end == end);
    }
    for (key, value) in &truth.values {
        match kv::get(&mut engine, 1, key, 0) {
            Ok(Some(entry)) if entry.value == *value => {}
            Ok(Some(_)) => return Err(format!("key {key:?}: another value")),
            // Gone without a word is judged by whether anything was reported.
            Ok(None) | Err(_) => whole = false,
        }
    }
    Ok(whole)
}

/// Whether a verification says that something is not as it was: damage, what can be built anew, or a torn tail.
fn is_reported(found: &Result<Verified, String>) -> bool {
    match found {
        Err(_) => true,
        Ok(found) => {
            found.findings.iter().any(|one| one.severity > Severity::Note || one.detail.contains("torn tail"))
        }
    }
}

/// `last`: where the newest frame of a killed directory begins. Nothing behind it says that it was whole once.
fn judge(
    (disk, truth): (&SimHandle, &Truth),
    last: Option<&(String, u64)>,
    (file, position): (&str, u64),
    bit: u8,
) -> Result<bool, String> {
    let flipped = disk.fork(position + 1);
    assert!(flipped.flip_bit(file, position, bit), "the byte is there");
    let found = look(&flipped);
    let whole = is_all_there(&flipped, truth)?;
    let is_last = last.is_some_and(|(last, from)| last == file && *from <= position);
    if !whole && !is_reported(&found) && !is_last {
        return Err("something is gone and verification is content".to_string());
    }
    Ok(is_reported(&found))
}

/// Flips bits of a directory; answers how many flips there were and how many were reported.
fn flip(disk: &SimHandle, truth: &Truth, closed: bool) -> (u64, u64) {
    let last = (!closed).then(|| newest_frame(disk));
    let number = |name: &str| std::env::var(name).ok();
    let all = number("MILLRACE_FLIPS").is_some_and(|flips| flips == "all");
    let flips = number("MILLRACE_FLIPS").and_then(|text| text.parse().ok()).unwrap_or(FLIPS);
    let seed = number("MILLRACE_SEED").and_then(|text| text.parse().ok()).unwrap_or(1);
    let files: Vec<(String, u64)> = disk
        .files()
        .into_iter()
        .filter(|file| !file.starts_with("recovery/"))
        .map(|file| (file.clone(), disk.read(&file).map_or(0, |bytes| bytes.len() as u64)))
        .filter(|(_, length)| *length > 0)
        .collect();
    let mut draw = kv::Draw::new(seed);
    let mut places: Vec<(&str, u64)> = Vec::new();
    if all {
        places.extend(files.iter().flat_map(|(file, length)| (0..*length).map(|at| (file.as_str(), at))));
    } else {
        for _ in 0..flips {
            let (file, length) = &files[draw.below(files.len() as u64) as usize];
            // Much of a file is what fills its last block: half of the flips lie where files begin.
            let length = if draw.once_in(2) { *length } else { (*length).min(5_000) };
            places.push((file, draw.below(length)));
        }
    }
    let mut reported = 0;
    for (file, position) in &places {
        let bit = draw.below(8) as u8;
        match judge((disk, truth), last.as_ref(), (file, *position), bit) {
            Ok(true) => reported += 1,
            Ok(false) => {}
            Err(wrong) => panic!("{file}, byte {position}, bit {bit}: {wrong}; MILLRACE_SEED={seed}"),
        }
    }
    (places.len() as u64, reported)
}

#[test]
fn a_whole_directory_verifies_and_has_files_of_every_kind() {
    for closed in [true, false] {
        let (disk, truth) = directory(1, closed);
        let found = look(&disk).expect("it can be looked at");
        assert_eq!(found.worst().filter(|worst| *worst > Severity::Note), None, "{:?}", found.findings);
        assert!(found.batches > 12 && found.records > 12, "{found:?}");
        for ending in [".log", ".index", ".shared", ".bulk", ".data", ".hint"] {
            assert!(disk.files().iter().any(|file| file.ends_with(ending)), "a file {ending}");
        }
        assert_eq!(is_all_there(&disk, &truth), Ok(true));
    }
}

#[test]
fn a_flipped_bit_of_a_closed_directory_is_reported_or_means_nothing_and_no_value_is_ever_wrong() {
    let (disk, truth) = directory(2, true);
    let (flips, reported) = flip(&disk, &truth, true);
    println!("{flips} flips, {reported} reported");
    assert!(reported * 5 > flips, "{reported} of {flips}");
}

#[test]
fn a_flipped_bit_of_a_killed_directory_is_reported_or_means_nothing_and_no_value_is_ever_wrong() {
    let (disk, truth) = directory(3, false);
    let (flips, reported) = flip(&disk, &truth, false);
    println!("{flips} flips, {reported} reported");
    assert!(reported * 5 > flips, "{reported} of {flips}");
}

fn first(disk: &SimHandle, ending: &str) -> String {
    disk.files().into_iter().find(|file| file.ends_with(ending)).expect("a file of this kind")
}

#[test]
fn repair_builds_indexes_and_hints_anew_and_keeps_what_it_replaces() {
    let (disk, truth) = directory(4, true);
    let (index, hint) = (first(&disk, ".index"), first(&disk, ".hint"));
    for file in [&index, &hint] {
        assert!(disk.flip_bit(file, 70, 3));
    }
    let damaged: Vec<_> = [&index, &hint].map(|file| disk.read(file)).into();
    let before = disk.files();
    let (_, planned) = repair(Io::sim(disk.clone()), false, "dry").expect("it can be looked at");
    assert_eq!((planned.len(), disk.files()), (2, before), "{planned:?}");
    repair(Io::sim(disk.clone()), true, "now").expect("it can be repaired");
    assert_eq!(look(&disk).expect("whole").worst().filter(|worst| *worst > Severity::Note), None);
    let kept: Vec<String> = disk.files().into_iter().filter(|file| file.starts_with("repair/now/")).collect();
    assert_eq!(kept.len(), 2, "{kept:?}");
    assert!(kept.iter().all(|file| damaged.contains(&disk.read(file))), "as they were");
    assert_eq!(is_all_there(&disk, &truth), Ok(true));
}

#[test]
fn repair_copies_a_damaged_journal_file_before_its_place_is_used_again() {
    let (disk, _) = directory(5, true);
    let (file, position) = newest_frame(&disk);
    assert!(disk.flip_bit(&file, position + 30, 1));
    let bytes = disk.read(&file);
    let (found, steps) = repair(Io::sim(disk.clone()), true, "now").expect("it can be looked at");
    assert_eq!(found.worst(), Some(Severity::Damage), "{steps:?}");
    let name = file.rsplit('/').next().expect("a name");
    assert_eq!(disk.read(format!("repair/now/{name}")), bytes, "{steps:?}");
}

/// Where the frame with the highest LSN lies.
fn newest_frame(disk: &SimHandle) -> (String, u64) {
    let mut newest = (0, String::new(), 0);
    for file in disk.files().into_iter().filter(|file| file.starts_with("journal/")) {
        let bytes = disk.read(&file).expect("it is there");
        for at in (4_096..bytes.len() - 64).step_by(8).filter(|at| bytes[*at..].starts_with(b"MRJF")) {
            let lsn = u64::from_le_bytes(bytes[at + 24..at + 32].try_into().expect("eight bytes"));
            newest = newest.max((lsn, file.clone(), at as u64));
        }
    }
    (newest.1, newest.2)
}

#[test]
fn a_directory_without_its_manifest_is_damaged_and_verification_changes_nothing() {
    let (disk, _) = directory(6, false);
    assert!(disk.flip_bit("manifest", 20, 0));
    let before: Vec<_> = disk.files().into_iter().map(|file| disk.read(&file)).collect();
    let found = look(&disk).expect("an answer");
    assert_eq!(found.worst(), Some(Severity::Damage));
    let after: Vec<_> = disk.files().into_iter().map(|file| disk.read(&file)).collect();
    assert!(before == after, "not a byte is changed");
}

#[test]
fn dump_shows_data_files_and_hints_record_by_record() {
    let (disk, _) = directory(7, true);
    let folder = std::env::temp_dir().join(format!("millrace-dump-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    for (ending, entry) in [("data", "\"kind\":\"record\""), ("hint", "\"kind\":\"hint-entry\"")] {
        let path = folder.join(format!("0000000000000001.{ending}"));
        std::fs::write(&path, disk.read(first(&disk, ending)).expect("it is there")).expect("a copy");
        let lines = millrace_engine::dump(&path, usize::MAX, false).expect("it is ours");
        assert!(lines[0].starts_with(&format!("{{\"kind\":\"{ending}\"")), "{}", lines[0]);
        assert!(lines.iter().any(|line| line.contains(entry)), "{lines:?}");
        assert!(!lines.iter().any(|line| line.contains("damage")), "{lines:?}");
    }
    std::fs::remove_dir_all(&folder).expect("the folder goes");
}
