//! The end of a `Net`: in order, driven by its owner, or at once when it is dropped.
//!
//! The one invariant: memory the kernel never gave back is leaked, not freed under it.

use crate::event::CloseReason;
use crate::id::Purpose;
use crate::net::Net;
use io_uring::opcode;
use io_uring::types::CancelBuilder;
use std::time::{Duration, Instant};

/// How long dropping waits for the kernel.
const DRAIN_MAX: Duration = Duration::from_secs(5);

impl Net {
    /// Closes all listeners and connections; goes on as it is driven, until `is_closed`.
    pub fn close_begin(&mut self) {
        for listener in 0..self.owned().listeners.len() {
            self.unlisten(listener as u32);
        }
        for id in self.owned().connections.ids() {
            self.end(id, CloseReason::Local);
        }
    }

    /// Nothing is open and nothing is in flight.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        let owned = self.owned();
        self.ring.in_flight() == 0
            && owned.connections.len() == 0
            && owned.listeners.iter().all(Option::is_none)
    }

    /// Blocks until `reap` would find something, at most so long. For tests and for ending.
    pub fn wait(&self, at_most: Duration) {
        let mut poll = libc::pollfd { fd: self.poll_fd(), events: libc::POLLIN, revents: 0 };
        let milliseconds = i32::try_from(at_most.as_millis()).unwrap_or(i32::MAX);
        // SAFETY: one entry is announced and present for the length of the call.
        unsafe { libc::poll(&raw mut poll, 1, milliseconds) };
    }

    /// Cancels everything and takes completions until nothing is in flight. False when the time is up.
    fn drain(&mut self) -> bool {
        self.close_begin();
        if self.ring.in_flight() > 0 {
            let cancel = opcode::AsyncCancel2::new(CancelBuilder::any()).build();
            // SAFETY: a cancellation points to nothing.
            unsafe { self.ring.push(cancel, Purpose::Cancel) };
        }
        let until = Instant::now() + DRAIN_MAX;
        loop {
            self.ring.submit();
            self.reap();
            if self.ring.in_flight() == 0 {
                return true;
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            self.wait(left.min(Duration::from_millis(50)));
        }
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        // A panic may have left things half done: nothing is asserted on the way out of one.
        let is_drained = !std::thread::panicking() && self.drain();
        if !is_drained {
            std::mem::forget(self.owned.take());
        }
    }
}
