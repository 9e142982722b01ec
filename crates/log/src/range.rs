//! A range: where consecutive batches of one partition lie in an immutable file. Readers see a list of ranges,
//! whatever kind of file they lie in.

use crate::fields::{Fields, Short, put_i64, put_u32, put_u64};

/// Where a batch lies that went to a bulk file when it was appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Number of the file.
    pub file: u64,
    /// Bytes from its start, a whole number of blocks.
    pub position: u64,
}

/// Consecutive batches of one partition inside one sealed file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// Number of the file.
    pub file: u64,
    /// Offset of the first record.
    pub base: u64,
    /// Offset behind the last record.
    pub end: u64,
    /// Bytes from the start of the file.
    pub position: u64,
    /// Bytes of all batches.
    pub length: u64,
    pub max_timestamp: i64,
    /// CRC-32C over all bytes of the range; 0 in a bulk file, where only the batches have theirs.
    pub crc: u32,
    /// Bytes of the largest batch: what a reader must have room for.
    pub largest: u32,
    /// Where the sparse index lies: in the `.index` file of an own segment, in the same file of a shared one.
    pub sparse_position: u64,
    /// Entries of the sparse index; 0: none, scan from `position`.
    pub sparse_count: u32,
}

/// Bytes of an encoded range.
pub const ENCODED: usize = 68;

impl Range {
    /// Appends the range to `out`.
    pub fn encode(&self, out: &mut Vec<u8>) {
        put_u64(out, self.file);
        put_u64(out, self.base);
        put_u64(out, self.end);
        put_u64(out, self.position);
        put_u64(out, self.length);
        put_i64(out, self.max_timestamp);
        put_u32(out, self.crc);
        put_u32(out, self.largest);
        put_u64(out, self.sparse_position);
        put_u32(out, self.sparse_count);
    }

    /// Reads what `encode` wrote; ranges that are empty or overflow are refused.
    pub fn decode(fields: &mut Fields) -> Result<Range, Short> {
        let range = Range {
            file: fields.u64()?,
            base: fields.u64()?,
            end: fields.u64()?,
            position: fields.u64()?,
            length: fields.u64()?,
            max_timestamp: fields.i64()?,
            crc: fields.u32()?,
            largest: fields.u32()?,
            sparse_position: fields.u64()?,
            sparse_count: fields.u32()?,
        };
        let fits = range.position.checked_add(range.length).is_some_and(|end| end < 1 << 62);
        if range.base >= range.end || range.length == 0 || !fits || range.sparse_position >= 1 << 62 {
            return Err(Short);
        }
        Ok(range)
    }
}
