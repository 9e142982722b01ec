//! Chains of frames in files larger than one read, on devices that do not give every block, and frames that are whole and
//! still not the next ones.

mod support;

use millrace_io::{BLOCK, Io};
use millrace_journal::{
    Config, DamageDetail, Journal, Level, Listener, OpenError, Policy, RecoveredFrame, Request, file_path,
};
use support::disk::{Disk, Open};

const BLOCK_BYTES: u64 = BLOCK as u64;

/// Files of so many blocks; every commit of one frame has a block of its own, from the second one on.
fn disk(first_blocks: u64, blocks: u64) -> Disk {
    Disk::new(Config {
        file_bytes: blocks * BLOCK_BYTES,
        first_file_bytes: first_blocks * BLOCK_BYTES,
        max_files: 6,
        slab_bytes: BLOCK,
        max_commit_bytes: 2 * BLOCK_BYTES,
        max_frame_bytes: 4 * BLOCK_BYTES,
        ..Config::default()
    })
}

fn block(disk: &Disk, number: u64) -> Vec<u8> {
    let bytes = disk.sim.read(file_path(1)).expect("the file is there");
    bytes[number as usize * BLOCK..][..BLOCK].to_vec()
}

fn put_block(disk: &Disk, number: u64, bytes: &[u8]) {
    assert!(disk.sim.overwrite(file_path(1), number * BLOCK_BYTES, bytes));
}

fn spoil(disk: &Disk, number: u64) {
    assert!(disk.sim.spoil(file_path(1), number * BLOCK_BYTES, BLOCK_BYTES));
}

#[test]
fn a_block_that_cannot_be_read_costs_its_own_frame_and_what_lies_around_it_is_kept() {
    let mut disk = disk(64, 64);
    let last = disk.fill(50, 1);
    disk.hint = last;
    // Behind the first read of a file, and before its end.
    spoil(&disk, 30);
    let (_, seen) = disk.open();
    assert_eq!(seen.frames, (1..=last).filter(|lsn| *lsn != 30).collect::<Vec<_>>());
    let [damage] = &seen.report.damage[..] else { panic!("{:?}", seen.report.damage) };
    assert_eq!((damage.first_lsn, damage.last_lsn, damage.detail), (30, 30, DamageDetail::ReadError));
}

#[test]
fn whether_a_block_behind_the_end_that_cannot_be_read_is_a_torn_tail_is_not_guessed() {
    let mut disk = disk(64, 64);
    disk.hint = disk.fill(50, 1);
    let mut whole = disk.fork();
    spoil(&disk, 51);
    assert!(matches!(disk.try_open(), Err(OpenError::Io(_))), "it is refused");
    assert_eq!(whole.open().1.frames.len(), 50, "and opens when the device gives it");
}

#[test]
fn the_last_durable_frame_that_cannot_be_read_is_reported_and_its_number_is_never_used_again() {
    let mut disk = disk(64, 64);
    disk.hint = disk.fill(50, 1);
    spoil(&disk, 50);
    let (mut open, seen) = disk.open();
    assert_eq!(seen.frames, (1..50).collect::<Vec<_>>());
    let [damage] = &seen.report.damage[..] else { panic!("{:?}", seen.report.damage) };
    assert_eq!((damage.first_lsn, damage.last_lsn, damage.detail), (50, 50, DamageDetail::ReadError));
    open.append_durable(1);
    assert_eq!(open.journal.durable(), 51);
}

#[test]
fn what_no_frame_proves_durable_is_written_again_in_stretches_and_survives_a_power_cut_at_once() {
    let mut disk = disk(512, 512);
    let (mut open, _) = disk.open();
    let written = Request { level: Level::Written, policy: Policy::OS, records: 1 };
    for number in 0..3_000 {
        open.append(written).expect("there is room");
        if number % 20 == 19 {
            open.turn();
        }
    }
    for _ in 0..1_000 {
        open.turn();
    }
    assert_eq!(open.journal.written(), 3_000);
    drop(open);
    disk.sim.kill_process();
    let (_, seen) = disk.open();
    assert_eq!(seen.frames.len(), 3_000);
    assert!(seen.report.rewritten_bytes > 512 << 10, "{:?}", seen.report);
    disk.sim.cut_power();
    let (_, again) = disk.open();
    assert_eq!(again.frames.len(), 3_000);
}

