//! Kafka record batch, magic 2: the header, the checks a broker owes (kafka.md rules 5 to 9, 11), and the patches.
//!
//! What it is not: the records inside (`records.rs`); it stores batches byte for byte and never re-encodes records.
//!
//! Big endian, position: field. The CRC-32C covers everything from `ATTRIBUTES` on, so base offset and leader epoch
//! are patched without touching it.
//!
//! ```text
//!      0 base offset i64          8 batch length i32 (bytes behind this field)   12 partition leader epoch i32
//!     16 magic i8                17 CRC-32C u32                                  21 attributes i16
//!     23 last offset delta i32   27 base timestamp i64                           35 max timestamp i64
//!     43 producer id i64         51 producer epoch i16                           53 base sequence i32
//!     57 record count i32        61 records
//! ```
//!
//! The invariant to remember: what `check` accepts has offsets `base .. base + count` and a true max timestamp.

use crate::code::Code;
use crate::records::{self, WalkError};

const BASE_OFFSET: usize = 0;
const BATCH_LENGTH: usize = BASE_OFFSET + 8;
const LEADER_EPOCH: usize = BATCH_LENGTH + 4;
const MAGIC: usize = LEADER_EPOCH + 4;
const CRC: usize = MAGIC + 1;
const ATTRIBUTES: usize = CRC + 4;
const LAST_OFFSET_DELTA: usize = ATTRIBUTES + 2;
const BASE_TIMESTAMP: usize = LAST_OFFSET_DELTA + 4;
const MAX_TIMESTAMP: usize = BASE_TIMESTAMP + 8;
const PRODUCER_ID: usize = MAX_TIMESTAMP + 8;
const PRODUCER_EPOCH: usize = PRODUCER_ID + 8;
const BASE_SEQUENCE: usize = PRODUCER_EPOCH + 2;
const RECORD_COUNT: usize = BASE_SEQUENCE + 4;

/// Bytes before the records.
pub const HEADER: usize = RECORD_COUNT + 4;
/// Bytes that are patched without a new CRC: base offset, length and leader epoch.
pub const PATCHED: usize = MAGIC;
/// Where the bytes that a batch's own CRC covers begin.
pub const CHECKED_FROM: usize = ATTRIBUTES;
/// Bytes in front of what the length field counts.
pub const LENGTH_FROM: usize = LEADER_EPOCH;

const _: () = assert!(HEADER == 61 && PATCHED == 16 && LENGTH_FROM == 12);

const CODEC_MASK: i16 = 0b111;
const LOG_APPEND_TIME: i16 = 1 << 3;
pub(crate) const TRANSACTIONAL: i16 = 1 << 4;
pub(crate) const CONTROL: i16 = 1 << 5;
pub(crate) const DELETE_HORIZON: i16 = 1 << 6;
const KNOWN_ATTRIBUTES: i16 = CODEC_MASK | LOG_APPEND_TIME | TRANSACTIONAL | CONTROL;

/// What a record says that has no timestamp.
const NO_TIMESTAMP: i64 = -1;

/// The most bytes a compressed batch may inflate to while it is checked.
pub const INFLATE_LIMIT: usize = 64 << 20;

/// CRC-32C (Castagnoli), as in batches, indexes and manifests.
#[must_use]
pub fn crc32c(bytes: &[u8]) -> u32 {
    crc_fast::crc32_iscsi(bytes)
}

/// The fields of one header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    pub base_offset: u64,
    /// Bytes of the whole batch, header included.
    pub length: usize,
    pub leader_epoch: i32,
    pub crc: u32,
    pub attributes: i16,
    pub base_timestamp: i64,
    pub max_timestamp: i64,
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub base_sequence: i32,
    /// Distance from the base offset to the last offset, which compaction may have emptied. Below 2^31.
    pub last_offset_delta: u32,
    /// Records there are: one for every offset unless compaction took some, 0 when it took all of them.
    pub count: u32,
}

fn field<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&bytes[at..at + N]);
    out
}

