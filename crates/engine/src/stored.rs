//! The state map of a data directory that is not opened: topics, settings and committed offsets as they are stored.
//!
//! What it is not: an opening. Nothing is changed, cut or removed.
//!
//! The invariant: `stored_state` answers what an opening would find, `checkpoint_state` what the manifest says alone.

use crate::error::EngineError;
use crate::manifest::{Manifest, ManifestError};
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

/// The state map of a manifest file's bytes: as of the last checkpoint. May be asked for beside a server, since the file is
/// only ever replaced as a whole.
///
/// # Errors
///
/// A newer format, and bytes that do not verify.
pub fn checkpoint_state(bytes: &[u8]) -> Result<State, EngineError> {
    let manifest = Manifest::decode(bytes)?;
    Ok(State::decode(manifest.state()).map_err(|_| ManifestError::Invalid)?)
}
