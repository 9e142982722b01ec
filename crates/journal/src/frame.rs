//! The frame header: 64 bytes, little endian, in front of every payload. See docs/format/journal.md.
//!
//! | at | bytes | field                                                                      |
//! |----|-------|----------------------------------------------------------------------------|
//! |  0 | 4     | magic                                                                      |
//! |  4 | 4     | CRC-32C over the rest of the header and the payload                        |
//! |  8 | 1     | format version                                                             |
//! |  9 | 1     | kind                                                                       |
//! | 10 | 2     | flags                                                                      |
//! | 12 | 4     | entry count                                                                |
//! | 16 | 4     | payload length in bytes, a multiple of 8                                   |
//! | 20 | 4     | file number                                                                |
//! | 24 | 8     | LSN, dense: previous + 1                                                   |
//! | 32 | 8     | durable LSN known when the frame was built                                 |
//! | 40 | 4     | lap                                                                        |
//! | 44 | 4     | directory id, low 32 bits                                                  |
//! | 48 | 4     | incarnation, grows with each open                                          |
//! | 52 | 4     | CRC of the previous frame: the chain                                       |
//! | 56 | 8     | group id (frames about a whole group: vote, commit mark, truncate)         |
//!
//! What it is not: it knows nothing of files, nor of what entries mean.
//!
//! The one invariant: a frame says by itself who it is (directory, file, lap, LSN, incarnation) and who came before it
//! (CRC of the previous frame), so a stale lap, a lost or misdirected write and a ghost of a cut tail do not validate.

use crate::bytes::{get_u16, get_u32, get_u64, put};
use crate::checksum::crc32c;

/// "MRJF" when read as bytes; never zero, so that pre-written space is no frame.
pub const MAGIC: u32 = u32::from_le_bytes(*b"MRJF");
/// The version this code writes, and the newest it reads.
pub const VERSION: u8 = 2;
/// The oldest version this code reads: frames without references.
pub const OLDEST: u8 = 1;
/// Frames and entries start at multiples of this many bytes.
pub const ALIGN: usize = 8;
/// The frame starts a new chain: what lay between it and the frame before is fenced or settled elsewhere.
pub const FLAG_RESTART: u16 = 1;

const MAGIC_AT: usize = 0;
const CRC_AT: usize = MAGIC_AT + 4;
const VERSION_AT: usize = CRC_AT + 4;
const KIND_AT: usize = VERSION_AT + 1;
const FLAGS_AT: usize = KIND_AT + 1;
const ENTRIES_AT: usize = FLAGS_AT + 2;
const PAYLOAD_AT: usize = ENTRIES_AT + 4;
const FILE_AT: usize = PAYLOAD_AT + 4;
const LSN_AT: usize = FILE_AT + 4;
const DURABLE_AT: usize = LSN_AT + 8;
const LAP_AT: usize = DURABLE_AT + 8;
const DIRECTORY_AT: usize = LAP_AT + 4;
const INCARNATION_AT: usize = DIRECTORY_AT + 4;
const PREVIOUS_AT: usize = INCARNATION_AT + 4;
const GROUP_AT: usize = PREVIOUS_AT + 4;
/// Bytes of a frame header.
pub const FRAME_HEADER: usize = GROUP_AT + 8;
/// Where the bytes covered by the CRC begin.
const COVERED_FROM: usize = VERSION_AT;

const _: () = assert!(FRAME_HEADER == 64, "the header is one cache line");
const _: () = assert!(FRAME_HEADER.is_multiple_of(ALIGN), "payloads start aligned");
const _: () = assert!(LSN_AT.is_multiple_of(8) && DURABLE_AT.is_multiple_of(8) && GROUP_AT.is_multiple_of(8));
const _: () = assert!(MAGIC != 0);

/// What a frame is for. Data and mark are written today; the others are reserved for replication.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum FrameKind {
    /// Entries of the layers above.
    Data = 1,
    /// No entries: persists the durable LSN while the journal is idle.
    Mark = 2,
    Vote = 3,
    CommitMark = 4,
    Truncate = 5,
    Checkpoint = 6,
}

impl FrameKind {
    fn from_byte(byte: u8) -> Option<FrameKind> {
        use FrameKind::{Checkpoint, CommitMark, Data, Mark, Truncate, Vote};
        [Data, Mark, Vote, CommitMark, Truncate, Checkpoint].into_iter().find(|kind| *kind as u8 == byte)
    }
}

/// A decoded frame header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrameHeader {
    pub kind: FrameKind,
    pub flags: u16,
    pub entries: u32,
    /// Bytes behind the header.
    pub payload_bytes: u32,
    /// Number of the file the frame was written to.
    pub file: u32,
    pub lap: u32,
    pub lsn: u64,
    /// Everything up to here was durable when the frame was built.
    pub durable_lsn: u64,
    /// Low 32 bits of the directory id.
    pub directory: u32,
    pub incarnation: u32,
    /// CRC of the frame before this one; 0 when there is none.
    pub previous_crc: u32,
    pub group: u64,
}

