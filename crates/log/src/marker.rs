//! Markers: the control batches that end a transaction in a partition (kafka.md rule 20).
//!
//! What it is not: the decision to end a transaction, which is the coordinator's.
//!
//! One record, one offset. Big endian, behind the batch header of 61 bytes, position: field.
//!
//! ```text
//!      0 record length varint (16)   1 attributes i8 (0)   2 timestamp delta varint (0)   3 offset delta varint (0)
//!      4 key length varint (4)       5 key: version i16 (0), type i16 (0 abort, 1 commit)
//!      9 value length varint (6)    10 value: version i16 (0), coordinator epoch i32 (0)
//!     16 header count varint (0)
//! ```
//!
//! The invariant: what `checked` makes, `read` tells apart, and every Kafka client understands.

use crate::batch::{CONTROL, Checked, HEADER, Head, Header, TRANSACTIONAL};

/// How a transaction ends. The numbers are the marker's type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Marker {
    Abort = 0,
    Commit = 1,
}

const TYPE: usize = 8;
const SECTION: usize = 17;

/// Record sections of both kinds. The coordinator epoch is 0: there is one node, and nobody to fence.
static ABORT: [u8; SECTION] = section(Marker::Abort);
static COMMIT: [u8; SECTION] = section(Marker::Commit);

const fn section(marker: Marker) -> [u8; SECTION] {
    // Varints are zigzag: a length n is written as 2n.
    [2 * 16, 0, 0, 0, 2 * 4, 0, 0, 0, marker as u8, 2 * 6, 0, 0, 0, 0, 0, 0, 0]
}

const _: () = assert!(SECTION == 1 + 16 && section(Marker::Commit)[TYPE] == 1);

impl Marker {
    /// The bytes behind the header.
    #[must_use]
    pub fn section(self) -> &'static [u8] {
        match self {
            Marker::Abort => &ABORT,
            Marker::Commit => &COMMIT,
        }
    }

    /// The marker as a batch of this producer, stamped with `now_ms`; its head lacks only offset and leader epoch.
    #[must_use]
    pub fn checked(self, producer_id: i64, producer_epoch: i16, now_ms: i64) -> Checked {
        let mut header = Header {
            base_offset: 0,
            length: HEADER + SECTION,
            leader_epoch: 0,
            crc: 0,
            attributes: TRANSACTIONAL | CONTROL,
            base_timestamp: now_ms,
            max_timestamp: now_ms,
            producer_id,
            producer_epoch,
            base_sequence: -1,
            last_offset_delta: 0,
            count: 1,
        };
        let mut head = Head::whole(&header);
        header.crc = head.seal(self.section());
        Checked { header, head, earliest: now_ms, log_append_time: -1 }
    }

    /// What the marker in `bytes`, a whole batch with this header, says. `None` for any that the engine has not made.
    #[must_use]
    pub fn read(header: &Header, bytes: &[u8]) -> Option<Marker> {
        let section = bytes.get(HEADER..header.length)?;
        [Marker::Abort, Marker::Commit].into_iter().find(|marker| marker.section() == section)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::{PATCHED, verify};
    use crate::records::walk;

    #[test]
    fn rule_20_a_marker_is_one_record_with_both_bits_that_says_how_it_ended() {
        for marker in [Marker::Abort, Marker::Commit] {
            let mut checked = marker.checked(7, 3, 1234);
            checked.head.place(55, 9);
            let bytes = [checked.head.bytes(), marker.section()].concat();
            let header = verify(&bytes).expect("the checksum is right");
            assert!(header.control() && header.transactional());
            assert_eq!((header.base_offset, header.leader_epoch, header.count), (55, 9, 1));
            assert_eq!((header.producer_id, header.producer_epoch, header.base_sequence), (7, 3, -1));
            assert_eq!((header.crc, header.length), (checked.header.crc, bytes.len()));
            let mut records = Vec::new();
            walk(&bytes[HEADER..], 1, header.base_timestamp, |record| {
                records.push((record.timestamp, record.has_key));
                Ok(())
            })
            .expect("a walk gets through");
            assert_eq!(records, [(1234, true)]);
            assert_eq!(Marker::read(&header, &bytes), Some(marker));
            assert_eq!(Marker::read(&header, &bytes[..PATCHED]), None);
        }
    }
}
