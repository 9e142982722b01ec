//! Values in large files: what stands there, and how a record of a data file refers to it. Format:
//! docs/format/large-file.md.
//!
//! ```text
//!  0          4           8     9
//!  +----------+-----------+-----+-------+----------+----------+----------+------------+-----+-------+
//!  | head CRC | value CRC | tag | store | sequence | [expiry] | key size | value size | key | value |
//!  +----------+-----------+-----+-------+----------+----------+----------+------------+-----+-------+
//! ```
//!
//! What it is not: the placing. The journal writes these bytes, each value at a block of its own, before it is known where;
//! so their checksums know the directory, the store and the sequence, but no position.
//!
//! The invariant: the head's CRC covers everything before the value, its CRC too; a write has one sequence, so bytes of
//! another write of the same key never pass for it.

use crate::bytes::get_u32;
use crate::limits::KEY_MAX;
use crate::varint::{put_varint, take_varint};
use crc_fast::crc32_iscsi as crc32c;
use std::path::PathBuf;

/// Values that lie in large files have at most so many bytes.
pub const VALUE_MAX: usize = 512 << 20;
pub(crate) const VALUE_CRC_AT: usize = 4;
const TAG_AT: usize = VALUE_CRC_AT + 4;
const TAG: u8 = 1;
const TAG_EXPIRES: u8 = 0x10;

/// What a large file holds at one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LargeValue<'a> {
    pub store: u32,
    pub sequence: u64,
    /// Wall time in ms when it dies; 0: never.
    pub expires_ms: u64,
    pub key: &'a [u8],
    /// Where the value begins, and how many bytes it has.
    pub value_at: usize,
    pub value_bytes: usize,
}

/// Where a value lies outside its record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    /// Number of the large file.
    pub file: u64,
    pub position: u64,
    /// Bytes there, from the head on.
    pub length: u32,
}

/// What goes before a value, and the CRC of the value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LargeHead {
    pub bytes: Vec<u8>,
    pub value_crc: u32,
}

fn head_crc(directory_id: &[u8; 16], covered: &[u8]) -> u32 {
    let mut digest = crc_fast::Digest::new(crc_fast::CrcAlgorithm::Crc32Iscsi);
    digest.update(directory_id);
    digest.update(covered);
    digest.finalize() as u32
}

impl LargeHead {
    /// The head of a value that the frame `sequence` writes.
    #[must_use]
    pub fn of(
        directory_id: &[u8; 16],
        store: u32,
        sequence: u64,
        expires_ms: u64,
        key: &[u8],
        value: &[u8],
    ) -> LargeHead {
        let value_crc = crc32c(value);
        let mut bytes = vec![0; 4];
        bytes.extend_from_slice(&value_crc.to_le_bytes());
        bytes.push(TAG | if expires_ms == 0 { 0 } else { TAG_EXPIRES });
        put_varint(&mut bytes, u64::from(store));
        put_varint(&mut bytes, sequence);
        if expires_ms != 0 {
            put_varint(&mut bytes, expires_ms);
        }
        put_varint(&mut bytes, key.len() as u64);
        put_varint(&mut bytes, value.len() as u64);
        bytes.extend_from_slice(key);
        let crc = head_crc(directory_id, &bytes[VALUE_CRC_AT..]);
        bytes[..VALUE_CRC_AT].copy_from_slice(&crc.to_le_bytes());
        LargeHead { bytes, value_crc }
    }
}

