//! The engine: journal, log and state map composed with a driver, without Node. Hosts and crash tests drive the very
//! same code.
//!
//! What it is not: a host (who calls `turn` and when), a protocol, a policy.

mod account;
pub mod account_file;
mod account_text;
mod append;
mod backup;
mod checkpoint;
mod command_run;
mod commit;
mod compaction;
mod config;
mod dump;
mod dump_data;
mod dump_journal;
mod dump_line;
mod dump_segment;
mod edit;
mod edits_file;
mod effect;
mod engine;
mod entry;
mod error;
mod finding;
mod hash_head;
mod in_place;
mod joining;
mod kv;
mod kv_frame;
mod kv_open;
mod kv_rank;
mod kv_replay;
mod kv_settle;
mod ledger;
mod lookup;
pub mod manifest;
mod merged;
mod open;
mod planted;
mod publish;
mod read;
mod repair;
mod report;
mod reserve;
mod retention;
mod run_writes;
mod simple_commands;
mod skip;
mod skip_stores;
mod start;
mod state;
mod stored;
mod transactions;
mod truncate;
mod verify;
mod verify_data;
mod verify_large;
mod verify_read;
mod verify_segment;

pub use account::{Damage, Ended, PartitionAccount, RecoveryAccount, Writes};
pub use account_text::account_text;
pub use backup::{BackupFile, BackupPlan};
pub use command_run::{Collections, Ran, RunAnswer, RunEnd, RunInput};
pub use config::{BULK_BYTES, EngineConfig, LARGE_BYTES};
pub use dump::{DumpError, dump};
pub use dump_line::Line;
pub use effect::{Append, Committed, Effect, Outcome};
pub use engine::{Counters, Engine, Events};
pub use error::EngineError;
pub use finding::{Finding, Severity, Verified};
#[cfg(feature = "planted")]
pub use millrace_journal::Planted;
pub use millrace_journal::{Level, Poison, Policy};
#[cfg(feature = "planted")]
pub use millrace_kv::planted as kv_planted;
pub use millrace_kv::{
    Condition, Counted as KvCounted, Found as KvFound, Item as KvItem, Page as KvPage, Peek as KvPeek,
    Range as KvRange, Read as KvRead, Stats as KvStats, Value as KvValue,
};
#[cfg(feature = "planted")]
pub mod look_planted {
    pub use crate::planted::{PlantedBug, plant};
}
#[cfg(feature = "planted")]
pub use millrace_log::planted as log_planted;
pub use millrace_log::{
    Code, Compact, CompactionCounters, Damaged, IndexState, Isolation, Limits, PartitionProducer,
    SegmentReport, SegmentTotals, Watermarks,
};
pub use millrace_resp::{Kind as CommandKind, Protocol};
pub use read::{EpochEnd, Offset, Read, Readable};
pub use repair::{Act, Action, LostKeys, Offsets, Parts, Repairing, repair};
pub use retention::PartitionSettings;
pub use state::State;
pub use stored::{checkpoint_state, stored_state};
pub use transactions::{EndTransaction, end_of_batches};
pub use verify::{Verifier, verify};
