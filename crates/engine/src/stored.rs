//! The state map of a data directory that is not opened: topics, settings and committed offsets as they are stored.
//!
//! What it is not: an opening. Nothing is changed, cut or removed.
//!
//! The invariant: `stored_state` answers what an opening would find, `checkpoint_state` what the manifest says alone.

use crate::error::EngineError;
use crate::manifest::{Manifest, ManifestError};
use crate::merged;
use crate::state::State;
use crate::verify::Verifier;
use millrace_io::Io;

/// The state map with everything the journal has. The directory is locked by its `Io` meanwhile.
///
/// # Errors
///
/// A newer format, a manifest that does not verify, and a device that does not answer.
pub fn stored_state(io: Io) -> Result<State, EngineError> {
    let verifier = Verifier::open(io, false)?;
    verifier.into_state().ok_or_else(|| ManifestError::Invalid.into())
}

/// The state map as of the last checkpoint, from the bytes of the manifest's two files. May be asked for beside a server;
/// the caller sees to it that `base` was in place, unchanged, while `edits` was read. A directory whose base has no edits may
/// be without their file: nothing.
///
/// # Errors
///
/// A newer format, and bytes that do not verify.
pub fn checkpoint_state(base: &[u8], edits: &[u8]) -> Result<State, EngineError> {
    let manifest = merged::of_bytes(Manifest::decode(base)?, edits)?.0;
    Ok(State::decode(manifest.state()).map_err(|_| ManifestError::Invalid)?)
}
