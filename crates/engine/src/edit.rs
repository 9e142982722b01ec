//! Edits of the manifest: what has changed since the base, or the edit before. Format: docs/format/manifest.md.
//!
//! What it is not: the act of appending one (`append.rs`), or what it means to log, stores and state (`merged.rs`).
//!
//! The invariant: an edit counts only when it names its base, has the next number, and is chained to the header before it;
//! what follows one that does not count is looked at, so that damage inside is never taken for a torn end.
//!
//! Header, little endian, position: field. An edit begins at a block and is filled up to one with zeros.
//!
//! ```text
//!      0 magic "MRedit01"       8 base id u64           16 number u32          20 flags u32 (bit 0: closed cleanly)
//!     24 checkpoint LSN u64    32 end LSN u64           40 durable LSN u64     48 payload length u32
//!     52 CRC of the header before u32   56 payload CRC-32C u32   60 header CRC-32C u32
//! ```

use crate::manifest::{Head, ManifestError};
use crate::planted::{self, PlantedBug};
use millrace_io::BLOCK;
use millrace_log::batch::crc32c;
use millrace_log::fields::{Fields, Short, put_bytes, put_u32, put_u64};

/// Bytes of the header.
const HEADER: usize = 64;
const MAGIC: [u8; 8] = *b"MRedit01";
const CLEAN: u32 = 1;

/// Where an edit stands: of which base it is, the how manyth, behind which header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    pub base: u64,
    pub number: u32,
    pub chain: u32,
}

/// What has changed. A share without bytes is as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Edit {
    pub clean: bool,
    pub checkpoint_lsn: u64,
    pub end_lsn: u64,
    pub durable_lsn: u64,
    pub log: Vec<u8>,
    pub kv: Vec<u8>,
    pub state: Vec<u8>,
}

/// The edits of a base.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Edits {
    pub edits: Vec<Edit>,
    /// Behind the last one that counts, in bytes.
    pub end: u64,
    /// One was begun behind it and did not get to its end.
    pub is_torn: bool,
}

struct Header {
    base: u64,
    number: u32,
    flags: u32,
    lsns: [u64; 3],
    length: usize,
    chain: u32,
    payload_crc: u32,
    crc: u32,
}

impl Edit {
    /// An edit that leaves all shares as they are.
    pub fn of(head: &Head) -> Edit {
        let Head { clean, checkpoint_lsn, end_lsn, durable_lsn, .. } = *head;
        let (log, kv, state) = (Vec::new(), Vec::new(), Vec::new());
        Edit { clean, checkpoint_lsn, end_lsn, durable_lsn, log, kv, state }
    }

    /// What the header of the manifest says from this edit on.
    pub fn head(&self, before: &Head) -> Head {
        let &Edit { clean, checkpoint_lsn, end_lsn, durable_lsn, .. } = self;
        Head { clean, checkpoint_lsn, end_lsn, durable_lsn, ..*before }
    }

    /// The edit as it is written, without the zeros behind it, and its header's checksum. `None`: it is too large.
    pub fn encode(&self, link: Link) -> Option<(Vec<u8>, u32)> {
        let shares = [&self.log, &self.kv, &self.state];
        let length: usize = shares.iter().map(|share| 4 + share.len()).sum();
        let length = u32::try_from(length).ok().filter(|length| *length < u32::MAX / 2)?;
        let mut payload = Vec::with_capacity(length as usize);
        shares.iter().for_each(|share| put_bytes(&mut payload, share));
        let mut out = Vec::with_capacity(HEADER + payload.len());
        out.extend_from_slice(&MAGIC);
        put_u64(&mut out, link.base);
        put_u32(&mut out, link.number);
        put_u32(&mut out, if self.clean { CLEAN } else { 0 });
        put_u64(&mut out, self.checkpoint_lsn);
        put_u64(&mut out, self.end_lsn);
        put_u64(&mut out, self.durable_lsn);
        put_u32(&mut out, length);
        put_u32(&mut out, link.chain);
        put_u32(&mut out, crc32c(&payload));
        let crc = crc32c(&out);
        put_u32(&mut out, crc);
        out.extend_from_slice(&payload);
        Some((out, crc))
    }

