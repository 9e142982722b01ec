//! JavaScript's arrays that reads of ordinary memory go to: filled when the bytes are there, if they still fit.
//!
//! The kernel never sees this memory. It fills memory of the operation's own, and that is copied here, on the loop, in the
//! callback that tells of it: so an array may be detached, transferred, resized or collected meanwhile without harm.

use crate::memory::Bytes as Array;
use crate::status::{Refusal, check};
use millrace_io::raw::{Bytes, Owned, Request};
use napi::sys;
use std::collections::HashMap;

struct Place {
    array: sys::napi_ref,
    /// As long as it was when it was given.
    length: usize,
}

/// By owner.
#[derive(Default)]
pub(crate) struct Destinations {
    open: HashMap<u64, Vec<Place>>,
}

impl Destinations {
    /// Keeps these arrays, values of the running call, until the operation of `owner` has completed.
    pub(crate) fn keep(
        &mut self,
        env: sys::napi_env,
        owner: u64,
        arrays: &[(sys::napi_value, usize)],
    ) -> Result<(), Refusal> {
        let mut places = Vec::with_capacity(arrays.len());
        for (value, length) in arrays {
            let mut array = std::ptr::null_mut();
            // SAFETY: a value of the running call.
            unsafe { check("destination", sys::napi_create_reference(env, *value, 1, &raw mut array))? };
            places.push(Place { array, length: *length });
        }
        self.open.insert(owner, places);
        Ok(())
    }

    /// Lets go of the arrays of an operation that was refused.
    pub(crate) fn forget(&mut self, env: sys::napi_env, owner: u64) {
        for place in self.open.remove(&owner).into_iter().flatten() {
            // SAFETY: a strong reference of ours, deleted once.
            unsafe { sys::napi_delete_reference(env, place.array) };
        }
    }

    /// Copies what `request` has read, `result` bytes, to where it goes. False when an array is not what it was.
    pub(crate) fn fill(&mut self, env: sys::napi_env, owner: u64, request: &Request, result: i64) -> bool {
        let Some(places) = self.open.remove(&owner) else { return true };
        let mut left = usize::try_from(result).unwrap_or(0);
        let mut is_whole = true;
        for (place, bytes) in places.iter().zip(read_by(request)) {
            let bytes = &bytes.bytes()[..bytes.bytes().len().min(left)];
            left -= bytes.len();
            is_whole &= put(env, place, bytes).is_some();
        }
        is_whole
    }
}

fn own(bytes: &Bytes) -> Option<&Owned> {
    match bytes {
        Bytes::Owned(owned) => Some(owned),
        Bytes::Lent(_) => None,
    }
}

/// The memory of its own that a request has filled.
fn read_by(request: &Request) -> Vec<&Owned> {
    match request {
        Request::Read { bytes, .. } | Request::Receive { bytes, .. } => own(bytes).into_iter().collect(),
        Request::ReadVector { parts, .. } => parts.iter().filter_map(own).collect(),
        _ => Vec::new(),
    }
}

fn put(env: sys::napi_env, place: &Place, bytes: &[u8]) -> Option<()> {
    let mut value = std::ptr::null_mut();
    // SAFETY: inside a handle scope of the callback; the reference is strong and deleted here, once.
    let status = unsafe {
        let status = sys::napi_get_reference_value(env, place.array, &raw mut value);
        sys::napi_delete_reference(env, place.array);
        status
    };
    check("destination", status).ok()?;
    let mut array = Array::of(env, value).ok()?;
    if array.len() < place.length {
        return None;
    }
    array.put(0, bytes);
    Some(())
}
