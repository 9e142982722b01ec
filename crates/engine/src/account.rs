//! The account an engine gives of its opening: how the last run ended, what was kept, what was cut and why, what is lost.
//!
//! What it is not: the gathering (`ledger.rs`), the words for a file (`account_text.rs`).
//!
//! The invariant: it claims what can be known and nothing else. Offsets up to `proven_end` were durable before this
//! opening; whole frames behind the tear are counted as cut; what left no trace on the disk is in no number.

use millrace_journal::Policy;

/// Bytes that do not verify although they were durable, or a file that is missing or short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Path below the data directory.
    pub file: String,
    /// Bytes from the start of the file.
    pub position: u64,
    pub detail: String,
}

/// How the run before this opening ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// There was none: the directory is new.
    First,
    /// Closed, with everything it had.
    Clean,
    /// The process died and the machine went on: what was *written* is here.
    Process,
    /// The machine stopped or was started anew: what was *durable* is here.
    Machine,
    /// Not cleanly; whether the machine went on is not known.
    Unknown,
}

impl Ended {
    /// The word for it in files and in the API.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Ended::First => "first",
            Ended::Clean => "clean",
            Ended::Process => "process",
            Ended::Machine => "machine",
            Ended::Unknown => "unknown",
        }
    }
}

/// What became of one partition that frames above the checkpoint speak of. Offsets; ends are exclusive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PartitionAccount {
    pub partition: u64,
    /// Behind what the manifest named: replay began here.
    pub settled_end: u64,
    /// Everything below was proven durable before this opening.
    pub proven_end: u64,
    /// Everything below is kept, and durable from now on.
    pub log_end: u64,
    /// Below, compaction may have left of every key the newest record only: offsets that are missing there are no loss.
    pub compacted_end: u64,
    /// What whole frames of the torn tail held for this partition. They are gone.
    pub cut_batches: u64,
    pub cut_records: u64,
    pub cut_bytes: u64,
    /// Durable once and damaged now: from, to.
    pub lost: Vec<(u64, u64)>,
}

/// Writes to a store, or to the state map (topics, settings, committed offsets), in frames above the checkpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Writes {
    pub kept: u64,
    /// Of those kept, the ones that were proven durable before this opening.
    pub proven: u64,
    /// In whole frames of the torn tail.
    pub cut: u64,
}

/// What opening found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecoveryAccount {
    /// The last owner closed cleanly and everything it had is here.
    pub clean: bool,
    pub ended: Ended,
    /// When this run flushes, unless that is altered while it runs.
    pub policy: Policy,
    /// Grows with every open; it is the leader epoch of this run.
    pub incarnation: u32,
    pub directory_id: [u8; 16],
    pub cluster_id: [u8; 16],
    /// Milliseconds since 1970 when it was opened.
    pub opened_ms: i64,
    pub frames_replayed: u64,
    /// Journal bytes of replayed frames.
    pub kept_bytes: u64,
    /// Journal bytes of the torn tail that was cut.
    pub cut_bytes: u64,
    /// Whole frames in it.
    pub cut_frames: u64,
    /// Their LSNs: first and last of each run.
    pub cut_lsns: Vec<(u64, u64)>,
    /// Up to here the manifest had everything.
    pub checkpoint_lsn: u64,
    /// Up to here everything was proven durable before this opening.
    pub durable_lsn: u64,
    /// Up to here everything is kept, but for damage.
    pub kept_lsn: u64,
    pub partitions: u64,
    /// Of them, those with ranges that compaction has written.
    pub compacted_partitions: u64,
    /// Segment, data and index files that the manifest does not name, removed now: of a settle, a compaction or a merge that
    /// did not get to its end, or superseded by one that did. Nothing acknowledged was in them alone.
    pub unnamed_files: u64,
    pub duration_ns: u64,
    pub damage: Vec<Damage>,
    /// Of partitions that were touched, in order of their ids.
    pub touched: Vec<PartitionAccount>,
    /// By store, in order of their ids.
    pub stores: Vec<(u32, Writes)>,
    pub state: Writes,
}

impl RecoveryAccount {
    /// Records in whole frames that were cut.
    #[must_use]
    pub fn cut_records(&self) -> u64 {
        self.touched.iter().map(|partition| partition.cut_records).sum()
    }

    /// One sentence: what this means for what was acknowledged.
    #[must_use]
    pub fn verdict(&self) -> String {
        if !self.damage.is_empty() {
            return format!(
                "{} places do not verify that were durable: what they held is lost, acknowledged or not; the rest is served",
                self.damage.len()
            );
        }
        let cut = match self.cut_frames {
            0 => "no whole frame was cut".to_string(),
            frames => format!("{frames} whole frames with {} records were cut", self.cut_records()),
        };
        match self.ended {
            Ended::First => "a new directory".to_string(),
            Ended::Clean => "closed cleanly: everything that was acknowledged is here".to_string(),
            Ended::Process => format!(
                "the process died and the machine went on: nothing acknowledged as written or durable is lost; {cut}, \
                 acknowledged as memory at most"
            ),
            Ended::Machine => format!(
                "the machine was started anew: nothing acknowledged as durable is lost; {cut}, acknowledged as written at \
                 most"
            ),
            Ended::Unknown => {
                format!(
                    "not closed cleanly: nothing acknowledged as durable is lost; {cut}, acknowledged as written at most"
                )
            }
        }
    }
}
