//! What makes descriptors without waiting: duplicates of somebody's, pipes, sockets that listen or will connect.
//!
//! Sockets are made non-blocking: the ring waits for them all the same, and threads never do.

use super::address::Address;
use super::raw_io::RawIo;
use super::request::{FileNumber, Refused};
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

fn owned(result: RawFd) -> io::Result<OwnedFd> {
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel has just made this descriptor; nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(result) })
}

fn done(result: libc::c_int) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

impl RawIo {
    /// Takes a duplicate of somebody's descriptor: it stays valid whatever becomes of theirs.
    ///
    /// # Errors
    ///
    /// EBADF, EMFILE.
    pub fn attach(&mut self, descriptor: RawFd) -> io::Result<FileNumber> {
        // SAFETY: takes no memory; a descriptor that is not open is refused.
        let duplicate = owned(unsafe { libc::fcntl(descriptor, libc::F_DUPFD_CLOEXEC, 0) })?;
        Ok(self.adopt(duplicate))
    }

    /// A pipe: its end to read from, its end to write to. Both are non-blocking.
    ///
    /// # Errors
    ///
    /// EMFILE; a size the system does not allow is not refused but cut.
    pub fn pipe(&mut self, bytes: usize) -> io::Result<[FileNumber; 2]> {
        let mut ends = [-1; 2];
        // SAFETY: room for two descriptors.
        done(unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC | libc::O_NONBLOCK) })?;
        let [from, to] = ends.map(owned);
        let (from, to) = (from?, to?);
        if let Some(bytes) = libc::c_int::try_from(bytes).ok().filter(|bytes| *bytes > 0) {
            // SAFETY: takes no memory. An unprivileged process may not have as much as it likes: it keeps what it has.
            unsafe { libc::fcntl(to.as_raw_fd(), libc::F_SETPIPE_SZ, bytes) };
        }
        Ok([self.adopt(from), self.adopt(to)])
    }

    /// A TCP socket that is going to connect to an address of this kind.
    ///
    /// # Errors
    ///
    /// EMFILE, EAFNOSUPPORT.
    pub fn socket(&mut self, is_v6: bool) -> io::Result<FileNumber> {
        let socket = tcp(is_v6)?;
        Ok(self.adopt(socket))
    }

    /// A TCP socket that listens; port 0 takes a free one. Answers the address it has.
    ///
    /// # Errors
    ///
    /// What the system says: the address is in use, not ours, not allowed.
    pub fn listen(&mut self, address: SocketAddr, backlog: i32) -> io::Result<(FileNumber, SocketAddr)> {
        let socket = tcp(address.is_ipv6())?;
        let (on, length) = (1 as libc::c_int, size_of::<libc::c_int>() as libc::socklen_t);
        let kernel = Address::of(address);
        let (place, address_length) = kernel.place();
        let descriptor = socket.as_raw_fd();
        // SAFETY: an int and an address of the lengths announced, which outlive the calls.
        unsafe {
            let on = (&raw const on).cast();
            done(libc::setsockopt(descriptor, libc::SOL_SOCKET, libc::SO_REUSEADDR, on, length))?;
            done(libc::bind(descriptor, place, address_length))?;
            done(libc::listen(descriptor, backlog))?;
        }
        let bound = name(descriptor, false)?;
        Ok((self.adopt(socket), bound))
    }

    /// The address of a socket: its own, or its peer's.
    ///
    /// # Errors
    ///
    /// EBADF for a file that was closed, ENOTCONN, ENOTSOCK.
    pub fn address_of(&mut self, number: FileNumber, of_peer: bool) -> io::Result<SocketAddr> {
        let descriptor = self.files.descriptor(number);
        name(descriptor.map_err(|_: Refused| io::Error::from_raw_os_error(libc::EBADF))?, of_peer)
    }
}

fn tcp(is_v6: bool) -> io::Result<OwnedFd> {
    let family = if is_v6 { libc::AF_INET6 } else { libc::AF_INET };
    let kind = libc::SOCK_STREAM | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    // SAFETY: takes no memory.
    owned(unsafe { libc::socket(family, kind, 0) })
}

fn name(descriptor: RawFd, of_peer: bool) -> io::Result<SocketAddr> {
    let mut storage = std::mem::MaybeUninit::<libc::sockaddr_storage>::zeroed();
    let mut length = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
    let place = storage.as_mut_ptr().cast();
    // SAFETY: room for an address of any kind, as announced.
    done(unsafe {
        if of_peer {
            libc::getpeername(descriptor, place, &raw mut length)
        } else {
            libc::getsockname(descriptor, place, &raw mut length)
        }
    })?;
    // SAFETY: zeroed, and then filled: a valid sockaddr_storage.
    let storage = unsafe { storage.assume_init() };
    Address::read(&storage).ok_or_else(|| io::Error::from_raw_os_error(libc::EAFNOSUPPORT))
}
