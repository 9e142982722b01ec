//! The driver side of the crate as everyone else sees it: submit operations, drain completions.
//!
//! What it is not: a scheduler. A host decides when to submit, drain and wait.
//!
//! The one invariant: memory an operation works on is released only after its completion, or never: when shutdown
//! runs out of patience, the driver and everything it holds are leaked on purpose.

use crate::attempt::Outcome;
use crate::boot;
use crate::counters::IoCounters;
use crate::directory::{DataDirectory, OpenError, display};
use crate::driver::choose::{Opened, choose};
use crate::driver::{Driver, DriverChoice, DriverReport};
use crate::errno::{IoError, IoErrorKind};
use crate::faults::{Faults, Faulty};
use crate::inflight::InFlight;
use crate::limits::Limits;
use crate::mmap::MappedFile;
use crate::op::{Completion, Done, Op, OpId, OpQueue};
use crate::plan::is_below_root;
use crate::residency::{self, Residency};
use crate::sim::{SimDriver, SimHandle};
use std::mem::ManuallyDrop;
use std::os::fd::RawFd;
use std::path::Path;
use std::sync::Arc;

/// How long shutdown waits for the device, in nanoseconds of the driver's clock.
const SHUTDOWN_PATIENCE_NS: u64 = 5_000_000_000;

/// One data directory's operations, through one driver. Belongs to the thread that opened it:
///
/// ```compile_fail
/// fn send<T: Send>() {}
/// send::<millrace_io::Io>();
/// ```
pub struct Io {
    driver: ManuallyDrop<Box<dyn Driver>>,
    inflight: InFlight,
    ready: Vec<Completion>,
    outcomes: Vec<Outcome>,
    own_queue: OpQueue,
    report: DriverReport,
    boot: u64,
}

impl Io {
    /// Opens a data directory: creates it (0700) if need be, locks it, probes what this kernel and file system can
    /// do, and starts a driver.
    ///
    /// # Errors
    ///
    /// `OpenError` when the directory is a symlink, in use, or not accessible, and when `DriverChoice::Ring` was
    /// asked for and cannot be had. Nothing but the directory and its lock file has been touched then.
    pub fn open(root: &Path, choice: DriverChoice, limits: Limits) -> Result<Io, OpenError> {
        let directory = Arc::new(DataDirectory::open(root)?);
        let Opened { driver, report, flushes_behind } = choose(directory, choice, limits)?;
        let mut io = Io::with(driver, report, boot::of_machine());
        io.inflight.flushes_behind = flushes_behind;
        Ok(io)
    }

    /// Opens what is on a simulated disk. Whatever was opened on it before is dead from now on, as its process is.
    #[must_use]
    pub fn sim(sim: SimHandle) -> Io {
        let (report, boot) = (sim.report(), sim.boot());
        #[cfg(feature = "planted")]
        let planted = sim.planted();
        #[allow(unused_mut)]
        let mut io = Io::with(Box::new(SimDriver::new(sim)), report, boot);
        #[cfg(feature = "planted")]
        {
            io.inflight.planted = planted;
        }
        io
    }

    /// The same `Io` with faults: every call goes through them before the driver sees it, and its completion on its
    /// way back. For tests only; the report says so.
    ///
    /// # Panics
    ///
    /// When the `Io` has been used already: faults must know every file that is open.
    #[must_use]
    pub fn faulty(mut self, faults: &Faults) -> Io {
        assert_eq!(self.inflight.counters, IoCounters::default(), "faults come before the first operation");
        // SAFETY: the driver is taken out once, and its place is filled again before anything can look at it or panic.
        let inner = unsafe { ManuallyDrop::take(&mut self.driver) };
        let faulty = Faulty::new(inner, faults.clone(), self.report.alignment);
        self.driver = ManuallyDrop::new(Box::new(faulty));
        self.report.reason.push_str(", with injected faults");
        self
    }

    fn with(driver: Box<dyn Driver>, report: DriverReport, boot: u64) -> Io {
        Io {
            driver: ManuallyDrop::new(driver),
            inflight: InFlight::new(report.in_flight_max, report.direct),
            ready: Vec::new(),
            outcomes: Vec::new(),
            own_queue: OpQueue::default(),
            report,
            boot,
        }
    }

    /// Takes every operation that waits in `queue` and hands the kernel as many as fit: at most one system call.
    pub fn submit(&mut self, queue: &mut OpQueue) {
        while let Some((id, op)) = queue.pop() {
            self.inflight.accept(id, op, self.driver.as_mut(), &mut self.ready);
        }
        self.driver.enter();
    }

