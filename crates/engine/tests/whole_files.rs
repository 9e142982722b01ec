//! Promises of verification about whole files: one that is gone, cut short, another one's, newer, or cannot be read is
//! reported or means nothing; and no value is ever wrong, but for own segments that somebody has exchanged.

#[path = "support/compacted.rs"]
mod compacted;
#[path = "support/flips.rs"]
mod flips;
#[path = "support/kv/mod.rs"]
mod kv;
mod support;

use flips::{Truth, directory, is_all_there, is_reported, look};
use millrace_engine::{Repairing, repair};
use millrace_io::{Done, Io, Op, OpenMode, SimHandle};
use std::path::PathBuf;

/// The files of a closed directory that it is opened with.
fn files(disk: &SimHandle) -> Vec<String> {
    disk.files().into_iter().filter(|file| !file.starts_with("recovery/")).collect()
}

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

/// Whether what was done to a directory is reported; nothing is wrong or gone without that.
fn judge(disk: &SimHandle, truth: &Truth, what: &str) -> bool {
    let found = look(disk);
    let whole = is_all_there(disk, truth).unwrap_or_else(|wrong| panic!("{what}: {wrong}"));
    assert!(whole || is_reported(&found), "{what}: something is gone and verification is content");
    is_reported(&found)
}

/// Whether verification says that something is not as it was, which it must.
fn is_told(disk: &SimHandle, what: &str) -> bool {
    assert!(is_reported(&look(disk)), "{what}: verification is content");
    true
}

#[test]
fn a_file_that_is_gone_or_cut_short_is_reported_or_means_nothing() {
    let (whole, truth) = directory(11, true);
    let (mut reported, mut cases) = (0, 0);
    for file in files(&whole) {
        let length = whole.read(&file).map_or(0, |bytes| bytes.len() as u64);
        for kept in [None, Some(0), Some(10), Some(4_096), Some(length / 2), Some(length - 1)] {
            if kept.is_some_and(|kept| kept >= length) {
                continue;
            }
            let disk = whole.fork(cases + 1);
            match kept {
                None => remove(&disk, &file),
                Some(kept) => cut(&disk, &file, kept),
            }
            reported +=
                u64::from(judge(&disk, &truth, &format!("{file} of {length} bytes: {kept:?} are left")));
            cases += 1;
        }
    }
    assert!(reported * 2 > cases, "{reported} of {cases}");
}

#[test]
fn a_file_with_the_bytes_of_another_one_of_its_kind_is_reported_or_means_nothing() {
    let (whole, truth) = directory(12, true);
    let mut reported = 0;
    let kind = |file: &str| file.rsplit_once('.').map_or(file[..3].to_string(), |(_, end)| end.to_string());
    let all = files(&whole);
    for (number, file) in all.iter().enumerate() {
        let twins = all.iter().filter(|other| *other != file && kind(other) == kind(file));
        for twin in twins.take(2) {
            let disk = whole.fork(number as u64 + 1);
            let bytes = disk.read(twin).expect("it is there");
            let length = disk.read(file).map_or(0, |bytes| bytes.len()).min(bytes.len());
            assert!(disk.overwrite(file, 0, &bytes[..length]));
            let what = format!("{file} with the bytes of {twin}");
            // Batches of own segments say neither their file nor their partition, as Kafka's: of these a read cannot know.
            reported += u64::from(match file.ends_with(".log") {
                true => is_told(&disk, &what),
                false => judge(&disk, &truth, &what),
            });
        }
    }
    assert!(reported > 10, "{reported}");
}

#[test]
fn a_device_that_cannot_read_and_a_newer_manifest_are_said_so() {
    let (whole, _) = directory(13, true);
    let disk = whole.fork(1);
    disk.change_options(|options| options.read_errors = 1_000_000);
    assert!(is_reported(&look(&disk)));
    let disk = whole.fork(2);
    assert!(disk.overwrite("manifest", 8, &u32::MAX.to_le_bytes()));
    assert!(look(&disk).expect_err("it is not looked at").contains("newer"));
}

#[test]
fn what_is_found_and_done_is_told_in_lines_of_json() {
    let (disk, _) = directory(14, true);
    let index = flips::first(&disk, ".index");
    remove(&disk, &index);
    let found = look(&disk).expect("it can be looked at");
    let line = found.findings[0].line();
    assert!(line.starts_with('{') && line.contains(&index) && line.ends_with('}'), "{line}");
    assert!(found.summary().contains("\"summary\""), "{}", found.summary());
    let apply = Repairing { apply: true, ..Repairing::PLAN };
    let (_, steps) = repair(Io::sim(disk.clone()), apply, "now").expect("it is repaired");
    let lines: Vec<String> = steps.iter().map(|step| step.line()).collect();
    assert!(lines.len() == 1 && lines[0].contains("\"rebuild\"") && lines[0].contains(&index), "{lines:?}");
    assert!(disk.read(&index).is_some() && !is_reported(&look(&disk)));
}
