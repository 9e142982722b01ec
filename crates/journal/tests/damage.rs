//! Damaged, missing and foreign files: what was durable is kept or reported, never silently cut, never wrong.

mod support;

use millrace_io::sim::Random;
use millrace_io::{Io, Op, OpenMode, Piece, SimOptions, round_up};
use millrace_journal::{DamageDetail, OpenError, Request, file_path};
use std::path::PathBuf;
use support::disk::{Disk, Seen};

/// LSNs that are neither handed out nor settled nor reported.
fn unaccounted(seen: &Seen, checkpoint: u64, last: u64) -> Vec<u64> {
    let damaged = |lsn: u64| {
        seen.report.damage.iter().any(|damage| (damage.first_lsn..=damage.last_lsn).contains(&lsn))
    };
    (checkpoint + 1..=last).filter(|lsn| !seen.frames.contains(lsn) && !damaged(*lsn)).collect()
}

fn is_increasing(frames: &[u64]) -> bool {
    frames.windows(2).all(|pair| pair[0] < pair[1])
}

/// Creates a file with these bytes, whole blocks, durable, behind the journal's back.
fn create(disk: &Disk, path: PathBuf, bytes: &[u8]) {
    let mut io = Io::sim(disk.sim.clone());
    let opened = io.run(Op::Open { path, mode: OpenMode::CreateCached }).expect("created");
    let millrace_io::Done::Opened { file, .. } = opened else { panic!("{opened:?}") };
    if !bytes.is_empty() {
        let mut padded = bytes.to_vec();
        padded.resize(round_up(bytes.len()), 0);
        io.run(Op::Write { file, position: 0, pieces: vec![Piece::copy_of(&padded)], durable: false })
            .expect("written");
    }
    io.run(Op::Sync { file }).expect("synced");
    io.run(Op::SyncDirectory { path: "journal".into() }).expect("synced");
}

#[test]
fn a_flip_of_any_byte_is_detected_and_costs_no_other_frame_than_its_own_commit_reports() {
    let mut disk = Disk::small();
    let last = disk.fill(4, 5);
    disk.hint = last;
    let bytes = disk.sim.read(file_path(1)).expect("the file is there");
    let used = bytes.iter().rposition(|byte| *byte != 0).expect("it is not empty") + 1;
    let interesting = (0..32).chain(4096..used).filter(|at| at % if bytes[*at] == 0 { 37 } else { 2 } == 0);
    for position in interesting {
        let mut damaged = disk.fork();
        assert!(damaged.sim.flip_bit(file_path(1), position as u64, (position % 8) as u8));
        let (mut open, seen) = damaged.open();
        assert!(is_increasing(&seen.frames), "position {position}");
        assert_eq!(unaccounted(&seen, 0, last), [0u64; 0], "position {position}: {:?}", seen.report);
        assert!(seen.frames.len() as u64 >= last - 5, "position {position}: {:?}", seen.report);
        if position % 8 != 0 {
            continue;
        }
        open.append_durable(1);
        drop(open);
        let (_, again) = damaged.open();
        assert_eq!(again.frames.len(), seen.frames.len() + 1, "position {position}: {:?}", again.report);
        assert_eq!(again.report.damage, seen.report.damage, "position {position}");
    }
}

#[test]
fn damage_in_a_payload_costs_one_frame() {
    let mut disk = Disk::small();
    let last = disk.fill(1, 10);
    disk.hint = last;
    let position = 4096 + 64 + 24 + 5;
    disk.sim.flip_bit(file_path(1), position, 0);
    let (_, seen) = disk.open();
    assert_eq!(seen.frames, (2..=last).collect::<Vec<_>>());
    let damage = &seen.report.damage[0];
    assert_eq!((damage.first_lsn, damage.last_lsn, damage.file.clone()), (1, 1, file_path(1)));
}

#[test]
fn a_commit_whose_predecessor_on_its_way_was_lost_is_part_of_the_torn_tail_and_never_comes_back() {
    let mut disk = Disk::small();
    disk.config.follow_records = 1;
    let last = disk.fill(1, 2);
    let (mut open, _) = disk.open();
    for _ in 0..2 {
        open.append(Request::DURABLE).expect("there is room");
        open.journal.step(open.io.now_ns(), &mut open.queue);
    }
    open.settle_down();
    assert_eq!((open.journal.counters().followed_commits, open.journal.durable()), (1, last + 2));
    drop(open);
    // As a power cut leaves it that only the second of two writes on their way has survived.
    disk.sim.overwrite(file_path(1), 2 * 4096, &[0; 4096]);
    let (mut open, seen) = disk.open();
    assert_eq!(seen.frames, [1, 2]);
    assert_eq!(seen.report.damage, []);
    assert!(seen.report.cut_bytes > 0, "{:?}", seen.report);
    open.append_durable(1);
    drop(open);
    let (_, again) = disk.open();
    assert_eq!((again.frames, again.report.last_lsn), (vec![1, 2, 3], 3));
}

