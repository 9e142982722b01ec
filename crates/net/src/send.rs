//! Sending: what a turn queues for a connection leaves in one vectored send, the next one when that has ended. What is
//! lent leaves by calls, until the socket is full.
//!
//! The one invariant: one send in flight a connection, so bytes leave in order; what it covers is in `Output` and stays.

use crate::connection::Phase;
use crate::event::CloseReason;
use crate::id::{ConnectionId, Purpose};
use crate::lender::{Impatient, Lent};
use crate::net::{Net, Owned};
use crate::output::{ByCall, Flying};
use crate::payload::{Foreign, Payload};
use io_uring::opcode;
use io_uring::types::Fd;
use millrace_io::Piece;
use std::io;
use std::os::fd::{AsRawFd, RawFd};

/// Small sends are told quietly until so many bytes have been taken untold.
const QUIET_MAX: u64 = 64 << 10;
/// Below this a copy costs less than the calls that save it.
const LENT_MIN: usize = 64 << 10;
/// Bytes that leave by calls before other connections have their turn.
const TURN_MAX: usize = 1 << 20;

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

    /// Queues immutable bytes of the engine; large ones that were read before are lent to the kernel.
    pub fn send_piece(&mut self, id: ConnectionId, piece: Piece) {
        let is_lent = piece.len() >= LENT_MIN && piece.lend();
        self.queue(id, if is_lent { Payload::Lent(piece) } else { Payload::Piece(piece) });
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
        // Nobody was put on the list meanwhile: who goes on after calls is told by a completion.
        let (_, owned) = self.parts();
        assert!(owned.outgoing.is_empty(), "a connection that is served asks to be served");
        owned.outgoing = outgoing;
    }

    fn fly_one(&mut self, id: ConnectionId) {
        let (_, owned) = self.parts();
        let Some(connection) = owned.connections.get_mut(id) else { return };
        connection.output.is_outgoing = false;
        if matches!(connection.phase, Phase::Closing(_)) || connection.output.awaits_room {
            return;
        }
        if connection.output.by_call().is_some() && !self.send_by_calls(id) {
            return;
        }
        let (ring, owned) = self.parts();
        let Some(connection) = owned.connections.get_mut(id) else { return };
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

    /// Sends by calls while something is lent. True when the rest, if there is one, may go by the ring.
    fn send_by_calls(&mut self, id: ConnectionId) -> bool {
        let Some(connection) = self.owned().connections.get(id) else { return false };
        // For all pieces of the turn at once: two calls, not two a piece.
        let impatient = Impatient::new(connection.socket.as_raw_fd());
        let stopped = self.call_out(id);
        drop(impatient);
        match stopped {
            Stopped::Failed(errno) => {
                self.end(id, CloseReason::Failed(errno));
                return false;
            }
            Stopped::ForNow => {
                self.await_room(id);
                return false;
            }
            Stopped::NothingLent => {}
        }
        let connection = self.owned().connections.get(id);
        let is_drained = connection.is_some_and(|c| c.output.is_empty() && c.phase == Phase::Draining);
        if is_drained {
            self.drained(id);
        }
        !is_drained
    }

    /// The calls themselves: until nothing is lent any more, the socket is full, or others have their turn. The
    /// connection stays, and its descriptor with it.
    fn call_out(&mut self, id: ConnectionId) -> Stopped {
        let mut turn = 0;
        loop {
            let (_, owned) = self.parts();
            let Some(connection) = owned.connections.get_mut(id) else { return Stopped::NothingLent };
            let Some(next) = connection.output.by_call() else { return Stopped::NothingLent };
            let socket = connection.socket.as_raw_fd();
            let outcome = match next.is_lent {
                // SAFETY: a piece that says it may be lent is immutable, and its memory is not used again.
                true => unsafe { owned.lender.send(socket, next.start, next.length, !next.is_last) },
                false => Lent::Refused,
            };
            let is_lent = outcome != Lent::Refused;
            let outcome = if is_lent { outcome } else { copy_out(socket, next) };
            owned.counters.sends += 1;
            match outcome {
                Lent::Taken { bytes, is_full } => {
                    connection.output.took(bytes);
                    owned.counters.bytes_lent += if is_lent { bytes as u64 } else { 0 };
                    owned.note_taken(id, bytes);
                    turn += if is_full { TURN_MAX } else { bytes };
                }
                Lent::Failed(errno) => return Stopped::Failed(errno),
                Lent::Full | Lent::Refused => turn = TURN_MAX,
            }
            if turn >= TURN_MAX && !self.owned().connections.get(id).is_none_or(|c| c.output.is_empty()) {
                return Stopped::ForNow;
            }
        }
    }

    /// The connection goes on when its socket takes bytes.
    fn await_room(&mut self, id: ConnectionId) {
        let (ring, owned) = self.parts();
        let Some(connection) = owned.connections.get_mut(id) else { return };
        connection.output.awaits_room = true;
        let entry = opcode::PollAdd::new(Fd(connection.socket.as_raw_fd()), libc::POLLOUT as u32).build();
        // SAFETY: a poll points to nothing; the connection, and its descriptor, stay until this completion.
        unsafe { ring.push(entry, Purpose::Room(id.0)) };
    }

    /// A poll for room has ended, however.
    pub(crate) fn room(&mut self, id: ConnectionId) {
        let (_, owned) = self.parts();
        let connection = owned.connections.get_mut(id).expect("a connection stays until its poll has ended");
        connection.output.awaits_room = false;
        match connection.phase {
            Phase::Closing(_) => self.may_finish(id),
            _ => owned.outgoing(id),
        }
    }

    /// A send has ended, in full or not.
    pub(crate) fn sent(&mut self, id: ConnectionId, result: i32) {
        let (_, owned) = self.parts();
        let connection = owned.connections.get_mut(id).expect("a connection stays until its send has ended");
        let taken = usize::try_from(result).unwrap_or(0);
        connection.output.landed(taken);
        let (is_done, phase) = (connection.output.is_empty(), connection.phase);
        owned.note_taken(id, taken);
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

/// Why no more leaves by calls.
enum Stopped {
    NothingLent,
    /// The socket is full, or it is the turn of others.
    ForNow,
    /// With this errno.
    Failed(i32),
}

const SEND_INTERRUPTED: i32 = -libc::EINTR;
const SEND_AGAIN: i32 = -libc::EAGAIN;
const SEND_CANCELLED: i32 = -libc::ECANCELED;

/// Sends a copy of a range by a call of its own.
fn copy_out(socket: RawFd, range: ByCall) -> Lent {
    let more = if range.is_last { 0 } else { libc::MSG_MORE };
    let flags = libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT | more;
    // SAFETY: readable bytes of a payload that the connection's output keeps.
    let taken = unsafe { libc::send(socket, range.start.cast(), range.length, flags) };
    match usize::try_from(taken) {
        Ok(taken) => Lent::Taken { bytes: taken, is_full: taken < range.length },
        Err(_) => match io::Error::last_os_error().raw_os_error() {
            Some(libc::EAGAIN | libc::EINTR | libc::ENOBUFS) => Lent::Full,
            errno => Lent::Failed(errno.unwrap_or(libc::EIO)),
        },
    }
}

impl Owned {
    /// Counts what the kernel has taken of a connection's bytes, and sees that its owner hears of it.
    fn note_taken(&mut self, id: ConnectionId, bytes: usize) {
        let Some(connection) = self.connections.get_mut(id) else { return };
        let output = &mut connection.output;
        self.counters.bytes_sent += bytes as u64;
        self.is_urgent |= output.is_urgent || output.taken - output.told >= QUIET_MAX;
        if bytes > 0 && !output.is_due {
            output.is_due = true;
            self.due.push(id);
        }
    }

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
