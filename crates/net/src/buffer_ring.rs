//! The descriptors of a provided buffer ring: how slots are handed to the kernel.
//!
//! The one invariant: the descriptors lie in a private mapping that nobody else sees, and it outlives the io_uring it is
//! registered with; the tail moves only over entries that are written.

use crate::memory::{Memory, PAGE};
use io_uring::IoUring;
use io_uring::types::BufRingEntry;
use std::io;
use std::sync::atomic::{AtomicU16, Ordering};

/// The one buffer group of the ring.
pub(crate) const GROUP: u16 = 0;

#[derive(Debug)]
pub(crate) struct BufferRing {
    memory: Memory,
    entries: u16,
    tail: u16,
}

impl BufferRing {
    /// Registers an empty ring of `entries` descriptors, a power of two.
    pub(crate) fn register(ring: &IoUring, entries: u16) -> io::Result<BufferRing> {
        let bytes = usize::from(entries) * size_of::<BufRingEntry>();
        let memory = Memory::map(bytes.next_multiple_of(PAGE))?;
        // SAFETY: zeroed, page-aligned memory for so many descriptors. It is owned by this value, which `Net` drops after
        // the ring.
        unsafe {
            ring.submitter().register_buf_ring_with_flags(memory.at(0) as u64, entries, GROUP, 0)?;
        }
        Ok(BufferRing { memory, entries, tail: 0 })
    }

    /// Gives the kernel `length` bytes at `address` under the name `slot`.
    ///
    /// # Safety
    ///
    /// The memory stays writable and untouched by anybody else until the kernel names the slot in a completion, or is
    /// gone with its ring.
    pub(crate) unsafe fn give(&mut self, slot: u16, address: *mut u8, length: u32) {
        let base = self.memory.at(0).cast::<BufRingEntry>();
        let index = usize::from(self.tail & (self.entries - 1));
        // SAFETY: `index` is below `entries`, for which the mapping was sized; any bit pattern is a descriptor. The kernel
        // reads descriptors below the published tail only, and there are never more than `entries` of them out, because
        // each slot is given once at a time. The last two bytes of entry 0 are the tail, which setting address, length
        // and name leaves alone.
        unsafe {
            let entry = &mut *base.add(index);
            entry.set_addr(address as u64);
            entry.set_len(length);
            entry.set_bid(slot);
        }
        self.tail = self.tail.wrapping_add(1);
        // SAFETY: the tail lies in entry 0 of the mapping, 2-byte aligned; the kernel reads it with acquire semantics.
        unsafe {
            let tail = BufRingEntry::tail(base).cast_mut();
            AtomicU16::from_ptr(tail).store(self.tail, Ordering::Release);
        }
    }
}
