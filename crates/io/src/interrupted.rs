//! System calls that a signal broke off before they did anything: they are made again.
//!
//! Not for `close`: Linux has closed by then, whatever it says. Attempts of the engine's need it only inside: inflight.rs
//! repeats them as a whole.

use std::io;

/// Makes a call until it ends otherwise than by a signal. Negative results have their error in errno.
pub(crate) fn uninterrupted<T: Copy + Into<i64>>(mut call: impl FnMut() -> T) -> T {
    loop {
        let result = call();
        if result.into() >= 0 || io::Error::last_os_error().kind() != io::ErrorKind::Interrupted {
            return result;
        }
    }
}
