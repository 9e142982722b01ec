//! Promises of the simulated disk itself: what may survive a power cut, and what each fault does.

mod common;

use common::{create, finish, open, pattern, read, write, write_durable};
use millrace_io::sim::{DamageKind, FailAt};
use millrace_io::{BLOCK, Done, Io, IoErrorKind, Op, OpQueue, OpenMode, Piece, SimHandle, SimOptions};
use std::collections::BTreeSet;

const SECTOR: usize = 512;

/// A disk with one file of `blocks` durable zero blocks under a durable name.
fn prepared(options: SimOptions, blocks: usize) -> SimHandle {
    let sim = SimHandle::new(options);
    let mut io = Io::sim(sim.clone());
    let file = create(&mut io, "data");
    write(&mut io, file, 0, &vec![0; blocks * BLOCK]).unwrap();
    finish(&mut io, Op::Sync { file }).unwrap();
    finish(&mut io, Op::SyncDirectory { path: "".into() }).unwrap();
    sim
}

fn reopened(sim: &SimHandle) -> (Io, millrace_io::FileId) {
    let mut io = Io::sim(sim.clone());
    let file = open(&mut io, "data", OpenMode::WriteDirect).unwrap().0;
    (io, file)
}

/// What is in the file after a power cut.
fn after_cut(sim: &SimHandle) -> Vec<u8> {
    sim.cut_power();
    sim.read("data").unwrap_or_default()
}

#[test]
fn unflushed_sectors_survive_as_any_subset_and_never_torn() {
    let mut patterns = BTreeSet::new();
    for seed in 0..300 {
        let sim = prepared(SimOptions::perfect(seed), 1);
        let (mut io, file) = reopened(&sim);
        write(&mut io, file, 0, &[1; BLOCK]).unwrap();
        let left = after_cut(&sim);
        let sectors: Vec<u8> = left.chunks(SECTOR).map(|sector| sector[0]).collect();
        assert!(left.chunks(SECTOR).all(|sector| sector.iter().all(|byte| *byte == sector[0])));
        patterns.insert(sectors);
    }
    assert!(patterns.contains(&vec![0; 8]) && patterns.contains(&vec![1; 8]));
    assert!(patterns.len() > 50, "only {} different subsets", patterns.len());
}

#[test]
fn what_a_flush_covers_survives_every_cut() {
    for seed in 0..200 {
        let sim = prepared(SimOptions::random(seed), 4);
        let (mut io, file) = reopened(&sim);
        write(&mut io, file, 0, &pattern(3, 5)).unwrap();
        finish(&mut io, Op::Sync { file }).unwrap();
        write(&mut io, file, 3 * BLOCK as u64, &pattern(1, 6)).unwrap();
        assert_eq!(after_cut(&sim)[..3 * BLOCK], pattern(3, 5), "{}", sim.options());
    }
}

#[test]
fn a_flush_covers_only_what_completed_before_it_was_submitted() {
    let mut lost = 0;
    for seed in 0..50 {
        let sim = prepared(SimOptions { delay_ns: (1000, 1000), ..SimOptions::perfect(seed) }, 1);
        let (mut io, file) = reopened(&sim);
        let mut queue = OpQueue::default();
        queue.push(Op::Write {
            file,
            position: 0,
            pieces: vec![Piece::copy_of(&[1; BLOCK])],
            durable: false,
        });
        queue.push(Op::Sync { file });
        io.submit(&mut queue);
        let mut completions = Vec::new();
        while completions.len() < 2 {
            io.drain(&mut completions);
        }
        assert!(completions.iter().all(|completion| completion.result.is_ok()));
        lost += usize::from(after_cut(&sim) != vec![1; BLOCK]);
    }
    assert!(lost > 10, "a flush in flight beside a write covered it in all but {lost} runs");
}

