//! Whatever goes wrong with a call, its operation completes exactly once, in time, with the memory given back: every
//! kind of operation, every error, once and for ever, on every driver.

mod common;

use common::{Place, create, finish, open, pattern, read, write};
use millrace_io::faults::{CallKind, ERRNOS, Fault, FaultOdds, FaultRule, Faults};
use millrace_io::planted::PlantedBug;
use millrace_io::{
    BLOCK, Completion, Done, DriverKind, FileId, Io, IoErrorKind, Op, OpQueue, OpenMode, Piece, ReadBuffer,
    SimHandle, SimOptions, SlabPool, SlabWriter,
};

macro_rules! on_every_driver {
    ($($name:ident)*) => {
        mod ring { $(#[test] fn $name() { super::$name(&super::Place::ring()); })* }
        mod pool { $(#[test] fn $name() { super::$name(&super::Place::pool()); })* }
        mod sim { $(#[test] fn $name() { super::$name(&super::Place::sim_perfect()); })* }
    };
}

on_every_driver! {
    every_operation_completes_once_whatever_its_call_meets
    every_blocking_call_can_fail_and_works_again_afterwards
    short_late_and_reordered_calls_change_no_result
    an_overtaken_operation_completes_behind_the_other_one
    a_delayed_operation_is_late_and_wakes_a_host_that_only_polls
    a_shutdown_does_not_wait_for_delays
    a_cancelled_close_leaves_the_file_open_and_a_failed_one_does_not
    a_rule_hits_its_path_and_its_call_only
    a_full_disk_that_gets_space_again_is_written_to
    calls_are_listed_with_their_paths
}

/// Nanoseconds after which a completion that is not there counts as lost.
const PATIENCE_NS: u64 = 5_000_000_000;

/// Drains until `count` operations completed, and sees to it that nothing else does.
#[track_caller]
fn complete(io: &mut Io, count: usize) -> Vec<Completion> {
    let start = io.now_ns();
    let mut completions = Vec::new();
    while completions.len() < count {
        io.drain(&mut completions);
        assert!(io.now_ns() < start + PATIENCE_NS, "{} of {count} completed", completions.len());
        if completions.len() < count {
            io.wait(Some(1_000_000));
        }
    }
    assert_eq!((completions.len(), io.in_flight()), (count, 0));
    completions
}

/// Files as each case needs them: `data` of two blocks, open; `old`, `gone` and no `new`.
fn prepare(io: &mut Io) -> FileId {
    for path in ["data", "old", "gone", "new"] {
        if io.exists(path).unwrap() {
            finish(io, Op::Unlink { path: path.into() }).unwrap();
        }
    }
    for path in ["old", "gone"] {
        let file = create(io, path);
        finish(io, Op::Close { file }).unwrap();
    }
    let file = create(io, "data");
    write(io, file, 0, &pattern(2, 1)).unwrap();
    file
}

fn piece(pool: &SlabPool, blocks: usize, salt: u8) -> Piece {
    let mut writer = SlabWriter::from_pool(pool);
    writer.write(&pattern(blocks, salt));
    writer.piece(0, blocks * BLOCK)
}

fn op(kind: CallKind, file: FileId, pool: &SlabPool) -> Op {
    match kind {
        CallKind::Open => Op::Open { path: "old".into(), mode: OpenMode::WriteDirect },
        CallKind::Close => Op::Close { file },
        CallKind::Read => Op::Read { file, position: 0, buffer: ReadBuffer::new(2 * BLOCK) },
        CallKind::Write => Op::Write { file, position: 0, pieces: vec![piece(pool, 2, 7)], durable: false },
        CallKind::DurableWrite => {
            Op::Write { file, position: 0, pieces: vec![piece(pool, 2, 7)], durable: true }
        }
        CallKind::Sync => Op::Sync { file },
        CallKind::SyncDirectory => Op::SyncDirectory { path: "".into() },
        CallKind::Allocate => Op::Allocate { file, length: 4 * BLOCK as u64 },
        CallKind::Truncate => Op::Truncate { file, length: 4 * BLOCK as u64 },
        CallKind::Rename => Op::Rename { from: "old".into(), to: "new".into() },
        CallKind::Unlink => Op::Unlink { path: "gone".into() },
        CallKind::Timer => Op::Timer { deadline_ns: 1 },
        _ => unreachable!("a blocking call is no operation"),
    }
}

/// The errno an operation must complete with, if any.
fn expected(kind: CallKind, fault: Fault, sticky: bool) -> Option<i32> {
    let (Fault::Refuse(errno) | Fault::FailAfter(errno)) = fault else { return None };
    let passing = matches!(errno, libc::EINTR | libc::EAGAIN | libc::ECANCELED);
    let repeated = !matches!(kind, CallKind::Close | CallKind::Rename | CallKind::Unlink);
    (sticky || !passing || !repeated).then_some(errno)
}

fn every_fault() -> impl Iterator<Item = Fault> {
    let errors = ERRNOS.into_iter().flat_map(|errno| [Fault::Refuse(errno), Fault::FailAfter(errno)]);
    errors.chain([Fault::Short, Fault::Delay(20_000), Fault::Reorder])
}

fn every_operation_completes_once_whatever_its_call_meets(place: &Place) {
    let faults = Faults::default();
    let mut io = place.open().faulty(&faults);
    for kind in CallKind::COMPLETING {
        for (fault, sticky) in every_fault().flat_map(|fault| [(fault, false), (fault, true)]) {
            let case = format!("{kind:?} {fault:?} sticky={sticky}");
            let pool = SlabPool::new(2 * BLOCK, 1);
            let file = prepare(&mut io);
            let before = faults.total();
            faults.add(FaultRule::on(kind, 1, fault, sticky));
            let mut queue = OpQueue::default();
            let id = queue.push(op(kind, file, &pool));
            io.submit(&mut queue);
            let completion = complete(&mut io, 1).remove(0);
            assert_eq!(completion.id, id, "{case}");
            let errno = completion.result.as_ref().err().map(|error| error.errno);
            assert_eq!(errno, expected(kind, fault, sticky), "{case}");
            let injected = fault.applies_to(kind) && fault != Fault::Reorder;
            assert_eq!(faults.total() > before, injected, "{case}");
            // The simulated medium keeps what was written to it by reference.
            let writes = matches!(kind, CallKind::Write | CallKind::DurableWrite);
            if writes && io.report().kind != DriverKind::Sim {
                assert_eq!(pool.idle(), 1, "{case}: its memory comes back with the completion");
            }
            faults.clear();
            check_effect(&mut io, kind, completion.result, file, &case);
            io.wait(Some(0));
            let mut late = Vec::new();
            io.drain(&mut late);
            assert!(late.is_empty(), "{case}: {late:?}");
        }
    }
}

/// What was reported as done is done; and the file is closed at the end, whatever came of the case.
fn check_effect(
    io: &mut Io,
    kind: CallKind,
    result: Result<Done, millrace_io::IoError>,
    file: FileId,
    case: &str,
) {
    match (kind, result) {
        (CallKind::Open, Ok(Done::Opened { file, .. })) => finish(io, Op::Close { file }).unwrap(),
        (CallKind::Read, Ok(Done::Read { buffer, length })) => {
            assert_eq!(buffer.bytes()[..length], pattern(2, 1), "{case}");
        }
        (CallKind::Write | CallKind::DurableWrite, Ok(done)) => {
            assert!(matches!(done, Done::Written { length } if length == 2 * BLOCK), "{case}");
            assert_eq!(read(io, file, 0, 2 * BLOCK).unwrap(), pattern(2, 7), "{case}");
        }
        (CallKind::Allocate | CallKind::Truncate, Ok(_)) => {
            assert_eq!(read(io, file, 3 * BLOCK as u64, BLOCK).unwrap(), [0; BLOCK], "{case}");
        }
        (CallKind::Rename, Ok(_)) => assert!(io.exists("new").unwrap(), "{case}"),
        (CallKind::Unlink, Ok(_)) => assert!(!io.exists("gone").unwrap(), "{case}"),
        _ => {}
    }
    let closed = finish(io, Op::Close { file });
    assert!(kind == CallKind::Close || closed.is_ok(), "{case}: {closed:?}");
}

fn every_blocking_call_can_fail_and_works_again_afterwards(place: &Place) {
    let faults = Faults::default();
    let mut io = place.open().faulty(&faults);
    let (file, _) = open(&mut io, "small", OpenMode::CreateCached).unwrap();
    write(&mut io, file, 0, b"bytes").unwrap();
    for (errno, after) in ERRNOS.into_iter().flat_map(|errno| [(errno, false), (errno, true)]) {
        let fault = if after { Fault::FailAfter(errno) } else { Fault::Refuse(errno) };
        for kind in CallKind::BLOCKING {
            faults.add(FaultRule::on(kind, 1, fault, false));
        }
        let failed = [
            open(&mut io, "small", OpenMode::ReadCached).map(|_| ()),
            io.list("").map(|_| ()),
            io.make_directory("made"),
            io.exists("small").map(|_| ()),
            io.read_small("small", 10).map(|_| ()),
        ];
        for result in failed {
            assert_eq!(result.unwrap_err().errno, errno, "after={after}");
        }
        assert_eq!(io.read_small("small", 10).unwrap(), b"bytes");
        assert!(io.exists("small").unwrap() && io.list("").unwrap().contains(&"small".to_string()));
    }
    assert_eq!(faults.total(), 2 * 5 * ERRNOS.len() as u64);
}

fn short_late_and_reordered_calls_change_no_result(place: &Place) {
    for seed in 0..4 {
        let faults = Faults::seeded(seed, FaultOdds::disorder());
        let mut io = place.open().faulty(&faults);
        let name = format!("data-{seed}");
        let file = create(&mut io, &name);
        let mut queue = OpQueue::default();
        for n in 0..40u64 {
            let pieces = vec![Piece::copy_of(&pattern(3, n as u8))];
            queue.push(Op::Write { file, position: n * 3 * BLOCK as u64, pieces, durable: n % 3 == 0 });
        }
        io.submit(&mut queue);
        let written = complete(&mut io, 40);
        assert!(
            written
                .iter()
                .all(|done| matches!(done.result, Ok(Done::Written { length }) if length == 3 * BLOCK))
        );
        finish(&mut io, Op::Sync { file }).unwrap();
        for n in 0..40u64 {
            let bytes = read(&mut io, file, n * 3 * BLOCK as u64, 3 * BLOCK).unwrap();
            assert_eq!(bytes, pattern(3, n as u8), "seed {seed}, write {n}");
        }
        for fault in [Fault::Short, Fault::Reorder, Fault::Refuse(libc::EINTR)] {
            assert!(
                faults.injected().iter().any(|injected| injected.fault == fault),
                "{fault:?}, seed {seed}"
            );
        }
    }
}

fn an_overtaken_operation_completes_behind_the_other_one(place: &Place) {
    let faults = Faults::of(FaultRule::on(CallKind::Unlink, 1, Fault::Reorder, false));
    let mut io = place.open().faulty(&faults);
    let file = create(&mut io, "gone");
    let mut queue = OpQueue::default();
    let first = queue.push(Op::Unlink { path: "gone".into() });
    let second = queue.push(Op::Write {
        file,
        position: 0,
        pieces: vec![Piece::copy_of(&pattern(64, 1))],
        durable: true,
    });
    io.submit(&mut queue);
    let order: Vec<_> = complete(&mut io, 2).iter().map(|completion| completion.id).collect();
    assert_eq!(order, [second, first]);
}

fn a_delayed_operation_is_late_and_wakes_a_host_that_only_polls(place: &Place) {
    let faults = Faults::of(FaultRule::on(CallKind::Sync, 1, Fault::Delay(3_000_000), false));
    faults.add(FaultRule::on(CallKind::Write, 1, Fault::Refuse(libc::EIO), false));
    let mut io = place.open().faulty(&faults);
    let file = create(&mut io, "data");
    let start = io.now_ns();
    let mut queue = OpQueue::default();
    let sync = queue.push(Op::Sync { file });
    let write = queue.push(Op::Write {
        file,
        position: 0,
        pieces: vec![Piece::copy_of(&pattern(1, 1))],
        durable: false,
    });
    io.submit(&mut queue);
    let (mut completions, mut polls) = (Vec::new(), 0);
    while completions.len() < 2 {
        let mut poll = libc::pollfd { fd: io.poll_fd(), events: libc::POLLIN, revents: 0 };
        // SAFETY: one entry, which outlives the call.
        assert_eq!(unsafe { libc::poll(&mut poll, 1, 5000) }, 1, "no wake-up");
        io.drain(&mut completions);
        polls += 1;
        assert!(polls < 1000, "a host that polls is kept busy");
    }
    assert!(io.now_ns() >= start + 3_000_000);
    assert_eq!(completions.iter().map(|done| done.id).collect::<Vec<_>>(), [write, sync]);
    assert_eq!(completions[0].result.as_ref().unwrap_err().kind, IoErrorKind::Device);
}

fn a_shutdown_does_not_wait_for_delays(place: &Place) {
    let an_hour = 3_600_000_000_000;
    let faults = Faults::of(FaultRule::on(CallKind::Write, 1, Fault::Delay(an_hour), true));
    let mut io = place.open().faulty(&faults);
    let file = create(&mut io, "data");
    let mut queue = OpQueue::default();
    for n in 0..10 {
        let pieces = vec![Piece::copy_of(&pattern(1, n))];
        queue.push(Op::Write { file, position: u64::from(n) * 4096, pieces, durable: false });
    }
    io.submit(&mut queue);
    io.wait(Some(1_000_000));
    let start = io.now_ns();
    assert_eq!(io.shutdown(), 0);
    assert!(io.now_ns() < start + 1_000_000_000);
    let mut completions = Vec::new();
    io.drain(&mut completions);
    assert_eq!((completions.len(), io.in_flight()), (10, 0));
}

fn a_cancelled_close_leaves_the_file_open_and_a_failed_one_does_not(place: &Place) {
    let faults = Faults::of(FaultRule::on(CallKind::Close, 1, Fault::Refuse(libc::ECANCELED), false));
    faults.add(FaultRule::on(CallKind::Close, 2, Fault::Refuse(libc::EIO), false));
    let mut io = place.open().faulty(&faults);
    let file = create(&mut io, "data");
    assert_eq!(finish(&mut io, Op::Close { file }).unwrap_err().errno, libc::ECANCELED);
    assert_eq!(finish(&mut io, Op::Close { file }).unwrap_err().errno, libc::EIO);
    assert_eq!(finish(&mut io, Op::Close { file }).unwrap_err().errno, libc::EBADF);
}

fn a_rule_hits_its_path_and_its_call_only(place: &Place) {
    let rule = FaultRule::on(CallKind::Write, 2, Fault::Refuse(libc::EIO), false);
    let faults = Faults::of(FaultRule { path: Some("b*".into()), ..rule });
    let mut io = place.open().faulty(&faults);
    let (other, hit) = (create(&mut io, "other"), create(&mut io, "bad"));
    for (file, works) in [(hit, true), (other, true), (hit, false), (hit, true), (other, true)] {
        assert_eq!(write(&mut io, file, 0, &pattern(1, 1)).is_ok(), works);
    }
    let injected = faults.injected();
    assert_eq!((injected.len(), injected[0].kind, injected[0].count), (1, CallKind::Write, 1));
}

fn a_full_disk_that_gets_space_again_is_written_to(place: &Place) {
    let faults = Faults::of(FaultRule::on(CallKind::Write, 1, Fault::Refuse(libc::ENOSPC), true));
    let mut io = place.open().faulty(&faults);
    let file = create(&mut io, "data");
    for _ in 0..3 {
        assert_eq!(write(&mut io, file, 0, &pattern(1, 1)).unwrap_err().kind, IoErrorKind::NoSpace);
    }
    faults.clear();
    write(&mut io, file, 0, &pattern(1, 1)).unwrap();
    assert_eq!(read(&mut io, file, 0, BLOCK).unwrap(), pattern(1, 1));
}

fn calls_are_listed_with_their_paths(place: &Place) {
    let faults = Faults::default();
    faults.record();
    let mut io = place.open().faulty(&faults);
    assert!(io.report().reason.ends_with("with injected faults"), "{:?}", io.report());
    io.make_directory("below").unwrap();
    let file = create(&mut io, "below/data");
    write(&mut io, file, 0, &pattern(1, 1)).unwrap();
    finish(&mut io, Op::Rename { from: "below/data".into(), to: "below/new".into() }).unwrap();
    let sites: Vec<String> = faults.sites().iter().map(ToString::to_string).collect();
    let expected = [
        "call 1 (MakeDirectory below)",
        "call 2 (Open below/data)",
        "call 3 (Status below/data)",
        "call 4 (Write below/data)",
        "call 5 (Rename below/new)",
    ];
    assert_eq!(sites, expected);
    assert_eq!(faults.calls(), 5);
}

#[test]
fn a_seed_injects_the_same_faults_into_the_same_calls() {
    let run = |seed| {
        let odds = FaultOdds { refuse: 100_000, fail_after: 100_000, ..FaultOdds::disorder() };
        let faults = Faults::seeded(seed, odds);
        let mut io = Io::sim(SimHandle::new(SimOptions::perfect(3))).faulty(&faults);
        let results: Vec<_> = (0..200)
            .map(|n| open(&mut io, &format!("{n}"), OpenMode::CreateDirect).map_err(|error| error.errno))
            .collect();
        (results, faults.injected())
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}

#[test]
fn a_short_write_that_completes_as_if_it_were_whole_is_seen() {
    let half_written = |planted| {
        let sim = SimHandle::new(SimOptions { planted, ..SimOptions::perfect(1) });
        let faults = Faults::of(FaultRule::on(CallKind::Write, 1, Fault::Short, false));
        let mut io = Io::sim(sim.clone()).faulty(&faults);
        let file = create(&mut io, "data");
        write(&mut io, file, 0, &pattern(8, 1)).unwrap();
        sim.read("data").unwrap().len() < 8 * BLOCK
    };
    assert!(half_written(Some(PlantedBug::FlushBeforeShortWriteContinued)));
    assert!(!half_written(None));
}

#[test]
#[should_panic(expected = "faults come before the first operation")]
fn faults_cannot_be_added_to_an_io_that_was_used() {
    let mut io = Io::sim(SimHandle::new(SimOptions::perfect(1)));
    create(&mut io, "data");
    let _ = io.faulty(&Faults::default());
}
