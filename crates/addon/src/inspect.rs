//! Looking without serving: the version, what this machine offers, and what a file of ours holds.

use napi_derive::napi;

/// Version of this addon; the façade insists on its own.
#[napi]
pub fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}
