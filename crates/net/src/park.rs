//! Bytes of connections that cannot go on, taken out of their slots when slots are few.
//!
//! Not a buffer of its own kind: at most a slot's worth for a connection, and none is received while it is there. The one
//! invariant: whoever waits (paused, short of memory, not judged yet) costs the others no slot when they need it.

use crate::connection::Connection;
use crate::cut::{Cut, judge};
use crate::event::{CloseReason, Framing};
use crate::gather::Counted;
use crate::id::ConnectionId;
use crate::input::Gathering;
use crate::net::{Net, Owned};
use std::time::Instant;

/// Bytes that are not cut yet, where nobody but us needs the memory.
#[derive(Debug)]
pub(crate) struct Parked {
    bytes: Box<[u8]>,
    /// What was cut already.
    cut: usize,
}

impl Parked {
    fn left(&self) -> &[u8] {
        &self.bytes[self.cut..]
    }
}

impl Net {
    /// Moves what a waiting connection has not cut out of its slot, if slots are few.
    pub(crate) fn park(&mut self, id: ConnectionId) {
        let (_, owned) = self.parts();
        if !owned.slots.are_few() {
            return;
        }
        let Some(connection) = owned.connections.get_mut(id) else { return };
        let Some(unread) = connection.input.unread else { return };
        let mut bytes = vec![0; unread.end - unread.start].into_boxed_slice();
        owned.slots.memory().read(unread.start, &mut bytes);
        owned.counters.bytes_copied += bytes.len() as u64;
        connection.input.parked = Some(Parked { bytes, cut: 0 });
        self.drop_slot(id);
    }
}

impl Owned {
    /// Cuts the next frame of parked bytes, which is moved to gathering memory whether it is whole or not.
    pub(crate) fn cut_parked(&mut self, id: ConnectionId) -> Cut {
        let Some(connection) = self.connections.get_mut(id) else { return Cut::UsedUp };
        let length = match parked_length(connection) {
            Ok(length) => length,
            Err(cut) => return cut,
        };
        let Some(parked) = connection.input.parked.as_mut() else { return Cut::UsedUp };
        let filled = parked.left().len().min(length);
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
            self.wait_for_memory(id);
            return Cut::Waits;
        }
        let memory = self.gathers.memory_mut(mapping).expect("a mapping that was just taken");
        memory.write(0, &parked.left()[..filled]);
        parked.cut += filled;
        self.counters.bytes_copied += filled as u64;
        connection.input.gathering = Some(Gathering { mapping, length, filled, since: Instant::now() });
        connection.input.head_filled = 0;
        if filled == length { Cut::Gathered } else { Cut::UsedUp }
    }
}

/// Length of the frame the parked bytes begin with, its prefix cut off.
fn parked_length(connection: &mut Connection) -> Result<usize, Cut> {
    let input = &mut connection.input;
    let Some(parked) = input.parked.as_mut() else { return Err(Cut::UsedUp) };
    if connection.framing == Framing::Raw {
        let left = parked.left().len();
        return if left == 0 { Err(Cut::UsedUp) } else { Ok(left) };
    }
    let missing = (4 - input.head_filled).min(parked.left().len());
    input.head[input.head_filled..input.head_filled + missing].copy_from_slice(&parked.left()[..missing]);
    input.head_filled += missing;
    parked.cut += missing;
    if input.head_filled < 4 {
        return Err(Cut::UsedUp);
    }
    let claimed = i32::from_be_bytes(input.head);
    judge(connection, claimed)
}
