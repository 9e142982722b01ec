//! A toy log on the simulated disk: thousands of power cuts, and the planted bugs of this crate, which it must find.

use millrace_io::planted::PlantedBug;
use millrace_io::sim::Random;
use millrace_io::{BLOCK, Done, FileId, Io, Op, OpenMode, Piece, SimHandle, SimOptions};

const RECORD_BLOCKS: usize = 3;

/// Creates a log, appends records and acknowledges each once it is flushed, until the power goes. Returns how many
/// were acknowledged; `None` when the log's own creation was not.
fn append_until_cut(sim: &SimHandle) -> Option<usize> {
    let mut io = Io::sim(sim.clone());
    let opened = io.run(Op::Open { path: "log".into(), mode: OpenMode::CreateDirect }).ok()?;
    let Done::Opened { file, .. } = opened else { unreachable!("an open opens") };
    io.run(Op::SyncDirectory { path: "".into() }).ok()?;
    let mut acknowledged = 0;
    while append(&mut io, file, acknowledged).is_some() {
        acknowledged += 1;
    }
    Some(acknowledged)
}

fn append(io: &mut Io, file: FileId, number: usize) -> Option<()> {
    let position = (number * RECORD_BLOCKS * BLOCK) as u64;
    let pieces = vec![Piece::copy_of(&record(number))];
    // Odd records use a durable write, even ones a write and a flush.
    let durable = number % 2 == 1;
    io.run(Op::Write { file, position, pieces, durable }).ok()?;
    if !durable {
        io.run(Op::Sync { file }).ok()?;
    }
    Some(())
}

/// Every sector differs from every other one, of this record and of others.
fn record(number: usize) -> Vec<u8> {
    let sectors = RECORD_BLOCKS * BLOCK / 512;
    (1..=sectors).flat_map(|sector| [((number * sectors + sector) % 251) as u8 + 1; 512]).collect()
}

/// What is missing after a cut, if anything is.
fn violation(options: SimOptions) -> Option<String> {
    let sim = SimHandle::new(options);
    let acknowledged = append_until_cut(&sim)?;
    assert!(sim.is_cut(), "only a power cut ends the run");
    let Some(bytes) = sim.read("log") else {
        return Some(format!("the log is gone with {acknowledged} records"));
    };
    let length = RECORD_BLOCKS * BLOCK;
    let whole =
        |number: &usize| bytes.get(number * length..(number + 1) * length) == Some(&record(*number)[..]);
    let lost = (0..acknowledged).find(|number| !whole(number));
    lost.map(|number| format!("record {number} of {acknowledged} is lost"))
}

/// A run per seed: random options, and a cut at a random event.
fn options(seed: u64, planted: Option<PlantedBug>) -> SimOptions {
    let cut_at = Some(Random::new(seed).between(1, 60));
    SimOptions { cut_at, planted, ..SimOptions::random(seed) }
}

fn first_violation(seeds: std::ops::Range<u64>, planted: Option<PlantedBug>) -> Option<String> {
    seeds.into_iter().find_map(|seed| {
        let options = options(seed, planted);
        violation(options.clone()).map(|what| format!("{what}: {options}"))
    })
}

#[test]
fn acknowledged_records_survive_ten_thousand_power_cuts() {
    assert_eq!(first_violation(0..10_000, None), None);
}

#[test]
fn a_flush_before_a_short_write_was_continued_is_found() {
    let found = first_violation(0..2_000, Some(PlantedBug::FlushBeforeShortWriteContinued));
    assert!(found.is_some_and(|what| what.contains("is lost")));
}

#[test]
fn a_directory_sync_that_is_left_out_is_found() {
    let found = first_violation(0..2_000, Some(PlantedBug::DirectorySyncLeftOut));
    assert!(found.is_some_and(|what| what.contains("the log is gone")));
}

#[test]
fn a_cut_at_every_event_of_one_history_loses_nothing() {
    for cut_at in 1..200 {
        let options = SimOptions { cut_at: Some(cut_at), ..SimOptions::random(3) };
        assert_eq!(violation(options.clone()), None, "{options}");
    }
}
