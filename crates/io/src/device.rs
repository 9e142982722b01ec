//! What sysfs says about the block device under a directory. Unknown is normal: tmpfs, overlay and network file
//! systems have none.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The request queue of the device that holds `path`.
#[derive(Clone, Debug)]
pub(crate) struct Device {
    queue: PathBuf,
}

impl Device {
    pub fn under(path: &Path) -> Option<Device> {
        let device = std::fs::metadata(path).ok()?.dev();
        let (major, minor) = (libc::major(device), libc::minor(device));
        let entry = PathBuf::from(format!("/sys/dev/block/{major}:{minor}"));
        // A partition has its queue one level up.
        let places = [entry.join("queue"), entry.join("../queue")];
        let queue = places.into_iter().find(|place| place.is_dir())?;
        Some(Device { queue })
    }

    fn read(&self, name: &str) -> Option<String> {
        let text = std::fs::read_to_string(self.queue.join(name)).ok()?;
        Some(text.trim().to_string())
    }

    /// Requests the device's queue holds; submitting more blocks.
    pub fn requests(&self) -> Option<u32> {
        self.read("nr_requests")?.parse().ok()
    }

    /// `write back` (volatile cache: flushes matter) or `write through`.
    pub fn write_cache(&self) -> Option<String> {
        self.read("write_cache")
    }

    /// Whether a write can be forced past the device's cache without a flush.
    pub fn forced_unit_access(&self) -> Option<bool> {
        self.read("fua").map(|text| text == "1")
    }

    pub fn logical_block(&self) -> Option<u32> {
        self.read("logical_block_size")?.parse().ok()
    }

    pub fn physical_block(&self) -> Option<u32> {
        self.read("physical_block_size")?.parse().ok()
    }
}
