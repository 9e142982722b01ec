//! Read-only maps of sealed files, for somebody who keeps looking at them: JavaScript.
//!
//! What it is not: a way to read what may be lost. A page the device cannot read, and a page behind an end that somebody
//! moved, is SIGBUS, and that ends the process; a read answers with an error.
//!
//! The one invariant: an address that was shown is never unmapped: somebody may still look there, on another thread, too.
//! When the map goes, zeros take the place of the file; the address space stays taken, memory does not.

use crate::errno::IoError;
use crate::interrupted::uninterrupted;
use std::ffi::CStr;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::ptr::NonNull;

/// A whole file in memory, as long as it was when it was mapped.
#[derive(Debug)]
pub struct Mapping {
    start: NonNull<u8>,
    length: usize,
    file: OwnedFd,
}

fn last(context: &str) -> IoError {
    IoError::from_errno(io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO), context)
}

fn page() -> usize {
    // SAFETY: asks for a number.
    usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(4096)
}

impl Mapping {
    /// Maps a file as it is now.
    ///
    /// # Errors
    ///
    /// `Unsupported` for what is no regular file or has no bytes; otherwise what the system says.
    pub fn open(path: &CStr) -> Result<Mapping, IoError> {
        let context = format!("map {}", path.to_string_lossy());
        let flags = libc::O_RDONLY | libc::O_CLOEXEC | libc::O_NONBLOCK;
        // SAFETY: a zero-terminated string that outlives the call.
        let descriptor = uninterrupted(|| unsafe { libc::open(path.as_ptr(), flags) });
        if descriptor < 0 {
            return Err(last(&context));
        }
        // SAFETY: the descriptor was just opened and nobody else owns it.
        let file = unsafe { OwnedFd::from_raw_fd(descriptor) };
        let bytes = size(&file).map_err(|errno| IoError::from_errno(errno, context.clone()))?;
        let length = usize::try_from(bytes).ok().filter(|length| *length > 0);
        let Some(length) = length else { return Err(IoError::from_errno(libc::EINVAL, context)) };
        // SAFETY: a new mapping at an address of the kernel's choice; nobody reads it through a reference.
        let start = unsafe {
            let flags = libc::MAP_SHARED;
            libc::mmap(std::ptr::null_mut(), length, libc::PROT_READ, flags, file.as_raw_fd(), 0)
        };
        let start = if start == libc::MAP_FAILED { None } else { NonNull::new(start.cast()) };
        let Some(start) = start else { return Err(last(&context)) };
        Ok(Mapping { start, length, file })
    }

    /// Where it lies, and how long it is.
    #[must_use]
    pub fn place(&self) -> (NonNull<u8>, usize) {
        (self.start, self.length)
    }

    /// Whether the file still has as many bytes as are mapped: where it has not, looking at the rest ends the process.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        size(&self.file).is_ok_and(|bytes| bytes >= self.length as u64)
    }

    /// The pages of a range, as the system wants them.
    fn pages(&self, position: usize, length: usize) -> Option<(*mut u8, usize)> {
        let end = position.checked_add(length).filter(|end| *end <= self.length)?;
        let from = position - position % page();
        // SAFETY: inside the mapping (just checked).
        Some((unsafe { self.start.as_ptr().add(from) }, end - from))
    }

    /// Tells the kernel how a range is going to be used: a `MADV_` number that changes no bytes (0 to 4, 20, 21, 22).
    ///
    /// # Errors
    ///
    /// `Unsupported` for other numbers and ranges outside; otherwise what the system says.
    pub fn advise(&self, position: usize, length: usize, advice: i32) -> Result<(), IoError> {
        let harmless = matches!(advice, 0..=4 | 20..=22);
        let range = self.pages(position, length).filter(|_| harmless);
        let Some((start, length)) = range else { return Err(IoError::from_errno(libc::EINVAL, "madvise")) };
        // SAFETY: a range of our mapping, and advice that changes no byte of a read-only map of a file.
        let result = unsafe { libc::madvise(start.cast(), length, advice) };
        if result < 0 { Err(last("madvise")) } else { Ok(()) }
    }

    /// Bytes of a range that lie in memory, in whole pages.
    ///
    /// # Errors
    ///
    /// `Unsupported` for ranges outside; otherwise what the system says.
    pub fn resident(&self, position: usize, length: usize) -> Result<u64, IoError> {
        let Some((start, length)) = self.pages(position, length) else {
            return Err(IoError::from_errno(libc::EINVAL, "mincore"));
        };
        let mut states = vec![0u8; length.div_ceil(page())];
        // SAFETY: a range of our mapping, and a byte for each of its pages.
        let result = unsafe { libc::mincore(start.cast(), length, states.as_mut_ptr()) };
        if result < 0 {
            return Err(last("mincore"));
        }
        let pages = states.iter().filter(|state| **state & 1 == 1).count();
        Ok(((pages * page()) as u64).min(length as u64))
    }
}

fn size(file: &OwnedFd) -> Result<u64, i32> {
    crate::driver::calls::size(file.as_raw_fd())
}

impl Drop for Mapping {
    /// Somebody may still look there: they see zeros from now on, and the file is let go of.
    fn drop(&mut self) {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED | libc::MAP_NORESERVE;
        // SAFETY: takes the place of our own mapping, of the same length; whoever looks there sees zeros.
        unsafe {
            libc::mmap(self.start.as_ptr().cast(), self.length, libc::PROT_READ, flags, -1, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::CString;

    #[test]
    fn a_map_shows_the_file_says_what_is_resident_and_leaves_zeros_behind() {
        let path = std::env::temp_dir().join(format!("millrace-mapping-{}", std::process::id()));
        std::fs::write(&path, vec![7; 10_000]).unwrap();
        let name = CString::new(path.to_str().unwrap()).unwrap();
        let map = Mapping::open(&name).unwrap();
        let (start, length) = map.place();
        assert_eq!((length, map.is_whole()), (10_000, true));
        // SAFETY: inside the mapping, which lives.
        assert_eq!(unsafe { *start.as_ptr().add(9_999) }, 7);
        assert!(map.resident(0, 10_000).unwrap() > 0);
        map.advise(0, 10_000, 3).unwrap();
        assert!(map.advise(0, 10_000, 9).is_err() && map.advise(5000, 5001, 3).is_err());
        assert!(map.resident(10_000, 1).is_err());
        std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(100).unwrap();
        assert!(!map.is_whole());
        drop(map);
        // SAFETY: zeros took the place of the mapping.
        assert_eq!(unsafe { *start.as_ptr().add(9_999) }, 0);
        std::fs::remove_file(&path).unwrap();
        assert!(
            Mapping::open(&name).is_err()
                && Mapping::open(c"/").is_err()
                && Mapping::open(c"/dev/null").is_err()
        );
    }
}
