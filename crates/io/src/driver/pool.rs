//! The pool driver: a few threads of our own that do positioned calls. The product's path wherever io_uring is
//! refused, with the same results.
//!
//! The one invariant: an attempt (and with it the memory it works on) belongs to exactly one of queue, thread and
//! done list at any time, so no memory is shared between threads but immutable pieces.

use super::{Driver, calls};
use crate::attempt::{Attempt, Handle, Outcome, Token};
use crate::clock;
use crate::directory::{self, DataDirectory};
use crate::errno::IoError;
use crate::op::OpenMode;
use crate::signal::Signal;
use crate::timers::Timers;
use std::collections::VecDeque;
use std::io;
use std::os::fd::RawFd;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;

/// Threads unless the limits say otherwise. Group commit keeps one or two busy, the rest serves cold reads.
pub(crate) const THREADS: usize = 4;

/// What the engine's thread and the pool's threads share.
#[derive(Debug)]
struct Shared {
    directory: Arc<DataDirectory>,
    state: Mutex<State>,
    work: Condvar,
    done: Signal,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<(Token, Attempt)>,
    finished: Vec<Outcome>,
    stopping: bool,
}

impl Shared {
    /// No code panics while it holds the lock, so a poisoned one still guards whole data.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[derive(Debug)]
pub(crate) struct Pool {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
    started: Vec<(Token, Attempt)>,
    timers: Timers,
    enters: u64,
}

impl Pool {
    pub fn open(directory: Arc<DataDirectory>, threads: usize) -> Result<Pool, IoError> {
        let done = Signal::new()?;
        let timers = Timers::new(&done)?;
        let shared =
            Arc::new(Shared { directory, state: Mutex::new(State::default()), work: Condvar::new(), done });
        let mut pool = Pool { shared, threads: Vec::new(), started: Vec::new(), timers, enters: 0 };
        for number in 0..threads.max(1) {
            let shared = Arc::clone(&pool.shared);
            let thread = std::thread::Builder::new()
                .name(format!("millrace-io-{number}"))
                .spawn(move || run(&shared))
                .map_err(|error| thread_error(&error))?;
            pool.threads.push(thread);
        }
        Ok(pool)
    }
}

fn thread_error(error: &io::Error) -> IoError {
    IoError::from_errno(error.raw_os_error().unwrap_or(libc::EAGAIN), "start an I/O thread")
}

/// A thread's life: take the oldest attempt, do it, hand it back.
fn run(shared: &Shared) {
    let mut state = shared.state();
    loop {
        if let Some((token, mut attempt)) = state.waiting.pop_front() {
            drop(state);
            let result = calls::perform(shared.directory.descriptor(), &mut attempt);
            state = shared.state();
            state.finished.push(Outcome { token, attempt, result });
            if state.finished.len() == 1 {
                shared.done.raise();
            }
        } else if state.stopping {
            return;
        } else {
            state = shared.work.wait(state).unwrap_or_else(std::sync::PoisonError::into_inner);
        }
    }
}

impl Driver for Pool {
    fn start(&mut self, token: Token, attempt: Attempt) {
        match attempt {
            Attempt::Timer { deadline_ns } => self.timers.add(deadline_ns, token),
            attempt => self.started.push((token, attempt)),
        }
    }

    fn enter(&mut self) {
        self.timers.arm();
        if self.started.is_empty() {
            return;
        }
        self.enters += 1;
        let many = self.started.len() > 1;
        self.shared.state().waiting.extend(self.started.drain(..));
        if many { self.shared.work.notify_all() } else { self.shared.work.notify_one() }
    }

    fn reap(&mut self, outcomes: &mut Vec<Outcome>) {
        // The signal is lowered first: what finishes after the list was taken raises it again.
        self.shared.done.lower();
        outcomes.append(&mut self.shared.state().finished);
        self.timers.reap(clock::monotonic_ns(), outcomes);
    }

    fn wait(&mut self, timeout_ns: Option<u64>) {
        self.timers.wait(timeout_ns);
    }

    fn poll_fd(&self) -> RawFd {
        self.timers.poll_fd()
    }

    fn now_ns(&self) -> u64 {
        clock::monotonic_ns()
    }

    fn wall_ms(&self) -> i64 {
        clock::wall_ms()
    }

    fn opened(&mut self, handle: Handle, mode: OpenMode) -> Result<u64, i32> {
        calls::opened(handle, mode)
    }

    fn size(&mut self, handle: Handle) -> Result<u64, i32> {
        calls::size(handle)
    }

    fn cancel_all(&mut self) {
        self.timers.cancel();
        let mut state = self.shared.state();
        let waiting = std::mem::take(&mut state.waiting);
        let cancelled = waiting.into_iter().chain(self.started.drain(..)).map(|(token, attempt)| Outcome {
            token,
            attempt,
            result: -i64::from(libc::ECANCELED),
        });
        state.finished.extend(cancelled);
        self.shared.done.raise();
    }

    fn release(&mut self, handle: Handle) {
        calls::close(handle);
    }

    fn enters(&self) -> u64 {
        self.enters
    }

    fn root(&self) -> Option<RawFd> {
        Some(self.shared.directory.descriptor())
    }

    fn list(&mut self, path: &Path) -> Result<Vec<String>, IoError> {
        directory::list(&self.shared.directory, path)
    }

    fn make_directory(&mut self, path: &Path) -> Result<(), IoError> {
        directory::make_directory(&self.shared.directory, path)
    }

    fn exists(&mut self, path: &Path) -> Result<bool, IoError> {
        directory::exists(&self.shared.directory, path)
    }

    fn read_small(&mut self, path: &Path, limit: usize) -> Result<Vec<u8>, IoError> {
        directory::read_small(&self.shared.directory, path, limit)
    }
}

impl Drop for Pool {
    /// Ends the threads, in five seconds at most for all of them. One that hangs in the kernel is left behind with the
    /// attempt it owns: it frees nothing anyone else uses.
    fn drop(&mut self) {
        self.shared.state().stopping = true;
        self.shared.work.notify_all();
        let patience = clock::monotonic_ns() + 5_000_000_000;
        for thread in self.threads.drain(..) {
            while !thread.is_finished() && clock::monotonic_ns() < patience {
                std::thread::yield_now();
            }
            if thread.is_finished() {
                // A thread only runs calls that return errors, so there is no panic to pass on.
                let _ = thread.join();
            }
        }
    }
}
