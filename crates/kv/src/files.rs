//! The sealed data files of a run by slot: what is known of each, which are open, which may be removed.
//!
//! What it is not: their contents, or the manifest that names them.
//!
//! The invariant: a file is unlinked only when it was retired (no published manifest names it) and no read, no snapshot
//! and no merge holds it. A slot is never used twice, so a location can never come to mean another record.

use crate::data_file::{Role, data_path, hint_path};
use crate::data_writer::Sealed;
use crate::large::large_path;
use crate::location::{Location, SLOTS_MAX};
use millrace_io::{Done, FileId, IoError, Op, OpId, OpQueue, OpenMode};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Data files kept open at most, unless reads hold more.
const OPEN_MAX: usize = 128;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Closed,
    Opening,
    Open(FileId),
    Closing,
}

/// One sealed data file.
#[derive(Debug)]
pub struct DataFile {
    pub sealed: Sealed,
    /// Seed of its records' CRCs.
    pub seal: u32,
    /// Bytes of records that no key needs any more; tombstones are among them.
    pub dead_bytes: u64,
    /// Some of it does not verify: it is not merged.
    pub damaged: bool,
    /// Of a large file: values that keys need, whole blocks of them, and the last frame that refers to it.
    pub needed: u64,
    pub needed_bytes: u64,
    pub last_lsn: u64,
    /// Of a large file: the keys of stores up to this one were moved elsewhere by merges.
    pub passed: Option<u32>,
    /// Reads, snapshots and merges that need it.
    holds: u32,
    retired: bool,
    state: State,
    used: u64,
}

impl DataFile {
    /// It holds values that are written with their frames, and no records.
    #[must_use]
    pub fn is_large(&self) -> bool {
        self.sealed.identity.role == Role::Large
    }

    /// No published manifest names it any more.
    #[must_use]
    pub fn retired(&self) -> bool {
        self.retired
    }

    /// Its path below the data directory.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        let number = self.sealed.identity.number;
        if self.is_large() { large_path(number) } else { data_path(number) }
    }
}

#[derive(Clone, Copy, Debug)]
enum Work {
    Open(u32),
    Close(u32),
    Unlink,
}

/// What asking for a handle leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handle {
    Ready(FileId),
    /// Ask again when `complete` has named this slot.
    Opening,
    Missing,
}

/// All data files.
#[derive(Debug, Default)]
pub struct Files {
    slots: Vec<Option<Box<DataFile>>>,
    last_number: u64,
    /// Slots of large files by number.
    pub(crate) large_slots: BTreeMap<u64, u32>,
    work: BTreeMap<OpId, Work>,
    open: usize,
    clock: u64,
}

