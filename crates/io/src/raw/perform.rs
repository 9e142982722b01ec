//! Raw operations as system calls, for threads. None of them waits for somebody else: what would is told as blocked.
//!
//! The one invariant: a call works on memory of the request it borrows, and never longer than the call.

use super::describe::gather;
use super::request::{Bytes, Request};
use crate::clock::monotonic_ns;
use crate::interrupted::uninterrupted;
use std::os::fd::RawFd;

/// What came of a call.
#[derive(Debug)]
pub(super) enum Performed {
    /// A result as the kernel gives it: negative is an errno.
    Done(i64),
    /// Not now: when the descriptor is ready for these events.
    Blocked(RawFd, u32),
    /// Not before this time, on the monotonic clock.
    Until(u64),
}

fn last_errno() -> i64 {
    -i64::from(std::io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO))
}

fn returned(result: impl Into<i64>) -> i64 {
    let result = result.into();
    if result < 0 { last_errno() } else { result }
}

/// Whether a descriptor can make us wait: anything but files and block devices.
fn is_stream(descriptor: RawFd) -> bool {
    let mut status = std::mem::MaybeUninit::<libc::stat>::zeroed();
    // SAFETY: `status` has room for one `stat`; zeroed, it is one whether filled or not.
    let status = unsafe {
        libc::fstat(descriptor, status.as_mut_ptr());
        status.assume_init()
    };
    !matches!(status.st_mode & libc::S_IFMT, libc::S_IFREG | libc::S_IFBLK)
}

/// What a descriptor is ready for right now, of `events`.
fn ready(descriptor: RawFd, events: u32) -> u32 {
    let mut poll = libc::pollfd { fd: descriptor, events: events as libc::c_short, revents: 0 };
    // SAFETY: one entry is announced and present.
    uninterrupted(|| unsafe { libc::poll(&raw mut poll, 1, 0) });
    u32::from(poll.revents as u16)
}

const IN: u32 = libc::POLLIN as u32;
const OUT: u32 = libc::POLLOUT as u32;

