//! How much of a file lies in the page cache. Direct I/O promises none; a test and `doctor` can look.
//!
//! What it is not: a hint for reads. The answer is of the past when it arrives.

use crate::directory::display;
use crate::driver::calls;
use crate::errno::IoError;
use crate::interrupted::uninterrupted;
use crate::plan::is_below_root;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, RawFd};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Bytes of a file, and how many of them the page cache holds (whole pages).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Residency {
    pub bytes: u64,
    pub resident_bytes: u64,
}

/// Bytes mapped at a time: the answer is one byte per page.
const WINDOW: u64 = 1 << 30;

/// Asks for a file below the directory `root`.
pub(crate) fn of(root: RawFd, path: &Path) -> Result<Residency, IoError> {
    let failed = |errno: i32| IoError::from_errno(errno, format!("look at {}", display(path)));
    let last = |error: io::Error| failed(error.raw_os_error().unwrap_or(libc::EIO));
    if path.as_os_str().is_empty() || !is_below_root(path) {
        return Err(failed(libc::EINVAL));
    }
    let name = calls::c_path(path);
    let flags = libc::O_RDONLY | libc::O_CLOEXEC | libc::O_NOFOLLOW | libc::O_NONBLOCK;
    // SAFETY: a zero-terminated string that outlives the call.
    let descriptor = uninterrupted(|| unsafe { libc::openat(root, name.as_ptr(), flags) });
    if descriptor < 0 {
        return Err(last(io::Error::last_os_error()));
    }
    // SAFETY: the descriptor was just opened and nobody else owns it.
    let file = unsafe { File::from_raw_fd(descriptor) };
    let status = file.metadata().map_err(last)?;
    if !status.is_file() {
        return Err(failed(libc::EINVAL));
    }
    let bytes = status.size();
    let mut resident_bytes = 0;
    let mut position = 0;
    while position < bytes {
        let length = WINDOW.min(bytes - position);
        resident_bytes += resident(&file, position, length as usize).map_err(last)?;
        position += length;
    }
    Ok(Residency { bytes, resident_bytes: resident_bytes.min(bytes) })
}

/// Resident bytes of one window, in whole pages.
fn resident(file: &File, position: u64, length: usize) -> io::Result<u64> {
    // SAFETY: asks for a number.
    let page = usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(4096);
    let mut pages = vec![0u8; length.div_ceil(page)];
    // SAFETY: a fresh mapping at an address of the kernel's choice, of an open file; it is never read through (so a
    // file that shrinks meanwhile cannot hurt), and without access rights nothing else can either.
    let map = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            length,
            libc::PROT_NONE,
            libc::MAP_SHARED,
            file.as_raw_fd(),
            position as libc::off_t,
        )
    };
    if map == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the range was just mapped, and `pages` has a byte for each of its pages.
    let result = unsafe { libc::mincore(map, length, pages.as_mut_ptr()) };
    let error = io::Error::last_os_error();
    // SAFETY: exactly what was mapped above, once; no reference into it was ever made.
    unsafe { libc::munmap(map, length) };
    if result != 0 {
        return Err(error);
    }
    Ok(pages.iter().filter(|state| **state & 1 == 1).count() as u64 * page as u64)
}