/// How often a plain write that completed before a durable one elsewhere in the file was lost.
fn plain_write_lost_behind_a_durable_one(fua: bool) -> usize {
    let lost = |seed| {
        let sim = prepared(SimOptions { fua, ..SimOptions::perfect(seed) }, 2);
        let (mut io, file) = reopened(&sim);
        write(&mut io, file, 0, &[1; BLOCK]).unwrap();
        write_durable(&mut io, file, BLOCK as u64, &[2; BLOCK]).unwrap();
        let left = after_cut(&sim);
        assert_eq!(left[BLOCK..], [2; BLOCK], "a durable write survives");
        left[..BLOCK] != [1; BLOCK]
    };
    (0..50).filter(|seed| lost(*seed)).count()
}

#[test]
fn with_forced_unit_access_a_durable_write_covers_only_itself() {
    assert!(plain_write_lost_behind_a_durable_one(true) > 10);
}

#[test]
fn without_forced_unit_access_a_durable_write_happens_to_cover_the_device() {
    assert_eq!(plain_write_lost_behind_a_durable_one(false), 0);
}

#[test]
fn an_older_write_never_comes_back_over_a_newer_durable_one() {
    for seed in 0..100 {
        let sim = prepared(SimOptions { fua: true, ..SimOptions::perfect(seed) }, 1);
        let (mut io, file) = reopened(&sim);
        write(&mut io, file, 0, &[1; BLOCK]).unwrap();
        write_durable(&mut io, file, 0, &[2; BLOCK]).unwrap();
        assert_eq!(after_cut(&sim), [2; BLOCK]);
    }
}

#[test]
fn a_failed_flush_drops_its_data_and_the_next_one_succeeds_without_it() {
    let mut lost = 0;
    for seed in 0..50 {
        let sim = prepared(SimOptions::perfect(seed), 1);
        let (mut io, file) = reopened(&sim);
        write(&mut io, file, 0, &[1; BLOCK]).unwrap();
        sim.change_options(|options| options.flush_failures = 1_000_000);
        let error = finish(&mut io, Op::Sync { file }).unwrap_err();
        assert_eq!(error.kind, IoErrorKind::Device);
        sim.change_options(|options| options.flush_failures = 0);
        finish(&mut io, Op::Sync { file }).expect("the error is reported once");
        assert_eq!(read(&mut io, file, 0, BLOCK).unwrap(), [1; BLOCK], "the page is still cached");
        sim.advance(3_000_000_000);
        assert_eq!(read(&mut io, file, 0, BLOCK).unwrap(), [0; BLOCK], "the page was evicted");
        finish(&mut io, Op::Sync { file }).unwrap();
        lost += usize::from(after_cut(&sim) == [0; BLOCK]);
    }
    assert_eq!(lost, 50);
}

#[test]
fn an_unsynced_name_may_vanish_and_a_synced_one_never_does() {
    let mut vanished = 0;
    for seed in 0..100 {
        let sim = SimHandle::new(SimOptions::perfect(seed));
        let mut io = Io::sim(sim.clone());
        create(&mut io, "synced");
        finish(&mut io, Op::SyncDirectory { path: "".into() }).unwrap();
        let file = create(&mut io, "unsynced");
        write(&mut io, file, 0, &pattern(1, 1)).unwrap();
        finish(&mut io, Op::Sync { file }).unwrap();
        sim.cut_power();
        let mut io = Io::sim(sim);
        assert!(io.exists("synced").unwrap());
        vanished += usize::from(!io.exists("unsynced").unwrap());
    }
    assert!((20..80).contains(&vanished), "{vanished} of 100");
}

#[test]
fn lenient_names_follow_in_order_and_a_synced_file_keeps_its_name() {
    for seed in 0..100 {
        let options = SimOptions { strict_names: false, ..SimOptions::perfect(seed) };
        let sim = SimHandle::new(options);
        let mut io = Io::sim(sim.clone());
        let file = create(&mut io, "first");
        finish(&mut io, Op::Sync { file }).unwrap();
        for name in ["second", "third", "fourth"] {
            create(&mut io, name);
        }
        sim.cut_power();
        let names = Io::sim(sim).list("").unwrap();
        assert!(names.contains(&"first".to_string()));
        assert!(names.contains(&"second".to_string()) || !names.contains(&"third".to_string()));
        assert!(names.contains(&"third".to_string()) || !names.contains(&"fourth".to_string()));
    }
}