/// One try of `request` on its descriptors.
pub(super) fn perform(request: &mut Request, [first, second]: [RawFd; 2]) -> Performed {
    use Request::*;
    let result = match request {
        Nop => 0,
        Read { position, bytes, flags, .. } => {
            return transfer(first, *position, std::slice::from_ref(bytes), *flags, false);
        }
        ReadVector { position, parts, flags, .. } => return transfer(first, *position, parts, *flags, false),
        Write { position, bytes, flags, .. } => {
            return transfer(first, *position, std::slice::from_ref(bytes), *flags, true);
        }
        WriteVector { position, parts, flags, .. } => return transfer(first, *position, parts, *flags, true),
        // SAFETY: these touch no memory of ours.
        Sync { data_only: true, .. } => returned(unsafe { libc::fdatasync(first) }),
        // SAFETY: as above.
        Sync { .. } => returned(unsafe { libc::fsync(first) }),
        Allocate { mode, position, length, .. } => {
            // SAFETY: as above.
            returned(unsafe { libc::fallocate(first, *mode, *position as i64, *length as i64) })
        }
        // SAFETY: as above.
        Truncate { length, .. } => returned(unsafe { libc::ftruncate(first, *length as i64) }),
        Open { path, flags, mode } => {
            // SAFETY: a zero-terminated string that outlives the call.
            returned(unsafe { libc::open(path.as_ptr(), *flags | libc::O_CLOEXEC, *mode) })
        }
        Close { descriptor } => crate::driver::calls::close(*descriptor),
        Status { file, path, flags, status } => {
            let of = if file.is_some() { first } else { libc::AT_FDCWD };
            let mask = libc::STATX_BASIC_STATS | libc::STATX_BTIME | libc::STATX_DIOALIGN;
            let place: *mut libc::statx = &raw mut **status;
            // SAFETY: a zero-terminated string, and room for one `statx`.
            returned(unsafe { libc::syscall(libc::SYS_statx, of, path.as_ptr(), *flags, mask, place) })
        }
        Rename { from, to, flags } => {
            let here = libc::AT_FDCWD;
            // SAFETY: zero-terminated strings that outlive the call. By number: musl has no such function.
            returned(unsafe {
                libc::syscall(libc::SYS_renameat2, here, from.as_ptr(), here, to.as_ptr(), *flags)
            })
        }
        // SAFETY: a zero-terminated string that outlives the call.
        Unlink { path, flags } => returned(unsafe { libc::unlinkat(libc::AT_FDCWD, path.as_ptr(), *flags) }),
        // SAFETY: as above.
        MakeDirectory { path, mode } => returned(unsafe { libc::mkdir(path.as_ptr(), *mode) }),
        Splice { from_position, to_position, length, flags, .. } => {
            return splice([first, second], [*from_position, *to_position], *length, *flags);
        }
        Tee { length, flags, .. } => {
            // SAFETY: touches no memory of ours.
            let result =
                unsafe { libc::tee(first, second, *length as usize, *flags | libc::SPLICE_F_NONBLOCK) };
            return waiting([first, second], returned(result as i64));
        }
        SendFile { position, length, .. } => {
            let mut at = *position as i64;
            // SAFETY: the kernel reads and writes one position, a local.
            let result = unsafe { libc::sendfile(second, first, &raw mut at, *length as usize) };
            return waiting([second, second], returned(result as i64));
        }
        CopyRange { from_position, to_position, length, .. } => {
            let (mut from, mut to) = (*from_position as i64, *to_position as i64);
            let length = *length as usize;
            // SAFETY: the kernel reads and writes two positions, locals. By number: not every musl has it.
            returned(unsafe {
                let (from, to) = (&raw mut from, &raw mut to);
                libc::syscall(libc::SYS_copy_file_range, first, from, second, to, length, 0)
            })
        }
        Poll { events, .. } => match ready(first, *events) {
            0 => return Performed::Blocked(first, *events),
            found => i64::from(found),
        },
        Timeout { ns, deadline } => {
            let now = monotonic_ns();
            let deadline = *deadline.get_or_insert(now.saturating_add(*ns));
            return if now < deadline { Performed::Until(deadline) } else { Performed::Done(0) };
        }
        Accept { .. } => {
            let flags = libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
            // SAFETY: no address is asked for.
            let result = unsafe { libc::accept4(first, std::ptr::null_mut(), std::ptr::null_mut(), flags) };
            return blocked(first, IN, returned(result));
        }
        Connect { address, is_begun, .. } => return connect(first, address, is_begun),
        Receive { bytes, flags, .. } => {
            let (start, length) = bytes.place();
            // SAFETY: memory of the request, which is borrowed exclusively.
            let result = unsafe { libc::recv(first, start.cast(), length, *flags | libc::MSG_DONTWAIT) };
            return blocked(first, IN, returned(result as i64));
        }
        Send { bytes, flags, .. } => {
            let (start, length) = bytes.place();
            let flags = *flags | libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
            // SAFETY: memory of the request, which is only read.
            let result = unsafe { libc::send(first, start.cast(), length, flags) };
            return blocked(first, OUT, returned(result as i64));
        }
        // SAFETY: touches no memory of ours.
        Shutdown { how, .. } => returned(unsafe { libc::shutdown(first, *how) }),
    };
    Performed::Done(result)
}

fn blocked(descriptor: RawFd, events: u32, result: i64) -> Performed {
    if result == -i64::from(libc::EAGAIN) {
        return Performed::Blocked(descriptor, events);
    }
    Performed::Done(result)
}

