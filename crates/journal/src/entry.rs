//! Entries: what a frame's payload is made of. A header of 24 bytes, then the bytes, padded to 8.
//!
//! | at | bytes | field                                  |
//! |----|-------|----------------------------------------|
//! |  0 | 1     | kind, of the layer above               |
//! |  1 | 1     | flags, of the layer above              |
//! |  2 | 2     | reserved, zero                         |
//! |  4 | 4     | length of the bytes, without padding   |
//! |  8 | 8     | group                                  |
//! | 16 | 8     | argument                               |
//!
//! What it is not: it gives no meaning to kind, flags, group, argument or bytes.
//!
//! The one invariant: bytes of a caller are copied once, straight into commit memory.

use crate::bytes::{get_u32, get_u64, put};
use crate::frame::ALIGN;
use millrace_io::Piece;

const KIND_AT: usize = 0;
const FLAGS_AT: usize = KIND_AT + 1;
const RESERVED_AT: usize = FLAGS_AT + 1;
const LENGTH_AT: usize = RESERVED_AT + 2;
const GROUP_AT: usize = LENGTH_AT + 4;
const ARGUMENT_AT: usize = GROUP_AT + 8;
/// Bytes of an entry header.
pub const ENTRY_HEADER: usize = ARGUMENT_AT + 8;

const _: () = assert!(ENTRY_HEADER == 24);
const _: () = assert!(ENTRY_HEADER.is_multiple_of(ALIGN), "entries stay aligned");

/// One effect to be written; `parts` are copied one behind the other.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    pub kind: u8,
    pub flags: u8,
    pub group: u64,
    pub argument: u64,
    pub parts: &'a [&'a [u8]],
}

/// One effect read back; `payload` shares the memory it was read into.
#[derive(Clone, Debug)]
pub struct RecoveredEntry {
    pub kind: u8,
    pub flags: u8,
    pub group: u64,
    pub argument: u64,
    pub payload: Piece,
}

impl Entry<'_> {
    /// Bytes of all parts.
    #[must_use]
    pub fn length(&self) -> usize {
        self.parts.iter().map(|part| part.len()).sum()
    }

    /// Bytes in the frame: header, bytes and padding.
    #[must_use]
    pub fn encoded_bytes(&self) -> usize {
        ENTRY_HEADER + self.length().next_multiple_of(ALIGN)
    }

    /// Writes the entry to the start of `into` and returns how much of it was used; every byte of that is written, for
    /// commit memory is used again. The caller has checked that the length fits in 32 bits.
    pub(crate) fn encode(&self, into: &mut [u8]) -> usize {
        into[..ENTRY_HEADER].fill(0);
        put(into, KIND_AT, [self.kind]);
        put(into, FLAGS_AT, [self.flags]);
        put(into, GROUP_AT, self.group.to_le_bytes());
        put(into, ARGUMENT_AT, self.argument.to_le_bytes());
        let mut end = ENTRY_HEADER;
        for part in self.parts {
            into[end..end + part.len()].copy_from_slice(part);
            end += part.len();
        }
        let length = u32::try_from(end - ENTRY_HEADER).expect("frames are limited to less than 4 GiB");
        put(into, LENGTH_AT, length.to_le_bytes());
        let padded = end.next_multiple_of(ALIGN);
        into[end..padded].fill(0);
        padded
    }
}

/// Walks the entries of a payload.
#[derive(Clone, Debug)]
pub struct Entries {
    payload: Piece,
    position: usize,
}

impl Entries {
    #[must_use]
    pub fn new(payload: Piece) -> Entries {
        Entries { payload, position: 0 }
    }

    /// Whether `payload` is exactly `count` well-formed entries. Asked before any entry is handed out.
    #[must_use]
    pub fn well_formed(payload: &[u8], count: u32) -> bool {
        let mut position = 0;
        for _ in 0..count {
            let Some(end) = entry_end(payload, position) else { return false };
            position = end;
        }
        position == payload.len()
    }
}

/// Where the entry at `position` ends, padding included; `None` when it does not fit.
fn entry_end(payload: &[u8], position: usize) -> Option<usize> {
    let header = payload.get(position..position + ENTRY_HEADER)?;
    let length = get_u32(header, LENGTH_AT) as usize;
    let end = position + ENTRY_HEADER + length.next_multiple_of(ALIGN);
    (end <= payload.len()).then_some(end)
}

impl Iterator for Entries {
    type Item = RecoveredEntry;

    fn next(&mut self) -> Option<RecoveredEntry> {
        let end = entry_end(self.payload.bytes(), self.position)?;
        let header = &self.payload.bytes()[self.position..self.position + ENTRY_HEADER];
        let length = get_u32(header, LENGTH_AT) as usize;
        let entry = RecoveredEntry {
            kind: header[KIND_AT],
            flags: header[FLAGS_AT],
            group: get_u64(header, GROUP_AT),
            argument: get_u64(header, ARGUMENT_AT),
            payload: self.payload.slice(self.position + ENTRY_HEADER, length),
        };
        self.position = end;
        Some(entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_takes_nothing_over_from_the_memory_it_is_written_into() {
        let parts: [&[u8]; 2] = [b"odd", b"length"];
        let entry = Entry { kind: 7, flags: 1, group: 2, argument: 3, parts: &parts };
        let (mut clean, mut used) = ([0; 64], [0xff; 64]);
        let end = entry.encode(&mut clean);
        assert_eq!(entry.encode(&mut used), end);
        assert_eq!(end, entry.encoded_bytes());
        assert_eq!(clean[..end], used[..end]);
    }
}
