//! The kinds of calls a fault can hit: one for each kind of attempt, and one for each blocking call of start-up.

use crate::attempt::Attempt;

/// What is being asked of the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CallKind {
    Open,
    Close,
    Read,
    Write,
    /// A write that is durable by itself.
    DurableWrite,
    Sync,
    SyncDirectory,
    Allocate,
    Truncate,
    Rename,
    Unlink,
    Timer,
    /// Size and mode bits of a file that was just opened (fstat, fchmod).
    Status,
    List,
    MakeDirectory,
    Exists,
    ReadSmall,
}

impl CallKind {
    /// Kinds that complete through `Io::drain`.
    pub const COMPLETING: [CallKind; 12] = [
        CallKind::Open,
        CallKind::Close,
        CallKind::Read,
        CallKind::Write,
        CallKind::DurableWrite,
        CallKind::Sync,
        CallKind::SyncDirectory,
        CallKind::Allocate,
        CallKind::Truncate,
        CallKind::Rename,
        CallKind::Unlink,
        CallKind::Timer,
    ];

    /// Calls of start-up that block, and `Status`.
    pub const BLOCKING: [CallKind; 5] =
        [CallKind::Status, CallKind::List, CallKind::MakeDirectory, CallKind::Exists, CallKind::ReadSmall];

    pub(crate) fn of(attempt: &Attempt) -> CallKind {
        match attempt {
            Attempt::Open { .. } => CallKind::Open,
            Attempt::Close { .. } => CallKind::Close,
            Attempt::Read { .. } => CallKind::Read,
            Attempt::Write { durable: false, .. } => CallKind::Write,
            Attempt::Write { durable: true, .. } => CallKind::DurableWrite,
            Attempt::Sync { .. } => CallKind::Sync,
            Attempt::SyncDirectory { .. } => CallKind::SyncDirectory,
            Attempt::Allocate { .. } => CallKind::Allocate,
            Attempt::Truncate { .. } => CallKind::Truncate,
            Attempt::Rename { .. } => CallKind::Rename,
            Attempt::Unlink { .. } => CallKind::Unlink,
            Attempt::Timer { .. } => CallKind::Timer,
        }
    }

    /// Whether it moves bytes, so that it can stop short.
    pub(crate) fn moves_bytes(self) -> bool {
        matches!(self, CallKind::Read | CallKind::Write | CallKind::DurableWrite)
    }

    /// Whether the layer above does it again after EINTR, EAGAIN and ECANCELED, so that nobody sees them.
    pub(crate) fn is_repeated(self) -> bool {
        self.moves_bytes()
            || matches!(
                self,
                CallKind::Sync | CallKind::SyncDirectory | CallKind::Allocate | CallKind::Truncate
            )
    }

    /// Whether it completes later, so that it can be late or overtaken.
    pub(crate) fn completes_later(self) -> bool {
        CallKind::COMPLETING.contains(&self)
    }
}
