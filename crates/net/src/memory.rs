//! A lazily touched anonymous mapping: address space now, memory as bytes arrive.
//!
//! The one invariant: a mapping that was shown to somebody outside (JavaScript) is never unmapped, only emptied: views of
//! it may outlive us, and they then see zeros instead of ending the process.

use std::io;
use std::ptr::NonNull;

/// Memory is taken and given back in pages of this many bytes.
pub(crate) const PAGE: usize = 4096;

#[derive(Debug)]
pub(crate) struct Memory {
    start: NonNull<u8>,
    length: usize,
    shown: bool,
}

impl Memory {
    /// Address space for `length` bytes, a whole number of pages.
    pub(crate) fn map(length: usize) -> io::Result<Memory> {
        assert!(length > 0 && length.is_multiple_of(PAGE), "a mapping is a whole number of pages");
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        // SAFETY: a new anonymous mapping at an address of the kernel's choice.
        let start = unsafe { libc::mmap(std::ptr::null_mut(), length, protection, flags, -1, 0) };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        // A huge page would take 2 MiB for the first byte that arrives. Advice that is not taken is no error.
        // SAFETY: the mapping just made.
        unsafe { libc::madvise(start, length, libc::MADV_NOHUGEPAGE) };
        let start = NonNull::new(start.cast()).expect("mmap gives no null mapping");
        Ok(Memory { start, length, shown: false })
    }

    pub(crate) fn len(&self) -> usize {
        self.length
    }

    /// Address of byte `at`; `at` may be the end.
    pub(crate) fn at(&self, at: usize) -> *mut u8 {
        assert!(at <= self.length, "outside the mapping");
        // SAFETY: inside the mapping or at its end.
        unsafe { self.start.as_ptr().add(at) }
    }

    /// Where it lies, for somebody who keeps looking at it: from now on it is never unmapped.
    pub(crate) fn show(&mut self) -> NonNull<u8> {
        self.shown = true;
        self.start
    }

    /// Copies out of the mapping.
    pub(crate) fn read(&self, at: usize, bytes: &mut [u8]) {
        assert!(at.checked_add(bytes.len()).is_some_and(|end| end <= self.length), "outside the mapping");
        // SAFETY: inside the mapping (asserted), which cannot overlap `bytes`; nobody writes while this thread is here:
        // the kernel only writes what it was given, and that is never read.
        unsafe { std::ptr::copy_nonoverlapping(self.start.as_ptr().add(at), bytes.as_mut_ptr(), bytes.len()) }
    }

    /// Bytes that the kernel has filled and not been given again. None outside the mapping.
    pub(crate) fn bytes(&self, start: usize, end: usize) -> Option<&[u8]> {
        let length = end.checked_sub(start).filter(|_| end <= self.length)?;
        // SAFETY: inside the mapping; nobody writes there while this thread is here: the kernel only writes what it was
        // given, and JavaScript, which may have been shown the mapping, runs on this thread.
        Some(unsafe { std::slice::from_raw_parts(self.at(start), length) })
    }

    /// Copies into the mapping.
    pub(crate) fn write(&mut self, at: usize, bytes: &[u8]) {
        assert!(at.checked_add(bytes.len()).is_some_and(|end| end <= self.length), "outside the mapping");
        // SAFETY: inside the mapping (asserted), which cannot overlap `bytes`, a Rust allocation; the kernel writes only
        // what it was given, and that is not what callers write.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), self.start.as_ptr().add(at), bytes.len()) }
    }

    /// Copies `length` bytes from another mapping.
    pub(crate) fn copy_from(&mut self, at: usize, source: &Memory, from: usize, length: usize) {
        assert!(at.checked_add(length).is_some_and(|end| end <= self.length), "outside the mapping");
        assert!(from.checked_add(length).is_some_and(|end| end <= source.length), "outside the mapping");
        // SAFETY: both ranges are inside their mappings (asserted), which are two different ones (`&mut` and `&`).
        unsafe { std::ptr::copy_nonoverlapping(source.at(from), self.start.as_ptr().add(at), length) }
    }

    /// Gives the pages back to the system; they read as zero and come again when written.
    pub(crate) fn discard(&mut self) {
        // SAFETY: private anonymous memory of ours. Nothing the kernel was given lies here: callers discard only what is
        // idle.
        unsafe { libc::madvise(self.start.as_ptr().cast(), self.length, libc::MADV_DONTNEED) };
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        if self.shown {
            self.discard();
            return;
        }
        // SAFETY: mapped by `map`, unmapped once, and nobody outside has its address.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.length) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_that_was_shown_stays_readable_and_empty_after_it_is_gone() {
        let mut memory = Memory::map(2 * PAGE).unwrap();
        let shown = memory.show();
        // SAFETY: inside the mapping.
        unsafe { shown.as_ptr().write(7) };
        drop(memory);
        // SAFETY: shown memory is never unmapped.
        assert_eq!(unsafe { shown.as_ptr().read() }, 0);
    }

    #[test]
    fn bytes_are_copied_between_mappings() {
        let mut one = Memory::map(PAGE).unwrap();
        let two = Memory::map(PAGE).unwrap();
        // SAFETY: inside the mapping.
        unsafe { two.at(10).copy_from_nonoverlapping(b"bytes".as_ptr(), 5) };
        one.copy_from(1, &two, 10, 5);
        let mut bytes = [0; 5];
        one.read(1, &mut bytes);
        assert_eq!(&bytes, b"bytes");
    }
}
