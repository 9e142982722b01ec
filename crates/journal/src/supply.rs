//! Keeps one empty file ahead: has new ones pre-written in the background, and waits when the disk is full.
//!
//! What it is not: the making of a file itself (`prewrite`).
//!
//! The one invariant: a full disk is no failure of the journal. A file that does not fit is tried at half its size, down to
//! that of a first file; when that does not fit either it is tried again after a pause, for ever, each longer than the last up
//! to eight of them. What is in the journal stays readable and settleable meanwhile.

use crate::config::Config;
use crate::file::{Files, JournalFile};
use crate::file_header::{FRAMES_FROM, FileHeader};
use crate::prewrite::{Next, Prewriter, passes};
use millrace_io::{BLOCK, Done, IoError, IoErrorKind, OpId, OpQueue};

/// The longest pause between two attempts, and between two of the full size, in first pauses.
const LONGEST: u64 = 8;

#[derive(Debug)]
enum State {
    Idle,
    Working { prewriter: Prewriter, op: OpId, bytes: u64 },
    Pausing { until_ns: u64 },
}

#[derive(Debug)]
pub(crate) struct Supply {
    directory_id: u64,
    state: State,
    /// The last attempt failed.
    blocked: bool,
    /// A file of the full size did not fit, and none was made since: smaller ones will do.
    short: bool,
    /// The next attempt has so many bytes, before `full_at` (ns); then it has the full size.
    next_bytes: u64,
    full_at: u64,
    /// The least that a file is made with.
    least: u64,
    /// Failed attempts in a row.
    failures: u32,
    /// Numbers are not given out twice, even when a file could not be made.
    last_number: u32,
}

impl Supply {
    pub fn new(directory_id: u64) -> Supply {
        Supply {
            directory_id,
            state: State::Idle,
            blocked: false,
            short: false,
            next_bytes: 0,
            full_at: 0,
            least: 0,
            failures: 0,
            last_number: 0,
        }
    }

    pub fn is_working(&self) -> bool {
        matches!(self.state, State::Working { .. })
    }

    pub fn is_blocked(&self) -> bool {
        self.blocked
    }

    /// The disk has no room for a file of the full size.
    pub fn is_short(&self) -> bool {
        self.short
    }

    pub fn owns(&self, id: OpId) -> bool {
        matches!(self.state, State::Working { op, .. } if op == id)
    }

    /// Number of the file in the making.
    pub fn number(&self) -> u32 {
        self.last_number
    }

    /// When to try again.
    pub fn deadline(&self) -> Option<u64> {
        match self.state {
            State::Pausing { until_ns } => Some(until_ns),
            _ => None,
        }
    }

    /// Leaves the file in the making as it is; recovery removes what has no plain name.
    pub fn abandon(&mut self) {
        self.state = State::Idle;
    }

    /// Starts a new file when none is free and there may be more. `needed`: the journal is in use, and frames of so many
    /// bytes have to fit.
    pub fn step(
        &mut self,
        now: u64,
        config: &Config,
        files: &Files,
        needed: Option<u64>,
        queue: &mut OpQueue,
    ) {
        if let State::Pausing { until_ns } = self.state {
            if now < until_ns {
                return;
            }
            self.state = State::Idle;
        }
        let wanted = needed.is_some() || files.active().is_none();
        let fits = needed.unwrap_or(0).saturating_add(FRAMES_FROM).next_multiple_of(BLOCK as u64);
        self.least = config.first_file_bytes.max(fits).min(config.file_bytes);
        let enough = if self.short { self.least } else { config.file_bytes };
        if self.is_working() || !wanted || !files.may_grow(config) || files.has_free(enough) {
            return;
        }
        let full = !self.short || now >= self.full_at;
        let bytes = if full { config.file_bytes } else { self.next_bytes.max(self.least) };
        self.last_number = files.next_number().max(self.last_number + 1);
        let header =
            FileHeader { number: self.last_number, directory_id: self.directory_id, capacity: bytes };
        let (prewriter, op) = Prewriter::begin(header);
        self.state = State::Working { prewriter, op: queue.push(op), bytes };
    }