#[test]
fn a_large_file_that_waits_for_its_first_use_is_not_read_in_full_at_every_start() {
    const FILE: u64 = 12 << 20;
    let mut disk = disk(8, FILE / BLOCK_BYTES);
    let (mut open, _) = disk.open();
    for _ in 0..5 {
        open.append_durable(1);
    }
    for _ in 0..200 {
        open.turn();
        open.io.wait(Some(1_000_000));
    }
    assert!(disk.sim.read(file_path(2)).is_some(), "it is made before it is needed");
    drop(open);
    disk.sim.kill_process();
    let (_, seen) = disk.open();
    assert_eq!((seen.frames.len(), seen.report.files), (5, 2));
    assert!(seen.report.read_bytes < FILE / 2, "{:?}", seen.report);
}

#[test]
fn whole_frames_of_another_directory_are_nobodys_first_frame_and_no_ones_next_one() {
    let mut foreign = disk(64, 64);
    foreign.directory_id ^= 1;
    foreign.fill(4, 1);
    let mut ours = disk(64, 64);
    ours.hint = ours.fill(3, 1);
    let mut first = ours.fork();
    put_block(&ours, 4, &block(&foreign, 4));
    let (_, seen) = ours.open();
    assert_eq!((seen.frames, seen.report.damage, seen.report.cut_bytes), (vec![1, 2, 3], vec![], 0));
    put_block(&first, 1, &block(&foreign, 1));
    let (_, seen) = first.open();
    assert_eq!(seen.frames, [2, 3]);
    let [damage] = &seen.report.damage[..] else { panic!("{:?}", seen.report.damage) };
    assert_eq!((damage.first_lsn, damage.last_lsn), (1, 1));
}

#[test]
fn a_copy_of_an_earlier_frame_behind_the_end_is_nothing_that_was_lost() {
    let mut disk = disk(64, 64);
    disk.hint = disk.fill(10, 1);
    put_block(&disk, 12, &block(&disk, 5));
    assert_eq!(cut_by_opening(&mut disk.fork()), [0; 0]);
    let (mut open, seen) = disk.open();
    assert_eq!((seen.frames.len(), seen.report.damage, seen.report.cut_bytes), (10, vec![], 0));
    open.append_durable(1);
    drop(open);
    assert_eq!(disk.open().1.frames, (1..=11).collect::<Vec<_>>());
}

/// Counts the frames that are cut.
#[derive(Default)]
struct Cut(Vec<u64>);

impl Listener for Cut {
    fn kept(&mut self, _: RecoveredFrame<'_>) {}

    fn cut(&mut self, frame: RecoveredFrame<'_>) {
        self.0.push(frame.lsn());
    }
}

fn cut_by_opening(disk: &mut Disk) -> Vec<u64> {
    disk.incarnation += 1;
    let (mut io, mut cut) = (Io::sim(disk.sim.clone()), Cut::default());
    Journal::recover_telling(&mut io, disk.config.clone(), disk.start(), &mut cut).expect("it opens");
    cut.0
}

/// Two pasts with the same frames up to 10: in the first one frame 11 is another one than in the second, where `then` goes on.
fn two_pasts(then: impl FnOnce(&mut Disk, &mut Open)) -> (Disk, Disk) {
    let mut disk = disk(64, 64);
    disk.hint = disk.fill(10, 1);
    let mut other = disk.fork();
    let (mut open, _) = disk.open();
    open.append_of(2, Request::DURABLE).expect("there is room");
    open.settle_down();
    drop(open);
    let (mut open, _) = other.open();
    open.append_durable(1);
    then(&mut other, &mut open);
    drop(open);
    (disk, other)
}

#[test]
fn a_whole_frame_with_the_next_number_that_followed_another_one_is_cut_or_reported_and_never_kept() {
    let (mut disk, other) = two_pasts(|_, open| open.append_durable(1));
    put_block(&disk, 12, &block(&other, 12));
    let mut known = disk.fork();
    let mut told = disk.fork();
    let (_, seen) = disk.open();
    assert_eq!(seen.frames, (1..=11).collect::<Vec<_>>());
    assert!(seen.report.damage.is_empty() && seen.report.cut_bytes > 0, "{:?}", seen.report);
    assert_eq!(cut_by_opening(&mut told), [12]);
    known.hint = 12;
    let (_, seen) = known.open();
    let [damage] = &seen.report.damage[..] else { panic!("{:?}", seen.report.damage) };
    assert_eq!((seen.frames.len(), damage.first_lsn, damage.last_lsn), (11, 12, 12));
}

#[test]
fn a_mark_in_a_torn_tail_is_no_frame_that_somebody_lost() {
    let (mut disk, other) = two_pasts(|other, open| {
        other.sim.advance(1_000_000_000);
        for _ in 0..20 {
            open.turn();
        }
        assert_eq!((open.journal.counters().marks, open.journal.durable()), (1, 12));
    });
    put_block(&disk, 12, &block(&other, 12));
    assert_eq!(cut_by_opening(&mut disk), [0; 0]);
}
