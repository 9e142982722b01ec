//! Simulated disks by name, so that a test can cut the power and open the same disk again.
//!
//! The only process-wide state of the addon. It holds no environment's memory and no driver: just handles of machines
//! that exist in memory, shared by all threads as a real disk would be.

mod machine;

use millrace_io::{SimHandle, SimOptions};
use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};

static DISKS: LazyLock<Mutex<HashMap<String, SimHandle>>> = LazyLock::new(Mutex::default);

/// The disk of this name; a new one has the faults of an honest device drawn from `seed`.
pub(crate) fn open(name: &str, seed: u64) -> SimHandle {
    let mut disks = DISKS.lock().unwrap_or_else(PoisonError::into_inner);
    disks.entry(name.to_owned()).or_insert_with(|| SimHandle::new(SimOptions::random(seed))).clone()
}

/// A copy of a disk under another name: same files and caches, a future of its own. False when there is no such disk.
fn fork(name: &str, copy: &str, seed: u64) -> bool {
    let mut disks = DISKS.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(forked) = disks.get(name).map(|disk| disk.fork(seed)) else { return false };
    disks.insert(copy.to_owned(), forked);
    true
}

/// Lets go of a disk's memory; whoever has it open keeps it until then.
fn forget(name: &str) {
    DISKS.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
}
