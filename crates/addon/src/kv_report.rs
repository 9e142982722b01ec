//! Figures of a store as JSON text.
//!
//! Not their meaning. The one invariant: every field is a whole number, so the text is JSON by construction.

use millrace_engine::KvStats;

/// The figures; `{}` when there is no such store.
pub(crate) fn stats(stats: Option<&KvStats>) -> String {
    let Some(stats) = stats else { return "{}".to_owned() };
    let fields = [("keys", stats.keys), ("memtableBytes", stats.memtable_bytes)];
    let fields: Vec<String> = fields.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
    format!("{{{}}}", fields.join(","))
}
