//! Threads for raw operations: all of them where there is no ring, and beside a ring what rings do not have.
//!
//! What would make a thread wait for somebody else waits in waits.rs instead, so a few threads serve any number of sockets.
//!
//! The one invariant: a job, with the memory it works on, belongs to exactly one of queue, thread, waits and done list.

use super::perform::{Performed, perform};
use super::request::Request;
use super::waits::Waits;
use crate::clock;
use crate::errno::IoError;
use crate::signal::Signal;
use std::collections::{HashSet, VecDeque};
use std::os::fd::RawFd;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;

/// One operation of a job.
#[derive(Debug)]
pub(super) struct Step {
    pub token: u64,
    pub descriptors: [RawFd; 2],
    pub request: Box<Request>,
}

/// One operation, or a chain of them: each begins when the one before has succeeded in full.
#[derive(Debug)]
pub(super) struct Job {
    pub steps: VecDeque<Step>,
}

impl Job {
    fn has(&self, token: u64) -> bool {
        self.steps.iter().any(|step| step.token == token)
    }
}

/// A step that is over.
#[derive(Debug)]
pub(super) struct Finished {
    pub token: u64,
    pub request: Box<Request>,
    pub result: i64,
}

#[derive(Debug)]
enum Blocked {
    On(RawFd, u32),
    Until(u64),
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Job>,
    finished: Vec<Finished>,
    blocked: Vec<(Job, Blocked)>,
    stopping: bool,
    /// Threads without work.
    idle: usize,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    work: Condvar,
    done: Signal,
}

impl Shared {
    /// No code panics while it holds the lock, so a poisoned one still guards whole data.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[derive(Debug)]
pub(super) struct Pool {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
    threads_max: usize,
    waits: Waits<Job>,
    /// Cancelled while a thread had them: they are not waited for any more.
    cancelled: HashSet<u64>,
    ready: Vec<Job>,
    /// Steps handed over and not taken back.
    pub in_flight: usize,
}

impl Pool {
    /// No thread is started before there is work.
    pub fn open(threads_max: usize) -> Result<Pool, IoError> {
        let done = Signal::new()?;
        let waits = Waits::new(&done)?;
        let shared = Arc::new(Shared { state: Mutex::new(State::default()), work: Condvar::new(), done });
        Ok(Pool {
            shared,
            threads: Vec::new(),
            threads_max: threads_max.clamp(1, 64),
            waits,
            cancelled: HashSet::new(),
            ready: Vec::new(),
            in_flight: 0,
        })
    }

    pub fn poll_fd(&self) -> RawFd {
        self.waits.poll_fd()
    }

    /// Hands over a job. Whoever cannot have a thread gets ENOMEM as its result.
    pub fn start(&mut self, job: Job) {
        self.in_flight += job.steps.len();
        self.queue(job);
    }

    fn queue(&mut self, job: Job) {
        let all_busy = {
            let mut state = self.shared.state();
            state.waiting.push_back(job);
            state.idle < state.waiting.len()
        };
        if all_busy && self.threads.len() < self.threads_max {
            self.start_thread();
        }
        self.shared.work.notify_one();
    }

    fn start_thread(&mut self) {
        let shared = Arc::clone(&self.shared);
        let name = format!("millrace-raw-{}", self.threads.len());
        match std::thread::Builder::new().name(name).spawn(move || run(&shared)) {
            Ok(thread) => self.threads.push(thread),
            Err(_) if !self.threads.is_empty() => {}
            Err(error) => {
                let errno = error.raw_os_error().unwrap_or(libc::EAGAIN);
                let mut state = self.shared.state();
                let jobs = std::mem::take(&mut state.waiting);
                jobs.into_iter().for_each(|job| fail(&mut state, job, errno));
                self.shared.done.raise();
            }
        }
    }

