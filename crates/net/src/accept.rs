//! Accepting: one multishot accept a listener, a pause when descriptors run out, too many connections closed at once.
//!
//! The one invariant: a listener's descriptor is closed when neither its accept nor its pause is in flight.

use crate::connection::Connection;
use crate::event::{Event, Framing};
use crate::id::{Key, Purpose};
use crate::listener::Listener;
use crate::net::{Net, Owned};
use crate::ring::{Completed, Ring};
use io_uring::opcode;
use io_uring::types::{CancelBuilder, Fd};
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

fn key(number: u32) -> Key {
    Key { index: number, generation: 0 }
}

impl Net {
    /// Listens on one more address; port 0 takes a free one. Answers the listener's number and its address.
    ///
    /// # Errors
    ///
    /// What the system says: the address is in use, not ours, not allowed.
    pub fn listen(
        &mut self,
        address: SocketAddr,
        framing: Framing,
        frame_max: usize,
    ) -> io::Result<(u32, SocketAddr)> {
        let (listener, bound) = Listener::open(address, framing, frame_max)?;
        let (_, owned) = self.parts();
        owned.listeners.push(Some(listener));
        let number = owned.listeners.len() as u32 - 1;
        self.accept(number);
        Ok((number, bound))
    }

    /// Accepts nothing more there; connections stay. The address is free when this `Net` has been driven a little further.
    pub fn unlisten(&mut self, number: u32) {
        let (ring, owned) = self.parts();
        let Some(Some(listener)) = owned.listeners.get_mut(number as usize) else { return };
        if listener.is_ending {
            return;
        }
        listener.is_ending = true;
        if listener.is_accepting {
            let cancel = CancelBuilder::fd(Fd(listener.socket.as_raw_fd())).all();
            // SAFETY: a cancellation points to nothing.
            unsafe { ring.push(opcode::AsyncCancel2::new(cancel).build(), Purpose::Cancel) };
        }
        if listener.is_pausing {
            let cancel = opcode::AsyncCancel::new(Purpose::Backoff(key(number)).user_data());
            // SAFETY: as above.
            unsafe { ring.push(cancel.build(), Purpose::Cancel) };
        }
        self.listener_may_end(number);
    }

    fn accept(&mut self, number: u32) {
        let (ring, owned) = self.parts();
        let Some(Some(listener)) = owned.listeners.get_mut(number as usize) else { return };
        if listener.is_ending || listener.is_accepting || listener.is_pausing {
            return;
        }
        listener.is_accepting = true;
        let accept = opcode::AcceptMulti::new(Fd(listener.socket.as_raw_fd())).flags(libc::SOCK_CLOEXEC);
        // SAFETY: a multishot accept points to nothing.
        unsafe { ring.push(accept.build(), Purpose::Accept(key(number))) };
    }

    pub(crate) fn accepted(&mut self, number: u32, completed: Completed) {
        let (ring, owned) = self.parts();
        let listener = listener(owned, number);
        assert!(listener.is_accepting, "an accept completed that was not begun");
        listener.is_accepting = completed.more;
        if completed.result >= 0 {
            // SAFETY: the kernel has just made this descriptor for us; nobody else owns it.
            let socket = unsafe { OwnedFd::from_raw_fd(completed.result) };
            self.welcome(number, socket);
        } else if !listener.is_ending {
            let errno = -completed.result;
            if !matches!(errno, libc::ECONNABORTED | libc::EINTR | libc::EAGAIN | libc::ECANCELED) {
                pause(ring, listener, number);
                refuse(owned, number, errno);
            }
        }
        if !completed.more {
            self.accept(number);
            self.listener_may_end(number);
        }
    }

    fn welcome(&mut self, number: u32, socket: OwnedFd) {
        let (_, owned) = self.parts();
        let listener = listener(owned, number);
        let (framing, frame_max) = (listener.framing, listener.frame_max);
        if listener.is_ending {
            return;
        }
        if owned.connections.len() >= owned.config.connections_max {
            refuse(owned, number, 0);
            return;
        }
        let id = owned.connections.add(|id| Connection::new(id, socket, framing, frame_max));
        owned.slots.serve(owned.connections.len());
        owned.counters.accepts += 1;
        owned.events.push_back(Event::Accepted { connection: id, listener: number });
        self.go_on(id);
    }

    pub(crate) fn pause_ended(&mut self, number: u32) {
        let (_, owned) = self.parts();
        let listener = listener(owned, number);
        assert!(listener.is_pausing, "a pause ended that was not begun");
        listener.is_pausing = false;
        self.accept(number);
        self.listener_may_end(number);
    }

    fn listener_may_end(&mut self, number: u32) {
        let place = &mut self.parts().1.listeners[number as usize];
        if place.as_ref().is_some_and(|it| it.is_ending && !it.is_accepting && !it.is_pausing) {
            *place = None;
        }
    }
}

fn listener(owned: &mut Owned, number: u32) -> &mut Listener {
    let listener = owned.listeners.get_mut(number as usize).and_then(Option::as_mut);
    listener.expect("a listener stays until nothing of it is in flight")
}

/// Waits a little before the next accept.
fn pause(ring: &mut Ring, listener: &mut Listener, number: u32) {
    listener.is_pausing = true;
    let pause = opcode::Timeout::new(&raw const *listener.pause);
    // SAFETY: the time lies in a box of the listener, which stays until the pause has completed, and never changes.
    unsafe { ring.push(pause.build(), Purpose::Backoff(key(number))) };
}

/// Tells the owner, in one event for many.
fn refuse(owned: &mut Owned, number: u32, errno: i32) {
    owned.counters.refused += 1;
    if let Some(Event::Refused { listener, errno: last, count }) = owned.events.back_mut()
        && *listener == number
        && *last == errno
    {
        *count += 1;
        return;
    }
    owned.events.push_back(Event::Refused { listener: number, errno, count: 1 });
}
