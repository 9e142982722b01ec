//! The slots bytes are received into: who has which, and when it goes back to the kernel.
//!
//! The kernel takes slots in the order it was given them. It is given no more than the connections may need at a time, the
//! latest used first, so that bytes arrive in memory that is still in a cache.
//!
//! The one invariant: a slot is with the kernel, free or held, never two of these. It is held once by the connection that has not cut all
//! of it yet, and once more for every frame in it that is not released.

use crate::buffer_ring::BufferRing;
use crate::id::{ConnectionId, Key, Token};
use crate::memory::Memory;

#[derive(Clone, Copy, Debug)]
struct Slot {
    /// Grows whenever the slot goes back, so that an old token does not name the next frame.
    generation: u32,
    /// 0 = free, or with the kernel.
    holds: u32,
    owner: Option<ConnectionId>,
}

#[derive(Debug)]
pub(crate) struct Slots {
    memory: Memory,
    ring: BufferRing,
    slots: Vec<Slot>,
    slot_bytes: usize,
    held: usize,
    /// The latest used at the end.
    free: Vec<u16>,
    with_kernel: usize,
    /// Slots the kernel should have, as far as there are so many.
    wanted: usize,
}

/// Slots the kernel has however few connections there are.
const WANTED_MIN: usize = 64;

impl Slots {
    /// Divides `memory` into slots of `slot_bytes` and hands the first ones to the kernel.
    pub(crate) fn new(memory: Memory, ring: BufferRing, slot_bytes: usize) -> Slots {
        let count = memory.len() / slot_bytes;
        let empty = Slot { generation: 1, holds: 0, owner: None };
        let mut slots = Slots {
            memory,
            ring,
            slots: vec![empty; count],
            slot_bytes,
            held: 0,
            free: (0..count).rev().map(|slot| slot as u16).collect(),
            with_kernel: 0,
            wanted: WANTED_MIN,
        };
        slots.refill();
        slots
    }

    /// Gives the kernel free slots until it has as many as are wanted.
    pub(crate) fn refill(&mut self) {
        while self.with_kernel < self.wanted
            && let Some(slot) = self.free.pop()
        {
            self.with_kernel += 1;
            self.give(slot);
        }
    }

    /// So many connections may receive at a time, some of them twice before they are looked at.
    pub(crate) fn serve(&mut self, connections: usize) {
        self.wanted = self.wanted.max(connections * 2);
        self.refill();
    }

    pub(crate) fn memory(&self) -> &Memory {
        &self.memory
    }

    pub(crate) fn memory_mut(&mut self) -> &mut Memory {
        &mut self.memory
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Slots with bytes that somebody needs.
    pub(crate) fn held(&self) -> usize {
        self.held
    }

    /// Half of them are held: whoever can do without one should.
    pub(crate) fn are_few(&self) -> bool {
        self.held * 2 >= self.slots.len()
    }

    /// Position of a slot's first byte in the arena.
    pub(crate) fn position(&self, slot: u16) -> usize {
        usize::from(slot) * self.slot_bytes
    }

    pub(crate) fn slot_bytes(&self) -> usize {
        self.slot_bytes
    }

    /// The kernel has filled a slot for `owner`; it is held by the connection from now on.
    pub(crate) fn take(&mut self, slot: u16, owner: ConnectionId) {
        let slot = self.slots.get_mut(usize::from(slot)).expect("the kernel names a slot it was given");
        assert_eq!(slot.holds, 0, "the kernel names a slot it does not have");
        slot.holds = 1;
        slot.owner = Some(owner);
        self.held += 1;
        self.with_kernel -= 1;
    }

    /// One more frame lies in the slot.
    pub(crate) fn hold(&mut self, slot: u16) -> Token {
        let state = &mut self.slots[usize::from(slot)];
        assert!(state.holds > 0, "a frame in a slot that nobody holds");
        state.holds += 1;
        Token(Key { index: u32::from(slot), generation: state.generation })
    }

    /// The connection has cut all of the slot, or a frame was released. True when nobody holds it any more.
    pub(crate) fn let_go(&mut self, slot: u16) -> bool {
        let state = &mut self.slots[usize::from(slot)];
        assert!(state.holds > 0, "a slot is let go of that nobody holds");
        state.holds -= 1;
        if state.holds > 0 {
            return false;
        }
        state.generation = state.generation.wrapping_add(1);
        self.held -= 1;
        self.free.push(slot);
        self.refill();
        true
    }

    /// The connection whose bytes a held slot has; None for a token that holds nothing.
    pub(crate) fn owner(&self, key: Key) -> Option<ConnectionId> {
        let slot = self.slots.get(key.index as usize)?;
        if slot.generation != key.generation || slot.holds == 0 { None } else { slot.owner }
    }

    fn give(&mut self, slot: u16) {
        let address = self.memory.at(self.position(slot));
        // SAFETY: a part of the arena of its own, held by nobody: the kernel alone writes it until it names it.
        unsafe { self.ring.give(slot, address, self.slot_bytes as u32) };
    }
}
