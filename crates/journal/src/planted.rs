//! Known bugs that can be switched on, so that the crash tests can show that they would find them.
//!
//! What it is not: part of any build that serves; compiled only with the feature `planted`.
//!
//! The one invariant: all off is the shipped behaviour.

/// One switch per bug.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Planted {
    /// A plain write moves `durable` although no flush has covered it.
    pub acknowledge_before_flush: bool,
    /// Recovery accepts any frame whose own checksum matches: lap, incarnation, LSN and chain are not compared.
    pub accept_stale_lap: bool,
    /// A failed flush is tried again, and believed when it then succeeds.
    pub retry_failed_flush: bool,
    /// A commit is acknowledged when its own write completes, although an older one is still on its way.
    pub acknowledge_out_of_order: bool,
    /// What a frame refers to is taken for durable although no flush has covered it.
    pub acknowledge_before_bulk_flush: bool,
    /// Recovery believes that what a reference names is there: its CRC is not compared.
    pub trust_references: bool,
    /// A segment file goes as soon as nothing in memory needs it, although the manifest in place names it.
    pub remove_named_files: bool,
}
