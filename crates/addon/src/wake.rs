//! The one callback of a host into JavaScript: scope, call, and what it throws.
//!
//! The one invariant: no borrow of a host is alive while JavaScript runs, because it calls right back into us.

use crate::status::{Refusal, check};
use napi::sys;

/// Runs `work` inside a handle scope of its own. False when there can be none: the environment is going away.
pub(crate) fn in_scope(env: sys::napi_env, work: impl FnOnce()) -> bool {
    let mut scope = std::ptr::null_mut();
    // SAFETY: on the environment's thread, outside any scope; closed below in all cases.
    let status = unsafe { sys::napi_open_handle_scope(env, &raw mut scope) };
    if status != sys::Status::napi_ok {
        return false;
    }
    work();
    // SAFETY: the scope opened above.
    unsafe { sys::napi_close_handle_scope(env, scope) };
    true
}

/// Calls the function behind `wake`, with its microtasks. What it throws becomes the program's uncaught exception, as it
/// would be from any other callback.
///
/// # Safety
///
/// `wake` is a strong reference that is not deleted yet.
pub(crate) unsafe fn call(env: sys::napi_env, wake: sys::napi_ref) -> Result<(), Refusal> {
    let mut function = std::ptr::null_mut();
    let mut global = std::ptr::null_mut();
    let mut answer = std::ptr::null_mut();
    let none = std::ptr::null_mut();
    // SAFETY: inside the scope of `in_scope`, the reference is the caller's promise; the receiver is an object.
    let status = unsafe {
        check("wake", sys::napi_get_reference_value(env, wake, &raw mut function))?;
        check("global", sys::napi_get_global(env, &raw mut global))?;
        sys::napi_make_callback(env, none, global, function, 0, std::ptr::null(), &raw mut answer)
    };
    if status != sys::Status::napi_pending_exception {
        return check("napi_make_callback", status);
    }
    let mut error = std::ptr::null_mut();
    // SAFETY: inside the same scope.
    unsafe {
        if sys::napi_get_and_clear_last_exception(env, &raw mut error) == sys::Status::napi_ok {
            sys::napi_fatal_exception(env, error);
        }
    }
    Ok(())
}
