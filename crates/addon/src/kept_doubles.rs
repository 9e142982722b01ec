//! A Float64Array that the addon keeps and fills, and JavaScript reads without a call.
//!
//! The memory is V8's, never ours: it is written through a pointer asked for anew each time, inside a call or callback,
//! after its length was checked. So it may be detached, transferred or collected at any time, and nothing of ours
//! dangles; and it works where external buffers are refused.

use crate::memory::Doubles;
use crate::status::{Refusal, check};
use napi::sys;

pub(crate) struct KeptDoubles {
    array: sys::napi_ref,
    length: usize,
}

impl KeptDoubles {
    /// Makes an array of `length` zeros and keeps it alive.
    pub(crate) fn new(env: sys::napi_env, length: usize) -> Result<KeptDoubles, Refusal> {
        let mut buffer = std::ptr::null_mut();
        let mut array = std::ptr::null_mut();
        let mut reference = std::ptr::null_mut();
        let bytes = length * size_of::<f64>();
        // SAFETY: inside a call from JavaScript, so `env` has a handle scope; all outputs are live locals. V8 zeroes
        // the memory.
        unsafe {
            let mut data = std::ptr::null_mut();
            check("page", sys::napi_create_arraybuffer(env, bytes, &raw mut data, &raw mut buffer))?;
            let kind = sys::TypedarrayType::float64_array;
            check("page", sys::napi_create_typedarray(env, kind, length, buffer, 0, &raw mut array))?;
            check("page", sys::napi_create_reference(env, array, 1, &raw mut reference))?;
        }
        Ok(KeptDoubles { array: reference, length })
    }

    /// The Float64Array, as a value of the current handle scope.
    pub(crate) fn value(&self, env: sys::napi_env) -> Result<sys::napi_value, Refusal> {
        let mut value = std::ptr::null_mut();
        // SAFETY: the reference is strong and lives until `release`.
        unsafe { check("page", sys::napi_get_reference_value(env, self.array, &raw mut value))? };
        Ok(value)
    }

    /// Its memory for the length of this call; None when JavaScript has detached it: it stays dark then, to its loss.
    pub(crate) fn doubles(&self, env: sys::napi_env) -> Result<Option<Doubles<'_>>, Refusal> {
        let array = Doubles::of(env, self.value(env)?)?;
        Ok((array.len() >= self.length).then_some(array))
    }

    /// Lets JavaScript's memory go.
    pub(crate) fn release(&mut self, env: sys::napi_env) {
        let reference = std::mem::replace(&mut self.array, std::ptr::null_mut());
        if !reference.is_null() {
            // SAFETY: made by `new`, deleted once.
            unsafe { sys::napi_delete_reference(env, reference) };
        }
    }
}
