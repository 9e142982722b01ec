//! The stored state map of a data directory that is not opened. Conversion only.

use crate::report::{engine_refusal, open_refusal};
use crate::status::Refusal;
use millrace_engine::{checkpoint_state, manifest, stored_state};
use millrace_io::{DriverChoice, Io, Limits};
use napi::bindgen_prelude::Buffer;
use napi_derive::napi;
use std::path::Path;

type Thrown = napi::Error<String>;

/// Keys and values in turn. `beside`: only what the manifest has, without the lock, so that a server may be running.
#[napi]
pub fn stored_entries(dir: String, beside: bool) -> Result<Vec<Buffer>, Thrown> {
    let root = Path::new(&dir);
    let state = if beside {
        let bytes = std::fs::read(root.join(manifest::PATH))
            .map_err(|error| Refusal::argument(&format!("its manifest cannot be read: {error}")))?;
        checkpoint_state(&bytes)
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
