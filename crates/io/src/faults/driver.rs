//! The driver that injects: every attempt goes through it, and comes back changed, late, or without having been done.
//!
//! What is held back comes back behind a timer of the driver below, under the token of its attempt. So its descriptor,
//! its clock and its teardown work for injected completions as for all others, on every driver.
//!
//! The one invariant: whatever happens, each attempt comes back exactly once, with its own memory.

use super::call::CallKind;
use super::plan::Faults;
use super::rule::Fault;
use crate::attempt::{Attempt, Handle, Outcome, Token, first_bytes, total};
use crate::driver::Driver;
use crate::errno::IoError;
use crate::op::OpenMode;
use std::collections::BTreeMap;
use std::os::fd::RawFd;
use std::path::{Path, PathBuf};

/// The smallest unit a direct write is cut to, whatever smaller one the device has.
const SECTOR: usize = 512;

/// What becomes of an attempt the driver below has.
#[derive(Debug)]
enum Change {
    FailAfter(i32),
    ShortRead,
    /// A write was cut; this is the whole one.
    ShortWrite(Attempt),
    Delay(u64),
    Reorder,
}

pub(crate) struct Faulty {
    inner: Box<dyn Driver>,
    faults: Faults,
    sector: usize,
    /// Paths of open files.
    paths: BTreeMap<Handle, PathBuf>,
    changes: BTreeMap<u64, Change>,
    /// Attempts that are over and come back when the timer of their token does.
    held: BTreeMap<u64, (Attempt, i64)>,
    /// Attempts that are over and come back behind another one.
    overtaken: Vec<Outcome>,
    /// Attempts the driver below has, without timers.
    under_way: usize,
    fresh: Vec<Outcome>,
    closing: bool,
}

impl Faulty {
    /// Around a driver that nothing has been asked of yet. `alignment`: of direct I/O, 0 if unknown.
    pub fn new(inner: Box<dyn Driver>, faults: Faults, alignment: u32) -> Faulty {
        Faulty {
            inner,
            faults,
            sector: SECTOR.max(alignment as usize),
            paths: BTreeMap::new(),
            changes: BTreeMap::new(),
            held: BTreeMap::new(),
            overtaken: Vec::new(),
            under_way: 0,
            fresh: Vec::new(),
            closing: false,
        }
    }

    fn decide(&self, attempt: &Attempt) -> Option<Fault> {
        let kind = CallKind::of(attempt);
        match attempt {
            Attempt::Open { path, .. } | Attempt::SyncDirectory { path } | Attempt::Unlink { path } => {
                self.faults.decide(kind, &[path])
            }
            Attempt::Rename { from, to } => self.faults.decide(kind, &[from, to]),
            Attempt::Close { handle }
            | Attempt::Read { handle, .. }
            | Attempt::Write { handle, .. }
            | Attempt::Sync { handle }
            | Attempt::Allocate { handle, .. }
            | Attempt::Truncate { handle, .. } => {
                let path = self.paths.get(handle).map(PathBuf::as_path);
                self.faults.decide(kind, path.as_slice())
            }
            Attempt::Timer { .. } => self.faults.decide(kind, &[]),
        }
    }

    /// Hands an attempt down, with what is to become of it.
    fn hand_down(&mut self, token: Token, attempt: Attempt, change: Option<Change>) {
        if let Some(change) = change {
            self.changes.insert(token.0, change);
        }
        self.under_way += usize::from(!matches!(attempt, Attempt::Timer { .. }));
        self.inner.start(token, attempt);
    }

    /// Keeps an attempt until the clock reaches `deadline_ns`.
    fn hold(&mut self, outcome: Outcome, deadline_ns: u64) {
        let before = self.held.insert(outcome.token.0, (outcome.attempt, outcome.result));
        assert!(before.is_none(), "{:?} was held twice", outcome.token);
        self.inner.start(outcome.token, Attempt::Timer { deadline_ns });
    }

    /// About half of `length` bytes, in whole units; `None` when that would be all of them.
    fn shortened(&self, length: usize, cached: bool) -> Option<usize> {
        let unit = if cached { 1 } else { self.sector };
        let kept = (length / 2 / unit * unit).max(unit);
        (kept < length).then_some(kept)
    }

