//! Where a record lies, and what the keydir knows of a key.
//!
//! What it is not: proof that the record is still good; every read verifies it.

/// A record in a data file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Location {
    /// Number of the file in this run's table, below 2^24; never used twice.
    pub slot: u32,
    /// Bytes from the start of the file, below 2^40.
    pub position: u64,
    /// Bytes of the record.
    pub length: u32,
}

/// Slots there can be in one run.
pub const SLOTS_MAX: u32 = 1 << 24;
impl Location {
    /// One number for file and position.
    #[must_use]
    pub fn packed(&self) -> u64 {
        u64::from(self.slot) << 40 | self.position
    }
}

/// The newest settled write of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settled {
    pub location: Location,
    pub sequence: u64,
    /// Wall time in ms when it dies; 0: never.
    pub expires_ms: u64,
}

impl Settled {
    /// True unless it has expired.
    #[must_use]
    pub fn lives(&self, now_ms: u64) -> bool {
        self.expires_ms == 0 || now_ms < self.expires_ms
    }
}
