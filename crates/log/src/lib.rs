//! Partitions as views of the journal: Kafka record batches kept byte for byte, tails in memory, segments on disk.
//!
//! What it is not: the journal (frames, flushes), the engine (which frame holds what), a protocol (requests).
//! Time and completions are input, operations are output: nothing here touches a file or a clock.

pub mod batch;
pub mod code;
pub mod epochs;
pub mod fields;
pub mod producers;
pub mod records;
pub mod watermarks;

pub use code::Code;
pub use watermarks::{Isolation, Watermarks};
