//! What the kernel may look at while an attempt is in flight, kept at a fixed address until its completion.
//!
//! The one invariant: a slot that is in flight is neither moved nor changed. Slots live in boxes, and everything an
//! entry points to lives in its slot or in the attempt's own heap memory.

use crate::attempt::{Attempt, Handle, Token};
use crate::driver::calls;
use io_uring::opcode;
use io_uring::squeue::{Entry, Flags};
use io_uring::types::{Fd, FsyncFlags, TimeoutFlags, Timespec};
use std::ffi::CString;
use std::os::fd::RawFd;

#[derive(Debug, Default)]
pub(super) struct Slot {
    /// The attempt in flight, if any, with the token its completion will carry.
    pub flight: Option<(Token, Attempt)>,
    iovecs: Vec<libc::iovec>,
    path: CString,
    other_path: CString,
    time: Timespec,
    /// A directory opened for its sync.
    directory: Option<Handle>,
}

impl Slot {
    /// Takes an attempt and describes it to the kernel. An error completes the attempt at once.
    pub fn prepare(&mut self, root: RawFd, token: Token, attempt: Attempt) -> Result<Entry, i64> {
        assert!(self.flight.is_none(), "slot of {token:?} is still in flight");
        self.flight = Some((token, attempt));
        Ok(self.entry(root)?.user_data(token.0))
    }

    fn entry(&mut self, root: RawFd) -> Result<Entry, i64> {
        let (_, attempt) = self.flight.as_mut().expect("set just now");
        let entry = match attempt {
            Attempt::Open { path, mode, direct } => {
                self.path = calls::c_path(path);
                opcode::OpenAt::new(Fd(root), self.path.as_ptr())
                    .flags(calls::open_flags(*mode, *direct))
                    .mode(calls::FILE_MODE)
                    .build()
            }
            Attempt::Close { handle } => opcode::Close::new(Fd(*handle)).build(),
            Attempt::Read { handle, position, buffer, done } => {
                let part = &mut buffer.bytes_mut()[*done..];
                let length = u32::try_from(part.len()).unwrap_or(u32::MAX);
                opcode::Read::new(Fd(*handle), part.as_mut_ptr(), length)
                    .offset(*position + *done as u64)
                    .build()
            }
            Attempt::Write { handle, position, pieces, done, durable, cached } => {
                calls::gather(pieces, *done, &mut self.iovecs);
                let flags = if *durable { libc::RWF_DSYNC } else { 0 };
                let entry = opcode::Writev::new(Fd(*handle), self.iovecs.as_ptr(), self.iovecs.len() as u32)
                    .offset(*position + *done as u64)
                    .rw_flags(flags)
                    .build();
                // Through the page cache, some file systems do a durable write on the submitting thread.
                if *durable && *cached { entry.flags(Flags::ASYNC) } else { entry }
            }
            Attempt::Sync { handle } => opcode::Fsync::new(Fd(*handle)).flags(FsyncFlags::DATASYNC).build(),
            Attempt::SyncDirectory { path } => {
                let directory = calls::open_directory(root, path);
                if directory < 0 {
                    return Err(directory);
                }
                self.directory = Some(directory as Handle);
                opcode::Fsync::new(Fd(directory as Handle)).build()
            }
            Attempt::Allocate { handle, length } => opcode::Fallocate::new(Fd(*handle), *length).build(),
            Attempt::Truncate { handle, length } => opcode::Ftruncate::new(Fd(*handle), *length).build(),
            Attempt::Rename { from, to } => {
                self.path = calls::c_path(from);
                self.other_path = calls::c_path(to);
                let (from, to) = (self.path.as_ptr(), self.other_path.as_ptr());
                opcode::RenameAt::new(Fd(root), from, Fd(root), to).build()
            }
            Attempt::Unlink { path } => {
                self.path = calls::c_path(path);
                opcode::UnlinkAt::new(Fd(root), self.path.as_ptr()).build()
            }
            Attempt::Timer { deadline_ns } => {
                let (seconds, nanoseconds) = (*deadline_ns / 1_000_000_000, *deadline_ns % 1_000_000_000);
                self.time = Timespec::new().sec(seconds).nsec(nanoseconds as u32);
                opcode::Timeout::new(&raw const self.time).flags(TimeoutFlags::ABS).build()
            }
        };
        Ok(entry)
    }

    /// Takes the attempt back: the kernel is done with it. Gives it with its result as a system call's.
    pub fn finish(&mut self, result: i64) -> (Attempt, i64) {
        let (_, attempt) = self.flight.take().expect("checked when the completion was matched");
        if let Some(directory) = self.directory.take() {
            calls::close(directory);
        }
        let result = match &attempt {
            Attempt::Timer { .. } if result == -i64::from(libc::ETIME) => 0,
            // Linux has freed the descriptor, whatever close says of a signal.
            Attempt::Close { .. } if result == -i64::from(libc::EINTR) => 0,
            _ => result,
        };
        (attempt, result)
    }
}
