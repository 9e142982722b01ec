//! Receive buffers that the kernel picks from: one registered ring of them, for all connections.

use std::sync::atomic::{AtomicU16, Ordering};

use io_uring::IoUring;
use io_uring::types::BufRingEntry;
use millrace_load::LoadError;

use crate::direct_file::{AlignedBytes, BLOCK};

/// The one group.
pub const GROUP: u16 = 0;
const BUFFERS: u16 = 256;
const BUFFER_LENGTH: usize = 16 << 10;

/// The buffers and the ring that names those which are free.
pub struct Provided {
    entries: AlignedBytes,
    bytes: AlignedBytes,
    tail: u16,
}

impl Provided {
    /// Registers all of them with `ring`, which must be dropped first.
    pub fn register(ring: &IoUring) -> Result<Provided, LoadError> {
        let length = usize::from(BUFFERS) * size_of::<BufRingEntry>();
        let mut entries = AlignedBytes::zeroed(length.next_multiple_of(BLOCK));
        let bytes = AlignedBytes::zeroed(usize::from(BUFFERS) * BUFFER_LENGTH);
        // SAFETY: zeroed memory on a page for so many entries, which outlives the ring.
        unsafe {
            ring.submitter().register_buf_ring_with_flags(entries.as_mut_ptr() as u64, BUFFERS, GROUP, 0)
        }
        .map_err(LoadError::io("registering buffers"))?;
        let mut provided = Provided { entries, bytes, tail: 0 };
        (0..BUFFERS).for_each(|buffer| provided.give(buffer));
        Ok(provided)
    }

    /// The first `length` bytes of a buffer that a completion named.
    pub fn filled(&self, buffer: u16, length: usize) -> &[u8] {
        &self.bytes[usize::from(buffer) * BUFFER_LENGTH..][..length]
    }

    /// Gives a buffer back.
    pub fn give(&mut self, buffer: u16) {
        let address = self.bytes[usize::from(buffer) * BUFFER_LENGTH..].as_mut_ptr();
        let base = self.entries.as_mut_ptr().cast::<BufRingEntry>();
        // SAFETY: the index is below the number of entries, any bit pattern is one, and the tail (the last two bytes of
        // entry 0, aligned) is left alone by setting address, length and name.
        unsafe {
            let entry = &mut *base.add(usize::from(self.tail % BUFFERS));
            entry.set_addr(address as u64);
            entry.set_len(BUFFER_LENGTH as u32);
            entry.set_bid(buffer);
            self.tail = self.tail.wrapping_add(1);
            AtomicU16::from_ptr(BufRingEntry::tail(base).cast_mut()).store(self.tail, Ordering::Release);
        }
    }
}
