//! Partitions as views of the journal: Kafka record batches kept byte for byte, tails in memory, segments on disk.
//!
//! What it is not: the journal (frames, flushes), the engine (which frame holds what), a protocol (requests).
//! Time and completions are input, operations are output: nothing here touches a file or a clock.

mod ahead;
mod ahead_read;
pub mod batch;
mod captured;
mod changes;
#[cfg(test)]
mod changes_tests;
pub mod code;
mod cold;
pub mod compaction;
mod content;
pub mod epochs;
pub mod fields;
mod files;
pub mod index;
pub mod limits;
mod log;
mod lookup;
pub mod marker;
mod order;
mod partition;
pub mod planted;
mod producers;
pub mod range;
mod reader;
pub mod records;
mod replay;
mod report;
pub mod salvage;
pub mod segment;
mod segment_report;
mod settle;
mod snapshot;
mod table;
mod tail;
#[cfg(test)]
#[path = "../tests/support/batches.rs"]
mod testing;
mod transactions;
pub mod verify;
pub mod watermarks;

pub use ahead::AheadCounters;
pub use changes::merged;
pub use code::Code;
pub use compaction::{Compact, CompactionCounters};
pub use limits::Limits;
pub use log::{Judged, Log, LogConfig};
pub use lookup::{EARLIEST, Fetch, LATEST, MAX_TIMESTAMP, OffsetSearch};
pub use millrace_io::FileWriter;
pub use partition::{Partition, Undo};
pub use producers::ProducerReport;
pub use range::Place;
pub use reader::{Damaged, Found};
pub use replay::ReplayError;
pub use report::PartitionProducer;
pub use segment_report::{IndexState, KINDS, SegmentReport, SegmentTotals};
pub use settle::SettleState;
pub use snapshot::{NO_TRANSACTIONS, SnapshotError};
pub use table::Handle;
pub use transactions::Aborted;
pub use watermarks::{Isolation, Watermarks};
