//! Whether completions of a file's device can be polled for. Only the kernel knows: it is asked to read one block that way.
//!
//! Not a mode of `RawIo`: a loop that sleeps on its ring is not woken by such completions.

use crate::clock::monotonic_ns;
use crate::driver::ring::setup::explain;
use crate::memory::Memory;
use io_uring::{IoUring, opcode, types::Fd};
use std::fs::OpenOptions;
use std::io::Error;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

const BLOCK: usize = 4096;
/// A device that polls answers within microseconds.
const PATIENCE_NS: u64 = 1_000_000_000;

/// Reads the first block of `path`, polling for it.
///
/// # Errors
///
/// A clause for people: what refused, in the kernel's own words.
pub fn try_polling(path: &Path) -> Result<(), String> {
    let ring = IoUring::builder().setup_iopoll().build(4).map_err(|error| explain(&error))?;
    let file = OpenOptions::new().read(true).custom_flags(libc::O_DIRECT).open(path);
    let file = file.map_err(|error| format!("the file cannot be opened past the page cache: {error}"))?;
    let memory = Memory::zeroed(BLOCK);
    match polled_read(ring, &file, &memory) {
        Polled::Result(count) if count == BLOCK as i32 => Ok(()),
        Polled::Result(count) if count >= 0 => Err(format!("a polled read gave {count} of {BLOCK} bytes")),
        Polled::Result(errno) => {
            Err(format!("the kernel refused a polled read: {}", Error::from_raw_os_error(-errno)))
        }
        Polled::Refused(error) => {
            std::mem::forget((file, memory));
            Err(format!("the kernel refused to poll: {error}"))
        }
        Polled::Never => {
            // The device may still write to it.
            std::mem::forget((file, memory));
            Err("a polled read did not end within a second".to_owned())
        }
    }
}

enum Polled {
    Result(i32),
    Refused(Error),
    /// Not within the time; the ring is left as it is.
    Never,
}

fn polled_read(mut ring: IoUring, file: &impl AsRawFd, memory: &Memory) -> Polled {
    let read = opcode::Read::new(Fd(file.as_raw_fd()), memory.start().as_ptr(), BLOCK as u32).build();
    // SAFETY: file and memory outlive the operation: the caller keeps them for good when it has not ended.
    unsafe { ring.submission().push(&read) }.expect("a new ring has room");
    let deadline = monotonic_ns() + PATIENCE_NS;
    loop {
        // Of a ring that polls, this looks for completions too, and does not wait.
        let entered = ring.submitter().submit_and_wait(0);
        if let Some(completion) = ring.completion().next() {
            return Polled::Result(completion.result());
        }
        match entered {
            Err(error) if !matches!(error.raw_os_error(), Some(libc::EINTR | libc::EAGAIN | libc::EBUSY)) => {
                std::mem::forget(ring);
                return Polled::Refused(error);
            }
            _ if monotonic_ns() > deadline => {
                std::mem::forget(ring);
                return Polled::Never;
            }
            _ => std::thread::yield_now(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_not_there_is_the_reason_and_not_the_device() {
        let Err(reason) = try_polling(Path::new("/nowhere/file")) else {
            panic!("nothing can be read there")
        };
        assert!(reason.contains("No such file") || reason.contains("io_uring refused"), "{reason}");
    }

    #[test]
    fn what_has_no_queues_to_poll_is_refused_by_the_kernel_itself() {
        // A file without a device: no kernel polls for it.
        let Err(reason) = try_polling(Path::new("/proc/self/stat")) else { panic!("this cannot be polled") };
        assert!(!reason.is_empty());
    }
}
