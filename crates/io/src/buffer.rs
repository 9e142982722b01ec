//! Aligned memory for direct I/O: a `Slab` is filled once, front to back, by its single `SlabWriter`, and is
//! shared read-only from then on as `Piece`s.
//!
//! What it is not: a pool. Whoever allocates slabs decides how much memory that may be.
//!
//! The one invariant: a byte of a slab is written at most once, before any `Piece` that covers it exists. So a
//! `Piece` can be read by the kernel, by pool threads and by us at the same time as later bytes of the same slab
//! are being written.

use crate::memory::Memory;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Direct I/O is done in blocks of this many bytes, whatever smaller unit the device would accept.
pub const BLOCK: usize = 4096;

/// Rounds `bytes` up to a whole number of blocks.
#[must_use]
pub const fn round_up(bytes: usize) -> usize {
    bytes.div_ceil(BLOCK) * BLOCK
}

/// Memory of slabs of one size that is used again: fresh memory costs zeroing and page faults.
///
/// Slabs return to it when their last piece goes, on whatever thread that is.
#[derive(Clone, Debug)]
pub struct SlabPool {
    shelf: Arc<Shelf>,
}

#[derive(Debug)]
struct Shelf {
    slab_bytes: usize,
    kept_max: usize,
    free: Mutex<Vec<Memory>>,
}

impl SlabPool {
    /// For slabs of `slab_bytes` (rounded up to whole blocks), of which at most `kept_max` lie idle.
    #[must_use]
    pub fn new(slab_bytes: usize, kept_max: usize) -> SlabPool {
        let slab_bytes = round_up(slab_bytes.max(1));
        SlabPool { shelf: Arc::new(Shelf { slab_bytes, kept_max, free: Mutex::new(Vec::new()) }) }
    }

    fn take(&self) -> Slab {
        let used = self.shelf.lock().pop();
        let memory = used.unwrap_or_else(|| Memory::zeroed(self.shelf.slab_bytes));
        Slab {
            start: memory.start(),
            length: memory.len(),
            memory: Some(memory),
            shelf: Some(self.shelf.clone()),
            copied: AtomicUsize::new(0),
            is_lent: AtomicBool::new(false),
        }
    }

    /// Slabs that lie idle.
    #[must_use]
    pub fn idle(&self) -> usize {
        self.shelf.lock().len()
    }
}

impl Shelf {
    fn lock(&self) -> MutexGuard<'_, Vec<Memory>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Block-aligned memory whose size is a whole number of blocks.
#[derive(Debug)]
pub struct Slab {
    start: NonNull<u8>,
    length: usize,
    /// What `start` points to; gone only while the slab is being dropped.
    memory: Option<Memory>,
    shelf: Option<Arc<Shelf>>,
    /// Bytes of it that readers were sent as copies.
    copied: AtomicUsize,
    /// The kernel may refer to its pages for longer than the slab lives, so they are never written again.
    is_lent: AtomicBool,
}

// SAFETY: a slab is plain memory. Writers and readers never overlap: see the module's invariant, which `SlabWriter`
// (unique, bump pointer) and `Piece` (covers only published bytes) keep together.
unsafe impl Send for Slab {}
// SAFETY: as above.
unsafe impl Sync for Slab {}

impl Slab {
    fn new(length: usize) -> Slab {
        let memory = Memory::zeroed(length);
        Slab {
            start: memory.start(),
            length: memory.len(),
            memory: Some(memory),
            shelf: None,
            copied: AtomicUsize::new(0),
            is_lent: AtomicBool::new(false),
        }
    }

    /// Bytes in the slab.
    #[must_use]
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.length
    }
}

impl Drop for Slab {
    fn drop(&mut self) {
        let (Some(shelf), Some(memory)) = (self.shelf.take(), self.memory.take()) else { return };
        if *self.is_lent.get_mut() {
            return;
        }
        let mut free = shelf.lock();
        if free.len() < shelf.kept_max {
            free.push(memory);
        }
    }
}

/// The only writer of a slab. Bytes before `position` are published, bytes after it are nobody's yet.
#[derive(Debug)]
pub struct SlabWriter {
    slab: Arc<Slab>,
    position: usize,
}

impl SlabWriter {
    /// A slab of memory that may have been used before, as long as those of the pool are.
    #[must_use]
    pub fn from_pool(pool: &SlabPool) -> SlabWriter {
        SlabWriter { slab: Arc::new(pool.take()), position: 0 }
    }

    /// Allocates a slab of at least `length` bytes (rounded up to whole blocks).
    #[must_use]
    pub fn new(length: usize) -> SlabWriter {
        SlabWriter { slab: Arc::new(Slab::new(length)), position: 0 }
    }

    /// Bytes published so far.
    #[must_use]
    pub fn position(&self) -> usize {
        self.position
    }

