//! The stored state map of a data directory that is not opened. Conversion only.

use crate::report::{engine_refusal, open_refusal};
use crate::status::Refusal;
use millrace_engine::{checkpoint_state, manifest, stored_state};
use millrace_io::{DriverChoice, Io, Limits};
use napi::bindgen_prelude::Buffer;
use napi_derive::napi;
use std::path::Path;

type Thrown = napi::Error<String>;

/// How often base and edits are read until they belong together; a base is replaced rarely.
const TRIES: u32 = 8;

/// The base of the manifest, and the edits that were beside it all the while.
fn manifest_of(root: &Path) -> std::io::Result<(Vec<u8>, Vec<u8>)> {
    let mut base = std::fs::read(root.join(manifest::PATH))?;
    for _ in 0..TRIES {
        let edits = match std::fs::read(root.join(manifest::EDITS_PATH)) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            read => read?,
        };
        let again = std::fs::read(root.join(manifest::PATH))?;
        if again == base {
            return Ok((base, edits));
        }
        base = again;
    }
    Err(std::io::Error::other("it is replaced again and again"))
}

/// Keys and values in turn. `beside`: only what the manifest has, without the lock, so that a server may be running.
#[napi]
pub fn stored_entries(dir: String, beside: bool) -> Result<Vec<Buffer>, Thrown> {
    let root = Path::new(&dir);
    let state = if beside {
        let (base, edits) = manifest_of(root)
            .map_err(|error| Refusal::argument(&format!("its manifest cannot be read: {error}")))?;
        checkpoint_state(&base, &edits)
    } else {
        stored_state(
            Io::open(root, DriverChoice::Pool, Limits::default()).map_err(|error| open_refusal(&error))?,
        )
    };
    let state = state.map_err(|error| engine_refusal(&error))?;
    let pairs =
        state.scan(b"").flat_map(|(key, value)| [Buffer::from(key.to_vec()), Buffer::from(value.to_vec())]);
    Ok(pairs.collect())
}