#[test]
fn a_rename_happens_as_a_whole_or_not_at_all() {
    let mut seen = BTreeSet::new();
    for seed in 0..100 {
        let sim = SimHandle::new(SimOptions::perfect(seed));
        let mut io = Io::sim(sim.clone());
        for (name, text) in [("manifest", b"old"), ("manifest.new", b"new")] {
            let file = open(&mut io, name, OpenMode::CreateCached).unwrap().0;
            write(&mut io, file, 0, text).unwrap();
            finish(&mut io, Op::Sync { file }).unwrap();
        }
        finish(&mut io, Op::SyncDirectory { path: "".into() }).unwrap();
        finish(&mut io, Op::Rename { from: "manifest.new".into(), to: "manifest".into() }).unwrap();
        assert_eq!(sim.read("manifest").unwrap(), b"new");
        sim.cut_power();
        let names = Io::sim(sim.clone()).list("").unwrap();
        seen.insert((sim.read("manifest").unwrap(), names));
    }
    let both = vec!["manifest".to_string(), "manifest.new".to_string()];
    let expected = [(b"new".to_vec(), vec!["manifest".to_string()]), (b"old".to_vec(), both)];
    assert_eq!(seen, BTreeSet::from(expected));
}

#[test]
fn a_size_that_was_not_flushed_may_be_any_size_on_the_way() {
    let mut sizes = BTreeSet::new();
    for seed in 0..100 {
        let sim = prepared(SimOptions::perfect(seed), 1);
        let (mut io, file) = reopened(&sim);
        finish(&mut io, Op::Allocate { file, length: 4 * BLOCK as u64 }).unwrap();
        write(&mut io, file, 4 * BLOCK as u64, &[1; BLOCK]).unwrap();
        sizes.insert(after_cut(&sim).len() / BLOCK);
    }
    assert_eq!(sizes, BTreeSet::from([1, 4, 5]));
}

#[test]
fn grown_space_may_hold_garbage_after_a_cut_only_if_asked_for() {
    let garbage_seen = |garbage| {
        (0..50).any(|seed| {
            let sim = prepared(SimOptions { garbage, ..SimOptions::perfect(seed) }, 1);
            let (mut io, file) = reopened(&sim);
            finish(&mut io, Op::Allocate { file, length: 8 * BLOCK as u64 }).unwrap();
            after_cut(&sim).iter().any(|byte| *byte != 0)
        })
    };
    assert!(garbage_seen(true));
    assert!(!garbage_seen(false));
}

#[test]
fn a_killed_process_loses_nothing_that_was_written() {
    for seed in 0..100 {
        let sim = SimHandle::new(SimOptions::random(seed));
        let mut io = Io::sim(sim.clone());
        let file = create(&mut io, "data");
        write(&mut io, file, 0, &pattern(2, 1)).unwrap();
        let mut queue = OpQueue::default();
        let pieces = vec![Piece::copy_of(&pattern(1, 2))];
        queue.push(Op::Write { file, position: 2 * BLOCK as u64, pieces, durable: true });
        io.submit(&mut queue);
        sim.kill_process();
        let mut completions = Vec::new();
        io.drain(&mut completions);
        assert!(completions.is_empty(), "nobody is there to hear of it");
        let left = sim.read("data").unwrap();
        assert_eq!(left[..2 * BLOCK], pattern(2, 1));
    }
}

