//! Limits of stores, in one place.
//!
//! What it is not: budgets, which are settings (`KvConfig`).

/// Longest key in bytes.
pub const KEY_MAX: usize = u16::MAX as usize;
/// Bytes built or read in one step: large enough for the device, small enough for a turn of the loop.
pub const SLAB: usize = 1 << 20;
/// Entries that one step moves into the keydir.
pub const STEP_ENTRIES: usize = 2_000;
