//! Rows of numbers become raw operations, and refusals become numbers. Layout: ts/io/api/native-ring.ts.
//!
//! The one invariant: a row is copied out of JavaScript's memory once and checked; only the copy is used.

use crate::memory::{index, whole};
use crate::status::Refusal;
use millrace_io::raw::{Address, Arena, Bytes, FileNumber, Refused, Request};
use std::ffi::CString;
use std::sync::Arc;

/// Doubles of a row.
pub(crate) const STRIDE: usize = 12;
/// Bytes of one operation at most.
const LENGTH_MAX: usize = 1 << 30;
/// Results below the kernel's: minus this, minus a code.
const REFUSED: f64 = -4096.0;

/// Numbers of refusals beside `Refused`.
pub(crate) const DETACHED: f64 = 8.0;

/// The number of a refusal; 0 is none.
pub(crate) fn code(refused: Refused) -> f64 {
    match refused {
        Refused::FileStale => 1.0,
        Refused::LeaseStale => 2.0,
        Refused::LeaseBusy => 3.0,
        Refused::OutOfRange => 4.0,
        Refused::Full => 5.0,
        Refused::ChainTooLong => 6.0,
        Refused::Closing => 7.0,
    }
}

/// A refusal as the result of a completion.
pub(crate) fn result_of(code: f64) -> f64 {
    REFUSED - code
}

/// What a row needs that numbers cannot say.
#[derive(Default)]
pub(crate) struct Payload {
    pub(crate) bytes: Option<Bytes>,
    pub(crate) parts: Vec<Bytes>,
    pub(crate) paths: Option<(CString, CString)>,
    pub(crate) address: Option<Address>,
}

/// One row, as it was.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row(pub(crate) [f64; STRIDE]);

impl Row {
    pub(crate) fn owner(&self) -> Result<u64, Refusal> {
        whole(self.0[1]).ok_or_else(|| Refusal::argument("an owner is not a whole number"))
    }

    pub(crate) fn is_linked(&self) -> bool {
        self.0[11] == 1.0
    }

    /// A close, which goes to the file table.
    pub(crate) fn is_close(&self) -> bool {
        self.0[0] == 10.0
    }

    pub(crate) fn file(&self) -> Result<FileNumber, Refused> {
        whole(self.0[2]).map(FileNumber).ok_or(Refused::FileStale)
    }

    fn other_file(&self) -> Result<FileNumber, Refused> {
        whole(self.0[3]).map(FileNumber).ok_or(Refused::FileStale)
    }

    /// None: the descriptor's own.
    fn position(&self, at: usize) -> Result<Option<u64>, Refused> {
        if self.0[at] == -1.0 {
            return Ok(None);
        }
        whole(self.0[at]).map(Some).ok_or(Refused::OutOfRange)
    }

    fn fixed_position(&self, at: usize) -> Result<u64, Refused> {
        self.position(at)?.ok_or(Refused::OutOfRange)
    }

    fn length(&self) -> Result<u64, Refused> {
        whole(self.0[6]).ok_or(Refused::OutOfRange)
    }

    fn length32(&self) -> Result<u32, Refused> {
        let length = index(self.0[6]).filter(|length| *length <= LENGTH_MAX).ok_or(Refused::OutOfRange)?;
        u32::try_from(length).map_err(|_| Refused::OutOfRange)
    }

    fn flags(&self) -> Result<i32, Refused> {
        let flags = whole(self.0[7]).and_then(|flags| u32::try_from(flags).ok());
        flags.map(u32::cast_signed).ok_or(Refused::OutOfRange)
    }

    /// The memory a row names in an arena, or what was passed beside it.
    fn bytes(
        &self,
        payload: &mut Payload,
        arenas: &[Arc<Arena>],
        is_exclusive: bool,
    ) -> Result<Bytes, Refused> {
        if let Some(bytes) = payload.bytes.take() {
            return Ok(bytes);
        }
        let arena = index(self.0[8]).and_then(|number| arenas.get(number)).ok_or(Refused::LeaseStale)?;
        let lease = whole(self.0[9]).ok_or(Refused::LeaseStale)?;
        let range = index(self.0[10]).zip(index(self.0[6]));
        let (start, length) = range.ok_or(Refused::OutOfRange)?;
        arena.lend(lease, start, length, is_exclusive).map(Bytes::Lent)
    }

