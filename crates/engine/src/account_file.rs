//! Keeps the accounts of the last openings as files, `recovery/<incarnation>.json`.
//!
//! What it is not: needed. Nothing reads them to open a directory; they are for people and for `doctor`.
//!
//! The invariant: whatever goes wrong with these files, opening goes on; only a dead machine ends it.

use crate::account::{Ended, RecoveryAccount};
use crate::account_text::account_text;
use millrace_io::{Done, Io, IoError, IoErrorKind, Op, OpenMode, SlabWriter};
use std::path::PathBuf;

/// Where accounts lie, below the data directory.
pub const DIRECTORY: &str = "recovery";
/// How many are kept.
const KEPT: u32 = 16;

/// Path of the account of one opening.
#[must_use]
pub fn path(incarnation: u32) -> PathBuf {
    PathBuf::from(format!("{DIRECTORY}/{incarnation}.json"))
}

/// The incarnation in a name inside `recovery/`.
#[must_use]
pub fn incarnation_of(name: &str) -> Option<u32> {
    name.strip_suffix(".json")?.parse().ok()
}

/// Writes this account and removes those that are too old.
pub(crate) fn keep(io: &mut Io, account: &RecoveryAccount) -> Result<(), IoError> {
    match try_keep(io, account) {
        Err(error) if error.kind == IoErrorKind::Cancelled => Err(error),
        _ => Ok(()),
    }
}

fn try_keep(io: &mut Io, account: &RecoveryAccount) -> Result<(), IoError> {
    io.make_directory(DIRECTORY)?;
    let old = |name: &String| {
        incarnation_of(name).is_some_and(|incarnation| incarnation + KEPT <= account.incarnation)
    };
    for name in io.list(DIRECTORY)?.into_iter().filter(old) {
        io.run(Op::Unlink { path: PathBuf::from(DIRECTORY).join(name) })?;
    }
    let text = account_text(account);
    let file = match io.run(Op::Open { path: path(account.incarnation), mode: OpenMode::CreateCached })? {
        Done::Opened { file, .. } => file,
        other => panic!("an open completed as {other:?}"),
    };
    let written = write(io, file, &text, !matches!(account.ended, Ended::First | Ended::Clean));
    io.run(Op::Close { file })?;
    written
}

/// What a clean opening says can be lost; what an unclean one says may be wanted after the next power cut.
fn write(io: &mut Io, file: millrace_io::FileId, text: &str, durable: bool) -> Result<(), IoError> {
    let mut slab = SlabWriter::new(text.len());
    slab.write(text.as_bytes());
    let pieces = vec![slab.piece(0, text.len())];
    io.run(Op::Write { file, position: 0, pieces, durable: false })?;
    if durable {
        io.run(Op::Sync { file })?;
        io.run(Op::SyncDirectory { path: PathBuf::from(DIRECTORY) })?;
    }
    Ok(())
}
