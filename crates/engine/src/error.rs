//! Why an engine could not be opened.

use crate::manifest::ManifestError;
use millrace_io::IoError;
use millrace_journal::OpenError;
use millrace_kv::ShareError;
use millrace_log::SnapshotError;

/// Opening failed. Nothing on disk was changed, except where the device itself failed half-way.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    #[error("{0}")]
    Io(#[from] IoError),
    #[error("{0}")]
    Journal(#[from] OpenError),
    #[error("manifest: {0}")]
    Manifest(#[from] ManifestError),
    #[error("manifest: {0}")]
    Snapshot(#[from] SnapshotError),
    #[error("manifest: {0}")]
    Share(#[from] ShareError),
    #[error("there is a journal but no manifest: this is not a whole data directory")]
    NoManifest,
    #[error("the incarnation counter is used up")]
    IncarnationsUsedUp,
    #[error("setting {0}")]
    Setting(&'static str),
}