impl Header {
    /// Reads a header and checks what can be checked without the rest: magic, a length that holds the header, offsets
    /// that do not overflow, no more records than offsets.
    pub fn parse(bytes: &[u8]) -> Result<Header, Code> {
        if bytes.len() <= MAGIC {
            return Err(Code::Corrupt);
        }
        if bytes[MAGIC] != 2 {
            return Err(Code::UnsupportedMagic);
        }
        if bytes.len() < HEADER {
            return Err(Code::Corrupt);
        }
        let length = i32::from_be_bytes(field(bytes, BATCH_LENGTH));
        let length = usize::try_from(length).map_err(|_| Code::Corrupt)? + LENGTH_FROM;
        let count = i32::from_be_bytes(field(bytes, RECORD_COUNT));
        let delta = i32::from_be_bytes(field(bytes, LAST_OFFSET_DELTA));
        if length < HEADER || count < 0 || (count == 0 && delta < 0) {
            return Err(Code::Corrupt);
        }
        if delta < count - 1 {
            return Err(Code::InvalidRecord);
        }
        let base_offset = i64::from_be_bytes(field(bytes, BASE_OFFSET));
        Ok(Header {
            base_offset: u64::try_from(base_offset).unwrap_or(0),
            length,
            leader_epoch: i32::from_be_bytes(field(bytes, LEADER_EPOCH)),
            crc: u32::from_be_bytes(field(bytes, CRC)),
            attributes: i16::from_be_bytes(field(bytes, ATTRIBUTES)),
            base_timestamp: i64::from_be_bytes(field(bytes, BASE_TIMESTAMP)),
            max_timestamp: i64::from_be_bytes(field(bytes, MAX_TIMESTAMP)),
            producer_id: i64::from_be_bytes(field(bytes, PRODUCER_ID)),
            producer_epoch: i16::from_be_bytes(field(bytes, PRODUCER_EPOCH)),
            base_sequence: i32::from_be_bytes(field(bytes, BASE_SEQUENCE)),
            last_offset_delta: delta as u32,
            count: count as u32,
        })
    }

    /// The offset behind the last one of the batch, whether its record is still there or not.
    #[must_use]
    pub fn end_offset(&self) -> u64 {
        self.base_offset + u64::from(self.last_offset_delta) + 1
    }

    /// Every offset of the batch has its record: nothing was compacted away.
    #[must_use]
    pub fn dense(&self) -> bool {
        self.count == self.last_offset_delta + 1
    }

    /// Until when its tombstones, or its marker, are kept (epoch ms; attribute bit 6): set when compaction first finds
    /// them. The base timestamp says it.
    #[must_use]
    pub fn delete_horizon(&self) -> Option<i64> {
        (self.attributes & DELETE_HORIZON != 0).then_some(self.base_timestamp)
    }

    /// Kafka's codec id, 0 (none) to 7 (5 and above are undefined).
    #[must_use]
    pub fn codec(&self) -> u8 {
        (self.attributes & CODEC_MASK) as u8
    }

    /// The batch belongs to a transaction (attribute bit 4): readers of committed data wait for its end.
    #[must_use]
    pub fn transactional(&self) -> bool {
        self.attributes & TRANSACTIONAL != 0
    }

    /// The batch is a marker (attribute bit 5): its record is for clients, not for applications.
    #[must_use]
    pub fn control(&self) -> bool {
        self.attributes & CONTROL != 0
    }

    /// Every record carries the max timestamp instead of its own (attribute bit 3).
    #[must_use]
    pub fn log_append_time(&self) -> bool {
        self.attributes & LOG_APPEND_TIME != 0
    }
}

/// The header of a batch that lies in `bytes` whole and whose CRC-32C matches; for bytes read back from a disk.
pub fn verify(bytes: &[u8]) -> Result<Header, Code> {
    let header = Header::parse(bytes)?;
    let body = bytes.get(ATTRIBUTES..header.length).ok_or(Code::Corrupt)?;
    if crc32c(body) != header.crc {
        return Err(Code::Corrupt);
    }
    Ok(header)
}

/// What a topic asks of batches from clients.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rules {
    /// `Some(now)`: rule 9, stamp the batch with this time (epoch ms) as its log append time.
    pub stamp_ms: Option<i64>,
    /// Rule 11: refuse records without a key.
    pub require_keys: bool,
    /// Largest codec id allowed; 0 allows all (rule 5: zstd only from Produce v7 on).
    pub max_codec: u8,
    /// Largest batch in bytes; 0 is no limit (rule 10).
    pub max_bytes: usize,
}

