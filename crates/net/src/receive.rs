//! Receiving: one receive in flight a connection, into a slot the kernel chooses or straight behind a gathered frame's
//! bytes.
//!
//! The one invariant: memory is counted before the kernel is asked to write it, and at most eight times what has arrived.

use crate::buffer_ring::GROUP;
use crate::connection::Phase;
use crate::event::{CloseReason, Event};
use crate::gather::Counted;
use crate::id::{ConnectionId, Purpose};
use crate::input::{Armed, Unread};
use crate::net::{Net, Owned};
use crate::ring::Completed;
use io_uring::opcode;
use io_uring::squeue::Flags;
use io_uring::types::Fd;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

/// `IORING_RECVSEND_POLL_FIRST`: wait for a signal before trying.
const POLL_FIRST: u16 = 1;
/// Least bytes a gathering receive asks for: silence is to be cheap, also of a peer that has spoken.
const SILENT_ASK_MIN: usize = 4 << 10;
/// The same when bytes are there already, of a connection whose owner has set a limit.
const ASK_MIN: usize = 64 << 10;
/// A gathering receive asks for so many times what has arrived: eightfold in all.
const ASK_FACTOR: usize = 7;
/// A frame of which nothing has arrived for so long loses its memory when there is no other.
const STANDSTILL: Duration = Duration::from_secs(2);
/// Connections that try again when one gathered frame is released.
const SHORT_TRIES: usize = 8;

impl Net {
    /// Cuts what is there, or receives more: whatever this connection is free to do.
    pub(crate) fn go_on(&mut self, id: ConnectionId) {
        let (_, owned) = self.parts();
        let Some(connection) = owned.connections.get_mut(id) else { return };
        let input = &mut connection.input;
        if connection.phase != Phase::Open || input.is_paused || input.awaits_limit || input.is_short {
            return;
        }
        if input.unread.is_some() || input.parked.is_some() {
            if !input.is_ready {
                input.is_ready = true;
                owned.ready.push_back(id);
            }
        } else if input.armed == Armed::No && !input.is_starved && !input.has_ended {
            match input.gathering {
                None => self.receive(id),
                Some(gathering) if gathering.filled < gathering.length => self.receive_more(id),
                Some(_) => {
                    self.frame_gathered(id);
                    self.receive(id);
                }
            }
        }
    }

    fn receive(&mut self, id: ConnectionId) {
        let (ring, owned) = self.parts();
        let Some(connection) = owned.connections.get_mut(id) else { return };
        let input = &mut connection.input;
        if input.slots_held >= owned.config.slots_per_connection() {
            // Goes on when one of them is released.
            return;
        }
        input.armed = Armed::Slot;
        let first = if input.more { 0 } else { POLL_FIRST };
        let receive = opcode::Recv::new(Fd(connection.socket.as_raw_fd()), std::ptr::null_mut(), 0)
            .buf_group(GROUP)
            .ioprio(first)
            .build()
            .flags(Flags::BUFFER_SELECT);
        // SAFETY: the entry points to nothing; the kernel chooses a slot, and slots stay until the ring is gone. The
        // descriptor is closed only after this completion.
        unsafe { ring.push(receive, Purpose::Receive(id.0)) };
    }

    fn receive_more(&mut self, id: ConnectionId) {
        let (ring, owned) = self.parts();
        let Some(connection) = owned.connections.get_mut(id) else { return };
        let input = &mut connection.input;
        let Some(gathering) = input.gathering else { return };
        let ask_min = if connection.limit.is_set && input.more { ASK_MIN } else { SILENT_ASK_MIN };
        let ask = (gathering.filled * ASK_FACTOR).max(ask_min).min(gathering.length - gathering.filled);
        match owned.gathers.count(gathering.mapping, gathering.filled + ask) {
            Counted::Yes => {}
            Counted::Later => return owned.wait_for_memory(id),
            Counted::Never => return self.exhausted(id, gathering.length),
        }
        let memory = owned.gathers.memory(gathering.mapping).expect("a mapping that is in use");
        input.armed = Armed::Gather;
        let first = if input.more { 0 } else { POLL_FIRST };
        let place = memory.at(gathering.filled);
        assert!(gathering.filled + ask <= memory.len(), "a frame is longer than its mapping");
        let receive = opcode::Recv::new(Fd(connection.socket.as_raw_fd()), place, ask as u32)
            .flags(libc::MSG_WAITALL)
            .ioprio(first)
            .build();
        // SAFETY: `ask` bytes inside a mapping (asserted) that is this connection's until the completion: closing waits
        // for it, and the mapping goes back only afterwards. Nobody reads these bytes meanwhile.
        unsafe { ring.push(receive, Purpose::Gather(id.0)) };
    }

    pub(crate) fn received(&mut self, id: ConnectionId, completed: Completed) {
        let (_, owned) = self.parts();
        let arena_position = completed.slot.map(|slot| {
            owned.slots.take(slot, id);
            (slot, owned.slots.position(slot))
        });
        let slot_bytes = owned.slots.slot_bytes();
        let connection =
            owned.connections.get_mut(id).expect("a connection stays until its receive has ended");
        let input = &mut connection.input;
        assert_eq!(input.armed, Armed::Slot, "a receive completed that was not begun");
        input.armed = Armed::No;
        input.more = completed.nonempty;
        if completed.result > 0 {
            let (slot, start) = arena_position.expect("bytes arrive in a slot");
            let length = completed.result as usize;
            assert!(length <= slot_bytes, "more bytes than a slot has");
            input.slots_held += 1;
            input.unread = Some(Unread { slot, start, end: start + length });
            owned.counters.receives += 1;
            owned.counters.bytes_received += length as u64;
            if connection.phase != Phase::Open {
                self.drop_unread(id);
            } else if input.is_paused {
                self.park(id);
            }
        } else if let Some((slot, _)) = arena_position {
            owned.slots.let_go(slot);
            self.wake_starved();
        }
        self.received_status(id, completed.result);
    }

