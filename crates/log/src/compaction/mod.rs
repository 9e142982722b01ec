//! Compaction: of every key the newest record stays, offsets never change (kafka.md rule 25, KIP-534).
//!
//! What it is not: retention (`limits.rs`), which deletes from the front; the manifest, which the engine publishes
//! between `compaction_ready` and `compaction_published`.
//!
//! A pass maps the keys of what no pass has seen yet (the dirty ranges), then copies everything from the log start to
//! there without the records that the map supersedes, one group of ranges after the other. Bounded steps, on the thread
//! that drives the engine. The invariant: until a manifest names a group's output readers see its input, then its
//! output, never a mix; what is dropped is superseded, aborted, or past its horizon in what readers saw before.

mod choose;
mod filter;
mod group;
mod history;
mod join;
mod key_map;
mod output;
mod pass;
mod publish;
mod source;

pub(crate) use join::FEWEST;
pub(crate) use pass::Pass;

/// What a compacted partition may lose, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compact {
    /// The share of bytes that no pass has seen from which one begins, in millionths.
    pub dirty_ratio: u32,
    /// Tombstones and spent markers stay this long after the pass that first saw them.
    pub delete_retention_ms: u64,
    /// Records younger than this are not compacted.
    pub lag_min_ms: u64,
    /// Records older than this are compacted whatever the ratio; `None`: they may wait for ever.
    pub lag_max_ms: Option<u64>,
}

/// What compaction has done since open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CompactionCounters {
    /// Passes that came to their end.
    pub runs: u64,
    /// Passes that were given up: a full disk, damage, a partition that went.
    pub abandoned: u64,
    /// Bytes of batches that were replaced, and of those in their place.
    pub bytes_before: u64,
    pub bytes_after: u64,
    /// Runs of small neighbouring ranges that were joined, the ranges in them, and their bytes.
    pub joins: u64,
    pub joined_ranges: u64,
    pub joined_bytes: u64,
}

/// Memory of the key map unless the host says otherwise, in bytes: Kafka's `log.cleaner.dedupe.buffer.size`.
pub(crate) const MAP_BYTES: u64 = 128 << 20;
