//! Files in `segments/`: own segments (plain Kafka batches), their index files, shared segments, bulk files.
//! Format: docs/format/segment.md and docs/format/index.md.
//!
//! What it is not: the act of writing (`settle.rs`) or of reading (`reader.rs`).
//!
//! The invariant: what settling writes is written once, synced, then named by the manifest, and never changed afterwards.
//! A bulk file grows while it is named; what a range names in it was synced before and never changes.

use crate::batch::crc32c;
use crate::fields::{Fields, put_u32, put_u64};
use crate::range::{ENCODED, Range};
use millrace_io::BLOCK;
use std::path::PathBuf;

/// Directory of all segment files, below the data directory.
pub const DIRECTORY: &str = "segments";
/// Newest format version we know and the one we write.
pub const VERSION: u32 = 1;
/// Bytes of the header block of a shared segment: batches begin here.
pub const SHARED_HEADER: usize = BLOCK;
/// Bytes of the header of an index file: its table begins here.
pub const INDEX_HEADER: usize = 64;
/// Bytes of the trailer that closes a shared segment.
pub const TRAILER: usize = 64;

const SHARED_MAGIC: [u8; 8] = *b"MRshared";
const INDEX_MAGIC: [u8; 8] = *b"MRindex1";
const TRAILER_MAGIC: [u8; 8] = *b"MRtrailr";

/// Kind of a segment file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// One partition, plain batches from byte 0, an index file beside it.
    Own = 0,
    /// Many partitions, sorted by partition then offset, index and trailer at its end.
    Shared = 1,
    /// Large batches of many partitions, written by the journal, each at the start of a block of its own.
    Bulk = 2,
    /// As an own segment, but of what compaction left: offsets have gaps.
    Compacted = 3,
}

impl Kind {
    /// The kind with this number in a manifest.
    #[must_use]
    pub fn of(number: u8) -> Option<Kind> {
        match number {
            0 => Some(Kind::Own),
            1 => Some(Kind::Shared),
            2 => Some(Kind::Bulk),
            3 => Some(Kind::Compacted),
            _ => None,
        }
    }

    /// Batches begin at multiples of this many bytes.
    #[must_use]
    pub fn alignment(self) -> u64 {
        match self {
            Kind::Own | Kind::Shared | Kind::Compacted => 1,
            Kind::Bulk => BLOCK as u64,
        }
    }

    /// Of one partition, with an index file beside it.
    #[must_use]
    pub fn is_indexed(self) -> bool {
        matches!(self, Kind::Own | Kind::Compacted)
    }

    /// Offsets may be missing between and in its batches.
    #[must_use]
    pub fn has_gaps(self) -> bool {
        self == Kind::Compacted
    }
}

/// Path of the file with the batches.
#[must_use]
pub fn path(file: u64, kind: Kind) -> PathBuf {
    let extension = match kind {
        Kind::Own | Kind::Compacted => "log",
        Kind::Shared => "shared",
        Kind::Bulk => "bulk",
    };
    PathBuf::from(format!("{DIRECTORY}/{file:016x}.{extension}"))
}

/// Path of the index file beside an own segment.
#[must_use]
pub fn index_path(file: u64) -> PathBuf {
    PathBuf::from(format!("{DIRECTORY}/{file:016x}.index"))
}

/// The file number in a name inside `segments/`; `None` for names we never give.
#[must_use]
pub fn number_of(name: &str) -> Option<u64> {
    let (number, extension) = name.split_once('.')?;
    let known = matches!(extension, "log" | "index" | "shared" | "bulk") && number.len() == 16;
    if known { u64::from_str_radix(number, 16).ok() } else { None }
}

fn closed(mut out: Vec<u8>, length: usize) -> Vec<u8> {
    out.resize(length - 4, 0);
    let crc = crc32c(&out);
    put_u32(&mut out, crc);
    out
}

/// Header block of a shared segment: magic, version, directory id, file number, padding, CRC-32C.
#[must_use]
pub fn shared_header(directory_id: &[u8; 16], file: u64) -> Vec<u8> {
    let mut out = Vec::with_capacity(SHARED_HEADER);
    out.extend_from_slice(&SHARED_MAGIC);
    put_u32(&mut out, VERSION);
    out.extend_from_slice(directory_id);
    put_u64(&mut out, file);
    closed(out, SHARED_HEADER)
}

/// Header of an index file: magic, version, directory id, file number, partition, entries, CRC-32C.
#[must_use]
pub fn index_header(directory_id: &[u8; 16], file: u64, partition: u64, entries: u32) -> Vec<u8> {
    let mut out = Vec::with_capacity(INDEX_HEADER);
    out.extend_from_slice(&INDEX_MAGIC);
    put_u32(&mut out, VERSION);
    out.extend_from_slice(directory_id);
    put_u64(&mut out, file);
    put_u64(&mut out, partition);
    put_u32(&mut out, entries);
    closed(out, INDEX_HEADER)
}

