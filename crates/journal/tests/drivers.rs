//! The journal on real files: the same promises on the ring and on the pool.

mod support;

use millrace_io::{DriverChoice, DriverKind, Io, Limits, OpQueue};
use millrace_journal::{Busy, Entry, Journal, JournalError, JournalReport, Request, Start};
use std::path::PathBuf;
use support::disk::{Disk, Open, body};
use support::life::DIRECTORY_ID;

/// A directory of its own, removed at the end.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Directory {
        let path = std::env::temp_dir().join(format!("millrace-journal-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        Directory(path)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn open(directory: &Directory, driver: DriverChoice, incarnation: u32) -> (Open, Vec<u64>, JournalReport) {
    let mut io = Io::open(&directory.0, driver, Limits::default()).expect("the driver opens");
    let start =
        Start { directory_id: DIRECTORY_ID, incarnation, checkpoint_lsn: 0, durable_lsn: 0, clean: false };
    let mut seen = Vec::new();
    let (journal, report) = Journal::recover(&mut io, Disk::small().config, start, &mut |frame| {
        let entry = frame.entries().next().expect("one entry");
        assert_eq!(entry.payload.bytes(), body(frame.lsn()));
        seen.push(frame.lsn());
    })
    .expect("the journal opens");
    (Open { io, journal, queue: OpQueue::default() }, seen, report)
}

/// One turn of a host that sleeps until something happens.
fn turn(open: &mut Open) {
    open.journal.step(open.io.now_ns(), &mut open.queue);
    open.io.submit(&mut open.queue);
    open.io.wait(Some(1_000_000_000));
    open.turn();
}

fn frames_come_back(driver: DriverChoice, kind: DriverKind) {
    let directory = Directory::new(&format!("{kind}"));
    let (mut first, seen, _) = open(&directory, driver, 1);
    assert_eq!((first.io.report().kind, seen.len()), (kind, 0));
    for _ in 0..40 {
        while let Err(error) = first.append(Request::DURABLE) {
            assert_eq!(error, JournalError::Busy(Busy::FileNotReady));
            turn(&mut first);
        }
        while first.journal.durable() < first.journal.appended() {
            turn(&mut first);
        }
    }
    let big = vec![7; 9000];
    let entry = Entry { kind: 1, flags: 0, group: 1, argument: 0, parts: &[&big], bulk: None };
    assert!(first.journal.append(0, &[entry; 3], Request::DURABLE).is_err(), "over the limit of a frame");
    drop(first);
    let (second, seen, report) = open(&directory, driver, 2);
    assert_eq!(seen, (1..=40).collect::<Vec<_>>());
    assert_eq!((report.damage.len(), second.journal.durable()), (0, 40));
}

#[test]
fn acknowledged_frames_come_back_on_the_pool() {
    frames_come_back(DriverChoice::Pool, DriverKind::Pool);
}

#[test]
fn acknowledged_frames_come_back_on_the_ring() {
    frames_come_back(DriverChoice::Ring, DriverKind::Ring);
}
