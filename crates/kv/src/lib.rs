//! Stores as views of the journal: keys in memory, values in sealed data files, writes above the checkpoint in memory.
//!
//! What it is not: the journal (frames, flushes), the engine (which frame holds what), a protocol (Redis' types, JSON).
//! Time and completions are input, operations are output: nothing here touches a file or a clock.

mod bytes;
mod condition;
mod data_builder;
pub mod data_file;
mod data_writer;
mod deltas;
mod expiry;
pub mod fence;
mod files;
mod generation;
mod heads;
pub mod hint;
pub mod keydir;
mod kv;
pub mod large;
mod large_files;
mod large_merge;
mod leaf;
mod limits;
pub mod load;
mod location;
mod memtable;
mod memtable_key;
mod merge;
mod merge_input;
mod merge_plan;
pub mod planted;
mod prefix_sums;
mod rank;
mod read;
mod reader;
pub mod record;
mod resident;
mod salvage;
mod scan;
mod settle;
mod share;
mod store;
mod value;
mod value_copy;
pub mod varint;

pub use condition::Condition;
pub use data_builder::DataBuilder;
pub use data_writer::Sealed;
pub use kv::{Kv, KvConfig, Stats};
pub use limits::KEY_MAX;
pub use location::{Location, Settled};
pub use rank::Counted;
pub use read::{Found, Item, Page, Peek, Range, Read};
pub use reader::{Damaged, Finish, TOKENS_FROM};
pub use settle::SettleState;
pub use share::ShareError;
pub use value::Value;
