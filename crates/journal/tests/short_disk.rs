//! A disk on which no journal file of the full size fits: smaller ones are made, settled ones are used again, and what
//! failed is not tried at every turn.

mod support;

use millrace_io::SimHandle;
use millrace_journal::{Config, JournalError, Request};
use support::disk::{Disk, Open};

const BLOCK: u64 = 4096;

/// Files of 64 blocks, the first of 8.
fn disk() -> Disk {
    Disk::new(Config {
        file_bytes: 64 * BLOCK,
        first_file_bytes: 8 * BLOCK,
        max_files: 6,
        slab_bytes: 4096,
        max_commit_bytes: 2 * BLOCK,
        max_frame_bytes: 4 * BLOCK,
        ..Config::default()
    })
}

fn limit(sim: &SimHandle, blocks: Option<u64>) {
    sim.change_options(|options| options.space = blocks.map(|blocks| blocks * BLOCK));
}

fn sizes(sim: &SimHandle) -> Vec<u64> {
    let mut names: Vec<String> = sim.files().into_iter().filter(|name| !name.ends_with(".new")).collect();
    names.sort();
    names.iter().map(|name| sim.read(name).expect("there").len() as u64 / BLOCK).collect()
}

/// Appends until it is taken, at most so many turns; everything is settled at once. Answers the last refusal.
fn append(open: &mut Open, turns: u32) -> Option<JournalError> {
    let mut refused = None;
    for _ in 0..turns {
        match open.append(Request::DURABLE) {
            Ok(_) => {
                open.settle_down();
                let durable = open.journal.durable();
                open.journal.settled(durable);
                return refused;
            }
            Err(error) => refused = Some(error),
        }
        open.turn();
        let until = open.journal.next_deadline().map(|at| at.saturating_sub(open.io.now_ns()).max(1));
        open.io.wait(until);
    }
    panic!("it is refused for ever: {refused:?}");
}

#[test]
fn a_file_that_does_not_fit_is_made_smaller_and_settled_ones_are_used_again() {
    let mut disk = disk();
    let (mut open, _) = disk.open();
    limit(&disk.sim, Some(30));
    for _ in 0..400 {
        append(&mut open, 1_000);
    }
    let counters = open.journal.counters();
    assert!(counters.laps > 20, "{counters:?}");
    assert_eq!(sizes(&disk.sim), [8, 16], "the first one, and half of half of the size");
    assert!(counters.new_files == 1, "{counters:?}");
    let last = open.journal.appended();
    drop(open);
    disk.sim.kill_process();
    disk.checkpoint = last - 3;
    let (_, seen) = disk.open();
    assert!(seen.report.damage.is_empty(), "{:?}", seen.report);
    assert_eq!(seen.report.last_lsn, last, "smaller files are found again");
}

#[test]
fn files_have_their_full_size_again_when_there_is_space() {
    let mut disk = disk();
    let (mut open, _) = disk.open();
    limit(&disk.sim, Some(17));
    for _ in 0..20 {
        append(&mut open, 1_000);
    }
    assert_eq!(sizes(&disk.sim), [8, 8]);
    limit(&disk.sim, None);
    disk.sim.advance(60_000_000_000);
    // Nothing is settled: more files are needed.
    for _ in 0..60 {
        open.append(Request::DURABLE).expect("there is always another file");
        open.settle_down();
        if sizes(&disk.sim).contains(&64) {
            return;
        }
    }
    panic!("no file of the full size: {:?}", sizes(&disk.sim));
}
