//! Commits on their way to the device, oldest first: one, or two when each is durable by itself.
//!
//! The second is begun while the first is out, so that whoever the last acknowledgements woke need not wait for it
//! (docs/decisions/0007-commits-in-flight.md).
//!
//! What it is not: a watermark. It says in which order commits have landed; `journal` moves the marks.
//!
//! The one invariant: commits land in the order in which they were begun, whatever the device completes first.

use crate::commit::Commit;
use millrace_io::OpId;
use std::collections::VecDeque;

/// Most commits on their way at a time.
const FLIGHTS_MAX: usize = 2;

/// A commit on its way to the device.
#[derive(Debug)]
pub(crate) struct Flight {
    pub op: OpId,
    pub commit: Commit,
    /// It is one write that is durable by itself.
    pub durable: bool,
    /// When it was handed over, by the caller's clock.
    pub begun: u64,
    /// Its frames are written; what they refer to may be on its way still.
    pub framed: bool,
}

/// All commits on their way.
#[derive(Debug, Default)]
pub(crate) struct Flights {
    /// Oldest first: their LSNs follow each other without a gap.
    flights: VecDeque<Flight>,
}

impl Flights {
    pub fn is_empty(&self) -> bool {
        self.flights.is_empty()
    }

    /// Whether a commit with `records` records may be begun now, durable by itself or not. `follow_records`: with so many
    /// a second one is worth a write of its own; 0: it never is.
    pub fn may_begin(&self, records: u64, durable: bool, follow_records: u64) -> bool {
        let Some(first) = self.flights.front() else { return true };
        let is_worth_it =
            follow_records > 0 && records >= follow_records.max(first.commit.records.div_ceil(2));
        is_worth_it && durable && self.flights.len() < FLIGHTS_MAX && self.are_durable()
    }

    /// Every one of them is durable by itself, so that a durable write behind them covers all that is unflushed.
    pub fn are_durable(&self) -> bool {
        self.flights.iter().all(|flight| flight.durable)
    }

    /// The oldest LSN on its way.
    pub fn first_lsn(&self) -> Option<u64> {
        self.flights.front().map(|flight| flight.commit.first_lsn)
    }

    pub fn begin(&mut self, flight: Flight) {
        let last = self.flights.back().map_or(flight.commit.first_lsn, |last| last.commit.last_lsn + 1);
        assert_eq!(flight.commit.first_lsn, last, "commits follow each other");
        self.flights.push_back(flight);
    }

    pub fn newest(&mut self) -> Option<&mut Flight> {
        self.flights.back_mut()
    }

    pub fn owns(&self, op: OpId) -> bool {
        self.flights.iter().any(|flight| flight.op == op)
    }

    /// The commit whose frames this operation writes.
    pub fn of(&mut self, op: OpId) -> Option<&mut Flight> {
        self.flights.iter_mut().find(|flight| flight.op == op)
    }

    /// Its operation has failed: it will never land.
    pub fn lose(&mut self, op: OpId) {
        self.flights.retain(|flight| flight.op != op);
    }

    /// Takes the oldest commit, if it has landed: its frames are written, and with them all they refer to, which is so below
    /// the LSN `below`. `lies`: any that has landed (a planted bug).
    pub fn landed(&mut self, below: u64, lies: bool) -> Option<Flight> {
        let has_landed = |flight: &Flight| flight.framed && flight.commit.last_lsn < below;
        let at = self.flights.iter().position(has_landed).filter(|at| *at == 0 || lies)?;
        self.flights.remove(at)
    }
}
