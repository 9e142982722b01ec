//! Journal files for `dump`: the header, then every frame that verifies by itself, with its entries.
//!
//! What it is not: a judgement which frames count. That needs the chain, the laps and all files: recovery.

use crate::dump::{DumpError, Output, Source, hex};
use crate::dump_line::Line;
use crate::entry::{APPEND, CREATE_PARTITION, DELETE, DELETE_PARTITION, DELETE_RECORDS, PUT};
use millrace_io::{BLOCK, Piece};
use millrace_journal::{Entries, FRAME_HEADER, FileHeader, FileHeaderRead, FrameHeader, RecoveredEntry};
use millrace_log::batch::Header;
use millrace_log::fields::Fields;

const BLOCK_BYTES: u64 = BLOCK as u64;

/// Describes a journal file.
pub(crate) fn journal(source: &Source, out: &mut Output) -> Result<(), DumpError> {
    let block = source.read(0, BLOCK).map_err(|_| DumpError::Unknown)?;
    let FileHeaderRead::Valid(header) = FileHeader::decode(&block) else { return Err(DumpError::Unknown) };
    out.add(
        Line::of("journal")
            .number("file", u64::from(header.number))
            .text("directoryId", &format!("{:016x}", header.directory_id))
            .number("capacity", header.capacity),
    );
    let mut position = BLOCK_BYTES;
    while position + FRAME_HEADER as u64 <= source.length {
        let Some(length) = frame_length(source, position) else {
            // Behind the frames of a commit lie zeroes up to the next block, where the next commit begins.
            position = (position / BLOCK_BYTES + 1) * BLOCK_BYTES;
            continue;
        };
        let bytes = source.read(position, length)?;
        match FrameHeader::open(&bytes) {
            Ok((header, _)) => {
                if !frame(position, &header, &bytes, out) {
                    return Ok(());
                }
                position += length as u64;
            }
            Err(reason) => {
                let line =
                    Line::of("no-frame").number("position", position).text("reason", &format!("{reason:?}"));
                if !out.add(line) {
                    return Ok(());
                }
                position = (position / BLOCK_BYTES + 1) * BLOCK_BYTES;
            }
        }
    }
    Ok(())
}

/// Bytes of what claims to be a frame at `position` and lies inside the file.
fn frame_length(source: &Source, position: u64) -> Option<usize> {
    let head = source.read(position, FRAME_HEADER).ok()?;
    let claim = FrameHeader::claim(&head)?;
    let inside = position.checked_add(claim.bytes).is_some_and(|end| end <= source.length);
    if inside { usize::try_from(claim.bytes).ok() } else { None }
}

fn frame(position: u64, header: &FrameHeader, bytes: &[u8], out: &mut Output) -> bool {
    let line = Line::of("frame")
        .number("position", position)
        .number("lsn", header.lsn)
        .text("type", &format!("{:?}", header.kind).to_lowercase())
        .number("file", u64::from(header.file))
        .number("lap", u64::from(header.lap))
        .number("incarnation", u64::from(header.incarnation))
        .number("durableLsn", header.durable_lsn)
        .number("entries", u64::from(header.entries))
        .number("bytes", bytes.len() as u64);
    if !out.add(line) {
        return false;
    }
    let payload = &bytes[FRAME_HEADER..];
    if !Entries::well_formed(payload, header.entries) {
        return out.add(
            Line::of("entries").number("lsn", header.lsn).text("damage", "entries do not fit their frame"),
        );
    }
    Entries::new(Piece::copy_of(payload))
        .take(header.entries as usize)
        .all(|one| entry(header.lsn, &one, out))
}

fn entry(lsn: u64, entry: &RecoveredEntry, out: &mut Output) -> bool {
    let bytes = entry.payload.bytes();
    let mut line = match entry.kind {
        APPEND => {
            let mut line = Line::of("append").number("lsn", lsn).number("partition", entry.group);
            if let Some(reference) = entry.reference {
                // The head of a reference is the header of its batch.
                line = line
                    .text("bulkFile", &format!("{:016x}", reference.place.file))
                    .number("position", reference.place.position)
                    .text("crc", &format!("{:08x}", reference.crc));
            }
            match Header::parse(bytes) {
                Ok(header) => line
                    .number("baseOffset", header.base_offset)
                    .number("records", u64::from(header.count))
                    .number("codec", u64::from(header.codec()))
                    .number("bytes", header.length as u64),
                Err(code) => line.text("damage", &format!("batch: {code:?}")),
            }
        }
        PUT => {
            let key = Fields::new(bytes).bytes().unwrap_or_default();
            Line::of("put")
                .number("lsn", lsn)
                .text("key", &String::from_utf8_lossy(key))
                .number("bytes", (bytes.len() - key.len()) as u64)
        }
        DELETE => Line::of("delete").number("lsn", lsn).text("key", &String::from_utf8_lossy(bytes)),
        CREATE_PARTITION => Line::of("create-partition").number("lsn", lsn).number("partition", entry.group),
        DELETE_PARTITION => Line::of("delete-partition").number("lsn", lsn).number("partition", entry.group),
        DELETE_RECORDS => Line::of("delete-records")
            .number("lsn", lsn)
            .number("partition", entry.group)
            .number("offset", entry.argument),
        kind => Line::of("entry")
            .number("lsn", lsn)
            .number("type", u64::from(kind))
            .number("bytes", bytes.len() as u64),
    };
    if out.data && !bytes.is_empty() {
        line = line.text("data", &hex(bytes));
    }
    out.add(line)
}
