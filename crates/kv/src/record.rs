//! Records of a data file. Format: docs/format/data-file.md.
//!
//! What it is not: the file's header (`data_file.rs`), or the reading of files.
//!
//! The invariant: no byte of a record is believed before its CRC, which covers the file's identity and the record's own
//! position, matches; a size is compared with what is left before anything else.

use crate::bytes::get_u32;
use crate::large::Reference;
use crate::limits::KEY_MAX;
use crate::varint::{VARINT_MAX, put_varint, take_varint};

const CRC_AT: usize = 0;
const PREVIOUS_AT: usize = CRC_AT + 4;
const TAG_AT: usize = PREVIOUS_AT + 4;
/// Bytes before the first varint.
pub const RECORD_HEAD: usize = TAG_AT + 1;

const TAG_PUT: u8 = 1;
const TAG_TOMBSTONE: u8 = 2;
const TAG_MARK: u8 = 3;
const TAG_REFERENCE: u8 = 4;
const TAG_EXPIRES: u8 = 0x10;

/// What a record says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Put,
    Tombstone,
    /// Everything before it was settled: the last record of a file.
    Mark,
    /// A put whose value lies in a large file; the record's value is a `large::Reference`.
    Reference,
}

/// A record's contents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    pub kind: Kind,
    pub sequence: u64,
    /// Wall time in ms when it dies; 0: never.
    pub expires_ms: u64,
    pub key: &'a [u8],
    pub value: &'a [u8],
}

impl Record<'_> {
    /// Where the value lies, when it lies in a large file.
    #[must_use]
    pub fn reference(&self) -> Option<Reference> {
        if self.kind == Kind::Reference { Reference::of_value(self.value) } else { None }
    }
}

/// A record that verifies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decoded<'a> {
    pub record: Record<'a>,
    pub crc: u32,
    /// CRC of the record before it; of the file's header for the first.
    pub previous: u32,
    /// Bytes of the record.
    pub length: usize,
}

/// Why bytes are no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Defect {
    /// The record needs at least so many bytes.
    Short(usize),
    /// They can never be one.
    Bad(&'static str),
}

fn checksum(seal: u32, position: u64, covered: &[u8]) -> u32 {
    let mut seed = [0; 12];
    seed[..4].copy_from_slice(&seal.to_le_bytes());
    seed[4..].copy_from_slice(&position.to_le_bytes());
    let mut digest = crc_fast::Digest::new(crc_fast::CrcAlgorithm::Crc32Iscsi);
    digest.update(&seed);
    digest.update(covered);
    digest.finalize() as u32
}

/// Appends a record that will lie at `position` of the file with this seal; answers its CRC.
pub fn encode(out: &mut Vec<u8>, seal: u32, position: u64, previous: u32, record: &Record<'_>) -> u32 {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&previous.to_le_bytes());
    let kind = match record.kind {
        Kind::Put => TAG_PUT,
        Kind::Tombstone => TAG_TOMBSTONE,
        Kind::Mark => TAG_MARK,
        Kind::Reference => TAG_REFERENCE,
    };
    out.push(kind | if record.expires_ms == 0 { 0 } else { TAG_EXPIRES });
    put_varint(out, record.sequence);
    if record.expires_ms != 0 {
        put_varint(out, record.expires_ms);
    }
    put_varint(out, record.key.len() as u64);
    put_varint(out, record.value.len() as u64);
    out.extend_from_slice(record.key);
    out.extend_from_slice(record.value);
    let crc = checksum(seal, position, &out[start + PREVIOUS_AT..]);
    out[start + CRC_AT..start + PREVIOUS_AT].copy_from_slice(&crc.to_le_bytes());
    crc
}

/// Bytes of a record that puts such a value.
pub fn put_bytes(sequence: u64, expires_ms: u64, key_bytes: usize, value_bytes: usize) -> u64 {
    let expiry = if expires_ms == 0 { 0 } else { varint_bytes(expires_ms) };
    let sizes = varint_bytes(key_bytes as u64) + varint_bytes(value_bytes as u64);
    (RECORD_HEAD + varint_bytes(sequence) + expiry + sizes + key_bytes + value_bytes) as u64
}

