//! Read-only maps of sealed files: indexes, hints, start-up scans.
//!
//! What it is not: a way to read data whose loss must be reported. A media error under a map ends the process; such
//! data is read with `Op::Read`.
//!
//! The one invariant: a file that is mapped is sealed. Nobody writes to it and nobody truncates it; replacing it is
//! a rename, removing it an unlink, and both leave the map as it is.

use crate::errno::IoError;
use memmap2::{Advice, Mmap, MmapOptions};
use std::fs::OpenOptions;
use std::ops::Deref;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// A sealed file in memory.
#[derive(Debug)]
pub struct MappedFile {
    /// An empty file has no map.
    map: Option<Mmap>,
}

impl MappedFile {
    /// Maps a sealed file as it is now. `path` is a path of the process, not of an `Io`. Opening blocks for as long
    /// as the file system takes; a page that is touched first may block for a read.
    ///
    /// # Errors
    ///
    /// `NotFound`, `Memory`, or whatever the file system says. A symlink or anything but a regular file is refused.
    pub fn open_sealed(path: &Path) -> Result<MappedFile, IoError> {
        let failed = |error: std::io::Error| {
            IoError::from_errno(error.raw_os_error().unwrap_or(libc::EIO), format!("map {}", path.display()))
        };
        let mut options = OpenOptions::new();
        options.read(true).custom_flags(libc::O_NOFOLLOW | libc::O_CLOEXEC | libc::O_NONBLOCK);
        let file = options.open(path).map_err(failed)?;
        let status = file.metadata().map_err(failed)?;
        if !status.is_file() {
            return Err(IoError::from_errno(libc::EINVAL, format!("map {}", path.display())));
        }
        if status.len() == 0 {
            return Ok(MappedFile { map: None });
        }
        // SAFETY: the file is sealed (the caller's promise, and the module's invariant): its bytes do not change
        // and its end does not move while it is mapped.
        let map = unsafe { MmapOptions::new().map(&file) }.map_err(failed)?;
        Ok(MappedFile { map: Some(map) })
    }

    /// Tells the kernel that the file will be read once from front to back.
    pub fn will_scan(&self) {
        if let Some(map) = &self.map {
            // Advice that is not taken costs speed only.
            let _ = map.advise(Advice::Sequential);
        }
    }
}

impl Deref for MappedFile {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.map.as_deref().unwrap_or(&[])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::errno::IoErrorKind;

    fn place(name: &str) -> std::path::PathBuf {
        std::env::temp_dir().join(format!("millrace-map-{}-{name}", std::process::id()))
    }

    #[test]
    fn a_sealed_file_is_read_through_its_map_even_after_it_was_removed() {
        let path = place("sealed");
        std::fs::write(&path, b"sealed bytes").unwrap();
        let map = MappedFile::open_sealed(&path).unwrap();
        map.will_scan();
        std::fs::remove_file(&path).unwrap();
        assert_eq!(&*map, b"sealed bytes");
    }

    #[test]
    fn an_empty_file_maps_to_no_bytes_and_a_missing_one_is_not_found() {
        let path = place("empty");
        std::fs::write(&path, b"").unwrap();
        let map = MappedFile::open_sealed(&path);
        std::fs::remove_file(&path).unwrap();
        assert!(map.unwrap().is_empty());
        assert_eq!(MappedFile::open_sealed(&path).unwrap_err().kind, IoErrorKind::NotFound);
    }

    #[test]
    fn symlinks_and_directories_are_refused() {
        let path = place("link");
        std::os::unix::fs::symlink("/etc/hostname", &path).unwrap();
        let result = MappedFile::open_sealed(&path);
        std::fs::remove_file(&path).unwrap();
        assert!(result.is_err());
        assert!(MappedFile::open_sealed(&std::env::temp_dir()).is_err());
    }
}
