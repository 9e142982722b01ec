//! Replay of KV entries above the checkpoint: the same moves as when they were committed, without the questions.
//!
//! What it is not: the loading of what is settled (`kv_open.rs`).

use crate::entry::{ApplyError, CREATE_STORE, DROP_STORE, KEY_MAX, KV_CLEAR, KV_DELETE, KV_PUT};
use millrace_journal::RecoveredEntry;
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
        KV_DELETE => {
            kv.delete(store, entry.payload.bytes(), lsn);
        }
        KV_CLEAR => kv.clear(store, lsn),
        CREATE_STORE => kv.create(store, lsn),
        DROP_STORE => kv.remove(store),
        kind => return Err(ApplyError::Kind(kind)),
    }
    Ok(())
}
