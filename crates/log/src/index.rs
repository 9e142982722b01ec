//! Sparse index of one range: every so many bytes, which offset begins where and how late its stretch reaches.
//! Format: docs/format/index.md. Derivable: a table that does not verify is ignored and the range is scanned.
//!
//! What it is not: a map of single records; a lookup answers where to begin to read.
//!
//! Entry, 24 bytes little endian: base offset u64, position u64 (from the start of the file), max timestamp i64 over
//! all batches from this entry up to the next one. The table ends with a CRC-32C over (file, partition, range base)
//! and all entries, so a table of another range does not validate.

use crate::batch::{Header, verify};
use crate::fields::{Fields, put_i64, put_u64};
use crate::range::Range;

/// Bytes of one entry.
pub const ENTRY: usize = 24;
/// Bytes of the closing CRC.
pub const CLOSING: usize = 4;

/// One stretch of a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    pub offset: u64,
    pub position: u64,
    pub max_timestamp: i64,
}

/// The table of one range.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sparse {
    stretches: Vec<Stretch>,
}

fn checksum(file: u64, partition: u64, base: u64, entries: &[u8]) -> u32 {
    let mut digest = crc_fast::Digest::new(crc_fast::CrcAlgorithm::Crc32Iscsi);
    digest.update(&file.to_le_bytes());
    digest.update(&partition.to_le_bytes());
    digest.update(&base.to_le_bytes());
    digest.update(entries);
    digest.finalize() as u32
}

/// Bytes of a table with `count` entries.
#[must_use]
pub fn table_bytes(count: u32) -> usize {
    count as usize * ENTRY + CLOSING
}

impl Sparse {
    /// A table that says "begin at the start": for ranges without one, or whose table is damaged.
    #[must_use]
    pub fn of_start(range: &Range) -> Sparse {
        let start =
            Stretch { offset: range.base, position: range.position, max_timestamp: range.max_timestamp };
        Sparse { stretches: vec![start] }
    }

    /// The table of a range that has none, from its own bytes: one stretch a batch. Where a batch does not follow, the
    /// next one that verifies by itself is looked for, so that damage costs only its own batch. A read verifies what it
    /// finds where the table leads.
    #[must_use]
    pub fn of_batches(range: &Range, bytes: &[u8], alignment: u64) -> Sparse {
        let mut sparse = Sparse::of_start(range);
        let (mut at, mut offset) = (0u64, range.base);
        while at < range.length {
            let left = usize::try_from(at).ok().and_then(|at| bytes.get(at..)).unwrap_or_default();
            let header = verify(left).ok().filter(|header| {
                // Its offset is not in its checksum: the next batch, or the end, must agree.
                let next = (header.length as u64).next_multiple_of(alignment) as usize;
                let next = left.get(next..).and_then(|next| Header::parse(next).ok());
                let end = next.map_or(range.end, |next| next.base_offset);
                let agrees = header.base_offset > offset && header.end_offset() == end;
                header.base_offset == offset || agrees
            });
            let Some(header) = header else {
                at += alignment;
                continue;
            };
            if at > 0 {
                sparse.add(header.base_offset, range.position + at, header.max_timestamp, 1);
            }
            offset = header.end_offset();
            at = (at + header.length as u64).next_multiple_of(alignment);
        }
        sparse
    }

    /// All entries.
    #[must_use]
    pub fn stretches(&self) -> &[Stretch] {
        &self.stretches
    }

    /// Entries of the table.
    #[must_use]
    pub fn len(&self) -> usize {
        self.stretches.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.stretches.is_empty()
    }

    /// Adds a batch while a range is being built; a new stretch begins after `interval` bytes.
    pub fn add(&mut self, offset: u64, position: u64, max_timestamp: i64, interval: u64) {
        match self.stretches.last_mut() {
            Some(last) if position - last.position < interval => {
                last.max_timestamp = last.max_timestamp.max(max_timestamp);
            }
            _ => self.stretches.push(Stretch { offset, position, max_timestamp }),
        }
    }

