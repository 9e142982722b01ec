//! References: what a frame holds of an entry whose bytes lie in a bulk file.
//!
//! | at | bytes | field                                                              |
//! |----|-------|--------------------------------------------------------------------|
//! |  0 | 8     | number of the bulk file                                            |
//! |  8 | 8     | position of the first byte in it, a whole number of blocks         |
//! | 16 | 4     | length of the bytes                                                |
//! | 20 | 4     | where the bytes that the CRC covers begin                          |
//! | 24 | 4     | CRC-32C of the bytes from there on                                 |
//! | 28 | 4     | reserved, zero                                                     |
//! | 32 | ...   | the head: the first bytes once more, at least up to where the CRC begins |
//!
//! What it is not: it gives no meaning to the bytes. The layer above says how many of them the head repeats, and knows a
//! CRC of the rest already.
//!
//! The one invariant: every byte is covered, by the head (which the frame's checksum covers), by the CRC, or by both.

use crate::bulk_spaces::Space;
use crate::bytes::{get_u32, get_u64, put};
use crate::checksum::crc32c;
use millrace_io::{BLOCK, Piece};

/// Where bytes lie outside the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Number of the bulk file.
    pub file: u64,
    /// Bytes from its start.
    pub position: u64,
}

/// Says of an entry that its bytes may go to a bulk file, and how a reference to them is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bulk {
    /// How many bytes the reference repeats.
    pub head_bytes: u32,
    /// The bytes that `crc` covers begin here; at most `head_bytes`.
    pub crc_from: u32,
    /// CRC-32C of the bytes from `crc_from` on; the caller has verified it.
    pub crc: u32,
    /// Which files they may go to.
    pub space: Space,
}

/// A reference as a frame holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reference {
    pub place: Place,
    /// Bytes of the entry.
    pub length: u32,
    pub crc_from: u32,
    pub crc: u32,
}

const FILE_AT: usize = 0;
const POSITION_AT: usize = FILE_AT + 8;
const LENGTH_AT: usize = POSITION_AT + 8;
const CRC_FROM_AT: usize = LENGTH_AT + 4;
const CRC_AT: usize = CRC_FROM_AT + 4;
const RESERVED_AT: usize = CRC_AT + 4;
/// Bytes in front of the head.
pub const REFERENCE: usize = RESERVED_AT + 4;

const _: () = assert!(REFERENCE == 32);

impl Reference {
    /// Writes the reference to the start of `into`; the head follows it.
    pub(crate) fn encode(&self, into: &mut [u8]) {
        into[..REFERENCE].fill(0);
        put(into, FILE_AT, self.place.file.to_le_bytes());
        put(into, POSITION_AT, self.place.position.to_le_bytes());
        put(into, LENGTH_AT, self.length.to_le_bytes());
        put(into, CRC_FROM_AT, self.crc_from.to_le_bytes());
        put(into, CRC_AT, self.crc.to_le_bytes());
    }

    /// Reads a reference with its head; `None` when the two leave a byte uncovered or name no place.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Reference> {
        let head = bytes.len().checked_sub(REFERENCE)?;
        let reference = Reference {
            place: Place { file: get_u64(bytes, FILE_AT), position: get_u64(bytes, POSITION_AT) },
            length: get_u32(bytes, LENGTH_AT),
            crc_from: get_u32(bytes, CRC_FROM_AT),
            crc: get_u32(bytes, CRC_AT),
        };
        let covered = reference.crc_from as usize <= head && head <= reference.length as usize;
        let position = reference.place.position;
        let placed = position.is_multiple_of(BLOCK as u64) && position < 1 << 62;
        (covered && placed).then_some(reference)
    }

    /// Whether `bytes` are what was referred to.
    #[must_use]
    pub fn verifies(&self, head: &[u8], bytes: &[u8]) -> bool {
        bytes.len() == self.length as usize
            && bytes.starts_with(head)
            && bytes.get(self.crc_from as usize..).is_some_and(|covered| crc32c(covered) == self.crc)
    }
}

/// The bytes of one reference, as recovery found them.
#[derive(Clone, Debug)]
pub(crate) enum Outside {
    /// As they were written, in whole blocks.
    Whole { blocks: Piece, length: usize },
    /// Not there, or not the ones that were referred to.
    Lost,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reference(bytes: &[u8]) -> Reference {
        let place = Place { file: 3, position: 8192 };
        Reference { place, length: bytes.len() as u32, crc_from: 2, crc: crc32c(&bytes[2..]) }
    }

    fn encoded(reference: &Reference, head: &[u8]) -> Vec<u8> {
        let mut out = vec![0xff; REFERENCE];
        reference.encode(&mut out);
        out.extend_from_slice(head);
        out
    }

    #[test]
    fn a_reference_comes_back_and_every_flipped_bit_of_its_bytes_is_found() {
        let bytes = *b"0123456789";
        let reference = reference(&bytes);
        let head = &bytes[..4];
        assert_eq!(Reference::decode(&encoded(&reference, head)), Some(reference));
        assert!(reference.verifies(head, &bytes));
        for at in 0..bytes.len() * 8 {
            let mut flipped = bytes;
            flipped[at / 8] ^= 1 << (at % 8);
            assert!(!reference.verifies(head, &flipped), "bit {at}");
        }
        assert!(!reference.verifies(head, &bytes[..9]));
    }

    #[test]
    fn a_reference_that_leaves_bytes_uncovered_is_none() {
        let bytes = *b"0123456789";
        let reference = reference(&bytes);
        assert_eq!(
            Reference::decode(&encoded(&reference, &bytes[..1])),
            None,
            "byte 1 is covered by nothing"
        );
        let unaligned = Reference { place: Place { file: 3, position: 100 }, ..reference };
        assert_eq!(Reference::decode(&encoded(&unaligned, &bytes[..4])), None);
        assert_eq!(Reference::decode(&[0; REFERENCE - 1]), None);
    }
}
