//! Stores as views of the journal: keys in memory, values in sealed data files, writes above the checkpoint in memory.
//!
//! What it is not: the journal (frames, flushes), the engine (which frame holds what), a protocol (Redis' types, JSON).
//! Time and completions are input, operations are output: nothing here touches a file or a clock.

mod condition;
mod kv;
mod memtable;
mod read;
mod store;
mod value;

/// Longest key in bytes.
pub const KEY_MAX: usize = u16::MAX as usize;

pub use condition::Condition;
pub use kv::{Kv, Stats};
pub use read::{Found, Item, Page, Range, Read};
pub use value::Value;
