//! Cutting frames out of slots, and moving those that do not end there to memory of their own.
//!
//! The one invariant: a length prefix is a claim. It is compared with the limit before anything else, and costs memory only
//! as its bytes arrive.

use crate::connection::{Connection, Phase};
use crate::event::{CloseReason, Event, Framing};
use crate::gather::Counted;
use crate::id::ConnectionId;
use crate::input::{Gathering, Unread};
use crate::net::{Net, Owned};
use std::time::Instant;

/// Frames of one connection between two tellings: the owner may pause it after so many.
const FRAMES_MAX: usize = 64;
/// Events between two tellings, roughly; the rest is cut afterwards.
const EVENTS_MAX: usize = 1024;

/// What cutting came to.
pub(crate) enum Cut {
    /// A frame was delivered; there may be another.
    Frame,
    /// A frame lies in gathering memory as a whole.
    Gathered,
    /// The slot is used up, or its rest lies in gathering memory now.
    UsedUp,
    /// Bytes stay until the owner has judged what it has.
    Waits,
    /// There is no memory for a frame of this length.
    Exhausted(usize),
    Fails(CloseReason),
}

impl Net {
    /// Cuts what has arrived, connection by connection, as far as there is room for events.
    pub(crate) fn cut_ready(&mut self) {
        for _ in 0..self.owned().ready.len() {
            let (_, owned) = self.parts();
            if owned.events.len() >= EVENTS_MAX {
                return;
            }
            let Some(id) = owned.ready.pop_front() else { return };
            if let Some(connection) = owned.connections.get_mut(id) {
                connection.input.is_ready = false;
                self.cut(id);
            }
        }
    }

    fn cut(&mut self, id: ConnectionId) {
        for _ in 0..FRAMES_MAX {
            let (_, owned) = self.parts();
            let Some(connection) = owned.connections.get(id) else { return };
            if connection.phase != Phase::Open || connection.input.is_paused {
                return;
            }
            match owned.cut_one(id) {
                Cut::Frame => {}
                Cut::Gathered => self.frame_gathered(id),
                Cut::UsedUp => {
                    self.drop_unread(id);
                    self.go_on(id);
                    return;
                }
                Cut::Waits => {
                    self.park(id);
                    return;
                }
                Cut::Exhausted(length) => {
                    self.exhausted(id, length);
                    self.park(id);
                    return;
                }
                Cut::Fails(reason) => {
                    self.end(id, reason);
                    return;
                }
            }
        }
        self.go_on(id);
    }

    /// The connection is done with the bytes it has.
    pub(crate) fn drop_unread(&mut self, id: ConnectionId) {
        let (_, owned) = self.parts();
        let Some(connection) = owned.connections.get_mut(id) else { return };
        connection.input.parked = None;
        self.drop_slot(id);
    }

    /// The connection is done with its slot.
    pub(crate) fn drop_slot(&mut self, id: ConnectionId) {
        let (_, owned) = self.parts();
        let Some(connection) = owned.connections.get_mut(id) else { return };
        if let Some(unread) = connection.input.unread.take()
            && owned.slots.let_go(unread.slot)
        {
            self.slot_came_back(id);
        }
    }

    /// The last byte of a gathered frame has arrived.
    pub(crate) fn frame_gathered(&mut self, id: ConnectionId) {
        let (_, owned) = self.parts();
        let Some(connection) = owned.connections.get_mut(id) else { return };
        let Some(gathering) = connection.input.gathering.take() else { return };
        connection.input.frames_open += 1;
        let token = owned.gathers.hold(gathering.mapping);
        owned.counters.frames += 1;
        owned.counters.gathered += 1;
        let memory = gathering.mapping + 1;
        owned.events.push_back(Event::Frame {
            connection: id,
            memory,
            start: 0,
            end: gathering.length,
            token,
        });
    }

    /// The owner is done with a frame of this connection.
    pub(crate) fn frame_released(&mut self, owner: ConnectionId) {
        let Some(connection) = self.parts().1.connections.get_mut(owner) else { return };
        let input = &mut connection.input;
        input.frames_open -= 1;
        if input.awaits_limit && input.frames_open == 0 {
            // All frames are judged, and the limit was not raised: the next look closes the connection.
            input.awaits_limit = false;
            self.go_on(owner);
        }
    }
}