    /// Bytes that can still be written.
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.slab.length - self.position
    }

    /// Copies `bytes` behind what is published and publishes them. Panics when they do not fit: the caller asks
    /// `remaining` first.
    pub fn write(&mut self, bytes: &[u8]) {
        assert!(bytes.len() <= self.remaining(), "slab overflow: {} > {}", bytes.len(), self.remaining());
        // SAFETY: the range is inside the slab (asserted), no piece covers it yet (it lies behind `position`), and
        // `bytes` cannot overlap it because no reference to unpublished slab memory is ever handed out.
        unsafe {
            std::ptr::copy_nonoverlapping(
                bytes.as_ptr(),
                self.slab.start.as_ptr().add(self.position),
                bytes.len(),
            );
        }
        self.position += bytes.len();
    }

    /// Lets `fill` write the next `length` bytes in place, in any order, and publishes them when it returns. So a
    /// header can be computed from the copy of what follows it. All of them must be written: what is there before is
    /// whatever the memory held. Panics when they do not fit.
    pub fn fill<R>(&mut self, length: usize, fill: impl FnOnce(&mut [u8]) -> R) -> R {
        assert!(length <= self.remaining(), "slab overflow: {length} > {}", self.remaining());
        // SAFETY: the range is inside the slab (asserted), initialised (all slab memory is, at allocation) and covered
        // by no piece, since it lies behind `position`; `&mut self` keeps every other writer away until `fill` is back.
        let result = fill(unsafe {
            std::slice::from_raw_parts_mut(self.slab.start.as_ptr().add(self.position), length)
        });
        self.position += length;
        result
    }

    /// Publishes `length` zero bytes (padding).
    pub fn skip(&mut self, length: usize) {
        self.fill(length, |bytes| bytes.fill(0));
    }

    /// Publishes zero bytes up to the next whole block.
    pub fn pad_to_block(&mut self) {
        self.skip(round_up(self.position) - self.position);
    }

    /// A view of published bytes. Panics when the range reaches past `position`.
    #[must_use]
    pub fn piece(&self, start: usize, length: usize) -> Piece {
        assert!(start + length <= self.position, "piece covers unpublished bytes");
        Piece { slab: Arc::clone(&self.slab), start, length }
    }
}

/// Immutable bytes inside a slab; keeps the slab alive.
#[derive(Clone, Debug)]
pub struct Piece {
    slab: Arc<Slab>,
    start: usize,
    length: usize,
}

impl Piece {
    /// Copies `bytes` into a slab of its own.
    #[must_use]
    pub fn copy_of(bytes: &[u8]) -> Piece {
        let mut writer = SlabWriter::new(bytes.len());
        writer.write(bytes);
        writer.piece(0, bytes.len())
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.length
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: the range is published and so never written again while any `Piece` or `SlabWriter` exists.
        unsafe { std::slice::from_raw_parts(self.slab.start.as_ptr().add(self.start), self.length) }
    }

    /// A narrower view of the same memory. Panics when the range is not inside this piece.
    #[must_use]
    pub fn slice(&self, start: usize, length: usize) -> Piece {
        assert!(start.checked_add(length).is_some_and(|end| end <= self.length), "slice outside its piece");
        Piece { slab: Arc::clone(&self.slab), start: self.start + start, length }
    }

    /// Whether these bytes are to be sent by reference to their pages instead of a copy; the answer is kept to. Pages that
    /// were lent are unmapped when the slab goes and not used again. Where they would have been, that costs more than one
    /// copy: so the first reader gets copies, and those that come after it get pages. Memory that is not a mapping of its
    /// own is never lent.
    #[must_use]
    pub fn lend(&self) -> bool {
        let slab = &self.slab;
        if !slab.memory.as_ref().is_some_and(Memory::is_mapped) {
            return false;
        }
        if slab.shelf.is_some() && slab.copied.load(Ordering::Relaxed) < slab.length {
            slab.copied.fetch_add(self.length, Ordering::Relaxed);
            return false;
        }
        slab.is_lent.store(true, Ordering::Release);
        true
    }

    /// The slab's identity and size, for memory accounting.
    #[must_use]
    pub fn slab(&self) -> &Arc<Slab> {
        &self.slab
    }
}

/// Uniquely owned aligned memory a read fills; becomes a `Piece` when it is complete.
#[derive(Debug)]
pub struct ReadBuffer {
    slab: Slab,
}

impl ReadBuffer {
    /// Zeroed memory of at least `length` bytes (rounded up to whole blocks).
    #[must_use]
    pub fn new(length: usize) -> ReadBuffer {
        ReadBuffer { slab: Slab::new(length) }
    }

