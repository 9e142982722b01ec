//! Attempts done as plain, blocking system calls: what pool threads run, and the ring's helper for operations its
//! kernel does not have.
//!
//! Results are as in the kernel: a count or a handle, or a negated errno. All paths are resolved below the data
//! directory's descriptor, so moving the directory does not move us out of it.

use crate::attempt::{Attempt, Handle, remaining};
use crate::buffer::Piece;
use crate::interrupted::uninterrupted;
use crate::op::OpenMode;
use std::ffi::CString;
use std::io;
use std::os::fd::RawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Most pieces one system call takes; more are written by the continuation of a short write.
const PIECES_MAX: usize = 1024;

/// Mode bits of every file we create.
pub(crate) const FILE_MODE: libc::mode_t = 0o600;

/// The last call's errno, negated.
fn last_errno() -> i64 {
    -i64::from(io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO))
}

fn returned(result: libc::c_int) -> i64 {
    if result < 0 { last_errno() } else { i64::from(result) }
}

/// A path as the kernel takes it. Paths were checked when the operation was accepted: they hold no zero byte.
pub(crate) fn c_path(path: &Path) -> CString {
    let bytes = path.as_os_str().as_bytes();
    let bytes = if bytes.is_empty() { b"." } else { bytes };
    CString::new(bytes).expect("paths with zero bytes are refused when an operation is accepted")
}

/// Flags for open(2).
pub(crate) fn open_flags(mode: OpenMode, direct: bool) -> libc::c_int {
    let flags = match mode {
        OpenMode::CreateDirect => libc::O_RDWR | libc::O_CREAT | libc::O_EXCL,
        OpenMode::WriteDirect => libc::O_RDWR,
        OpenMode::ReadDirect | OpenMode::ReadCached => libc::O_RDONLY,
        OpenMode::CreateCached => libc::O_RDWR | libc::O_CREAT | libc::O_TRUNC,
    };
    let direct = if direct { libc::O_DIRECT } else { 0 };
    flags | direct | libc::O_CLOEXEC | libc::O_NOFOLLOW
}

/// Collects what is still to be written, at most `PIECES_MAX` parts.
pub(crate) fn gather(pieces: &[Piece], done: usize, iovecs: &mut Vec<libc::iovec>) {
    iovecs.clear();
    iovecs.extend(
        remaining(pieces, done)
            .take(PIECES_MAX)
            .map(|part| libc::iovec { iov_base: part.as_ptr().cast_mut().cast(), iov_len: part.len() }),
    );
}

/// Does one attempt, blocking. Timers are not calls: whoever runs this keeps them itself.
pub(crate) fn perform(root: RawFd, attempt: &mut Attempt) -> i64 {
    match attempt {
        Attempt::Open { path, mode, direct } => open(root, path, *mode, *direct),
        Attempt::Close { handle } => close(*handle),
        Attempt::Read { handle, position, buffer, done } => {
            read(*handle, *position + *done as u64, &mut buffer.bytes_mut()[*done..])
        }
        Attempt::Write { handle, position, pieces, done, durable, .. } => {
            write(*handle, *position + *done as u64, pieces, *done, *durable)
        }
        Attempt::Sync { handle } => {
            // SAFETY: fdatasync takes any descriptor and touches no memory of ours.
            returned(unsafe { libc::fdatasync(*handle) })
        }
        Attempt::SyncDirectory { path } => sync_directory(root, path),
        Attempt::Allocate { handle, length } => {
            // SAFETY: fallocate takes any descriptor and touches no memory of ours.
            returned(unsafe { libc::fallocate(*handle, 0, 0, *length as libc::off_t) })
        }
        Attempt::Truncate { handle, length } => {
            // SAFETY: ftruncate takes any descriptor and touches no memory of ours.
            returned(unsafe { libc::ftruncate(*handle, *length as libc::off_t) })
        }
        Attempt::Rename { from, to } => {
            let (from, to) = (c_path(from), c_path(to));
            // SAFETY: both are zero-terminated strings that outlive the call.
            returned(unsafe { libc::renameat(root, from.as_ptr(), root, to.as_ptr()) })
        }
        Attempt::Unlink { path } => {
            let path = c_path(path);
            // SAFETY: a zero-terminated string that outlives the call.
            returned(unsafe { libc::unlinkat(root, path.as_ptr(), 0) })
        }
        Attempt::Timer { .. } => -i64::from(libc::EINVAL),
    }
}

