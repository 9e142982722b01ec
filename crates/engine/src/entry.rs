//! Effects as journal entries, and back.
//!
//! What it is not: the framing of entries, which is the journal's.
//!
//! | kind | effect           | group     | argument         | bytes                               |
//! |------|------------------|-----------|------------------|-------------------------------------|
//! | 1    | append           | partition | 0                | the batch as it is stored           |
//! | 2    | put              | 0         | 0                | key length u32 LE, key, value       |
//! | 3    | delete           | 0         | 0                | key                                 |
//! | 4    | create partition | partition | 0                | none                                |
//! | 5    | delete partition | partition | 0                | none                                |
//! | 6    | delete records   | partition | new start offset | none                                |
//! | 7    | kv put           | store     | expires at (ms)  | key length u32 LE, key, value       |
//! | 8    | kv delete        | store     | 0                | key                                 |
//! | 9    | kv clear         | store     | 0                | none                                |
//! | 10   | create store     | store     | 0                | none                                |
//! | 11   | drop store       | store     | 0                | none                                |
//! | 12   | kv put, large    | store     | expires at (ms)  | as a large file holds it            |
//!
//! A batch that went to a bulk file is an entry with a reference; the head that it repeats is the batch's header. So is a
//! value that went to a large file; its head is all but the value.
//!
//! The invariant: an entry says everything replay needs; nothing is taken from the state at append time.

use crate::state::State;
use millrace_journal::RecoveredEntry;
use millrace_kv::Kv;
use millrace_log::fields::Fields;
use millrace_log::{Log, Place, ReplayError};

pub(crate) const APPEND: u8 = 1;
pub(crate) const PUT: u8 = 2;
pub(crate) const DELETE: u8 = 3;
pub(crate) const CREATE_PARTITION: u8 = 4;
pub(crate) const DELETE_PARTITION: u8 = 5;
pub(crate) const DELETE_RECORDS: u8 = 6;
pub(crate) const KV_PUT: u8 = 7;
pub(crate) const KV_DELETE: u8 = 8;
pub(crate) const KV_CLEAR: u8 = 9;
pub(crate) const CREATE_STORE: u8 = 10;
pub(crate) const DROP_STORE: u8 = 11;
pub(crate) const KV_PUT_LARGE: u8 = 12;

/// Bytes of a key's length in front of the key.
pub(crate) const KEY_LENGTH: usize = 4;
/// Longest key of a store in bytes.
pub(crate) const KEY_MAX: usize = millrace_kv::KEY_MAX;

/// Why an entry of a valid frame could not be applied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ApplyError {
    #[error("entry kind {0} is not known")]
    Kind(u8),
    #[error("a put has no key")]
    Put,
    #[error("store {0} is not known")]
    Store(u64),
    #[error(transparent)]
    Replay(#[from] ReplayError),
}

/// Applies one entry of the frame with this LSN.
pub(crate) fn apply(
    log: &mut Log,
    state: &mut State,
    kv: &mut Kv,
    lsn: u64,
    entry: RecoveredEntry,
) -> Result<(), ApplyError> {
    let bytes = entry.payload.bytes();
    match entry.kind {
        APPEND if entry.whole => {
            let place = entry.reference.map(|reference| place_of(reference.place));
            log.replay_append(entry.group, lsn, entry.payload, place)?;
        }
        APPEND => log.replay_lost(entry.group, lsn, bytes)?,
        PUT => {
            let mut fields = Fields::new(bytes);
            let key = fields.bytes().map_err(|_| ApplyError::Put)?;
            state.put(key, fields.take(fields.left()).map_err(|_| ApplyError::Put)?);
        }
        DELETE => state.delete(bytes),
        CREATE_PARTITION => log.replay_create(entry.group)?,
        DELETE_PARTITION => log.replay_delete(entry.group)?,
        DELETE_RECORDS => log.replay_delete_records(entry.group, lsn, entry.argument)?,
        KV_PUT..=KV_PUT_LARGE => crate::kv_replay::apply(kv, lsn, &entry)?,
        kind => return Err(ApplyError::Kind(kind)),
    }
    Ok(())
}

/// The journal's name for a place is the log's.
pub(crate) fn place_of(place: millrace_journal::Place) -> Place {
    Place { file: place.file, position: place.position }
}
