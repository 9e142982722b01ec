//! The io_uring: entries in, completions out. The only file that submits.
//!
//! What it is not: an owner of memory. The one invariant: whoever pushes an entry keeps what it points to in place until the
//! entry's completion has been seen; `in_flight` counts those that have not.

use crate::id::Purpose;
use io_uring::squeue::Entry;
use io_uring::{IoUring, cqueue};
use std::collections::VecDeque;
use std::marker::PhantomData;
use std::os::fd::{AsRawFd, RawFd};

/// How often a submission the kernel has no memory for is repeated before the next turn has to.
const SUBMIT_TRIES: usize = 1000;

/// One completion, taken apart.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Completed {
    pub purpose: Purpose,
    pub result: i32,
    /// The slot the kernel chose.
    pub slot: Option<u16>,
    /// The operation goes on: this was not its last completion.
    pub more: bool,
    /// The socket has more bytes.
    pub nonempty: bool,
}

#[derive(Debug)]
pub(crate) struct Ring {
    ring: Uring,
    entries: VecDeque<Entry>,
    /// Entries in the queue that the kernel has not taken; it takes them in `submit` only.
    not_taken: usize,
    in_flight: usize,
    enters: u64,
    /// A submitter that is not the ring's creator is an error, so this is not `Send`.
    one_thread: PhantomData<*mut ()>,
}

/// `IoUring` has no `Debug`.
struct Uring(IoUring);

impl std::fmt::Debug for Uring {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Uring({})", self.0.as_raw_fd())
    }
}

impl Ring {
    pub(crate) fn new(ring: IoUring) -> Ring {
        let entries = VecDeque::new();
        Ring { ring: Uring(ring), entries, not_taken: 0, in_flight: 0, enters: 0, one_thread: PhantomData }
    }

    /// Queues an operation; it begins with the next `submit`.
    ///
    /// # Safety
    ///
    /// What the entry points to stays in place and is not freed until its last completion has come out of `next`; what the
    /// kernel writes to is not touched until then.
    pub(crate) unsafe fn push(&mut self, entry: Entry, purpose: Purpose) {
        self.entries.push_back(entry.user_data(purpose.user_data()));
        self.in_flight += 1;
    }

    /// Operations whose last completion has not been seen.
    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight
    }

    pub(crate) fn enters(&self) -> u64 {
        self.enters
    }

    pub(crate) fn poll_fd(&self) -> RawFd {
        self.ring.0.as_raw_fd()
    }

    /// Entries wait for `submit`: ours, or those that the kernel has not taken.
    pub(crate) fn has_entries(&self) -> bool {
        self.waiting() > 0
    }

    fn waiting(&self) -> usize {
        self.entries.len() + self.not_taken
    }

    /// Hands everything over: one enter, unless there is more than a queue's worth, or the kernel stops at an entry.
    pub(crate) fn submit(&mut self) {
        self.fill_queue();
        let mut before = usize::MAX;
        while self.waiting() > 0 && self.waiting() < before {
            before = self.waiting();
            self.enter();
            self.fill_queue();
        }
    }

    fn fill_queue(&mut self) {
        let mut queue = self.ring.0.submission();
        while let Some(entry) = self.entries.front() {
            // SAFETY: whoever pushed the entry promised that what it points to stays until the completion.
            if unsafe { queue.push(entry) }.is_err() {
                break;
            }
            self.entries.pop_front();
        }
        self.not_taken = queue.len();
    }

    /// The kernel may take fewer than there are: the queue itself knows what is left.
    fn enter(&mut self) {
        for _ in 0..SUBMIT_TRIES {
            self.enters += 1;
            match self.ring.0.submitter().submit() {
                Ok(_) => return,
                Err(error) => match error.raw_os_error() {
                    Some(libc::EINTR) => {}
                    Some(libc::EAGAIN) => std::thread::yield_now(),
                    // The kernel wants completions taken first: the next reap does.
                    Some(libc::EBUSY) => return,
                    _ => panic!("io_uring_enter refused a valid submission: {error}"),
                },
            }
        }
    }

    /// The next completion, if there is one. Never blocks.
    pub(crate) fn next(&mut self) -> Option<Completed> {
        let entry = self.take_entry().or_else(|| {
            // The kernel may hold completions back until it is asked for them.
            if !self.ring.0.submission().cq_overflow() {
                return None;
            }
            self.enter();
            self.take_entry()
        })?;
        let (user_data, flags) = (entry.user_data(), entry.flags());
        let more = cqueue::more(flags);
        if !more {
            self.in_flight = self.in_flight.checked_sub(1).expect("a completion without an operation");
        }
        let Some(purpose) = Purpose::of_user_data(user_data) else {
            panic!("io_uring completed {user_data:#x}, which is no operation of ours");
        };
        let slot = cqueue::buffer_select(flags);
        Some(Completed {
            purpose,
            result: entry.result(),
            slot,
            more,
            nonempty: cqueue::sock_nonempty(flags),
        })
    }

    fn take_entry(&mut self) -> Option<cqueue::Entry> {
        let mut queue = self.ring.0.completion();
        assert_eq!(queue.overflow(), 0, "the completion queue overflowed");
        queue.next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use io_uring::opcode;
    use io_uring::squeue::Flags;

    #[test]
    fn entries_behind_one_that_the_kernel_refuses_are_handed_over_too() {
        // Without SUBMIT_ALL the kernel stops taking entries where one is refused.
        let mut ring = Ring::new(IoUring::new(8).unwrap());
        for number in 0..20 {
            let entry = opcode::Nop::new().build();
            let entry = if number % 3 == 0 { entry.flags(Flags::BUFFER_SELECT) } else { entry };
            // SAFETY: neither points to anything.
            unsafe { ring.push(entry, Purpose::Cancel) };
        }
        ring.submit();
        assert!(!ring.has_entries());
        let refused = std::iter::from_fn(|| ring.next()).filter(|completed| completed.result < 0).count();
        assert_eq!((refused, ring.in_flight()), (7, 0));
    }
}
