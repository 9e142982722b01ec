//! Bytes, files and time: one set of operations, one completion type, three drivers (ring, pool, sim).
//!
//! Knows nothing of frames, batches, topics, keys or Node.

pub mod buffer;
pub mod errno;
pub mod op;

pub use buffer::{BLOCK, Piece, ReadBuffer, SlabWriter, round_up};
pub use errno::{IoError, IoErrorKind};
pub use op::{Completion, Done, FileId, Op, OpId, OpQueue, OpenMode};
