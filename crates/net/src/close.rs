//! The end of a connection: refuse, cancel what is in flight, await it, close the descriptor, tell.
//!
//! The one invariant: this order. A descriptor that is closed while something is in flight for it could be another
//! connection's by the time that completes.

use crate::connection::Phase;
use crate::event::{CloseReason, Event};
use crate::id::{ConnectionId, Purpose};
use crate::net::Net;
use io_uring::opcode;
use io_uring::types::{CancelBuilder, Fd};
use std::os::fd::AsRawFd;

impl Net {
    /// Closes a connection at once; what is queued is dropped.
    pub fn close(&mut self, id: ConnectionId) {
        self.end(id, CloseReason::Local);
    }

    /// Receives nothing more and closes when everything queued has been sent.
    pub fn close_when_sent(&mut self, id: ConnectionId) {
        let (_, owned) = self.parts();
        let Some(connection) = owned.connections.get_mut(id) else { return };
        if connection.phase != Phase::Open {
            return;
        }
        connection.phase = Phase::Draining;
        let is_done = connection.output.is_empty();
        self.drop_unread(id);
        if is_done {
            self.drained(id);
        }
    }

    /// Everything queued for a connection that is to close then has been sent.
    pub(crate) fn drained(&mut self, id: ConnectionId) {
        let Some(connection) = self.owned().connections.get(id) else { return };
        let reason = if connection.input.has_ended { CloseReason::Ended } else { CloseReason::Local };
        self.end(id, reason);
    }

    /// Ends a connection for whatever reason; a second one changes nothing.
    pub(crate) fn end(&mut self, id: ConnectionId, reason: CloseReason) {
        let (ring, owned) = self.parts();
        let Some(connection) = owned.connections.get_mut(id) else { return };
        if matches!(connection.phase, Phase::Closing(_)) {
            return;
        }
        connection.phase = Phase::Closing(reason);
        connection.output.abandon();
        if connection.is_busy() {
            let cancel = CancelBuilder::fd(Fd(connection.socket.as_raw_fd())).all();
            // SAFETY: a cancellation points to nothing.
            unsafe { ring.push(opcode::AsyncCancel2::new(cancel).build(), Purpose::Cancel) };
        }
        self.drop_unread(id);
        self.may_finish(id);
    }

    /// Closes the descriptor of a connection that is closing, once nothing is in flight for it.
    pub(crate) fn may_finish(&mut self, id: ConnectionId) {
        let (_, owned) = self.parts();
        let Some(connection) = owned.connections.get(id) else { return };
        let Phase::Closing(reason) = connection.phase else { return };
        if connection.is_busy() {
            return;
        }
        let Some(connection) = owned.connections.remove(id) else { return };
        if let Some(gathering) = connection.input.gathering {
            owned.gathers.let_go(gathering.mapping);
        }
        let had_memory = connection.input.gathering.is_some();
        let total = connection.output.taken;
        if connection.output.told < total {
            owned.events.push_back(Event::Sent { connection: id, total });
        }
        owned.events.push_back(Event::Closed { connection: id, reason });
        if had_memory {
            self.memory_came_back();
        }
    }
}