impl<'a> LargeValue<'a> {
    /// Reads a head whose CRC matches; the value may lie beyond `bytes`. `None`: it is none of this directory.
    #[must_use]
    pub fn head(bytes: &'a [u8], directory_id: &[u8; 16]) -> Option<LargeValue<'a>> {
        let mut fields = bytes.get(TAG_AT + 1..)?;
        let tag = bytes[TAG_AT];
        if tag & !TAG_EXPIRES != TAG {
            return None;
        }
        let store = u32::try_from(take_varint(&mut fields)?).ok()?;
        let sequence = take_varint(&mut fields)?;
        let expires_ms = if tag & TAG_EXPIRES == 0 { 0 } else { take_varint(&mut fields)? };
        let key_bytes = usize::try_from(take_varint(&mut fields)?).ok().filter(|bytes| *bytes <= KEY_MAX)?;
        let value_bytes =
            usize::try_from(take_varint(&mut fields)?).ok().filter(|bytes| *bytes <= VALUE_MAX)?;
        let key = fields.get(..key_bytes)?;
        let value_at = bytes.len() - fields.len() + key_bytes;
        let crc = head_crc(directory_id, &bytes[VALUE_CRC_AT..value_at]);
        let matches = crc == get_u32(bytes, 0);
        matches.then_some(LargeValue { store, sequence, expires_ms, key, value_at, value_bytes })
    }

    /// Reads a head and finds its value whole and right in `bytes`.
    #[must_use]
    pub fn verified(bytes: &'a [u8], directory_id: &[u8; 16]) -> Option<LargeValue<'a>> {
        let large = LargeValue::head(bytes, directory_id)?;
        let value = bytes.get(large.value_at..large.value_at.checked_add(large.value_bytes)?)?;
        (crc32c(value) == get_u32(bytes, VALUE_CRC_AT)).then_some(large)
    }

    /// Bytes from the head to the end of the value.
    #[must_use]
    pub fn length(&self) -> usize {
        self.value_at + self.value_bytes
    }
}

impl Reference {
    /// Appends the reference to what a record or a hint holds.
    pub fn put(&self, out: &mut Vec<u8>) {
        put_varint(out, self.file);
        put_varint(out, self.position);
        put_varint(out, u64::from(self.length));
    }

    /// Takes a reference from the start of `bytes`; `None` when it names no place.
    pub fn take(bytes: &mut &[u8]) -> Option<Reference> {
        let (file, position) = (take_varint(bytes)?, take_varint(bytes)?);
        let length = u32::try_from(take_varint(bytes)?).ok()?;
        (position < 1 << 40).then_some(Reference { file, position, length })
    }

    /// The reference that is all of a record's value.
    #[must_use]
    pub fn of_value(mut value: &[u8]) -> Option<Reference> {
        let reference = Reference::take(&mut value)?;
        value.is_empty().then_some(reference)
    }
}

/// Path of a large file below the data directory.
#[must_use]
pub fn large_path(number: u64) -> PathBuf {
    PathBuf::from(crate::data_file::DIRECTORY).join(format!("{number:016x}.large"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flipped_bit_anywhere_in_a_large_value_is_found() {
        let (id, value) = ([7; 16], [9; 300]);
        let head = LargeHead::of(&id, 3, 1_000, 77, b"key", &value);
        let bytes = [&head.bytes[..], &value].concat();
        let large = LargeValue::verified(&bytes, &id).expect("it is whole");
        assert_eq!((large.store, large.sequence, large.expires_ms, large.key), (3, 1_000, 77, &b"key"[..]));
        assert_eq!(large.length(), bytes.len());
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(LargeValue::verified(&flipped, &id).is_none(), "bit {bit}");
        }
        assert!(LargeValue::verified(&bytes, &[8; 16]).is_none(), "it is of another directory");
        for cut in 0..bytes.len() {
            assert!(LargeValue::verified(&bytes[..cut], &id).is_none(), "cut at {cut}");
        }
    }

    #[test]
    fn a_reference_with_bytes_behind_it_is_none() {
        let reference = Reference { file: 300, position: 4096, length: 70_000 };
        let mut bytes = Vec::new();
        reference.put(&mut bytes);
        assert_eq!(Reference::of_value(&bytes), Some(reference));
        bytes.push(0);
        assert_eq!(Reference::of_value(&bytes), None);
    }
}
