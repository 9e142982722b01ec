//! The manifest: who this data directory is, and what was settled as of which LSN. Format: docs/format/manifest.md.
//!
//! What it is not: the act of replacing it (`publish.rs`), or the edits that say what has changed since (`edit.rs`).
//!
//! The invariant: as a base it is replaced as a whole; whatever it names was durable before it was published.
//!
//! Header, little endian, position: field.
//!
//! ```text
//!      0 magic "MRmanif1"       8 format version u32    12 flags u32 (bit 0: closed cleanly)
//!     16 directory id [16]     32 cluster id [16]       48 node id u32       52 incarnation u32
//!     56 checkpoint LSN u64    64 end LSN u64           72 durable LSN u64   80 body length u64
//!     88 length of the log's share u64                  96 body CRC-32C u32     100 number of the base in its run u32, 0: no edits
//!    104 length of the stores' share u64, before version 4 zero
//!    112 start of the machine it was written in u64, 0: not known
//!    120 reserved, zero       124 header CRC-32C u32
//! ```

/// Path of its edits below the data directory.
pub use crate::edits_file::PATH as EDITS_PATH;
use millrace_log::batch::crc32c;
use millrace_log::fields::{Fields, Short, put_u32, put_u64};

/// Path below the data directory.
pub const PATH: &str = "manifest";
/// Where the next manifest is written before it takes the name.
pub const NEW_PATH: &str = "manifest.new";
/// Newest format version we know and the one we write.
pub const VERSION: u32 = 7;
/// Bytes of the header.
pub const HEADER: usize = 128;
/// The most a manifest may have.
pub const BYTES_MAX: usize = 4 << 30;

const MAGIC: [u8; 8] = *b"MRmanif1";
const CLEAN: u32 = 1;

/// Everything but the bodies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    pub clean: bool,
    pub directory_id: [u8; 16],
    pub cluster_id: [u8; 16],
    pub node_id: u32,
    /// 0: the directory is being created and holds nothing yet.
    pub incarnation: u32,
    /// Everything up to this LSN is in the body and in segments.
    pub checkpoint_lsn: u64,
    /// The last LSN of a clean run.
    pub end_lsn: u64,
    /// An LSN known to be durable.
    pub durable_lsn: u64,
    /// Which start of the machine the run is in that wrote it (`Io::boot`); 0: not known.
    pub boot: u64,
    /// Which base of its run it is, from 1 on; together with the incarnation no two bases are the same. 0: it has no edits,
    /// as in every version before 7, in a directory that is being created, in a copy, and behind a repair.
    pub base: u32,
}

impl Head {
    /// The base that edits name as theirs.
    #[must_use]
    pub fn base_id(&self) -> u64 {
        u64::from(self.incarnation) << 32 | u64::from(self.base)
    }
}

/// A whole manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    pub head: Head,
    /// The log's share, the stores' share, the state map.
    pub body: Vec<u8>,
    /// Bytes of the log's share.
    pub log_bytes: usize,
    /// Bytes of the stores' share.
    pub kv_bytes: usize,
    /// The checksum of the header as it was read, which the first edit is chained to; `None`: it has no edits, or was not
    /// read.
    pub edits_from: Option<u32>,
}

/// Why a manifest cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    #[error("it is not a manifest, or its checksum does not match")]
    Invalid,
    #[error("its edits are missing, damaged, or do not fit it")]
    Edits,
    #[error("it has format version {0}, newer than this program reads ({VERSION})")]
    Newer(u32),
}

impl From<Short> for ManifestError {
    fn from(_: Short) -> ManifestError {
        ManifestError::Invalid
    }
}

impl Manifest {
    /// Joins the shares of log, stores and state map.
    #[must_use]
    pub fn new(head: Head, log: &[u8], kv: &[u8], state: &[u8]) -> Manifest {
        Manifest {
            head,
            body: [log, kv, state].concat(),
            log_bytes: log.len(),
            kv_bytes: kv.len(),
            edits_from: None,
        }
    }

    /// The log's share of the body.
    #[must_use]
    pub fn log(&self) -> &[u8] {
        &self.body[..self.log_bytes]
    }

    /// The stores' share of the body.
    #[must_use]
    pub fn kv(&self) -> &[u8] {
        &self.body[self.log_bytes..self.log_bytes + self.kv_bytes]
    }

    /// The state map's share of the body.
    #[must_use]
    pub fn state(&self) -> &[u8] {
        &self.body[self.log_bytes + self.kv_bytes..]
    }

    /// The header as it is written.
    #[must_use]
    pub fn encode_head(&self) -> Vec<u8> {
        let head = &self.head;
        let mut out = Vec::with_capacity(HEADER);
        out.extend_from_slice(&MAGIC);
        put_u32(&mut out, VERSION);
        put_u32(&mut out, if head.clean { CLEAN } else { 0 });
        out.extend_from_slice(&head.directory_id);
        out.extend_from_slice(&head.cluster_id);
        put_u32(&mut out, head.node_id);
        put_u32(&mut out, head.incarnation);
        put_u64(&mut out, head.checkpoint_lsn);
        put_u64(&mut out, head.end_lsn);
        put_u64(&mut out, head.durable_lsn);
        put_u64(&mut out, self.body.len() as u64);
        put_u64(&mut out, self.log_bytes as u64);
        put_u32(&mut out, crc32c(&self.body));
        put_u32(&mut out, head.base);
        put_u64(&mut out, self.kv_bytes as u64);
        put_u64(&mut out, head.boot);
        out.resize(HEADER - 4, 0);
        let crc = crc32c(&out);
        put_u32(&mut out, crc);
        out
    }

