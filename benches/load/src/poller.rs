//! epoll, edge-triggered: which of many sockets have something to read or room to write.
//!
//! Not here: the sockets. Remember: a socket is reported again only after it was read until it had less than was asked
//! for, or written until it took less than was offered.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::time::Duration;

use millrace_load::LoadError;

const EVENTS: usize = 256;

/// A set of sockets, known by small numbers.
pub struct Poller {
    epoll: OwnedFd,
    events: Vec<libc::epoll_event>,
}

impl Poller {
    /// An empty set.
    pub fn new() -> Result<Poller, LoadError> {
        // SAFETY: no memory is passed.
        let fd = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
        if fd < 0 {
            return Err(LoadError::io("setting up epoll")(io::Error::last_os_error()));
        }
        // SAFETY: the descriptor was just made and belongs to nobody else.
        let epoll = unsafe { OwnedFd::from_raw_fd(fd) };
        Ok(Poller { epoll, events: Vec::with_capacity(EVENTS) })
    }

    /// Adds a socket, which must stay open as long as the set; `wait` reports it as `number`.
    pub fn add(&self, socket: &impl AsRawFd, number: usize) -> Result<(), LoadError> {
        let interest = (libc::EPOLLIN | libc::EPOLLOUT | libc::EPOLLET) as u32;
        let mut event = libc::epoll_event { events: interest, u64: number as u64 };
        // SAFETY: `event` lives through the call, which copies it.
        let result = unsafe {
            libc::epoll_ctl(self.epoll.as_raw_fd(), libc::EPOLL_CTL_ADD, socket.as_raw_fd(), &mut event)
        };
        if result < 0 {
            return Err(LoadError::io("adding a socket to epoll")(io::Error::last_os_error()));
        }
        Ok(())
    }

    /// Blocks until a socket has something, at most `limit`; yields the numbers of those that have.
    pub fn wait(&mut self, limit: Duration) -> Result<impl Iterator<Item = usize> + '_, LoadError> {
        let milliseconds = i32::try_from(limit.as_millis()).unwrap_or(i32::MAX);
        self.events.clear();
        // SAFETY: the vector has room for EVENTS entries, and the kernel writes at most so many.
        let count = unsafe {
            let room = self.events.as_mut_ptr();
            libc::epoll_wait(self.epoll.as_raw_fd(), room, EVENTS as i32, milliseconds)
        };
        if count < 0 {
            let error = io::Error::last_os_error();
            if error.kind() != io::ErrorKind::Interrupted {
                return Err(LoadError::io("waiting for answers")(error));
            }
        }
        // SAFETY: the kernel has filled `count` entries; none when the call was interrupted.
        unsafe { self.events.set_len(usize::try_from(count).unwrap_or(0)) };
        Ok(self.events.iter().map(|event| event.u64 as usize))
    }
}