/// The first bytes of a batch as they will be stored: 16 patched bytes, or all 61 where the CRC had to change.
#[derive(Clone, Copy, Debug)]
pub struct Head {
    bytes: [u8; HEADER],
    length: usize,
}

impl Head {
    /// A whole header of `fields`, for a batch that the engine makes itself; offset and epoch are put in by `place`.
    pub(crate) fn whole(fields: &Header) -> Head {
        let mut bytes = [0; HEADER];
        bytes[BATCH_LENGTH..LEADER_EPOCH]
            .copy_from_slice(&((fields.length - LENGTH_FROM) as i32).to_be_bytes());
        bytes[MAGIC] = 2;
        bytes[CRC..ATTRIBUTES].copy_from_slice(&fields.crc.to_be_bytes());
        bytes[ATTRIBUTES..LAST_OFFSET_DELTA].copy_from_slice(&fields.attributes.to_be_bytes());
        bytes[LAST_OFFSET_DELTA..BASE_TIMESTAMP].copy_from_slice(&fields.last_offset_delta.to_be_bytes());
        bytes[BASE_TIMESTAMP..MAX_TIMESTAMP].copy_from_slice(&fields.base_timestamp.to_be_bytes());
        bytes[MAX_TIMESTAMP..PRODUCER_ID].copy_from_slice(&fields.max_timestamp.to_be_bytes());
        bytes[PRODUCER_ID..PRODUCER_EPOCH].copy_from_slice(&fields.producer_id.to_be_bytes());
        bytes[PRODUCER_EPOCH..BASE_SEQUENCE].copy_from_slice(&fields.producer_epoch.to_be_bytes());
        bytes[BASE_SEQUENCE..RECORD_COUNT].copy_from_slice(&fields.base_sequence.to_be_bytes());
        bytes[RECORD_COUNT..].copy_from_slice(&fields.count.to_be_bytes());
        Head { bytes, length: HEADER }
    }

    /// The checksum of the batch that this whole head and `section` are, put in its place; answers it.
    pub(crate) fn seal(&mut self, section: &[u8]) -> u32 {
        let mut digest = crc_fast::Digest::new(crc_fast::CrcAlgorithm::Crc32Iscsi);
        digest.update(&self.bytes[ATTRIBUTES..]);
        digest.update(section);
        let crc = digest.finalize() as u32;
        self.bytes[CRC..ATTRIBUTES].copy_from_slice(&crc.to_be_bytes());
        crc
    }

