//! Promises of raw operations, the same on ring and threads.

use super::*;
use crate::driver::{DriverChoice, DriverKind};
use crate::signal::wait_readable;
use std::ffi::CString;
use std::path::PathBuf;

fn open(driver: DriverChoice) -> RawIo {
    RawIo::open(RawOptions { driver, mode: Mode::Interrupt, in_flight: 8, threads: 2, registered_files: 0 })
        .unwrap()
}

const BOTH: [DriverChoice; 2] = [DriverChoice::Ring, DriverChoice::Pool];

/// Runs until `count` operations have completed, at most thirty seconds; by owner. Where a bug is planted half a second
/// will do: nothing is lost when a test fails there for being slow.
fn complete(io: &mut RawIo, count: usize) -> Vec<Completed> {
    let mut completed = Vec::new();
    let rounds = if std::env::var_os("MILLRACE_RAW_BUG").is_some() { 50 } else { 3000 };
    for _ in 0..rounds {
        io.submit();
        io.reap(&mut completed);
        if completed.len() >= count {
            completed.sort_by_key(|it| it.owner);
            return completed;
        }
        wait_readable(io.poll_fd(), Some(10_000_000));
    }
    panic!("{} of {count} completed", completed.len());
}

fn one(io: &mut RawIo, request: Request) -> Completed {
    io.push(1, 0, request, false).unwrap();
    complete(io, 1).remove(0)
}

struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Scratch {
        let path = std::env::temp_dir().join(format!("millrace-raw-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Scratch(path)
    }

    fn path(&self, name: &str) -> CString {
        CString::new(self.0.join(name).to_str().unwrap()).unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn create(io: &mut RawIo, path: CString) -> FileNumber {
    let flags = libc::O_RDWR | libc::O_CREAT;
    let opened = one(io, Request::Open { path, flags, mode: 0o600 });
    assert!(opened.result >= 0, "{}", opened.result);
    FileNumber(opened.result as u64)
}

fn write(file: FileNumber, position: u64, bytes: &[u8]) -> Request {
    Request::Write { file, position: Some(position), bytes: Bytes::Owned(Owned::copy_of(bytes)), flags: 0 }
}

fn read(file: FileNumber, position: Option<u64>, length: usize) -> Request {
    Request::Read { file, position, bytes: Bytes::Owned(Owned::zeroed(length)), flags: 0 }
}

fn filled(completed: &Completed) -> &[u8] {
    match &*completed.request {
        Request::Read { bytes: Bytes::Owned(owned), .. } => &owned.bytes()[..completed.result as usize],
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_was_written_is_read_and_a_chain_runs_in_order() {
    for driver in BOTH {
        let scratch = Scratch::new("order");
        let mut io = open(driver);
        let wanted = if driver == DriverChoice::Ring { DriverKind::Ring } else { DriverKind::Pool };
        assert_eq!(io.report().kind, wanted);
        let file = create(&mut io, scratch.path("file"));
        io.push(1, 0, write(file, 0, b"first"), true).unwrap();
        io.push(2, 0, Request::Sync { file, data_only: true }, true).unwrap();
        io.push(3, 0, read(file, Some(0), 5), false).unwrap();
        let all = complete(&mut io, 3);
        assert_eq!(all.iter().map(|it| it.result).collect::<Vec<_>>(), [5, 0, 5]);
        assert_eq!(filled(&all[2]), b"first");
    }
}

#[test]
fn a_chain_ends_with_a_step_that_is_short() {
    for driver in BOTH {
        let scratch = Scratch::new("short");
        let mut io = open(driver);
        let file = create(&mut io, scratch.path("file"));
        io.push(1, 0, read(file, Some(0), 5), true).unwrap();
        io.push(2, 0, write(file, 0, b"never"), false).unwrap();
        let all = complete(&mut io, 2);
        assert_eq!(all.iter().map(|it| it.result).collect::<Vec<_>>(), [0, -i64::from(libc::ECANCELED)]);
        assert_eq!(std::fs::metadata(scratch.0.join("file")).unwrap().len(), 0);
    }
}

#[test]
fn a_file_closed_in_flight_is_refused_at_once_and_closed_when_idle() {
    for driver in BOTH {
        let mut io = open(driver);
        let [from, to] = io.pipe(0).unwrap();
        io.push(1, 0, read(from, None, 5), false).unwrap();
        io.submit();
        io.close(2, 0, from).unwrap();
        assert_eq!(io.push(9, 0, read(from, None, 5), false), Err(Refused::FileStale));
        assert_eq!(io.close(9, 0, from), Err(Refused::FileStale));
        let bytes = Bytes::Owned(Owned::copy_of(b"hello"));
        io.push(3, 0, Request::Write { file: to, position: None, bytes, flags: 0 }, false).unwrap();
        let all = complete(&mut io, 3);
        assert_eq!(all.iter().map(|it| it.result).collect::<Vec<_>>(), [5, 0, 5]);
        assert_eq!(filled(&all[0]), b"hello");
        assert_eq!(io.open_files(), 1);
    }
}

#[test]
fn whatever_waits_can_be_cancelled_and_the_rest_goes_on() {
    for driver in BOTH {
        let mut io = open(driver);
        let [from, _to] = io.pipe(0).unwrap();
        let (listener, _) = io.listen("127.0.0.1:0".parse().unwrap(), 8).unwrap();
        io.push(1, 0, read(from, None, 5), false).unwrap();
        io.push(2, 0, Request::Poll { file: from, events: libc::POLLIN as u32 }, false).unwrap();
        io.push(3, 0, Request::Timeout { ns: 3_600_000_000_000, deadline: None }, false).unwrap();
        io.push(4, 0, Request::Accept { file: listener }, false).unwrap();
        io.push(5, 0, Request::Timeout { ns: 1_000_000, deadline: None }, false).unwrap();
        let first = complete(&mut io, 1);
        assert_eq!((first[0].owner, first[0].result), (5, 0));
        (1..=4).for_each(|owner| io.cancel(owner, 0));
        let all = complete(&mut io, 4);
        assert!(all.iter().all(|it| it.result == -i64::from(libc::ECANCELED)), "{all:?}");
        assert_eq!(io.in_flight(), 0);
    }
}

#[test]
fn a_lease_in_flight_is_neither_lent_again_nor_released() {
    for driver in BOTH {
        let mut io = open(driver);
        let arena = Arena::map(4096, 2).unwrap();
        let [from, to] = io.pipe(0).unwrap();
        let lease = arena.lease().unwrap();
        let bytes = Bytes::Lent(arena.lend(lease, 0, 100, true).unwrap());
        io.push(1, 0, Request::Read { file: from, position: None, bytes, flags: 0 }, false).unwrap();
        io.submit();
        assert_eq!(arena.release(lease), Err(Refused::LeaseBusy));
        assert_eq!(arena.lend(lease, 0, 1, false).unwrap_err(), Refused::LeaseBusy);
        io.push(
            2,
            0,
            Request::Write { file: to, position: None, bytes: Bytes::Owned(Owned::copy_of(b"x")), flags: 0 },
            false,
        )
        .unwrap();
        drop(complete(&mut io, 2));
        assert_eq!(arena.lend(lease, 4096, 1, true).unwrap_err(), Refused::OutOfRange);
        arena.release(lease).unwrap();
        assert_eq!(arena.release(lease), Err(Refused::LeaseStale));
        let again = arena.lease().unwrap();
        assert_ne!(again, lease);
        assert_eq!(arena.lend(lease, 0, 1, true).unwrap_err(), Refused::LeaseStale);
    }
}

#[test]
fn more_than_the_limit_waits_its_turn_and_all_of_it_completes() {
    for driver in BOTH {
        let scratch = Scratch::new("many");
        let mut io = open(driver);
        let file = create(&mut io, scratch.path("file"));
        for number in 0..200 {
            io.push(number, 0, write(file, number * 4, &(number as u32).to_le_bytes()), false).unwrap();
        }
        assert!(complete(&mut io, 200).iter().all(|it| it.result == 4));
        let bytes = std::fs::read(scratch.0.join("file")).unwrap();
        assert!(bytes.chunks(4).enumerate().all(|(at, it)| it == (at as u32).to_le_bytes()));
    }
}

#[test]
fn files_pass_through_the_kernel_by_sendfile_splice_tee_and_copy() {
    for driver in BOTH {
        let scratch = Scratch::new("pass");
        let mut io = open(driver);
        let (file, copy) = (create(&mut io, scratch.path("a")), create(&mut io, scratch.path("b")));
        one(&mut io, write(file, 0, b"0123456789"));
        let range = Request::CopyRange { from: file, from_position: 2, to: copy, to_position: 0, length: 5 };
        assert_eq!(one(&mut io, range).result, 5);
        assert_eq!(std::fs::read(scratch.0.join("b")).unwrap(), b"23456");
        let ([a, b], [c, d]) = (io.pipe(0).unwrap(), io.pipe(0).unwrap());
        let splice = Request::Splice {
            from: file,
            from_position: Some(4),
            to: b,
            to_position: None,
            length: 6,
            flags: 0,
        };
        assert_eq!(one(&mut io, splice).result, 6);
        assert_eq!(one(&mut io, Request::Tee { from: a, to: d, length: 6, flags: 0 }).result, 6);
        assert_eq!(filled(&one(&mut io, read(a, None, 10))), b"456789");
        assert_eq!(filled(&one(&mut io, read(c, None, 10))), b"456789");
        assert_eq!(one(&mut io, Request::SendFile { from: file, position: 8, to: b, length: 100 }).result, 2);
        assert_eq!(filled(&one(&mut io, read(a, None, 10))), b"89");
    }
}

#[test]
fn dropping_it_ends_what_is_in_flight() {
    for driver in BOTH {
        let mut io = open(driver);
        let [from, _to] = io.pipe(0).unwrap();
        io.push(1, 0, read(from, None, 5), false).unwrap();
        io.push(2, 0, Request::Timeout { ns: 3_600_000_000_000, deadline: None }, false).unwrap();
        io.submit();
        drop(io);
    }
}

#[test]
fn the_number_of_a_closed_file_never_means_another_one() {
    for driver in BOTH {
        let scratch = Scratch::new("stale");
        let mut io = open(driver);
        let old = create(&mut io, scratch.path("a"));
        io.close(1, 0, old).unwrap();
        assert_eq!(complete(&mut io, 1)[0].result, 0);
        let new = create(&mut io, scratch.path("b"));
        assert_eq!(new.slot(), old.slot(), "a place is used again");
        assert_eq!(io.push(1, 0, write(old, 0, b"x"), false), Err(Refused::FileStale));
        assert_eq!(io.close(1, 0, old), Err(Refused::FileStale));
        assert_eq!(one(&mut io, write(new, 0, b"x")).result, 1);
    }
}

#[test]
fn many_that_wait_for_one_file_can_be_cancelled_and_wait_again() {
    for driver in BOTH {
        let mut io = open(driver);
        let [from, to] = io.pipe(0).unwrap();
        for round in 0..3 {
            for owner in 0..20 {
                io.push(owner, 0, read(from, None, 5), false).unwrap();
            }
            io.push(99, 0, Request::Timeout { ns: 2_000_000, deadline: None }, false).unwrap();
            complete(&mut io, 1);
            (1..20).for_each(|owner| io.cancel(owner, 0));
            assert!(
                complete(&mut io, 19).iter().all(|it| it.result == -i64::from(libc::ECANCELED)),
                "{round}"
            );
            let bytes = Bytes::Owned(Owned::copy_of(b"hello"));
            io.push(100, 0, Request::Write { file: to, position: None, bytes, flags: 0 }, false).unwrap();
            assert!(complete(&mut io, 2).iter().all(|it| it.result == 5));
        }
    }
}

#[test]
fn registered_files_and_memory_do_the_same_and_closed_ones_are_forgotten() {
    let options = RawOptions {
        driver: DriverChoice::Ring,
        mode: Mode::SubmissionPoll { idle_ms: 10 },
        in_flight: 8,
        threads: 1,
        registered_files: 2,
    };
    let mut io = RawIo::open(options).unwrap();
    assert!(io.report().refused.is_empty(), "{:?}", io.report());
    let scratch = Scratch::new("registered");
    let arena = Arena::map(4096, 4).unwrap();
    io.register_arena(&arena).unwrap();
    let lease = arena.lease().unwrap();
    for round in 0..5u8 {
        let files: Vec<_> = (0..4).map(|_| create(&mut io, scratch.path("file"))).collect();
        for file in &files {
            let mut write = write(*file, 0, &[round; 100]);
            if let Request::Write { bytes: Bytes::Owned(owned), .. } = &mut write {
                assert_eq!(owned.bytes().len(), 100);
            }
            assert_eq!(one(&mut io, write).result, 100);
            let bytes = Bytes::Lent(arena.lend(lease, 50, 100, true).unwrap());
            let read = Request::Read { file: *file, position: Some(0), bytes, flags: 0 };
            assert_eq!(one(&mut io, read).result, 100);
            let (start, _) = arena.place();
            // SAFETY: inside the mapping, and nothing is in flight.
            let seen = unsafe { *start.as_ptr().add((lease as usize & 0xf_ffff) * 4096 + 149) };
            assert_eq!(seen, round);
        }
        for file in files {
            io.close(1, 0, file).unwrap();
            assert_eq!(complete(&mut io, 1)[0].result, 0);
        }
    }
    assert_eq!(io.open_files(), 0);
}
