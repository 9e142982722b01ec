//! The stores' share of the manifest: which stores there are, and which data files hold their settled keys. Format:
//! docs/format/manifest.md.
//!
//! What it is not: checksummed; the manifest around it is.
//!
//! The invariant: a count is never believed beyond what is left, and a share that does not decode whole is refused.

use crate::data_file::{Identity, Role};
use crate::data_writer::Sealed;
use crate::kv::{Kv, KvConfig};
use crate::limits::KEY_MAX;
use crate::varint::{put_varint, take_varint};
use std::collections::BTreeMap;

/// What the manifest in place says, beside the files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Published {
    /// Stores by id, each with the sequence its generation began at.
    pub stores: BTreeMap<u32, u64>,
}

/// The share does not decode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the stores' share of the manifest does not decode")]
pub struct ShareError;

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn number(bytes: &mut &[u8]) -> Result<u64, ShareError> {
    take_varint(bytes).ok_or(ShareError)
}

fn small(bytes: &mut &[u8]) -> Result<u32, ShareError> {
    u32::try_from(number(bytes)?).map_err(|_| ShareError)
}

fn key(bytes: &mut &[u8]) -> Result<Vec<u8>, ShareError> {
    let length = number(bytes)?;
    let length = usize::try_from(length).ok().filter(|length| *length <= KEY_MAX).ok_or(ShareError)?;
    let (key, rest) = bytes.split_at_checked(length).ok_or(ShareError)?;
    *bytes = rest;
    Ok(key.to_vec())
}

/// A count of items of at least `least` bytes each.
fn count(bytes: &mut &[u8], least: usize) -> Result<usize, ShareError> {
    let count = usize::try_from(number(bytes)?).map_err(|_| ShareError)?;
    if count > bytes.len() / least { Err(ShareError) } else { Ok(count) }
}

impl Kv {
    pub(crate) fn encode_share<'a>(
        &self,
        stores: &BTreeMap<u32, u64>,
        files: impl Iterator<Item = &'a Sealed>,
        large: &[(u64, u64)],
    ) -> Vec<u8> {
        let mut out = Vec::new();
        put_varint(&mut out, self.files.last_number());
        put_varint(&mut out, self.clock_ms());
        put_varint(&mut out, stores.len() as u64);
        for (id, cleared_at) in stores {
            put_varint(&mut out, u64::from(*id));
            put_varint(&mut out, *cleared_at);
        }
        let files: Vec<&Sealed> = files.collect();
        put_varint(&mut out, files.len() as u64);
        for file in files {
            let Identity { number, store, epoch, role, .. } = file.identity;
            let numbers = [number, u64::from(store), u64::from(epoch), role as u64];
            let more = [file.length, file.records, file.min_sequence, file.max_sequence];
            numbers.into_iter().chain(more).for_each(|value| put_varint(&mut out, value));
            put_bytes(&mut out, &file.min_key);
            put_bytes(&mut out, &file.max_key);
        }
        put_varint(&mut out, large.len() as u64);
        for (number, length) in large {
            put_varint(&mut out, *number);
            put_varint(&mut out, *length);
        }
        out
    }

    /// The stores a manifest's share tells of, without their keys: those are loaded file by file (`load.rs`). An empty
    /// share has no stores.
    ///
    /// # Errors
    ///
    /// The share does not decode.
    pub fn restore(config: KvConfig, share: &[u8]) -> Result<Kv, ShareError> {
        let mut kv = Kv::new(config);
        if share.is_empty() {
            return Ok(kv);
        }
        let mut bytes = share;
        kv.files.reserve_numbers(number(&mut bytes)?);
        let clock_ms = number(&mut bytes)?;
        kv.now(clock_ms);
        for _ in 0..count(&mut bytes, 2)? {
            let (id, cleared_at) = (small(&mut bytes)?, number(&mut bytes)?);
            kv.create(id, cleared_at);
            kv.published.stores.insert(id, cleared_at);
        }
        for _ in 0..count(&mut bytes, 10)? {
            let (number_, store, epoch) = (number(&mut bytes)?, small(&mut bytes)?, small(&mut bytes)?);
            let role = Role::of(small(&mut bytes)?).ok_or(ShareError)?;
            let directory_id = config.directory_id;
            let sealed = Sealed {
                identity: Identity { directory_id, number: number_, store, epoch, role },
                length: number(&mut bytes)?,
                records: number(&mut bytes)?,
                min_sequence: number(&mut bytes)?,
                max_sequence: number(&mut bytes)?,
                min_key: key(&mut bytes)?,
                max_key: key(&mut bytes)?,
            };
            if !kv.files.has_slots() {
                return Err(ShareError);
            }
            if sealed.identity.role == Role::Large {
                return Err(ShareError);
            }
            kv.files.add(sealed);
        }
        // Shares of manifests before version 6 end here.
        let large = if bytes.is_empty() { 0 } else { count(&mut bytes, 2)? };
        for _ in 0..large {
            let (number_, length) = (number(&mut bytes)?, number(&mut bytes)?);
            if !kv.files.has_slots() {
                return Err(ShareError);
            }
            let slot = kv.files.large_slot(config.directory_id, number_);
            kv.files.large_used(slot, length, 0);
        }
        if bytes.is_empty() { Ok(kv) } else { Err(ShareError) }
    }
}
