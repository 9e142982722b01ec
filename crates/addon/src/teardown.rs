//! The end of an environment (exit, worker termination, uncaught error) with an engine or sockets still running in it.
//!
//! A synchronous cleanup hook, because a terminated worker does not wait for asynchronous ones, and because a libuv
//! handle that is still open aborts the process. No JavaScript and no Node-API value is touched here: references die
//! with their environment.
//!
//! The order (DESIGN section 5): refuse new calls; stop and close the libuv handles, so that the polled descriptor
//! leaves epoll before it is closed; cancel what has not begun and wait, at most five seconds, for what has; close the
//! driver; only then release memory. What the device or the kernel never gave back is leaked, never freed under it.

use crate::status::{Refusal, check};
use napi::sys;
use std::ffi::c_void;
use std::rc::Rc;

/// Something that drives itself on an environment's loop, and has to end with it.
pub(crate) trait Tenant {
    fn env(&self) -> sys::napi_env;

    /// It has ended.
    fn is_gone(&self) -> bool;

    /// Ends it, in the order above. No JavaScript and no Node-API call happens here.
    fn retire(&self);
}

/// Makes the environment end this tenant before it ends itself. The hook owns one count of the `Rc`.
pub(crate) fn register<T: Tenant>(tenant: &Rc<T>) -> Result<(), Refusal> {
    let argument = Rc::into_raw(Rc::clone(tenant)).cast_mut().cast::<c_void>();
    // SAFETY: the argument stays alive until the hook has run or was removed.
    let status = unsafe { sys::napi_add_env_cleanup_hook(tenant.env(), Some(on_cleanup::<T>), argument) };
    let result = check("napi_add_env_cleanup_hook", status);
    if result.is_err() {
        // SAFETY: takes back the count made above; the hook was not registered.
        drop(unsafe { Rc::from_raw(argument.cast::<T>().cast_const()) });
    }
    result
}

/// The tenant ends by itself, right now.
pub(crate) fn unregister<T: Tenant>(tenant: &Rc<T>) {
    if tenant.is_gone() {
        return;
    }
    let argument = Rc::as_ptr(tenant);
    // SAFETY: registered by `register` with this very argument, and not run yet: running it makes the tenant gone.
    unsafe {
        let status = sys::napi_remove_env_cleanup_hook(
            tenant.env(),
            Some(on_cleanup::<T>),
            argument.cast_mut().cast(),
        );
        assert!(status == sys::Status::napi_ok, "the cleanup hook cannot be removed: {status}");
        Rc::decrement_strong_count(argument);
    }
}

unsafe extern "C" fn on_cleanup<T: Tenant>(argument: *mut c_void) {
    // SAFETY: the count that `register` made; the hook runs at most once.
    let tenant = unsafe { Rc::from_raw(argument.cast::<T>().cast_const()) };
    tenant.retire();
}