impl Files {
    /// A number no file had before.
    pub fn new_number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }

    /// The largest number given out.
    #[must_use]
    pub fn last_number(&self) -> u64 {
        self.last_number
    }

    /// Numbers up to this one are taken.
    pub fn reserve_numbers(&mut self, last: u64) {
        self.last_number = self.last_number.max(last);
    }

    /// True while files can still be added in this run.
    #[must_use]
    pub fn has_slots(&self) -> bool {
        self.slots.len() < SLOTS_MAX as usize - 1024
    }

    /// Adds a sealed file; answers its slot.
    pub fn add(&mut self, sealed: Sealed) -> u32 {
        self.reserve_numbers(sealed.identity.number);
        let seal = sealed.identity.seal();
        let slot = u32::try_from(self.slots.len()).ok().filter(|slot| *slot < SLOTS_MAX);
        self.slots.push(Some(Box::new(DataFile {
            sealed,
            seal,
            dead_bytes: 0,
            damaged: false,
            needed: 0,
            needed_bytes: 0,
            last_lsn: 0,
            passed: None,
            holds: 0,
            retired: false,
            state: State::Closed,
            used: 0,
        })));
        slot.expect("settles and merges stop before slots run out")
    }

    #[must_use]
    pub fn get(&self, slot: u32) -> Option<&DataFile> {
        self.slots.get(slot as usize)?.as_deref()
    }

    pub(crate) fn get_mut(&mut self, slot: u32) -> Option<&mut DataFile> {
        self.slots.get_mut(slot as usize)?.as_deref_mut()
    }

    /// All files by slot.
    pub(crate) fn all(&self) -> impl Iterator<Item = (u32, &DataFile)> {
        (0u32..).zip(&self.slots).filter_map(|(slot, file)| Some((slot, file.as_deref()?)))
    }

    /// Slots of the files with records that were not retired.
    pub fn live(&self) -> impl Iterator<Item = (u32, &DataFile)> {
        self.all().filter(|(_, file)| !file.retired && !file.is_large())
    }

    /// A key needs what lies there no more.
    pub fn forget(&mut self, location: Location) {
        if self.get(location.slot).is_some_and(DataFile::is_large) {
            self.need_no_more(location);
        } else {
            self.bury(location.slot, location.length);
        }
    }

    /// A record of so many bytes is needed no more.
    pub fn bury(&mut self, slot: u32, bytes: u32) {
        if let Some(file) = self.get_mut(slot) {
            file.dead_bytes += u64::from(bytes);
        }
    }

    /// Some of the file does not verify.
    pub fn mark_damaged(&mut self, slot: u32) {
        if let Some(file) = self.get_mut(slot) {
            file.damaged = true;
        }
    }

    /// Somebody needs the file until `release`.
    pub fn hold(&mut self, slot: u32) {
        if let Some(file) = self.get_mut(slot) {
            file.holds += 1;
        }
    }

    /// It is needed no more by whoever held it.
    pub fn release(&mut self, slot: u32, queue: &mut OpQueue) {
        if let Some(file) = self.get_mut(slot) {
            assert!(file.holds > 0, "data file in slot {slot} let go more often than held");
            file.holds -= 1;
        }
        self.try_remove(slot, queue);
        self.close_idle(queue);
    }

    /// No published manifest names the file any more.
    pub fn retire(&mut self, slot: u32, queue: &mut OpQueue) {
        if let Some(file) = self.get_mut(slot) {
            file.retired = true;
        }
        self.try_remove(slot, queue);
    }

    fn try_remove(&mut self, slot: u32, queue: &mut OpQueue) {
        let Some(file) = self.get_mut(slot).filter(|file| file.retired && file.holds == 0) else { return };
        match file.state {
            State::Closed => {
                let (number, large, path) = (file.sealed.identity.number, file.is_large(), file.path());
                self.slots[slot as usize] = None;
                let paths = [path].into_iter().chain((!large).then(|| hint_path(number)));
                for path in paths {
                    self.work.insert(queue.push(Op::Unlink { path }), Work::Unlink);
                }
            }
            State::Open(_) => self.close(slot, queue),
            State::Opening | State::Closing => {}
        }
    }

    fn close(&mut self, slot: u32, queue: &mut OpQueue) {
        let Some(file) = self.get_mut(slot) else { return };
        let State::Open(handle) = file.state else { return };
        assert!(file.holds == 0, "a file is closed only when nobody holds it");
        file.state = State::Closing;
        self.open -= 1;
        self.work.insert(queue.push(Op::Close { file: handle }), Work::Close(slot));
    }

    fn idle(&self) -> impl Iterator<Item = (u32, &DataFile)> {
        self.all().filter(|(_, file)| file.holds == 0 && matches!(file.state, State::Open(_)))
    }

    fn close_idle(&mut self, queue: &mut OpQueue) {
        if self.open > OPEN_MAX
            && let Some((slot, _)) = self.idle().min_by_key(|(_, file)| file.used)
        {
            self.close(slot, queue);
        }
    }

    /// A handle for reading; the caller holds the file.
    pub fn handle(&mut self, slot: u32, queue: &mut OpQueue) -> Handle {
        self.clock += 1;
        let clock = self.clock;
        let Some(file) = self.get_mut(slot) else { return Handle::Missing };
        file.used = clock;
        match file.state {
            State::Open(handle) => return Handle::Ready(handle),
            State::Opening | State::Closing => return Handle::Opening,
            State::Closed => file.state = State::Opening,
        }
        let path = file.path();
        self.work.insert(queue.push(Op::Open { path, mode: OpenMode::ReadDirect }), Work::Open(slot));
        Handle::Opening
    }

    /// Takes the result of an operation of this table. `Some((slot, error))`: a file was opened or could not be, or was
    /// closed and may be asked for again.
    pub fn complete(
        &mut self,
        id: OpId,
        result: Result<Done, IoError>,
        queue: &mut OpQueue,
    ) -> Option<(u32, Option<IoError>)> {
        let (slot, state, error) = match (self.work.remove(&id)?, result) {
            (Work::Unlink, _) => return None,
            (Work::Close(slot), _) => (slot, State::Closed, None),
            (Work::Open(slot), Ok(Done::Opened { file, .. })) => {
                self.open += 1;
                (slot, State::Open(file), None)
            }
            (Work::Open(_), Ok(other)) => unreachable!("an open completes as opened, not {other:?}"),
            (Work::Open(slot), Err(error)) => (slot, State::Closed, Some(error)),
        };
        if let Some(file) = self.get_mut(slot) {
            file.state = state;
        }
        self.try_remove(slot, queue);
        Some((slot, error))
    }

    /// True when the operation belongs to this table.
    #[must_use]
    pub fn owns(&self, id: OpId) -> bool {
        self.work.contains_key(&id)
    }

    /// Operations under way.
    #[must_use]
    pub fn busy(&self) -> bool {
        !self.work.is_empty()
    }

    /// Removes the names of a file that never came to be.
    pub fn unlink(&mut self, number: u64, queue: &mut OpQueue) {
        for path in [data_path(number), hint_path(number)] {
            self.work.insert(queue.push(Op::Unlink { path }), Work::Unlink);
        }
    }

    /// Removes the name of a large file that never came to be.
    pub fn unlink_large(&mut self, number: u64, queue: &mut OpQueue) {
        self.work.insert(queue.push(Op::Unlink { path: large_path(number) }), Work::Unlink);
    }

    /// Closes every file nobody holds; for shutting down.
    pub fn close_all(&mut self, queue: &mut OpQueue) {
        let open: Vec<u32> = self.idle().map(|(slot, _)| slot).collect();
        open.into_iter().for_each(|slot| self.close(slot, queue));
    }
}
