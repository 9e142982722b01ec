//! What this machine can do for a data directory, for `doctor`: plain facts, measured or read, never guessed.

use crate::buffer::{BLOCK, Piece, SlabWriter};
use crate::device::Device;
use crate::directory::OpenError;
use crate::driver::calls::c_path;
use crate::driver::{DriverChoice, DriverKind};
use crate::errno::IoError;
use crate::io::Io;
use crate::limits::Limits;
use crate::op::{Done, FileId, Op, OpenMode};
use std::mem::MaybeUninit;
use std::path::Path;

/// How often the flush latency is measured.
const FLUSHES: u64 = 50;

/// Blocks of the file the flush latency is measured on.
const FLUSH_BLOCKS: u64 = 64;

/// The file the flush latency is measured on; removed again.
const FLUSH_NAME: &str = "probe-flush";

/// Everything `doctor` prints about the I/O side. `None` means that the system does not say.
#[derive(Clone, Debug, PartialEq)]
pub struct ProbeReport {
    /// e.g. `6.18.0`.
    pub kernel: String,
    pub ring_available: bool,
    /// `io_uring is available`, or why it is not.
    pub ring_reason: String,
    /// Setup flags of the ring.
    pub ring_flags: Vec<&'static str>,
    /// Operations the ring lacks, done by a helper thread.
    pub ring_missing: Vec<&'static str>,
    /// e.g. `ext4`.
    pub file_system: String,
    pub direct: bool,
    pub direct_reason: String,
    /// Bytes direct positions and lengths must be multiples of (0: not said).
    pub direct_alignment: u32,
    /// `write back` or `write through`.
    pub write_cache: Option<String>,
    pub forced_unit_access: Option<bool>,
    pub logical_block_bytes: Option<u32>,
    pub physical_block_bytes: Option<u32>,
    pub nr_requests: Option<u32>,
    /// RLIMIT_MEMLOCK in bytes; `u64::MAX` is unlimited.
    pub memlock_bytes: u64,
    /// RLIMIT_NOFILE.
    pub open_files_max: u64,
    pub free_bytes: u64,
    pub total_bytes: u64,
    /// Median nanoseconds of a 4 KiB direct write plus fdatasync on pre-written space; `None` when it failed.
    pub flush_p50_ns: Option<u64>,
    /// Median nanoseconds of a 4 KiB direct write that is durable itself.
    pub durable_write_p50_ns: Option<u64>,
    /// Why the latencies could not be measured.
    pub flush_failure: Option<String>,
}

/// Looks at a data directory, creating and locking it as opening it would. Takes well under a second on a healthy
/// disk. Leaves nothing behind but the directory and its lock file.
///
/// # Errors
///
/// As `Io::open`: a symlink, a directory in use, no permission.
pub fn probe(root: &Path) -> Result<ProbeReport, OpenError> {
    let mut io = Io::open(root, DriverChoice::Auto, Limits::default())?;
    let measured = measure(&mut io);
    let (flush, durable) = measured.as_ref().ok().copied().unzip();
    let device = Device::under(root);
    let device = device.as_ref();
    let (free_bytes, total_bytes) = space(root);
    let report = io.report();
    Ok(ProbeReport {
        kernel: kernel(),
        ring_available: report.kind == DriverKind::Ring,
        ring_reason: report.reason.clone(),
        ring_flags: report.flags.clone(),
        ring_missing: report.missing.clone(),
        file_system: file_system(root),
        direct: report.direct,
        direct_reason: report.direct_reason.clone(),
        direct_alignment: report.alignment,
        write_cache: device.and_then(Device::write_cache),
        forced_unit_access: device.and_then(Device::forced_unit_access),
        logical_block_bytes: device.and_then(Device::logical_block),
        physical_block_bytes: device.and_then(Device::physical_block),
        nr_requests: device.and_then(Device::requests),
        memlock_bytes: limit(libc::RLIMIT_MEMLOCK),
        open_files_max: limit(libc::RLIMIT_NOFILE),
        free_bytes,
        total_bytes,
        flush_p50_ns: flush,
        durable_write_p50_ns: durable,
        flush_failure: measured.err().map(|error| error.to_string()),
    })
}

