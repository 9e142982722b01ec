//! The io_uring itself: entries in, completions out. What they mean is raw_io.rs's.
//!
//! The one invariant: a chain is handed over whole, because the kernel ends a chain where a submission ends.

use super::registered::Registered;
use super::setup::{self, Mode};
use crate::signal::wait_readable;
use io_uring::squeue::Entry;
use io_uring::types::Fd;
use io_uring::{IoUring, Probe, opcode};
use std::collections::VecDeque;
use std::os::fd::{AsRawFd, RawFd};

/// Completions nobody waits for: those of cancellations.
const IGNORED: u64 = u64::MAX;
/// The threads' descriptor became readable.
const HELPER: u64 = u64::MAX - 1;
/// How often one `reap` goes back to the kernel for completions it holds back.
const ROUNDS_MAX: usize = 4;
/// How often a submission the kernel has no memory for is repeated before the next turn has to.
const SUBMIT_TRIES: usize = 1000;

pub(super) struct Ring {
    ring: IoUring,
    probe: Probe,
    /// Whole chains that did not fit yet.
    overdue: VecDeque<Vec<Entry>>,
    is_watching: bool,
    /// A kernel thread takes the submissions.
    is_polled: bool,
    pub enters: u64,
    registered: Registered,
}

impl Ring {
    /// A ring and the names of its flags, or why there is none.
    pub fn open(mode: Mode, in_flight: usize) -> Result<(Ring, Vec<&'static str>), String> {
        let opened = setup::open(mode, in_flight)?;
        let (ring, probe) = (opened.ring, opened.probe);
        let is_polled = mode != Mode::Interrupt;
        let overdue = VecDeque::new();
        let mut ring = Ring {
            ring,
            probe,
            overdue,
            is_watching: false,
            is_polled,
            enters: 0,
            registered: Registered::default(),
        };
        ring.try_nop()?;
        Ok((ring, opened.flags))
    }

    fn try_nop(&mut self) -> Result<(), String> {
        // SAFETY: a nop points to nothing.
        unsafe { self.push(vec![opcode::Nop::new().build().user_data(IGNORED)]) };
        self.enter();
        wait_readable(self.ring.as_raw_fd(), Some(1_000_000_000));
        match self.ring.completion().next().map(|completion| completion.result()) {
            Some(0) => Ok(()),
            Some(errno) => {
                Err(format!("io_uring failed a nop: {}", std::io::Error::from_raw_os_error(-errno)))
            }
            None => Err("io_uring did not complete a nop within a second".to_owned()),
        }
    }

    /// What is registered, with the ring it is registered with.
    pub fn registered(&mut self) -> (&mut Registered, &IoUring) {
        (&mut self.registered, &self.ring)
    }

    pub fn supports(&self, code: u8) -> bool {
        self.probe.is_supported(code)
    }

    pub fn poll_fd(&self) -> RawFd {
        self.ring.as_raw_fd()
    }

    /// Queues the entries of one operation, or of one chain.
    ///
    /// # Safety
    ///
    /// Everything they point to stays where it is, and theirs, until their completions.
    pub unsafe fn push(&mut self, entries: Vec<Entry>) {
        self.overdue.push_back(entries);
    }

    /// As `push`, of an operation that is no part of a chain: at once into the kernel's queue where there is room.
    ///
    /// # Safety
    ///
    /// As for `push`.
    pub unsafe fn push_alone(&mut self, entry: Entry) {
        // A kernel's thread is only told by `enter`, and what is overdue comes first.
        let may = !self.is_polled && self.overdue.is_empty();
        // SAFETY: the caller's promise.
        if !may || unsafe { self.ring.submission().push(&entry) }.is_err() {
            self.overdue.push_back(vec![entry]);
        }
    }

    /// Asks for the end of an operation; it completes all the same.
    pub fn cancel(&mut self, token: u64) {
        self.overdue.push_back(vec![opcode::AsyncCancel::new(token).build().user_data(IGNORED)]);
    }

    /// Wakes the ring's descriptor when this one becomes readable.
    pub fn watch(&mut self, descriptor: RawFd) {
        if !self.is_watching {
            self.is_watching = true;
            let poll = opcode::PollAdd::new(Fd(descriptor), libc::POLLIN as u32).build();
            self.overdue.push_back(vec![poll.user_data(HELPER)]);
        }
    }

    /// Whether entries wait to be handed over.
    pub fn wants_enter(&mut self) -> bool {
        !self.overdue.is_empty() || !self.is_polled && !self.ring.submission().is_empty()
    }

    /// Hands over what is queued: one system call, unless there is more than fits.
    pub fn enter(&mut self) {
        while self.fill() || self.wants_enter() {
            if !self.submit() || self.overdue.is_empty() {
                return;
            }
            if self.is_polled {
                // The kernel's thread is behind: the next turn goes on.
                return;
            }
        }
    }

    /// Moves whole chains into the kernel's queue; whether there were any.
    fn fill(&mut self) -> bool {
        let before = self.overdue.len();
        let mut queue = self.ring.submission();
        while let Some(chain) = self.overdue.front() {
            if queue.capacity() - queue.len() < chain.len() {
                break;
            }
            for entry in chain {
                // SAFETY: the promise made to `push`; entries of our own point to nothing.
                unsafe { queue.push(entry) }.expect("there is room, and nobody else takes it");
            }
            self.overdue.pop_front();
        }
        self.overdue.len() < before
    }

    /// False when the kernel takes nothing now: the next turn tries again.
    fn submit(&mut self) -> bool {
        for _ in 0..SUBMIT_TRIES {
            self.enters += 1;
            match self.ring.submitter().submit() {
                Ok(_) => return true,
                Err(error) => match error.raw_os_error() {
                    Some(libc::EINTR) => {}
                    Some(libc::EAGAIN) => std::thread::yield_now(),
                    // The kernel wants completions taken first: the next reap does.
                    Some(libc::EBUSY) => return false,
                    _ => panic!("io_uring_enter refused a valid submission: {error}"),
                },
            }
        }
        false
    }

    /// Takes what has completed: tokens and results. True when the threads have something, too.
    pub fn reap(&mut self, completions: &mut Vec<(u64, i32)>) -> bool {
        let mut is_helper_ready = false;
        for _ in 0..ROUNDS_MAX {
            for completion in self.ring.completion() {
                match completion.user_data() {
                    IGNORED => {}
                    HELPER => {
                        self.is_watching = false;
                        is_helper_ready = true;
                    }
                    token => completions.push((token, completion.result())),
                }
            }
            let queue = self.ring.submission();
            if !queue.taskrun() && !queue.cq_overflow() {
                break;
            }
            drop(queue);
            self.enters += 1;
            // What the kernel says of it does not matter: the completions are looked for in any case.
            let _ = self.ring.submitter().submit();
        }
        is_helper_ready
    }
}