    /// Makes the body of a version before 3 one of version 3, which says at the end of the log's share who is in the
    /// middle of a transaction: nobody.
    fn add_transactions(&mut self) {
        let end = self.log_bytes;
        self.body.splice(end..end, millrace_log::NO_TRANSACTIONS);
        self.log_bytes += millrace_log::NO_TRANSACTIONS.len();
    }

    /// Reads a whole file. Bytes behind the body are not looked at.
    pub fn decode(bytes: &[u8]) -> Result<Manifest, ManifestError> {
        let (header, rest) = bytes.split_at_checked(HEADER).ok_or(ManifestError::Invalid)?;
        if header[..8] != MAGIC {
            return Err(ManifestError::Invalid);
        }
        let mut fields = Fields::new(&header[8..]);
        let version = fields.u32()?;
        if version > VERSION {
            return Err(ManifestError::Newer(version));
        }
        if crc32c(&header[..HEADER - 4]).to_le_bytes() != header[HEADER - 4..] {
            return Err(ManifestError::Invalid);
        }
        let clean = fields.u32()? & CLEAN != 0;
        let mut ids = [[0; 16]; 2];
        for id in &mut ids {
            id.copy_from_slice(fields.take(16)?);
        }
        let mut head = Head {
            clean,
            directory_id: ids[0],
            cluster_id: ids[1],
            node_id: fields.u32()?,
            incarnation: fields.u32()?,
            checkpoint_lsn: fields.u64()?,
            end_lsn: fields.u64()?,
            durable_lsn: fields.u64()?,
            boot: 0,
            base: 0,
        };
        let length = usize::try_from(fields.u64()?).map_err(|_| ManifestError::Invalid)?;
        let log_bytes = usize::try_from(fields.u64()?).map_err(|_| ManifestError::Invalid)?;
        let body = rest.get(..length).ok_or(ManifestError::Invalid)?;
        let crc = fields.u32()?;
        let base = fields.u32()?;
        head.base = if version < 7 { 0 } else { base };
        let kv_bytes = usize::try_from(fields.u64()?).map_err(|_| ManifestError::Invalid)?;
        head.boot = fields.u64()?;
        let shares = log_bytes.checked_add(kv_bytes).filter(|shares| *shares <= length);
        if shares.is_none() || crc32c(body) != crc {
            return Err(ManifestError::Invalid);
        }
        let header_crc = crc32c(&header[..HEADER - 4]);
        let edits_from = (head.base > 0).then_some(header_crc);
        let mut manifest = Manifest { head, body: body.to_vec(), log_bytes, kv_bytes, edits_from };
        if version < 3 {
            manifest.add_transactions();
        }
        Ok(manifest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        let head = Head {
            clean: true,
            directory_id: [1; 16],
            cluster_id: [2; 16],
            node_id: 3,
            incarnation: 4,
            checkpoint_lsn: 5,
            end_lsn: 6,
            durable_lsn: 6,
            boot: 7,
            base: 8,
        };
        Manifest::new(head, b"the log", b"the stores", b"the state")
    }

    fn bytes() -> Vec<u8> {
        let manifest = manifest();
        let mut bytes = manifest.encode_head();
        bytes.extend_from_slice(&manifest.body);
        bytes
    }

    #[test]
    fn a_manifest_comes_back_whole() {
        let read = Manifest::decode(&bytes()).expect("whole");
        assert!(read.edits_from.is_some());
        assert_eq!(Manifest { edits_from: None, ..read }, manifest());
        assert_eq!((manifest().log(), manifest().state()), (&b"the log"[..], &b"the state"[..]));
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_refused() {
        let bytes = bytes();
        for at in 0..bytes.len() {
            let mut bad = bytes.clone();
            bad[at] ^= 0x10;
            assert!(Manifest::decode(&bad).is_err(), "byte {at}");
            assert!(Manifest::decode(&bytes[..at]).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn a_manifest_of_format_2_is_read_as_one_without_transactions() {
        let mut older = bytes();
        older[8] = 2;
        let crc = crc32c(&older[..HEADER - 4]);
        older[HEADER - 4..HEADER].copy_from_slice(&crc.to_le_bytes());
        let read = Manifest::decode(&older).expect("one version back is read");
        assert_eq!((read.log(), read.state()), (&b"the log\0\0\0\0"[..], &b"the state"[..]));
        assert_eq!(read.edits_from, None, "it has no edits");
    }

    #[test]
    fn a_newer_format_is_named_as_such() {
        let mut newer = bytes();
        newer[8..12].copy_from_slice(&(VERSION + 1).to_le_bytes());
        assert_eq!(Manifest::decode(&newer), Err(ManifestError::Newer(VERSION + 1)));
    }
}
