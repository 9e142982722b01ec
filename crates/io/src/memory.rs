//! Zeroed memory for slabs, aligned to blocks: large pieces are mapped, in huge pages where the kernel has them.
//!
//! A large slab of small pages costs a page fault for each of them, and its bytes are looked up one page at a time when a
//! device is given them; both take longer than the copy into it.
//!
//! What it is not: shared. One owner, who says when it goes.
//!
//! The one invariant: every byte is initialised (zero) from the start.

use crate::buffer::{BLOCK, round_up};
use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::ptr::NonNull;

/// Size and alignment of a huge page; where it is another, the kernel finds its own inside or does without.
const HUGE: usize = 2 << 20;

/// Memory whose size is a whole number of blocks.
#[derive(Debug)]
pub(crate) struct Memory {
    start: NonNull<u8>,
    length: usize,
}

// SAFETY: plain memory with one owner.
unsafe impl Send for Memory {}

impl Memory {
    /// At least `length` bytes, rounded up to whole blocks. A process without memory ends, as it does for any allocation.
    pub fn zeroed(length: usize) -> Memory {
        let length = round_up(length.max(1));
        if length >= HUGE {
            return Memory::mapped(length);
        }
        // SAFETY: the layout has a non-zero size.
        let start = unsafe { alloc_zeroed(layout(length)) };
        let Some(start) = NonNull::new(start) else { handle_alloc_error(layout(length)) };
        Memory { start, length }
    }

    fn mapped(length: usize) -> Memory {
        let spare = length.checked_add(HUGE).expect("slab size overflows the address space");
        let access = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        // SAFETY: a new private mapping, wherever the kernel likes.
        let mapping = unsafe { libc::mmap(std::ptr::null_mut(), spare, access, flags, -1, 0) };
        if mapping == libc::MAP_FAILED {
            handle_alloc_error(layout(length));
        }
        let mapping = mapping.cast::<u8>();
        let before = mapping.align_offset(HUGE);
        // SAFETY: `before` is below HUGE: the range, and what is given back around it, lie in the mapping that was just
        // made and that nobody else knows; empty ranges are not given back. Huge pages are advice, its answer is too.
        unsafe {
            let start = mapping.add(before);
            if before > 0 {
                libc::munmap(mapping.cast(), before);
            }
            libc::munmap(start.add(length).cast(), HUGE - before);
            libc::madvise(start.cast(), length, libc::MADV_HUGEPAGE);
            Memory { start: NonNull::new_unchecked(start), length }
        }
    }

    pub fn start(&self) -> NonNull<u8> {
        self.start
    }

    pub fn len(&self) -> usize {
        self.length
    }

    /// It is a mapping, so that dropping it gives its pages to whoever else still refers to them, and to nobody else.
    pub fn is_mapped(&self) -> bool {
        self.length >= HUGE
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: `start` and `length` are those of the mapping or the allocation that `zeroed` made, by its size; it is
        // given back once.
        unsafe {
            if self.is_mapped() {
                libc::munmap(self.start.as_ptr().cast(), self.length);
            } else {
                dealloc(self.start.as_ptr(), layout(self.length));
            }
        }
    }
}

fn layout(length: usize) -> Layout {
    Layout::from_size_align(length, BLOCK).expect("slab size overflows the address space")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_of_any_size_is_aligned_and_zero_and_can_be_written_to_its_last_byte() {
        for length in [1, BLOCK, HUGE - BLOCK, HUGE, HUGE + 1, 3 * HUGE] {
            let memory = Memory::zeroed(length);
            assert_eq!((memory.len(), memory.start().as_ptr().align_offset(BLOCK)), (round_up(length), 0));
            // SAFETY: the memory is ours alone, and so long.
            let bytes = unsafe { std::slice::from_raw_parts_mut(memory.start().as_ptr(), memory.len()) };
            assert!(bytes.iter().step_by(512).all(|byte| *byte == 0));
            bytes.fill(1);
        }
    }
}
