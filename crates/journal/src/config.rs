//! What a journal is told at open: limits, and where the world stood.
//!
//! What it is not: defaults for users. Those are declared above; these are the figures the engine was tuned with.
//!
//! The one invariant: relations between the limits are asserted before the first byte is written.

use crate::bulk_file::BulkConfig;
use millrace_io::BLOCK;

/// Limits, fixed for the life of the journal.
#[derive(Clone, Debug)]
pub struct Config {
    /// Size of a journal file in bytes, whole blocks.
    pub file_bytes: u64,
    /// Size of the very first file; smaller, so that a first start is fast.
    pub first_file_bytes: u64,
    /// Most journal files there may be: the budget for unsettled data. At least 3.
    pub max_files: u32,
    /// Size of a piece of commit memory; bigger frames get their own.
    pub slab_bytes: usize,
    /// Most bytes in one commit, unless a single frame is larger.
    pub max_commit_bytes: u64,
    /// While one commit is on its way to the device a second one is begun when it holds so many records, and half as many
    /// as the first; 0: never.
    pub follow_records: u64,
    /// Most bytes in one frame, header included.
    pub max_frame_bytes: u64,
    /// Most bytes that may wait in memory to be written.
    pub max_waiting_bytes: u64,
    /// How long after the last move of the durable watermark a mark frame persists it.
    pub idle_mark_ns: u64,
    /// How long to wait before a new file is tried again after the disk was full.
    pub retry_ns: u64,
    /// Where entries go instead of the journal that would fit into it: files of `Space::Packed`.
    pub bulk: BulkConfig,
    /// Where entries go that may be larger than any frame: files of `Space::Large`.
    pub large: BulkConfig,
    #[cfg(feature = "planted")]
    pub planted: crate::planted::Planted,
}

impl Default for Config {
    fn default() -> Config {
        const MIB: u64 = 1 << 20;
        Config {
            file_bytes: 64 * MIB,
            first_file_bytes: 8 * MIB,
            max_files: 16,
            slab_bytes: 2 << 20,
            max_commit_bytes: 8 * MIB,
            follow_records: 8,
            max_frame_bytes: 32 * MIB,
            max_waiting_bytes: 64 * MIB,
            idle_mark_ns: 100_000_000,
            retry_ns: 1_000_000_000,
            bulk: BulkConfig::NONE,
            large: BulkConfig::NONE,
            #[cfg(feature = "planted")]
            planted: crate::planted::Planted::default(),
        }
    }
}

/// Where the world stood, from the manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Start {
    pub directory_id: u64,
    /// Of this opening: greater than any before it.
    pub incarnation: u32,
    /// Everything up to this LSN is settled; frames above it are handed to the views.
    pub checkpoint_lsn: u64,
    /// An LSN known to have been durable (0: nothing known). What is missing below it is damage, not a torn tail.
    pub durable_lsn: u64,
    /// The last shutdown was clean, and `durable_lsn` was the last LSN of all. Then nothing is looked for behind it.
    pub clean: bool,
}

impl Start {
    /// The part of the directory id that every frame carries.
    #[must_use]
    pub(crate) fn directory_low(&self) -> u32 {
        self.directory_id as u32
    }
}

impl Config {
    /// Whether the bug of believing any whole frame is planted.
    #[cfg(feature = "planted")]
    pub(crate) fn accepts_stale_laps(&self) -> bool {
        self.planted.accept_stale_lap
    }

    /// Whether the bug of taking unflushed bulk bytes for durable is planted.
    #[cfg(feature = "planted")]
    pub(crate) fn acknowledges_before_bulk_flush(&self) -> bool {
        self.planted.acknowledge_before_bulk_flush
    }

    /// Whether the bug of acknowledging commits as they complete is planted.
    #[cfg(feature = "planted")]
    pub(crate) fn acknowledges_out_of_order(&self) -> bool {
        self.planted.acknowledge_out_of_order
    }

    /// Whether the bug of believing references is planted.
    #[cfg(feature = "planted")]
    pub(crate) fn trusts_references(&self) -> bool {
        self.planted.trust_references
    }

    /// Never, but in tests that plant the bug.
    #[cfg(not(feature = "planted"))]
    pub(crate) fn acknowledges_out_of_order(&self) -> bool {
        false
    }

    /// Never, but in tests that plant the bug.
    #[cfg(not(feature = "planted"))]
    pub(crate) fn accepts_stale_laps(&self) -> bool {
        false
    }

    /// Never, but in tests that plant the bug.
    #[cfg(not(feature = "planted"))]
    pub(crate) fn acknowledges_before_bulk_flush(&self) -> bool {
        false
    }

    /// Never, but in tests that plant the bug.
    #[cfg(not(feature = "planted"))]
    pub(crate) fn trusts_references(&self) -> bool {
        false
    }

    /// Panics when the limits contradict each other: that is a programming error of the layer above.
    pub(crate) fn check(&self) {
        let block = BLOCK as u64;
        assert!(
            self.file_bytes.is_multiple_of(block) && self.first_file_bytes.is_multiple_of(block),
            "whole blocks"
        );
        assert!(self.first_file_bytes > block, "a file holds its header and at least one block");
        assert!(self.max_frame_bytes + block <= self.file_bytes, "a frame fits into a file");
        assert!(self.max_frame_bytes < u64::from(u32::MAX), "lengths are 32 bits");
        assert!(self.max_files >= 3, "one file to write, one ahead, one being settled");
        assert!(self.max_commit_bytes >= block && self.slab_bytes >= BLOCK, "a commit is at least one block");
        self.bulk.check();
        self.large.check();
        assert!(self.idle_mark_ns > 0 && self.retry_ns > 0, "waiting takes time");
    }
}