    fn decode(header: &Header, payload: &[u8]) -> Result<Edit, Short> {
        let mut fields = Fields::new(payload);
        let (log, kv, state) = (fields.bytes()?.to_vec(), fields.bytes()?.to_vec(), fields.bytes()?.to_vec());
        if fields.left() == 0 { Ok(Edit { log, kv, state, ..header.edit() }) } else { Err(Short) }
    }
}

impl Header {
    /// What it says by itself, without a share.
    fn edit(&self) -> Edit {
        let [checkpoint_lsn, end_lsn, durable_lsn] = self.lsns;
        let (log, kv, state) = (Vec::new(), Vec::new(), Vec::new());
        Edit { clean: self.flags & CLEAN != 0, checkpoint_lsn, end_lsn, durable_lsn, log, kv, state }
    }

    /// A header whose checksum matches.
    fn read(bytes: &[u8]) -> Option<Header> {
        let bytes = bytes.get(..HEADER).filter(|bytes| bytes.starts_with(&MAGIC))?;
        let mut fields = Fields::new(&bytes[MAGIC.len()..]);
        let header = Header {
            base: fields.u64().ok()?,
            number: fields.u32().ok()?,
            flags: fields.u32().ok()?,
            lsns: [fields.u64().ok()?, fields.u64().ok()?, fields.u64().ok()?],
            length: fields.u32().ok()? as usize,
            chain: fields.u32().ok()?,
            payload_crc: fields.u32().ok()?,
            crc: fields.u32().ok()?,
        };
        (crc32c(&bytes[..HEADER - 4]) == header.crc).then_some(header)
    }
}

impl Edits {
    /// The edits that follow a base whose header has the checksum `chain`.
    ///
    /// # Errors
    ///
    /// One that does not count stands before others of the same base: it is damaged, and was relied on.
    pub fn scan(bytes: &[u8], base: u64, chain: u32) -> Result<Edits, ManifestError> {
        let mut link = Link { base, number: 0, chain };
        let mut found = Edits { edits: Vec::new(), end: 0, is_torn: false };
        let mut at = 0;
        while let Some((edit, crc, next)) = bytes.get(at..).and_then(|bytes| follow(bytes, link)) {
            found.edits.push(edit);
            at += next;
            link = Link { number: link.number + 1, chain: crc, ..link };
        }
        found.end = at as u64;
        let ours = |at: &usize| Header::read(&bytes[*at..]).filter(|header| header.base == base);
        let numbers = (at..bytes.len()).step_by(BLOCK).filter_map(|at| ours(&at));
        for header in numbers {
            if header.number > link.number {
                return Err(ManifestError::Edits);
            }
            found.is_torn |= header.number == link.number;
        }
        Ok(found)
    }
}

/// The edit at the front of `bytes`, if it is the one that `link` asks for: with its header's checksum, and its bytes.
fn follow(bytes: &[u8], link: Link) -> Option<(Edit, u32, usize)> {
    let header = Header::read(bytes)?;
    let linked = header.base == link.base && header.number == link.number && header.chain == link.chain;
    let payload = bytes.get(HEADER..HEADER.checked_add(header.length)?)?;
    let whole = crc32c(payload) == header.payload_crc || planted::is(PlantedBug::TornEditAccepted);
    let edit = Edit::decode(&header, payload).ok()?;
    (linked && whole).then(|| (edit, header.crc, (HEADER + header.length).next_multiple_of(BLOCK)))
}

/// An edit in a file, whichever base it is of.
pub(crate) struct Seen {
    pub base: u64,
    pub number: u32,
    pub edit: Edit,
    /// Its payload verifies.
    pub is_whole: bool,
}

