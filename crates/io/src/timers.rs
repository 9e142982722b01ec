//! Timers for drivers without timers of their own: a heap of deadlines behind a timerfd, in one epoll descriptor
//! with the signal for everything else.

use crate::attempt::{Attempt, Outcome, Token};
use crate::clock;
use crate::errno::IoError;
use crate::signal::{Signal, last_error, wait_readable};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

#[derive(Debug)]
pub(crate) struct Timers {
    epoll: OwnedFd,
    timer: OwnedFd,
    deadlines: BinaryHeap<Reverse<(u64, u64)>>,
    armed_for: u64,
    cancelled: bool,
}

impl Timers {
    /// The poll descriptor is readable when `signal` is raised or a deadline has passed.
    pub fn new(signal: &Signal) -> Result<Timers, IoError> {
        // SAFETY: these take no memory.
        let epoll = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
        if epoll < 0 {
            return Err(last_error("epoll_create1"));
        }
        // SAFETY: the descriptor was just created and nobody else owns it.
        let epoll = unsafe { OwnedFd::from_raw_fd(epoll) };
        let flags = libc::TFD_CLOEXEC | libc::TFD_NONBLOCK;
        // SAFETY: this takes no memory.
        let timer = unsafe { libc::timerfd_create(libc::CLOCK_MONOTONIC, flags) };
        if timer < 0 {
            return Err(last_error("timerfd_create"));
        }
        // SAFETY: the descriptor was just created and nobody else owns it.
        let timer = unsafe { OwnedFd::from_raw_fd(timer) };
        for descriptor in [signal.descriptor(), timer.as_raw_fd()] {
            let mut event = libc::epoll_event { events: libc::EPOLLIN as u32, u64: 0 };
            // SAFETY: `event` outlives the call, both descriptors are open.
            if unsafe { libc::epoll_ctl(epoll.as_raw_fd(), libc::EPOLL_CTL_ADD, descriptor, &mut event) } != 0
            {
                return Err(last_error("epoll_ctl"));
            }
        }
        Ok(Timers { epoll, timer, deadlines: BinaryHeap::new(), armed_for: 0, cancelled: false })
    }

    pub fn poll_fd(&self) -> RawFd {
        self.epoll.as_raw_fd()
    }

    pub fn add(&mut self, deadline_ns: u64, token: Token) {
        self.deadlines.push(Reverse((deadline_ns, token.0)));
    }

    /// Sets the kernel's timer to the earliest deadline.
    pub fn arm(&mut self) {
        let wanted = self.deadlines.peek().map_or(0, |Reverse((deadline, _))| (*deadline).max(1));
        if wanted == self.armed_for {
            return;
        }
        self.armed_for = wanted;
        let zero = clock::timespec(0);
        let setting = libc::itimerspec { it_interval: zero, it_value: clock::timespec(wanted) };
        // SAFETY: `setting` outlives the call. A past deadline fires at once; zero disarms.
        let result = unsafe {
            libc::timerfd_settime(
                self.timer.as_raw_fd(),
                libc::TFD_TIMER_ABSTIME,
                &setting,
                std::ptr::null_mut(),
            )
        };
        assert_eq!(result, 0, "timerfd_settime refused a valid time");
    }

    /// Hands out every timer that is due (or all of them once cancelled).
    pub fn reap(&mut self, now_ns: u64, outcomes: &mut Vec<Outcome>) {
        let result = if self.cancelled { -i64::from(libc::ECANCELED) } else { 0 };
        while let Some(&Reverse((deadline_ns, token))) = self.deadlines.peek() {
            if deadline_ns > now_ns && !self.cancelled {
                break;
            }
            self.deadlines.pop();
            outcomes.push(Outcome { token: Token(token), attempt: Attempt::Timer { deadline_ns }, result });
        }
        // Setting a timerfd also takes back an expiry that was not read.
        self.arm();
    }

    pub fn cancel(&mut self) {
        self.cancelled = true;
    }

    /// Blocks until the poll descriptor is readable or `timeout_ns` have passed.
    pub fn wait(&self, timeout_ns: Option<u64>) {
        wait_readable(self.epoll.as_raw_fd(), timeout_ns);
    }
}
