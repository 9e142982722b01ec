//! The receiving side of a connection: what is armed, what is not cut yet, and the frame that is being gathered.
//!
//! State only. The one invariant: at most one receive is in flight, and none is armed while there are bytes to cut.

use crate::park::Parked;
use std::time::Instant;

/// What the receive in flight writes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Armed {
    No,
    /// A slot the kernel will choose.
    Slot,
    /// The gathering memory, behind what is there.
    Gather,
}

/// Bytes in a slot that are not cut yet: positions in the arena.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unread {
    pub slot: u16,
    pub start: usize,
    pub end: usize,
}

/// A frame that did not end in its slot.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gathering {
    /// Number among gathering mappings.
    pub mapping: u32,
    pub length: usize,
    pub filled: usize,
    /// When bytes of it arrived last.
    pub since: Instant,
}

#[derive(Debug)]
pub(crate) struct Input {
    pub armed: Armed,
    /// The socket had more bytes when last looked at: no need to wait for a signal first.
    pub more: bool,
    pub unread: Option<Unread>,
    /// Instead of `unread`: the bytes had to leave their slot.
    pub parked: Option<Parked>,
    pub gathering: Option<Gathering>,
    /// A length prefix, as far as it has arrived.
    pub head: [u8; 4],
    pub head_filled: usize,
    pub slots_held: usize,
    /// Frames delivered and not released.
    pub frames_open: usize,
    /// The peer sends nothing more: nothing is received again.
    pub has_ended: bool,
    pub is_paused: bool,
    /// In the queue of those that found no slot.
    pub is_starved: bool,
    /// In the queue of those that wait for gathering memory.
    pub is_short: bool,
    /// In the queue of those with bytes to cut.
    pub is_ready: bool,
    /// A frame above the first limit: the owner has not yet judged the ones before it.
    pub awaits_limit: bool,
}

impl Default for Input {
    fn default() -> Input {
        Input {
            armed: Armed::No,
            more: false,
            unread: None,
            parked: None,
            gathering: None,
            head: [0; 4],
            head_filled: 0,
            slots_held: 0,
            frames_open: 0,
            has_ended: false,
            is_paused: false,
            is_starved: false,
            is_short: false,
            is_ready: false,
            awaits_limit: false,
        }
    }
}
