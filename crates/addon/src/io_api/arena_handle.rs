//! `NativeArena`: an arena of crates/io as JavaScript sees it, once, as one array over all of it.

use crate::engine_handle::Thrown;
use crate::io_api::rows::code;
use crate::memory::{index, whole};
use crate::net_memory::array_over;
use crate::status::Refusal;
use millrace_io::raw::Arena;
use napi::Env;
use napi::bindgen_prelude::Unknown;
use napi_derive::napi;
use std::sync::Arc;

/// Memory in slots, seen by JavaScript and the kernel.
#[napi]
pub struct NativeArena {
    pub(crate) arena: Arc<Arena>,
}

#[napi]
impl NativeArena {
    /// Maps `slots` slots of `slot_bytes` bytes each.
    #[napi(constructor)]
    pub fn new(slot_bytes: f64, slots: f64) -> Result<NativeArena, Thrown> {
        let sizes = index(slot_bytes).zip(index(slots));
        let (slot_bytes, slots) = sizes.ok_or_else(|| Refusal::argument("a size is not a whole number"))?;
        let arena = Arena::map(slot_bytes, slots).map_err(|error| match error.raw_os_error() {
            Some(libc::EINVAL) => Refusal::argument(
                "slots are whole pages of 4096 bytes, at most 2^20 of them and 1 GiB in all",
            ),
            errno => Refusal { code: "IO", message: error.to_string(), errno: errno.unwrap_or(libc::EIO) },
        })?;
        Ok(NativeArena { arena })
    }

    /// A Uint8Array over all slots; asked for once.
    #[napi]
    pub fn memory(&self, env: Env) -> Result<Unknown<'_>, Thrown> {
        let (start, length) = self.arena.place();
        let value = array_over(env.raw(), start, length)?;
        // SAFETY: a value of the running call.
        Ok(unsafe { Unknown::from_raw_unchecked(env.raw(), value) })
    }

    /// The number of a new lease; -1: all slots are leased.
    #[napi]
    pub fn lease(&self) -> f64 {
        self.arena.lease().map_or(-1.0, |lease| lease as f64)
    }

    /// Ends a lease: 0, or the number of a refusal.
    #[napi]
    pub fn release(&self, lease: f64) -> f64 {
        let Some(lease) = whole(lease) else { return 2.0 };
        self.arena.release(lease).map_or_else(code, |()| 0.0)
    }

    #[napi(getter)]
    pub fn leased(&self) -> f64 {
        self.arena.leased() as f64
    }
}
