//! Bulk files: where large entries lie outside the journal. See docs/format/segment.md.
//!
//! Block 0 says who the file is; everything else begins at a block of its own:
//!
//! | at   | bytes | field                                        |
//! |------|-------|----------------------------------------------|
//! | 0    | 8     | magic                                        |
//! | 8    | 4     | format version                               |
//! | 12   | 4     | CRC-32C over the rest of the fields          |
//! | 16   | 8     | directory id                                 |
//! | 24   | 8     | file number                                  |
//!
//! What it is not: an index. Which bytes belong to whom, frames say, and later a manifest.
//!
//! The one invariant: a position is written at most once in the life of the file, so bytes that verified stay as they
//! are.

use crate::bytes::{get_u32, get_u64, put};
use crate::checksum::crc32c;
use millrace_io::{BLOCK, Piece, SlabWriter};
use std::path::PathBuf;

/// Where bulk files are and how large. The layer above names them, for it also reads and removes them.
#[derive(Clone, Copy, Debug)]
pub struct BulkConfig {
    /// Size of a bulk file in bytes, whole blocks; 0: no entry goes outside the journal.
    pub file_bytes: u64,
    /// Size of the first one of a run, so that a few large entries do not take much space.
    pub first_file_bytes: u64,
    /// Most bytes that are set aside for one group, so that its entries lie together.
    pub extent_bytes: u64,
    /// Size of a piece of the memory entries are copied to; bigger entries get their own.
    pub slab_bytes: usize,
    /// Most bytes of one frame that may go here beyond the limit of frames; 0: that limit holds for them too.
    pub frame_bytes: u64,
    /// The directory of bulk files.
    pub directory: &'static str,
    /// Path of the bulk file with this number.
    pub path: fn(u64) -> PathBuf,
}

impl BulkConfig {
    /// Everything goes into the journal.
    pub const NONE: BulkConfig = BulkConfig {
        file_bytes: 0,
        first_file_bytes: 0,
        extent_bytes: 0,
        slab_bytes: BLOCK,
        frame_bytes: 0,
        directory: "",
        path: |_| PathBuf::new(),
    };

    pub(crate) fn check(&self) {
        let block = BLOCK as u64;
        assert!(
            self.file_bytes.is_multiple_of(block) && self.first_file_bytes.is_multiple_of(block),
            "whole blocks"
        );
        assert!(self.file_bytes == 0 || self.first_file_bytes > block, "a file holds more than its header");
        assert!(self.extent_bytes.is_multiple_of(block) && self.slab_bytes > 0, "whole blocks");
    }
}

/// Position of the first bytes.
pub const BULK_FROM: u64 = BLOCK as u64;
/// The version this code writes, and the newest it reads.
pub const BULK_VERSION: u32 = 1;

const MAGIC: u64 = u64::from_le_bytes(*b"MRbulk01");
const MAGIC_AT: usize = 0;
const VERSION_AT: usize = MAGIC_AT + 8;
const CRC_AT: usize = VERSION_AT + 4;
const DIRECTORY_AT: usize = CRC_AT + 4;
const NUMBER_AT: usize = DIRECTORY_AT + 8;
const END: usize = NUMBER_AT + 8;

/// The fields of block 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BulkHeader {
    pub directory_id: u64,
    pub number: u64,
}

impl BulkHeader {
    /// The block, ready to be written.
    #[must_use]
    pub fn encode(&self) -> Piece {
        let mut block = [0; END];
        put(&mut block, MAGIC_AT, MAGIC.to_le_bytes());
        put(&mut block, VERSION_AT, BULK_VERSION.to_le_bytes());
        put(&mut block, DIRECTORY_AT, self.directory_id.to_le_bytes());
        put(&mut block, NUMBER_AT, self.number.to_le_bytes());
        let crc = crc32c(&block[DIRECTORY_AT..]);
        put(&mut block, CRC_AT, crc.to_le_bytes());
        let mut writer = SlabWriter::new(BLOCK);
        writer.write(&block);
        writer.pad_to_block();
        writer.piece(0, BLOCK)
    }

    /// Reads block 0 back; `None` when it is no header of this version.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<BulkHeader> {
        let block = bytes.get(..END)?;
        let known = get_u64(block, MAGIC_AT) == MAGIC
            && get_u32(block, VERSION_AT) == BULK_VERSION
            && get_u32(block, CRC_AT) == crc32c(&block[DIRECTORY_AT..]);
        known.then(|| BulkHeader {
            directory_id: get_u64(block, DIRECTORY_AT),
            number: get_u64(block, NUMBER_AT),
        })
    }
}
