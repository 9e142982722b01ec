//! Makes checksums right again, so that mutated bytes get past them to what lies behind.
//!
//! What it is not: a writer of these formats. It finds fields where docs/format says they lie.

use millrace_journal::crc32c;

const BLOCK: usize = 4096;

fn number(bytes: &[u8], at: usize) -> usize {
    bytes
        .get(at..at + 4)
        .map_or(0, |field| u32::from_le_bytes([field[0], field[1], field[2], field[3]]) as usize)
}

fn long(bytes: &[u8], at: usize) -> u64 {
    let mut field = [0; 8];
    if let Some(found) = bytes.get(at..at + 8) {
        field.copy_from_slice(found);
    }
    u64::from_le_bytes(field)
}

fn set(bytes: &mut [u8], at: usize, crc: u32) {
    if let Some(field) = bytes.get_mut(at..at + 4) {
        field.copy_from_slice(&crc.to_le_bytes());
    }
}

/// The frame at the start of `bytes`; answers its length when it is there as a whole.
pub fn frame(bytes: &mut [u8]) -> Option<usize> {
    const HEADER: usize = millrace_journal::FRAME_HEADER;
    let total = HEADER.checked_add(number(bytes, 16))?;
    let frame = bytes.get_mut(..total).filter(|frame| frame.starts_with(b"MRJF"))?;
    let crc = crc32c(&frame[8..]);
    set(frame, 4, crc);
    Some(total)
}

/// A journal file: its header block, and every frame that follows another one or begins a block.
pub fn journal(bytes: &mut [u8]) {
    if bytes.len() >= BLOCK && bytes.starts_with(b"MRJH") {
        let crc = crc32c(&bytes[8..32]);
        set(bytes, 4, crc);
    }
    let mut at = BLOCK;
    while at < bytes.len() {
        at = match frame(&mut bytes[at..]) {
            Some(length) => at + length.next_multiple_of(8),
            None => (at + 1).next_multiple_of(BLOCK),
        };
    }
}

/// A record with its CRC in the last four bytes.
fn closed(bytes: &mut [u8]) {
    if let Some(at) = bytes.len().checked_sub(4) {
        let crc = crc32c(&bytes[..at]);
        set(bytes, at, crc);
    }
}

/// A manifest: the body's checksum in the header, then the header's own.
pub fn manifest(bytes: &mut [u8]) {
    const HEADER: usize = 128;
    const BODY_BYTES_AT: usize = 80;
    if bytes.len() < HEADER {
        return;
    }
    let (head, body) = bytes.split_at_mut(HEADER);
    let length = usize::try_from(long(head, BODY_BYTES_AT)).unwrap_or(usize::MAX).min(body.len());
    set(head, BODY_BYTES_AT + 16, crc32c(&body[..length]));
    closed(head);
}

/// An index file: its header; and the table behind it, whose CRC covers whose table it is, for a range from offset 0.
pub fn index(bytes: &mut [u8]) {
    let at = bytes.len().min(millrace_log::segment::INDEX_HEADER);
    let (head, table) = bytes.split_at_mut(at);
    closed(head);
    let identity = head.get(28..44).map_or([0; 16].to_vec(), <[u8]>::to_vec);
    let entries = u32::try_from(number(head, 44)).unwrap_or(u32::MAX);
    let end = millrace_log::index::table_bytes(entries) - millrace_log::index::CLOSING;
    if end > table.len() {
        return;
    }
    let base = 0u64.to_le_bytes();
    let crc = crc32c(&[&identity[..], &base, &table[..end]].concat());
    set(table, end, crc);
}

/// A shared segment: header block, table, trailer.
pub fn shared(bytes: &mut [u8]) {
    use millrace_log::segment::{SHARED_HEADER, TRAILER};
    if bytes.len() < SHARED_HEADER + TRAILER {
        return;
    }
    closed(&mut bytes[..SHARED_HEADER]);
    let at = bytes.len() - TRAILER;
    let (position, length) = (long(bytes, at + 36), long(bytes, at + 44));
    let table = usize::try_from(position).ok().zip(usize::try_from(length).ok());
    let crc = table.and_then(|(start, length)| bytes.get(start..start.checked_add(length)?)).map(crc32c);
    if let Some(crc) = crc {
        set(bytes, at + 52, crc);
    }
    closed(&mut bytes[at..]);
}

/// A record batch: length field and CRC, both big endian.
pub fn batch(bytes: &mut [u8]) {
    if bytes.len() < 61 {
        return;
    }
    let length = (bytes.len() - 12) as u32;
    bytes[8..12].copy_from_slice(&length.to_be_bytes());
    let crc = crc32c(&bytes[21..]);
    bytes[17..21].copy_from_slice(&crc.to_be_bytes());
}