    /// The operation of this row.
    pub(crate) fn request(&self, mut payload: Payload, arenas: &[Arc<Arena>]) -> Result<Request, Refused> {
        let with = &mut payload;
        let kind = index(self.0[0]).unwrap_or(usize::MAX);
        Ok(match kind {
            0 => Request::Nop,
            1 | 2 | 23 | 24 => return self.transfer(kind, with, arenas),
            3 => {
                let (file, position, flags) = (self.file()?, self.position(4)?, self.flags()?);
                Request::ReadVector { file, position, parts: payload.parts, flags }
            }
            4 => {
                let (file, position, flags) = (self.file()?, self.position(4)?, self.flags()?);
                Request::WriteVector { file, position, parts: payload.parts, flags }
            }
            5 => Request::Sync { file: self.file()?, data_only: self.flags()? == 1 },
            6 => {
                let (position, length) = (self.fixed_position(4)?, self.length()?);
                Request::Allocate { file: self.file()?, mode: self.flags()?, position, length }
            }
            7 => Request::Truncate { file: self.file()?, length: self.length()? },
            8 | 11..=14 => return self.of_paths(kind, payload),
            15..=18 => return self.between(kind),
            19 => Request::Poll { file: self.file()?, events: self.flags()?.cast_unsigned() },
            20 => Request::Timeout { ns: self.length()?, deadline: None },
            21 => Request::Accept { file: self.file()? },
            22 => {
                let address = payload.address.ok_or(Refused::OutOfRange)?;
                Request::Connect { file: self.file()?, address, is_begun: false }
            }
            25 => Request::Shutdown { file: self.file()?, how: self.flags()? },
            _ => return Err(Refused::OutOfRange),
        })
    }

    fn transfer(
        &self,
        kind: usize,
        payload: &mut Payload,
        arenas: &[Arc<Arena>],
    ) -> Result<Request, Refused> {
        let (file, position, flags) = (self.file()?, self.position(4)?, self.flags()?);
        // Reads and receives write into memory: nobody else may have it then.
        let bytes = self.bytes(payload, arenas, matches!(kind, 1 | 23))?;
        Ok(match kind {
            1 => Request::Read { file, position, bytes, flags },
            2 => Request::Write { file, position, bytes, flags },
            23 => Request::Receive { file, bytes, flags },
            _ => Request::Send { file, bytes, flags },
        })
    }

    fn of_paths(&self, kind: usize, payload: Payload) -> Result<Request, Refused> {
        let flags = self.flags()?;
        if kind == 11 && self.0[2] >= 0.0 {
            // An empty path: of the file itself.
            let flags = flags | libc::AT_EMPTY_PATH;
            return Ok(status(Some(self.file()?), CString::default(), flags));
        }
        let (path, other) = payload.paths.ok_or(Refused::OutOfRange)?;
        let mode = self.length32()?;
        Ok(match kind {
            8 => Request::Open { path, flags: flags | libc::O_CLOEXEC, mode },
            11 => status(None, path, flags),
            12 => Request::Rename { from: path, to: other, flags: flags.cast_unsigned() },
            13 => Request::Unlink { path, flags },
            _ => Request::MakeDirectory { path, mode },
        })
    }

    fn between(&self, kind: usize) -> Result<Request, Refused> {
        let (from, to, length) = (self.file()?, self.other_file()?, self.length32()?);
        let flags = self.flags()?.cast_unsigned();
        Ok(match kind {
            15 => {
                let (from_position, to_position) = (self.position(4)?, self.position(5)?);
                Request::Splice { from, from_position, to, to_position, length, flags }
            }
            16 => Request::Tee { from, to, length, flags },
            17 => Request::SendFile { from, position: self.fixed_position(4)?, to, length },
            _ => {
                let (from_position, to_position) = (self.fixed_position(4)?, self.fixed_position(5)?);
                Request::CopyRange { from, from_position, to, to_position, length }
            }
        })
    }
}

fn status(file: Option<FileNumber>, path: CString, flags: i32) -> Request {
    // SAFETY: all zeros is a valid statx.
    let status = Box::new(unsafe { std::mem::zeroed() });
    Request::Status { file, path, flags, status }
}
