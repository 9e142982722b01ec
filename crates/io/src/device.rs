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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buffer::{BLOCK, Piece};
    use crate::driver::DriverChoice;
    use crate::io::Io;
    use crate::limits::Limits;
    use crate::op::{Done, Op, OpenMode};

    const WRITES: u64 = 50;

    /// Flushes the device has done since it was there, if it counts them.
    fn flushes(device: &Device) -> Option<u64> {
        let statistics = std::fs::read_to_string(device.queue.join("../stat")).ok()?;
        statistics.split_whitespace().nth(15)?.parse().ok()
    }

    #[test]
    fn durable_writes_make_the_device_flush_on_ring_and_pool() {
        let root = std::env::temp_dir().join(format!("millrace-flush-{}", std::process::id()));
        for choice in [DriverChoice::Ring, DriverChoice::Pool] {
            let mut io = Io::open(&root, choice, Limits::default()).unwrap();
            let device = Device::under(&root);
            let countable = device.filter(|device| {
                device.write_cache().is_some_and(|mode| mode == "write back")
                    && device.forced_unit_access() == Some(false)
            });
            let before = countable.as_ref().and_then(flushes);
            let name = format!("{choice:?}");
            let opened = io.run(Op::Open { path: name.into(), mode: OpenMode::CreateDirect }).unwrap();
            let Done::Opened { file, .. } = opened else { panic!("{opened:?}") };
            for _ in 0..WRITES {
                let pieces = vec![Piece::copy_of(&[1; BLOCK])];
                let written = io.run(Op::Write { file, position: 0, pieces, durable: true }).unwrap();
                assert!(matches!(written, Done::Written { length: BLOCK }));
            }
            match before {
                Some(before) => {
                    let after = countable.as_ref().and_then(flushes).unwrap();
                    assert!(after >= before + WRITES, "{choice:?}: {} flushes", after - before);
                }
                None => eprintln!("NOT CHECKED: the device under {} does not count flushes", root.display()),
            }
        }
        std::fs::remove_dir_all(&root).unwrap();
    }
}
