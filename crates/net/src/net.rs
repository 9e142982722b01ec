//! The sockets of one loop: what it owns, how it is driven, what its owner asks of it.
//!
//! Driving: `reap` what completed, `take_events`, tell the owner, `submit`. Nothing blocks but `wait` and dropping it.
//!
//! The one invariant: everything the kernel may still write to or read from is owned here, and is let go of only after the
//! completion, or with the ring when nothing is in flight.

use crate::buffer_ring::BufferRing;
use crate::config::{ConfigError, NetConfig};
use crate::connection::Phase;
use crate::counters::NetCounters;
use crate::event::Event;
use crate::gather::Gathers;
use crate::id::{ConnectionId, Purpose, Token};
use crate::lender::Lender;
use crate::listener::Listener;
use crate::memory::Memory;
use crate::ring::{Completed, Ring};
use crate::setup;
use crate::slots::Slots;
use crate::table::Table;
use socket2::SockRef;
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::os::fd::RawFd;
use std::ptr::NonNull;

/// Number of the slots' memory; gathering mappings are counted from 1.
const ARENA: u32 = 0;

/// Why there is no `Net`.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The kernel, or whoever guards it, does not give us the ring. A clause for people.
    #[error("{0}")]
    Ring(String),
}

/// All sockets of one loop.
#[derive(Debug)]
pub struct Net {
    // Dropped first: the ring is closed before the memory it was given goes away.
    pub(crate) ring: Ring,
    pub(crate) owned: Option<Owned>,
}

/// What the ring works on.
#[derive(Debug)]
pub(crate) struct Owned {
    pub slots: Slots,
    pub gathers: Gathers,
    pub connections: Table,
    pub listeners: Vec<Option<Listener>>,
    pub config: NetConfig,
    pub counters: NetCounters,
    pub events: VecDeque<Event>,
    /// Connections with bytes to cut.
    pub ready: VecDeque<ConnectionId>,
    /// Connections that found no slot, in order.
    pub starved: VecDeque<ConnectionId>,
    /// Connections that wait for gathering memory, in order.
    pub short: VecDeque<ConnectionId>,
    /// Connections with something new to send.
    pub outgoing: Vec<ConnectionId>,
    /// Connections of which `taken` has moved.
    pub due: Vec<ConnectionId>,
    /// One of them should be told at once.
    pub is_urgent: bool,
    pub lender: Lender,
}

impl Net {
    /// Opens a ring for sockets on the calling thread, which is the only one that may use it.
    ///
    /// # Errors
    ///
    /// A configuration that cannot be met, or a kernel that refuses the ring.
    pub fn open(config: NetConfig) -> Result<Net, OpenError> {
        config.check()?;
        let ring = setup::open(config.connections_max).map_err(OpenError::Ring)?;
        let no_memory = |error: io::Error| OpenError::Ring(format!("no memory for sockets: {error}"));
        let arena = Memory::map(config.slots * config.slot_bytes).map_err(no_memory)?;
        let descriptors = BufferRing::register(&ring, config.slots as u16)
            .map_err(|error| OpenError::Ring(format!("io_uring refused a buffer ring: {error}")))?;
        let owned = Owned {
            slots: Slots::new(arena, descriptors, config.slot_bytes),
            gathers: Gathers::new(config.gather_bytes, config.slots),
            connections: Table::default(),
            listeners: Vec::new(),
            config,
            counters: NetCounters::default(),
            events: VecDeque::new(),
            ready: VecDeque::new(),
            starved: VecDeque::new(),
            short: VecDeque::new(),
            outgoing: Vec::new(),
            due: Vec::new(),
            is_urgent: false,
            lender: Lender::default(),
        };
        Ok(Net { ring: Ring::new(ring), owned: Some(owned) })
    }

    /// Ring and what it works on, side by side.
    pub(crate) fn parts(&mut self) -> (&mut Ring, &mut Owned) {
        (&mut self.ring, self.owned.as_mut().expect("it is there until the drop"))
    }

    pub(crate) fn owned(&self) -> &Owned {
        self.owned.as_ref().expect("it is there until the drop")
    }

    /// Readable when `reap` would find something.
    #[must_use]
    pub fn poll_fd(&self) -> RawFd {
        self.ring.poll_fd()
    }

    /// Takes what has completed and cuts what has arrived. Never blocks, submits nothing.
    pub fn reap(&mut self) {
        while let Some(completed) = self.ring.next() {
            self.completed(completed);
        }
        self.parts().1.slots.refill();
        self.cut_ready();
    }

    fn completed(&mut self, completed: Completed) {
        match completed.purpose {
            Purpose::Receive(key) => self.received(ConnectionId(key), completed),
            Purpose::Gather(key) => self.gathered(ConnectionId(key), completed),
            Purpose::Send(key) => self.sent(ConnectionId(key), completed.result),
            Purpose::Room(key) => self.room(ConnectionId(key)),
            Purpose::Accept(key) => self.accepted(key.index, completed),
            Purpose::Backoff(key) => self.pause_ended(key.index),
            Purpose::Cancel => {}
        }
    }

    /// Hands over everything that was begun since: one enter, or none when there is nothing.
    pub fn submit(&mut self) {
        self.fly();
        if self.ring.has_entries() {
            self.ring.submit();
        }
    }

    /// Something waits for `submit`.
    #[must_use]
    pub fn wants_submit(&self) -> bool {
        self.ring.has_entries() || !self.owned().outgoing.is_empty()
    }

    /// Bytes wait to be cut that no completion will announce: `reap` again soon.
    #[must_use]
    pub fn has_ready(&self) -> bool {
        !self.owned().ready.is_empty()
    }

