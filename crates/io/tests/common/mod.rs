//! What the suites share: an `Io` on each driver, and small ways to run operations.

#![allow(dead_code, reason = "each test file uses its own part")]

use millrace_io::{
    BLOCK, Done, DriverChoice, FileId, Io, IoError, Limits, Op, OpenMode, Piece, ReadBuffer, SimHandle,
    SimOptions,
};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// A data directory that is removed at the end of its test.
pub struct TestDirectory(pub PathBuf);

impl TestDirectory {
    pub fn new() -> TestDirectory {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("io-{}-{number}", std::process::id());
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = std::fs::remove_dir_all(&path);
        TestDirectory(path)
    }
}

impl Drop for TestDirectory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A place to open again and again.
pub enum Place {
    Disk(TestDirectory, DriverChoice),
    Sim(SimHandle),
}

impl Place {
    pub fn pool() -> Place {
        Place::Disk(TestDirectory::new(), DriverChoice::Pool)
    }

    pub fn ring() -> Place {
        Place::Disk(TestDirectory::new(), DriverChoice::Ring)
    }

    pub fn sim() -> Place {
        Place::Sim(SimHandle::new(SimOptions::random(1)))
    }

    /// A simulated machine that does nothing wrong by itself.
    pub fn sim_perfect() -> Place {
        Place::Sim(SimHandle::new(SimOptions::perfect(3)))
    }

    pub fn sim_cached() -> Place {
        Place::Sim(SimHandle::new(SimOptions { direct: false, ..SimOptions::random(2) }))
    }

    pub fn open(&self) -> Io {
        self.open_with(Limits::default())
    }

    pub fn open_with(&self, limits: Limits) -> Io {
        match self {
            Place::Disk(directory, choice) => Io::open(&directory.0, *choice, limits).unwrap(),
            Place::Sim(sim) => Io::sim(sim.clone()),
        }
    }
}

pub fn open(io: &mut Io, path: &str, mode: OpenMode) -> Result<(FileId, u64), IoError> {
    match io.run(Op::Open { path: path.into(), mode })? {
        Done::Opened { file, size } => Ok((file, size)),
        other => panic!("an open completed as {other:?}"),
    }
}

pub fn create(io: &mut Io, path: &str) -> FileId {
    open(io, path, OpenMode::CreateDirect).unwrap().0
}

pub fn write(io: &mut Io, file: FileId, position: u64, bytes: &[u8]) -> Result<usize, IoError> {
    let pieces = vec![Piece::copy_of(bytes)];
    match io.run(Op::Write { file, position, pieces, durable: false })? {
        Done::Written { length } => Ok(length),
        other => panic!("a write completed as {other:?}"),
    }
}

pub fn write_durable(io: &mut Io, file: FileId, position: u64, bytes: &[u8]) -> Result<usize, IoError> {
    let pieces = vec![Piece::copy_of(bytes)];
    match io.run(Op::Write { file, position, pieces, durable: true })? {
        Done::Written { length } => Ok(length),
        other => panic!("a write completed as {other:?}"),
    }
}

pub fn read(io: &mut Io, file: FileId, position: u64, length: usize) -> Result<Vec<u8>, IoError> {
    match io.run(Op::Read { file, position, buffer: ReadBuffer::new(length) })? {
        Done::Read { buffer, length } => Ok(buffer.bytes()[..length].to_vec()),
        other => panic!("a read completed as {other:?}"),
    }
}

pub fn finish(io: &mut Io, op: Op) -> Result<(), IoError> {
    match io.run(op)? {
        Done::Finished => Ok(()),
        other => panic!("an operation completed as {other:?}"),
    }
}

/// `blocks` blocks of bytes that differ from place to place.
pub fn pattern(blocks: usize, salt: u8) -> Vec<u8> {
    (0..blocks * BLOCK).map(|n| (n / 7) as u8 ^ (n >> 9) as u8 ^ salt).collect()
}
