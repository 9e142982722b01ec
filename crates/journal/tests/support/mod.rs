//! Crash runs over the simulated disk: a random workload, a power cut or a kill at a random moment, recovery, and a
//! model that knows what may be missing. One seed decides everything.
//!
//! What it is not: a test. `crash.rs` runs it on honest code, `planted.rs` on code with a known bug.
//!
//! The one invariant: the model believes only what a caller of the journal could see.

pub mod life;
pub mod model;
pub mod plan;

use std::path::PathBuf;

/// A broken promise, in words, with what is needed to see it again.
#[derive(Debug)]
pub struct Violation {
    pub what: String,
}

pub type Checked<T> = Result<T, Violation>;

/// Fails the run when a promise does not hold.
pub fn ensure(holds: bool, what: impl FnOnce() -> String) -> Checked<()> {
    if holds { Ok(()) } else { Err(Violation { what: what() }) }
}

/// How many seeds a test runs: `MILLRACE_SEEDS`, or its own number.
pub fn seeds(default: u64) -> u64 {
    std::env::var("MILLRACE_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// The seeds to run: all of them, or the one in `MILLRACE_SEED`.
pub fn seed_range(default: u64) -> std::ops::Range<u64> {
    match std::env::var("MILLRACE_SEED").ok().and_then(|text| text.parse::<u64>().ok()) {
        Some(seed) => seed..seed + 1,
        None => 0..seeds(default),
    }
}

/// Runs one seed after the other; the first violation ends the test with the command that replays it.
pub fn run_all(test: &str, default: u64, run: impl Fn(u64) -> Checked<()>) {
    for seed in seed_range(default) {
        if let Err(violation) = run(seed) {
            panic!(
                "seed {seed}: {}\nreplay: MILLRACE_SEED={seed} cargo test -p millrace-journal --test crash {test}",
                violation.what
            );
        }
    }
}

/// `journal/00000001` as the simulated disk knows it.
pub fn file(number: u32) -> PathBuf {
    millrace_journal::file_path(number)
}
