//! Promises every driver keeps in the same way. Each test runs on ring, pool and sim.

mod common;

use common::{Place, create, finish, open, pattern, read, write, write_durable};
use millrace_io::{
    BLOCK, Completion, Done, IoErrorKind, Limits, Op, OpId, OpQueue, OpenMode, Piece, ReadBuffer,
};

macro_rules! on_every_driver {
    ($($name:ident)*) => {
        mod ring { $(#[test] fn $name() { super::$name(&super::Place::ring()); })* }
        mod pool { $(#[test] fn $name() { super::$name(&super::Place::pool()); })* }
        mod sim { $(#[test] fn $name() { super::$name(&super::Place::sim()); })* }
        mod sim_cached { $(#[test] fn $name() { super::$name(&super::Place::sim_cached()); })* }
    };
}

on_every_driver! {
    what_was_written_is_read_back
    a_durable_write_reports_its_full_length
    a_read_stops_short_only_at_the_end_of_the_file
    creating_a_file_that_exists_fails
    opening_a_file_that_does_not_exist_says_not_found
    a_renamed_file_is_found_under_its_new_name_only
    a_removed_file_is_gone
    allocating_grows_a_file_and_truncating_cuts_it
    a_cached_file_takes_any_position_and_length
    a_direct_file_refuses_positions_that_are_no_whole_blocks
    unaligned_pieces_of_a_direct_write_are_gathered_and_counted
    more_operations_than_fit_in_flight_all_complete_exactly_once
    a_write_of_thousands_of_pieces_completes_in_full
    a_close_waits_for_what_still_uses_the_file
    a_closed_file_refuses_operations
    paths_outside_the_data_directory_are_refused
    timers_fire_in_order_and_not_before_their_deadline
    waiting_with_nothing_in_flight_returns_after_the_timeout
    the_poll_descriptor_becomes_readable_when_something_can_be_drained
    run_keeps_the_completions_of_others
    shutdown_completes_everything_that_was_submitted
    directories_are_made_listed_and_read_below_the_root
    operations_are_counted_by_kind
}

fn what_was_written_is_read_back(place: &Place) {
    let bytes = pattern(20, 3);
    {
        let mut io = place.open();
        let file = create(&mut io, "data");
        assert_eq!(write(&mut io, file, 4096, &bytes).unwrap(), bytes.len());
        assert_eq!(read(&mut io, file, 4096, bytes.len()).unwrap(), bytes);
        finish(&mut io, Op::Sync { file }).unwrap();
        finish(&mut io, Op::Close { file }).unwrap();
        finish(&mut io, Op::SyncDirectory { path: "".into() }).unwrap();
    }
    let mut io = place.open();
    let (file, size) = open(&mut io, "data", OpenMode::ReadDirect).unwrap();
    assert_eq!(size, 4096 + bytes.len() as u64);
    let mut expected = vec![0; 4096];
    expected.extend(&bytes);
    assert_eq!(read(&mut io, file, 0, expected.len()).unwrap(), expected);
}

fn a_durable_write_reports_its_full_length(place: &Place) {
    let mut io = place.open();
    let file = create(&mut io, "data");
    let bytes = pattern(3, 9);
    assert_eq!(write_durable(&mut io, file, 0, &bytes).unwrap(), bytes.len());
    assert_eq!(read(&mut io, file, 0, bytes.len()).unwrap(), bytes);
}

fn a_read_stops_short_only_at_the_end_of_the_file(place: &Place) {
    let mut io = place.open();
    let file = create(&mut io, "data");
    let bytes = pattern(5, 1);
    write(&mut io, file, 0, &bytes).unwrap();
    finish(&mut io, Op::Truncate { file, length: 10_000 }).unwrap();
    for _ in 0..50 {
        assert_eq!(read(&mut io, file, 0, 8192).unwrap(), bytes[..8192]);
        assert_eq!(read(&mut io, file, 4096, 16 * BLOCK).unwrap(), bytes[4096..10_000]);
        assert_eq!(read(&mut io, file, 12_288, 4096).unwrap(), b"");
    }
}

fn creating_a_file_that_exists_fails(place: &Place) {
    let mut io = place.open();
    create(&mut io, "data");
    let error = open(&mut io, "data", OpenMode::CreateDirect).unwrap_err();
    assert_eq!(error.kind, IoErrorKind::Exists);
    assert!(error.to_string().starts_with("open data: "), "{error}");
}

fn opening_a_file_that_does_not_exist_says_not_found(place: &Place) {
    let mut io = place.open();
    for mode in [OpenMode::WriteDirect, OpenMode::ReadDirect, OpenMode::ReadCached] {
        assert_eq!(open(&mut io, "nothing", mode).unwrap_err().kind, IoErrorKind::NotFound);
    }
    let error = open(&mut io, "no/directory", OpenMode::CreateDirect).unwrap_err();
    assert_eq!(error.kind, IoErrorKind::NotFound);
}

fn a_renamed_file_is_found_under_its_new_name_only(place: &Place) {
    let mut io = place.open();
    let (new, _) = open(&mut io, "manifest.new", OpenMode::CreateCached).unwrap();
    write(&mut io, new, 0, b"second").unwrap();
    let (old, _) = open(&mut io, "manifest", OpenMode::CreateCached).unwrap();
    write(&mut io, old, 0, b"first").unwrap();
    finish(&mut io, Op::Rename { from: "manifest.new".into(), to: "manifest".into() }).unwrap();
    assert!(!io.exists("manifest.new").unwrap());
    assert_eq!(io.read_small("manifest", 100).unwrap(), b"second");
    let missing = finish(&mut io, Op::Rename { from: "manifest.new".into(), to: "x".into() });
    assert_eq!(missing.unwrap_err().kind, IoErrorKind::NotFound);
}

fn a_removed_file_is_gone(place: &Place) {
    let mut io = place.open();
    let file = create(&mut io, "data");
    finish(&mut io, Op::Unlink { path: "data".into() }).unwrap();
    assert!(!io.exists("data").unwrap());
    // Whoever holds it open still has it.
    write(&mut io, file, 0, &pattern(1, 0)).unwrap();
    assert_eq!(read(&mut io, file, 0, 4096).unwrap(), pattern(1, 0));
    let again = finish(&mut io, Op::Unlink { path: "data".into() });
    assert_eq!(again.unwrap_err().kind, IoErrorKind::NotFound);
}

fn allocating_grows_a_file_and_truncating_cuts_it(place: &Place) {
    let mut io = place.open();
    let file = create(&mut io, "data");
    finish(&mut io, Op::Allocate { file, length: 1 << 20 }).unwrap();
    assert_eq!(read(&mut io, file, (1 << 20) - 4096, 8192).unwrap(), [0; 4096]);
    write(&mut io, file, 0, &pattern(2, 7)).unwrap();
    finish(&mut io, Op::Allocate { file, length: 4096 }).unwrap();
    finish(&mut io, Op::Truncate { file, length: 5000 }).unwrap();
    assert_eq!(read(&mut io, file, 0, 8192).unwrap(), pattern(2, 7)[..5000]);
    finish(&mut io, Op::Truncate { file, length: 8192 }).unwrap();
    let mut expected = pattern(2, 7);
    expected[5000..].fill(0);
    assert_eq!(read(&mut io, file, 0, 8192).unwrap(), expected);
}

fn a_cached_file_takes_any_position_and_length(place: &Place) {
    let mut io = place.open();
    let (file, _) = open(&mut io, "small", OpenMode::CreateCached).unwrap();
    write(&mut io, file, 0, b"one, two, three").unwrap();
    write(&mut io, file, 5, b"TWO").unwrap();
    let pieces = vec![Piece::copy_of(b", fo"), Piece::copy_of(b""), Piece::copy_of(b"ur")];
    let written = io.run(Op::Write { file, position: 15, pieces, durable: true }).unwrap();
    assert!(matches!(written, Done::Written { length: 6 }));
    assert_eq!(read(&mut io, file, 0, 4096).unwrap(), b"one, TWO, three, four");
    let (again, size) = open(&mut io, "small", OpenMode::CreateCached).unwrap();
    assert_eq!(size, 0, "creating truncates");
    assert_eq!(read(&mut io, again, 0, 4096).unwrap(), b"");
}

fn a_direct_file_refuses_positions_that_are_no_whole_blocks(place: &Place) {
    let mut io = place.open();
    let file = create(&mut io, "data");
    assert_eq!(write(&mut io, file, 512, &[0; 4096]).unwrap_err().kind, IoErrorKind::Unsupported);
    assert_eq!(write(&mut io, file, 0, &[0; 100]).unwrap_err().kind, IoErrorKind::Unsupported);
    assert_eq!(read(&mut io, file, 1, 4096).unwrap_err().kind, IoErrorKind::Unsupported);
    let far = write(&mut io, file, (i64::MAX as u64) & !4095, &[0; 4096]).unwrap_err();
    assert_eq!(far.kind, IoErrorKind::TooLarge);
}

fn unaligned_pieces_of_a_direct_write_are_gathered_and_counted(place: &Place) {
    let mut io = place.open();
    let file = create(&mut io, "data");
    let bytes = pattern(2, 5);
    let whole = Piece::copy_of(&bytes);
    let pieces = vec![whole.slice(0, 1000), whole.slice(1000, 7192)];
    io.run(Op::Write { file, position: 0, pieces, durable: false }).unwrap();
    assert_eq!(read(&mut io, file, 0, bytes.len()).unwrap(), bytes);
    assert_eq!(io.counters().bytes_copied, 8192);
}

fn drain_all(io: &mut millrace_io::Io, count: usize) -> Vec<Completion> {
    let mut completions = Vec::new();
    loop {
        io.drain(&mut completions);
        if completions.len() >= count {
            return completions;
        }
        assert!(io.in_flight() > 0, "only {} of {count} completed", completions.len());
        io.wait(None);
    }
}

fn more_operations_than_fit_in_flight_all_complete_exactly_once(place: &Place) {
    let mut io = place.open_with(Limits { in_flight: 8, ..Limits::default() });
    let file = create(&mut io, "data");
    let mut queue = OpQueue::default();
    let mut ids: Vec<OpId> = (0..300u64)
        .map(|n| {
            let pieces = vec![Piece::copy_of(&pattern(1, n as u8))];
            queue.push(Op::Write { file, position: n * 4096, pieces, durable: false })
        })
        .collect();
    io.submit(&mut queue);
    assert!(queue.is_empty());
    let mut seen: Vec<OpId> = drain_all(&mut io, 300)
        .into_iter()
        .inspect(|completion| assert!(matches!(completion.result, Ok(Done::Written { length: 4096 }))))
        .map(|completion| completion.id)
        .collect();
    seen.sort_unstable();
    ids.sort_unstable();
    assert_eq!(seen, ids);
    assert_eq!(io.in_flight(), 0);
    for n in [0, 1, 150, 299] {
        assert_eq!(read(&mut io, file, n * 4096, 4096).unwrap(), pattern(1, n as u8));
    }
}

fn a_write_of_thousands_of_pieces_completes_in_full(place: &Place) {
    let mut io = place.open();
    let (file, _) = open(&mut io, "small", OpenMode::CreateCached).unwrap();
    let bytes = pattern(2, 8);
    let whole = Piece::copy_of(&bytes);
    let pieces = (0..4096).map(|n| whole.slice(n * 2, 2)).collect();
    let written = io.run(Op::Write { file, position: 0, pieces, durable: false }).unwrap();
    assert!(matches!(written, Done::Written { length: 8192 }));
    assert_eq!(read(&mut io, file, 0, 8192).unwrap(), bytes);
}

fn a_close_waits_for_what_still_uses_the_file(place: &Place) {
    let mut io = place.open();
    let file = create(&mut io, "data");
    let mut queue = OpQueue::default();
    let write = queue.push(Op::Write {
        file,
        position: 0,
        pieces: vec![Piece::copy_of(&pattern(64, 0))],
        durable: true,
    });
    let close = queue.push(Op::Close { file });
    io.submit(&mut queue);
    let completions = drain_all(&mut io, 2);
    assert!(completions.iter().all(|completion| completion.result.is_ok()), "{completions:?}");
    assert_eq!([completions[0].id, completions[1].id], [write, close]);
}

fn a_closed_file_refuses_operations(place: &Place) {
    let mut io = place.open();
    let first = create(&mut io, "first");
    finish(&mut io, Op::Close { file: first }).unwrap();
    assert_eq!(write(&mut io, first, 0, &[0; 4096]).unwrap_err().errno, libc::EBADF);
    create(&mut io, "second");
    assert_eq!(read(&mut io, first, 0, 4096).unwrap_err().errno, libc::EBADF, "the slot has a new owner");
}

fn paths_outside_the_data_directory_are_refused(place: &Place) {
    let mut io = place.open();
    for path in ["../outside", "/etc/passwd", "a/../../b", "", ".", "a\0b"] {
        let error = open(&mut io, path, OpenMode::CreateCached).unwrap_err();
        assert_eq!(error.errno, libc::EINVAL, "{path:?}");
        let renamed = finish(&mut io, Op::Rename { from: "a".into(), to: path.into() });
        assert_eq!(renamed.unwrap_err().errno, libc::EINVAL, "{path:?}");
    }
    assert_eq!(io.list("..").unwrap_err().errno, libc::EINVAL);
    assert_eq!(io.read_small("/etc/passwd", 1000).unwrap_err().errno, libc::EINVAL);
}

fn timers_fire_in_order_and_not_before_their_deadline(place: &Place) {
    let mut io = place.open();
    let start = io.now_ns();
    let mut queue = OpQueue::default();
    let late = queue.push(Op::Timer { deadline_ns: start + 6_000_000 });
    let early = queue.push(Op::Timer { deadline_ns: start + 2_000_000 });
    let past = queue.push(Op::Timer { deadline_ns: 0 });
    io.submit(&mut queue);
    let mut fired = Vec::new();
    while fired.len() < 3 {
        for completion in drain_all(&mut io, 1) {
            assert!(matches!(completion.result, Ok(Done::Finished)));
            fired.push((completion.id, io.now_ns()));
        }
    }
    assert_eq!(fired.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [past, early, late]);
    assert!(fired[1].1 >= start + 2_000_000);
    assert!(fired[2].1 >= start + 6_000_000);
}

fn waiting_with_nothing_in_flight_returns_after_the_timeout(place: &Place) {
    let mut io = place.open();
    io.wait(None);
    let start = io.now_ns();
    io.wait(Some(3_000_000));
    assert!(io.now_ns() >= start + 3_000_000);
}

fn is_readable(descriptor: i32, timeout_ms: i32) -> bool {
    let mut poll = libc::pollfd { fd: descriptor, events: libc::POLLIN, revents: 0 };
    // SAFETY: one entry, which outlives the call.
    unsafe { libc::poll(&mut poll, 1, timeout_ms) == 1 }
}

fn the_poll_descriptor_becomes_readable_when_something_can_be_drained(place: &Place) {
    let mut io = place.open();
    let file = create(&mut io, "data");
    let descriptor = io.poll_fd();
    assert!(!is_readable(descriptor, 0), "nothing is in flight");
    for op in [
        Op::Write { file, position: 0, pieces: vec![Piece::copy_of(&pattern(1, 0))], durable: true },
        Op::Sync { file },
        Op::Timer { deadline_ns: io.now_ns() + 1_000_000 },
    ] {
        let mut queue = OpQueue::default();
        queue.push(op);
        io.submit(&mut queue);
        let mut completions = Vec::new();
        while completions.is_empty() {
            assert!(is_readable(descriptor, 5000), "no wake-up");
            io.drain(&mut completions);
        }
        assert!(completions[0].result.is_ok());
        assert!(!is_readable(descriptor, 0), "everything was drained");
    }
}

fn run_keeps_the_completions_of_others(place: &Place) {
    let mut io = place.open();
    let file = create(&mut io, "data");
    let mut queue = OpQueue::default();
    let others: Vec<OpId> =
        (0..4).map(|_| queue.push(Op::Read { file, position: 0, buffer: ReadBuffer::new(4096) })).collect();
    io.submit(&mut queue);
    write(&mut io, file, 0, &pattern(1, 1)).unwrap();
    let mut seen: Vec<OpId> = drain_all(&mut io, 4).iter().map(|completion| completion.id).collect();
    seen.sort_unstable();
    assert_eq!(seen, others);
}

fn shutdown_completes_everything_that_was_submitted(place: &Place) {
    let mut io = place.open_with(Limits { in_flight: 2, ..Limits::default() });
    let file = create(&mut io, "data");
    let mut queue = OpQueue::default();
    for n in 0..50 {
        let pieces = vec![Piece::copy_of(&pattern(4, n))];
        queue.push(Op::Write { file, position: u64::from(n) * 16_384, pieces, durable: true });
    }
    queue.push(Op::Sync { file });
    queue.push(Op::Timer { deadline_ns: u64::MAX / 2 });
    queue.push(Op::Close { file });
    io.submit(&mut queue);
    assert_eq!(io.shutdown(), 0);
    let mut completions = Vec::new();
    io.drain(&mut completions);
    assert_eq!(completions.len(), 53);
    for completion in &completions {
        let cancelled = matches!(&completion.result, Err(error) if error.kind == IoErrorKind::Cancelled);
        assert!(cancelled || completion.result.is_ok(), "{completion:?}");
    }
    let late = finish(&mut io, Op::SyncDirectory { path: "".into() });
    assert_eq!(late.unwrap_err().kind, IoErrorKind::Cancelled);
    assert_eq!(io.shutdown(), 0, "a second shutdown has nothing to do");
}

fn directories_are_made_listed_and_read_below_the_root(place: &Place) {
    let mut io = place.open();
    io.make_directory("journal").unwrap();
    io.make_directory("journal").unwrap();
    io.make_directory("journal/deep").unwrap();
    assert_eq!(io.make_directory("no/parent").unwrap_err().kind, IoErrorKind::NotFound);
    let (file, _) = open(&mut io, "journal/00000002", OpenMode::CreateCached).unwrap();
    write(&mut io, file, 0, b"hello").unwrap();
    open(&mut io, "journal/00000001", OpenMode::CreateCached).unwrap();
    assert_eq!(io.list("journal").unwrap(), ["00000001", "00000002", "deep"]);
    assert!(io.list("").unwrap().contains(&"journal".to_string()));
    assert_eq!(io.read_small("journal/00000002", 5).unwrap(), b"hello");
    assert_eq!(io.read_small("journal/00000002", 4).unwrap_err().kind, IoErrorKind::TooLarge);
    assert_eq!(io.read_small("journal/3", 4).unwrap_err().kind, IoErrorKind::NotFound);
    assert!(io.exists("journal").unwrap() && !io.exists("journal/3").unwrap());
}

fn operations_are_counted_by_kind(place: &Place) {
    let mut io = place.open();
    let file = create(&mut io, "data");
    write(&mut io, file, 0, &pattern(2, 0)).unwrap();
    write_durable(&mut io, file, 0, &pattern(1, 0)).unwrap();
    read(&mut io, file, 0, 8192).unwrap();
    finish(&mut io, Op::Sync { file }).unwrap();
    finish(&mut io, Op::SyncDirectory { path: "".into() }).unwrap();
    let counters = io.counters();
    assert_eq!((counters.opens, counters.writes, counters.durable_writes), (1, 2, 1));
    assert_eq!((counters.reads, counters.syncs, counters.directory_syncs), (1, 1, 1));
    assert_eq!((counters.bytes_written, counters.bytes_read), (12_288, 8192));
    assert_eq!((counters.bytes_copied, counters.failed), (0, 0));
    assert!(counters.enters >= 6);
}
