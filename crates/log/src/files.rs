//! The sealed files: which ranges still live in them, which are open, which may be removed.
//!
//! What it is not: their contents. A handle is opened when a reader asks and closed when many others are.
//!
//! The invariant: a file is unlinked only when no published manifest names it, no range lives in it and no reader
//! holds it.

use crate::segment::{Kind, index_path, path};
use millrace_io::{Done, FileId, IoError, Op, OpId, OpQueue, OpenMode};
use std::collections::BTreeMap;

/// How many ranges a manifest names in each file, by the file's number.
pub type Named = BTreeMap<u64, u32>;

/// Sealed files kept open at most, unless readers hold more.
const OPEN_MAX: usize = 128;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Closed,
    Opening,
    Open(FileId),
    Closing,
}

/// One sealed file.
#[derive(Debug)]
struct Sealed {
    kind: Kind,
    /// Bytes of the file; its size on disk is at least this.
    length: u64,
    /// Ranges in memory that lie in it.
    ranges: u32,
    /// Cold reads that hold it.
    readers: u32,
    state: State,
    used: u64,
    /// No manifest names it any more: unlink as soon as it is closed.
    doomed: bool,
    /// The last frame that refers to it (a bulk file).
    last_lsn: u64,
}

#[derive(Clone, Copy, Debug)]
enum Work {
    Open(u64),
    Close(u64),
    Unlink,
}

/// What asking for a handle leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handle {
    Ready(FileId),
    /// Ask again when `complete` has named this file.
    Opening,
    Missing,
}

/// All sealed files by number.
#[derive(Debug, Default)]
pub struct Files {
    sealed: BTreeMap<u64, Sealed>,
    next: u64,
    work: BTreeMap<OpId, Work>,
    open: usize,
    clock: u64,
    /// The bulk file the journal writes.
    growing: Option<u64>,
    /// Files of settles whose manifest may be in place although the engine goes on with the one before.
    doubtful: Vec<(u64, Kind)>,
}

impl Files {
    /// A number no file had before.
    pub fn new_number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// The largest number given out.
    #[must_use]
    pub fn last_number(&self) -> u64 {
        self.next
    }

    /// Numbers up to this one are taken.
    pub fn reserve_numbers(&mut self, last: u64) {
        self.next = self.next.max(last);
    }

    /// Adds a sealed file.
    pub fn add(&mut self, number: u64, kind: Kind, length: u64) {
        self.reserve_numbers(number);
        let state = State::Closed;
        let sealed =
            Sealed { kind, length, ranges: 0, readers: 0, state, used: 0, doomed: false, last_lsn: 0 };
        self.sealed.insert(number, sealed);
    }

    /// A batch of the frame with this LSN went to a bulk file and ends there at `end`.
    pub fn bulk_used(&mut self, number: u64, end: u64, lsn: u64) {
        if !self.sealed.contains_key(&number) {
            self.add(number, Kind::Bulk, 0);
        }
        if let Some(file) = self.sealed.get_mut(&number) {
            file.length = file.length.max(end);
            file.last_lsn = lsn;
        }
        self.growing = self.growing.max(Some(number));
    }

    /// No bulk file known so far is written any more.
    pub fn stop_growing(&mut self) {
        self.growing = None;
    }

    /// Kind and length of a sealed file.
    #[must_use]
    pub fn get(&self, number: u64) -> Option<(Kind, u64)> {
        self.sealed.get(&number).map(|sealed| (sealed.kind, sealed.length))
    }

    /// All files with living ranges: number, kind, length.
    pub fn live(&self) -> impl Iterator<Item = (u64, Kind, u64)> {
        self.sealed
            .iter()
            .filter(|(_, sealed)| sealed.ranges > 0)
            .map(|(&number, sealed)| (number, sealed.kind, sealed.length))
    }

    /// How many ranges live in each file that has any.
    #[must_use]
    pub fn ranges(&self) -> Named {
        let live = self.sealed.iter().filter(|(_, sealed)| sealed.ranges > 0);
        live.map(|(&number, sealed)| (number, sealed.ranges)).collect()
    }

    /// Bulk files with living ranges that frames above `settled` have made longer: number, kind, length.
    pub fn grown(&self, settled: u64) -> impl Iterator<Item = (u64, Kind, u64)> {
        self.sealed
            .iter()
            .filter(move |(_, file)| file.kind == Kind::Bulk && file.ranges > 0 && file.last_lsn > settled)
            .map(|(&number, file)| (number, file.kind, file.length))
    }

    /// A manifest names this file with this length: it is new, or has grown.
    pub fn name(&mut self, number: u64, kind: Kind, length: u64) {
        match self.sealed.get_mut(&number) {
            Some(file) => file.length = file.length.max(length),
            None => self.add(number, kind, length),
        }
    }

    /// A bulk file in which no range lies yet: number, kind, length.
    #[must_use]
    pub fn unnamed_bulk(&self, number: u64) -> Option<(u64, Kind, u64)> {
        let file = self.sealed.get(&number).filter(|file| file.kind == Kind::Bulk && file.ranges == 0)?;
        Some((number, file.kind, file.length))
    }

    /// All files that data lies in, whether a range names them yet or not: number, kind, length.
    pub fn in_use(&self) -> impl Iterator<Item = (u64, Kind, u64)> {
        self.sealed
            .iter()
            .filter(|(_, file)| file.ranges > 0 || file.kind == Kind::Bulk)
            .map(|(&number, file)| (number, file.kind, file.length))
    }

    /// A range now lives in this file.
    pub fn hold(&mut self, number: u64) {
        if let Some(sealed) = self.sealed.get_mut(&number) {
            sealed.ranges += 1;
        }
    }

