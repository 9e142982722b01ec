//! The manifest as it is read: a base, and on top of it its edits.
//!
//! What it is not: the bytes of either (`manifest.rs`, `edit.rs`).
//!
//! The invariant: reading changes nothing; whatever does not verify or does not fit is refused as a whole.

use crate::edit::Edits;
use crate::edits_file;
use crate::manifest::{BYTES_MAX, Manifest, ManifestError, PATH};
use crate::state::State;
use millrace_io::{Io, IoError, IoErrorKind};

/// Why there is no manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ReadError {
    Io(IoError),
    Manifest(ManifestError),
}

/// A manifest with all its edits applied.
#[derive(Debug)]
pub(crate) struct Merged {
    pub manifest: Manifest,
    /// Bytes that were read.
    pub bytes: u64,
    pub edits: usize,
    /// An edit was begun that did not get to its end: it never was.
    pub is_torn: bool,
}

/// Reads the base and its edits.
///
/// # Errors
///
/// The device does not answer, or what it has is no manifest.
pub(crate) fn read(io: &mut Io) -> Result<Merged, ReadError> {
    let base = io.read_small(PATH, BYTES_MAX).map_err(ReadError::Io)?;
    let manifest = Manifest::decode(&base).map_err(ReadError::Manifest)?;
    let bytes = base.len() as u64;
    drop(base);
    if manifest.edits_from.is_none() {
        return Ok(Merged { manifest, bytes, edits: 0, is_torn: false });
    }
    let edits = match io.read_small(edits_file::PATH, BYTES_MAX) {
        Ok(edits) => edits,
        Err(error) if error.kind == IoErrorKind::NotFound => {
            return Err(ReadError::Manifest(ManifestError::Edits));
        }
        Err(error) => return Err(ReadError::Io(error)),
    };
    let (manifest, found) = of_bytes(manifest, &edits).map_err(ReadError::Manifest)?;
    Ok(Merged { manifest, bytes: bytes + found.end, edits: found.edits.len(), is_torn: found.is_torn })
}

/// The manifest after the edits in these bytes of their file, and which they are.
///
/// # Errors
///
/// An edit that others follow is damaged, or does not fit.
pub(crate) fn of_bytes(base: Manifest, edits: &[u8]) -> Result<(Manifest, Edits), ManifestError> {
    let found = match base.edits_from {
        Some(chain) => Edits::scan(edits, base.head.base_id(), chain)?,
        None => Edits { edits: Vec::new(), end: 0, is_torn: false },
    };
    Ok((merge(base, &found)?, found))
}

/// The manifest after its edits.
fn merge(base: Manifest, found: &Edits) -> Result<Manifest, ManifestError> {
    let Some(last) = found.edits.last() else { return Ok(base) };
    let invalid = |_| ManifestError::Edits;
    let log = found.edits.iter().map(|edit| &edit.log[..]).filter(|log| !log.is_empty());
    let log = millrace_log::merged(base.log(), log).map_err(|_| ManifestError::Edits)?;
    let kv = found.edits.iter().rev().map(|edit| &edit.kv[..]).find(|kv| !kv.is_empty());
    let mut state = State::decode(base.state()).map_err(invalid)?;
    for changes in found.edits.iter().map(|edit| &edit.state).filter(|changes| !changes.is_empty()) {
        state.apply(changes).map_err(invalid)?;
    }
    let merged = Manifest::new(last.head(&base.head), &log, kv.unwrap_or(base.kv()), &state.encode());
    Ok(Manifest { edits_from: base.edits_from, ..merged })
}
