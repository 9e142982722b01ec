//! Bytes, files and time: one set of operations, one completion type, three drivers (ring, pool, sim).
//!
//! Knows nothing of frames, batches, topics, keys or Node.

pub mod buffer;
pub mod errno;
pub mod faults;
pub mod op;
pub mod raw;
pub mod sim;

mod attempt;
mod boot;
mod clock;
mod continuation;
mod counters;
mod device;
mod directory;
mod driver;
mod file_writer;
mod files;
mod inflight;
mod interrupted;
mod io;
mod limits;
mod memory;
mod mmap;
mod plan;
#[cfg(feature = "planted")]
pub mod planted;
mod probe;
mod residency;
#[cfg(test)]
mod scripted;
mod signal;
mod timers;
mod trial;

pub use buffer::{BLOCK, Piece, ReadBuffer, SlabPool, SlabWriter, round_up};
pub use counters::IoCounters;
pub use directory::OpenError;
pub use driver::{DriverChoice, DriverKind, DriverReport};
pub use errno::{IoError, IoErrorKind};
pub use faults::Faults;
pub use file_writer::FileWriter;
pub use io::Io;
pub use limits::Limits;
pub use mmap::MappedFile;
pub use op::{Completion, Done, FileId, Op, OpId, OpQueue, OpenMode};
pub use probe::{ProbeReport, probe};
pub use residency::Residency;
pub use sim::{SimHandle, SimOptions};
