//! Block 0 of a journal file: who the file is. Written once, before the file gets its name; recycling never touches it.
//!
//! | at | bytes | field                                        |
//! |----|-------|----------------------------------------------|
//! |  0 | 4     | magic                                        |
//! |  4 | 4     | CRC-32C over the rest of the fields          |
//! |  8 | 4     | format version                               |
//! | 12 | 4     | file number                                  |
//! | 16 | 8     | directory id                                 |
//! | 24 | 8     | capacity: the file's size in bytes           |
//!
//! What it is not: a superblock. No state is kept here: laps and LSNs are in the frames.
//!
//! The one invariant: a file under a plain name (`00000001`) was pre-written and synced in full, header included.

use crate::bytes::{get_u32, get_u64, put};
use crate::checksum::crc32c;
use millrace_io::{BLOCK, Piece, SlabWriter};
use std::path::{Path, PathBuf};

/// Where all journal files lie, relative to the data directory.
pub const JOURNAL_DIRECTORY: &str = "journal";
/// Position of the first frame.
pub const FRAMES_FROM: u64 = BLOCK as u64;

const MAGIC: u32 = u32::from_le_bytes(*b"MRJH");
/// The version this code writes, and the newest it reads.
pub const VERSION: u32 = 1;

const MAGIC_AT: usize = 0;
const CRC_AT: usize = MAGIC_AT + 4;
const VERSION_AT: usize = CRC_AT + 4;
const NUMBER_AT: usize = VERSION_AT + 4;
const DIRECTORY_AT: usize = NUMBER_AT + 4;
const CAPACITY_AT: usize = DIRECTORY_AT + 8;
const END: usize = CAPACITY_AT + 8;
const COVERED_FROM: usize = VERSION_AT;

const _: () = assert!(END == 32 && END <= 512, "the header is torn by no device that writes sectors whole");

/// The fields of block 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileHeader {
    pub number: u32,
    pub directory_id: u64,
    pub capacity: u64,
}

/// What block 0 turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileHeaderRead {
    Valid(FileHeader),
    /// A valid header of a newer format.
    Newer {
        version: u32,
    },
    Damaged,
}

impl FileHeader {
    /// The block, ready to be written.
    #[must_use]
    pub fn encode(&self) -> Piece {
        let mut block = [0; END];
        put(&mut block, MAGIC_AT, MAGIC.to_le_bytes());
        put(&mut block, VERSION_AT, VERSION.to_le_bytes());
        put(&mut block, NUMBER_AT, self.number.to_le_bytes());
        put(&mut block, DIRECTORY_AT, self.directory_id.to_le_bytes());
        put(&mut block, CAPACITY_AT, self.capacity.to_le_bytes());
        let crc = crc32c(&block[COVERED_FROM..]);
        put(&mut block, CRC_AT, crc.to_le_bytes());
        let mut writer = SlabWriter::new(BLOCK);
        writer.write(&block);
        writer.pad_to_block();
        writer.piece(0, BLOCK)
    }

    /// Reads block 0 back; `bytes` may be shorter than a block when the file is.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> FileHeaderRead {
        let Some(block) = bytes.get(..END) else { return FileHeaderRead::Damaged };
        if get_u32(block, MAGIC_AT) != MAGIC || get_u32(block, CRC_AT) != crc32c(&block[COVERED_FROM..]) {
            return FileHeaderRead::Damaged;
        }
        let version = get_u32(block, VERSION_AT);
        if version != VERSION {
            return FileHeaderRead::Newer { version };
        }
        FileHeaderRead::Valid(FileHeader {
            number: get_u32(block, NUMBER_AT),
            directory_id: get_u64(block, DIRECTORY_AT),
            capacity: get_u64(block, CAPACITY_AT),
        })
    }
}

/// `journal/00000001`
#[must_use]
pub fn file_path(number: u32) -> PathBuf {
    Path::new(JOURNAL_DIRECTORY).join(format!("{number:08}"))
}

/// `journal/00000001.new`: the name a file has until it is pre-written and synced.
#[must_use]
pub fn unfinished_path(number: u32) -> PathBuf {
    Path::new(JOURNAL_DIRECTORY).join(format!("{number:08}.new"))
}

/// The number behind a name of `file_path`; `None` for every other name.
#[must_use]
pub fn number_of(name: &str) -> Option<u32> {
    let number: u32 = name.parse().ok()?;
    (number > 0 && format!("{number:08}") == name).then_some(number)
}
