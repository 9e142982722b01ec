//! The account an engine gives of its opening: what was found, kept and cut.

/// Bytes that do not verify although they were durable, or a file that is missing or short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Path below the data directory.
    pub file: String,
    /// Bytes from the start of the file.
    pub position: u64,
    pub detail: String,
}

/// What opening found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecoveryAccount {
    /// The last owner closed cleanly and everything it had is here.
    pub clean: bool,
    /// Grows with every open; it is the leader epoch of this run.
    pub incarnation: u32,
    pub directory_id: [u8; 16],
    pub cluster_id: [u8; 16],
    pub frames_replayed: u64,
    /// Journal bytes of replayed frames.
    pub kept_bytes: u64,
    /// Journal bytes of the torn tail that was cut.
    pub cut_bytes: u64,
    pub partitions: u64,
    pub duration_ns: u64,
    pub damage: Vec<Damage>,
}
