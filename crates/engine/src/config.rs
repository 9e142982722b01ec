//! What an engine is opened with. No field has a default here: hosts fill all of them.

use millrace_io::BLOCK;
use millrace_journal::{BulkConfig, Config, LARGE_FILE, Policy};
use millrace_kv::data_file;
use millrace_kv::large::{VALUE_MAX, large_path};
use millrace_log::segment::{self, Kind};

const MIB: u64 = 1 << 20;

/// The size from which a value is better written once to a large file than to the journal and to data files
/// (docs/decisions/0006-kv.md).
pub const LARGE_BYTES: u64 = 64 << 10;

/// The size from which a batch is better written once to a bulk file than twice (docs/decisions/0004-bulk-appends.md).
pub const BULK_BYTES: u64 = 32 << 10;

/// Settings of one engine. Sizes in bytes.
#[derive(Clone, Debug)]
pub struct EngineConfig {
    pub policy: Policy,
    /// Size of one journal file, a whole number of 4 KiB blocks.
    pub journal_file_bytes: u64,
    /// Most journal files; they are pre-written one by one and recycled. At least 3.
    pub journal_files: u32,
    /// Budget for tails: unsettled data above it is refused with `Busy`, settled data is evicted below it.
    pub memory_bytes: u64,
    /// Unsettled journal bytes that start a settle.
    pub settle_bytes: u64,
    /// Unsettled bytes from which a partition gets segments of its own.
    pub own_segment_bytes: u64,
    /// Largest own segment (a single larger batch still gets one).
    pub segment_bytes: u64,
    /// Batches of at least this many bytes go to a bulk file instead of the journal; 0: none do.
    pub bulk_bytes: u64,
    /// Values of stores of at least this many bytes go to a large file instead of the journal and data files; 0: none do,
    /// and a value has to fit into a frame of the journal.
    pub large_bytes: u64,
    /// Bytes between two entries of a sparse index.
    pub index_interval_bytes: u64,
    /// Memory for sealed data that is read before readers ask for it; 0: none is.
    pub read_ahead_bytes: u64,
    /// Identity for a data directory that is created by this open: random, from the host.
    pub fresh_directory_id: [u8; 16],
    /// Cluster id for a data directory that is created by this open.
    pub fresh_cluster_id: [u8; 16],
    pub node_id: u32,
    #[cfg(feature = "planted")]
    pub planted: millrace_journal::Planted,
}

impl EngineConfig {
    /// The first setting that makes no sense, in words.
    pub(crate) fn check(&self) -> Result<(), &'static str> {
        let wrong = [
            (self.journal_files < 3, "journal_files must be at least 3"),
            (self.journal_file_bytes < 16 << 10, "journal_file_bytes must be at least 16 KiB"),
            (self.memory_bytes == 0, "memory_bytes must be above 0"),
            (self.settle_bytes == 0, "settle_bytes must be above 0"),
            (self.segment_bytes == 0 || self.own_segment_bytes == 0, "segment sizes must be above 0"),
            (self.index_interval_bytes == 0, "index_interval_bytes must be above 0"),
        ];
        wrong.iter().find(|(wrong, _)| *wrong).map_or(Ok(()), |(_, what)| Err(*what))
    }

    /// The journal's limits that follow from these sizes.
    pub(crate) fn journal(&self) -> Config {
        let file_bytes = self.journal_file_bytes.next_multiple_of(BLOCK as u64).max(4 * BLOCK as u64);
        let base = Config::default();
        Config {
            file_bytes,
            first_file_bytes: base.first_file_bytes.min(file_bytes),
            max_files: self.journal_files,
            slab_bytes: base.slab_bytes.min(file_bytes as usize),
            max_commit_bytes: base.max_commit_bytes.min(file_bytes),
            max_frame_bytes: base.max_frame_bytes.min(file_bytes - 2 * BLOCK as u64),
            max_waiting_bytes: base.max_waiting_bytes.min(self.memory_bytes.max(MIB)),
            // Where files are small, commits are.
            follow_records: (file_bytes >> 16).clamp(1, base.follow_records),
            bulk: self.bulk(),
            large: self.large(),
            #[cfg(feature = "planted")]
            planted: self.planted,
            ..base
        }
    }
    /// Bulk files: as large as a segment, unless that is very large, with extents that keep ranges few.
    fn bulk(&self) -> BulkConfig {
        const FILE_MAX: u64 = 256 * MIB;
        const FIRST_MAX: u64 = 32 * MIB;
        const EXTENT_MAX: u64 = 4 * MIB;
        const SLAB_MAX: u64 = 4 * MIB;
        let blocks = |bytes: u64| bytes.next_multiple_of(BLOCK as u64);
        let file_bytes = blocks(self.segment_bytes.clamp(16 * BLOCK as u64, FILE_MAX));
        BulkConfig {
            // What an earlier run put into bulk files is found whatever this one does.
            file_bytes: if self.bulk_bytes == 0 { 0 } else { file_bytes },
            first_file_bytes: file_bytes.min(FIRST_MAX),
            extent_bytes: blocks(EXTENT_MAX.min(file_bytes / 16)),
            slab_bytes: blocks(self.bulk_bytes.saturating_mul(64).clamp(1, SLAB_MAX)) as usize,
            frame_bytes: 0,
            directory: segment::DIRECTORY,
            path: |number| segment::path(number, Kind::Bulk),
        }
    }

    /// Large files: a file goes as a whole, so one holds few values; a value that is larger gets one of its size.
    fn large(&self) -> BulkConfig {
        const FILE_MAX: u64 = 16 * MIB;
        const SLAB_MAX: u64 = 4 * MIB;
        let blocks = |bytes: u64| bytes.next_multiple_of(BLOCK as u64);
        let file_bytes = blocks(self.segment_bytes.clamp(16 * BLOCK as u64, FILE_MAX));
        BulkConfig {
            file_bytes: if self.large_bytes == 0 { 0 } else { file_bytes },
            first_file_bytes: file_bytes,
            extent_bytes: 0,
            slab_bytes: blocks(self.large_bytes.saturating_mul(16).clamp(1, SLAB_MAX)) as usize,
            frame_bytes: VALUE_MAX as u64 + MIB,
            directory: data_file::DIRECTORY,
            path: |number| large_path(number & !LARGE_FILE),
        }
    }
}
