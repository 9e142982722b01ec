//! Open descriptors by number: who uses which, and when one may be closed.
//!
//! The one invariant: a descriptor is closed only when nothing in flight uses it, because the system gives its number to
//! the next file that is opened, by whomever.

use super::request::{FileNumber, Refused};
#[cfg(feature = "planted")]
use crate::planted::RawBug;
use std::os::fd::{AsRawFd, IntoRawFd, OwnedFd, RawFd};

/// Values a number has for its slot.
const SLOTS_MAX: u64 = 1 << 20;

#[derive(Debug, Default)]
struct Slot {
    generation: u32,
    file: Option<File>,
}

#[derive(Debug)]
struct File {
    descriptor: OwnedFd,
    busy: u32,
    /// Closed for its owner; the system is told when nothing uses it any more. What the close reports to.
    closing: Option<u64>,
}

/// A file that nothing uses any more and that is to be closed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Idle {
    /// What the close reports to.
    pub token: u64,
    pub descriptor: RawFd,
    pub slot: u32,
}

impl FileNumber {
    /// Its place in the table: small, and used again.
    pub(super) fn slot(self) -> u32 {
        (self.0 & (SLOTS_MAX - 1)) as u32
    }
}

#[derive(Debug, Default)]
pub(super) struct FileTable {
    slots: Vec<Slot>,
    free: Vec<u32>,
}

impl FileTable {
    /// Gives a descriptor its number.
    pub fn add(&mut self, descriptor: OwnedFd) -> FileNumber {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot::default());
            self.slots.len() as u32 - 1
        });
        assert!(u64::from(slot) < SLOTS_MAX, "more files than a process may have open");
        let place = &mut self.slots[slot as usize];
        place.generation = place.generation.wrapping_add(1);
        place.file = Some(File { descriptor, busy: 0, closing: None });
        FileNumber(u64::from(slot) | u64::from(place.generation) << 20)
    }

    fn find(&mut self, number: FileNumber) -> Option<&mut File> {
        let place = self.slots.get_mut(number.slot() as usize)?;
        let is_stale = u64::from(place.generation) != number.0 >> 20;
        #[cfg(feature = "planted")]
        let is_stale = is_stale && !RawBug::StaleFileAccepted.is_planted();
        if is_stale {
            return None;
        }
        place.file.as_mut()
    }

    /// The descriptor of a file that is open.
    pub fn descriptor(&mut self, number: FileNumber) -> Result<RawFd, Refused> {
        let file = self.find(number).filter(|file| file.closing.is_none()).ok_or(Refused::FileStale)?;
        Ok(file.descriptor.as_raw_fd())
    }

    /// One more operation uses it.
    pub fn take(&mut self, number: FileNumber) {
        let file = self.find(number).expect("its descriptor was asked for just before");
        file.busy += 1;
    }

    /// One operation less uses it. Answers the close that waited for it, with the descriptor to be closed.
    pub fn release(&mut self, number: FileNumber) -> Option<Idle> {
        let file = self.find(number).expect("a file in use stays in the table");
        file.busy -= 1;
        self.remove_idle(number)
    }

    /// Closes it for its owner. Answers the descriptor when it may be closed now.
    pub fn close(&mut self, number: FileNumber, token: u64) -> Result<Option<Idle>, Refused> {
        let file = self.find(number).filter(|file| file.closing.is_none()).ok_or(Refused::FileStale)?;
        file.closing = Some(token);
        Ok(self.remove_idle(number))
    }

    fn remove_idle(&mut self, number: FileNumber) -> Option<Idle> {
        let is_idle = |file: &&mut File| file.busy == 0;
        #[cfg(feature = "planted")]
        let is_idle = |file: &&mut File| is_idle(file) || RawBug::DescriptorClosedInFlight.is_planted();
        let token = self.find(number).filter(is_idle)?.closing?;
        let slot = number.slot();
        let file = self.slots[slot as usize].file.take()?;
        self.free.push(slot);
        Some(Idle { token, descriptor: file.descriptor.into_raw_fd(), slot })
    }

    /// Files that are open.
    pub fn open(&self) -> usize {
        self.slots.iter().filter(|slot| slot.file.is_some()).count()
    }
}
