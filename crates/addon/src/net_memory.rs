//! The memory of frames as JavaScript sees it, and JavaScript's memory as the ring sends it.
//!
//! The one invariant: neither is freed under the other. What JavaScript was shown is never unmapped (crates/net); what the
//! ring sends is kept by a strong reference until the kernel took it.

use crate::status::{Refusal, check};
use millrace_net::Foreign;
use napi::sys;
use std::cell::RefCell;
use std::ffi::c_void;
use std::ptr::NonNull;
use std::rc::Rc;

/// References whose bytes the kernel has taken, to be deleted where Node-API may be called.
pub(crate) type Graveyard = Rc<RefCell<Vec<sys::napi_ref>>>;

/// Keeps one array of JavaScript's alive for as long as the ring may read it.
pub(crate) struct Keeper {
    reference: sys::napi_ref,
    graveyard: Graveyard,
}

impl Keeper {
    /// Keeps `array`, a value of the running call.
    pub(crate) fn new(
        env: sys::napi_env,
        array: sys::napi_value,
        graveyard: &Graveyard,
    ) -> Result<Rc<Keeper>, Refusal> {
        let mut reference = std::ptr::null_mut();
        // SAFETY: a value of the running call.
        unsafe { check("buffer", sys::napi_create_reference(env, array, 1, &raw mut reference))? };
        Ok(Rc::new(Keeper { reference, graveyard: Rc::clone(graveyard) }))
    }

    /// A range of the kept array, to be sent.
    pub(crate) fn lend(self: &Rc<Keeper>, bytes: &[u8]) -> Foreign {
        // SAFETY: the bytes are V8 memory of the kept array: they stay where they are while it lives, which the keeper's
        // reference sees to. That nobody changes or detaches them before `sent` is ts/net's promise; broken, the peer
        // reads other bytes or the send fails with EFAULT, and no memory of ours is touched.
        unsafe { Foreign::new(bytes.as_ptr(), bytes.len(), Box::new(Rc::clone(self))) }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.graveyard.borrow_mut().push(self.reference);
    }
}

/// Deletes the references that are not needed any more.
pub(crate) fn bury(env: sys::napi_env, graveyard: &Graveyard) {
    for reference in graveyard.borrow_mut().drain(..) {
        // SAFETY: a strong reference of ours, deleted once, on the environment's thread while it lives.
        unsafe { sys::napi_delete_reference(env, reference) };
    }
}

/// What JavaScript was shown of the ring's memory, by number; each is made once.
#[derive(Default)]
pub(crate) struct Shown {
    arrays: Vec<sys::napi_ref>,
}

impl Shown {
    pub(crate) fn get(&self, env: sys::napi_env, number: usize) -> Result<Option<sys::napi_value>, Refusal> {
        let Some(reference) = self.arrays.get(number).filter(|reference| !reference.is_null()) else {
            return Ok(None);
        };
        let mut value = std::ptr::null_mut();
        // SAFETY: a strong reference of ours that lives until `release`.
        unsafe { check("memory", sys::napi_get_reference_value(env, *reference, &raw mut value))? };
        Ok(Some(value))
    }

    /// Makes a Uint8Array over memory that is never unmapped.
    pub(crate) fn add(
        &mut self,
        env: sys::napi_env,
        number: usize,
        (start, length): (NonNull<u8>, usize),
    ) -> Result<sys::napi_value, Refusal> {
        let array = array_over(env, start, length)?;
        let mut reference = std::ptr::null_mut();
        // SAFETY: a value of the running call.
        unsafe { check("memory", sys::napi_create_reference(env, array, 1, &raw mut reference))? };
        if self.arrays.len() <= number {
            self.arrays.resize(number + 1, std::ptr::null_mut());
        }
        self.arrays[number] = reference;
        Ok(array)
    }

    pub(crate) fn release(&mut self, env: sys::napi_env) {
        for reference in self.arrays.drain(..).filter(|reference| !reference.is_null()) {
            // SAFETY: a strong reference of ours, deleted once.
            unsafe { sys::napi_delete_reference(env, reference) };
        }
    }
}

/// A Uint8Array over `length` bytes that stay mapped for as long as the process lives.
pub(crate) fn array_over(
    env: sys::napi_env,
    start: NonNull<u8>,
    length: usize,
) -> Result<sys::napi_value, Refusal> {
    let (mut buffer, mut array) = (std::ptr::null_mut(), std::ptr::null_mut());
    let hint = std::ptr::null_mut();
    let data = start.as_ptr().cast::<c_void>();
    // SAFETY: the memory is mapped for good, so the finalizer has nothing to do and views may outlive everything of ours.
    unsafe {
        let status =
            sys::napi_create_external_arraybuffer(env, data, length, Some(leave), hint, &raw mut buffer);
        check("napi_create_external_arraybuffer", status)?;
        let kind = sys::TypedarrayType::uint8_array;
        check("memory", sys::napi_create_typedarray(env, kind, length, buffer, 0, &raw mut array))?;
    }
    Ok(array)
}

unsafe extern "C" fn leave(_env: sys::napi_env, _data: *mut c_void, _hint: *mut c_void) {}
