//! What a `Net` tells whoever drives it.

use crate::id::{ConnectionId, Token};

/// How a listener's connections are cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// Whatever has arrived.
    Raw,
    /// A signed 32-bit big-endian length before each frame.
    LengthPrefixed,
}

/// Why a connection is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// We closed it.
    Local,
    /// The peer sends nothing more, and everything queued for it has been sent.
    Ended,
    /// The socket failed with this errno.
    Failed(i32),
    /// A frame claimed this length: not positive, or above the limit.
    Length(i32),
    /// There is no memory left for a frame that claimed this length.
    Memory(i32),
}

/// Something that happened, in order for each connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    Accepted {
        connection: ConnectionId,
        listener: u32,
    },
    /// `start..end` of `Net::memory(memory)`; the bytes stay until `token` is released, once for each frame.
    Frame {
        connection: ConnectionId,
        memory: u32,
        start: usize,
        end: usize,
        token: Token,
    },
    /// The peer sends nothing more, but may still read: no frame follows, and the owner closes when it has answered. What
    /// is left of a frame that is not whole is dropped.
    Ended {
        connection: ConnectionId,
    },
    /// The last event of a connection. Frames stay until they are released.
    Closed {
        connection: ConnectionId,
        reason: CloseReason,
    },
    /// Bytes the kernel has taken since the connection was accepted.
    Sent {
        connection: ConnectionId,
        total: u64,
    },
    /// Accepting failed with `errno`, or was undone because there are too many connections (0).
    Refused {
        listener: u32,
        errno: i32,
        count: u64,
    },
}