impl Owned {
    /// Cuts the next frame of the bytes in a connection's slot.
    fn cut_one(&mut self, id: ConnectionId) -> Cut {
        let Some(connection) = self.connections.get_mut(id) else { return Cut::UsedUp };
        let Some(mut unread) = connection.input.unread else { return self.cut_parked(id) };
        if connection.framing == Framing::Raw {
            connection.input.unread = Some(Unread { start: unread.end, ..unread });
            if unread.start == unread.end {
                return Cut::UsedUp;
            }
            self.deliver(id, unread, unread.end);
            return Cut::Frame;
        }
        let input = &mut connection.input;
        let missing = (4 - input.head_filled).min(unread.end - unread.start);
        let head = &mut input.head[input.head_filled..input.head_filled + missing];
        self.slots.memory().read(unread.start, head);
        input.head_filled += missing;
        unread.start += missing;
        input.unread = Some(unread);
        if input.head_filled < 4 {
            return Cut::UsedUp;
        }
        let claimed = i32::from_be_bytes(input.head);
        match judge(connection, claimed) {
            Ok(length) if unread.end - unread.start >= length => {
                connection.input.head_filled = 0;
                let end = unread.start + length;
                connection.input.unread = Some(Unread { start: end, ..unread });
                self.deliver(id, unread, end);
                Cut::Frame
            }
            Ok(length) => self.gather(id, unread, length),
            Err(cut) => cut,
        }
    }

    fn deliver(&mut self, id: ConnectionId, unread: Unread, end: usize) {
        let token = self.slots.hold(unread.slot);
        if let Some(connection) = self.connections.get_mut(id) {
            connection.input.frames_open += 1;
        }
        self.counters.frames += 1;
        let (memory, start) = (Net::ARENA, unread.start);
        self.events.push_back(Event::Frame { connection: id, memory, start, end, token });
    }

    /// Moves the beginning of a frame to memory where the rest of it will be received.
    fn gather(&mut self, id: ConnectionId, unread: Unread, length: usize) -> Cut {
        let Some(connection) = self.connections.get_mut(id) else { return Cut::UsedUp };
        let filled = unread.end - unread.start;
        let no_memory = Cut::Fails(CloseReason::Memory(length as i32));
        let Some(mapping) = self.gathers.take(length.max(connection.limit.gather_min), id) else {
            return no_memory;
        };
        let counted = self.gathers.count(mapping, filled);
        if counted != Counted::Yes {
            self.gathers.let_go(mapping);
            if counted == Counted::Never {
                return Cut::Exhausted(length);
            }
            // The bytes stay in their slot, and the length prefix is remembered.
            self.wait_for_memory(id);
            return Cut::Waits;
        }
        // Owned by the connection from here on: closing it lets the mapping go.
        connection.input.gathering = Some(Gathering { mapping, length, filled, since: Instant::now() });
        connection.input.head_filled = 0;
        let memory = self.gathers.memory_mut(mapping).expect("a mapping that was just taken");
        memory.copy_from(0, self.slots.memory(), unread.start, filled);
        self.counters.bytes_copied += filled as u64;
        Cut::UsedUp
    }
}

/// A claim against the limit: the length as it may be, or what becomes of the connection.
pub(crate) fn judge(connection: &mut Connection, claimed: i32) -> Result<usize, Cut> {
    let refused = Cut::Fails(CloseReason::Length(claimed));
    let Ok(length) = usize::try_from(claimed) else { return Err(refused) };
    if length == 0 {
        return Err(refused);
    }
    if length <= connection.limit.frame_max {
        return Ok(length);
    }
    // The frames before it may be what the owner raises the limit for: it gets the time to look at them.
    if !connection.limit.is_set && connection.input.frames_open > 0 {
        connection.input.awaits_limit = true;
        return Err(Cut::Waits);
    }
    Err(refused)
}
