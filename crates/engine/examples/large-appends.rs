//! What large batches cost: durable appends of one size, some in flight at a time, to several partitions, real disk.
//! Each size is measured with bulk files and without, in turn.
//!
//!     cargo run --release -p millrace-engine --example large-appends -- [directory] [seconds] [in flight] [bytes ...]

#[path = "../tests/support/mod.rs"]
mod support;

use millrace_engine::{Append, Code, Effect, Engine, Level};
use millrace_io::{DriverChoice, Io, Limits};
use std::collections::VecDeque;
use std::path::Path;
use std::time::{Duration, Instant};
use support::{config, create};

const PARTITIONS: u64 = 4;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let directory = arguments.next().map_or_else(std::env::temp_dir, Into::into);
    let seconds = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(2.0);
    let in_flight = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(20);
    let mut sizes: Vec<usize> = arguments.filter_map(|text| text.parse().ok()).collect();
    if sizes.is_empty() {
        sizes = vec![16 << 10, 32 << 10, 64 << 10, 128 << 10, 256 << 10, 1 << 20];
    }
    for bytes in sizes {
        for bulk_bytes in [0, 1, 0, 1] {
            run(&directory, Duration::from_secs_f64(seconds), in_flight, bytes, bulk_bytes);
        }
    }
}

fn run(directory: &Path, time: Duration, in_flight: usize, bytes: usize, bulk_bytes: u64) {
    let directory = directory.join(format!("millrace-large-appends-{}", std::process::id()));
    let io = Io::open(&directory, DriverChoice::Auto, Limits::default()).expect("a driver opens");
    let mut config = config();
    (config.journal_file_bytes, config.journal_files) = (64 << 20, 16);
    (config.memory_bytes, config.settle_bytes) = (256 << 20, 64 << 20);
    (config.own_segment_bytes, config.segment_bytes) = (1 << 20, 256 << 20);
    let batch = support::filler(1, bytes - 72);
    config.bulk_bytes = bulk_bytes * batch.len() as u64;
    let (mut engine, _) = Engine::open(io, config).expect("the engine opens");
    create(&mut engine, &(1..=PARTITIONS).collect::<Vec<_>>());
    // Files are made and memory is touched before anything counts.
    drive(&mut engine, &batch, in_flight, time / 2);
    let before = (engine.counters(), cpu());
    let begun = Instant::now();
    let mut latencies = drive(&mut engine, &batch, in_flight, time);
    let elapsed = begun.elapsed().as_secs_f64();
    latencies.sort_unstable();
    let appends = latencies.len();
    let at = |share: f64| latencies[((appends - 1) as f64 * share) as usize].as_micros();
    let after = (engine.counters(), cpu());
    let written = (after.0.journal.written_bytes - before.0.journal.written_bytes) as f64;
    let gigabytes = appends as f64 * bytes as f64 / 1e9;
    println!(
        "{:>5} KiB, {}: {:>5.0} MB/s, {:.2} CPU s/GB, p50 {} us, p99 {} us, {} settles, journal and bulk {:.2} GB",
        bytes >> 10,
        if bulk_bytes > 0 { "bulk files" } else { "journal   " },
        gigabytes * 1e3 / elapsed,
        (after.1 - before.1) / gigabytes,
        at(0.5),
        at(0.99),
        after.0.settles - before.0.settles,
        written / 1e9,
    );
    drop(engine);
    std::fs::remove_dir_all(directory).expect("removed");
}

/// Appends for a while; answers how long each append took to be durable.
fn drive(engine: &mut Engine, batch: &[u8], in_flight: usize, time: Duration) -> Vec<Duration> {
    let (mut waiting, mut outcomes) = (VecDeque::<(u64, Instant)>::new(), Vec::new());
    let (mut sent, mut latencies) = (0u64, Vec::new());
    let begun = Instant::now();
    while begun.elapsed() < time || !waiting.is_empty() {
        while waiting.len() < in_flight && begun.elapsed() < time {
            let effect = Effect::Append(Append::new(1 + sent % PARTITIONS, batch));
            let at = Instant::now();
            let committed = engine.commit(&[effect], Level::Durable, &mut outcomes);
            if committed.code != Code::Ok {
                break;
            }
            sent += 1;
            waiting.push_back((committed.lsn, at));
        }
        let durable = engine.turn().durable;
        let before = latencies.len();
        while let Some((_, at)) = waiting.front().filter(|(lsn, _)| *lsn <= durable) {
            latencies.push(at.elapsed());
            waiting.pop_front();
        }
        if latencies.len() == before {
            engine.wait(Some(1_000_000));
        }
    }
    latencies
}

/// CPU time of this process in seconds, kernel's share included.
fn cpu() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").expect("proc is mounted");
    let fields: Vec<&str> = text.rsplit(')').next().unwrap_or("").split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}
