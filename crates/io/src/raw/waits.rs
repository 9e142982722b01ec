//! What threads would have to wait for, waited for without threads: readiness of descriptors, and times.
//!
//! The one invariant: what is watched is a descriptor of our own (a duplicate), so it stays what it is while it is
//! watched, and two operations on one file do not get into each other's way.

use crate::clock;
use crate::errno::IoError;
use crate::signal::{Signal, last_error, wait_readable};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

/// Keys of what is not a job.
const SIGNAL: u64 = u64::MAX;
/// Events taken at a time.
const EVENTS: usize = 64;

#[derive(Debug)]
struct Wait<T> {
    job: T,
    /// Ours, and watched, until the job is taken.
    watched: Option<OwnedFd>,
}

/// Jobs that wait, and the descriptor that is readable when one of them need not any more or `signal` was raised.
#[derive(Debug)]
pub(super) struct Waits<T> {
    epoll: OwnedFd,
    timer: OwnedFd,
    waits: HashMap<u64, Wait<T>>,
    deadlines: BinaryHeap<Reverse<(u64, u64)>>,
    armed_for: u64,
    next: u64,
}

impl<T> Waits<T> {
    pub fn new(signal: &Signal) -> Result<Waits<T>, IoError> {
        // SAFETY: takes no memory.
        let epoll = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
        if epoll < 0 {
            return Err(last_error("epoll_create1"));
        }
        // SAFETY: the descriptor was just created and nobody else owns it.
        let epoll = unsafe { OwnedFd::from_raw_fd(epoll) };
        let flags = libc::TFD_CLOEXEC | libc::TFD_NONBLOCK;
        // SAFETY: takes no memory.
        let timer = unsafe { libc::timerfd_create(libc::CLOCK_MONOTONIC, flags) };
        if timer < 0 {
            return Err(last_error("timerfd_create"));
        }
        // SAFETY: the descriptor was just created and nobody else owns it.
        let timer = unsafe { OwnedFd::from_raw_fd(timer) };
        let waits = Waits {
            epoll,
            timer,
            waits: HashMap::new(),
            deadlines: BinaryHeap::new(),
            armed_for: 0,
            next: 0,
        };
        for descriptor in [signal.descriptor(), waits.timer.as_raw_fd()] {
            if !waits.add(descriptor, libc::EPOLLIN as u32, SIGNAL) {
                return Err(last_error("epoll_ctl"));
            }
        }
        Ok(waits)
    }

    fn add(&self, descriptor: RawFd, events: u32, key: u64) -> bool {
        let mut event = libc::epoll_event { events, u64: key };
        let epoll = self.epoll.as_raw_fd();
        // SAFETY: `event` outlives the call; both descriptors are open.
        unsafe { libc::epoll_ctl(epoll, libc::EPOLL_CTL_ADD, descriptor, &raw mut event) == 0 }
    }

    pub fn poll_fd(&self) -> RawFd {
        self.epoll.as_raw_fd()
    }

    /// Waits until `descriptor` is ready for `events`. The job comes back with the errno that keeps it from being watched,
    /// 0 where there is nothing to wait for.
    pub fn watch(&mut self, job: T, descriptor: RawFd, events: u32) -> Result<(), (T, i32)> {
        // SAFETY: takes no memory; the descriptor is open, its operation is in flight.
        let duplicate = unsafe { libc::fcntl(descriptor, libc::F_DUPFD_CLOEXEC, 0) };
        if duplicate < 0 {
            return Err((job, std::io::Error::last_os_error().raw_os_error().unwrap_or(libc::EMFILE)));
        }
        // SAFETY: just made, and nobody else owns it.
        let duplicate = unsafe { OwnedFd::from_raw_fd(duplicate) };
        self.next += 1;
        if !self.add(duplicate.as_raw_fd(), events | libc::EPOLLONESHOT as u32, self.next) {
            let errno = std::io::Error::last_os_error().raw_os_error().unwrap_or(libc::EPERM);
            // Files are always ready, and cannot be watched.
            return Err((job, if errno == libc::EPERM { 0 } else { errno }));
        }
        self.waits.insert(self.next, Wait { job, watched: Some(duplicate) });
        Ok(())
    }

    /// Waits until this time of the monotonic clock.
    pub fn sleep(&mut self, job: T, deadline_ns: u64) {
        self.next += 1;
        self.waits.insert(self.next, Wait { job, watched: None });
        self.deadlines.push(Reverse((deadline_ns, self.next)));
        self.arm();
    }

    /// Sets the kernel's timer to the earliest time somebody waits for.
    fn arm(&mut self) {
        while self.deadlines.peek().is_some_and(|Reverse((_, key))| !self.waits.contains_key(key)) {
            self.deadlines.pop();
        }
        let wanted = self.deadlines.peek().map_or(0, |Reverse((deadline, _))| (*deadline).max(1));
        if wanted == self.armed_for {
            return;
        }
        self.armed_for = wanted;
        let setting = libc::itimerspec { it_interval: clock::timespec(0), it_value: clock::timespec(wanted) };
        let timer = self.timer.as_raw_fd();
        // SAFETY: `setting` outlives the call. A time in the past fires at once; zero disarms.
        let result = unsafe {
            libc::timerfd_settime(timer, libc::TFD_TIMER_ABSTIME, &raw const setting, std::ptr::null_mut())
        };
        assert_eq!(result, 0, "timerfd_settime refused a valid time");
    }

    /// Takes the jobs that need not wait any more.
    pub fn take_ready(&mut self, jobs: &mut Vec<T>) {
        let mut events = [libc::epoll_event { events: 0, u64: 0 }; EVENTS];
        loop {
            // SAFETY: room for as many events as announced; never waits.
            let count = unsafe {
                libc::epoll_wait(self.epoll.as_raw_fd(), events.as_mut_ptr(), EVENTS as libc::c_int, 0)
            };
            let count = usize::try_from(count).unwrap_or(0);
            jobs.extend(events[..count].iter().filter_map(|event| self.remove(event.u64)));
            if count < EVENTS {
                break;
            }
        }
        let now = clock::monotonic_ns();
        while let Some(&Reverse((deadline, key))) = self.deadlines.peek() {
            if deadline > now {
                break;
            }
            self.deadlines.pop();
            jobs.extend(self.remove(key));
        }
        // Setting a timerfd also takes back an expiry that was not read.
        self.arm();
    }

    /// Takes a job out, whatever it waits for.
    pub fn take(&mut self, is_wanted: impl Fn(&T) -> bool) -> Option<T> {
        let (&key, _) = self.waits.iter().find(|(_, wait)| is_wanted(&wait.job))?;
        self.remove(key)
    }

    /// Watches for this one no more. What is watched has to be taken out by hand: closing it does not, because the file
    /// behind it stays open, and the next duplicate with the same number would not be taken.
    fn remove(&mut self, key: u64) -> Option<T> {
        let wait = self.waits.remove(&key)?;
        if let Some(watched) = &wait.watched {
            let (epoll, watched) = (self.epoll.as_raw_fd(), watched.as_raw_fd());
            // SAFETY: both descriptors are open; no event is passed.
            unsafe { libc::epoll_ctl(epoll, libc::EPOLL_CTL_DEL, watched, std::ptr::null_mut()) };
        }
        Some(wait.job)
    }

    /// Blocks until the descriptor is readable or `timeout_ns` have passed.
    pub fn wait(&self, timeout_ns: u64) {
        wait_readable(self.epoll.as_raw_fd(), Some(timeout_ns));
    }
}
