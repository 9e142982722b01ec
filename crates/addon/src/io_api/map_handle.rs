//! `NativeMap`: a mapped file as JavaScript sees it, once, as one array over all of it.
//!
//! The one invariant: closing detaches JavaScript's buffer, so every view of it is empty; whoever still works on its memory
//! in the background, or got it transferred, sees zeros (crates/io).

use crate::engine_handle::Thrown;
use crate::memory::index;
use crate::net_memory::array_over;
use crate::report::io_refusal;
use crate::status::{Refusal, check};
use millrace_io::raw::Mapping;
use napi::bindgen_prelude::Unknown;
use napi::{Env, sys};
use napi_derive::napi;
use std::ffi::CString;

/// A whole file, read-only.
#[napi]
pub struct NativeMap {
    map: Option<Mapping>,
    /// The array over it, once it was asked for.
    array: sys::napi_ref,
}

#[napi]
impl NativeMap {
    /// Maps a file as it is now.
    #[napi(constructor)]
    pub fn new(path: String) -> Result<NativeMap, Thrown> {
        let path = CString::new(path).map_err(|_| Refusal::argument("a path holds a zero byte"))?;
        let map = Mapping::open(&path).map_err(|error| io_refusal(&error))?;
        Ok(NativeMap { map: Some(map), array: std::ptr::null_mut() })
    }

    fn map(&self) -> Result<&Mapping, Refusal> {
        self.map.as_ref().ok_or_else(|| Refusal::new("CLOSED", "the map is closed"))
    }

    /// A Uint8Array over all of it; asked for once.
    #[napi]
    pub fn memory(&mut self, env: Env) -> Result<Unknown<'_>, Thrown> {
        if !self.array.is_null() {
            return Err(Refusal::argument("the memory was asked for before").into());
        }
        let (start, length) = self.map()?.place();
        let value = array_over(env.raw(), start, length)?;
        // SAFETY: a value of the running call.
        unsafe {
            check("map", sys::napi_create_reference(env.raw(), value, 1, &raw mut self.array))
                .map_err(Thrown::from)?;
            Ok(Unknown::from_raw_unchecked(env.raw(), value))
        }
    }

    /// Whether the file is still as long as the map.
    #[napi]
    pub fn is_whole(&self) -> Result<bool, Thrown> {
        Ok(self.map()?.is_whole())
    }

    /// Tells the kernel how a range is going to be used.
    #[napi]
    pub fn advise(&self, position: f64, length: f64, advice: i32) -> Result<(), Thrown> {
        let (position, length) = range(position, length)?;
        Ok(self.map()?.advise(position, length, advice).map_err(|error| io_refusal(&error))?)
    }

    /// Bytes of a range that lie in memory.
    #[napi]
    pub fn resident(&self, position: f64, length: f64) -> Result<f64, Thrown> {
        let (position, length) = range(position, length)?;
        Ok(self.map()?.resident(position, length).map_err(|error| io_refusal(&error))? as f64)
    }

    /// Detaches the array and lets go of the file. Doing it twice does nothing.
    #[napi]
    pub fn close(&mut self, env: Env) -> Result<(), Thrown> {
        let array = std::mem::replace(&mut self.array, std::ptr::null_mut());
        if !array.is_null() {
            detach(env.raw(), array)?;
        }
        self.map = None;
        Ok(())
    }
}

fn range(position: f64, length: f64) -> Result<(usize, usize), Refusal> {
    let range = index(position).zip(index(length));
    range.ok_or_else(|| Refusal::argument("a range is not of whole numbers"))
}

/// Detaches the buffer of an array, if it is still there, and lets go of it.
fn detach(env: sys::napi_env, array: sys::napi_ref) -> Result<(), Refusal> {
    let (mut value, mut buffer) = (std::ptr::null_mut(), std::ptr::null_mut());
    // SAFETY: a strong reference of ours to a typed array, deleted once, inside a call; outputs that are not wanted are
    // null.
    unsafe {
        check("map", sys::napi_get_reference_value(env, array, &raw mut value))?;
        sys::napi_delete_reference(env, array);
        let (kind, length, data) = (std::ptr::null_mut(), std::ptr::null_mut(), std::ptr::null_mut());
        let start = std::ptr::null_mut();
        let status = sys::napi_get_typedarray_info(env, value, kind, length, data, &raw mut buffer, start);
        check("map", status)?;
        // One that JavaScript has transferred is detached already.
        sys::napi_detach_arraybuffer(env, buffer);
    }
    Ok(())
}