    /// Takes the result of the operation in flight. Returns whether a file was added; an error is final.
    pub fn complete(
        &mut self,
        now: u64,
        config: &Config,
        result: Result<Done, IoError>,
        files: &mut Files,
        queue: &mut OpQueue,
    ) -> Result<bool, IoError> {
        let State::Working { prewriter, op, bytes } = &mut self.state else {
            panic!("no operation is in flight")
        };
        match prewriter.advance(result) {
            Next::Op(next) => {
                *op = queue.push(next);
                Ok(false)
            }
            Next::Ready { file, header } => {
                files.add(JournalFile::fresh(header.number, file, header.capacity));
                self.state = State::Idle;
                (self.blocked, self.failures) = (false, 0);
                self.short &= header.capacity < config.file_bytes;
                Ok(true)
            }
            Next::GivenUp(error) if passes(&error) => {
                let bytes = *bytes;
                self.did_not_fit(now, config, bytes, error.kind == IoErrorKind::NoSpace);
                Ok(false)
            }
            Next::GivenUp(error) => {
                self.state = State::Idle;
                Err(error)
            }
        }
    }

    /// A file of so many bytes could not be made: half of that is next, or a pause.
    fn did_not_fit(&mut self, now: u64, config: &Config, bytes: u64, no_space: bool) {
        self.short |= no_space;
        if no_space && bytes == config.file_bytes {
            self.full_at = now.saturating_add(config.retry_ns.saturating_mul(LONGEST));
        }
        if no_space && bytes > self.least {
            self.next_bytes = (bytes / 2).next_multiple_of(BLOCK as u64).max(self.least);
            self.state = State::Idle;
            return;
        }
        let pause = config.retry_ns.saturating_mul((1 << self.failures.min(8)).min(LONGEST));
        self.failures = self.failures.saturating_add(1);
        self.next_bytes = self.least;
        self.state = State::Pausing { until_ns: now.saturating_add(pause) };
        self.blocked = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use millrace_io::FileId;

    const FULL: u64 = 64 * BLOCK as u64;
    const SECOND: u64 = 1_000_000_000;

    fn config() -> Config {
        Config { file_bytes: FULL, first_file_bytes: 8 * BLOCK as u64, retry_ns: SECOND, ..Config::default() }
    }

    /// What is tried at this time on a disk without space, in blocks.
    fn tried(supply: &mut Supply, now: u64, needed: u64) -> Vec<u64> {
        let (mut files, mut queue) = (Files::default(), OpQueue::default());
        let mut tried = Vec::new();
        loop {
            supply.step(now, &config(), &files, Some(needed), &mut queue);
            let State::Working { bytes, .. } = &supply.state else { return tried };
            tried.push(bytes / BLOCK as u64);
            let opened = Done::Opened { file: FileId(1), size: 0 };
            let full = IoError::from_errno(28, "write");
            let removed = || Ok(Done::Finished);
            for result in [Ok(opened), Err(full), removed(), removed(), removed()] {
                supply.complete(now, &config(), result, &mut files, &mut queue).expect("no poison");
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_tried_smaller_and_then_after_pauses_that_grow() {
        let mut supply = Supply::new(7);
        assert_eq!(tried(&mut supply, 0, 0), [64, 32, 16, 8]);
        let mut at = 0;
        for (pause, sizes) in
            [(1, &[8][..]), (2, &[8]), (4, &[8]), (8, &[64, 32, 16, 8]), (8, &[64, 32, 16, 8])]
        {
            at += pause * SECOND;
            assert_eq!(supply.deadline(), Some(at));
            assert!(supply.is_blocked());
            assert_eq!(tried(&mut supply, at - 1, 0), [0; 0]);
            assert_eq!(tried(&mut supply, at, 0), sizes, "after {pause} s");
        }
    }

    #[test]
    fn no_file_is_made_that_is_too_small_for_the_frame_that_waits_for_it() {
        let mut supply = Supply::new(7);
        assert_eq!(tried(&mut supply, 0, 20 * BLOCK as u64), [64, 32, 21]);
    }
}
