//! Keeps one empty file ahead: has new ones pre-written in the background, and waits when the disk is full.
//!
//! What it is not: the making of a file itself (`prewrite`).
//!
//! The one invariant: a full disk is no failure of the journal. Making a file is tried again after a pause, for ever, and
//! what is in the journal stays readable and settleable meanwhile.

use crate::config::Config;
use crate::file::{Files, JournalFile};
use crate::file_header::FileHeader;
use crate::prewrite::{Next, Prewriter, passes};
use millrace_io::{Done, IoError, OpId, OpQueue};

#[derive(Debug)]
enum State {
    Idle,
    Working { prewriter: Prewriter, op: OpId },
    Pausing { until_ns: u64 },
}

#[derive(Debug)]
pub(crate) struct Supply {
    directory_id: u64,
    state: State,
    /// The last attempt failed.
    blocked: bool,
    /// Numbers are not given out twice, even when a file could not be made.
    last_number: u32,
}

impl Supply {
    pub fn new(directory_id: u64) -> Supply {
        Supply { directory_id, state: State::Idle, blocked: false, last_number: 0 }
    }

    pub fn is_working(&self) -> bool {
        matches!(self.state, State::Working { .. })
    }

    pub fn is_blocked(&self) -> bool {
        self.blocked
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

    /// Starts a new file when none is free and there may be more. `needed`: the journal is in use.
    pub fn step(&mut self, now: u64, config: &Config, files: &Files, needed: bool, queue: &mut OpQueue) {
        if let State::Pausing { until_ns } = self.state {
            if now < until_ns {
                return;
            }
            self.state = State::Idle;
        }
        let wanted = needed || files.active().is_none();
        let room = files.usable() < config.max_files as usize;
        if self.is_working() || !wanted || !room || files.has_free(config.file_bytes) {
            return;
        }
        self.last_number = files.next_number().max(self.last_number + 1);
        let header = FileHeader {
            number: self.last_number,
            directory_id: self.directory_id,
            capacity: config.file_bytes,
        };
        let (prewriter, op) = Prewriter::begin(header);
        self.state = State::Working { prewriter, op: queue.push(op) };
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
        let State::Working { prewriter, op } = &mut self.state else { panic!("no operation is in flight") };
        match prewriter.advance(result) {
            Next::Op(next) => {
                *op = queue.push(next);
                Ok(false)
            }
            Next::Ready { file, header } => {
                files.add(JournalFile::fresh(header.number, file, header.capacity));
                self.state = State::Idle;
                self.blocked = false;
                Ok(true)
            }
            Next::GivenUp(error) if passes(&error) => {
                self.state = State::Pausing { until_ns: now.saturating_add(config.retry_ns) };
                self.blocked = true;
                Ok(false)
            }
            Next::GivenUp(error) => {
                self.state = State::Idle;
                Err(error)
            }
        }
    }
}
