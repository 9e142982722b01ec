//! Arenas: memory that JavaScript and the kernel both see, in slots of one size that are leased by number.
//!
//! What it is not: freed. JavaScript may keep, transfer and look at a view of it for as long as it likes, so the mapping
//! stays for as long as the process; when the arena goes, only its pages are given back and read as zeros.
//!
//! The one invariant: while the kernel writes into a slot, no other operation is given it, and it cannot be released.

use super::request::Refused;
#[cfg(feature = "planted")]
use crate::planted::RawBug;
use std::io;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

/// Slots of one arena at most; a lease's number has these many values for its slot.
const SLOTS_MAX: usize = 1 << 20;
/// Bytes of one arena at most.
const BYTES_MAX: usize = 1 << 30;
const PAGE: usize = 4096;
/// From this size on huge pages are asked for.
const HUGE: usize = 2 << 20;
/// The state of a slot the kernel writes into; any other number counts operations that read it.
const EXCLUSIVE: u32 = u32::MAX;

/// Slots of equal size in one mapping.
#[derive(Debug)]
pub struct Arena {
    start: NonNull<u8>,
    length: usize,
    slot_bytes: usize,
    /// What the kernel does with each slot.
    busy: Vec<AtomicU32>,
    leases: Mutex<Leases>,
}

// SAFETY: plain memory that Rust never reads or writes through references; who may hand which part to the kernel is in
// `busy`, which is atomic, and in `leases`, which is locked.
unsafe impl Send for Arena {}
// SAFETY: as above.
unsafe impl Sync for Arena {}

#[derive(Debug)]
struct Leases {
    free: Vec<u32>,
    /// Of each slot: how often it was leased, and whether it is now.
    state: Vec<(u32, bool)>,
}

impl Arena {
    /// Maps `slots` slots of `slot_bytes` bytes, a multiple of 4096 each. Memory is taken as it is touched.
    ///
    /// # Errors
    ///
    /// EINVAL when the sizes are not whole pages, or more than 2^20 slots or 1 GiB; ENOMEM.
    pub fn map(slot_bytes: usize, slots: usize) -> io::Result<Arc<Arena>> {
        let length = slot_bytes.checked_mul(slots).filter(|length| *length <= BYTES_MAX);
        let whole = slot_bytes > 0 && slot_bytes.is_multiple_of(PAGE) && (1..=SLOTS_MAX).contains(&slots);
        let Some(length) = length.filter(|_| whole) else {
            return Err(io::Error::from_raw_os_error(libc::EINVAL));
        };
        let access = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        // SAFETY: a new anonymous mapping at an address of the kernel's choice.
        let start = unsafe { libc::mmap(std::ptr::null_mut(), length, access, flags, -1, 0) };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        if length >= HUGE {
            // SAFETY: the mapping just made; advice only.
            unsafe { libc::madvise(start, length, libc::MADV_HUGEPAGE) };
        }
        // A child of fork must not share what the kernel is writing into.
        // SAFETY: as above.
        unsafe { libc::madvise(start, length, libc::MADV_DONTFORK) };
        let start = NonNull::new(start.cast()).expect("mmap gives no null mapping");
        let leases = Leases { free: (0..slots as u32).rev().collect(), state: vec![(0, false); slots] };
        let busy = (0..slots).map(|_| AtomicU32::new(0)).collect();
        Ok(Arc::new(Arena { start, length, slot_bytes, busy, leases: Mutex::new(leases) }))
    }

    /// Where it lies, for somebody who keeps looking at it, and how long it is.
    #[must_use]
    pub fn place(&self) -> (NonNull<u8>, usize) {
        (self.start, self.length)
    }

    /// No code panics while it holds the lock, so a poisoned one still guards whole data.
    fn leases(&self) -> MutexGuard<'_, Leases> {
        self.leases.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Leases a slot; None when all are. The number names this lease for ever, its slot is the number modulo 2^20.
    pub fn lease(&self) -> Option<u64> {
        let mut leases = self.leases();
        let slot = leases.free.pop()?;
        let state = &mut leases.state[slot as usize];
        *state = (state.0.wrapping_add(1), true);
        Some(u64::from(slot) | u64::from(state.0) << 20)
    }

