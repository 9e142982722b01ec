//! Entries: what a frame's payload is made of. A header of 24 bytes, then the bytes, padded to 8.
//!
//! | at | bytes | field                                  |
//! |----|-------|----------------------------------------|
//! |  0 | 1     | kind, of the layer above               |
//! |  1 | 1     | flags, of the layer above              |
//! |  2 | 2     | bit 0: the bytes are a reference       |
//! |  4 | 4     | length of the bytes, without padding   |
//! |  8 | 8     | group                                  |
//! | 16 | 8     | argument                               |
//!
//! The bytes of a large entry may lie in a bulk file instead; then a reference to them takes their place (`reference`).
//!
//! What it is not: it gives no meaning to kind, flags, group, argument or bytes.
//!
//! The one invariant: bytes of a caller are copied once, straight into commit memory.

use crate::bulk::Placed;
use crate::bulk_spaces::Space;
use crate::bytes::{get_u16, get_u32, get_u64, put};
use crate::frame::ALIGN;
use crate::reference::{Bulk, Outside, REFERENCE, Reference};
use millrace_io::Piece;

const KIND_AT: usize = 0;
const FLAGS_AT: usize = KIND_AT + 1;
const FORM_AT: usize = FLAGS_AT + 1;
const LENGTH_AT: usize = FORM_AT + 2;
const GROUP_AT: usize = LENGTH_AT + 4;
const ARGUMENT_AT: usize = GROUP_AT + 8;
/// Bytes of an entry header.
pub const ENTRY_HEADER: usize = ARGUMENT_AT + 8;

/// Form of an entry whose bytes are a reference.
const FORM_REFERENCE: u16 = 1;

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
    /// The bytes may go to a bulk file, if there is one.
    pub bulk: Option<Bulk>,
}

/// One effect read back; `payload` shares the memory it was read into.
#[derive(Clone, Debug)]
pub struct RecoveredEntry {
    pub kind: u8,
    pub flags: u8,
    pub group: u64,
    pub argument: u64,
    /// The bytes; of a reference whose bytes are not at hand, only its head.
    pub payload: Piece,
    /// The bytes lie, or lay, outside the journal.
    pub reference: Option<Reference>,
    /// `payload` is all of the bytes.
    pub whole: bool,
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

    /// Bytes in the frame when the bytes of large entries go elsewhere.
    pub(crate) fn referring_bytes(&self) -> usize {
        let head = self.bulk.map(|bulk| bulk.head_bytes as usize);
        head.map_or(self.encoded_bytes(), |head| ENTRY_HEADER + (REFERENCE + head).next_multiple_of(ALIGN))
    }

    /// Bytes in the frame when everything goes elsewhere that need not fit into it.
    pub(crate) fn least_bytes(&self) -> usize {
        let large = self.bulk.is_some_and(|bulk| bulk.space == Space::Large);
        if large { self.referring_bytes() } else { self.encoded_bytes() }
    }

    /// Writes the entry to the start of `into`, as a reference when its bytes were `placed`, and returns how much of it
    /// was used; every byte of that is written, for commit memory is used again. The caller has checked that the length
    /// fits in 32 bits.
    pub(crate) fn encode(&self, into: &mut [u8], placed: Option<&Placed>) -> usize {
        into[..ENTRY_HEADER].fill(0);
        put(into, KIND_AT, [self.kind]);
        put(into, FLAGS_AT, [self.flags]);
        put(into, GROUP_AT, self.group.to_le_bytes());
        put(into, ARGUMENT_AT, self.argument.to_le_bytes());
        let end = match (placed, self.bulk) {
            (Some(placed), Some(bulk)) => refer(placed, bulk, into),
            _ => self.copy(into),
        };
        let length = u32::try_from(end - ENTRY_HEADER).expect("frames are limited to less than 4 GiB");
        put(into, LENGTH_AT, length.to_le_bytes());
        let padded = end.next_multiple_of(ALIGN);
        into[end..padded].fill(0);
        padded
    }

    fn copy(&self, into: &mut [u8]) -> usize {
        let mut end = ENTRY_HEADER;
        for part in self.parts {
            into[end..end + part.len()].copy_from_slice(part);
            end += part.len();
        }
        end
    }
}

