//! Errors of the outside world: one funnel from errno to a closed set of kinds.

use std::fmt;

/// What an errno means to the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IoErrorKind {
    /// EIO: the device failed; for a flush the outcome is unknown and final.
    Device,
    /// ENOSPC, EDQUOT.
    NoSpace,
    /// EFBIG.
    TooLarge,
    /// EROFS, EACCES, EPERM.
    Denied,
    NotFound,
    Exists,
    /// EMFILE, ENFILE.
    Descriptors,
    /// ENOMEM.
    Memory,
    /// EINVAL, EOPNOTSUPP, ENOSYS: this file system or kernel cannot do it.
    Unsupported,
    /// ECANCELED: the operation was abandoned at teardown.
    Cancelled,
    Other,
}

/// A failed operation: kind, raw errno and what was being done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IoError {
    pub kind: IoErrorKind,
    pub errno: i32,
    /// The operation and file it was for, e.g. `write journal/00000001`.
    pub context: String,
}

impl IoError {
    /// The one place an errno gets its meaning.
    #[must_use]
    pub fn from_errno(errno: i32, context: impl Into<String>) -> IoError {
        let kind = match errno {
            libc::EIO => IoErrorKind::Device,
            libc::ENOSPC | libc::EDQUOT => IoErrorKind::NoSpace,
            libc::EFBIG => IoErrorKind::TooLarge,
            libc::EROFS | libc::EACCES | libc::EPERM => IoErrorKind::Denied,
            libc::ENOENT => IoErrorKind::NotFound,
            libc::EEXIST => IoErrorKind::Exists,
            libc::EMFILE | libc::ENFILE => IoErrorKind::Descriptors,
            libc::ENOMEM => IoErrorKind::Memory,
            libc::EINVAL | libc::EOPNOTSUPP | libc::ENOSYS => IoErrorKind::Unsupported,
            libc::ECANCELED => IoErrorKind::Cancelled,
            _ => IoErrorKind::Other,
        };
        IoError { kind, errno, context: context.into() }
    }
}

impl fmt::Display for IoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = std::io::Error::from_raw_os_error(self.errno);
        write!(f, "{}: {text}", self.context)
    }
}

impl std::error::Error for IoError {}
