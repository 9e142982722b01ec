//! What was done to data behind the back of its owner, so that a test can say which loss is whose fault.

use super::names::Inode;

/// How data was damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DamageKind {
    /// A test changed bytes on the medium.
    Changed,
    /// A write completed and never happened.
    LostWrite,
    /// A write landed here instead of where it was meant for.
    MisdirectedWrite { meant_for: u64 },
    /// A read saw the medium without what is newer.
    StaleRead,
}

/// One damage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damage {
    pub kind: DamageKind,
    pub(super) inode: Inode,
    /// Bytes from the beginning of the file.
    pub position: u64,
    pub length: u64,
}
