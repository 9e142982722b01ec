//! The records inside a batch: a bounded walk that reads framing, timestamps and whether a key is there.
//!
//! What it is not: a decoder. Keys, values and headers are passed by, never copied; null and empty keys stay different.
//!
//! Record: length varint, then attributes i8, timestamp delta varlong, offset delta varint, key length varint (-1 is
//! null) and key, value likewise, header count varint, per header key length, key, value length (-1 is null), value.
//! Varints are zigzag. The invariant: deltas are 0, 1, 2 ..., with gaps only where compaction took records, and the
//! records fill the section exactly.

use crate::batch::{HEADER, Header, inflate};
use crate::code::Code;

/// What a walk sees of one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// Distance from the batch's base offset.
    pub offset_delta: u32,
    /// Epoch ms.
    pub timestamp: i64,
    /// An empty key is a key; a null key is none.
    pub has_key: bool,
}

/// Why a walk ended early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WalkError {
    /// Lengths or varints are wrong, or records and section do not end together.
    Framing,
    /// Offset deltas are not 0, 1, 2 ...
    Offsets,
    /// Base timestamp plus delta overflows.
    Timestamp,
    /// The visitor stopped the walk.
    Stopped,
}

/// One record as it lies in a batch, borrowed from the section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stored<'a> {
    pub offset_delta: u32,
    /// Epoch ms.
    pub timestamp: i64,
    pub attributes: u8,
    /// `None` for null; an empty key is a key.
    pub key: Option<&'a [u8]>,
    /// Without a value it is a tombstone.
    pub has_value: bool,
    /// The whole record with its length in front.
    pub framed: &'a [u8],
    /// What follows the offset delta: key, value, headers.
    pub rest: &'a [u8],
}

struct Cursor<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> Cursor<'a> {
    fn byte(&mut self) -> Result<u8, WalkError> {
        let byte = *self.bytes.get(self.position).ok_or(WalkError::Framing)?;
        self.position += 1;
        Ok(byte)
    }

    /// A zigzag varint of at most ten bytes.
    fn varlong(&mut self) -> Result<i64, WalkError> {
        let mut raw = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            if shift == 63 && byte > 1 {
                return Err(WalkError::Framing);
            }
            raw |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok((raw >> 1) as i64 ^ -((raw & 1) as i64));
            }
        }
        Err(WalkError::Framing)
    }

    fn varint(&mut self) -> Result<i32, WalkError> {
        i32::try_from(self.varlong()?).map_err(|_| WalkError::Framing)
    }

    /// A length and so many bytes; `None` for null (-1).
    fn nullable(&mut self) -> Result<Option<&'a [u8]>, WalkError> {
        match self.varint()? {
            -1 => Ok(None),
            length => {
                let length = usize::try_from(length).map_err(|_| WalkError::Framing)?;
                if length > self.bytes.len() - self.position {
                    return Err(WalkError::Framing);
                }
                let start = self.position;
                self.position += length;
                Ok(Some(&self.bytes[start..self.position]))
            }
        }
    }
}

/// Visits `count` records that must fill `section` exactly and have the offset deltas 0, 1, 2 ... The visitor stops the
/// walk by returning an error.
pub fn walk(
    section: &[u8],
    count: u32,
    base_timestamp: i64,
    mut visit: impl FnMut(Record) -> Result<(), WalkError>,
) -> Result<(), WalkError> {
    let mut cursor = Cursor { bytes: section, position: 0 };
    for index in 0..count {
        let stored = next(&mut cursor, base_timestamp, |delta| delta == index)?;
        visit(Record { offset_delta: index, timestamp: stored.timestamp, has_key: stored.key.is_some() })?;
    }
    if cursor.position == section.len() { Ok(()) } else { Err(WalkError::Framing) }
}

