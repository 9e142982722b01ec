//! Measures group commit and recovery on a real directory: `cargo run --release -p millrace-journal --example measure
//! DIRECTORY [writers] [seconds] [bytes]`.
//!
//! What it is not: a benchmark of the product; nothing crosses into JavaScript here.

use millrace_io::{DriverChoice, Io, Limits, OpQueue};
use millrace_journal::{Config, Entry, Journal, JournalError, Request, Start};
use std::path::PathBuf;
use std::time::{Duration, Instant};

fn argument(index: usize, default: u64) -> u64 {
    std::env::args().nth(index).and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn main() {
    let directory = PathBuf::from(std::env::args().nth(1).expect("a directory"));
    let (writers, seconds, bytes) = (argument(2, 128), argument(3, 3), argument(4, 128));
    let mut start =
        Start { directory_id: 1, incarnation: 1, checkpoint_lsn: 0, durable_lsn: 0, clean: false };
    let opened = Instant::now();
    let mut io = Io::open(&directory, DriverChoice::Auto, Limits::default()).expect("the driver opens");
    let mut journal = Journal::create(&mut io, Config::default(), start).expect("created");
    println!("{} driver; first start {:?}", io.report().kind, opened.elapsed());
    append(&mut io, &mut journal, writers, Duration::from_secs(seconds), &vec![7; bytes as usize]);
    println!("{:?}", journal.counters());
    drop((journal, io));

    start.incarnation = 2;
    let opened = Instant::now();
    let mut io = Io::open(&directory, DriverChoice::Auto, Limits::default()).expect("the driver opens");
    let (mut frames, mut total) = (0_u64, 0_u64);
    let (_, report) = Journal::recover(&mut io, Config::default(), start, &mut |frame| {
        frames += 1;
        total += frame.entries().map(|entry| entry.payload.len() as u64).sum::<u64>();
    })
    .expect("recovered");
    println!("recovery of {frames} frames, {total} payload bytes: {:?}; {report:?}", opened.elapsed());
}

/// As many writers as given, each with one append waiting for `durable`.
fn append(io: &mut Io, journal: &mut Journal, writers: u64, time: Duration, payload: &[u8]) {
    let (mut queue, mut completions) = (OpQueue::default(), Vec::new());
    let (begin, mut acknowledged, mut busy) = (Instant::now(), 0, 0_u64);
    let (mut appending, mut turns) = (Duration::ZERO, 0_u64);
    while begin.elapsed() < time {
        let now = io.now_ns();
        let turn = Instant::now();
        while journal.appended() - journal.durable() < writers {
            let entry = Entry { kind: 1, flags: 0, group: 1, argument: 0, parts: &[payload], bulk: None };
            match journal.append(now, &[entry], Request::DURABLE) {
                Ok(_) => {}
                Err(JournalError::Busy(_)) => {
                    busy += 1;
                    journal.settled(journal.durable());
                    break;
                }
                Err(error) => panic!("{error}"),
            }
        }
        appending += turn.elapsed();
        turns += 1;
        journal.step(now, &mut queue);
        io.submit(&mut queue);
        io.wait(Some(100_000_000));
        io.drain(&mut completions);
        for completion in completions.drain(..) {
            journal.complete(io.now_ns(), &mut Some(completion), &mut queue);
        }
        acknowledged = journal.durable();
    }
    let rate = acknowledged as f64 / begin.elapsed().as_secs_f64();
    let each = appending.as_nanos() as f64 / journal.appended().max(1) as f64;
    println!(
        "{writers} writers: {rate:.0} durable appends/s in {turns} turns, {busy} times busy, {each:.0} ns to append"
    );
}
