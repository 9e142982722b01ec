//! What every driver offers, how one is chosen, and the report that says which and why.

use crate::attempt::{Attempt, Handle, Outcome, Token};
use crate::errno::IoError;
use crate::op::OpenMode;
use std::fmt;
use std::os::fd::RawFd;
use std::path::Path;

pub(crate) mod calls;
pub(crate) mod choose;
pub(crate) mod pool;
pub(crate) mod ring;

/// Which driver to open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DriverChoice {
    /// The ring if this kernel, its policy and this directory allow it, else the pool.
    #[default]
    Auto,
    /// The ring, or an error that says why not.
    Ring,
    Pool,
}

/// Which driver is at work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DriverKind {
    Ring,
    Pool,
    Sim,
}

impl fmt::Display for DriverKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DriverKind::Ring => "ring",
            DriverKind::Pool => "pool",
            DriverKind::Sim => "sim",
        })
    }
}

/// What was opened and why, for `doctor` and the banner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DriverReport {
    pub kind: DriverKind,
    /// Why this driver: one clause, e.g. `chosen` or `io_uring refused: EPERM (...)`.
    pub reason: String,
    /// Whether files opened in a direct mode really bypass the page cache.
    pub direct: bool,
    /// Why not, when `direct` is false.
    pub direct_reason: String,
    /// Bytes positions and lengths of direct I/O must be multiples of, as the file system says (0: it does not say).
    pub alignment: u32,
    /// Setup flags of the ring, by name; empty for the other drivers.
    pub flags: Vec<&'static str>,
    /// Operations the kernel's ring does not have, done by a helper thread instead.
    pub missing: Vec<&'static str>,
    /// Operations handed to the kernel (or the threads) at a time.
    pub in_flight_max: usize,
}

/// The seam between the shared continuation layer and whatever does the work.
///
/// Attempts that were started come back through `reap` exactly once each, in any order.
pub(crate) trait Driver {
    /// Takes an attempt; nothing needs to happen before `enter`.
    fn start(&mut self, token: Token, attempt: Attempt);

    /// Hands over everything that was started: at most one system call.
    fn enter(&mut self);

    /// Moves attempts that are over to `outcomes`. Never blocks.
    fn reap(&mut self, outcomes: &mut Vec<Outcome>);

    /// Blocks until `reap` would yield something or `timeout_ns` have passed (`None`: no limit). May return early.
    fn wait(&mut self, timeout_ns: Option<u64>);

    /// Moves virtual time to the next thing that happens; false when there is none or time is real.
    fn skip_idle_time(&mut self) -> bool {
        false
    }

    /// Readable when `reap` would yield something.
    fn poll_fd(&self) -> RawFd;

    fn now_ns(&self) -> u64;

    fn wall_ms(&self) -> i64;

    /// The size of a file that was just opened, after fixing its mode bits when it was created.
    fn opened(&mut self, handle: Handle, mode: OpenMode) -> Result<u64, i32>;

    /// The size of an open file.
    fn size(&mut self, handle: Handle) -> Result<u64, i32>;

    /// Gives up everything that has not begun, and asks the rest to end early: it still comes back through `reap`.
    fn cancel_all(&mut self);

    /// Closes a handle without waiting. Only at shutdown, when nothing refers to it.
    fn release(&mut self, handle: Handle);

    /// System calls (or hand-overs to threads) made for submission so far.
    fn enters(&self) -> u64;

    /// Times entries had to wait because the submission queue was full.
    fn queue_full(&self) -> u64 {
        0
    }

    /// Whether attempts can still come back: false after a simulated power cut.
    fn is_alive(&self) -> bool {
        true
    }

    /// The data directory's descriptor, where there is a real one.
    fn root(&self) -> Option<RawFd> {
        None
    }

    /// Names in a directory, sorted. Blocking.
    fn list(&mut self, path: &Path) -> Result<Vec<String>, IoError>;

    /// Creates a directory, if need be, and makes its name durable. Blocking.
    fn make_directory(&mut self, path: &Path) -> Result<(), IoError>;

    /// Blocking.
    fn exists(&mut self, path: &Path) -> Result<bool, IoError>;

    /// The whole of a file of at most `limit` bytes. Blocking.
    fn read_small(&mut self, path: &Path, limit: usize) -> Result<Vec<u8>, IoError>;
}