fn varint_bytes(value: u64) -> usize {
    (64 - (value | 1).leading_zeros() as usize).div_ceil(7)
}

/// What the head of a record says; nothing of it is verified.
struct Head {
    kind: Kind,
    sequence: u64,
    expires_ms: u64,
    /// Where the key begins.
    key_at: usize,
    key_bytes: usize,
    length: usize,
}

/// Most bytes of a head.
const HEAD_MAX: usize = RECORD_HEAD + 4 * VARINT_MAX;

fn head(bytes: &[u8], left: u64) -> Result<Head, Defect> {
    let mut fields = bytes.get(RECORD_HEAD..).ok_or(match left > bytes.len() as u64 {
        true => Defect::Short(HEAD_MAX),
        false => Defect::Bad("the file ends early"),
    })?;
    let tag = bytes[TAG_AT];
    let kind = match tag & !TAG_EXPIRES {
        TAG_PUT => Kind::Put,
        TAG_TOMBSTONE => Kind::Tombstone,
        TAG_MARK => Kind::Mark,
        TAG_REFERENCE => Kind::Reference,
        _ => return Err(Defect::Bad("tag of a record")),
    };
    // A number may reach beyond what was read.
    let cut = bytes.len() < HEAD_MAX && left > bytes.len() as u64;
    let mut number = |what| match take_varint(&mut fields) {
        Some(value) => Ok(value),
        None if cut => Err(Defect::Short(HEAD_MAX)),
        None => Err(Defect::Bad(what)),
    };
    let sequence = number("sequence of a record")?;
    let expires_ms = if tag & TAG_EXPIRES == 0 { 0 } else { number("expiry of a record")? };
    let key_bytes = number("key size of a record")?;
    let value_bytes = number("value size of a record")?;
    let key_at = bytes.len() - fields.len();
    let length = (key_at as u64).saturating_add(key_bytes).saturating_add(value_bytes);
    if key_bytes > KEY_MAX as u64 || length > left || length > u64::from(u32::MAX) {
        return Err(Defect::Bad("size of a record"));
    }
    if tag & TAG_EXPIRES != 0 && expires_ms == 0 {
        return Err(Defect::Bad("expiry of a record"));
    }
    Ok(Head { kind, sequence, expires_ms, key_at, key_bytes: key_bytes as usize, length: length as usize })
}

fn record_of<'a>(head: &Head, bytes: &'a [u8]) -> Record<'a> {
    let (key, value) = bytes[head.key_at..head.length].split_at(head.key_bytes);
    Record { kind: head.kind, sequence: head.sequence, expires_ms: head.expires_ms, key, value }
}

/// Reads the record at the start of `bytes`, which lies at `position` of its file; `left` bytes of the file follow from
/// there on.
///
/// # Errors
///
/// `Short`: more of the file is needed. `Bad`: this is no record of this file at this position.
pub fn decode(bytes: &[u8], seal: u32, position: u64, left: u64) -> Result<Decoded<'_>, Defect> {
    let head = head(bytes, left)?;
    let length = head.length;
    if bytes.len() < length {
        return Err(Defect::Short(length));
    }
    if checksum(seal, position, &bytes[PREVIOUS_AT..length]) != get_u32(bytes, CRC_AT) {
        return Err(Defect::Bad("checksum of a record"));
    }
    let record = record_of(&head, bytes);
    if record.kind == Kind::Reference && record.reference().is_none() {
        return Err(Defect::Bad("reference of a record"));
    }
    let previous = get_u32(bytes, PREVIOUS_AT);
    Ok(Decoded { record, crc: get_u32(bytes, CRC_AT), previous, length })
}

/// A record whose bytes were verified before.
pub(crate) fn parse(bytes: &[u8]) -> Option<Record<'_>> {
    head(bytes, bytes.len() as u64).ok().map(|head| record_of(&head, bytes))
}
