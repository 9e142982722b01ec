//! How a call ends badly: a refusal becomes a JavaScript error with a code, a Node-API status is never overlooked.
//!
//! Not the place for wording that users see: ts/errors.ts holds the closed table, this hands it code, path and errno.

use napi::sys;

/// Why a call into the addon did nothing.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// Name in the closed list that ts/errors.ts knows.
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) errno: i32,
}

impl Refusal {
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Refusal {
        Refusal { code, message: message.into(), errno: 0 }
    }

    /// An argument that ts/io never sends: a programming error, not an operating one.
    pub(crate) fn argument(message: &str) -> Refusal {
        Refusal::new("ARGUMENT", message)
    }
}

/// Turns a Node-API status into a result.
pub(crate) fn check(what: &str, status: sys::napi_status) -> Result<(), Refusal> {
    if status == sys::Status::napi_ok {
        return Ok(());
    }
    Err(Refusal::new("RUNTIME", format!("{what} answered status {status}")))
}

impl From<Refusal> for napi::Error<String> {
    /// The message is `CODE errno text`, one line; ts/io/native.ts takes it apart.
    fn from(refusal: Refusal) -> Self {
        napi::Error::new(refusal.code.to_owned(), format!("{} {}", refusal.errno, refusal.message))
    }
}
