//! Read-only maps of sealed files: indexes, hints, start-up scans. What recovery and the KV engine use for what can be
//! rebuilt; nothing else is mapped.
//!
//! What it is not: a way to read data whose loss must be reported. A media error under a map, and access behind an end
//! that moved, is SIGBUS: it ends the process, and in Node that is the whole application. Such data is read with
//! `Op::Read`, which answers with an error.
//!
//! The one invariant: a file that is mapped is sealed. Nobody writes to it and nobody truncates it; replacing it is a
//! rename, removing it an unlink, and both leave the map as it is. The length is fixed when it is mapped, and every
//! access is checked against it.

use crate::directory::display;
use crate::driver::calls;
use crate::errno::IoError;
use crate::interrupted::uninterrupted;
use crate::plan::is_below_root;
use memmap2::{Advice, Mmap, MmapOptions};
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::fd::{FromRawFd, RawFd};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// A sealed file in memory.
#[derive(Debug)]
pub struct MappedFile {
    /// An empty file has no map.
    map: Option<Mmap>,
}

impl MappedFile {
    /// Maps a sealed file below the directory `root` as it is now. Blocks for as long as the file system takes; a page
    /// that is touched first may block for a read.
    ///
    /// # Safety
    ///
    /// From now on and for as long as the map lives, nobody changes the file's bytes or moves its end.
    ///
    /// # Errors
    ///
    /// `Unsupported` when the path leads out, the file is no regular file, or its length is not `length`: then it is not
    /// the file that was sealed. Otherwise `NotFound`, `Memory`, or whatever the file system says. A symlink is refused.
    pub(crate) unsafe fn open(root: RawFd, path: &Path, length: u64) -> Result<MappedFile, IoError> {
        let context = || format!("map {}", display(path));
        let failed =
            |error: io::Error| IoError::from_errno(error.raw_os_error().unwrap_or(libc::EIO), context());
        if path.as_os_str().is_empty() || !is_below_root(path) {
            return Err(IoError::from_errno(libc::EINVAL, context()));
        }
        let name = calls::c_path(path);
        let flags = libc::O_RDONLY | libc::O_CLOEXEC | libc::O_NOFOLLOW | libc::O_NONBLOCK;
        // SAFETY: a zero-terminated string that outlives the call.
        let descriptor = uninterrupted(|| unsafe { libc::openat(root, name.as_ptr(), flags) });
        if descriptor < 0 {
            return Err(failed(io::Error::last_os_error()));
        }
        // SAFETY: the descriptor was just opened and nobody else owns it.
        let file = unsafe { File::from_raw_fd(descriptor) };
        let status = file.metadata().map_err(failed)?;
        let bytes = usize::try_from(length).ok().filter(|_| status.is_file() && status.size() == length);
        let Some(bytes) = bytes else { return Err(IoError::from_errno(libc::EINVAL, context())) };
        if bytes == 0 {
            return Ok(MappedFile { map: None });
        }
        // SAFETY: the file is sealed (the caller's promise): its bytes do not change and its end, which lies at `bytes`,
        // does not move while it is mapped.
        let map = unsafe { MmapOptions::new().len(bytes).map(&file) }.map_err(failed)?;
        Ok(MappedFile { map: Some(map) })
    }

    /// Bytes of the file, as they were sealed.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.all().len() as u64
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.map.is_none()
    }

    /// The bytes at these positions; `None` when they do not all lie in the file, whatever was asked for.
    #[must_use]
    pub fn bytes(&self, positions: Range<u64>) -> Option<&[u8]> {
        let start = usize::try_from(positions.start).ok()?;
        let end = usize::try_from(positions.end).ok()?;
        self.all().get(start..end)
    }

    /// Tells the kernel that the file will be read once from front to back.
    pub fn will_scan(&self) {
        if let Some(map) = &self.map {
            // Advice that is not taken costs speed only.
            let _ = map.advise(Advice::Sequential);
        }
    }

    fn all(&self) -> &[u8] {
        self.map.as_deref().unwrap_or(&[])
    }
}
