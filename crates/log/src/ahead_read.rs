//! Reading ahead: fetches of readers that go on in order are answered from windows, and the next windows are read while
//! they are busy with these.
//!
//! What it is not: the accounts of readers and windows (`ahead.rs`), nor the ordinary read (`reader.rs`), to which
//! everything falls back that a window does not answer.
//!
//! The invariant: a fetch waits for a window only while one of its reader is still to be read, so it always ends.

use crate::ahead::{Ahead, AheadCounters};
use crate::cold::{Cold, Goal, Scan};
use crate::epochs::Epochs;
use crate::files::Handle as FileHandle;
use crate::log::Log;
use crate::partition::Partition;
use crate::range::Range;
use crate::reader::Work;
use crate::table::Handle;
use millrace_io::{Done, IoError, Op, OpQueue, Piece};

/// What windows have for a fetch.
pub(crate) enum Served {
    Pieces(Vec<Piece>),
    /// They will have something.
    Wait,
    /// Nothing, and will not.
    No,
}

/// A window with the device.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading {
    stream: u64,
    window: u64,
    file: u64,
    length: usize,
}

/// Why a search through windows has stopped.
enum Stop {
    /// There is no more, or nobody wants more.
    Done,
    /// The next bytes are not there.
    Missing,
    Failed,
}

impl Partition {
    /// The range that begins at `offset`, unless it is in memory as well.
    fn sealed_from(&self, offset: u64) -> Option<Range> {
        let range = self.range_of(offset).filter(|range| range.base == offset)?;
        self.tail.find(offset).is_none().then_some(*range)
    }
}

impl Log {
    /// Answers a fetch of sealed data from windows, if it goes on where another one ended.
    pub(crate) fn fetch_ahead(
        &mut self,
        partition: Handle,
        offset: u64,
        max_bytes: u64,
        below: u64,
    ) -> Served {
        let Some(id) = self.reader.ahead.find(partition, offset) else { return Served::No };
        let served = self.serve(id, partition, Goal::Fetch { offset, max_bytes, below });
        if matches!(served, Served::No) {
            self.reader.ahead.forget(id);
        }
        served
    }

    /// Has a fetch wait for the windows of its reader; false when they are not known any more.
    pub(crate) fn park_ahead(&mut self, token: u64, partition: Handle, offset: u64) -> bool {
        let found = self.reader.ahead.find(partition, offset);
        found.into_iter().for_each(|id| self.reader.ahead.park(id, token));
        found.is_some()
    }

    fn serve(&mut self, id: u64, handle: Handle, goal: Goal) -> Served {
        let Goal::Fetch { offset, max_bytes, .. } = goal else { return Served::No };
        let Some(partition) = self.table.get(handle).filter(|partition| !partition.deleted) else {
            return Served::No;
        };
        let ahead = &mut self.reader.ahead;
        let (Some(stream), Some(range)) = (ahead.stream(id), partition.range_of(offset).copied()) else {
            return Served::No;
        };
        let position = match stream.position {
            position if stream.range == range => position,
            _ if offset == range.base => range.position,
            // Compaction has been here.
            _ => return Served::No,
        };
        let Some((kind, _)) = self.files.get(range.file) else { return Served::No };
        ahead.touch(id, max_bytes);
        ahead.aim(id, range, position);
        ahead.extend(id, |offset| partition.sealed_from(offset));
        let mut cold = Cold::resumed(goal, range, kind, offset, position);
        let stop = loop {
            match pass(ahead, id, &mut cold, &partition.epochs, &mut self.scratch) {
                Some(stop) => break stop,
                None if cold.is_past() => break Stop::Done,
                None => {}
            }
            let next = partition.sealed_from(cold.range.end);
            let next = next.and_then(|range| Some((range, self.files.get(range.file)?.0)));
            let Some((range, kind)) = next else { break Stop::Done };
            cold.cross(range, kind);
        };
        match (cold.resume(), stop) {
            (Some((range, offset, position)), _) => {
                ahead.advance(id, offset, range, position);
                Served::Pieces(cold.take_found())
            }
            // Behind a range with nothing in it, it would begin with that one again, and drop what it waited for.
            (None, Stop::Missing) if ahead.is_reading(id) && cold.range == range => Served::Wait,
            (None, _) => Served::No,
        }
    }

