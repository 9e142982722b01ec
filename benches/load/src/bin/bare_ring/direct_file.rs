//! A file opened for direct I/O, written once over its whole length so that later writes change no metadata, and
//! removed when dropped; and the aligned memory such writes need.

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::fs::{self, File, OpenOptions};
use std::ops::{Deref, DerefMut};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::PathBuf;

use millrace_load::LoadError;

/// What every position, length and address is a multiple of.
pub const BLOCK: usize = 4096;
/// Large enough for no commit to come back to a block that the device still has in its cache.
pub const FILE_LENGTH: u64 = 64 << 20;
const PRE_WRITE: usize = 1 << 20;

/// The file; its name is gone when this is dropped.
pub struct DirectFile {
    pub file: File,
    path: PathBuf,
}

impl DirectFile {
    /// Creates `path`, which must not exist, and writes zeros over `FILE_LENGTH` bytes, synced.
    pub fn create(path: PathBuf) -> Result<DirectFile, LoadError> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .custom_flags(libc::O_DIRECT)
            .open(&path)
            .map_err(LoadError::io("creating the file"))?;
        let direct = DirectFile { file, path };
        let zeros = AlignedBytes::zeroed(PRE_WRITE);
        for position in (0..FILE_LENGTH).step_by(PRE_WRITE) {
            direct
                .file
                .write_all_at(&zeros, position)
                .map_err(LoadError::io("writing the file beforehand"))?;
        }
        direct.file.sync_all().map_err(LoadError::io("syncing the file"))?;
        Ok(direct)
    }
}

impl Drop for DirectFile {
    fn drop(&mut self) {
        // A file left behind in a scratch directory is the only thing that can come of a failure here.
        let _ = fs::remove_file(&self.path);
    }
}

/// Zeroed memory on a block boundary.
pub struct AlignedBytes {
    start: *mut u8,
    layout: Layout,
}

impl AlignedBytes {
    /// `length` zero bytes; a multiple of `BLOCK`, not zero.
    pub fn zeroed(length: usize) -> AlignedBytes {
        assert!(length > 0 && length.is_multiple_of(BLOCK), "direct I/O moves whole blocks");
        let layout = Layout::from_size_align(length, BLOCK).expect("a block is a power of two");
        // SAFETY: the layout's size is not zero.
        let start = unsafe { alloc_zeroed(layout) };
        if start.is_null() {
            handle_alloc_error(layout);
        }
        AlignedBytes { start, layout }
    }
}

impl Deref for AlignedBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: `start` points to `layout.size()` initialised bytes that live as long as `self`.
        unsafe { std::slice::from_raw_parts(self.start, self.layout.size()) }
    }
}

impl DerefMut for AlignedBytes {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as above, and `&mut self` is the only way to them.
        unsafe { std::slice::from_raw_parts_mut(self.start, self.layout.size()) }
    }
}

impl Drop for AlignedBytes {
    fn drop(&mut self) {
        // SAFETY: allocated in `zeroed` with this very layout.
        unsafe { dealloc(self.start, self.layout) }
    }
}