/// Median latencies of write + flush and of durable writes, on a small file written once before.
fn measure(io: &mut Io) -> Result<(u64, u64), IoError> {
    // A process that was killed may have left one.
    let _ = io.run(Op::Unlink { path: FLUSH_NAME.into() });
    let opened = io.run(Op::Open { path: FLUSH_NAME.into(), mode: OpenMode::CreateDirect })?;
    let Done::Opened { file, .. } = opened else { unreachable!("an open opens") };
    let result = measure_on(io, file);
    let closed = io.run(Op::Close { file });
    io.run(Op::Unlink { path: FLUSH_NAME.into() })?;
    closed?;
    result
}

fn measure_on(io: &mut Io, file: FileId) -> Result<(u64, u64), IoError> {
    let pieces = vec![zeros(FLUSH_BLOCKS as usize * BLOCK)];
    io.run(Op::Write { file, position: 0, pieces, durable: false })?;
    io.run(Op::Sync { file })?;
    let mut medians = [0; 2];
    for (durable, median) in [false, true].into_iter().zip(&mut medians) {
        let mut times = Vec::new();
        for number in 0..FLUSHES {
            let start = io.now_ns();
            let position = number % FLUSH_BLOCKS * BLOCK as u64;
            io.run(Op::Write { file, position, pieces: vec![zeros(BLOCK)], durable })?;
            if !durable {
                io.run(Op::Sync { file })?;
            }
            times.push(io.now_ns() - start);
        }
        times.sort_unstable();
        *median = times[times.len() / 2];
    }
    Ok((medians[0], medians[1]))
}

fn zeros(length: usize) -> Piece {
    let mut writer = SlabWriter::new(length);
    writer.skip(length);
    writer.piece(0, length)
}

fn kernel() -> String {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease");
    release.map_or_else(|_| "unknown".to_string(), |text| text.trim().to_string())
}

/// Free and total bytes; zeros when the file system does not say.
fn space(path: &Path) -> (u64, u64) {
    let name = c_path(path);
    let mut status = MaybeUninit::<libc::statvfs>::uninit();
    // SAFETY: `name` is zero-terminated and `status` has room for one `statvfs`.
    if unsafe { libc::statvfs(name.as_ptr(), status.as_mut_ptr()) } != 0 {
        return (0, 0);
    }
    // SAFETY: statvfs succeeded, so it filled `status`.
    let status = unsafe { status.assume_init() };
    (status.f_bavail * status.f_frsize, status.f_blocks * status.f_frsize)
}

/// A soft limit of this process.
#[cfg(target_env = "gnu")]
type Resource = libc::__rlimit_resource_t;
#[cfg(not(target_env = "gnu"))]
type Resource = libc::c_int;

fn limit(resource: Resource) -> u64 {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is a valid place to write one rlimit to.
    unsafe { libc::getrlimit(resource, &mut limit) };
    limit.rlim_cur
}

/// The type of the file system that is mounted where `path` lies, e.g. `ext4`.
fn file_system(path: &Path) -> String {
    let Ok(path) = path.canonicalize() else { return "unknown".to_string() };
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let mounted = mounts.lines().filter_map(|line| {
        let mut fields = line.split(' ').skip(1);
        let (place, kind) = (fields.next()?, fields.next()?);
        // Spaces in mount points are written as \040 there.
        let place = place.replace("\\040", " ");
        path.starts_with(&place).then(|| (place.len(), kind.to_string()))
    });
    // The longest mount point wins, and of several mounts on it the last.
    let best = mounted.max_by_key(|(length, _)| *length);
    best.map_or_else(|| "unknown".to_string(), |(_, kind)| kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probe_says_what_the_machine_is_and_leaves_nothing_behind() {
        let root = std::env::temp_dir().join(format!("millrace-probe-{}", std::process::id()));
        let report = probe(&root).unwrap();
        let mut left: Vec<_> =
            std::fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        std::fs::remove_dir_all(&root).unwrap();
        assert_eq!(left, ["lock"]);
        assert!(report.kernel.split('.').count() >= 2, "{report:?}");
        assert_ne!(report.file_system, "unknown");
        assert!(report.total_bytes >= report.free_bytes && report.total_bytes > 0);
        assert!(report.open_files_max > 0);
        assert_eq!(report.flush_failure, None);
        assert!(report.flush_p50_ns.unwrap() > 0 && report.durable_write_p50_ns.unwrap() > 0);
    }
}