/// Writes a reference behind the entry header; answers where it ends.
fn refer(placed: &Placed, bulk: Bulk, into: &mut [u8]) -> usize {
    put(into, FORM_AT, FORM_REFERENCE.to_le_bytes());
    let length = u32::try_from(placed.piece.len()).expect("entries are limited to less than 4 GiB");
    let (crc_from, crc) = (bulk.crc_from, bulk.crc);
    Reference { place: placed.place, length, crc_from, crc }.encode(&mut into[ENTRY_HEADER..]);
    let (head_at, head) = (ENTRY_HEADER + REFERENCE, bulk.head_bytes as usize);
    into[head_at..head_at + head].copy_from_slice(&placed.piece.bytes()[..head]);
    head_at + head
}

/// Walks the entries of a payload.
#[derive(Clone, Debug)]
pub struct Entries {
    payload: Piece,
    position: usize,
    /// What the references stand for, in their order.
    outside: std::vec::IntoIter<Outside>,
}

impl Entries {
    /// The entries of a payload by itself: of references only the heads are known.
    #[must_use]
    pub fn new(payload: Piece) -> Entries {
        Entries::with(payload, Vec::new())
    }

    pub(crate) fn with(payload: Piece, outside: Vec<Outside>) -> Entries {
        Entries { payload, position: 0, outside: outside.into_iter() }
    }

    /// Whether `payload` is exactly `count` well-formed entries. Asked before any entry is handed out.
    #[must_use]
    pub fn well_formed(payload: &[u8], count: u32) -> bool {
        Entries::references(payload, count).is_some()
    }

    /// How many of exactly `count` well-formed entries are references; `None`: `payload` is something else.
    pub(crate) fn references(payload: &[u8], count: u32) -> Option<u32> {
        let (mut position, mut references) = (0, 0);
        for _ in 0..count {
            let end = entry_end(payload, position)?;
            references += u32::from(refers(&payload[position..]));
            position = end;
        }
        (position == payload.len()).then_some(references)
    }

    fn entry(&mut self, at: usize) -> RecoveredEntry {
        let header = &self.payload.bytes()[at..at + ENTRY_HEADER];
        let mut entry = RecoveredEntry {
            kind: header[KIND_AT],
            flags: header[FLAGS_AT],
            group: get_u64(header, GROUP_AT),
            argument: get_u64(header, ARGUMENT_AT),
            payload: self.payload.slice(at + ENTRY_HEADER, get_u32(header, LENGTH_AT) as usize),
            reference: None,
            whole: true,
        };
        if refers(header) {
            entry.reference = Reference::decode(entry.payload.bytes());
            let head = entry.payload.slice(REFERENCE, entry.payload.len() - REFERENCE);
            (entry.payload, entry.whole) = match self.outside.next() {
                Some(Outside::Whole { blocks, length }) => (blocks.slice(0, length), true),
                Some(Outside::Lost) | None => (head, false),
            };
        }
        entry
    }
}

/// Where the entry at `position` ends, padding included; `None` when it does not fit.
fn entry_end(payload: &[u8], position: usize) -> Option<usize> {
    let header = payload.get(position..position + ENTRY_HEADER)?;
    let length = get_u32(header, LENGTH_AT) as usize;
    let end = position + ENTRY_HEADER + length.next_multiple_of(ALIGN);
    let bytes = payload.get(position + ENTRY_HEADER..end)?;
    (!refers(header) || Reference::decode(&bytes[..length]).is_some()).then_some(end)
}

/// Whether the bytes behind this entry header are a reference.
fn refers(header: &[u8]) -> bool {
    get_u16(header, FORM_AT) & FORM_REFERENCE != 0
}

impl Iterator for Entries {
    type Item = RecoveredEntry;

    fn next(&mut self) -> Option<RecoveredEntry> {
        let at = self.position;
        self.position = entry_end(self.payload.bytes(), at)?;
        Some(self.entry(at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_takes_nothing_over_from_the_memory_it_is_written_into() {
        let parts: [&[u8]; 2] = [b"odd", b"length"];
        let entry = Entry { kind: 7, flags: 1, group: 2, argument: 3, parts: &parts, bulk: None };
        let (mut clean, mut used) = ([0; 64], [0xff; 64]);
        let end = entry.encode(&mut clean, None);
        assert_eq!(entry.encode(&mut used, None), end);
        assert_eq!(end, entry.encoded_bytes());
        assert_eq!(clean[..end], used[..end]);
    }
}