    /// Puts base offset and leader epoch in.
    pub fn place(&mut self, base_offset: u64, leader_epoch: i32) {
        let base_offset = i64::try_from(base_offset).expect("offsets stay below 2^63: checked at append");
        self.bytes[BASE_OFFSET..BATCH_LENGTH].copy_from_slice(&base_offset.to_be_bytes());
        self.bytes[LEADER_EPOCH..MAGIC].copy_from_slice(&leader_epoch.to_be_bytes());
    }

    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

/// A batch from a client that passed all checks.
#[derive(Clone, Copy, Debug)]
pub struct Checked {
    /// With the max timestamp as it will be stored.
    pub header: Header,
    /// Replaces the first `head.bytes().len()` bytes of the batch.
    pub head: Head,
    /// The smallest timestamp of its records, those without one (-1) left out; `i64::MAX` without any.
    pub earliest: i64,
    /// Epoch ms when the batch is stamped with its append time, else -1.
    pub log_append_time: i64,
}

/// Checks a batch from a client as a broker must (rules 5, 6, 8 to 11) and prepares its stored head.
///
/// `scratch` receives inflated records; its contents mean nothing to the caller. Costs one CRC pass, one walk over the
/// records, and a second CRC pass only where the client's max timestamp is wrong or the topic stamps append times.
pub fn check(bytes: &[u8], rules: &Rules, scratch: &mut Vec<u8>) -> Result<Checked, Code> {
    if rules.max_bytes != 0 && bytes.len() > rules.max_bytes {
        return Err(Code::MessageTooLarge);
    }
    let mut header = Header::parse(bytes)?;
    if header.count == 0 {
        return Err(Code::Corrupt);
    }
    if !header.dense() {
        return Err(Code::InvalidRecord);
    }
    if header.length != bytes.len() || crc32c(&bytes[ATTRIBUTES..]) != header.crc {
        return Err(Code::Corrupt);
    }
    check_attributes(&header, rules)?;
    let (earliest, largest) = walk(&header, &bytes[HEADER..], rules.require_keys, scratch)?;

    let mut head = Head { bytes: field(bytes, 0), length: PATCHED };
    let mut log_append_time = -1;
    let mut attributes = header.attributes;
    let mut max_timestamp = largest;
    if let Some(now) = rules.stamp_ms {
        attributes |= LOG_APPEND_TIME;
        max_timestamp = now;
        log_append_time = now;
    }
    if max_timestamp != header.max_timestamp || attributes != header.attributes {
        header.max_timestamp = max_timestamp;
        header.attributes = attributes;
        header.crc = rewrite(&mut head, &header, &bytes[HEADER..]);
    }
    Ok(Checked { header, head, earliest, log_append_time })
}

fn check_attributes(header: &Header, rules: &Rules) -> Result<(), Code> {
    let codec = header.codec();
    if codec > 4 || (rules.max_codec != 0 && codec > rules.max_codec) {
        return Err(Code::UnsupportedCompression);
    }
    if header.attributes & LOG_APPEND_TIME != 0 {
        return Err(Code::InvalidTimestamp);
    }
    // Markers are the engine's own (`marker.rs`): a client that could write one could end another's transaction.
    if header.control() || header.attributes & !KNOWN_ATTRIBUTES != 0 {
        return Err(Code::InvalidRecord);
    }
    if header.transactional() && header.producer_id < 0 {
        return Err(Code::InvalidRecord);
    }
    if header.producer_id >= 0 && (header.base_sequence < 0 || header.producer_epoch < 0) {
        return Err(Code::InvalidRecord);
    }
    Ok(())
}

/// The smallest and the largest timestamp of the records; on the way their framing is checked.
fn walk(
    header: &Header,
    section: &[u8],
    require_keys: bool,
    scratch: &mut Vec<u8>,
) -> Result<(i64, i64), Code> {
    let records = if header.codec() == 0 { section } else { inflate(header, section, scratch)? };
    let (mut earliest, mut largest) = (i64::MAX, i64::MIN);
    records::walk(records, header.count, header.base_timestamp, |record| {
        largest = largest.max(record.timestamp);
        if record.timestamp != NO_TIMESTAMP {
            earliest = earliest.min(record.timestamp);
        }
        if require_keys && !record.has_key { Err(WalkError::Stopped) } else { Ok(()) }
    })
    .map_err(|error| match error {
        WalkError::Framing => Code::Corrupt,
        WalkError::Offsets | WalkError::Stopped => Code::InvalidRecord,
        WalkError::Timestamp => Code::InvalidTimestamp,
    })?;
    Ok((earliest, largest))
}

/// Inflates a compressed record section into `scratch`, at most `INFLATE_LIMIT` bytes.
pub(crate) fn inflate<'a>(
    header: &Header,
    section: &[u8],
    scratch: &'a mut Vec<u8>,
) -> Result<&'a [u8], Code> {
    const KEPT: usize = 4 << 20;
    scratch.clear();
    // One bomb must not pin its memory for ever.
    scratch.shrink_to(KEPT);
    match millrace_codec::inflate(header.codec(), section, INFLATE_LIMIT, scratch) {
        Ok(()) => Ok(scratch),
        Err(millrace_codec::CodecError::LimitExceeded { .. }) => Err(Code::MessageTooLarge),
        Err(millrace_codec::CodecError::Memory) => Err(Code::Busy),
        Err(_) => Err(Code::Corrupt),
    }
}

/// Writes attributes, max timestamp and the CRC that follows from them into `head`; it then spans the whole header.
fn rewrite(head: &mut Head, header: &Header, section: &[u8]) -> u32 {
    head.length = HEADER;
    head.bytes[ATTRIBUTES..LAST_OFFSET_DELTA].copy_from_slice(&header.attributes.to_be_bytes());
    head.bytes[MAX_TIMESTAMP..PRODUCER_ID].copy_from_slice(&header.max_timestamp.to_be_bytes());
    head.seal(section)
}
