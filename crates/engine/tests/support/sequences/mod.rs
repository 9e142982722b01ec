//! Short sequences of operations on a small directory that was closed, each cut short by a power cut at every event of its last
//! operation; then what comes back is looked at.
//!
//! What it is not: chance. An event before the last operation is one of a shorter sequence, so that all sequences with a
//! cut in their last operation are all sequences with a cut anywhere; the same sequence has the same events each time.
//!
//! The invariant of every life: what comes back is the state after some whole frame, and no durable frame is missing.

mod life;
mod model;

use crate::support::machine;
use life::Life;
use millrace_io::SimHandle;
use model::State;
use std::fmt;

/// One operation. Each waits for its acknowledgement, or for the end of the work it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    AppendDurable,
    AppendWritten,
    /// Its bytes go straight to a bulk file.
    AppendBulk,
    /// A batch and a key in one frame.
    AppendAndPut,
    /// Its bytes go straight to a large file.
    PutLarge,
    Delete,
    /// Appends that make a settle due, and the settle.
    Settle,
    DeleteRecords,
    /// Of all files of the store, large ones too.
    Merge,
    Reopen,
}

pub const ACTS: [Act; 10] = [
    Act::AppendDurable,
    Act::AppendWritten,
    Act::AppendBulk,
    Act::AppendAndPut,
    Act::PutLarge,
    Act::Delete,
    Act::Settle,
    Act::DeleteRecords,
    Act::Merge,
    Act::Reopen,
];

/// All sequences of so many operations, in order.
pub fn sequences(length: u32) -> impl Iterator<Item = Vec<Act>> {
    let count = ACTS.len();
    (0..count.pow(length))
        .map(move |number| (0..length).map(|place| ACTS[number / count.pow(place) % count]).collect())
}

/// What a device does at a flush, and at a power cut with names that no directory sync covers.
#[derive(Clone, Copy, Debug)]
pub enum Device {
    /// Durable writes; only a directory sync makes names durable.
    Strict,
    /// Flushes behind plain writes; names become durable in their order.
    Lenient,
}

/// What lives came to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    pub sequences: u64,
    pub cuts: u64,
    pub settles: u64,
    pub merges: u64,
}

impl Tally {
    pub fn add(&mut self, other: &Tally) {
        self.sequences += other.sequences;
        self.cuts += other.cuts;
        self.settles += other.settles;
        self.merges += other.merges;
    }
}

/// A closed directory that has some of everything, and what it holds.
pub struct Base {
    sim: SimHandle,
    state: State,
    device: Device,
}

/// A life that went wrong, and how.
pub struct Violation {
    sequence: Vec<Act>,
    device: Device,
    cut: Option<u64>,
    what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} on a {:?} device, cut at {:?}: {}", self.sequence, self.device, self.cut, self.what)
    }
}

impl Base {
    pub fn new(device: Device) -> Base {
        let sim = machine(1);
        let strict = matches!(device, Device::Strict);
        sim.change_options(|options| (options.fua, options.strict_names) = (strict, strict));
        let state = life::lay_out(&sim).expect("a life without faults is in order");
        Base { sim, state, device }
    }

    /// Lives a sequence once without a cut, then once for each event of its last operation.
    pub fn live(&self, sequence: &[Act]) -> Result<Tally, Violation> {
        let whole = self.life(sequence, None)?;
        let mut tally = Tally { sequences: 1, settles: whole.settles, merges: whole.merges, cuts: 0 };
        for cut in whole.before + 1..=whole.after {
            self.life(sequence, Some(cut))?;
            tally.cuts += 1;
        }
        Ok(tally)
    }

    fn life(&self, sequence: &[Act], cut: Option<u64>) -> Result<life::Lived, Violation> {
        let wrong = |what| Violation { sequence: sequence.to_vec(), device: self.device, cut, what };
        // What a cut leaves of each sector is drawn from the seed.
        let sim = self.sim.fork(1 + cut.unwrap_or(0) * 7 + sequence.len() as u64);
        sim.change_options(|options| options.cut_at = cut);
        Life::new(sim, self.state.clone()).run(sequence).map_err(wrong)
    }
}
