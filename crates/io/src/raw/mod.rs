//! Raw operations: one system call each, on descriptors and memory of the caller's own, through a ring or through threads.
//!
//! What it is not: the engine's I/O (`Io`). There is no data directory here, a short read or write is answered as it is,
//! and a failed flush is the caller's to understand.
//!
//! The one invariant: from hand-over to completion an operation's memory, paths and descriptors belong to it. Nothing of
//! them is freed, closed or lent to another writer before its completion, whoever lets go of what meanwhile.

mod address;
mod arena;
mod describe;
mod file_table;
mod flights;
mod mapping;
mod perform;
#[cfg(all(test, feature = "planted"))]
mod planted_tests;
mod polled;
mod pool;
mod raw_io;
mod registered;
mod request;
mod ring;
mod setup;
mod sockets;
mod teardown;
#[cfg(test)]
mod tests;
mod waits;

pub use address::Address;
pub use arena::{Arena, Lent};
pub use mapping::Mapping;
pub use polled::try_polling;
pub use raw_io::{Completed, RawIo, RawOptions, RawReport};
pub use request::{Bytes, FileNumber, Owned, Refused, Request};
pub use setup::Mode;
