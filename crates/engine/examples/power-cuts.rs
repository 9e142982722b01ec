//! Any number of simulated power cuts and faults through the engine, by one command:
//!
//!     cargo run --release -p millrace-engine --example power-cuts -- --cuts 200000 --faults 2000000 --seed 1
//!     cargo run --release -p millrace-engine --example power-cuts -- --cuts 10000000 --seed 1 --state cuts.state
//!
//! What it is not: the running of seeds, and the keeping of totals (`lane/mod.rs`).

#[path = "../tests/support/crash/mod.rs"]
mod crash;
mod lane;

use crash::{Plan, Plant, Tally};
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
        Tally::faults(self)
    }
}

fn main() -> ExitCode {
    lane::main(&Subject {
        name: "power-cuts",
        run: |seed| crash::run(seed, Plant::Nothing),
        plan: |seed| Plan::draw(seed, Plant::Nothing).to_string(),
    })
}
