//! What one raw operation is: a closed set, each with everything it needs.
//!
//! The one invariant: a request owns its memory and paths (or holds them lent), at addresses that do not change while it
//! lives in its box.

use super::address::Address;
use super::arena::Lent;
use crate::memory::Memory;
use std::ffi::CString;

/// An open file, pipe or socket of one `RawIo`: names it for ever, numbers are not used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileNumber(pub u64);

/// Why an operation was not taken: nothing of it was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The file was closed, or never opened here.
    FileStale,
    /// The lease was released.
    LeaseStale,
    /// An operation in flight uses the lease.
    LeaseBusy,
    /// Position or length lie outside of what they are for.
    OutOfRange,
    /// As many operations as allowed are waiting already.
    Full,
    /// More operations are linked than a chain may have.
    ChainTooLong,
    /// The ring is closing.
    Closing,
}

/// Memory of the request's own, aligned to blocks, so that direct I/O takes it.
#[derive(Debug)]
pub struct Owned {
    memory: Memory,
    length: usize,
}

impl Owned {
    /// `length` zeros.
    #[must_use]
    pub fn zeroed(length: usize) -> Owned {
        Owned { memory: Memory::zeroed(length), length }
    }

    /// A copy of `bytes`.
    #[must_use]
    pub fn copy_of(bytes: &[u8]) -> Owned {
        let mut owned = Owned::zeroed(bytes.len());
        owned.bytes_mut().copy_from_slice(bytes);
        owned
    }

    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: initialised memory of at least this length that we own.
        unsafe { std::slice::from_raw_parts(self.memory.start().as_ptr(), self.length) }
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as above, borrowed exclusively.
        unsafe { std::slice::from_raw_parts_mut(self.memory.start().as_ptr(), self.length) }
    }
}

/// Memory an operation reads or fills.
#[derive(Debug)]
pub enum Bytes {
    Owned(Owned),
    Lent(Lent),
}

impl Bytes {
    /// Where it lies and how long it is. Only the kernel looks there while the operation is in flight.
    pub(super) fn place(&self) -> (*mut u8, usize) {
        match self {
            Bytes::Owned(owned) => (owned.memory.start().as_ptr(), owned.length),
            Bytes::Lent(lent) => lent.place(),
        }
    }
}

/// One operation. A `position` of None is the descriptor's own (pipes, sockets). Flags are the kernel's.
#[derive(Debug)]
pub enum Request {
    Nop,
    Read {
        file: FileNumber,
        position: Option<u64>,
        bytes: Bytes,
        flags: i32,
    },
    Write {
        file: FileNumber,
        position: Option<u64>,
        bytes: Bytes,
        flags: i32,
    },
    ReadVector {
        file: FileNumber,
        position: Option<u64>,
        parts: Vec<Bytes>,
        flags: i32,
    },
    WriteVector {
        file: FileNumber,
        position: Option<u64>,
        parts: Vec<Bytes>,
        flags: i32,
    },
    Sync {
        file: FileNumber,
        data_only: bool,
    },
    Allocate {
        file: FileNumber,
        mode: i32,
        position: u64,
        length: u64,
    },
    Truncate {
        file: FileNumber,
        length: u64,
    },
    Open {
        path: CString,
        flags: i32,
        mode: u32,
    },
    /// Only made by the file table, when nothing of the file is in flight.
    Close {
        descriptor: i32,
    },
    /// Of the file, or of a path (`AT_` flags).
    Status {
        file: Option<FileNumber>,
        path: CString,
        flags: i32,
        status: Box<libc::statx>,
    },
    Rename {
        from: CString,
        to: CString,
        flags: u32,
    },
    Unlink {
        path: CString,
        flags: i32,
    },
    MakeDirectory {
        path: CString,
        mode: u32,
    },
    Splice {
        from: FileNumber,
        from_position: Option<u64>,
        to: FileNumber,
        to_position: Option<u64>,
        length: u32,
        flags: u32,
    },
    Tee {
        from: FileNumber,
        to: FileNumber,
        length: u32,
        flags: u32,
    },
    /// File to anything, in the kernel; one call of at most `length` bytes.
    SendFile {
        from: FileNumber,
        position: u64,
        to: FileNumber,
        length: u32,
    },
    /// File to file, in the kernel, or in the file system without copying at all.
    CopyRange {
        from: FileNumber,
        from_position: u64,
        to: FileNumber,
        to_position: u64,
        length: u32,
    },
    /// Completes with what the file is ready for, of `events`.
    Poll {
        file: FileNumber,
        events: u32,
    },
    Timeout {
        ns: u64,
        /// Set when it begins, on threads.
        deadline: Option<u64>,
    },
    Accept {
        file: FileNumber,
    },
    Connect {
        file: FileNumber,
        address: Address,
        /// On threads: the connection is under way.
        is_begun: bool,
    },
    Receive {
        file: FileNumber,
        bytes: Bytes,
        flags: i32,
    },
    Send {
        file: FileNumber,
        bytes: Bytes,
        flags: i32,
    },
    Shutdown {
        file: FileNumber,
        how: i32,
    },
}

impl Request {
    /// The files it needs.
    pub(super) fn files(&self) -> [Option<FileNumber>; 2] {
        use Request::*;
        match self {
            Nop
            | Open { .. }
            | Close { .. }
            | Rename { .. }
            | Unlink { .. }
            | MakeDirectory { .. }
            | Timeout { .. } => [None, None],
            Status { file, .. } => [*file, None],
            Read { file, .. }
            | Write { file, .. }
            | ReadVector { file, .. }
            | WriteVector { file, .. }
            | Sync { file, .. }
            | Allocate { file, .. }
            | Truncate { file, .. }
            | Poll { file, .. }
            | Accept { file }
            | Connect { file, .. }
            | Receive { file, .. }
            | Send { file, .. }
            | Shutdown { file, .. } => [Some(*file), None],
            Splice { from, to, .. }
            | Tee { from, to, .. }
            | SendFile { from, to, .. }
            | CopyRange { from, to, .. } => [Some(*from), Some(*to)],
        }
    }

    /// Whether it waits for somebody else, so that it must not keep others from the device.
    pub(super) fn waits(&self) -> bool {
        use Request::*;
        matches!(
            self,
            Poll { .. } | Timeout { .. } | Accept { .. } | Connect { .. } | Receive { .. } | Send { .. }
        ) || matches!(self, Splice { .. } | Tee { .. } | SendFile { .. })
            || matches!(self, Read { position: None, .. } | Write { position: None, .. })
            || matches!(self, ReadVector { position: None, .. } | WriteVector { position: None, .. })
    }

    /// Bytes that have to be read or written for a chain to go on; None: any success will do.
    pub(super) fn whole(&self) -> Option<usize> {
        use Request::*;
        match self {
            Read { bytes, .. } | Write { bytes, .. } | Send { bytes, .. } => Some(bytes.place().1),
            ReadVector { parts, .. } | WriteVector { parts, .. } => {
                Some(parts.iter().map(|part| part.place().1).sum())
            }
            Splice { length, .. } | Tee { length, .. } => Some(*length as usize),
            _ => None,
        }
    }
}
