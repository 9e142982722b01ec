//! Promises of verification and repair: what does not verify is found, what verifies comes back, and repair builds anew
//! what can be derived.
//!
//! `MILLRACE_FLIPS=all` flips a bit of every byte of the small directories, a number as many as it says, drawn from
//! `MILLRACE_SEED`.

#[path = "support/compacted.rs"]
mod compacted;
#[path = "support/flips.rs"]
mod flips;
#[path = "support/kv/mod.rs"]
mod kv;
mod support;

use flips::{
    Truth, directory, first, frame_places, index_places, is_all_there, judge, look, newest_frame,
    shared_places, unreported,
};
use millrace_engine::{Repairing, Severity, repair};
use millrace_io::{Io, SimHandle};

const APPLY: Repairing = Repairing { apply: true, ..Repairing::PLAN };

/// Flips of each directory, unless told otherwise.
const FLIPS: u64 = 700;

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

#[test]
fn a_flipped_bit_anywhere_in_an_index_a_shared_segment_or_the_last_frame_of_a_closed_journal_is_reported() {
    let (disk, _) = directory(8, true);
    for (file, places, step) in [index_places(&disk), shared_places(&disk), frame_places(&disk)] {
        assert_eq!(unreported(&disk, &file, places, step), None, "{file}");
    }
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
    let (_, planned) =
        repair(Io::sim(disk.clone()), Repairing::default(), "dry").expect("it can be looked at");
    assert_eq!((planned.len(), disk.files()), (2, before), "{planned:?}");
    repair(Io::sim(disk.clone()), APPLY, "now").expect("it can be repaired");
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
    let (found, steps) = repair(Io::sim(disk.clone()), APPLY, "now").expect("it can be looked at");
    assert_eq!(found.worst(), Some(Severity::Damage), "{steps:?}");
    let name = file.rsplit('/').next().expect("a name");
    assert_eq!(disk.read(format!("repair/now/{name}")), bytes, "{steps:?}");
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
