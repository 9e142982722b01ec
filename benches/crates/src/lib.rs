//! Works of the crates, one each: checksums, codecs, batches, the keydir, the journal and the drivers, as criterion runs them.
//!
//! What it is not: the product (benches/run.ts measures that), nor JavaScript (benches/micro). The one invariant: a work
//! checks what it did, so that nothing is fast because it does nothing.

pub mod batches;
pub mod checksums;
pub mod codecs;
pub mod data;
pub mod drivers;
pub mod journal;
pub mod keydir;
