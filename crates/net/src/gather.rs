//! Memory of frames that do not end in their slot: mappings by size class, used again, under one budget.
//!
//! The one invariant: what counts is what may be resident, that is the extent bytes were received (or asked for) into since
//! the mapping was last emptied. A claim costs address space, never memory.

use crate::id::{ConnectionId, INDEX_MAX, Key, Token};
use crate::memory::{Memory, PAGE};

/// Least bytes of a mapping.
const CLASS_MIN: usize = 64 << 10;
/// Memory of idle mappings that is kept for the next frame, at most.
const KEPT_MAX: usize = 32 << 20;
/// Gathering mappings at most: they share their numbers with slots.
const MAPPINGS_MAX: usize = INDEX_MAX / 2;

#[derive(Debug)]
struct Mapping {
    memory: Memory,
    generation: u32,
    /// Bytes from the start that may be resident.
    resident: usize,
    /// None: idle.
    owner: Option<ConnectionId>,
    /// A frame lies here that is not released.
    held: bool,
}

/// Whether more of a mapping may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counted {
    Yes,
    /// Not before a frame is released.
    Later,
    /// The budget is used up by frames that are still arriving.
    Never,
}

#[derive(Debug)]
pub(crate) struct Gathers {
    mappings: Vec<Mapping>,
    /// Idle mappings by class, the latest used at the end.
    idle: Vec<Vec<u32>>,
    budget: usize,
    resident: usize,
    idle_resident: usize,
    /// What frames that are not released have of it.
    held_resident: usize,
    /// Number of the first mapping among tokens.
    first: u32,
}

impl Gathers {
    /// `first` numbers are somebody else's tokens.
    pub(crate) fn new(budget: usize, first: usize) -> Gathers {
        Gathers {
            mappings: Vec::new(),
            idle: Vec::new(),
            budget,
            resident: 0,
            idle_resident: 0,
            held_resident: 0,
            first: first as u32,
        }
    }

    /// Bytes that may be resident, in use or idle.
    pub(crate) fn resident(&self) -> usize {
        self.resident
    }

    /// A mapping of at least `length` bytes, none of which counts yet but those it was used with before. None: no address
    /// space.
    pub(crate) fn take(&mut self, length: usize, owner: ConnectionId) -> Option<u32> {
        let class = class_of(length);
        while self.idle.len() <= class {
            self.idle.push(Vec::new());
        }
        if let Some(index) = self.idle[class].pop() {
            let mapping = &mut self.mappings[index as usize];
            mapping.owner = Some(owner);
            self.idle_resident -= mapping.resident;
            return Some(index);
        }
        if self.mappings.len() >= MAPPINGS_MAX {
            return None;
        }
        let memory = Memory::map(CLASS_MIN << class).ok()?;
        let mapping = Mapping { memory, generation: 1, resident: 0, owner: Some(owner), held: false };
        self.mappings.push(mapping);
        Some(self.mappings.len() as u32 - 1)
    }

    /// Frames are held whose release makes room.
    pub(crate) fn has_held(&self) -> bool {
        self.held_resident > 0
    }

    /// Counts the first `extent` bytes of a mapping, unless that is above the budget.
    pub(crate) fn count(&mut self, index: u32, extent: usize) -> Counted {
        let extent = extent.next_multiple_of(PAGE);
        let more = extent.saturating_sub(self.mappings[index as usize].resident);
        if more > self.budget.saturating_sub(self.resident) {
            self.empty_idle(more - self.budget.saturating_sub(self.resident));
        }
        if more > self.budget.saturating_sub(self.resident) {
            return if self.has_held() { Counted::Later } else { Counted::Never };
        }
        self.mappings[index as usize].resident += more;
        self.resident += more;
        Counted::Yes
    }

    /// Gives `bytes` of idle memory back to the system, if there are so many.
    fn empty_idle(&mut self, bytes: usize) {
        let target = self.idle_resident.saturating_sub(bytes);
        for class in &self.idle {
            for index in class {
                if self.idle_resident <= target {
                    return;
                }
                let mapping = &mut self.mappings[*index as usize];
                if mapping.resident > 0 {
                    mapping.memory.discard();
                    self.resident -= mapping.resident;
                    self.idle_resident -= mapping.resident;
                    mapping.resident = 0;
                }
            }
        }
    }