    fn start_short(&mut self, token: Token, attempt: Attempt) -> bool {
        let Attempt::Write { handle, position, pieces, done, durable, cached } = &attempt else {
            self.hand_down(token, attempt, Some(Change::ShortRead));
            return false;
        };
        let Some(kept) = self.shortened(total(pieces) - *done, *cached) else {
            self.hand_down(token, attempt, None);
            return false;
        };
        let cut = Attempt::Write {
            handle: *handle,
            position: *position + *done as u64,
            pieces: first_bytes(pieces, *done, kept),
            done: 0,
            durable: *durable,
            cached: *cached,
        };
        self.hand_down(token, cut, Some(Change::ShortWrite(attempt)));
        true
    }

    /// What a completion of the driver below comes to.
    fn change(&mut self, mut outcome: Outcome, outcomes: &mut Vec<Outcome>) {
        let kind = CallKind::of(&outcome.attempt);
        match self.changes.remove(&outcome.token.0) {
            None => outcomes.push(outcome),
            Some(Change::FailAfter(errno)) => {
                if let (Attempt::Open { .. }, Ok(handle)) =
                    (&outcome.attempt, Handle::try_from(outcome.result))
                    && handle >= 0
                {
                    self.inner.release(handle);
                }
                self.faults.count(kind, Fault::FailAfter(errno));
                outcomes.push(Outcome { result: -i64::from(errno), ..outcome });
            }
            Some(Change::ShortRead) => {
                let length = usize::try_from(outcome.result).unwrap_or(0);
                if let Some(kept) = self.shortened(length, false) {
                    self.faults.count(kind, Fault::Short);
                    outcome.result = kept as i64;
                }
                outcomes.push(outcome);
            }
            Some(Change::ShortWrite(attempt)) => outcomes.push(Outcome { attempt, ..outcome }),
            Some(Change::Delay(ns)) => {
                self.faults.count(kind, Fault::Delay(ns));
                let deadline_ns = if self.closing { 0 } else { self.inner.now_ns().saturating_add(ns) };
                self.hold(outcome, deadline_ns);
            }
            Some(Change::Reorder) => {
                if self.under_way > 0 {
                    self.faults.count(kind, Fault::Reorder);
                }
                self.overtaken.push(outcome);
            }
        }
    }

    /// Keeps the list of open files.
    fn track(&mut self, outcome: &Outcome) {
        match (&outcome.attempt, Handle::try_from(outcome.result)) {
            (Attempt::Open { path, .. }, Ok(handle)) if handle >= 0 => {
                self.paths.insert(handle, path.clone());
            }
            (Attempt::Close { handle }, _) => {
                self.paths.remove(handle);
            }
            _ => {}
        }
    }

    /// Asks for a blocking call, unless it is to fail.
    fn block<T>(
        &mut self,
        kind: CallKind,
        path: &Path,
        call: impl FnOnce(&mut dyn Driver) -> Result<T, IoError>,
    ) -> Result<T, IoError> {
        let fault = self.faults.decide(kind, &[path]);
        let fail = |errno| IoError::from_errno(errno, format!("{kind:?} {}", path.display()));
        if let Some(fault) = fault {
            self.faults.count(kind, fault);
        }
        match fault {
            Some(Fault::Refuse(errno)) => Err(fail(errno)),
            Some(Fault::FailAfter(errno)) => call(self.inner.as_mut()).and(Err(fail(errno))),
            _ => call(self.inner.as_mut()),
        }
    }
}

