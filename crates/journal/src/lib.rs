//! One journal under everything: frames, group commit, flush policies, recovery. See docs/format/journal.md.
//!
//! What it is not: it never looks inside a payload, knows no partition, store, protocol, thread or clock.
//!
//! The one invariant: what is acknowledged as written or durable comes back, in order and without a hole, or is
//! reported as damage.

mod beyond;
mod bulk;
mod bulk_file;
mod bulk_spaces;
mod bulk_supply;
mod bytes;
mod checksum;
mod commit;
mod config;
mod counters;
mod cut;
mod entry;
mod error;
mod examine;
mod file;
mod file_header;
mod flights;
mod flush;
mod frame;
mod journal;
#[cfg(test)]
mod journal_bulk_tests;
#[cfg(test)]
mod journal_tests;
mod outside;
#[cfg(feature = "planted")]
mod planted;
mod poison;
mod pressure;
mod prewrite;
mod recover;
mod reference;
mod report;
mod scan;
mod supply;
mod survey;
mod timings;
mod unproven;
mod walk;
mod watermark;

pub use bulk_file::{BULK_FROM, BULK_VERSION, BulkConfig, BulkHeader};
pub use bulk_spaces::{LARGE_FILE, Space, space_of};
pub use checksum::crc32c;
pub use config::{Config, Start};
pub use counters::Counters;
pub use entry::{ENTRY_HEADER, Entries, Entry, RecoveredEntry};
pub use error::{Busy, JournalError, OpenError};
pub use file_header::{FileHeader, FileHeaderRead, JOURNAL_DIRECTORY, file_path, number_of};
pub use flush::{CommitWrite, Demand, FLUSH_CAUSES, FlushCause, Level, Policy, Request};
pub use frame::{ALIGN, Claim, FLAG_RESTART, FRAME_HEADER, FrameHeader, FrameKind, NoFrame};
pub use journal::{Appended, Journal};
#[cfg(feature = "planted")]
pub use planted::Planted;
pub use poison::{Poison, PoisonCause};
pub use pressure::Pressure;
pub use recover::{Listener, RecoveredFrame};
pub use reference::{Bulk, Place, REFERENCE, Reference};
pub use report::{Damage, DamageDetail, JournalReport};
pub use timings::{Histogram, Timings};
pub use watermark::Watermarks;
