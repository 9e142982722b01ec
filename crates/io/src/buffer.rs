//! Aligned memory for direct I/O: a `Slab` is filled once, front to back, by its single `SlabWriter`, and is
//! shared read-only from then on as `Piece`s.
//!
//! What it is not: a pool. Whoever allocates slabs decides how much memory that may be.
//!
//! The one invariant: a byte of a slab is written at most once, before any `Piece` that covers it exists. So a
//! `Piece` can be read by the kernel, by pool threads and by us at the same time as later bytes of the same slab
//! are being written.

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::ptr::NonNull;
use std::sync::Arc;

/// Direct I/O is done in blocks of this many bytes, whatever smaller unit the device would accept.
pub const BLOCK: usize = 4096;

/// Rounds `bytes` up to a whole number of blocks.
#[must_use]
pub const fn round_up(bytes: usize) -> usize {
    bytes.div_ceil(BLOCK) * BLOCK
}

/// Zeroed, block-aligned memory whose size is a whole number of blocks.
#[derive(Debug)]
pub struct Slab {
    start: NonNull<u8>,
    length: usize,
}

// SAFETY: a slab is plain memory. Writers and readers never overlap: see the module's invariant, which `SlabWriter`
// (unique, bump pointer) and `Piece` (covers only published bytes) keep together.
unsafe impl Send for Slab {}
// SAFETY: as above.
unsafe impl Sync for Slab {}

impl Slab {
    fn layout(length: usize) -> Layout {
        Layout::from_size_align(length, BLOCK).expect("slab size overflows the address space")
    }

    fn new(length: usize) -> Slab {
        let length = round_up(length.max(1));
        // SAFETY: the layout has a non-zero size.
        let start = unsafe { alloc_zeroed(Self::layout(length)) };
        let Some(start) = NonNull::new(start) else { handle_alloc_error(Self::layout(length)) };
        Slab { start, length }
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
        // SAFETY: `start` came from `alloc_zeroed` with this very layout and is freed once.
        unsafe { dealloc(self.start.as_ptr(), Self::layout(self.length)) }
    }
}

/// The only writer of a slab. Bytes before `position` are published, bytes after it are still zero.
#[derive(Debug)]
pub struct SlabWriter {
    slab: Arc<Slab>,
    position: usize,
}

impl SlabWriter {
    /// Allocates a zeroed slab of at least `length` bytes (rounded up to whole blocks).
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
    /// header can be computed from the copy of what follows it. Panics when they do not fit.
    pub fn fill<R>(&mut self, length: usize, fill: impl FnOnce(&mut [u8]) -> R) -> R {
        assert!(length <= self.remaining(), "slab overflow: {length} > {}", self.remaining());
        // SAFETY: the range is inside the slab (asserted), initialised (zeroed at allocation) and covered by no piece,
        // since it lies behind `position`; `&mut self` keeps every other writer away until `fill` is back.
        let result = fill(unsafe {
            std::slice::from_raw_parts_mut(self.slab.start.as_ptr().add(self.position), length)
        });
        self.position += length;
        result
    }

    /// Publishes `length` zero bytes (padding).
    pub fn skip(&mut self, length: usize) {
        assert!(length <= self.remaining(), "slab overflow: {length} > {}", self.remaining());
        self.position += length;
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

    #[must_use]
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.slab.length
    }

    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: the buffer is uniquely owned and initialised (zeroed at allocation).
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
    #[should_panic(expected = "unpublished")]
    fn unpublished_bytes_cannot_be_seen() {
        let writer = SlabWriter::new(10);
        let _ = writer.piece(0, 1);
    }
}
