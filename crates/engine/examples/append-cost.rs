//! What one append of a small batch costs the engine itself: `commit` calls alone, group commits of 128, real disk.
//!
//!     cargo run --release -p millrace-engine --example append-cost -- [directory]

#[path = "../tests/support/mod.rs"]
mod support;

use millrace_engine::{Append, Code, Effect, Engine, Level};
use millrace_io::{DriverChoice, Io, Limits};
use std::time::{Duration, Instant};
use support::{config, create};

const APPENDS: u64 = 400_000;
const GROUP: u64 = 128;

fn main() {
    let directory = std::env::args().nth(1).map_or_else(std::env::temp_dir, Into::into);
    let directory = directory.join(format!("millrace-append-cost-{}", std::process::id()));
    let io = Io::open(&directory, DriverChoice::Auto, Limits::default()).expect("a driver opens");
    let mut config = config();
    (config.journal_file_bytes, config.journal_files) = (64 << 20, 8);
    (config.memory_bytes, config.settle_bytes) = (256 << 20, 64 << 20);
    (config.own_segment_bytes, config.segment_bytes) = (1 << 20, 256 << 20);
    let (mut engine, _) = Engine::open(io, config).expect("the engine opens");
    create(&mut engine, &[1]);
    let batch = support::filler(1, 128 - 72);
    let mut outcomes = Vec::new();
    let (mut inside, mut done, mut turns) = (Duration::ZERO, 0, 0u64);
    let begun = Instant::now();
    while done < APPENDS {
        let at = Instant::now();
        let mut lsn = 0;
        for _ in 0..GROUP {
            let effect = Effect::Append(Append::new(1, &batch));
            let committed = engine.commit(&[effect], Level::Durable, &mut outcomes);
            if committed.code == Code::Ok {
                (lsn, done) = (committed.lsn, done + 1);
            }
        }
        inside += at.elapsed();
        while engine.events().durable < lsn {
            engine.turn();
            turns += 1;
            if engine.events().durable < lsn {
                engine.wait(Some(1_000_000));
            }
        }
    }
    let whole = begun.elapsed();
    let counters = engine.counters();
    println!(
        "{} B batch: {:.0} ns per append inside commit, {:.0} ns per append in all ({:.0} appends/s), {} settles, {turns} turns",
        batch.len(),
        inside.as_nanos() as f64 / APPENDS as f64,
        whole.as_nanos() as f64 / APPENDS as f64,
        APPENDS as f64 / whole.as_secs_f64(),
        counters.settles
    );
    drop(engine);
    std::fs::remove_dir_all(directory).expect("removed");
}
