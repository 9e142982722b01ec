//! Any number of simulated power cuts through the engine, by one command:
//!
//!     cargo run --release -p millrace-engine --example power-cuts -- --cuts 1000000 --seed 1
//!
//! Prints what was done; a violation prints its seed and the command that replays it, and the exit code is 1.

#[path = "../tests/support/crash/mod.rs"]
mod crash;

use crash::{Plan, Plant, Tally};
use std::process::ExitCode;

fn argument(name: &str, otherwise: u64) -> Result<u64, String> {
    let mut arguments = std::env::args().skip_while(|argument| argument != name);
    match (arguments.next(), arguments.next()) {
        (None, _) => Ok(otherwise),
        (Some(_), Some(text)) => text.parse().map_err(|_| format!("{name} takes a number, not {text}")),
        (Some(_), None) => Err(format!("{name} takes a number")),
    }
}

fn main() -> ExitCode {
    let (cuts, seed) = match (argument("--cuts", 20_000), argument("--seed", 1)) {
        (Ok(cuts), Ok(seed)) => (cuts, seed),
        (Err(error), _) | (_, Err(error)) => {
            eprintln!("{error}");
            return ExitCode::from(2);
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    let begun = std::time::Instant::now();
    let runs: Vec<_> = (0..threads)
        .map(|thread| {
            // Seeds of one thread follow each other, so `--seed N --cuts 1` replays seed N.
            let first = seed + thread * 1_000_000_000;
            std::thread::spawn(move || crash::run_many(first, cuts.div_ceil(threads), Plant::Nothing))
        })
        .collect();
    let mut tally = Tally::default();
    let mut failed = false;
    for run in runs {
        match run.join() {
            Ok(Ok((part, _))) => tally.add(&part),
            Ok(Err((seed, violation))) => {
                failed = true;
                println!("seed {seed}: {violation}\n{}", Plan::draw(seed, Plant::Nothing));
                println!(
                    "replay: cargo run -p millrace-engine --example power-cuts -- --cuts 1 --seed {seed}"
                );
            }
            Err(_) => {
                failed = true;
                println!("an assertion stopped a run; its message above names the place");
            }
        }
    }
    let seconds = begun.elapsed().as_secs_f64();
    println!("{tally:?}");
    println!("{:.0} power cuts a second, from seed {seed}", tally.cuts as f64 / seconds);
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
