//! Sending: what a turn queues for a connection leaves in one vectored send, the next one when that has ended.
//!
//! The one invariant: one send in flight a connection, so bytes leave in order; what it covers is in `Output` and stays.

use crate::connection::Phase;
use crate::event::CloseReason;
use crate::id::{ConnectionId, Purpose};
use crate::net::{Net, Owned};
use crate::output::Flying;
use crate::payload::{Foreign, Payload};
use io_uring::opcode;
use io_uring::types::Fd;
use millrace_io::Piece;
use std::os::fd::AsRawFd;

/// Small sends are told quietly until so many bytes have been taken untold.
const QUIET_MAX: u64 = 64 << 10;

impl Net {
    /// Queues a copy of `bytes`. To a connection that is gone or closing nothing is sent: its end is on its way.
    pub fn send_copy(&mut self, id: ConnectionId, bytes: &[u8]) {
        let (_, owned) = self.parts();
        if bytes.is_empty() || !owned.may_send(id) {
            return;
        }
        owned.counters.bytes_copied += bytes.len() as u64;
        if let Some(connection) = owned.connections.get_mut(id) {
            connection.output.push_copy(bytes);
        }
    }

    /// Queues bytes of somebody else, who is told with `Event::Sent` and by the drop of the keeper. A connection that is
    /// gone drops it at once.
    pub fn send_foreign(&mut self, id: ConnectionId, bytes: Foreign) {
        self.queue(id, Payload::Foreign(bytes));
    }

    /// Queues immutable bytes of the engine.
    pub fn send_piece(&mut self, id: ConnectionId, piece: Piece) {
        self.queue(id, Payload::Piece(piece));
    }

    fn queue(&mut self, id: ConnectionId, payload: Payload) {
        let (_, owned) = self.parts();
        if payload.len() > 0
            && owned.may_send(id)
            && let Some(connection) = owned.connections.get_mut(id)
        {
            connection.output.push(payload);
        }
    }

    /// Begins the sends of all connections that have something new.
    pub(crate) fn fly(&mut self) {
        let mut outgoing = std::mem::take(&mut self.parts().1.outgoing);
        for id in outgoing.drain(..) {
            self.fly_one(id);
        }
        self.parts().1.outgoing = outgoing;
    }

    fn fly_one(&mut self, id: ConnectionId) {
        let (ring, owned) = self.parts();
        let Some(connection) = owned.connections.get_mut(id) else { return };
        connection.output.is_outgoing = false;
        if matches!(connection.phase, Phase::Closing(_)) {
            return;
        }
        let Some(flying) = connection.output.fly() else { return };
        owned.counters.sends += 1;
        let socket = Fd(connection.socket.as_raw_fd());
        let flags = libc::MSG_NOSIGNAL | libc::MSG_WAITALL;
        let entry = match flying {
            Flying::Range(start, length) => opcode::Send::new(socket, start, length).flags(flags).build(),
            Flying::Message(message) => opcode::SendMsg::new(socket, message).flags(flags as u32).build(),
        };
        // SAFETY: vectors, message and payloads are in the connection's output, which changes none of them until
        // `landed`; the connection stays until this completion.
        unsafe { ring.push(entry, Purpose::Send(id.0)) };
    }

    /// A send has ended, in full or not.
    pub(crate) fn sent(&mut self, id: ConnectionId, result: i32) {
        let (_, owned) = self.parts();
        let connection = owned.connections.get_mut(id).expect("a connection stays until its send has ended");
        let output = &mut connection.output;
        let taken = usize::try_from(result).unwrap_or(0);
        output.landed(taken);
        owned.counters.bytes_sent += taken as u64;
        owned.is_urgent |= output.is_urgent || output.taken - output.told >= QUIET_MAX;
        if taken > 0 && !output.is_due {
            output.is_due = true;
            owned.due.push(id);
        }
        let (is_done, phase) = (output.is_empty(), connection.phase);
        match (phase, result) {
            (Phase::Closing(_), _) => self.may_finish(id),
            (_, 1..) | (_, SEND_INTERRUPTED | SEND_AGAIN | SEND_CANCELLED) => {
                if !is_done {
                    owned.outgoing(id);
                } else if phase == Phase::Draining {
                    self.drained(id);
                }
            }
            (_, 0) => self.end(id, CloseReason::Failed(libc::EPIPE)),
            (_, error) => self.end(id, CloseReason::Failed(-error)),
        }
    }
}

const SEND_INTERRUPTED: i32 = -libc::EINTR;
const SEND_AGAIN: i32 = -libc::EAGAIN;
const SEND_CANCELLED: i32 = -libc::ECANCELED;

impl Owned {
    /// Whether this connection still sends; if so, it is put on the list of those that have something to.
    fn may_send(&mut self, id: ConnectionId) -> bool {
        let is_open = self.connections.get(id).is_some_and(|connection| connection.phase == Phase::Open);
        if is_open {
            self.outgoing(id);
        }
        is_open
    }

    fn outgoing(&mut self, id: ConnectionId) {
        if let Some(connection) = self.connections.get_mut(id)
            && !connection.output.is_outgoing
        {
            connection.output.is_outgoing = true;
            self.outgoing.push(id);
        }
    }
}