    /// Takes what is over, and has what was waited for tried again.
    pub fn reap(&mut self, finished: &mut Vec<Finished>) {
        // The signal is lowered first: what ends after the lists were taken raises it again.
        self.shared.done.lower();
        let blocked = {
            let mut state = self.shared.state();
            std::mem::take(&mut state.blocked)
        };
        for (job, reason) in blocked {
            self.wait_for(job, &reason);
        }
        let mut ready = std::mem::take(&mut self.ready);
        self.waits.take_ready(&mut ready);
        ready.drain(..).for_each(|job| self.queue(job));
        self.ready = ready;
        let before = finished.len();
        finished.append(&mut self.shared.state().finished);
        self.in_flight -= finished.len() - before;
        if !self.cancelled.is_empty() {
            finished[before..].iter().for_each(|it| {
                self.cancelled.remove(&it.token);
            });
        }
    }

    fn wait_for(&mut self, job: Job, reason: &Blocked) {
        if job.steps.iter().any(|step| self.cancelled.contains(&step.token)) {
            return fail(&mut self.shared.state(), job, libc::ECANCELED);
        }
        match *reason {
            Blocked::Until(deadline) => self.waits.sleep(job, deadline),
            Blocked::On(descriptor, events) => match self.waits.watch(job, descriptor, events) {
                Ok(()) => {}
                Err((job, 0)) => self.queue(job),
                Err((job, errno)) => fail(&mut self.shared.state(), job, errno),
            },
        }
    }

    /// Ends what has not begun or is waiting; a call that runs is let run.
    pub fn cancel(&mut self, token: u64) {
        let waiting = self.waits.take(|job| job.has(token));
        let mut state = self.shared.state();
        let queued = state.waiting.iter().position(|job| job.has(token));
        let queued = queued.and_then(|at| state.waiting.remove(at));
        match waiting.or(queued) {
            Some(job) => {
                fail(&mut state, job, libc::ECANCELED);
                self.shared.done.raise();
            }
            None => {
                self.cancelled.insert(token);
            }
        }
    }

    /// Blocks until there may be something to reap, at most so long.
    pub fn wait(&self, timeout_ns: u64) {
        self.waits.wait(timeout_ns);
    }
}

/// Everything left of a job ends with this errno.
fn fail(state: &mut State, job: Job, errno: i32) {
    let each = job.steps.into_iter();
    let ended =
        each.map(|step| Finished { token: step.token, request: step.request, result: -i64::from(errno) });
    state.finished.extend(ended);
}

/// A thread's life: take the oldest job, go on with it as far as it goes, hand it back.
fn run(shared: &Shared) {
    let mut state = shared.state();
    loop {
        if let Some(job) = state.waiting.pop_front() {
            drop(state);
            state = work(shared, job);
            shared.done.raise();
        } else if state.stopping {
            return;
        } else {
            state.idle += 1;
            state = shared.work.wait(state).unwrap_or_else(std::sync::PoisonError::into_inner);
            state.idle -= 1;
        }
    }
}

fn work(shared: &Shared, mut job: Job) -> MutexGuard<'_, State> {
    let mut finished = Vec::new();
    let mut blocked = None;
    let mut broken = false;
    while let Some(step) = job.steps.front_mut() {
        let result = match perform(&mut step.request, step.descriptors) {
            // A signal broke it off before it did anything.
            Performed::Done(result) if result == -i64::from(libc::EINTR) => continue,
            Performed::Done(result) => result,
            Performed::Blocked(descriptor, events) => {
                blocked = Some(Blocked::On(descriptor, events));
                break;
            }
            Performed::Until(deadline) => {
                blocked = Some(Blocked::Until(deadline));
                break;
            }
        };
        let Some(step) = job.steps.pop_front() else { break };
        let whole = step.request.whole();
        let is_short = whole.is_some_and(|whole| result as usize != whole);
        #[cfg(feature = "planted")]
        let is_short = is_short && !crate::planted::RawBug::ShortStepGoesOn.is_planted();
        broken = result < 0 || is_short;
        finished.push(Finished { token: step.token, request: step.request, result });
        if broken {
            break;
        }
    }
    let mut state = shared.state();
    state.finished.append(&mut finished);
    if let Some(reason) = blocked {
        state.blocked.push((job, reason));
    } else if broken {
        fail(&mut state, job, libc::ECANCELED);
    }
    state
}

impl Drop for Pool {
    /// Ends the threads, in five seconds at most for all of them. One that hangs in the kernel is left behind with the job
    /// it owns: it frees nothing anyone else uses.
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
