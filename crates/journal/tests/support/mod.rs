//! Crash runs over the simulated disk: a random workload, a power cut or a kill at a random moment, recovery, and a
//! model that knows what may be missing. One seed decides everything.
//!
//! What it is not: a test. `crash.rs` runs it on honest code, `planted.rs` on code with a known bug.
//!
//! The one invariant: the model believes only what a caller of the journal could see.

#![allow(dead_code, reason = "each test file uses its own part")]

pub mod disk;
pub mod life;
pub mod model;
pub mod plan;

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

/// What runs have met, so that a test can show that it tested something.
#[derive(Clone, Copy, Debug, Default)]
pub struct Exercised {
    pub seeds: u64,
    pub cuts: u64,
    pub laps: u64,
    pub poisonings: u64,
    /// Frames acknowledged as written that a power cut took, as their policy allowed.
    pub lost_written: u64,
}

impl Exercised {
    fn add(&mut self, run: Exercised) {
        self.seeds += 1;
        self.cuts += run.cuts;
        self.laps += run.laps;
        self.poisonings += run.poisonings;
        self.lost_written += run.lost_written;
    }

    /// A single replayed seed need not meet everything.
    pub fn check(&self, enough: impl FnOnce(&Exercised) -> bool) {
        println!("{self:?}");
        assert!(self.seeds < 100 || enough(self), "the runs did not meet what they are there for: {self:?}");
    }
}

/// Runs one seed after the other; the first violation ends the test with the command that replays it.
pub fn run_all(test: &str, default: u64, run: impl Fn(u64) -> Checked<Exercised>) -> Exercised {
    let mut sum = Exercised::default();
    for seed in seed_range(default) {
        let replay = Replay { test, seed };
        match run(seed) {
            Ok(run) => sum.add(run),
            Err(violation) => panic!("seed {seed}: {}", violation.what),
        }
        drop(replay);
    }
    sum
}

/// Prints how to see a failure again, whether a promise was broken or an assertion of the journal failed.
struct Replay<'a> {
    test: &'a str,
    seed: u64,
}

impl Drop for Replay<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let Replay { test, seed } = self;
            println!("replay: MILLRACE_SEED={seed} cargo test -p millrace-journal --test crash {test}");
        }
    }
}