fn open(root: RawFd, path: &Path, mode: OpenMode, direct: bool) -> i64 {
    let path = c_path(path);
    let flags = open_flags(mode, direct);
    // SAFETY: a zero-terminated string that outlives the call.
    returned(uninterrupted(|| unsafe { libc::openat(root, path.as_ptr(), flags, FILE_MODE) }))
}

/// Opens a directory below `root` for `fsync`.
pub(crate) fn open_directory(root: RawFd, path: &Path) -> i64 {
    let path = c_path(path);
    let flags = libc::O_RDONLY | libc::O_DIRECTORY | libc::O_CLOEXEC | libc::O_NOFOLLOW;
    // SAFETY: a zero-terminated string that outlives the call.
    returned(uninterrupted(|| unsafe { libc::openat(root, path.as_ptr(), flags) }))
}

/// Closes a descriptor nothing refers to any more.
pub(crate) fn close(handle: Handle) -> i64 {
    // SAFETY: closing touches no memory of ours; that nothing uses the descriptor is the caller's promise.
    let result = returned(unsafe { libc::close(handle) });
    // Linux has always freed the descriptor, whatever close says of a signal.
    if result == -i64::from(libc::EINTR) { 0 } else { result }
}

fn read(handle: Handle, position: u64, bytes: &mut [u8]) -> i64 {
    // SAFETY: the kernel fills at most `bytes.len()` bytes of memory we borrow exclusively during the call.
    let result =
        unsafe { libc::pread(handle, bytes.as_mut_ptr().cast(), bytes.len(), position as libc::off_t) };
    if result < 0 { last_errno() } else { result as i64 }
}

fn write(handle: Handle, position: u64, pieces: &[Piece], done: usize, durable: bool) -> i64 {
    let mut iovecs = Vec::with_capacity(pieces.len().min(PIECES_MAX));
    gather(pieces, done, &mut iovecs);
    // SAFETY: every part points into a piece that `pieces` keeps alive during the call, and the kernel only reads.
    let result = unsafe {
        if durable {
            durable_write(handle, &iovecs, position)
        } else {
            libc::pwritev(handle, iovecs.as_ptr(), iovecs.len() as libc::c_int, position as libc::off_t)
                as i64
        }
    };
    if result < 0 { last_errno() } else { result }
}

/// pwritev2 with RWF_DSYNC, by number: musl has had the function since 1.2.5 only, and a missing symbol would keep us
/// from being loaded.
///
/// # Safety
///
/// Every part points to memory that stays readable during the call.
unsafe fn durable_write(handle: Handle, iovecs: &[libc::iovec], position: u64) -> i64 {
    // The kernel takes a position in two halves; where a long has 64 bits, the first is all of it.
    const { assert!(size_of::<libc::c_long>() == 8, "a position fits into one argument") };
    // SAFETY: the caller's promise; the kernel only reads.
    unsafe {
        libc::syscall(libc::SYS_pwritev2, handle, iovecs.as_ptr(), iovecs.len(), position, 0, libc::RWF_DSYNC)
    }
}

/// Makes the names in a directory durable.
pub(crate) fn sync_directory(root: RawFd, path: &Path) -> i64 {
    let directory = open_directory(root, path);
    if directory < 0 {
        return directory;
    }
    let handle = directory as Handle;
    // SAFETY: fsync takes any descriptor and touches no memory of ours.
    let result = returned(uninterrupted(|| unsafe { libc::fsync(handle) }));
    close(handle);
    result
}

/// The size of a file that was just opened; a created one first gets exactly our mode bits, whatever the umask took
/// away.
pub(crate) fn opened(handle: Handle, mode: OpenMode) -> Result<u64, i32> {
    if matches!(mode, OpenMode::CreateDirect | OpenMode::CreateCached) {
        // SAFETY: fchmod takes any descriptor and touches no memory of ours.
        if unsafe { libc::fchmod(handle, FILE_MODE) } != 0 {
            return Err(-last_errno() as i32);
        }
    }
    size(handle)
}

/// The size of an open file; EINVAL for anything that is not a regular file.
pub(crate) fn size(handle: Handle) -> Result<u64, i32> {
    let mut status = std::mem::MaybeUninit::<libc::stat>::uninit();
    // SAFETY: `status` has room for one `stat`.
    if unsafe { libc::fstat(handle, status.as_mut_ptr()) } != 0 {
        return Err(-last_errno() as i32);
    }
    // SAFETY: fstat succeeded, so it filled `status`.
    let status = unsafe { status.assume_init() };
    if status.st_mode & libc::S_IFMT != libc::S_IFREG {
        return Err(libc::EINVAL);
    }
    Ok(status.st_size as u64)
}
