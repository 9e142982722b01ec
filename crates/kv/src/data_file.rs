//! The header block of a data file, and the names of its files. Format: docs/format/data-file.md.
//!
//! What it is not: the records (`record.rs`).
//!
//! The invariant: a file's seal, the CRC of its header, stands for all of its identity; it seeds every record.
//!
//! ```text
//!      0 magic "MRkvdata"      8 format version u32   12 role u32
//!     16 directory id [16]    32 file number u64      40 store u32      44 epoch u32
//!     48 zero               4092 CRC-32C of the block
//! ```

use crate::bytes::{get_u32, get_u64};
use crc_fast::crc32_iscsi as crc32c;
use std::path::PathBuf;

/// Directory of data files and hints, below the data directory.
pub const DIRECTORY: &str = "kv";
/// Bytes of the header block; records begin behind it.
pub const DATA_HEADER: usize = 4096;
const VERSION: u32 = 1;
const MAGIC: [u8; 8] = *b"MRkvdata";
const CRC_AT: usize = DATA_HEADER - 4;

/// Why a file was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Role {
    Settle = 1,
    Merge = 2,
    /// Values of any store, written with their frames; it has another header (`large.rs`) and no records.
    Large = 3,
    /// As `Merge`, and among its records are some that other files have too, with the same sequence, and which say where
    /// the value was before: the file with the higher number is right.
    Move = 4,
}

/// Which file it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    pub directory_id: [u8; 16],
    pub number: u64,
    pub store: u32,
    /// Incarnation of the run that wrote it.
    pub epoch: u32,
    pub role: Role,
}

impl Identity {
    /// The header block.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(DATA_HEADER);
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&(self.role as u32).to_le_bytes());
        out.extend_from_slice(&self.directory_id);
        out.extend_from_slice(&self.number.to_le_bytes());
        out.extend_from_slice(&self.store.to_le_bytes());
        out.extend_from_slice(&self.epoch.to_le_bytes());
        out.resize(CRC_AT, 0);
        let crc = crc32c(&out);
        out.extend_from_slice(&crc.to_le_bytes());
        out
    }

    /// The CRC of the header block.
    #[must_use]
    pub fn seal(&self) -> u32 {
        get_u32(&self.encode(), CRC_AT)
    }

    /// Reads a header block; `None` when it is none of this version or does not verify.
    #[must_use]
    pub fn decode(block: &[u8]) -> Option<Identity> {
        let block = block.get(..DATA_HEADER)?;
        let whole = block[..8] == MAGIC && get_u32(block, 8) == VERSION;
        if !whole || crc32c(&block[..CRC_AT]) != get_u32(block, CRC_AT) {
            return None;
        }
        let mut directory_id = [0; 16];
        directory_id.copy_from_slice(&block[16..32]);
        Some(Identity {
            directory_id,
            number: get_u64(block, 32),
            store: get_u32(block, 40),
            epoch: get_u32(block, 44),
            role: Role::of(get_u32(block, 12))?,
        })
    }
}

impl Role {
    /// The role with this number.
    #[must_use]
    pub fn of(number: u32) -> Option<Role> {
        match number {
            1 => Some(Role::Settle),
            2 => Some(Role::Merge),
            4 => Some(Role::Move),
            _ => None,
        }
    }
}

/// Path of a data file below the data directory.
#[must_use]
pub fn data_path(number: u64) -> PathBuf {
    PathBuf::from(DIRECTORY).join(format!("{number:016x}.data"))
}

/// Path of its hint.
#[must_use]
pub fn hint_path(number: u64) -> PathBuf {
    PathBuf::from(DIRECTORY).join(format!("{number:016x}.hint"))
}

/// The number in the name of a data file, hint or large file.
#[must_use]
pub fn number_of(name: &str) -> Option<u64> {
    let (digits, kind) = name.split_once('.')?;
    let ours = digits.len() == 16 && matches!(kind, "data" | "hint" | "large");
    if ours { u64::from_str_radix(digits, 16).ok() } else { None }
}
