//! Stores as views of the journal: keys in memory, values in sealed data files, writes above the checkpoint in memory.
//!
//! What it is not: the journal (frames, flushes), the engine (which frame holds what), a protocol (Redis' types, JSON).
//! Time and completions are input, operations are output: nothing here touches a file or a clock.

mod bytes;
mod condition;
pub mod data_file;
mod data_writer;
pub mod hint;
pub mod keydir;
mod kv;
mod leaf;
mod limits;
mod location;
mod memtable;
pub mod planted;
mod read;
pub mod record;
mod store;
mod value;
pub mod varint;

pub use limits::KEY_MAX;

pub use condition::Condition;
pub use kv::{Kv, Stats};
pub use read::{Found, Item, Page, Range, Read};
pub use value::Value;