#[test]
fn a_full_disk_refuses_growth_but_not_overwriting_creating_or_renaming() {
    let options = SimOptions { space: Some(4 * BLOCK as u64), ..SimOptions::perfect(1) };
    let sim = prepared(options, 3);
    let (mut io, file) = reopened(&sim);
    let error = write(&mut io, file, 3 * BLOCK as u64, &pattern(2, 1)).unwrap_err();
    assert_eq!(error.kind, IoErrorKind::NoSpace);
    assert_eq!(sim.used(), 4 * BLOCK as u64, "the part that fitted was written");
    write(&mut io, file, 0, &pattern(4, 1)).unwrap();
    finish(&mut io, Op::Sync { file }).unwrap();
    let other = create(&mut io, "other");
    finish(&mut io, Op::Rename { from: "other".into(), to: "third".into() }).unwrap();
    assert_eq!(write(&mut io, other, 0, &pattern(1, 0)).unwrap_err().kind, IoErrorKind::NoSpace);
    let allocated = finish(&mut io, Op::Allocate { file: other, length: 1 });
    assert_eq!(allocated.unwrap_err().kind, IoErrorKind::NoSpace);
    finish(&mut io, Op::Close { file }).unwrap();
    finish(&mut io, Op::Unlink { path: "data".into() }).unwrap();
    finish(&mut io, Op::SyncDirectory { path: "".into() }).unwrap();
    write(&mut io, other, 0, &pattern(1, 0)).expect("space came back");
}

#[test]
fn a_disk_with_room_for_part_of_a_block_is_full_and_no_broken_device() {
    for (room, short) in
        [512, 1536, BLOCK as u64 + 3584].into_iter().flat_map(|room| [(room, 0), (room, 500_000)])
    {
        let options = SimOptions { space: Some(BLOCK as u64 + room), short, ..SimOptions::perfect(room) };
        let sim = prepared(options, 1);
        let (mut io, file) = reopened(&sim);
        let error = write(&mut io, file, BLOCK as u64, &pattern(3, 1)).unwrap_err();
        assert_eq!(error.kind, IoErrorKind::NoSpace, "room for {room} bytes: {error}");
        sim.change_options(|options| options.space = None);
        write(&mut io, file, BLOCK as u64, &pattern(3, 1)).expect("there is room now");
        assert_eq!(sim.read("data").expect("there")[BLOCK..], pattern(3, 1));
    }
}

#[test]
fn delayed_allocation_reports_a_full_disk_at_the_flush() {
    let options = SimOptions { space: Some(BLOCK as u64), late_no_space: true, ..SimOptions::perfect(1) };
    let sim = SimHandle::new(options);
    let mut io = Io::sim(sim.clone());
    let file = open(&mut io, "data", OpenMode::CreateCached).unwrap().0;
    write(&mut io, file, 0, &pattern(2, 1)).unwrap();
    assert_eq!(finish(&mut io, Op::Sync { file }).unwrap_err().kind, IoErrorKind::NoSpace);
}

#[test]
fn the_nth_attempt_fails_once_or_for_ever_as_asked() {
    for sticky in [false, true] {
        let sim = prepared(SimOptions::perfect(1), 2);
        let (mut io, file) = reopened(&sim);
        let attempt = sim.attempts() + 2;
        sim.change_options(|options| options.fail_at = Some(FailAt { attempt, errno: libc::EIO, sticky }));
        write(&mut io, file, 0, &pattern(1, 0)).unwrap();
        assert_eq!(write(&mut io, file, 0, &pattern(1, 0)).unwrap_err().errno, libc::EIO);
        assert_eq!(write(&mut io, file, 0, &pattern(1, 0)).is_err(), sticky);
        assert_eq!(read(&mut io, file, 0, BLOCK).is_err(), sticky);
    }
}

#[test]
fn interruptions_that_never_end_are_given_up_on() {
    let sim = prepared(SimOptions::perfect(1), 1);
    let (mut io, file) = reopened(&sim);
    sim.change_options(|options| options.interrupted = 1_000_000);
    let error = write(&mut io, file, 0, &pattern(1, 0)).unwrap_err();
    assert!([libc::EINTR, libc::EAGAIN, libc::ECANCELED].contains(&error.errno), "{error}");
    assert!(io.counters().reissued >= 100);
}

