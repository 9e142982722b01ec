//! Readers that go through sealed data in order are read ahead of: few operations, nothing wrong, one budget, and nothing
//! of it in the way of others.

#[path = "support/ahead/mod.rs"]
mod ahead;
#[path = "support/compaction/client.rs"]
mod client;
mod support;

use ahead::*;
use millrace_engine::{Code, Effect, Engine, EngineConfig, Isolation, Read};
use millrace_io::{DriverChoice, Io, Limits, SimHandle};
use std::collections::BTreeMap;
use std::path::PathBuf;
use support::*;

/// Until nothing is left to do of what was appended.
fn rest(engine: &mut Engine) {
    let mut quiet = 0;
    drive(engine, |engine| {
        quiet = if engine.io().in_flight() == 0 { quiet + 1 } else { 0 };
        quiet > 8
    });
}

/// A directory that goes with its test.
struct Root(PathBuf);

impl Root {
    fn new(name: &str) -> Root {
        let name = format!("ahead-{name}-{}", std::process::id());
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = std::fs::remove_dir_all(&path);
        Root(path)
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// 16 MiB are replayed 64 KiB at a time: the device is asked at most twice a MiB, reads little that nobody gets, and
/// neither the page cache nor the tail has more or less than before.
fn replays_in_few_reads(io: Io, root: Option<&Root>) {
    let (mut engine, expected) = filled(io, sizes(), &[1], 512, 32 << 10);
    rest(&mut engine);
    let (before, tail) = (engine.counters(), engine.tail_bytes());
    let found = follow(&mut engine, 1, 0, 64 * KIB, usize::MAX);
    assert_same(&found, &expected);
    let after = engine.counters();
    let cold = after.cold_bytes - before.cold_bytes;
    let reads = after.cold_reads - before.cold_reads;
    assert!(cold >= 10 * MIB, "the test is about sealed data, not {cold} bytes");
    assert!(reads * MIB <= 2 * cold, "{reads} reads of {cold} bytes");
    assert!(cold <= 17 * MIB, "{cold} bytes were read of 16 MiB");
    assert!(after.ahead.answers > 0 && after.ahead.held <= 16 * MIB, "{after:?}");
    assert_eq!(engine.tail_bytes(), tail, "reading takes nothing from the tail");
    let last = expected.len() as i64 - 1;
    assert!(
        matches!(engine.read(1, last, 1, Isolation::ReadUncommitted), Read::Ready(pieces) if pieces.len() == 1),
        "what is hot stays hot"
    );
    if let Some(root) = root.filter(|_| engine.io().report().direct) {
        for entry in std::fs::read_dir(root.0.join("segments")).expect("listed") {
            let name = entry.expect("listed").file_name().into_string().expect("ours");
            let residency = engine.io().residency(format!("segments/{name}")).expect("it is there");
            assert!(name.ends_with(".index") || residency.resident_bytes == 0, "{name}: {residency:?}");
        }
    }
}

#[test]
fn a_replay_asks_the_device_twice_a_mib_at_most_on_the_simulated_disk() {
    replays_in_few_reads(Io::sim(machine(1)), None);
}

#[test]
fn a_replay_asks_the_device_twice_a_mib_at_most_and_leaves_the_page_cache_alone_with_threads() {
    let root = Root::new("pool");
    let io = Io::open(&root.0, DriverChoice::Pool, Limits::default()).expect("the pool opens");
    replays_in_few_reads(io, Some(&root));
}

#[test]
fn a_replay_asks_the_device_twice_a_mib_at_most_and_leaves_the_page_cache_alone_with_the_best_driver() {
    let root = Root::new("auto");
    let io = Io::open(&root.0, DriverChoice::Auto, Limits::default()).expect("a driver opens");
    replays_in_few_reads(io, Some(&root));
}

#[test]
fn without_memory_for_it_nothing_is_read_ahead_and_everything_is_read() {
    let config = EngineConfig { read_ahead_bytes: 0, ..sizes() };
    let (mut engine, expected) = filled(Io::sim(machine(2)), config, &[1], 200, 32 << 10);
    assert_same(&follow(&mut engine, 1, 0, 64 * KIB, usize::MAX), &expected);
    assert_eq!(engine.counters().ahead, Default::default());
}

#[test]
fn batches_of_any_size_come_whole_and_in_order_across_windows_and_ranges() {
    for (seed, bytes, most) in
        [(3, 700, 3_000), (4, 9_001, 20_000), (5, 300_007, MIB), (6, 700_001, 2_000_000)]
    {
        let batches = (12 * MIB) / bytes as u64;
        let batches = batches.min(1_500);
        let (mut engine, expected) = filled(Io::sim(machine(seed)), sizes(), &[1], batches, bytes);
        assert_same(&follow(&mut engine, 1, 0, most, usize::MAX), &expected);
        let config = EngineConfig { bulk_bytes: 32 * KIB, read_ahead_bytes: 6 * MIB, ..sizes() };
        let (mut engine, expected) = filled(Io::sim(machine(seed)), config, &[1], batches, bytes);
        assert_same(&follow(&mut engine, 1, 0, most, usize::MAX), &expected);
        assert!(bytes < 9_000 || engine.counters().ahead.answers > 0, "batches of {bytes}");
    }
}

#[test]
fn a_reader_that_is_gone_or_reads_elsewhere_costs_no_memory_after_a_while() {
    let machine = machine(7);
    let (mut engine, expected) = filled(Io::sim(machine.clone()), sizes(), &[1], 400, 32 << 10);
    follow(&mut engine, 1, 0, 64 * KIB, 40);
    drive(&mut engine, |engine| engine.io().in_flight() == 0);
    assert!(engine.counters().ahead.held > 0, "windows are ahead of it");
    let elsewhere = follow(&mut engine, 1, 200, 64 * KIB, 20);
    assert_same(&elsewhere[..20], &expected[200..220]);
    drive(&mut engine, |engine| engine.counters().ahead.held == 0);
    assert!(engine.counters().ahead.unread > 0);
    assert_same(&follow(&mut engine, 1, 20, 64 * KIB, 10)[..10], &expected[20..30]);
    engine.close_begin();
    drive(&mut engine, |engine| engine.is_closed());
}

#[test]
fn a_partition_that_is_deleted_while_it_is_read_ahead_is_gone_and_nothing_waits_for_it() {
    let (mut engine, _) = filled(Io::sim(machine(8)), sizes(), &[1, 2], 200, 32 << 10);
    follow(&mut engine, 1, 0, 64 * KIB, 8);
    let end = 8;
    let token = match engine.read(1, end, 4 * MIB, Isolation::ReadUncommitted) {
        Read::Pending(token) => Some(token),
        Read::Ready(_) => None,
        Read::Refused(code) => panic!("{code:?}"),
    };
    engine.turn();
    let (committed, _) = commit(&mut engine, &[Effect::DeletePartition { partition: 1 }]);
    assert_eq!(committed.code, Code::Ok);
    if let Some(token) = token {
        let mut finished = Vec::new();
        drive(&mut engine, |engine| {
            engine.take_finished(&mut finished);
            finished.iter().any(|(done, _)| *done == token)
        });
    }
    assert!(matches!(engine.read(1, end, MIB, Isolation::ReadUncommitted), Read::Refused(_)));
    assert_eq!(follow(&mut engine, 2, 0, 64 * KIB, usize::MAX).len(), 200);
    engine.close_begin();
    drive(&mut engine, |engine| engine.is_closed());
}

#[test]
fn an_engine_closes_while_windows_are_read_and_answers_everybody() {
    let (mut engine, _) = filled(Io::sim(machine(9)), sizes(), &[1], 400, 32 << 10);
    let mut offset = 0;
    for _ in 0..6 {
        let pieces = read(&mut engine, 1, offset, 64 * KIB).expect("readable");
        offset = end_of(pieces.last().expect("something").bytes());
    }
    let mut tokens = 0;
    for start in [offset, 100, 200] {
        let answer = engine.read(1, start, 64 * KIB, Isolation::ReadUncommitted);
        tokens += usize::from(matches!(answer, Read::Pending(_)));
    }
    engine.close_begin();
    let mut finished = Vec::new();
    drive(&mut engine, |engine| {
        engine.take_finished(&mut finished);
        engine.is_closed()
    });
    assert_eq!(finished.len(), tokens);
    assert_eq!(engine.counters().ahead.held, 0);
}

/// A host turns again at once while there is something to begin; what waits for the device is told by a completion.
#[test]
fn no_turn_is_asked_for_while_a_file_is_being_opened_for_a_window() {
    let (mut engine, expected) = filled(Io::sim(machine(10)), sizes(), &[1], 512, 32 << 10);
    rest(&mut engine);
    let (mut offset, mut turns, mut most) = (0, 0, 0);
    while offset < 400 {
        let pieces = read(&mut engine, 1, offset, 64 * KIB).expect("readable");
        offset = end_of(pieces.last().expect("something").bytes());
        let mut now = 0;
        while engine.reads_ahead() && now < 100 {
            engine.turn();
            now += 1;
        }
        (turns, most) = (turns + now, most.max(now));
    }
    assert!(turns > 0 && most <= 2, "{turns} turns, {most} at once for {} batches", expected.len());
}

/// Reads every offset of partition 1 in order; answers the batches, and the offsets that were damaged.
fn survivors(engine: &mut Engine, batches: i64, most: u64) -> (BTreeMap<i64, Vec<u8>>, Vec<i64>) {
    let (mut found, mut lost, mut offset) = (BTreeMap::new(), Vec::new(), 0);
    while offset < batches {
        match read(engine, 1, offset, most) {
            Ok(pieces) => {
                for piece in pieces {
                    assert_eq!(end_of(piece.bytes()), offset + 1, "in order");
                    found.insert(offset, piece.bytes().to_vec());
                    offset += 1;
                }
            }
            Err(code) => {
                assert_eq!(code, Code::Damaged);
                lost.push(offset);
                offset += 1;
            }
        }
    }
    (found, lost)
}

/// Where a batch lies: file and position.
fn place(machine: &SimHandle, batch: &[u8]) -> (String, u64) {
    let files = machine.files().into_iter().filter(|name| name.contains("segments/"));
    let mut found = files.filter_map(|name| {
        let bytes = machine.read(&name)?;
        let at = bytes.windows(64).position(|window| window == &batch[..64])?;
        (bytes[at..].len() >= batch.len()).then_some((name, at as u64))
    });
    found.next().expect("the batch is in a segment")
}

#[test]
fn bytes_that_the_device_cannot_read_cost_the_batches_they_lie_in_and_no_other() {
    for (seed, batch, inside) in [(10, 90, 10_000), (11, 91, 0), (12, 150, 29_000)] {
        let machine = machine(seed);
        let (mut engine, expected) = filled(Io::sim(machine.clone()), sizes(), &[1], 450, 30_000);
        let (file, position) = place(&machine, &expected[batch]);
        let block = (position + inside) / 4096 * 4096;
        assert!(machine.spoil(&file, block, 4096));
        let (found, lost) = survivors(&mut engine, 450, 256 * KIB);
        let touched: Vec<i64> = (0..450)
            .filter(|number| {
                let start = (position as i64 + (number - batch as i64) * expected[0].len() as i64) as u64;
                start < block + 4096 && block < start + expected[0].len() as u64
            })
            .collect();
        assert!(!touched.is_empty() && touched.len() <= 2);
        assert_eq!(lost, touched, "seed {seed}");
        for (offset, bytes) in &found {
            assert!(*bytes == expected[*offset as usize], "offset {offset}");
        }
        let damage = engine.take_damage();
        assert!(
            damage
                .iter()
                .all(|damage| file.ends_with(&damage.file) && damage.position.abs_diff(block) < 64 * KIB)
        );
        assert!(!damage.is_empty() && engine.events().failure.is_none());
    }
}

#[test]
fn a_bit_that_flips_inside_a_window_is_never_served_and_costs_only_its_own_batch() {
    for (seed, batch, inside) in [(13, 90, 0), (14, 91, 17), (15, 120, 20_000), (16, 130, 100)] {
        let machine = machine(seed);
        let (mut engine, expected) = filled(Io::sim(machine.clone()), sizes(), &[1], 450, 30_000);
        let (file, position) = place(&machine, &expected[batch]);
        assert!(machine.flip_bit(&file, position + inside, 2));
        let (found, lost) = survivors(&mut engine, 450, 256 * KIB);
        assert_eq!(lost, [batch as i64], "seed {seed}");
        for (offset, bytes) in &found {
            assert!(*bytes == expected[*offset as usize], "offset {offset}");
        }
        let damage = engine.take_damage();
        assert!(
            damage.iter().all(|damage| file.ends_with(&damage.file) && damage.position == position),
            "{damage:?}"
        );
    }
}

#[test]
fn a_thousand_readers_at_places_of_their_own_keep_to_one_budget_and_each_reads_what_is_there() {
    many_readers_keep_to_the_budget();
}

#[test]
fn a_reader_in_order_passes_a_range_that_compaction_has_emptied() {
    a_reader_passes_an_emptied_range();
}
