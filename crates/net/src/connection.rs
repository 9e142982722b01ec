//! One accepted connection: its socket, both directions, and how far its end has come.
//!
//! State only; what happens to it is in receive.rs, cut.rs, send.rs and close.rs.
//!
//! The one invariant: the descriptor is closed when nothing is in flight for it, and only then.

use crate::event::{CloseReason, Framing};
use crate::id::ConnectionId;
use crate::input::{Armed, Input};
use crate::output::Output;
use std::os::fd::OwnedFd;

/// What a connection may send.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limit {
    pub frame_max: usize,
    /// Least bytes of a gathering mapping, so that few classes serve all frames.
    pub gather_min: usize,
    /// The owner has set it: before that, `frame_max` is the listener's.
    pub is_set: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Open,
    /// Receives nothing more, ends when everything queued is sent.
    Draining,
    /// Waits for what is in flight.
    Closing(CloseReason),
}

#[derive(Debug)]
pub(crate) struct Connection {
    pub id: ConnectionId,
    pub socket: OwnedFd,
    pub framing: Framing,
    pub limit: Limit,
    pub phase: Phase,
    pub input: Input,
    pub output: Output,
}

impl Connection {
    pub(crate) fn new(id: ConnectionId, socket: OwnedFd, framing: Framing, frame_max: usize) -> Connection {
        Connection {
            id,
            socket,
            framing,
            limit: Limit { frame_max, gather_min: 0, is_set: false },
            phase: Phase::Open,
            input: Input::default(),
            output: Output::default(),
        }
    }

    /// Something of it is with the kernel.
    pub(crate) fn is_busy(&self) -> bool {
        self.input.armed != Armed::No || self.output.is_flying() || self.output.awaits_room
    }
}