#[test]
fn a_lost_write_completes_and_is_recorded() {
    let sim = prepared(SimOptions::perfect(1), 1);
    let (mut io, file) = reopened(&sim);
    sim.change_options(|options| options.lost_writes = 1_000_000);
    write(&mut io, file, 0, &pattern(1, 1)).unwrap();
    assert_eq!(read(&mut io, file, 0, BLOCK).unwrap(), [0; BLOCK]);
    let damage = sim.damage_of("data");
    assert_eq!((damage[0].kind, damage[0].position, damage[0].length), (DamageKind::LostWrite, 0, 4096));
}

#[test]
fn a_misdirected_write_lands_elsewhere_and_both_places_are_recorded() {
    let sim = prepared(SimOptions::perfect(3), 8);
    let (mut io, file) = reopened(&sim);
    sim.change_options(|options| options.misdirected_writes = 1_000_000);
    while sim.damage().is_empty() {
        write(&mut io, file, 0, &[7; BLOCK]).unwrap();
    }
    let damage = sim.damage_of("data")[0];
    assert_eq!(damage.kind, DamageKind::MisdirectedWrite { meant_for: 0 });
    let bytes = read(&mut io, file, damage.position, BLOCK).unwrap();
    assert_eq!(bytes, [7; BLOCK]);
}

#[test]
fn a_stale_read_sees_the_medium_and_is_recorded() {
    let sim = prepared(SimOptions::perfect(1), 1);
    let (mut io, file) = reopened(&sim);
    write(&mut io, file, 0, &[1; BLOCK]).unwrap();
    sim.change_options(|options| options.stale_reads = 1_000_000);
    assert_eq!(read(&mut io, file, 0, BLOCK).unwrap(), [0; BLOCK]);
    assert_eq!(sim.damage_of("data")[0].kind, DamageKind::StaleRead);
}

#[test]
fn a_flipped_bit_stays_flipped() {
    let sim = prepared(SimOptions::perfect(1), 1);
    assert!(sim.flip_bit("data", 100, 3));
    assert!(!sim.flip_bit("data", 4096, 0), "the file is not that long");
    let mut expected = vec![0; BLOCK];
    expected[100] = 8;
    assert_eq!(after_cut(&sim), expected);
    assert_eq!(sim.damage_of("data")[0].kind, DamageKind::Changed);
}

/// Some work with everything random; returns what could be observed.
fn observed(seed: u64) -> String {
    let sim = SimHandle::new(SimOptions::random_with_errors(seed));
    let mut io = Io::sim(sim.clone());
    let mut observed = String::new();
    let mut queue = OpQueue::default();
    queue.push(Op::Open { path: "data".into(), mode: OpenMode::CreateDirect });
    for round in 0..50u64 {
        io.submit(&mut queue);
        let mut completions = Vec::new();
        io.drain(&mut completions);
        for completion in completions {
            let result = match &completion.result {
                Ok(Done::Opened { file, .. }) => {
                    for n in 0..20 {
                        let pieces = vec![Piece::copy_of(&pattern(3, n as u8))];
                        queue.push(Op::Write {
                            file: *file,
                            position: n * 8192,
                            pieces,
                            durable: n % 3 == 0,
                        });
                    }
                    queue.push(Op::Sync { file: *file });
                    "opened".to_string()
                }
                Ok(Done::Read { length, .. }) => format!("read {length}"),
                Ok(other) => format!("{other:?}"),
                Err(error) => error.to_string(),
            };
            observed.push_str(&format!("{round} {} {result}\n", io.now_ns()));
        }
    }
    sim.cut_power();
    format!("{observed}{:?}", sim.read("data"))
}

#[test]
fn a_seed_replays_exactly() {
    for seed in 0..50 {
        assert_eq!(observed(seed), observed(seed), "seed {seed}");
    }
    assert_ne!(observed(1), observed(2));
}

#[test]
fn the_power_goes_at_the_event_that_was_asked_for_and_waiting_ends() {
    let sim = SimHandle::new(SimOptions { cut_at: Some(4), ..SimOptions::perfect(1) });
    let mut io = Io::sim(sim.clone());
    let file = create(&mut io, "data");
    let error = write(&mut io, file, 0, &pattern(1, 0)).unwrap_err();
    assert_eq!((error.kind, sim.is_cut(), sim.events()), (IoErrorKind::Cancelled, true, 4));
    assert!(io.list("").is_err());
    io.wait(None);
    assert_eq!(io.shutdown(), 0);
    drop(Io::sim(sim.clone()));
    assert!(!sim.is_cut());
}

