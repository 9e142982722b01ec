//! What can be asked of an engine in one atomic frame, and what each effect is answered.
//!
//! What it is not: the journal's encoding of effects (`entry.rs`).

use crate::transactions::EndTransaction;
use millrace_kv::Condition;
use millrace_log::Code;

/// One effect. All effects of one `Engine::commit` lie in one frame: all of them happen, or none.
#[derive(Clone, Copy, Debug)]
pub enum Effect<'a> {
    Append(Append<'a>),
    /// Sets `key` in the state map.
    Put {
        key: &'a [u8],
        value: &'a [u8],
    },
    /// Removes `key` from the state map; removing what is not there is fine.
    Delete {
        key: &'a [u8],
    },
    /// Answers `Exists` when the partition is there already.
    CreatePartition {
        partition: u64,
    },
    DeletePartition {
        partition: u64,
    },
    /// Makes `offset` the log start; -1 means the high watermark. Answers `OffsetOutOfRange` above the high watermark;
    /// an offset below the log start changes nothing.
    DeleteRecords {
        partition: u64,
        offset: i64,
    },
    /// Ends the transaction of a producer in one partition.
    EndTransaction(EndTransaction),
    /// Sets a key of a store until `expires_ms` (wall time in ms since 1970; 0: for ever). Answers `UnknownStore`,
    /// `ConditionFailed`, or `MessageTooLarge` for a key above 65,535 bytes.
    KvPut {
        store: u32,
        key: &'a [u8],
        value: &'a [u8],
        expires_ms: u64,
        condition: Condition,
    },
    /// Removes a key of a store; removing what is not there is fine unless the condition says otherwise.
    KvDelete {
        store: u32,
        key: &'a [u8],
        condition: Condition,
    },
    /// Changes nothing: the frame is refused with `ConditionFailed` when the key is not so. Not in the journal.
    KvCheck {
        store: u32,
        key: &'a [u8],
        condition: Condition,
    },
    /// Removes all keys of a store, at the price of one record.
    KvClear {
        store: u32,
    },
    /// Answers `Exists` when the store is there already.
    CreateStore {
        store: u32,
    },
    /// Removes a store and all its keys.
    DropStore {
        store: u32,
    },
}

/// Appends one Kafka record batch (magic 2), checked and stored byte for byte.
#[derive(Clone, Copy, Debug)]
pub struct Append<'a> {
    pub partition: u64,
    pub batch: &'a [u8],
    /// Rule 9: stamp the batch with the engine's wall clock.
    pub stamp_append_time: bool,
    /// Rule 11: refuse records without a key.
    pub require_keys: bool,
    /// Largest Kafka codec id allowed; 0 allows all.
    pub max_codec: u8,
    /// Largest batch in bytes; 0 is no limit.
    pub max_batch_bytes: usize,
}

impl<'a> Append<'a> {
    /// An append without special rules.
    #[must_use]
    pub fn new(partition: u64, batch: &'a [u8]) -> Append<'a> {
        Append {
            partition,
            batch,
            stamp_append_time: false,
            require_keys: false,
            max_codec: 0,
            max_batch_bytes: 0,
        }
    }
}

/// The answer to one effect. Fields that say nothing for its kind, or after a refusal, are -1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    pub code: Code,
    /// Append: offset of the batch's first record (of the original one for `Duplicate`). KvPut, KvDelete: the sequence
    /// the key had before, 0 when it was absent.
    pub base_offset: i64,
    /// Append: epoch ms when the batch was stamped, else -1.
    pub log_append_time: i64,
    /// Log start of the partition after the frame.
    pub log_start: i64,
    /// Log end of the partition after the frame.
    pub log_end: i64,
}

impl Outcome {
    /// An answer that is only a code.
    #[must_use]
    pub fn of(code: Code) -> Outcome {
        Outcome { code, base_offset: -1, log_append_time: -1, log_start: -1, log_end: -1 }
    }
}

/// The answer to a whole commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Committed {
    /// `Ok`, or why no effect was done: an effect's own code, `Busy`, `NoSpace`, `Poisoned` or `Closing`.
    pub code: Code,
    /// Wait until the written or durable LSN has reached this, as the level asks. For a frame of duplicates only:
    /// the LSN of the newest original. 0 after a refusal.
    pub lsn: u64,
}