    /// Ends a lease.
    ///
    /// # Errors
    ///
    /// `LeaseStale` when it has ended, `LeaseBusy` while an operation in flight uses it.
    pub fn release(&self, lease: u64) -> Result<(), Refused> {
        let mut leases = self.leases();
        let slot = slot_of(&leases, lease)?;
        let is_busy = self.busy[slot].load(Ordering::Acquire) != 0;
        #[cfg(feature = "planted")]
        let is_busy = is_busy && !RawBug::LeaseReleasedInFlight.is_planted();
        if is_busy {
            return Err(Refused::LeaseBusy);
        }
        leases.state[slot].1 = false;
        leases.free.push(slot as u32);
        Ok(())
    }

    /// Slots that are leased.
    #[must_use]
    pub fn leased(&self) -> usize {
        let leases = self.leases();
        leases.state.len() - leases.free.len()
    }

    /// Lends a part of a leased slot to an operation: to be written into (`is_exclusive`), or to be read.
    ///
    /// # Errors
    ///
    /// `LeaseStale`, `LeaseBusy`, or `OutOfRange` when the part does not lie in the slot.
    pub fn lend(
        self: &Arc<Arena>,
        lease: u64,
        start: usize,
        length: usize,
        is_exclusive: bool,
    ) -> Result<Lent, Refused> {
        let slot = slot_of(&self.leases(), lease)?;
        if start.checked_add(length).is_none_or(|end| end > self.slot_bytes) {
            return Err(Refused::OutOfRange);
        }
        let busy = &self.busy[slot];
        let taken = if is_exclusive {
            busy.compare_exchange(0, EXCLUSIVE, Ordering::AcqRel, Ordering::Acquire).is_ok()
        } else {
            // Two below the mark: the count can never become it.
            let more = |count: u32| (count < EXCLUSIVE - 1).then(|| count + 1);
            busy.fetch_update(Ordering::AcqRel, Ordering::Acquire, more).is_ok()
        };
        #[cfg(feature = "planted")]
        let taken = taken || RawBug::BufferReusedInFlight.is_planted();
        if !taken {
            return Err(Refused::LeaseBusy);
        }
        let at = slot * self.slot_bytes + start;
        Ok(Lent { arena: Arc::clone(self), slot, at, length, is_exclusive })
    }
}

/// The slot of a lease that has not ended.
fn slot_of(leases: &Leases, lease: u64) -> Result<usize, Refused> {
    let (slot, generation) = ((lease & (SLOTS_MAX as u64 - 1)) as usize, lease >> 20);
    match leases.state.get(slot) {
        Some((given, true)) if u64::from(*given) == generation => Ok(slot),
        #[cfg(feature = "planted")]
        Some((_, true)) if RawBug::StaleLeaseAccepted.is_planted() => Ok(slot),
        _ => Err(Refused::LeaseStale),
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        // SAFETY: the pages of our mapping, which stays mapped: views of it may outlive us and see zeros. Nothing in
        // flight uses it: whatever is in flight holds an `Arc` of it.
        unsafe { libc::madvise(self.start.as_ptr().cast(), self.length, libc::MADV_DONTNEED) };
    }
}

/// A part of a slot that an operation works on; giving it back is dropping it.
#[derive(Debug)]
pub struct Lent {
    arena: Arc<Arena>,
    slot: usize,
    at: usize,
    length: usize,
    is_exclusive: bool,
}

impl Lent {
    pub(super) fn arena(&self) -> &Arc<Arena> {
        &self.arena
    }

    pub(super) fn place(&self) -> (*mut u8, usize) {
        // SAFETY: `lend` has checked that the part lies in its slot, and the slot in the mapping.
        (unsafe { self.arena.start.as_ptr().add(self.at) }, self.length)
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let busy = &self.arena.busy[self.slot];
        if self.is_exclusive {
            busy.store(0, Ordering::Release);
        } else {
            busy.fetch_sub(1, Ordering::AcqRel);
        }
    }
}