#[test]
fn a_fork_has_the_same_past_and_a_future_of_its_own() {
    let sim = prepared(SimOptions::perfect(1), 1);
    let (mut io, file) = reopened(&sim);
    write(&mut io, file, 0, &[1; BLOCK]).unwrap();
    let fork = sim.fork(9);
    write_durable(&mut io, file, 0, &[2; BLOCK]).unwrap();
    assert_eq!(fork.read("data").unwrap(), [1; BLOCK]);
    fork.cut_power();
    let (mut forked, file) = reopened(&fork);
    write_durable(&mut forked, file, 0, &[3; BLOCK]).unwrap();
    assert_eq!(after_cut(&sim), [2; BLOCK]);
    assert_eq!(fork.read("data").unwrap(), [3; BLOCK]);
}

#[test]
fn the_wall_clock_jumps_and_the_monotonic_one_does_not() {
    let sim = SimHandle::new(SimOptions::perfect(1));
    let io = Io::sim(sim.clone());
    let (wall, monotonic) = (io.wall_ms(), io.now_ns());
    sim.shift_wall_ms(-1_000_000);
    assert_eq!(io.wall_ms(), wall - 1_000_000);
    assert_eq!(io.now_ns(), monotonic);
    sim.advance(5_000_000);
    assert_eq!((io.wall_ms(), io.now_ns()), (wall - 1_000_000 + 5, monotonic + 5_000_000));
}

#[test]
fn a_switch_makes_every_flush_fail_and_nothing_else_until_it_is_thrown_back() {
    let sim = prepared(SimOptions::perfect(1), 2);
    let (mut io, file) = reopened(&sim);
    sim.change_options(|options| options.fail_flushes = true);
    write(&mut io, file, 0, &[1; BLOCK]).unwrap();
    assert_eq!(finish(&mut io, Op::Sync { file }).unwrap_err().errno, libc::EIO);
    write_durable(&mut io, file, 0, &[2; BLOCK]).unwrap_err();
    sim.change_options(|options| options.fail_flushes = false);
    write_durable(&mut io, file, 0, &[3; BLOCK]).unwrap();
    assert_eq!(after_cut(&sim)[..BLOCK], [3; BLOCK]);
}

#[test]
fn a_held_device_completes_nothing_and_goes_on_where_it_was() {
    let sim = prepared(SimOptions::perfect(1), 1);
    let (mut io, file) = reopened(&sim);
    sim.hold(true);
    let mut queue = OpQueue::default();
    let pieces = vec![Piece::copy_of(&[7; BLOCK])];
    queue.push(Op::Write { file, position: 0, pieces, durable: true });
    io.submit(&mut queue);
    let mut completions = Vec::new();
    for _ in 0..10 {
        io.drain(&mut completions);
        io.wait(Some(1_000_000));
    }
    assert!(completions.is_empty());
    sim.hold(false);
    io.drain(&mut completions);
    assert_eq!(completions.len(), 1);
    assert_eq!(after_cut(&sim)[..BLOCK], [7; BLOCK]);
}

#[test]
fn a_directory_that_is_not_there_has_no_names_and_other_errors_stay_errors() {
    let sim = SimHandle::new(SimOptions::perfect(1));
    let mut io = Io::sim(sim.clone());
    assert_eq!(io.list_if_there("made"), Ok(Vec::new()));
    assert_eq!(io.list("made").map_err(|error| error.kind), Err(IoErrorKind::NotFound));
    io.make_directory("made").expect("it is made");
    io.make_directory("made/inside").expect("it is made");
    assert_eq!(io.list_if_there("made"), Ok(vec!["inside".to_string()]));
    sim.cut_power();
    assert_eq!(io.list_if_there("made").map_err(|error| error.kind), Err(IoErrorKind::Cancelled));
}