/// For calls with two ends: which of them has to be waited for.
fn waiting([from, to]: [RawFd; 2], result: i64) -> Performed {
    if result != -i64::from(libc::EAGAIN) {
        return Performed::Done(result);
    }
    let hung_up = (libc::POLLHUP | libc::POLLERR) as u32;
    let from_is_ready = from == to || ready(from, IN) & (IN | hung_up) != 0;
    if from_is_ready { Performed::Blocked(to, OUT) } else { Performed::Blocked(from, IN) }
}

fn splice(files: [RawFd; 2], positions: [Option<u64>; 2], length: u32, flags: u32) -> Performed {
    let mut at = positions.map(|position| position.unwrap_or(0) as i64);
    let [from, to] = &mut at;
    let place = |position: &mut i64, is_given: bool| {
        if is_given { &raw mut *position } else { std::ptr::null_mut() }
    };
    let (from, to) = (place(from, positions[0].is_some()), place(to, positions[1].is_some()));
    // SAFETY: the kernel reads and writes two positions, locals, or gets none.
    let result = unsafe {
        libc::splice(files[0], from, files[1], to, length as usize, flags | libc::SPLICE_F_NONBLOCK)
    };
    waiting(files, returned(result as i64))
}

fn connect(descriptor: RawFd, address: &super::Address, is_begun: &mut bool) -> Performed {
    if *is_begun {
        let mut errno: libc::c_int = 0;
        let mut length = size_of::<libc::c_int>() as libc::socklen_t;
        // SAFETY: room for one int, as announced.
        let result = unsafe {
            let place = (&raw mut errno).cast();
            libc::getsockopt(descriptor, libc::SOL_SOCKET, libc::SO_ERROR, place, &raw mut length)
        };
        return Performed::Done(if result < 0 { last_errno() } else { -i64::from(errno) });
    }
    *is_begun = true;
    let (place, length) = address.place();
    let mut was_interrupted = false;
    loop {
        // SAFETY: an address of this length that outlives the call.
        let result = returned(unsafe { libc::connect(descriptor, place, length) });
        return match -result as i32 {
            libc::EINTR => {
                was_interrupted = true;
                continue;
            }
            libc::EINPROGRESS => Performed::Blocked(descriptor, OUT),
            // What was broken off may have begun all the same.
            libc::EALREADY if was_interrupted => Performed::Blocked(descriptor, OUT),
            libc::EISCONN if was_interrupted => Performed::Done(0),
            _ => Performed::Done(result),
        };
    }
}

/// A read or write of any kind. Streams are tried without waiting; where that cannot be asked for, when they are ready.
fn transfer(file: RawFd, position: Option<u64>, parts: &[Bytes], flags: i32, is_write: bool) -> Performed {
    let iovecs = gather(parts);
    let events = if is_write { OUT } else { IN };
    let waits = position.is_none() && is_stream(file);
    let mut result =
        call(file, position, &iovecs, if waits { flags | libc::RWF_NOWAIT } else { flags }, is_write);
    if waits && result == -i64::from(libc::EOPNOTSUPP) {
        if ready(file, events) == 0 {
            return Performed::Blocked(file, events);
        }
        result = call(file, position, &iovecs, flags, is_write);
    }
    if waits && flags & libc::RWF_NOWAIT == 0 {
        return blocked(file, events, result);
    }
    Performed::Done(result)
}

/// preadv2 and pwritev2 by number: musl has had the functions since 1.2.5 only.
fn call(file: RawFd, position: Option<u64>, iovecs: &[libc::iovec], flags: i32, is_write: bool) -> i64 {
    // The kernel takes a position in two halves; where a long has 64 bits, the first is all of it.
    const { assert!(size_of::<libc::c_long>() == 8, "a position fits into one argument") };
    let number = if is_write { libc::SYS_pwritev2 } else { libc::SYS_preadv2 };
    let position = position.map_or(-1, |position| position as i64);
    // SAFETY: every part lies in memory of the request, which the caller has borrowed: exclusively, if it is written to.
    returned(unsafe { libc::syscall(number, file, iovecs.as_ptr(), iovecs.len(), position, 0, flags) })
}