#[test]
fn a_commit_that_was_overwritten_is_reported_with_its_place_and_the_rest_is_kept() {
    let mut disk = Disk::small();
    let last = disk.fill(6, 2);
    // The third commit is the third block of frames.
    disk.sim.overwrite(file_path(1), 3 * 4096, &[0; 4096]);
    let (_, seen) = disk.open();
    assert_eq!(seen.frames, [1, 2, 3, 4, 7, 8, 9, 10, 11, 12]);
    assert_eq!(seen.report.last_lsn, last);
    let [damage] = &seen.report.damage[..] else { panic!("{:?}", seen.report.damage) };
    assert_eq!((damage.first_lsn, damage.last_lsn, damage.detail), (5, 6, DamageDetail::NoFrame));
    assert_eq!(damage.file, file_path(1));
}

#[test]
fn a_file_that_lost_its_first_frames_gives_the_others() {
    let mut disk = Disk::small();
    let last = disk.fill(12, 2);
    let second = disk.sim.read(file_path(2)).expect("there is a second file");
    assert!(second[4096..4100] == *b"MRJF");
    disk.sim.overwrite(file_path(2), 4096, &[0; 4096]);
    let (_, seen) = disk.open();
    assert_eq!(unaccounted(&seen, 0, last), [0u64; 0]);
    assert_eq!(seen.frames.len() as u64, last - 2);
    assert_eq!(seen.report.damage[0].file, file_path(2));
    assert_eq!(seen.report.damage[0].position, 4096);
}

#[test]
fn damage_below_the_checkpoint_loses_nothing_and_is_not_reported_as_loss() {
    let mut disk = Disk::small();
    let last = disk.fill(6, 2);
    disk.checkpoint = 8;
    disk.sim.overwrite(file_path(1), 2 * 4096, &[0; 4096]);
    let (_, seen) = disk.open();
    assert_eq!(seen.frames, (9..=last).collect::<Vec<_>>());
    assert_eq!(seen.report.damage, []);
}

#[test]
fn a_missing_end_below_the_durable_mark_is_reported_and_its_lsns_are_never_used_again() {
    let mut disk = Disk::small();
    let last = disk.fill(6, 2);
    disk.hint = last;
    disk.sim.overwrite(file_path(1), 5 * 4096, &[0; 3 * 4096]);
    let (mut open, seen) = disk.open();
    assert_eq!(unaccounted(&seen, 0, last), [0u64; 0]);
    assert_eq!((open.journal.appended(), seen.report.last_lsn), (last, last));
    open.append_durable(3);
    drop(open);
    disk.hint = 0;
    let (_, again) = disk.open();
    assert_eq!(again.frames[again.frames.len() - 3..], [last + 1, last + 2, last + 3]);
    assert_eq!(again.report.damage, seen.report.damage);
}

#[test]
fn a_tail_above_everything_known_durable_is_cut_without_damage() {
    let mut disk = Disk::small();
    let (mut open, _) = disk.open();
    open.append_durable(3);
    let policy = millrace_journal::Policy::OS;
    let request = millrace_journal::Request { level: millrace_journal::Level::Written, policy, records: 1 };
    for _ in 0..4 {
        open.append(request).expect("room");
        open.turn();
        open.turn();
    }
    assert_eq!((open.journal.written(), open.journal.durable()), (7, 3));
    drop(open);
    // The second of four plain commits never reached the medium.
    disk.sim.overwrite(file_path(1), 3 * 4096, &[0; 4096]);
    let (_, seen) = disk.open();
    assert_eq!((seen.frames, seen.report.damage), (vec![1, 2, 3, 4], vec![]));
    assert!(seen.report.cut_bytes > 0);
    let bytes = disk.sim.read(file_path(1)).expect("the file is there");
    assert!(bytes[4 * 4096..].iter().all(|byte| *byte == 0), "ghosts are cleared");
}

#[test]
fn a_lost_journal_goes_on_behind_the_checkpoint_and_says_what_is_gone() {
    let mut disk = Disk::small();
    let last = disk.fill(3, 2);
    disk.checkpoint = 4;
    disk.hint = last;
    let mut io = Io::sim(disk.sim.clone());
    for name in io.list("journal").expect("listed") {
        io.run(Op::Unlink { path: PathBuf::from("journal").join(name) }).expect("removed");
    }
    drop(io);
    let (mut open, seen) = disk.open();
    assert_eq!(unaccounted(&seen, disk.checkpoint, last), [0u64; 0]);
    assert_eq!(seen.report.damage.len(), 1);
    open.append_durable(1);
    assert_eq!(open.journal.durable(), last + 1);
}

#[test]
fn a_file_of_another_directory_stops_the_opening_and_nothing_is_touched() {
    let mut disk = Disk::small();
    disk.fill(1, 1);
    let header = millrace_journal::FileHeader { number: 9, directory_id: 42, capacity: 8192 };
    create(&disk, file_path(9), header.encode().bytes());
    let before = disk.sim.read(file_path(1));
    assert!(matches!(disk.try_open(), Err(OpenError::Foreign { found: 42, .. })));
    assert_eq!(disk.sim.read(file_path(1)), before);
}