/// The table of a shared segment that lists its ranges, and the trailer that closes the file at a block's end.
/// `position` is where the table will begin.
#[must_use]
pub fn shared_footer(directory_id: &[u8; 16], file: u64, position: u64, ranges: &[(u64, Range)]) -> Vec<u8> {
    let mut out = Vec::with_capacity(ranges.len() * (8 + ENCODED) + TRAILER + BLOCK);
    for (partition, range) in ranges {
        put_u64(&mut out, *partition);
        range.encode(&mut out);
    }
    let table = out.len();
    let table_crc = crc32c(&out);
    let end = (position as usize + table + TRAILER).next_multiple_of(BLOCK);
    out.resize(end - position as usize - TRAILER, 0);
    let mut trailer = Vec::with_capacity(TRAILER);
    trailer.extend_from_slice(&TRAILER_MAGIC);
    put_u32(&mut trailer, VERSION);
    trailer.extend_from_slice(directory_id);
    put_u64(&mut trailer, file);
    put_u64(&mut trailer, position);
    put_u64(&mut trailer, table as u64);
    put_u32(&mut trailer, table_crc);
    out.extend_from_slice(&closed(trailer, TRAILER));
    out
}

/// Why a shared segment cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    #[error("not a file of this kind, or its checksum does not match")]
    Invalid,
    #[error("written by a newer format version ({0}; this build knows {VERSION})")]
    Newer(u32),
}

/// What the trailer of a shared segment says about its table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trailer {
    pub file: u64,
    pub position: u64,
    pub length: u64,
    pub crc: u32,
}

impl Trailer {
    /// Reads the last `TRAILER` bytes of a shared segment.
    pub fn decode(bytes: &[u8]) -> Result<Trailer, FormatError> {
        let mut fields = versioned(bytes, TRAILER, TRAILER_MAGIC)?;
        let read = (|| {
            fields.take(16)?;
            Ok(Trailer {
                file: fields.u64()?,
                position: fields.u64()?,
                length: fields.u64()?,
                crc: fields.u32()?,
            })
        })();
        read.map_err(|_: crate::fields::Short| FormatError::Invalid)
    }
}

/// Checks magic, version and closing CRC of a fixed-size record; answers the fields behind the version.
fn versioned(bytes: &[u8], length: usize, magic: [u8; 8]) -> Result<Fields<'_>, FormatError> {
    if bytes.len() != length || bytes[..8] != magic {
        return Err(FormatError::Invalid);
    }
    let mut fields = Fields::new(&bytes[8..]);
    let version = fields.u32().map_err(|_| FormatError::Invalid)?;
    if version > VERSION {
        return Err(FormatError::Newer(version));
    }
    if crc32c(&bytes[..length - 4]).to_le_bytes() != bytes[length - 4..] {
        return Err(FormatError::Invalid);
    }
    Ok(fields)
}

/// The ranges a shared segment's table lists, as (partition, range).
pub fn shared_table(bytes: &[u8], trailer: &Trailer) -> Result<Vec<(u64, Range)>, FormatError> {
    if bytes.len() as u64 != trailer.length || crc32c(bytes) != trailer.crc {
        return Err(FormatError::Invalid);
    }
    let mut fields = Fields::new(bytes);
    let mut ranges = Vec::with_capacity(bytes.len() / (8 + ENCODED));
    while fields.left() > 0 {
        let partition = fields.u64().map_err(|_| FormatError::Invalid)?;
        ranges.push((partition, Range::decode(&mut fields).map_err(|_| FormatError::Invalid)?));
    }
    Ok(ranges)
}

/// What an index file's header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexHeader {
    pub file: u64,
    pub partition: u64,
    pub entries: u32,
}

impl IndexHeader {
    /// Reads the first `INDEX_HEADER` bytes of an index file.
    pub fn decode(bytes: &[u8]) -> Result<IndexHeader, FormatError> {
        let mut fields = versioned(bytes, INDEX_HEADER, INDEX_MAGIC)?;
        let read = (|| {
            fields.take(16)?;
            Ok(IndexHeader { file: fields.u64()?, partition: fields.u64()?, entries: fields.u32()? })
        })();
        read.map_err(|_: crate::fields::Short| FormatError::Invalid)
    }
}

/// Checks the header block of a shared segment against its identity.
pub fn check_shared_header(bytes: &[u8], directory_id: &[u8; 16], file: u64) -> Result<(), FormatError> {
    let mut fields = versioned(bytes, SHARED_HEADER, SHARED_MAGIC)?;
    let id = fields.take(16).map_err(|_| FormatError::Invalid)?;
    let number = fields.u64().map_err(|_| FormatError::Invalid)?;
    if id == directory_id && number == file { Ok(()) } else { Err(FormatError::Invalid) }
}