/// All edits of a file whose headers verify, with their positions.
pub(crate) fn each(bytes: &[u8]) -> impl Iterator<Item = (u64, Seen)> + '_ {
    (0..bytes.len()).step_by(BLOCK).filter_map(|at| {
        let header = Header::read(&bytes[at..])?;
        let end = (at + HEADER).checked_add(header.length)?;
        let payload = bytes.get(at + HEADER..end).filter(|payload| crc32c(payload) == header.payload_crc);
        let decoded = payload.and_then(|payload| Edit::decode(&header, payload).ok());
        let is_whole = decoded.is_some();
        let edit = decoded.unwrap_or_else(|| header.edit());
        Some((at as u64, Seen { base: header.base, number: header.number, edit, is_whole }))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: u64 = 7 << 32 | 2;
    const CHAIN: u32 = 99;

    fn edit(number: u8) -> Edit {
        let fill = |length: usize| vec![number; length];
        Edit {
            clean: number == 2,
            checkpoint_lsn: u64::from(number) * 10,
            end_lsn: 0,
            durable_lsn: u64::from(number) * 10,
            log: fill(5_000),
            kv: fill(usize::from(number)),
            state: fill(30),
        }
    }

    /// Three edits in a file with zeros behind them, and where each begins.
    fn file() -> (Vec<u8>, [usize; 3]) {
        let (mut bytes, mut starts) = (Vec::new(), [0; 3]);
        let mut link = Link { base: BASE, number: 0, chain: CHAIN };
        for number in 0..3 {
            starts[usize::from(number)] = bytes.len();
            let (edit, crc) = edit(number).encode(link).expect("small");
            bytes.extend_from_slice(&edit);
            bytes.resize(bytes.len().next_multiple_of(BLOCK), 0);
            link = Link { number: link.number + 1, chain: crc, ..link };
        }
        bytes.resize(16 * BLOCK, 0);
        (bytes, starts)
    }

    /// Where the content of an edit ends.
    fn end(number: usize, start: usize) -> usize {
        start + HEADER + 3 * 4 + 5_000 + number + 30
    }

    #[test]
    fn edits_come_back_in_order_and_end_at_the_zeros() {
        let (bytes, _) = file();
        let found = Edits::scan(&bytes, BASE, CHAIN).expect("whole");
        assert_eq!((found.edits, found.is_torn), (vec![edit(0), edit(1), edit(2)], false));
        assert_eq!(found.end, 6 * BLOCK as u64);
    }

    #[test]
    fn a_flipped_bit_inside_is_refused_and_one_in_the_last_edit_makes_that_edit_one_that_never_was() {
        let (bytes, starts) = file();
        for at in (0..starts[2] + 5_100).filter(|at| at % 13 == 0 || at % BLOCK < HEADER) {
            let mut bad = bytes.clone();
            bad[at] ^= 0x10;
            let found = Edits::scan(&bad, BASE, CHAIN);
            let ends = starts.iter().enumerate().map(|(number, start)| end(number, *start));
            let is_padding = ends.into_iter().any(|end| (end..end.next_multiple_of(BLOCK)).contains(&at));
            match found {
                Err(error) => assert!(at < starts[2] && error == ManifestError::Edits, "byte {at}"),
                Ok(found) if is_padding => assert_eq!(found.edits.len(), 3, "byte {at}"),
                Ok(found) => assert_eq!((at >= starts[2], found.edits.len()), (true, 2), "byte {at}"),
            }
        }
    }

    #[test]
    fn a_cut_file_has_the_edits_before_the_cut() {
        let (bytes, starts) = file();
        for cut in (0..6 * BLOCK).step_by(101) {
            let found = Edits::scan(&bytes[..cut], BASE, CHAIN).expect("a torn end");
            let whole = starts.iter().enumerate().filter(|(number, start)| cut >= end(*number, **start));
            assert_eq!(found.edits.len(), whole.count(), "cut at {cut}");
        }
    }

    #[test]
    fn edits_of_another_base_are_none() {
        let (bytes, _) = file();
        for (base, chain) in [(BASE + 1, CHAIN), (BASE + 1, 0)] {
            let found = Edits::scan(&bytes, base, chain).expect("none");
            assert_eq!((found.edits.len(), found.end, found.is_torn), (0, 0, false));
        }
        assert_eq!(
            Edits::scan(&bytes, BASE, CHAIN + 1),
            Err(ManifestError::Edits),
            "not the header they follow"
        );
    }
}