    /// A range no longer lives in this file.
    pub fn release(&mut self, number: u64) {
        if let Some(sealed) = self.sealed.get_mut(&number) {
            assert!(sealed.ranges > 0, "file {number:016x} released more often than held");
            sealed.ranges -= 1;
        }
    }

    /// A manifest that names exactly `named` is published, and all frames up to `settled` are in it: all other files go,
    /// but for bulk files that later frames refer to or may.
    pub fn keep_only(&mut self, named: &Named, settled: u64, queue: &mut OpQueue) {
        let growing = self.growing;
        let gone: Vec<u64> = self
            .sealed
            .iter()
            .filter(|(number, sealed)| !sealed.doomed && sealed.ranges == 0 && !named.contains_key(number))
            .filter(|(number, sealed)| sealed.last_lsn <= settled && growing != Some(**number))
            .map(|(&number, _)| number)
            .collect();
        for (number, kind) in std::mem::take(&mut self.doubtful) {
            self.unlink(number, kind, queue);
        }
        for number in gone {
            if let Some(sealed) = self.sealed.get_mut(&number) {
                sealed.doomed = true;
            }
            self.try_remove(number, queue);
        }
    }

    /// A manifest that names these may be in place: they go when a later one is.
    pub fn doubt(&mut self, files: Vec<(u64, Kind)>) {
        self.doubtful.extend(files);
    }

    fn try_remove(&mut self, number: u64, queue: &mut OpQueue) {
        let Some(sealed) = self.sealed.get(&number) else { return };
        if !sealed.doomed || sealed.readers > 0 {
            return;
        }
        match sealed.state {
            State::Open(_) => self.close(number, queue),
            State::Closed => {
                let kind = sealed.kind;
                self.sealed.remove(&number);
                self.unlink(number, kind, queue);
            }
            State::Opening | State::Closing => {}
        }
    }

    /// Removes the names of a file. A failure is harmless: opening removes files that no manifest names.
    pub fn unlink(&mut self, number: u64, kind: Kind, queue: &mut OpQueue) {
        self.work.insert(queue.push(Op::Unlink { path: path(number, kind) }), Work::Unlink);
        if kind.is_indexed() {
            self.work.insert(queue.push(Op::Unlink { path: index_path(number) }), Work::Unlink);
        }
    }

    fn close(&mut self, number: u64, queue: &mut OpQueue) {
        let Some(sealed) = self.sealed.get_mut(&number) else { return };
        let State::Open(file) = sealed.state else { return };
        assert!(sealed.readers == 0, "a file is closed only when no reader holds it");
        sealed.state = State::Closing;
        self.open -= 1;
        self.work.insert(queue.push(Op::Close { file }), Work::Close(number));
    }

    /// A reader holds the file from now on, until `let_go`.
    pub fn take(&mut self, number: u64) {
        if let Some(sealed) = self.sealed.get_mut(&number) {
            sealed.readers += 1;
        }
    }

    /// The reader is done with it.
    pub fn let_go(&mut self, number: u64, queue: &mut OpQueue) {
        if let Some(sealed) = self.sealed.get_mut(&number) {
            assert!(sealed.readers > 0, "file {number:016x} let go more often than taken");
            sealed.readers -= 1;
        }
        self.try_remove(number, queue);
        if self.open > OPEN_MAX {
            let idle = self
                .sealed
                .iter()
                .filter(|(_, sealed)| sealed.readers == 0 && matches!(sealed.state, State::Open(_)))
                .min_by_key(|(_, sealed)| sealed.used)
                .map(|(&number, _)| number);
            if let Some(number) = idle {
                self.close(number, queue);
            }
        }
    }

    /// A handle for reading; the caller has `take`n the file.
    pub fn handle(&mut self, number: u64, queue: &mut OpQueue) -> Handle {
        self.clock += 1;
        let Some(sealed) = self.sealed.get_mut(&number) else { return Handle::Missing };
        sealed.used = self.clock;
        match sealed.state {
            State::Open(file) => return Handle::Ready(file),
            State::Opening | State::Closing => return Handle::Opening,
            State::Closed => {}
        }
        sealed.state = State::Opening;
        let op = Op::Open { path: path(number, sealed.kind), mode: OpenMode::ReadDirect };
        self.work.insert(queue.push(op), Work::Open(number));
        Handle::Opening
    }

    /// Takes the result of an operation of this table. `Some((file, error))`: a file was opened or could not be, or
    /// was closed and may be asked for again.
    pub fn complete(
        &mut self,
        id: OpId,
        result: Result<Done, IoError>,
        queue: &mut OpQueue,
    ) -> Option<(u64, Option<IoError>)> {
        match self.work.remove(&id)? {
            Work::Unlink => None,
            Work::Close(number) => {
                if let Some(sealed) = self.sealed.get_mut(&number) {
                    sealed.state = State::Closed;
                }
                self.try_remove(number, queue);
                Some((number, None))
            }
            Work::Open(number) => {
                let sealed = self.sealed.get_mut(&number)?;
                let error = match result {
                    Ok(Done::Opened { file, .. }) => {
                        sealed.state = State::Open(file);
                        self.open += 1;
                        None
                    }
                    Ok(other) => unreachable!("an open completes as opened, not {other:?}"),
                    Err(error) => {
                        sealed.state = State::Closed;
                        Some(error)
                    }
                };
                self.try_remove(number, queue);
                Some((number, error))
            }
        }
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

    /// Closes every file no reader holds; for shutting down.
    pub fn close_all(&mut self, queue: &mut OpQueue) {
        let open: Vec<u64> = self
            .sealed
            .iter()
            .filter(|(_, sealed)| sealed.readers == 0 && matches!(sealed.state, State::Open(_)))
            .map(|(&number, _)| number)
            .collect();
        open.into_iter().for_each(|number| self.close(number, queue));
    }
}