    /// As `new`, of memory that may have been used before and holds what was in it. Panics when the pool's slabs are
    /// smaller than `length`.
    #[must_use]
    pub fn from_pool(pool: &SlabPool, length: usize) -> ReadBuffer {
        let mut slab = pool.take();
        let length = round_up(length.max(1));
        assert!(length <= slab.length, "a slab of {} bytes is too small for {length}", slab.length);
        slab.length = length;
        ReadBuffer { slab }
    }

    #[must_use]
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.slab.length
    }

    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: the buffer is uniquely owned and initialised (zeroed at allocation, perhaps written since).
        unsafe { std::slice::from_raw_parts(self.slab.start.as_ptr(), self.slab.length) }
    }

    pub fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as `bytes`, and `&mut self` makes the access exclusive.
        unsafe { std::slice::from_raw_parts_mut(self.slab.start.as_ptr(), self.slab.length) }
    }

    /// The first `length` bytes as an immutable piece.
    #[must_use]
    pub fn into_piece(self, length: usize) -> Piece {
        assert!(length <= self.slab.length, "piece longer than its buffer");
        Piece { slab: Arc::new(self.slab), start: 0, length }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_keeps_its_bytes_while_later_bytes_are_written() {
        let mut writer = SlabWriter::new(100);
        assert_eq!(writer.remaining(), BLOCK);
        writer.write(b"first");
        let first = writer.piece(0, 5);
        writer.pad_to_block();
        assert_eq!(writer.remaining(), 0);
        assert_eq!(first.bytes(), b"first");
        assert_eq!(first.slice(1, 3).bytes(), b"irs");
    }

    #[test]
    fn bytes_filled_in_place_are_published_together() {
        let mut writer = SlabWriter::new(10);
        writer.write(b"head");
        let sum = writer.fill(4, |bytes| {
            bytes[1..].copy_from_slice(&[1, 2, 3]);
            bytes[0] = bytes[1..].iter().sum();
            bytes[0]
        });
        assert_eq!(sum, 6);
        assert_eq!(writer.piece(2, 6).bytes(), b"ad\x06\x01\x02\x03");
    }

    #[test]
    fn memory_of_a_pool_is_used_again_when_its_last_piece_is_gone_and_padding_is_zero_all_the_same() {
        let pool = SlabPool::new(BLOCK, 1);
        let mut writer = SlabWriter::from_pool(&pool);
        writer.write(&[0xff; BLOCK]);
        let piece = writer.piece(0, BLOCK);
        drop(writer);
        assert_eq!(pool.idle(), 0, "a piece still refers to it");
        drop(piece);
        assert_eq!(pool.idle(), 1);
        let mut again = SlabWriter::from_pool(&pool);
        assert_eq!(pool.idle(), 0);
        again.write(b"x");
        again.pad_to_block();
        assert!(again.piece(1, BLOCK - 1).bytes().iter().all(|byte| *byte == 0));
    }

    #[test]
    fn a_buffer_to_read_into_takes_a_part_of_a_pools_slab_and_gives_all_of_it_back() {
        let pool = SlabPool::new(4 * BLOCK, 1);
        let mut buffer = ReadBuffer::from_pool(&pool, BLOCK + 1);
        assert_eq!(buffer.len(), 2 * BLOCK);
        buffer.bytes_mut().fill(3);
        let piece = buffer.into_piece(100);
        assert_eq!((piece.len(), pool.idle()), (100, 0));
        drop(piece);
        assert_eq!((pool.idle(), ReadBuffer::from_pool(&pool, 4 * BLOCK).len()), (1, 4 * BLOCK));
    }

    #[test]
    fn a_pool_keeps_no_more_than_it_may() {
        let pool = SlabPool::new(BLOCK, 1);
        let slabs = [SlabWriter::from_pool(&pool), SlabWriter::from_pool(&pool)];
        drop(slabs);
        assert_eq!(pool.idle(), 1);
    }

    #[test]
    fn pages_are_lent_to_the_second_reader_and_then_never_written_again() {
        let length = 2 << 20;
        let pool = SlabPool::new(length, 1);
        let mut writer = SlabWriter::from_pool(&pool);
        writer.skip(length);
        let halves = [writer.piece(0, length / 2), writer.piece(length / 2, length / 2)];
        assert!(halves.iter().all(|half| !half.lend()), "the first reader gets copies");
        assert!(halves.iter().all(Piece::lend));
        drop((writer, halves));
        assert_eq!(pool.idle(), 0);
        assert!(ReadBuffer::new(length).into_piece(length).lend(), "what is unmapped anyway is lent at once");
    }

    #[test]
    fn small_memory_is_never_lent_because_the_allocator_uses_it_again() {
        let piece = Piece::copy_of(&[1; 5000]);
        assert!((0..10).all(|_| !piece.lend()));
    }

    #[test]
    #[should_panic(expected = "unpublished")]
    fn unpublished_bytes_cannot_be_seen() {
        let writer = SlabWriter::new(10);
        let _ = writer.piece(0, 1);
    }
}