    /// It is `now` (ns): readers that are gone are forgotten.
    pub fn tick(&mut self, now: u64) {
        self.reader.ahead.expire(now);
    }

    /// When `tick` has something to do.
    #[must_use]
    pub fn tick_deadline(&self) -> Option<u64> {
        self.reader.ahead.deadline()
    }

    /// Whether a turn has reads to begin although nothing waits for them.
    #[must_use]
    pub fn reads_ahead(&self) -> bool {
        self.reader.ahead.is_due()
    }

    /// Figures of reading ahead.
    #[must_use]
    pub fn ahead_counters(&self) -> AheadCounters {
        self.reader.ahead.counters()
    }

    /// Begins to read what readers will want next.
    pub(crate) fn step_ahead(&mut self, queue: &mut OpQueue) {
        for token in self.reader.ahead.take_orphans() {
            self.advance_read(token, queue);
        }
        for id in self.reader.ahead.take_due() {
            let partition = self.reader.ahead.stream(id).and_then(|stream| self.table.get(stream.partition));
            if let Some(partition) = partition {
                self.reader.ahead.extend(id, |offset| partition.sealed_from(offset));
            }
        }
        while let Some(wanted) = self.reader.ahead.next_wanted() {
            self.files.take(wanted.file);
            match self.files.handle(wanted.file, queue) {
                FileHandle::Ready(file) => {
                    let buffer = self.reader.ahead.begin(&wanted);
                    let (stream, window, length) = (wanted.stream, wanted.window, wanted.length);
                    let op = Op::Read { file, position: wanted.position, buffer };
                    let work = Work::Ahead(Reading { stream, window, file: wanted.file, length });
                    self.reader.reads += 1;
                    self.reader.push(queue, op, work);
                }
                FileHandle::Opening => {
                    self.files.let_go(wanted.file, queue);
                    self.reader.ahead.await_file(&wanted);
                }
                FileHandle::Missing => {
                    for token in self.reader.ahead.fail(wanted.stream, wanted.window) {
                        self.advance_read(token, queue);
                    }
                }
            }
        }
    }

    /// The device is done with a window.
    pub(crate) fn window_read(
        &mut self,
        reading: Reading,
        result: Result<Done, IoError>,
        queue: &mut OpQueue,
    ) {
        let piece = match result {
            Ok(Done::Read { buffer, length }) => Some(buffer.into_piece(length)),
            // Whoever wants these bytes reads them again, and hears why they cannot be read.
            _ => None,
        };
        self.reader.bytes += piece.as_ref().map_or(0, |piece| piece.len() as u64);
        let waiting = self.reader.ahead.ended(reading.stream, reading.window, reading.length, piece);
        self.files.let_go(reading.file, queue);
        for token in waiting {
            self.advance_read(token, queue);
        }
    }
}

/// Goes through what windows have of one range. `None`: to its end.
fn pass(ahead: &mut Ahead, id: u64, cold: &mut Cold, epochs: &Epochs, scratch: &mut Vec<u8>) -> Option<Stop> {
    loop {
        if !ahead.aim(id, cold.range, cold.position()) {
            return Some(Stop::Missing);
        }
        let Some((start, piece)) = ahead.front(id) else { return Some(Stop::Missing) };
        let mut scan = cold.scan(start, &piece, epochs, scratch);
        let end = start + piece.len() as u64;
        // A batch that lies in two windows, or more.
        while let Scan::Short(needed) = scan
            && cold.position() < end
        {
            let Some(across) = ahead.gather(id, cold.position(), needed) else { return Some(Stop::Missing) };
            let before = cold.position();
            scan = cold.scan(before, &across, epochs, scratch);
            match scan {
                Scan::Short(more) if cold.position() == before && more <= needed => {
                    return Some(Stop::Failed);
                }
                _ => {}
            }
        }
        match scan {
            Scan::Full => return Some(Stop::Done),
            Scan::End => return None,
            Scan::Short(_) => {}
            Scan::Damaged(_) | Scan::Answer(_) => return Some(Stop::Failed),
        }
    }
}