    pub(crate) fn gathered(&mut self, id: ConnectionId, completed: Completed) {
        let (_, owned) = self.parts();
        let connection =
            owned.connections.get_mut(id).expect("a connection stays until its receive has ended");
        let input = &mut connection.input;
        assert_eq!(input.armed, Armed::Gather, "a receive completed that was not begun");
        input.armed = Armed::No;
        input.more = completed.nonempty;
        let gathering = input.gathering.as_mut().expect("a gathering receive has a frame");
        if completed.result > 0 {
            gathering.filled += completed.result as usize;
            gathering.since = Instant::now();
            assert!(gathering.filled <= gathering.length, "more bytes than were asked for");
            owned.counters.receives += 1;
            owned.counters.bytes_received += completed.result as u64;
        }
        self.received_status(id, completed.result);
    }

    /// What the result of a receive means, its bytes aside.
    fn received_status(&mut self, id: ConnectionId, result: i32) {
        let (_, owned) = self.parts();
        let connection =
            owned.connections.get_mut(id).expect("a connection stays until its receive has ended");
        match connection.phase {
            Phase::Closing(_) => return self.may_finish(id),
            // A peer that will send nothing more may still read.
            Phase::Draining if result >= 0 => return,
            Phase::Draining | Phase::Open => {}
        }
        match -result {
            0 => self.peer_ended(id),
            ..0 => self.go_on(id),
            libc::ENOBUFS => self.found_no_slot(id),
            libc::EINTR | libc::EAGAIN | libc::ECANCELED => self.go_on(id),
            errno => self.end(id, CloseReason::Failed(errno)),
        }
    }

    /// The end of what the peer sends. It lies behind all bytes, which have been cut by now.
    fn peer_ended(&mut self, id: ConnectionId) {
        let (_, owned) = self.parts();
        let Some(connection) = owned.connections.get_mut(id) else { return };
        connection.input.has_ended = true;
        let gathering = connection.input.gathering.take();
        owned.events.push_back(Event::Ended { connection: id });
        if let Some(gathering) = gathering {
            owned.gathers.let_go(gathering.mapping);
            self.memory_came_back();
        }
    }

    fn found_no_slot(&mut self, id: ConnectionId) {
        let (_, owned) = self.parts();
        owned.counters.starved += 1;
        // Slots that came back between the kernel's look and ours announce nothing: try again at once.
        if owned.slots.held() < owned.slots.len() {
            self.go_on(id);
            return;
        }
        if let Some(connection) = owned.connections.get_mut(id) {
            connection.input.is_starved = true;
            owned.starved.push_back(id);
        }
    }

    /// A gathered frame was released: some of those that wait for memory try again, all of them when no other release will
    /// come.
    pub(crate) fn memory_came_back(&mut self) {
        let (_, owned) = self.parts();
        let most = if owned.gathers.has_held() { SHORT_TRIES } else { usize::MAX };
        for _ in 0..owned.short.len().min(most) {
            let (_, owned) = self.parts();
            let Some(id) = owned.short.pop_front() else { return };
            if let Some(connection) = owned.connections.get_mut(id) {
                connection.input.is_short = false;
                self.go_on(id);
            }
        }
    }

    /// There is no memory, and none that a release will bring: frames that stand still lose theirs. When there is none,
    /// the connection that asks is closed.
    pub(crate) fn exhausted(&mut self, id: ConnectionId, length: usize) {
        // Before the others end: their memory may be back at once.
        self.parts().1.wait_for_memory(id);
        if !self.reclaim() {
            self.end(id, CloseReason::Memory(length as i32));
        }
    }

    /// Closes connections whose frame stands still. True when memory comes back from one.
    fn reclaim(&mut self) -> bool {
        let (_, owned) = self.parts();
        let mut is_closing = false;
        let mut still = Vec::new();
        for connection in owned.connections.iter() {
            let Some(gathering) = connection.input.gathering else { continue };
            if matches!(connection.phase, Phase::Closing(_)) {
                is_closing = true;
            } else if !connection.input.is_short && gathering.since.elapsed() >= STANDSTILL {
                still.push((connection.id, gathering.length));
            }
        }
        for (id, length) in &still {
            self.end(*id, CloseReason::Memory(*length as i32));
        }
        is_closing || !still.is_empty()
    }

    /// A slot is with the kernel again: its holder may receive, and whoever found none.
    pub(crate) fn slot_came_back(&mut self, owner: ConnectionId) {
        if let Some(connection) = self.parts().1.connections.get_mut(owner) {
            connection.input.slots_held -= 1;
            self.go_on(owner);
        }
        self.wake_starved();
    }

    /// One of those that found no slot tries again.
    fn wake_starved(&mut self) {
        if let Some(starved) = next_starved(self.parts().1) {
            self.go_on(starved);
        }
    }
}

impl Owned {
    /// This connection goes on when a gathered frame is released.
    pub(crate) fn wait_for_memory(&mut self, id: ConnectionId) {
        if let Some(connection) = self.connections.get_mut(id) {
            connection.input.is_short = true;
            self.short.push_back(id);
        }
    }
}

/// The connection that has waited longest for a slot and can use it. One that is paused asks again when it is resumed.
fn next_starved(owned: &mut Owned) -> Option<ConnectionId> {
    while let Some(id) = owned.starved.pop_front() {
        if let Some(connection) = owned.connections.get_mut(id) {
            connection.input.is_starved = false;
            if connection.phase == Phase::Open && !connection.input.is_paused {
                return Some(id);
            }
        }
    }
    None
}
