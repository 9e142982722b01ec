//! An eventfd: what another thread raises, and an event loop can poll.

use crate::clock::{monotonic_ns, timespec};
use crate::errno::IoError;
use crate::interrupted::uninterrupted;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

#[derive(Debug)]
pub(crate) struct Signal {
    descriptor: OwnedFd,
}

impl Signal {
    pub fn new() -> Result<Signal, IoError> {
        // SAFETY: eventfd takes no memory.
        let descriptor = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
        if descriptor < 0 {
            return Err(last_error("eventfd"));
        }
        // SAFETY: the descriptor was just created and nobody else owns it.
        Ok(Signal { descriptor: unsafe { OwnedFd::from_raw_fd(descriptor) } })
    }

    pub fn descriptor(&self) -> RawFd {
        self.descriptor.as_raw_fd()
    }

    /// Makes it readable.
    pub fn raise(&self) {
        let one = 1u64.to_ne_bytes();
        // SAFETY: the kernel reads 8 bytes of a local array. Failing (counter full) leaves it readable, as meant.
        unsafe { libc::write(self.descriptor(), one.as_ptr().cast(), one.len()) };
    }

    /// Makes it not readable.
    pub fn lower(&self) {
        let mut count = [0u8; 8];
        // SAFETY: the kernel writes at most 8 bytes to a local array. Failing (not raised) changes nothing.
        unsafe { libc::read(self.descriptor(), count.as_mut_ptr().cast(), count.len()) };
    }
}

/// The last system call's error, with what was being done.
pub(crate) fn last_error(context: &str) -> IoError {
    IoError::from_errno(std::io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO), context)
}

/// The longest wait, in ns. Whoever waits looks again then: what the kernel had no memory for is handed over again, and
/// a wake-up that was missed costs a second, not the process.
const WAIT_MAX_NS: u64 = 1_000_000_000;

/// Blocks until `descriptor` is readable or `timeout_ns` have passed, whatever signals arrive; a second at most.
pub(crate) fn wait_readable(descriptor: RawFd, timeout_ns: Option<u64>) {
    let mut poll = libc::pollfd { fd: descriptor, events: libc::POLLIN, revents: 0 };
    let patience = timeout_ns.map_or(WAIT_MAX_NS, |wanted| wanted.min(WAIT_MAX_NS));
    let deadline = monotonic_ns() + patience;
    uninterrupted(|| {
        let left = timespec(deadline.saturating_sub(monotonic_ns()));
        // SAFETY: `poll` and `left` are locals that outlive the call; one entry is announced and present.
        unsafe { libc::ppoll(&raw mut poll, 1, &raw const left, std::ptr::null()) }
    });
}
