//! Data files of stores, their hints, and large files for `dump`. Whatever does not verify is damage: the first two are
//! sealed.
//!
//! What it is not: a scan that goes on behind damage (`verify`): the first record that does not verify ends the file.

use crate::dump::{DumpError, Output, Source, hex};
use crate::dump_line::Line;
use millrace_io::BLOCK;
use millrace_journal::{BULK_FROM, BulkHeader, LARGE_FILE};
use millrace_kv::data_file::{DATA_HEADER, Identity};
use millrace_kv::hint::{Entries, HINT_HEADER};
use millrace_kv::large::{LargeValue, Reference};
use millrace_kv::record::{Decoded, Defect, Kind, decode};
use millrace_log::batch::crc32c;
use millrace_log::fields::Fields;

/// Bytes read for the head of a value in a large file.
const HEAD_WINDOW: u64 = 68 << 10;
/// Bytes read for a record whose size is not known yet.
const WINDOW: u64 = 64 << 10;
const HINT_MAGIC: [u8; 8] = *b"MRkvhint";

/// Describes a data file: its header, and its records in key order up to the mark that closes it.
pub(crate) fn data_file(source: &Source, out: &mut Output) -> Result<(), DumpError> {
    let block = source.read(0, DATA_HEADER).map_err(|_| DumpError::Unknown)?;
    let identity = Identity::decode(&block).ok_or(DumpError::Unknown)?;
    let line = Line::of("data").number("file", identity.number).number("bytes", source.length);
    let line = line.number("store", u64::from(identity.store)).number("epoch", u64::from(identity.epoch));
    if !out.add(line.text("role", &format!("{:?}", identity.role).to_lowercase())) {
        return Ok(());
    }
    let mut position = DATA_HEADER as u64;
    let mut previous = identity.seal();
    while position < source.length {
        let left = source.length - position;
        let mut bytes = source.read(position, left.min(WINDOW) as usize)?;
        if let Err(Defect::Short(need)) = decode(&bytes, identity.seal(), position, left) {
            bytes = source.read(position, left.min(need as u64) as usize)?;
        }
        let found = decode(&bytes, identity.seal(), position, left);
        let Ok(decoded) = found else {
            let line = Line::of("record").number("position", position);
            out.add(line.text("damage", &format!("{:?}", found.err())));
            return Ok(());
        };
        if !record(position, &decoded, previous, out) || decoded.record.kind == Kind::Mark {
            return Ok(());
        }
        (position, previous) = (position + decoded.length as u64, decoded.crc);
    }
    out.add(Line::of("record").number("position", position).text("damage", "there is no closing mark"));
    Ok(())
}

fn record(position: u64, decoded: &Decoded<'_>, previous: u32, out: &mut Output) -> bool {
    let record = &decoded.record;
    let mut line = Line::of(match record.kind {
        Kind::Put => "record",
        Kind::Tombstone => "tombstone",
        Kind::Mark => "mark",
        Kind::Reference => "large-record",
    })
    .number("position", position)
    .number("sequence", record.sequence);
    if record.kind != Kind::Mark {
        line =
            line.text("key", &String::from_utf8_lossy(record.key)).number("bytes", record.value.len() as u64);
    }
    if let Some(Reference { file, position, length }) = record.reference() {
        let line_of = line.text("largeFile", &format!("{file:016x}"));
        line = line_of.number("largePosition", position).number("largeBytes", u64::from(length));
    }
    if record.expires_ms > 0 {
        line = line.number("expiresMs", record.expires_ms);
    }
    if decoded.previous != previous {
        line = line.text("damage", "it does not follow the record before it");
    }
    if out.data && !record.value.is_empty() {
        line = line.text("data", &hex(record.value));
    }
    out.add(line)
}

/// Describes a hint: its header, and where it says that records lie.
pub(crate) fn hint_file(source: &Source, out: &mut Output) -> Result<(), DumpError> {
    let bytes = source.whole()?;
    let (covered, crc) = bytes.split_last_chunk::<4>().ok_or(DumpError::Unknown)?;
    if covered.len() < HINT_HEADER || covered[..8] != HINT_MAGIC {
        return Err(DumpError::Unknown);
    }
    let mut fields = Fields::new(&covered[32..HINT_HEADER]);
    let (Ok(file), Ok(store), Ok(epoch), Ok(length), Ok(count)) =
        (fields.u64(), fields.u32(), fields.u32(), fields.u64(), fields.u64())
    else {
        return Err(DumpError::Unknown);
    };
    let line = Line::of("hint").number("file", file).number("store", u64::from(store));
    let line = line.number("epoch", u64::from(epoch)).number("dataBytes", length).number("entries", count);
    if crc32c(covered) != u32::from_le_bytes(*crc) {
        out.add(line.text("damage", "the checksum does not match"));
        return Ok(());
    }
    if !out.add(line) {
        return Ok(());
    }
    for entry in Entries::new(&covered[HINT_HEADER..], DATA_HEADER as u64) {
        let line = Line::of("hint-entry")
            .text("key", &String::from_utf8_lossy(entry.key))
            .number("sequence", entry.sequence)
            .number("position", entry.position)
            .number("bytes", u64::from(entry.length))
            .flag("tombstone", entry.tombstone);
        if !out.add(line) {
            break;
        }
    }
    Ok(())
}

/// Describes a large file: its header, and its values as far as their heads verify. Only a whole directory knows its own
/// id, so it is taken from the manifest beside the file.
pub(crate) fn large_file(
    source: &Source,
    directory_id: &[u8; 16],
    out: &mut Output,
) -> Result<(), DumpError> {
    let block = source.read(0, source.length.min(BULK_FROM) as usize)?;
    let header = BulkHeader::decode(&block).ok_or(DumpError::Unknown)?;
    let line = Line::of("large").number("file", header.number & !LARGE_FILE).number("bytes", source.length);
    if !out.add(line) {
        return Ok(());
    }
    let mut position = BULK_FROM;
    while position < source.length {
        let left = source.length - position;
        let head = source.read(position, left.min(HEAD_WINDOW) as usize)?;
        let Some(large) = LargeValue::head(&head, directory_id).filter(|large| large.length() as u64 <= left)
        else {
            position += BLOCK as u64;
            continue;
        };
        let bytes = source.read(position, large.length())?;
        let mut line = Line::of("value")
            .number("position", position)
            .number("store", u64::from(large.store))
            .number("sequence", large.sequence)
            .text("key", &String::from_utf8_lossy(large.key))
            .number("bytes", large.value_bytes as u64);
        if large.expires_ms > 0 {
            line = line.number("expiresMs", large.expires_ms);
        }
        if LargeValue::verified(&bytes, directory_id).is_none() {
            line = line.text("damage", "the value does not verify");
        } else if out.data {
            line = line.text("data", &hex(&bytes[large.value_at..]));
        }
        if !out.add(line) {
            return Ok(());
        }
        position += bytes.len().next_multiple_of(BLOCK) as u64;
    }
    Ok(())
}