    /// Something happened that the owner should hear of now.
    #[must_use]
    pub fn has_news(&self) -> bool {
        let owned = self.owned();
        owned.is_urgent || !owned.events.is_empty()
    }

    /// Something happened that the owner may hear of with the next news, or soon.
    #[must_use]
    pub fn has_quiet_news(&self) -> bool {
        !self.owned().due.is_empty()
    }

    /// Moves up to `most` events to `events`.
    pub fn take_events(&mut self, most: usize, events: &mut Vec<Event>) {
        let (_, owned) = self.parts();
        while events.len() < most
            && let Some(id) = owned.due.pop()
        {
            let Some(connection) = owned.connections.get_mut(id) else { continue };
            let output = &mut connection.output;
            output.is_due = false;
            output.is_urgent = false;
            if output.told < output.taken {
                output.told = output.taken;
                events.push(Event::Sent { connection: id, total: output.taken });
            }
        }
        owned.is_urgent &= !owned.due.is_empty();
        let count = owned.events.len().min(most.saturating_sub(events.len()));
        events.extend(owned.events.drain(..count));
    }

    /// Where memory `number` lies and how long it is. It is never unmapped afterwards: views of it may live on, and see
    /// zeros when the `Net` is gone. None for a number no frame had.
    pub fn show_memory(&mut self, number: u32) -> Option<(NonNull<u8>, usize)> {
        let (_, owned) = self.parts();
        let memory = match number.checked_sub(1) {
            None => owned.slots.memory_mut(),
            Some(mapping) => owned.gathers.memory_mut(mapping)?,
        };
        Some((memory.show(), memory.len()))
    }

    /// Copies bytes of a frame that is not released. Panics outside its memory.
    #[must_use]
    pub fn read(&self, number: u32, start: usize, end: usize) -> Vec<u8> {
        let owned = self.owned();
        let memory = match number.checked_sub(1) {
            None => Some(owned.slots.memory()),
            Some(mapping) => owned.gathers.memory(mapping),
        };
        let mut bytes = vec![0; end - start];
        memory.expect("memory that a frame named").read(start, &mut bytes);
        bytes
    }

    /// The bytes of a frame that is not released, where they lie. None outside its memory.
    #[must_use]
    pub fn frame_bytes(&self, number: u32, start: usize, end: usize) -> Option<&[u8]> {
        let owned = self.owned();
        let memory = match number.checked_sub(1) {
            None => owned.slots.memory(),
            Some(mapping) => owned.gathers.memory(mapping)?,
        };
        memory.bytes(start, end)
    }

    /// The arena's number in frames.
    pub(crate) const ARENA: u32 = ARENA;

    /// Remote and local address of an open connection.
    #[must_use]
    pub fn peer(&self, id: ConnectionId) -> Option<(SocketAddr, SocketAddr)> {
        let connection = self.owned().connections.get(id)?;
        let socket = SockRef::from(&connection.socket);
        let remote = socket.peer_addr().ok()?.as_socket()?;
        Some((remote, socket.local_addr().ok()?.as_socket()?))
    }

    /// A frame's memory may be used again. False for a token that holds nothing: released before, or never given.
    #[must_use]
    pub fn release(&mut self, token: Token) -> bool {
        let (_, owned) = self.parts();
        let Token(key) = token;
        let in_slot = (key.index as usize) < owned.slots.len();
        let owner = if in_slot { owned.slots.owner(key) } else { owned.gathers.owner(key) };
        let Some(owner) = owner else { return false };
        if in_slot {
            if owned.slots.let_go(key.index as u16) {
                self.slot_came_back(owner);
            }
        } else {
            owned.gathers.release(key);
            self.memory_came_back();
        }
        self.frame_released(owner);
        true
    }

    /// No more frames of this connection until `resume`; at most a slot's worth is received meanwhile.
    pub fn pause(&mut self, id: ConnectionId) {
        if let Some(connection) = self.parts().1.connections.get_mut(id) {
            connection.input.is_paused = true;
            self.park(id);
        }
    }

    pub fn resume(&mut self, id: ConnectionId) {
        let Some(connection) = self.parts().1.connections.get_mut(id) else { return };
        connection.input.is_paused = false;
        self.go_on(id);
    }

    /// From now on a frame may have `frame_max` bytes, and is gathered in a mapping of at least `gather_min`.
    pub fn limit(&mut self, id: ConnectionId, frame_max: usize, gather_min: usize) {
        let Some(connection) = self.parts().1.connections.get_mut(id) else { return };
        let frame_max = frame_max.min(i32::MAX as usize);
        connection.limit =
            crate::connection::Limit { frame_max, gather_min: gather_min.min(frame_max), is_set: true };
        connection.input.awaits_limit = false;
        self.go_on(id);
    }

    /// Whether a connection still exists and is not being closed.
    #[must_use]
    pub fn is_open(&self, id: ConnectionId) -> bool {
        let connection = self.owned().connections.get(id);
        connection.is_some_and(|connection| !matches!(connection.phase, Phase::Closing(_)))
    }

    /// Bytes queued for a connection that the kernel has not taken; 0 when it is gone.
    #[must_use]
    pub fn unsent(&self, id: ConnectionId) -> usize {
        self.owned().connections.get(id).map_or(0, |connection| connection.output.queued)
    }

    #[must_use]
    pub fn counters(&self) -> NetCounters {
        let owned = self.owned();
        NetCounters {
            enters: self.ring.enters(),
            connections: owned.connections.len() as u64,
            gather_bytes: owned.gathers.resident() as u64,
            slots_held: owned.slots.held() as u64,
            ..owned.counters
        }
    }
}
