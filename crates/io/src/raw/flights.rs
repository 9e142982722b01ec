//! Operations between hand-over and completion, by token.
//!
//! The one invariant: a token names one flight for ever, and a flight stays in its box, where the kernel looks, until its
//! completion.

use super::request::Request;
use io_uring::types::Timespec;
use std::os::fd::RawFd;

/// Who has a flight now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Nobody: it waits its turn.
    Waiting,
    Ring,
    Pool,
    /// A close that waits until nothing uses its file.
    Held,
}

/// Boxes kept for the next flights at most.
const SPARE_MAX: usize = 256;

/// One operation and everything the kernel may look at.
#[derive(Debug)]
pub(super) struct Flight {
    pub owner: u64,
    pub source: u32,
    /// The next one begins when this one has succeeded in full.
    pub is_linked: bool,
    pub place: Place,
    pub descriptors: [RawFd; 2],
    /// With the pool while that has the flight.
    pub request: Option<Box<Request>>,
    pub iovecs: Vec<libc::iovec>,
    pub time: Timespec,
    /// It was cancelled by its owner.
    pub is_cancelled: bool,
}

// What a flight points to is its own; the ring that looks there belongs to the same thread.
#[derive(Debug, Default)]
struct Slot {
    generation: u32,
    flight: Option<Box<Flight>>,
}

#[derive(Debug, Default)]
pub(super) struct Flights {
    slots: Vec<Slot>,
    free: Vec<u32>,
    /// Of flights that are over: nobody looks there any more.
    #[expect(clippy::vec_box, reason = "the boxes are what is kept")]
    spare: Vec<Box<Flight>>,
}

impl Drop for Flights {
    /// Flights that are still with somebody are leaked by whoever gives up waiting, never freed.
    fn drop(&mut self) {
        assert!(self.len() == 0 || std::thread::panicking(), "memory of an operation in flight is freed");
    }
}

impl Flights {
    pub fn add(&mut self, flight: Flight) -> u64 {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot::default());
            self.slots.len() as u32 - 1
        });
        let place = &mut self.slots[slot as usize];
        place.generation = place.generation.wrapping_add(1);
        place.flight = Some(match self.spare.pop() {
            Some(mut spare) => {
                *spare = flight;
                spare
            }
            None => Box::new(flight),
        });
        // The highest bit stays clear: tokens of the ring's own have it.
        u64::from(slot) | u64::from(place.generation & 0x7fff_ffff) << 32
    }

    pub fn get(&mut self, token: u64) -> Option<&mut Flight> {
        let place = self.slots.get_mut((token & 0xffff_ffff) as usize)?;
        if u64::from(place.generation & 0x7fff_ffff) != token >> 32 {
            return None;
        }
        place.flight.as_deref_mut()
    }

    pub fn remove(&mut self, token: u64) -> Option<Box<Flight>> {
        self.get(token)?;
        let slot = (token & 0xffff_ffff) as u32;
        self.free.push(slot);
        self.slots[slot as usize].flight.take()
    }

    /// Takes the box of a flight that was removed.
    pub fn recycle(&mut self, over: Box<Flight>) {
        if self.spare.len() < SPARE_MAX {
            self.spare.push(over);
        }
    }

    pub fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Tokens of all flights.
    pub fn tokens(&self) -> Vec<u64> {
        let with_flight = self.slots.iter().enumerate().filter(|(_, slot)| slot.flight.is_some());
        with_flight.map(|(slot, it)| slot as u64 | u64::from(it.generation & 0x7fff_ffff) << 32).collect()
    }

    /// The flight of this owner.
    pub fn of_owner(&self, owner: u64, source: u32) -> Option<u64> {
        let mut slots = self.slots.iter().enumerate();
        let is_it = |slot: &Slot| {
            slot.flight.as_ref().is_some_and(|flight| flight.owner == owner && flight.source == source)
        };
        let (slot, it) = slots.find(|(_, slot)| is_it(slot))?;
        Some(slot as u64 | u64::from(it.generation & 0x7fff_ffff) << 32)
    }
}
