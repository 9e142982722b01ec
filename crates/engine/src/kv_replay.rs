//! Replay of KV entries above the checkpoint: the same moves as when they were committed, without the questions.
//!
//! What it is not: the loading of what is settled (`kv_open.rs`).

use crate::entry::{
    ApplyError, CREATE_STORE, DROP_STORE, KEY_MAX, KV_CLEAR, KV_DELETE, KV_PUT, KV_PUT_LARGE,
};
use millrace_journal::{LARGE_FILE, RecoveredEntry, Reference};
use millrace_kv::large::LargeValue;
use millrace_kv::{Kv, Value};
use millrace_log::fields::Fields;

/// Applies one KV entry of the frame with this LSN.
pub(crate) fn apply(kv: &mut Kv, lsn: u64, entry: &RecoveredEntry) -> Result<(), ApplyError> {
    let unknown = ApplyError::Store(entry.group);
    let store = u32::try_from(entry.group).map_err(|_| ApplyError::Store(entry.group))?;
    if entry.kind != CREATE_STORE && !kv.has_store(store) {
        return Err(unknown);
    }
    match entry.kind {
        KV_PUT => {
            let mut fields = Fields::new(entry.payload.bytes());
            let key = fields.bytes().ok().filter(|key| key.len() <= KEY_MAX).ok_or(ApplyError::Put)?;
            let at = entry.payload.len() - fields.left();
            let value = Value::of_piece(entry.payload.slice(at, fields.left()));
            kv.put(store, key, value, lsn, entry.argument, 0);
        }
        KV_PUT_LARGE => put_large(kv, store, lsn, entry)?,
        KV_DELETE => {
            kv.delete(store, entry.payload.bytes(), lsn);
        }
        KV_CLEAR => kv.clear(store, lsn),
        CREATE_STORE => kv.create(store, lsn),
        DROP_STORE => kv.remove(store, lsn),
        kind => return Err(ApplyError::Kind(kind)),
    }
    Ok(())
}

/// A put whose value may lie in a large file. Where it does it is read from there, damaged or not, when somebody asks.
fn put_large(kv: &mut Kv, store: u32, lsn: u64, entry: &RecoveredEntry) -> Result<(), ApplyError> {
    let bytes = entry.payload.bytes();
    let large = LargeValue::head(bytes, &kv.directory_id()).ok_or(ApplyError::Put)?;
    if large.store != store || large.sequence != lsn || large.expires_ms != entry.argument {
        return Err(ApplyError::Put);
    }
    let (key, expires_ms) = (large.key, large.expires_ms);
    match entry.reference {
        Some(Reference { place, length, .. }) if length as usize == large.length() => {
            let place = (place.file & !LARGE_FILE, place.position, length);
            kv.put_large(store, key, None, place, lsn, expires_ms, 0);
        }
        None if bytes.len() == large.length() => {
            let value = Value::of_piece(entry.payload.slice(large.value_at, large.value_bytes));
            kv.put(store, key, value, lsn, expires_ms, 0);
        }
        _ => return Err(ApplyError::Put),
    }
    Ok(())
}
