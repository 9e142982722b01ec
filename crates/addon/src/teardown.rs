//! The end of an environment (exit, worker termination, uncaught error) with an engine still running in it.
//!
//! A synchronous cleanup hook, because a terminated worker does not wait for asynchronous ones, and because a libuv
//! handle that is still open aborts the process. No JavaScript and no Node-API value is touched here: references die
//! with their environment.
//!
//! The order (DESIGN section 5): refuse new calls; stop and close the libuv handles, so that the polled descriptor
//! leaves epoll before it is closed; cancel what has not begun and wait, at most five seconds, for what has; close the
//! driver; only then release memory. What the device never gave back is leaked, never freed under it.

use crate::host_loop::Host;
use crate::status::{Refusal, check};
use napi::sys;
use std::ffi::c_void;
use std::rc::Rc;

/// Makes the environment end this host before it ends itself. The hook owns one count of the `Rc`.
pub(crate) fn register(host: &Rc<Host>) -> Result<(), Refusal> {
    let argument = Rc::into_raw(Rc::clone(host)).cast_mut().cast::<c_void>();
    // SAFETY: the argument stays alive until the hook has run or was removed.
    let status = unsafe { sys::napi_add_env_cleanup_hook(host.env, Some(on_cleanup), argument) };
    let result = check("napi_add_env_cleanup_hook", status);
    if result.is_err() {
        // SAFETY: takes back the count made above; the hook was not registered.
        drop(unsafe { Rc::from_raw(argument.cast::<Host>().cast_const()) });
    }
    result
}

/// The host has ended by itself.
pub(crate) fn unregister(host: &Rc<Host>) {
    if host.gone.get() {
        return;
    }
    let argument = Rc::as_ptr(host);
    // SAFETY: registered by `register` with this very argument, and not run yet: running it sets `gone`.
    unsafe {
        let status =
            sys::napi_remove_env_cleanup_hook(host.env, Some(on_cleanup), argument.cast_mut().cast());
        assert!(status == sys::Status::napi_ok, "the cleanup hook cannot be removed: {status}");
        Rc::decrement_strong_count(argument);
    }
}

unsafe extern "C" fn on_cleanup(argument: *mut c_void) {
    // SAFETY: the count that `register` made; the hook runs at most once.
    let host = unsafe { Rc::from_raw(argument.cast::<Host>().cast_const()) };
    host.retire();
}
