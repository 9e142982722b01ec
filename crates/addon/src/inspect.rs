//! Looking without serving: the version, what this machine offers, and what a file of ours holds.

use crate::report::{dump_refusal, open_refusal, probe_text};
use napi_derive::napi;
use std::path::Path;

type Thrown = napi::Error<String>;

/// Version of this addon; ts/io/native.ts insists on its own.
#[napi]
pub fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}

/// The digest of the boundary's words that this addon was built with; ts/io/native.ts insists on its own.
#[napi]
pub fn boundary() -> &'static str {
    let digest = BOUNDARY_FILE.split_once("BOUNDARY = '").and_then(|(_, rest)| rest.split_once('\''));
    digest.map_or("unreadable", |(digest, _)| digest)
}

/// The one place where the digest stands.
const BOUNDARY_FILE: &str = include_str!("../../../ts/io/boundary.ts");

/// Empty when completions of this file's device can be polled for; otherwise why not.
#[napi]
pub fn try_polling(path: String) -> String {
    millrace_io::raw::try_polling(Path::new(&path)).err().unwrap_or_default()
}

/// What this machine offers for a data directory, as JSON text.
#[napi]
pub fn probe(dir: String) -> Result<String, Thrown> {
    let report = millrace_io::probe(Path::new(&dir)).map_err(|error| open_refusal(&error))?;
    Ok(probe_text(&report))
}

/// Describes a journal, segment, index, data, hint or manifest file, one line of JSON an entry.
#[napi]
pub fn dump(path: String, limit: f64, data: bool) -> Result<Vec<String>, Thrown> {
    // A limit beyond what fits is no limit.
    let limit = crate::memory::index(limit).unwrap_or(usize::MAX);
    Ok(millrace_engine::dump(Path::new(&path), limit, data).map_err(|error| dump_refusal(&error))?)
}
