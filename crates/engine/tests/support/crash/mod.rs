//! Power cuts and kills of a whole engine on a simulated machine, checked against a model.
//!
//! What it is not: a test by itself; `tests/power_cut.rs` and `examples/power-cuts.rs` run it.
//!
//! One seed is one machine with random options that is opened, worked on and cut again and again. After every cut what
//! comes back must be the state after some prefix of the frames, and that prefix may lose only what the policy and the
//! levels allow (DESIGN section 3).

#![allow(dead_code, reason = "the test and the example use different parts")]

mod account;
mod draw;
mod life;
mod model;
mod options;
mod retention;

#[path = "../../../../log/tests/support/batches.rs"]
pub mod batches;

pub use draw::Draw;
pub use options::{Plan, Plant};

use life::Machine;

/// What one seed came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Power cuts, those during recovery included.
    pub cuts: u64,
    /// Kills of the process.
    pub kills: u64,
    pub clean_closes: u64,
    pub cuts_in_recovery: u64,
    pub frames: u64,
    pub settles: u64,
    pub cold_reads: u64,
    pub poisoned: u64,
    pub duplicates: u64,
    /// Bytes that went to bulk files.
    pub bulk_bytes: u64,
    /// Frames of retention.
    pub retentions: u64,
    /// Whole frames that accounts called cut.
    pub frames_cut: u64,
    /// Reads and writes that stopped short.
    pub short: u64,
    /// Calls that answered EINTR, EAGAIN or ECANCELED.
    pub again: u64,
    /// Operations that failed, in lives that no power cut ended.
    pub failed: u64,
    /// Runs of small ranges that were joined, and cuts while one was copied or published.
    pub joins: u64,
    pub cuts_in_joins: u64,
}

impl Tally {
    pub const FIELDS: usize = 17;

    /// Everything it counts, by name.
    pub fn places(&mut self) -> [(&'static str, &mut u64); Tally::FIELDS] {
        [
            ("cuts", &mut self.cuts),
            ("kills", &mut self.kills),
            ("clean_closes", &mut self.clean_closes),
            ("cuts_in_recovery", &mut self.cuts_in_recovery),
            ("frames", &mut self.frames),
            ("settles", &mut self.settles),
            ("cold_reads", &mut self.cold_reads),
            ("poisoned", &mut self.poisoned),
            ("duplicates", &mut self.duplicates),
            ("bulk_bytes", &mut self.bulk_bytes),
            ("retentions", &mut self.retentions),
            ("frames_cut", &mut self.frames_cut),
            ("short", &mut self.short),
            ("again", &mut self.again),
            ("failed", &mut self.failed),
            ("joins", &mut self.joins),
            ("cuts_in_joins", &mut self.cuts_in_joins),
        ]
    }

    pub fn add(&mut self, other: &Tally) {
        let mut other = *other;
        for ((_, sum), (_, part)) in self.places().into_iter().zip(other.places()) {
            *sum += *part;
        }
    }

    /// Faults that the engine has met: calls that stopped short, said "again", or failed.
    pub fn faults(&self) -> u64 {
        self.short + self.again + self.failed
    }
}

/// Runs one seed; the error says what was violated.
pub fn run(seed: u64, plant: Plant) -> Result<Tally, String> {
    let plan = Plan::draw(seed, plant);
    let mut machine = Machine::new(seed, plan);
    let lives = 2 + machine.draw.below(8);
    for _ in 0..lives {
        machine.live()?;
    }
    machine.rest()?;
    Ok(machine.tally)
}

/// Runs seeds from `first` on until at least `cuts` power cuts happened. `Err` names the seed.
pub fn run_many(first: u64, cuts: u64, plant: Plant) -> Result<(Tally, u64), (u64, String)> {
    let mut tally = Tally::default();
    let mut seed = first;
    while tally.cuts < cuts {
        tally.add(&run(seed, plant).map_err(|violation| (seed, violation))?);
        seed += 1;
    }
    Ok((tally, seed - first))
}
