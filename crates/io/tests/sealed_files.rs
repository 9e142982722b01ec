//! Maps of sealed files, and what direct I/O leaves in the page cache.

mod common;

use common::{Place, TestDirectory, create, finish, open, pattern, read, write_durable};
use millrace_io::{BLOCK, DriverChoice, Io, IoErrorKind, Limits, MappedFile, Op, OpenMode};
use std::path::Path;

/// A data directory, whose files a test may make behind the driver's back.
fn start() -> (TestDirectory, Io) {
    let directory = TestDirectory::new();
    let io = Io::open(&directory.0, DriverChoice::Pool, Limits::default()).unwrap();
    (directory, io)
}

fn map(io: &Io, path: &str, length: u64) -> Result<MappedFile, millrace_io::IoError> {
    // SAFETY: the tests below do not touch a file any more once they map it, except to rename or remove it.
    unsafe { io.map_sealed(path, length) }
}

#[test]
fn a_sealed_file_is_read_through_its_map_even_after_it_was_replaced_and_removed() {
    let (directory, mut io) = start();
    std::fs::write(directory.0.join("sealed"), b"sealed bytes").unwrap();
    let sealed = map(&io, "sealed", 12).unwrap();
    sealed.will_scan();
    std::fs::write(directory.0.join("other"), b"other bytes, more of them").unwrap();
    finish(&mut io, Op::Rename { from: "other".into(), to: "sealed".into() }).unwrap();
    finish(&mut io, Op::Unlink { path: "sealed".into() }).unwrap();
    drop(io);
    assert_eq!((sealed.len(), sealed.bytes(0..12)), (12, Some(&b"sealed bytes"[..])));
}

#[test]
fn no_range_reaches_outside_the_file() {
    let (directory, io) = start();
    std::fs::write(directory.0.join("sealed"), b"0123456789").unwrap();
    let sealed = map(&io, "sealed", 10).unwrap();
    assert_eq!(sealed.bytes(3..5), Some(&b"34"[..]));
    assert_eq!(sealed.bytes(10..10), Some(&b""[..]));
    for (start, end) in [(0, 11), (10, 11), (11, 11), (5, 4), (u64::MAX, u64::MAX), (0, u64::MAX), (9, 4096)]
    {
        assert_eq!(sealed.bytes(start..end), None, "{start}..{end}");
    }
}

#[test]
fn a_file_of_another_length_than_the_sealed_one_is_not_mapped() {
    let (directory, io) = start();
    std::fs::write(directory.0.join("sealed"), b"0123456789").unwrap();
    for length in [0, 9, 11, 4096, u64::MAX] {
        assert_eq!(map(&io, "sealed", length).unwrap_err().kind, IoErrorKind::Unsupported, "{length}");
    }
    std::fs::write(directory.0.join("empty"), b"").unwrap();
    let empty = map(&io, "empty", 0).unwrap();
    assert!(empty.is_empty() && empty.bytes(0..1).is_none());
}

#[test]
fn symlinks_directories_missing_files_and_paths_that_lead_out_are_not_mapped() {
    let (directory, mut io) = start();
    std::os::unix::fs::symlink("/etc/hostname", directory.0.join("link")).unwrap();
    io.make_directory("below").unwrap();
    assert!(map(&io, "link", 1).is_err());
    assert_eq!(map(&io, "missing", 1).unwrap_err().kind, IoErrorKind::NotFound);
    for path in ["below", "../x", "/etc/hostname", "", "a\0b"] {
        assert_eq!(map(&io, path, 1).unwrap_err().kind, IoErrorKind::Unsupported, "{path:?}");
    }
    let sim = Place::sim().open();
    assert_eq!(map(&sim, "sealed", 1).unwrap_err().kind, IoErrorKind::Unsupported);
}

/// Resident bytes; files are looked at while they are open, so nothing forgets them in between.
fn resident(io: &Io, path: &str) -> u64 {
    io.residency(path).unwrap().resident_bytes
}

/// Writes dirty pages back and drops a file's clean ones from the page cache.
fn evict(path: &Path) {
    use std::os::fd::AsRawFd;
    let file = std::fs::File::open(path).unwrap();
    file.sync_all().unwrap();
    // SAFETY: takes a descriptor and no memory.
    assert_eq!(unsafe { libc::posix_fadvise(file.as_raw_fd(), 0, 0, libc::POSIX_FADV_DONTNEED) }, 0);
}

#[test]
fn what_is_read_through_the_page_cache_is_resident_until_it_is_evicted() {
    let (directory, mut io) = start();
    let path = directory.0.join("file");
    std::fs::write(&path, pattern(16, 1)).unwrap();
    assert_eq!(resident(&io, "file"), 16 * BLOCK as u64, "just written");
    evict(&path);
    assert_eq!(resident(&io, "file"), 0);
    let (file, _) = open(&mut io, "file", OpenMode::ReadCached).unwrap();
    read(&mut io, file, 0, 16 * BLOCK).unwrap();
    let residency = io.residency("file").unwrap();
    assert_eq!((residency.bytes, residency.resident_bytes), (16 * BLOCK as u64, 16 * BLOCK as u64));
    assert_eq!(io.residency("missing").unwrap_err().kind, IoErrorKind::NotFound);
}

/// Direct writes, as the journal's, and direct reads of a cold file, as a fetch of settled data.
fn direct_io_leaves_the_page_cache_empty(place: &Place) {
    let Place::Disk(directory, _) = place else { panic!("a disk") };
    let mut io = place.open();
    if !io.report().direct {
        println!("not looked at: {}", io.report().direct_reason);
        return;
    }
    std::fs::write(directory.0.join("cold"), pattern(256, 1)).unwrap();
    evict(&directory.0.join("cold"));
    let (cold, _) = open(&mut io, "cold", OpenMode::ReadDirect).unwrap();
    for n in 0..16 {
        read(&mut io, cold, n * 16 * BLOCK as u64, 16 * BLOCK).unwrap();
    }
    assert_eq!(resident(&io, "cold"), 0, "read");
    let journal = create(&mut io, "journal");
    finish(&mut io, Op::Allocate { file: journal, length: 256 * BLOCK as u64 }).unwrap();
    for n in 0..64 {
        write_durable(&mut io, journal, n * BLOCK as u64, &pattern(1, n as u8)).unwrap();
    }
    finish(&mut io, Op::Sync { file: journal }).unwrap();
    assert_eq!(resident(&io, "journal"), 0, "written");
}

#[test]
fn direct_io_of_the_pool_leaves_the_page_cache_empty() {
    direct_io_leaves_the_page_cache_empty(&Place::pool());
}

#[test]
fn direct_io_of_the_ring_leaves_the_page_cache_empty() {
    direct_io_leaves_the_page_cache_empty(&Place::ring());
}