impl Driver for Faulty {
    fn start(&mut self, token: Token, attempt: Attempt) {
        let kind = CallKind::of(&attempt);
        let fault = self.decide(&attempt);
        match fault {
            None => self.hand_down(token, attempt, None),
            // The kernel frees the descriptor whatever close says, unless it was never asked.
            Some(Fault::Refuse(errno)) if kind == CallKind::Close && errno != libc::ECANCELED => {
                self.hand_down(token, attempt, Some(Change::FailAfter(errno)));
            }
            // And a cancelled close was never asked: reporting it as cancelled after it was done would close twice.
            Some(Fault::FailAfter(libc::ECANCELED)) if kind == CallKind::Close => {
                self.faults.count(kind, Fault::Refuse(libc::ECANCELED));
                self.hold(Outcome { token, attempt, result: -i64::from(libc::ECANCELED) }, 0);
            }
            Some(Fault::Refuse(errno)) => {
                self.faults.count(kind, Fault::Refuse(errno));
                self.hold(Outcome { token, attempt, result: -i64::from(errno) }, 0);
            }
            Some(Fault::FailAfter(errno)) => {
                self.hand_down(token, attempt, Some(Change::FailAfter(errno)));
            }
            Some(Fault::Short) => {
                if self.start_short(token, attempt) {
                    self.faults.count(kind, Fault::Short);
                }
            }
            Some(Fault::Delay(ns)) => self.hand_down(token, attempt, Some(Change::Delay(ns))),
            Some(Fault::Reorder) => self.hand_down(token, attempt, Some(Change::Reorder)),
        }
    }

    fn enter(&mut self) {
        self.inner.enter();
    }

    fn reap(&mut self, outcomes: &mut Vec<Outcome>) {
        let before = outcomes.len();
        let mut fresh = std::mem::take(&mut self.fresh);
        self.inner.reap(&mut fresh);
        for outcome in fresh.drain(..) {
            let token = outcome.token;
            if let Some((attempt, result)) = self.held.remove(&token.0) {
                outcomes.push(Outcome { token, attempt, result });
                continue;
            }
            self.under_way -= usize::from(!matches!(outcome.attempt, Attempt::Timer { .. }));
            self.track(&outcome);
            self.change(outcome, outcomes);
        }
        self.fresh = fresh;
        let passed = outcomes.len() > before || self.under_way == 0 || self.closing;
        if passed && self.inner.is_alive() {
            outcomes.append(&mut self.overtaken);
        }
    }

    fn wait(&mut self, timeout_ns: Option<u64>) {
        self.inner.wait(timeout_ns);
    }

    fn skip_idle_time(&mut self) -> bool {
        self.inner.skip_idle_time()
    }

    fn poll_fd(&self) -> RawFd {
        self.inner.poll_fd()
    }

    fn now_ns(&self) -> u64 {
        self.inner.now_ns()
    }

    fn wall_ms(&self) -> i64 {
        self.inner.wall_ms()
    }

    fn opened(&mut self, handle: Handle, mode: OpenMode) -> Result<u64, i32> {
        let path = self.paths.get(&handle).cloned().unwrap_or_default();
        let fault = self.faults.decide(CallKind::Status, &[&path]);
        let (Some(fault), Some(Fault::Refuse(errno) | Fault::FailAfter(errno))) = (fault, fault) else {
            return self.inner.opened(handle, mode);
        };
        self.faults.count(CallKind::Status, fault);
        Err(errno)
    }

    fn size(&mut self, handle: Handle) -> Result<u64, i32> {
        self.inner.size(handle)
    }

    fn cancel_all(&mut self) {
        self.closing = true;
        self.inner.cancel_all();
    }

    fn release(&mut self, handle: Handle) {
        self.paths.remove(&handle);
        self.inner.release(handle);
    }

    fn enters(&self) -> u64 {
        self.inner.enters()
    }

    fn queue_full(&self) -> u64 {
        self.inner.queue_full()
    }

    fn is_alive(&self) -> bool {
        self.inner.is_alive()
    }

    fn root(&self) -> Option<RawFd> {
        self.inner.root()
    }

    fn list(&mut self, path: &Path) -> Result<Vec<String>, IoError> {
        self.block(CallKind::List, path, |inner| inner.list(path))
    }

    fn make_directory(&mut self, path: &Path) -> Result<(), IoError> {
        self.block(CallKind::MakeDirectory, path, |inner| inner.make_directory(path))
    }

    fn exists(&mut self, path: &Path) -> Result<bool, IoError> {
        self.block(CallKind::Exists, path, |inner| inner.exists(path))
    }

    fn read_small(&mut self, path: &Path, limit: usize) -> Result<Vec<u8>, IoError> {
        self.block(CallKind::ReadSmall, path, |inner| inner.read_small(path, limit))
    }
}
