//! 10,000 partitions in one engine: what they cost in files, memory and bytes of a checkpoint. `benches/partitions-100k.ts`
//! has ten times as many, and times.

mod support;

use millrace_engine::{Append, Code, Effect, Engine, EngineConfig, Level};
use millrace_io::{DriverChoice, Io, Limits};
use std::alloc::{GlobalAlloc, Layout, System};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use support::{config, drive, filler};

const PARTITIONS: u64 = 10_000;
const FRAME: u64 = 1_000;

/// Counts the bytes that are allocated.
struct Counting;

static LIVE: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call goes to the system's allocator unchanged; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promises are those of the system's allocator.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn many() -> EngineConfig {
    EngineConfig {
        journal_file_bytes: 4 << 20,
        memory_bytes: 1 << 20,
        settle_bytes: 128 << 10,
        own_segment_bytes: 1 << 20,
        segment_bytes: 16 << 20,
        ..config()
    }
}

fn commit(engine: &mut Engine, effects: &[Effect<'_>]) {
    loop {
        let committed = engine.commit(effects, Level::Durable, &mut Vec::new());
        match committed.code {
            Code::Ok => return drive(engine, |engine| engine.events().durable >= committed.lsn),
            Code::Busy => drive(engine, |_| true),
            code => panic!("refused: {code:?}"),
        }
    }
}

/// Every partition gets one of these effects, a thousand in a frame.
fn to_all<'a>(engine: &mut Engine, effect: impl Fn(u64) -> Effect<'a>) {
    for first in (1..=PARTITIONS).step_by(FRAME as usize) {
        let effects: Vec<Effect<'a>> = (first..first + FRAME).map(&effect).collect();
        commit(engine, &effects);
    }
}

/// Appends to one partition until so many settles more are published.
fn settle(engine: &mut Engine, settles: u64, batch: &[u8]) {
    let until = engine.counters().settles + settles;
    while engine.counters().settles < until {
        commit(engine, &[Effect::Append(Append::new(7, batch))]);
    }
}

fn files(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries.map(|path| if path.is_dir() { files(&path) } else { 1 }).sum()
}

#[test]
fn partitions_cost_no_files_little_memory_and_nothing_of_a_checkpoint_that_others_need() {
    let folder = std::env::temp_dir().join(format!("millrace-many-{}", std::process::id()));
    let io = Io::open(&folder, DriverChoice::Pool, Limits::default()).expect("a directory");
    let (mut engine, _) = Engine::open(io, many()).expect("it opens");
    let (batch, large) = (filler(1, 100), filler(2, 16 << 10));
    let before = LIVE.load(Ordering::Relaxed);
    to_all(&mut engine, |partition| Effect::CreatePartition { partition });
    to_all(&mut engine, |partition| Effect::Append(Append::new(partition, &batch)));
    settle(&mut engine, 1, &large);
    let each = (LIVE.load(Ordering::Relaxed) - before) as u64 / PARTITIONS;
    println!("{each} bytes of memory for a partition with a settled record");
    assert!(each <= 1_500, "{each} bytes of memory for each partition");
    let count = files(&folder);
    println!("{count} files");
    assert!(count <= 40, "{count} files");

    // A base may be due once, whatever it is that is settled.
    let whole = std::fs::metadata(folder.join("manifest")).expect("a base").len().max(PARTITIONS * 150);
    let written = engine.counters().manifest_bytes;
    settle(&mut engine, 50, &large);
    let checkpoints = engine.counters().manifest_bytes - written;
    println!("{checkpoints} bytes of manifest for 50 checkpoints, a base has {whole}");
    assert!(checkpoints <= 50 * 8_192 + whole, "{checkpoints} bytes of manifest for 50 checkpoints");

    drop(engine);
    let io = Io::open(&folder, DriverChoice::Pool, Limits::default()).expect("the directory");
    let (engine, account) = Engine::open(io, many()).expect("it opens again");
    assert_eq!((account.partitions, account.damage.len()), (PARTITIONS, 0));
    drop(engine);
    std::fs::remove_dir_all(&folder).expect("removed");
}