    /// Appends what has completed to `completions`. Never blocks.
    ///
    /// On a simulated disk, time moves on to the next thing that happens when nothing has happened yet, so a loop
    /// of `drain`s makes progress without anyone waiting.
    pub fn drain(&mut self, completions: &mut Vec<Completion>) {
        self.pump();
        while self.ready.is_empty() && self.driver.skip_idle_time() {
            self.pump();
        }
        completions.append(&mut self.ready);
    }

    /// Blocks until something can be drained, or `timeout_ns` have passed on the driver's clock. Without a timeout
    /// and with nothing in flight it returns at once.
    pub fn wait(&mut self, timeout_ns: Option<u64>) {
        let deadline = timeout_ns.map(|timeout| self.now_ns().saturating_add(timeout));
        loop {
            self.pump();
            let now = self.now_ns();
            let left = deadline.map(|deadline| deadline.saturating_sub(now));
            let hopeless = self.inflight.len() == 0 && left.is_none();
            if !self.ready.is_empty() || hopeless || left == Some(0) || !self.driver.is_alive() {
                return;
            }
            self.driver.wait(left);
        }
    }

    /// Submits `op` and blocks until exactly this operation is complete. Completions of others are kept for
    /// `drain`. For start-up and tests, never on an event loop.
    ///
    /// # Errors
    ///
    /// The operation's own; `Cancelled` when a simulated power cut took it.
    pub fn run(&mut self, op: Op) -> Result<Done, IoError> {
        let id = self.own_queue.push(op);
        let (id, op) = self.own_queue.pop().filter(|(popped, _)| *popped == id).expect("pushed just now");
        self.inflight.accept(id, op, self.driver.as_mut(), &mut self.ready);
        self.driver.enter();
        let mut others = Vec::new();
        let result = self.await_one(id, &mut others);
        others.append(&mut self.ready);
        self.ready = others;
        result
    }

    fn await_one(&mut self, id: OpId, others: &mut Vec<Completion>) -> Result<Done, IoError> {
        loop {
            let mut result = None;
            for completion in self.ready.drain(..) {
                if completion.id == id { result = Some(completion.result) } else { others.push(completion) }
            }
            if let Some(result) = result {
                return result;
            }
            if !self.driver.is_alive() {
                return Err(IoError::from_errno(libc::ECANCELED, "the simulated power was cut"));
            }
            self.wait(None);
        }
    }

    /// One round: what the driver has finished is completed or continued, and what waits is started.
    fn pump(&mut self) {
        let mut outcomes = std::mem::take(&mut self.outcomes);
        self.driver.reap(&mut outcomes);
        for outcome in outcomes.drain(..) {
            self.inflight.settle(outcome, self.driver.as_mut(), &mut self.ready);
        }
        self.outcomes = outcomes;
        if !self.inflight.is_closing() {
            self.inflight.dispatch(self.driver.as_mut());
        }
        self.driver.enter();
    }

    /// Readable when `drain` would yield something (or has work to do that leads there).
    #[must_use]
    pub fn poll_fd(&self) -> RawFd {
        self.driver.poll_fd()
    }

    /// Nanoseconds on the monotonic clock that `Op::Timer` uses (virtual on a simulated disk).
    #[must_use]
    pub fn now_ns(&self) -> u64 {
        self.driver.now_ns()
    }

    /// Milliseconds since 1970 on the wall clock (virtual on a simulated disk). May jump.
    #[must_use]
    pub fn wall_ms(&self) -> i64 {
        self.driver.wall_ms()
    }

    /// Which start of the machine this is: another number after a power cut or restart, the same one as long as the
    /// kernel lives. 0: it does not say.
    #[must_use]
    pub fn boot(&self) -> u64 {
        self.boot
    }