    /// Appends the table of a range of `file` to `out`.
    pub fn encode(&self, file: u64, partition: u64, base: u64, out: &mut Vec<u8>) {
        let start = out.len();
        for stretch in &self.stretches {
            put_u64(out, stretch.offset);
            put_u64(out, stretch.position);
            put_i64(out, stretch.max_timestamp);
        }
        let crc = checksum(file, partition, base, &out[start..]);
        out.extend_from_slice(&crc.to_le_bytes());
    }

    /// Reads the table of `range` back; `None` when it does not verify or does not fit the range.
    #[must_use]
    pub fn decode(bytes: &[u8], partition: u64, range: &Range) -> Option<Sparse> {
        let entries = bytes.len().checked_sub(CLOSING)?;
        let (entries, closing) = bytes.split_at(entries);
        if entries.is_empty() || !entries.len().is_multiple_of(ENTRY) {
            return None;
        }
        let crc = checksum(range.file, partition, range.base, entries);
        if closing != crc.to_le_bytes() {
            return None;
        }
        let mut fields = Fields::new(entries);
        let mut stretches: Vec<Stretch> = Vec::with_capacity(entries.len() / ENTRY);
        while fields.left() > 0 {
            let stretch = Stretch {
                offset: fields.u64().ok()?,
                position: fields.u64().ok()?,
                max_timestamp: fields.i64().ok()?,
            };
            let grows = match stretches.last() {
                None => stretch.offset == range.base && stretch.position == range.position,
                Some(last) => last.offset < stretch.offset && last.position < stretch.position,
            };
            let inside = stretch.offset < range.end && stretch.position < range.position + range.length;
            if !grows || !inside {
                return None;
            }
            stretches.push(stretch);
        }
        Some(Sparse { stretches })
    }

    /// The stretch that holds `offset`, which lies in the range.
    #[must_use]
    pub fn by_offset(&self, offset: u64) -> Stretch {
        let next = self.stretches.partition_point(|stretch| stretch.offset <= offset);
        self.stretches[next.saturating_sub(1)]
    }

    /// The first stretch that ends behind `from` and holds a timestamp of at least `target`.
    #[must_use]
    pub fn by_time(&self, target: i64, from: u64) -> Option<Stretch> {
        let next = self.stretches.partition_point(|stretch| stretch.offset <= from);
        self.stretches[next.saturating_sub(1)..]
            .iter()
            .find(|stretch| stretch.max_timestamp >= target)
            .copied()
    }

    /// Memory of the table in bytes.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.stretches.len() * size_of::<Stretch>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range() -> Range {
        Range {
            file: 3,
            base: 100,
            end: 160,
            position: 4096,
            length: 600,
            max_timestamp: 9,
            crc: 0,
            largest: 10,
            sparse_position: 0,
            sparse_count: 0,
        }
    }

    fn sparse() -> Sparse {
        let mut sparse = Sparse::default();
        for index in 0..60 {
            let timestamp = if index == 31 { 9 } else { 1 };
            sparse.add(100 + index, 4096 + index * 10, timestamp, 100);
        }
        sparse
    }

    #[test]
    fn offsets_and_times_lead_to_the_stretch_that_holds_them() {
        let sparse = sparse();
        assert_eq!(sparse.len(), 6);
        assert_eq!(sparse.by_offset(129).offset, 120);
        assert_eq!(sparse.by_offset(100).position, 4096);
        assert_eq!(sparse.by_time(5, 100).map(|stretch| stretch.offset), Some(130));
        assert_eq!(sparse.by_time(5, 135).map(|stretch| stretch.offset), Some(130));
        assert_eq!(sparse.by_time(5, 140), None);
        assert_eq!(sparse.by_time(10, 100), None);
    }

    #[test]
    fn a_table_comes_back_whole_and_any_flipped_bit_makes_it_invalid() {
        let mut out = Vec::new();
        sparse().encode(3, 8, 100, &mut out);
        assert_eq!(Sparse::decode(&out, 8, &range()), Some(sparse()));
        assert_eq!(Sparse::decode(&out, 9, &range()), None, "a table of another partition");
        for byte in 0..out.len() {
            let mut bad = out.clone();
            bad[byte] ^= 1;
            assert_eq!(Sparse::decode(&bad, 8, &range()), None);
        }
    }
}