/// What an unverified header says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Of the whole frame.
    pub bytes: u64,
    pub file: u32,
    pub lap: u32,
    pub lsn: u64,
}

/// Why bytes are no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoFrame {
    /// Fewer bytes than a header, or than the header announces.
    Short,
    /// Not the magic number: pre-written space or something else entirely.
    Magic,
    /// A length that is no multiple of 8.
    Length,
    /// The checksum does not match.
    Checksum,
    /// A whole frame of a newer format (its checksum matches).
    Newer { version: u8 },
}

impl FrameHeader {
    /// Bytes of header and payload.
    #[must_use]
    pub fn frame_bytes(&self) -> usize {
        FRAME_HEADER + self.payload_bytes as usize
    }

    /// Writes the header in front of the payload that already lies behind it in `frame`, and returns the CRC that
    /// covers both. `frame` is exactly the frame.
    pub fn seal(&self, frame: &mut [u8]) -> u32 {
        assert_eq!(frame.len(), self.frame_bytes(), "a frame is sealed whole");
        frame[..FRAME_HEADER].fill(0);
        put(frame, MAGIC_AT, MAGIC.to_le_bytes());
        put(frame, VERSION_AT, [VERSION]);
        put(frame, KIND_AT, [self.kind as u8]);
        put(frame, FLAGS_AT, self.flags.to_le_bytes());
        put(frame, ENTRIES_AT, self.entries.to_le_bytes());
        put(frame, PAYLOAD_AT, self.payload_bytes.to_le_bytes());
        put(frame, FILE_AT, self.file.to_le_bytes());
        put(frame, LSN_AT, self.lsn.to_le_bytes());
        put(frame, DURABLE_AT, self.durable_lsn.to_le_bytes());
        put(frame, LAP_AT, self.lap.to_le_bytes());
        put(frame, DIRECTORY_AT, self.directory.to_le_bytes());
        put(frame, INCARNATION_AT, self.incarnation.to_le_bytes());
        put(frame, PREVIOUS_AT, self.previous_crc.to_le_bytes());
        put(frame, GROUP_AT, self.group.to_le_bytes());
        let crc = crc32c(&frame[COVERED_FROM..]);
        put(frame, CRC_AT, crc.to_le_bytes());
        crc
    }

    /// What a header *claims*, before anything is verified. `None` when this is no header.
    #[must_use]
    pub fn claim(bytes: &[u8]) -> Option<Claim> {
        if bytes.len() < FRAME_HEADER || get_u32(bytes, MAGIC_AT) != MAGIC {
            return None;
        }
        let payload = get_u32(bytes, PAYLOAD_AT) as usize;
        payload.is_multiple_of(ALIGN).then(|| Claim {
            bytes: (FRAME_HEADER + payload) as u64,
            file: get_u32(bytes, FILE_AT),
            lap: get_u32(bytes, LAP_AT),
            lsn: get_u64(bytes, LSN_AT),
        })
    }

    /// Decodes and verifies the frame at the start of `bytes`; returns it with its CRC. It is whole and ours by its own
    /// checksum; whether it belongs *here* is the reader's business.
    pub fn open(bytes: &[u8]) -> Result<(FrameHeader, u32), NoFrame> {
        if bytes.len() < FRAME_HEADER {
            return Err(NoFrame::Short);
        }
        if get_u32(bytes, MAGIC_AT) != MAGIC {
            return Err(NoFrame::Magic);
        }
        let claim = Self::claim(bytes).ok_or(NoFrame::Length)?;
        let frame =
            usize::try_from(claim.bytes).ok().and_then(|total| bytes.get(..total)).ok_or(NoFrame::Short)?;
        let crc = get_u32(frame, CRC_AT);
        if crc32c(&frame[COVERED_FROM..]) != crc {
            return Err(NoFrame::Checksum);
        }
        let version = frame[VERSION_AT];
        let newer = NoFrame::Newer { version };
        if !(OLDEST..=VERSION).contains(&version) {
            return Err(newer);
        }
        let kind = FrameKind::from_byte(frame[KIND_AT]).ok_or(newer)?;
        Ok((Self::decode(frame, kind), crc))
    }

    fn decode(frame: &[u8], kind: FrameKind) -> FrameHeader {
        FrameHeader {
            kind,
            flags: get_u16(frame, FLAGS_AT),
            entries: get_u32(frame, ENTRIES_AT),
            payload_bytes: get_u32(frame, PAYLOAD_AT),
            file: get_u32(frame, FILE_AT),
            lap: get_u32(frame, LAP_AT),
            lsn: get_u64(frame, LSN_AT),
            durable_lsn: get_u64(frame, DURABLE_AT),
            directory: get_u32(frame, DIRECTORY_AT),
            incarnation: get_u32(frame, INCARNATION_AT),
            previous_crc: get_u32(frame, PREVIOUS_AT),
            group: get_u64(frame, GROUP_AT),
        }
    }
}
