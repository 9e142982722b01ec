//! The file that edits of the manifest are appended to, and where the next one goes.
//!
//! What it is not: what an edit says (`edit.rs`), or the operations of appending one (`append.rs`).
//!
//! The invariant: behind what counts there is always room for one block that was written before, so that the mark of a
//! clean close needs no space; and nothing that counts is ever written over before a later base is durable.

use crate::edit::Link;
use millrace_io::{BLOCK, Done, FileId, Io, IoError, Op, OpenMode, SlabWriter};
use std::path::PathBuf;

/// Path below the data directory.
pub const PATH: &str = "manifest.edits";
/// Bytes it has from the beginning, written once.
pub(crate) const LEAST: u64 = 64 << 10;

/// The file, open, and its end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EditsFile {
    pub file: FileId,
    /// Bytes that were written or reserved.
    pub allocated: u64,
    /// Where the next edit goes.
    pub position: u64,
    /// What the next edit says that it follows.
    pub link: Link,
}

impl EditsFile {
    /// A base is durable, whose id and header's checksum these are: edits begin anew.
    pub fn begin(&mut self, base: u64, chain: u32) {
        self.position = 0;
        self.link = Link { base, number: 0, chain };
    }

    /// An edit of so many bytes is durable, whose header's checksum is `crc`.
    pub fn appended(&mut self, bytes: u64, crc: u32) {
        self.position += bytes;
        self.link = Link { number: self.link.number + 1, chain: crc, ..self.link };
    }
}

/// Makes the file, with its name and bytes durable. What an earlier try left goes.
fn create(io: &mut Io) -> Result<(), IoError> {
    if io.exists(PATH)? {
        io.run(Op::Unlink { path: PathBuf::from(PATH) })?;
    }
    let file = opened(io, OpenMode::CreateDirect)?.0;
    let mut zeros = SlabWriter::new(LEAST as usize);
    zeros.skip(LEAST as usize);
    let pieces = vec![zeros.piece(0, LEAST as usize)];
    io.run(Op::Write { file, position: 0, pieces, durable: false })?;
    io.run(Op::Sync { file })?;
    io.run(Op::SyncDirectory { path: PathBuf::new() })?;
    io.run(Op::Close { file })?;
    Ok(())
}

/// Opens the file for the bases of this run. `is_there`: the manifest in place has it; otherwise it is made, before any
/// manifest says that it is there.
pub(crate) fn open(io: &mut Io, is_there: bool) -> Result<EditsFile, IoError> {
    if !is_there {
        create(io)?;
    }
    let (file, size) = opened(io, OpenMode::WriteDirect)?;
    let allocated = size / BLOCK as u64 * BLOCK as u64;
    Ok(EditsFile { file, allocated, position: 0, link: Link { base: 0, number: 0, chain: 0 } })
}

fn opened(io: &mut Io, mode: OpenMode) -> Result<(FileId, u64), IoError> {
    match io.run(Op::Open { path: PathBuf::from(PATH), mode })? {
        Done::Opened { file, size } => Ok((file, size)),
        other => unreachable!("an open completes as opened, not {other:?}"),
    }
}