    /// Operations submitted and not yet complete.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.inflight.len()
    }

    /// Names in a directory below the data directory (`""`: itself), sorted; the data directory itself also holds
    /// `lock`. Blocking: start-up only.
    ///
    /// # Errors
    ///
    /// `NotFound`, or whatever the file system says.
    pub fn list(&mut self, directory: impl AsRef<Path>) -> Result<Vec<String>, IoError> {
        self.driver.list(below_root(directory.as_ref(), "list")?)
    }

    /// As `list`; nothing where there is no such directory.
    ///
    /// # Errors
    ///
    /// Whatever the file system says, except "not found".
    pub fn list_if_there(&mut self, directory: impl AsRef<Path>) -> Result<Vec<String>, IoError> {
        match self.list(directory) {
            Err(error) if error.kind == IoErrorKind::NotFound => Ok(Vec::new()),
            other => other,
        }
    }

    /// Creates a directory (0700) and makes its name durable; one that is there already is fine. Its parent must
    /// exist. Blocking: start-up only.
    ///
    /// # Errors
    ///
    /// Whatever the file system says.
    pub fn make_directory(&mut self, directory: impl AsRef<Path>) -> Result<(), IoError> {
        self.driver.make_directory(below_root(directory.as_ref(), "create")?)
    }

    /// Whether a file or directory of that name exists. Blocking: start-up only.
    ///
    /// # Errors
    ///
    /// Whatever the file system says, except "not found".
    pub fn exists(&mut self, path: impl AsRef<Path>) -> Result<bool, IoError> {
        self.driver.exists(below_root(path.as_ref(), "stat")?)
    }

    /// The whole of a file of at most `limit` bytes, through the page cache; a longer one is refused with
    /// `TooLarge`. Blocking: start-up only.
    ///
    /// # Errors
    ///
    /// `NotFound`, `TooLarge`, or whatever the file system says.
    pub fn read_small(&mut self, path: impl AsRef<Path>, limit: usize) -> Result<Vec<u8>, IoError> {
        self.driver.read_small(below_root(path.as_ref(), "read")?, limit)
    }

    /// Maps a sealed file of `length` bytes for reading: indexes, hints, scans of what can be rebuilt. Blocking.
    ///
    /// A media error under a map, and access behind an end that moved, is SIGBUS and ends the process: what must be
    /// reported when it is lost is read with `Op::Read`.
    ///
    /// # Safety
    ///
    /// The file is sealed: for as long as the map lives, nobody writes to it or truncates it, in this process or any
    /// other that respects the directory's lock. Renaming and removing it is fine.
    ///
    /// # Errors
    ///
    /// `NotFound`, `Memory`; `Unsupported` where there is no real file (sim), it is no regular file, or its length is
    /// another one; or whatever the file system says.
    pub unsafe fn map_sealed(&self, path: impl AsRef<Path>, length: u64) -> Result<MappedFile, IoError> {
        let path = path.as_ref();
        let Some(root) = self.driver.root() else {
            return Err(IoError::from_errno(libc::EOPNOTSUPP, format!("map {}", display(path))));
        };
        // SAFETY: the caller's promise is the same.
        unsafe { MappedFile::open(root, path, length) }
    }

    /// How much of a file the page cache holds: what direct I/O must leave at 0. Blocking: tests, `doctor`.
    ///
    /// # Errors
    ///
    /// `NotFound`; `Unsupported` where there is no real file (sim); or whatever the file system says.
    pub fn residency(&self, path: impl AsRef<Path>) -> Result<Residency, IoError> {
        let path = path.as_ref();
        let Some(root) = self.driver.root() else {
            return Err(IoError::from_errno(libc::EOPNOTSUPP, format!("look at {}", display(path))));
        };
        residency::of(root, path)
    }

    /// Which driver works here, why, and how.
    #[must_use]
    pub fn report(&self) -> &DriverReport {
        &self.report
    }

    /// What was done so far.
    #[must_use]
    pub fn counters(&self) -> IoCounters {
        let driver = &self.driver;
        IoCounters { enters: driver.enters(), queue_full: driver.queue_full(), ..self.inflight.counters }
    }

    /// Cancels what has not begun, waits for what has (at most 5 seconds), and closes all files. Cancelled
    /// operations complete as such and can still be drained; later ones complete as `Cancelled` at once. Returns how
    /// many operations the device never gave back: 0 unless it hangs.
    ///
    /// The poll descriptor stays open until the `Io` is dropped, so a host can stop watching it first.
    pub fn shutdown(&mut self) -> usize {
        if !self.inflight.is_closing() {
            self.inflight.close(&mut self.ready);
            self.driver.cancel_all();
            let deadline = self.now_ns().saturating_add(SHUTDOWN_PATIENCE_NS);
            loop {
                self.pump();
                let left = deadline.saturating_sub(self.now_ns());
                if self.inflight.with_driver() == 0 || left == 0 || !self.driver.is_alive() {
                    break;
                }
                self.driver.wait(Some(left));
            }
            for handle in self.inflight.files.take_handles() {
                self.driver.release(handle);
            }
        }
        if self.driver.is_alive() { self.inflight.with_driver() } else { 0 }
    }
}

fn below_root<'a>(path: &'a Path, what: &str) -> Result<&'a Path, IoError> {
    if is_below_root(path) {
        return Ok(path);
    }
    Err(IoError::from_errno(libc::EINVAL, format!("{what} {} (not below the data directory)", display(path))))
}

impl Drop for Io {
    fn drop(&mut self) {
        if self.shutdown() == 0 {
            // SAFETY: the driver is dropped here, once, and not used afterwards: `self` is going away.
            unsafe { ManuallyDrop::drop(&mut self.driver) };
        }
    }
}