#[test]
fn a_newer_format_stops_the_opening() {
    let mut disk = Disk::small();
    disk.fill(1, 1);
    let header = millrace_journal::FileHeader { number: 9, directory_id: 42, capacity: 8192 };
    let mut block = header.encode().bytes().to_vec();
    block[8] = 2;
    let crc = millrace_journal::crc32c(&block[8..32]);
    block[4..8].copy_from_slice(&crc.to_le_bytes());
    create(&disk, file_path(9), &block);
    assert!(matches!(disk.try_open(), Err(OpenError::NewerFormat { version: 2, .. })));
}

#[test]
fn a_manifest_older_than_the_journal_stops_the_opening() {
    let mut disk = Disk::small();
    disk.fill(1, 1);
    disk.incarnation = 0;
    assert!(matches!(disk.try_open(), Err(OpenError::IncarnationBehind { found: 1, opening: 1, .. })));
}

#[test]
fn empty_and_copied_files_do_not_block_a_start_and_unfinished_ones_are_removed() {
    let mut disk = Disk::small();
    let last = disk.fill(2, 2);
    let copy = disk.sim.read(file_path(1)).expect("the file is there");
    create(&disk, file_path(7), &[]);
    create(&disk, file_path(8), &copy);
    create(&disk, PathBuf::from("journal/00000009.new"), &copy);
    create(&disk, PathBuf::from("journal/notes.txt"), b"mine");
    let (mut open, seen) = disk.open();
    assert_eq!(seen.frames, (1..=last).collect::<Vec<_>>());
    let defects: Vec<_> =
        seen.report.damage.iter().map(|damage| (damage.file.clone(), damage.detail)).collect();
    assert_eq!(defects, [(file_path(7), DamageDetail::FileHeader), (file_path(8), DamageDetail::FileHeader)]);
    open.append_durable(30);
    let names = open.io.list("journal").expect("listed");
    assert!(!names.contains(&"00000009.new".to_string()) && names.contains(&"notes.txt".to_string()));
    drop(open);
    assert_eq!(disk.open().1.report.last_lsn, last + 30);
}

#[test]
fn twenty_power_cuts_in_a_row_during_recovery_change_nothing() {
    let mut disk = Disk::small();
    let last = disk.fill(5, 3);
    for round in 0..20 {
        let at = disk.sim.events() + 1 + round % 13;
        disk.sim.change_options(|options| options.cut_at = Some(at));
        assert!(disk.try_open().is_err(), "round {round}");
        disk.sim.change_options(|options| options.cut_at = None);
    }
    let (_, seen) = disk.open();
    assert_eq!(seen.frames, (1..=last).collect::<Vec<_>>());
    assert_eq!(seen.report.damage, []);
}

#[test]
fn reads_that_fail_are_tried_again_then_refused_or_reported_and_never_wrong() {
    let mut disk = Disk::small();
    let last = disk.fill(5, 3);
    disk.hint = last;
    let (mut whole, mut partly, mut refused) = (0, 0, 0);
    for seed in 0..300 {
        let mut failing = disk.fork();
        failing.sim = disk.sim.fork(seed);
        failing.sim.change_options(|options| options.read_errors = 400_000);
        match failing.try_open() {
            Ok((_, seen)) if seen.frames.len() as u64 == last => whole += 1,
            Ok((_, seen)) => {
                assert_eq!(unaccounted(&seen, 0, last), [0u64; 0]);
                partly += 1;
            }
            Err(error) => {
                assert!(matches!(error, OpenError::Io(_)), "{error}");
                refused += 1;
            }
        }
    }
    assert!(whole > 0 && partly + refused > 0, "{whole} {partly} {refused}");
}

#[test]
fn a_device_that_loses_and_misdirects_writes_never_makes_a_wrong_frame() {
    let mut reported = 0;
    for seed in 0..150 {
        let mut disk = Disk::small();
        disk.sim = millrace_io::SimHandle::new(SimOptions::perfect(seed));
        let (mut open, _) = disk.open();
        open.append_durable(3);
        let (lost, misdirected) = if seed % 2 == 0 { (60_000, 0) } else { (0, 60_000) };
        disk.sim.change_options(|options| {
            options.lost_writes = lost;
            options.misdirected_writes = misdirected;
        });
        let mut random = Random::new(seed);
        for _ in 0..20 {
            open.append_durable(random.between(1, 3));
        }
        let last = open.journal.durable();
        drop(open);
        disk.sim.change_options(|options| (options.lost_writes, options.misdirected_writes) = (0, 0));
        disk.hint = last;
        let (_, seen) = disk.open();
        assert!(is_increasing(&seen.frames), "seed {seed}");
        assert_eq!(unaccounted(&seen, 0, last), [0u64; 0], "seed {seed}: {:?}", seen.report);
        reported += u64::from(!seen.report.damage.is_empty());
    }
    assert!(reported > 25, "the device was too honest: {reported}");
}
