//! Any number of simulated power cuts through stores, by one command:
//!
//!     cargo run --release -p millrace-engine --example store-cuts -- --cuts 100000 --seed 1 --state stores.state
//!
//! What it is not: the running of seeds, and the keeping of totals (`lane/mod.rs`). Hints are damaged in every second life.

#[path = "../tests/support/kv/mod.rs"]
mod kv;
mod lane;

use kv::cuts::{Tally, run};
use lane::{Counts, Subject};
use std::process::ExitCode;

impl Counts for Tally {
    fn places(&mut self) -> Vec<(&'static str, &mut u64)> {
        Tally::places(self).into()
    }

    fn cuts(&self) -> u64 {
        self.cuts
    }

    fn faults(&self) -> u64 {
        0
    }
}

fn spoils_hints(seed: u64) -> bool {
    seed.is_multiple_of(2)
}

fn main() -> ExitCode {
    lane::main(&Subject {
        name: "store-cuts",
        run: |seed| run(seed, spoils_hints(seed)),
        plan: |seed| format!("hints damaged: {}", spoils_hints(seed)),
    })
}
