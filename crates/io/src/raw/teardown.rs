//! The end of a `RawIo`: cancel everything, wait for what cannot be cancelled, then close.
//!
//! The one invariant: memory goes only when nothing works on it. What the device or a peer never gives back within five
//! seconds is leaked, with the ring that has it.

use super::raw_io::RawIo;
use super::ring::Ring;
use crate::clock::monotonic_ns;
use crate::signal::wait_readable;

/// How long the end waits, in ns.
const PATIENCE_NS: u64 = 5_000_000_000;
/// The longest single wait, in ns.
const STEP_NS: u64 = 100_000_000;

impl RawIo {
    /// Takes nothing more, and asks for the end of everything in flight. Completions still come through `reap`.
    pub fn begin_close(&mut self) {
        self.is_closing = true;
        for token in self.flights.tokens() {
            let Some((owner, source)) = self.flights.get(token).map(|it| (it.owner, it.source)) else {
                continue;
            };
            self.cancel(owner, source);
        }
        self.submit();
    }

    /// Blocks until nothing is in flight; how many operations are left after five seconds.
    fn await_end(&mut self) -> usize {
        let deadline = monotonic_ns() + PATIENCE_NS;
        loop {
            self.submit();
            let mut completed = Vec::new();
            self.reap(&mut completed);
            let left = deadline.saturating_sub(monotonic_ns());
            if self.in_flight() == 0 || left == 0 {
                return self.in_flight();
            }
            if completed.is_empty() {
                match self.ring.as_ref().map(Ring::poll_fd) {
                    Some(ring) => wait_readable(ring, Some(left.min(STEP_NS))),
                    None => self.pool.wait(left.min(STEP_NS)),
                }
            }
        }
    }
}

impl Drop for RawIo {
    fn drop(&mut self) {
        #[cfg(feature = "planted")]
        if crate::planted::RawBug::TeardownWithoutWaiting.is_planted() {
            return;
        }
        self.begin_close();
        if self.await_end() > 0 {
            // Their memory lies in the flights, and the kernel may still write to it.
            std::mem::forget(self.ring.take());
            std::mem::forget(std::mem::take(&mut self.flights));
            std::mem::forget(std::mem::take(&mut self.files));
        }
    }
}
