//! From an operation to its first attempt: every check an operation must pass before a driver sees it.
//!
//! The one invariant: refusals are the same on all drivers, because they are made here.

use crate::attempt::{Attempt, total};
use crate::buffer::{BLOCK, Piece, SlabWriter};
use crate::errno::IoError;
use crate::files::{FileTable, OpenFile};
use crate::op::{FileId, Op};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

/// An operation that may be attempted.
#[derive(Debug)]
pub(crate) struct Plan {
    pub attempt: Attempt,
    pub file: Option<FileId>,
    /// Bytes copied to align a direct write.
    pub copied: usize,
}

/// Largest position or length of a file.
const POSITION_MAX: u64 = i64::MAX as u64;

/// Turns an operation into its first attempt, or refuses it.
pub(crate) fn plan(op: Op, files: &FileTable, direct: bool) -> Result<Plan, IoError> {
    let mut file_of = None;
    let mut copied = 0;
    let mut lookup = |file: FileId, what: &str| {
        file_of = Some(file);
        let open = files.get(file).filter(|open| !open.closing);
        open.ok_or_else(|| IoError::from_errno(libc::EBADF, format!("{what} a file that is not open")))
    };
    let attempt = match op {
        Op::Open { path, mode } => {
            Attempt::Open { path: checked(path, "open")?, mode, direct: direct && mode.is_direct() }
        }
        Op::Close { file } => Attempt::Close { handle: lookup(file, "close")?.handle },
        Op::Read { file, position, buffer } => {
            let open = lookup(file, "read")?;
            check_range(open, position, buffer.len(), "read")?;
            Attempt::Read { handle: open.handle, position, buffer, done: 0 }
        }
        Op::Write { file, position, mut pieces, durable } => {
            let open = lookup(file, "write")?;
            let length = total(&pieces);
            check_range(open, position, length, "write")?;
            if open.whole_blocks && !pieces.iter().all(is_aligned) {
                copied = length;
                pieces = vec![gathered(&pieces, length)];
            }
            Attempt::Write {
                handle: open.handle,
                position,
                pieces,
                done: 0,
                durable,
                cached: !(direct && open.whole_blocks),
            }
        }
        Op::Sync { file } => {
            let open = lookup(file, "sync")?;
            // The kernel reports a failed flush once: to one of two concurrent flushes. So there is only one.
            assert!(!open.syncing, "two flushes of {} at a time", open.path.display());
            Attempt::Sync { handle: open.handle }
        }
        Op::SyncDirectory { path } if path.as_os_str().is_empty() => Attempt::SyncDirectory { path },
        Op::SyncDirectory { path } => Attempt::SyncDirectory { path: checked(path, "sync directory")? },
        Op::Allocate { file, length } => {
            let open = lookup(file, "allocate")?;
            check_length(open, length, "allocate")?;
            Attempt::Allocate { handle: open.handle, length }
        }
        Op::Truncate { file, length } => {
            let open = lookup(file, "truncate")?;
            check_length(open, length, "truncate")?;
            Attempt::Truncate { handle: open.handle, length }
        }
        Op::Rename { from, to } => {
            Attempt::Rename { from: checked(from, "rename")?, to: checked(to, "rename to")? }
        }
        Op::Unlink { path } => Attempt::Unlink { path: checked(path, "remove")? },
        Op::Timer { deadline_ns } => Attempt::Timer { deadline_ns },
    };
    Ok(Plan { attempt, file: file_of, copied })
}

/// Paths are relative, go down only, and hold no zero byte.
pub(crate) fn is_below_root(path: &Path) -> bool {
    path.components().all(|part| matches!(part, Component::Normal(_)))
        && !path.as_os_str().as_bytes().contains(&0)
}

fn checked(path: PathBuf, what: &str) -> Result<PathBuf, IoError> {
    if !path.as_os_str().is_empty() && is_below_root(&path) {
        return Ok(path);
    }
    Err(IoError::from_errno(
        libc::EINVAL,
        format!("{what} {} (not below the data directory)", path.display()),
    ))
}

fn check_length(open: &OpenFile, length: u64, what: &str) -> Result<(), IoError> {
    if length <= POSITION_MAX {
        return Ok(());
    }
    Err(IoError::from_errno(libc::EFBIG, format!("{what} {}", open.path.display())))
}

fn check_range(open: &OpenFile, position: u64, length: usize, what: &str) -> Result<(), IoError> {
    let whole = position.is_multiple_of(BLOCK as u64) && length.is_multiple_of(BLOCK);
    if open.whole_blocks && !whole {
        let context =
            format!("{what} {} at {position}, {length} bytes: not whole blocks", open.path.display());
        return Err(IoError::from_errno(libc::EINVAL, context));
    }
    check_length(open, position.saturating_add(length as u64), what)
}

fn is_aligned(piece: &Piece) -> bool {
    piece.bytes().as_ptr().addr().is_multiple_of(BLOCK) && piece.len().is_multiple_of(BLOCK)
}

/// All bytes in one aligned piece.
fn gathered(pieces: &[Piece], length: usize) -> Piece {
    let mut writer = SlabWriter::new(length);
    for piece in pieces {
        writer.write(piece.bytes());
    }
    writer.piece(0, length)
}