/// Visits the records of a stored batch, of which compaction may have taken some: offset deltas grow up to the header's
/// last one. `section` is inflated. The visitor stops the walk by returning an error.
pub fn walk_stored<'a>(
    section: &'a [u8],
    header: &Header,
    mut visit: impl FnMut(Stored<'a>) -> Result<(), WalkError>,
) -> Result<(), WalkError> {
    let mut cursor = Cursor { bytes: section, position: 0 };
    let mut lowest = 0;
    for _ in 0..header.count {
        let fits = |delta: u32| delta >= lowest && delta <= header.last_offset_delta;
        let stored = next(&mut cursor, header.base_timestamp, fits)?;
        lowest = stored.offset_delta + 1;
        visit(stored)?;
    }
    if cursor.position == section.len() { Ok(()) } else { Err(WalkError::Framing) }
}

/// Reads the record at the cursor, whose offset delta must fit.
fn next<'a>(
    cursor: &mut Cursor<'a>,
    base_timestamp: i64,
    fits: impl Fn(u32) -> bool,
) -> Result<Stored<'a>, WalkError> {
    let from = cursor.position;
    let length = usize::try_from(cursor.varint()?).map_err(|_| WalkError::Framing)?;
    if length > cursor.bytes.len() - cursor.position {
        return Err(WalkError::Framing);
    }
    let end = cursor.position + length;
    let mut inner = Cursor { bytes: &cursor.bytes[..end], position: cursor.position };
    let stored = one(&mut inner, &cursor.bytes[from..end], base_timestamp, fits)?;
    cursor.position = end;
    Ok(stored)
}

/// Reads one record whose bytes must end where the cursor's do.
fn one<'a>(
    cursor: &mut Cursor<'a>,
    framed: &'a [u8],
    base_timestamp: i64,
    fits: impl Fn(u32) -> bool,
) -> Result<Stored<'a>, WalkError> {
    let attributes = cursor.byte()?;
    let timestamp = base_timestamp.checked_add(cursor.varlong()?).ok_or(WalkError::Timestamp)?;
    let delta = u32::try_from(cursor.varint()?).ok().filter(|delta| fits(*delta));
    let offset_delta = delta.ok_or(WalkError::Offsets)?;
    let rest = &cursor.bytes[cursor.position..];
    let key = cursor.nullable()?;
    let has_value = cursor.nullable()?.is_some();
    let headers = cursor.varint()?;
    // A header takes two bytes at least, so the count is bounded by what is left before the loop starts.
    if headers < 0 || headers as usize > (cursor.bytes.len() - cursor.position) / 2 {
        return Err(WalkError::Framing);
    }
    for _ in 0..headers {
        cursor.nullable()?.ok_or(WalkError::Framing)?;
        cursor.nullable()?;
    }
    if cursor.position == cursor.bytes.len() {
        Ok(Stored { offset_delta, timestamp, attributes, key, has_value, framed, rest })
    } else {
        Err(WalkError::Framing)
    }
}

/// The first record of a verified batch with a timestamp of at least `target` and an offset in `from..below`:
/// (offset, timestamp). Batches stamped with their append time answer with the first such offset.
pub fn first_at_or_after(
    batch: &[u8],
    header: &Header,
    target: i64,
    from: u64,
    below: u64,
    scratch: &mut Vec<u8>,
) -> Result<Option<(u64, i64)>, Code> {
    if header.max_timestamp < target {
        return Ok(None);
    }
    if header.log_append_time() && header.dense() {
        let offset = header.base_offset.max(from);
        let found = offset < below.min(header.end_offset());
        return Ok(found.then_some((offset, header.max_timestamp)));
    }
    let section = &batch[HEADER..header.length];
    let section = if header.codec() == 0 { section } else { inflate(header, section, scratch)? };
    let mut found = None;
    let walked = walk_stored(section, header, |record| {
        let offset = header.base_offset + u64::from(record.offset_delta);
        let timestamp = if header.log_append_time() { header.max_timestamp } else { record.timestamp };
        if timestamp >= target && offset >= from && offset < below {
            found = Some((offset, timestamp));
            return Err(WalkError::Stopped);
        }
        Ok(())
    });
    match walked {
        Ok(()) | Err(WalkError::Stopped) => Ok(found),
        Err(_) => Err(Code::Corrupt),
    }
}
