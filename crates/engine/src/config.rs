//! What an engine is opened with. No field has a default here: hosts fill all of them.

/// When the journal is flushed, whoever waits (DESIGN section 3). Any combination; none of them is `os`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlushPolicy {
    /// Flush with every group commit.
    pub always: bool,
    /// Flush when so many records are unflushed; 0 is not set.
    pub records: u64,
    /// Flush when so many bytes are unflushed; 0 is not set.
    pub bytes: u64,
    /// Flush so long after the oldest unflushed write; 0 is not set.
    pub interval_ns: u64,
}

/// Durability level of a request: what its acknowledgement waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Level {
    /// Nothing.
    Memory = 0,
    /// Survives the death of the process.
    Written = 1,
    /// Survives a power cut.
    Durable = 2,
}

/// Settings of one engine. Sizes in bytes.
#[derive(Clone, Debug)]
pub struct EngineConfig {
    pub policy: FlushPolicy,
    /// Size of one journal file, a whole number of 4 KiB blocks.
    pub journal_file_bytes: u64,
    /// How many journal files are pre-written and recycled; at least 2.
    pub journal_files: u32,
    /// Budget for tails: unsettled data above it is refused with `Busy`, settled data is evicted below it.
    pub memory_bytes: u64,
    /// Unsettled journal bytes that start a settle.
    pub settle_bytes: u64,
    /// Unsettled bytes from which a partition gets segments of its own.
    pub own_segment_bytes: u64,
    /// Largest own segment (a single larger batch still gets one).
    pub segment_bytes: u64,
    /// Bytes between two entries of a sparse index.
    pub index_interval_bytes: u64,
    /// Identity for a data directory that is created by this open: random, from the host.
    pub fresh_directory_id: [u8; 16],
    /// Cluster id for a data directory that is created by this open.
    pub fresh_cluster_id: [u8; 16],
    pub node_id: u32,
}
