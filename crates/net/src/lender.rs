//! Pages instead of copies: bytes go through a pipe, which refers to pages, into a socket, which then refers to them too.
//! A copy into the socket is half of what sending large records costs. The only file that lends pages.
//!
//! Not a queue. The one invariant: the pipe is empty between two calls, so bytes of one connection never reach another.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

/// Bytes the pipe is asked to hold; the most that users without privileges may have.
const PIPE_BYTES: libc::c_int = 1 << 20;

/// The pipe, once something has been lent.
#[derive(Debug, Default)]
pub(crate) enum Lender {
    #[default]
    Unused,
    Open {
        from: OwnedFd,
        to: OwnedFd,
        /// What the socket did not take goes here.
        nowhere: OwnedFd,
    },
    /// The system has no pipe for us, or refuses to lend: bytes are copied.
    Refused,
}

/// What became of a lent range.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Lent {
    /// The socket refers to so many bytes from the start of the range; with `is_full`, it took what it could.
    Taken { bytes: usize, is_full: bool },
    /// The socket is full.
    Full,
    /// The connection has failed, with this errno.
    Failed(i32),
    /// Nothing is lent here; the range is to be copied.
    Refused,
}

impl Lender {
    /// Hands pages of `length` bytes at `start` to `socket`, as many as it takes at once. Meanwhile somebody holds its
    /// `Impatient`. With `more`, the kernel may wait for what follows before it fills a segment.
    ///
    /// # Safety
    ///
    /// The bytes are readable, and never written again while anybody refers to their pages: they lie in a mapping of
    /// their own that is unmapped, not reused, when its owner has no use for it.
    pub(crate) unsafe fn send(&mut self, socket: RawFd, start: *const u8, length: usize, more: bool) -> Lent {
        if matches!(self, Lender::Unused) {
            *self = open().unwrap_or(Lender::Refused);
        }
        let Lender::Open { from, to, nowhere } = &*self else { return Lent::Refused };
        let range = libc::iovec { iov_base: start.cast_mut().cast(), iov_len: length };
        // SAFETY: one vector over readable bytes; the pipe refers to their pages, which the caller keeps unchanged.
        let named = unsafe { libc::vmsplice(to.as_raw_fd(), &raw const range, 1, libc::SPLICE_F_NONBLOCK) };
        let Ok(named) = usize::try_from(named) else {
            *self = Lender::Refused;
            return Lent::Refused;
        };
        let (taken, end) = pass(from, socket, named, more);
        if taken < named && pass(from, nowhere.as_raw_fd(), named - taken, false).0 < named - taken {
            // It cannot be emptied, so it cannot be used again.
            *self = Lender::Refused;
        }
        match end {
            _ if taken > 0 => Lent::Taken { bytes: taken, is_full: taken < named },
            None | Some(libc::EAGAIN) => Lent::Full,
            Some(libc::EPIPE | libc::ECONNRESET | libc::ETIMEDOUT | libc::ENOTCONN) => {
                Lent::Failed(end.unwrap_or_default())
            }
            // A system that lets nobody splice.
            Some(_) => {
                *self = Lender::Refused;
                Lent::Refused
            }
        }
    }
}

/// A socket that lets nobody wait, for as long as this is there. A splice waits for a full socket unless the socket itself
/// is told so; and the ring would answer "again" instead of waiting if it always were.
#[derive(Debug)]
pub(crate) struct Impatient(RawFd);

impl Impatient {
    /// Of a socket that stays open until this has been dropped.
    pub(crate) fn new(socket: RawFd) -> Impatient {
        nonblocking(socket, true);
        Impatient(socket)
    }
}

impl Drop for Impatient {
    fn drop(&mut self) {
        nonblocking(self.0, false);
    }
}

/// Whether calls on `socket` return instead of waiting.
fn nonblocking(socket: RawFd, is_set: bool) {
    let mut flag = libc::c_int::from(is_set);
    // SAFETY: reads one number. On a socket of ours it cannot fail; the assertion says that it did not.
    let result = unsafe { libc::ioctl(socket, libc::FIONBIO, &raw mut flag) };
    assert!(result == 0, "a socket cannot be told whether to wait");
}

/// Moves up to `length` bytes out of the pipe: how many went, and the errno that ended it.
fn pass(from: &OwnedFd, to: RawFd, length: usize, more: bool) -> (usize, Option<i32>) {
    let flags = libc::SPLICE_F_NONBLOCK | if more { libc::SPLICE_F_MORE } else { 0 };
    let (mut passed, none) = (0, std::ptr::null_mut());
    while passed < length {
        // SAFETY: descriptors of ours, and no offsets. A socket whose peer is gone raises SIGPIPE, which Node ignores and
        // Rust's test programs too.
        let moved = unsafe { libc::splice(from.as_raw_fd(), none, to, none, length - passed, flags) };
        match usize::try_from(moved) {
            Ok(0) => return (passed, None),
            Ok(moved) => passed += moved,
            Err(_) => {
                let error = io::Error::last_os_error();
                if error.kind() != io::ErrorKind::Interrupted {
                    return (passed, error.raw_os_error());
                }
            }
        }
    }
    (passed, None)
}

fn open() -> Option<Lender> {
    let mut ends = [0; 2];
    // SAFETY: room for two descriptors, which are ours from here on; the size is advice.
    let (from, to) = unsafe {
        if libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC | libc::O_NONBLOCK) != 0 {
            return None;
        }
        let ends = (OwnedFd::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1]));
        libc::fcntl(ends.1.as_raw_fd(), libc::F_SETPIPE_SZ, PIPE_BYTES);
        ends
    };
    let nowhere = std::fs::File::options().write(true).open("/dev/null").ok()?.into();
    Some(Lender::Open { from, to, nowhere })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::os::unix::net::UnixStream;

    #[test]
    fn what_a_full_socket_does_not_take_is_not_left_for_the_next_one() {
        static BYTES: [u8; 4 << 20] = [7; 4 << 20];
        let (full, _peer) = UnixStream::pair().unwrap();
        let (free, mut reader) = UnixStream::pair().unwrap();
        let mut lender = Lender::default();
        let mut send = |socket: &UnixStream, from: usize, length: usize| {
            let _impatient = Impatient::new(socket.as_raw_fd());
            // SAFETY: static bytes, never written.
            unsafe { lender.send(socket.as_raw_fd(), BYTES[from..].as_ptr(), length, false) }
        };
        let mut told_full = false;
        loop {
            match send(&full, 0, 1 << 20) {
                Lent::Taken { is_full, .. } => told_full = is_full,
                other => break assert_eq!((other, told_full), (Lent::Full, true)),
            }
        }
        assert_eq!(send(&free, 1, 3), Lent::Taken { bytes: 3, is_full: false });
        drop(free);
        let mut seen = Vec::new();
        reader.read_to_end(&mut seen).unwrap();
        assert_eq!(seen, [7; 3]);
    }

    #[test]
    fn a_socket_whose_peer_is_gone_fails_alone() {
        static BYTES: [u8; 8192] = [7; 8192];
        let (socket, peer) = UnixStream::pair().unwrap();
        drop(peer);
        let mut lender = Lender::default();
        let _impatient = Impatient::new(socket.as_raw_fd());
        // SAFETY: static bytes, never written.
        let lent = unsafe { lender.send(socket.as_raw_fd(), BYTES.as_ptr(), 100, false) };
        assert_eq!(lent, Lent::Failed(libc::EPIPE));
        assert!(matches!(lender, Lender::Open { .. }));
    }
}
