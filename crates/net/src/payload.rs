//! Bytes to be sent, whoever they belong to.
//!
//! The one invariant: a payload's bytes stay where they are for as long as the payload lives, however often it is moved.

use millrace_io::Piece;
use std::any::Any;
use std::fmt;

/// Memory of somebody else, kept alive by `keeper`.
pub struct Foreign {
    start: *const u8,
    length: usize,
    keeper: Box<dyn Any>,
}

impl Foreign {
    /// Names memory to be sent.
    ///
    /// # Safety
    ///
    /// `length` bytes at `start` stay readable, in place and unchanged until `keeper` is dropped; or until the kernel's last
    /// look at them for owners that end earlier than the process and drain first (`Net` drains when it is dropped).
    #[must_use]
    pub unsafe fn new(start: *const u8, length: usize, keeper: Box<dyn Any>) -> Foreign {
        Foreign { start, length, keeper }
    }
}

impl fmt::Debug for Foreign {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Foreign { start, length, keeper } = self;
        write!(formatter, "Foreign({length} bytes at {start:p}, kept by {:?})", (**keeper).type_id())
    }
}

#[derive(Debug)]
pub(crate) enum Payload {
    /// Small sends put together. Grows only while the kernel does not have it.
    Owned(Vec<u8>),
    Foreign(Foreign),
    Piece(Piece),
    /// The kernel refers to the pages instead of copying them.
    Lent(Piece),
}

impl Payload {
    pub(crate) fn start(&self) -> *const u8 {
        match self {
            Payload::Owned(bytes) => bytes.as_ptr(),
            Payload::Foreign(foreign) => foreign.start,
            Payload::Piece(piece) | Payload::Lent(piece) => piece.bytes().as_ptr(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Payload::Owned(bytes) => bytes.len(),
            Payload::Foreign(foreign) => foreign.length,
            Payload::Piece(piece) | Payload::Lent(piece) => piece.len(),
        }
    }
}