    pub(crate) fn memory(&self, index: u32) -> Option<&Memory> {
        self.mappings.get(index as usize).map(|mapping| &mapping.memory)
    }

    pub(crate) fn memory_mut(&mut self, index: u32) -> Option<&mut Memory> {
        self.mappings.get_mut(index as usize).map(|mapping| &mut mapping.memory)
    }

    /// The frame in the mapping is whole; it stays until the token is released.
    pub(crate) fn hold(&mut self, index: u32) -> Token {
        let mapping = &mut self.mappings[index as usize];
        assert!(mapping.owner.is_some() && !mapping.held, "a frame in memory that is idle or has one");
        mapping.held = true;
        self.held_resident += mapping.resident;
        Token(Key { index: self.first + index, generation: mapping.generation })
    }

    /// The connection whose frame a token holds; None for a token that holds nothing.
    pub(crate) fn owner(&self, key: Key) -> Option<ConnectionId> {
        let mapping = self.mappings.get(key.index.checked_sub(self.first)? as usize)?;
        if mapping.generation != key.generation || !mapping.held { None } else { mapping.owner }
    }

    /// A released frame's memory may be used again. The token was looked up with `owner`.
    pub(crate) fn release(&mut self, key: Key) {
        self.let_go(key.index - self.first);
    }

    /// Nobody needs the mapping any more: not the kernel, not a frame.
    pub(crate) fn let_go(&mut self, index: u32) {
        let mapping = &mut self.mappings[index as usize];
        assert!(mapping.owner.is_some(), "idle memory is let go of");
        mapping.owner = None;
        if std::mem::take(&mut mapping.held) {
            self.held_resident -= mapping.resident;
        }
        mapping.generation = mapping.generation.wrapping_add(1);
        if self.idle_resident + mapping.resident > KEPT_MAX {
            mapping.memory.discard();
            self.resident -= mapping.resident;
            mapping.resident = 0;
        }
        self.idle_resident += mapping.resident;
        self.idle[class_of(mapping.memory.len())].push(index);
    }
}

/// Number of the smallest class that has `length` bytes.
fn class_of(length: usize) -> usize {
    length.max(CLASS_MIN).div_ceil(CLASS_MIN).next_power_of_two().trailing_zeros() as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWNER: ConnectionId = ConnectionId(Key { index: 0, generation: 1 });

    #[test]
    fn classes_are_powers_of_two_from_64_kib() {
        assert_eq!(class_of(1), 0);
        assert_eq!(class_of(CLASS_MIN), 0);
        assert_eq!(class_of(CLASS_MIN + 1), 1);
        assert_eq!(class_of(i32::MAX as usize), 15);
    }

    #[test]
    fn a_claim_costs_nothing_and_what_arrived_counts_until_the_memory_is_emptied() {
        let mut gathers = Gathers::new(8 * PAGE, 10);
        let large = gathers.take(1 << 30, OWNER).unwrap();
        assert_eq!(gathers.resident(), 0);
        assert_eq!(gathers.count(large, 1), Counted::Yes);
        assert_eq!(gathers.resident(), PAGE);
        assert_eq!(gathers.count(large, 8 * PAGE), Counted::Yes);
        assert_eq!(gathers.count(large, 8 * PAGE + 1), Counted::Never);
        gathers.let_go(large);
        assert_eq!(gathers.resident(), 8 * PAGE, "kept for the next frame");
        let small = gathers.take(10, OWNER).unwrap();
        assert_eq!(gathers.count(small, 10), Counted::Yes, "idle memory makes room");
        assert_eq!(gathers.resident(), PAGE);
        gathers.hold(small);
        let other = gathers.take(1 << 20, OWNER).unwrap();
        assert_eq!(gathers.count(other, 8 * PAGE), Counted::Later, "a release makes room");
    }

    #[test]
    fn a_token_names_its_frame_only_until_it_is_released() {
        let mut gathers = Gathers::new(1 << 20, 10);
        let index = gathers.take(10, OWNER).unwrap();
        let Token(key) = gathers.hold(index);
        assert_eq!(key.index, 10);
        assert_eq!(gathers.owner(key), Some(OWNER));
        gathers.release(key);
        assert_eq!(gathers.owner(key), None);
        assert_eq!(gathers.take(10, OWNER), Some(index), "used again");
        gathers.hold(index);
        assert_eq!(gathers.owner(key), None);
    }
}
