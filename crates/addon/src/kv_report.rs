//! Figures of a store as JSON text.
//!
//! Not their meaning (`KvStats`). The one invariant: every field is a whole number, so the text is JSON by construction.

use millrace_engine::KvStats;

/// The figures; `{}` when there is no such store.
pub(crate) fn stats(stats: Option<&KvStats>) -> String {
    let Some(stats) = stats else { return "{}".to_owned() };
    let fields = [
        ("keys", stats.keys),
        ("liveBytes", stats.live_bytes),
        ("expiring", stats.expiring),
        ("memtableBytes", stats.memtable_bytes),
        ("keydirBytes", stats.keydir_bytes),
        ("residentBytes", stats.resident_bytes),
        ("files", stats.files),
        ("fileBytes", stats.file_bytes),
        ("deadBytes", stats.dead_bytes),
        ("largeFiles", stats.large_files),
        ("largeBytes", stats.large_bytes),
        ("largeDeadBytes", stats.large_dead_bytes),
        ("snapshots", stats.snapshots),
        ("oldestSnapshot", stats.oldest_snapshot),
        ("merging", u64::from(stats.merging)),
        ("merges", stats.merges),
        ("mergeMs", stats.merge_ms),
        ("mergedBytes", stats.merged_bytes),
        ("reclaimedBytes", stats.reclaimed_bytes),
        ("movedBytes", stats.moved_bytes),
        ("purged", stats.purged),
        ("coldReads", stats.cold_reads),
    ];
    let fields: Vec<String> = fields.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
    format!("{{{}}}", fields.join(","))
}
