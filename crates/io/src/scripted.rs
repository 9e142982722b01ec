//! A driver for unit tests: every attempt ends at once, with whatever the test's script says.

use crate::attempt::{Attempt, Handle, Outcome, Token};
use crate::driver::Driver;
use crate::errno::IoError;
use crate::op::OpenMode;
use std::os::fd::RawFd;
use std::path::Path;

/// What the script is asked, and what it answers: a count, a handle or a negated errno.
type Script = Box<dyn FnMut(&Attempt) -> i64>;

pub(crate) struct Scripted {
    script: Script,
    pub started: Vec<(Token, Attempt)>,
}

impl Scripted {
    pub fn new(script: impl FnMut(&Attempt) -> i64 + 'static) -> Scripted {
        Scripted { script: Box::new(script), started: Vec::new() }
    }
}

impl Driver for Scripted {
    fn start(&mut self, token: Token, attempt: Attempt) {
        self.started.push((token, attempt));
    }

    fn enter(&mut self) {}

    fn reap(&mut self, outcomes: &mut Vec<Outcome>) {
        for (token, attempt) in self.started.drain(..) {
            let result = (self.script)(&attempt);
            outcomes.push(Outcome { token, attempt, result });
        }
    }

    fn wait(&mut self, _timeout_ns: Option<u64>) {}

    fn poll_fd(&self) -> RawFd {
        -1
    }

    fn now_ns(&self) -> u64 {
        0
    }

    fn wall_ms(&self) -> i64 {
        0
    }

    fn opened(&mut self, handle: Handle, _mode: OpenMode) -> Result<u64, i32> {
        self.size(handle)
    }

    fn size(&mut self, _handle: Handle) -> Result<u64, i32> {
        Ok(1 << 20)
    }

    fn cancel_all(&mut self) {}

    fn release(&mut self, _handle: Handle) {}

    fn enters(&self) -> u64 {
        0
    }

    fn list(&mut self, _path: &Path) -> Result<Vec<String>, IoError> {
        Ok(Vec::new())
    }

    fn make_directory(&mut self, _path: &Path) -> Result<(), IoError> {
        Ok(())
    }

    fn exists(&mut self, _path: &Path) -> Result<bool, IoError> {
        Ok(false)
    }

    fn read_small(&mut self, _path: &Path, _limit: usize) -> Result<Vec<u8>, IoError> {
        Ok(Vec::new())
    }
}
