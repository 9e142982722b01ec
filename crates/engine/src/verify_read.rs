//! Reading for verification: any bytes of any file, without changing one.
//!
//! What it is not: recovery's reading, which opens for writing.
//!
//! The invariant: whatever cannot be read is an answer, not an end; only a dead machine ends a verification.

use millrace_io::{BLOCK, Done, FileId, Io, IoError, IoErrorKind, Op, OpenMode, ReadBuffer};
use std::path::Path;

/// Bytes read at once.
pub(crate) const CHUNK: u64 = 4 << 20;

/// A lack of descriptors or memory, or a dead machine, says nothing about a file.
pub(crate) fn says_nothing(error: &IoError) -> bool {
    matches!(error.kind, IoErrorKind::Descriptors | IoErrorKind::Memory | IoErrorKind::Cancelled)
}

/// Opens a file for direct reads: handle and size, or why not in words.
pub(crate) fn open(io: &mut Io, path: &Path) -> Result<Result<(FileId, u64), String>, IoError> {
    match io.run(Op::Open { path: path.to_path_buf(), mode: OpenMode::ReadDirect }) {
        Ok(Done::Opened { file, size }) => Ok(Ok((file, size))),
        Ok(other) => panic!("an open completed as {other:?}"),
        Err(error) if says_nothing(&error) => Err(error),
        Err(error) if error.kind == IoErrorKind::NotFound => Ok(Err("the file is missing".to_string())),
        Err(error) => Ok(Err(error.to_string())),
    }
}

/// `length` bytes at `position`; fewer where the file ends. The inner error: the device does not give them.
pub(crate) fn read(
    io: &mut Io,
    file: FileId,
    position: u64,
    length: usize,
) -> Result<Result<Vec<u8>, String>, IoError> {
    let start = position / BLOCK as u64 * BLOCK as u64;
    let skip = (position - start) as usize;
    match io.run(Op::Read { file, position: start, buffer: ReadBuffer::new(skip + length) }) {
        Ok(Done::Read { buffer, length: read }) => {
            let end = read.min(skip + length);
            Ok(Ok(buffer.bytes().get(skip..end).unwrap_or_default().to_vec()))
        }
        Ok(other) => panic!("a read completed as {other:?}"),
        Err(error) if says_nothing(&error) => Err(error),
        Err(error) => Ok(Err(error.to_string())),
    }
}

/// A whole small file, or why not in words.
pub(crate) fn whole(io: &mut Io, path: &Path, limit: usize) -> Result<Result<Vec<u8>, String>, IoError> {
    match io.read_small(path, limit) {
        Ok(bytes) => Ok(Ok(bytes)),
        Err(error) if says_nothing(&error) => Err(error),
        Err(error) if error.kind == IoErrorKind::NotFound => Ok(Err("the file is missing".to_string())),
        Err(error) => Ok(Err(error.to_string())),
    }
}
