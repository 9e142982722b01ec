//! Read-ahead for readers that go through sealed data in order: what was read before anybody asked, under one budget.
//!
//! What it is not: operations on files (`ahead_read.rs`), nor an answer of its own: what a window cannot answer is read
//! in the ordinary way (`reader.rs`), which also is what reports damage. So a window is never more than a hint.
//!
//! A **stream** is one reader as far as it can be told apart: a partition, and the offset that a fetch ended at. A fetch
//! from there belongs to it. A **window** is a stretch of one range, read at once. The invariant: windows, those that
//! answers still refer to included, never take more memory than the budget.

use crate::planted;
use crate::range::Range;
use crate::table::Handle;
use millrace_io::buffer::Slab;
use millrace_io::{BLOCK, Piece, ReadBuffer, SlabPool};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Weak};

/// Smallest window, unless its range has less.
const WINDOW_MIN: u64 = 512 << 10;
/// Largest window.
pub(crate) const WINDOW_MAX: u64 = 2 << 20;
/// Bytes that are read ahead of one reader at most.
const AHEAD_MAX: u64 = 4 << 20;
/// Windows of one reader at most: its ranges may be small.
const WINDOWS_MAX: usize = 16;
/// Bytes of windows that the device is asked for at a time: what the journal writes meanwhile waits behind them.
const READING_MAX: usize = 8 << 20;
/// Readers that are remembered; above it the one that has been silent longest is forgotten.
const STREAMS_MAX: usize = 4096;
/// A reader that has not asked for so long is gone.
pub(crate) const IDLE_NS: u64 = 5_000_000_000;
/// Idle memory that is kept for the next windows.
const POOLED: usize = 4;
/// Of the entries of lent memory, the part of questions between two looks.
const LOOK_PART: usize = 8;

/// How a window stands.
#[derive(Debug)]
enum State {
    Wanted,
    Reading,
    Loaded(Piece),
}

/// A stretch of a range that was read, or will be.
#[derive(Debug)]
struct Window {
    id: u64,
    range: Range,
    /// Bytes of the file, whole blocks.
    start: u64,
    end: u64,
    state: State,
}

impl Window {
    fn length(&self) -> u64 {
        self.end - self.start
    }

    fn reaches_the_end(&self) -> bool {
        self.end >= self.range.position + self.range.length
    }
}

/// One reader.
#[derive(Debug)]
pub(crate) struct Stream {
    pub partition: Handle,
    /// Where it goes on: offset, range, position in its file.
    pub offset: u64,
    pub range: Range,
    pub position: u64,
    /// Bytes to be ahead by; 0 until a second fetch shows that it reads in order.
    target: u64,
    /// Most bytes its last fetch asked for.
    asked: u64,
    windows: VecDeque<Window>,
    /// Fetches that wait for the next window.
    parked: Vec<u64>,
    /// A window could not be read: nothing more is read ahead.
    broken: bool,
    used: u64,
    turn: u64,
}

/// What the device is to be asked for next.
pub(crate) struct Wanted {
    pub stream: u64,
    pub window: u64,
    pub file: u64,
    pub position: u64,
    pub length: usize,
}

/// Figures that only grow, but for `held`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AheadCounters {
    /// Windows read, and their bytes.
    pub windows: u64,
    pub bytes: u64,
    /// Fetches that were answered from windows.
    pub answers: u64,
    /// Bytes of windows that were given up before a reader came to them.
    pub unread: u64,
    /// Memory of windows now.
    pub held: u64,
}

/// All readers.
#[derive(Debug)]
pub(crate) struct Ahead {
    budget: usize,
    now: u64,
    last: u64,
    streams: BTreeMap<u64, Stream>,
    places: BTreeMap<(u32, u32, u64), u64>,
    /// By the last use: (turn, stream).
    order: BTreeSet<(u64, u64)>,
    wanted: VecDeque<(u64, u64)>,
    /// Windows whose file is being opened, by the file: nothing can be done for them before it is.
    opening: BTreeMap<u64, Vec<(u64, u64)>>,
    due: BTreeSet<u64>,
    held: usize,
    reading: usize,
    /// Memory of windows that answers may still refer to.
    lent: Vec<(Weak<Slab>, usize)>,
    lent_bytes: usize,
    /// Questions until `lent` is looked through again: a look costs as much as there are entries.
    looks_after: usize,
    /// Readers that read in order.
    sharers: usize,
    /// Fetches that waited for a reader that was forgotten.
    orphans: Vec<u64>,
    pool: SlabPool,
    counters: AheadCounters,
}

fn floor(position: u64) -> u64 {
    position / BLOCK as u64 * BLOCK as u64
}

/// Memory that a window of so many bytes takes.
fn charge(length: u64) -> usize {
    if (WINDOW_MAX / 2..=WINDOW_MAX).contains(&length) { WINDOW_MAX as usize } else { length as usize }
}

impl Ahead {
    /// With memory for windows in bytes; 0: nothing is read ahead.
    pub fn new(budget: u64) -> Ahead {
        Ahead {
            budget: usize::try_from(budget).unwrap_or(usize::MAX),
            now: 0,
            last: 0,
            streams: BTreeMap::new(),
            places: BTreeMap::new(),
            order: BTreeSet::new(),
            wanted: VecDeque::new(),
            opening: BTreeMap::new(),
            due: BTreeSet::new(),
            held: 0,
            reading: 0,
            lent: Vec::new(),
            lent_bytes: 0,
            looks_after: 0,
            sharers: 0,
            orphans: Vec::new(),
            pool: SlabPool::new(WINDOW_MAX as usize, POOLED),
            counters: AheadCounters::default(),
        }
    }

    pub fn counters(&self) -> AheadCounters {
        let lent = self.lent.iter().filter(|(slab, _)| slab.strong_count() > 0);
        let lent: usize = lent.map(|(_, bytes)| bytes).sum();
        AheadCounters { held: (self.held + lent) as u64, ..self.counters }
    }

    fn number(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    /// The reader whose next offset this is.
    pub fn find(&self, partition: Handle, offset: u64) -> Option<u64> {
        self.places.get(&(partition.slot, partition.generation, offset)).copied()
    }

    pub fn stream(&self, id: u64) -> Option<&Stream> {
        self.streams.get(&id)
    }

    /// A fetch has ended at this place: who goes on from there reads in order.
    pub fn remember(&mut self, partition: Handle, offset: u64, range: Range, position: u64) {
        // What does not fit into windows is read as it is wanted.
        let is_large = u64::from(range.largest) > WINDOW_MAX;
        if self.budget == 0 || is_large || self.find(partition, offset).is_some() {
            return;
        }
        let (id, turn) = (self.number(), self.number());
        let stream = Stream {
            partition,
            offset,
            range,
            position,
            target: 0,
            asked: 0,
            windows: VecDeque::new(),
            parked: Vec::new(),
            broken: false,
            used: self.now,
            turn,
        };
        self.places.insert((partition.slot, partition.generation, offset), id);
        self.streams.insert(id, stream);
        self.order.insert((turn, id));
        if self.streams.len() > STREAMS_MAX {
            let silent = self.order.first().map(|(_, id)| *id);
            silent.into_iter().for_each(|id| self.forget(id));
        }
    }

    /// A fetch of this reader has come, for at most so many bytes.
    pub fn touch(&mut self, id: u64, max_bytes: u64) {
        let turn = self.number();
        let Some(stream) = self.streams.get_mut(&id) else { return };
        self.order.remove(&(stream.turn, id));
        self.order.insert((turn, id));
        (stream.turn, stream.used) = (turn, self.now);
        self.sharers += usize::from(stream.target == 0);
        stream.asked = max_bytes.clamp(WINDOW_MIN, WINDOW_MAX);
        stream.target = stream.target.max(stream.asked);
    }

    /// The reader is at this place of its own partition now: what lies before it is given up. True when the next bytes are
    /// in a window, read or not.
    pub fn aim(&mut self, id: u64, range: Range, position: u64) -> bool {
        loop {
            let Some(stream) = self.streams.get_mut(&id) else { return false };
            let Some(front) = stream.windows.front() else { break };
            if front.range == range && front.start <= position && position < front.end {
                (stream.range, stream.position) = (range, position);
                return true;
            }
            let is_read = front.range.end <= range.base || (front.range == range && front.end <= position);
            if let Some(window) = stream.windows.pop_front() {
                if is_read {
                    stream.target = (stream.target * 2).min(AHEAD_MAX);
                }
                self.give_up(window, !is_read);
            }
        }
        if let Some(stream) = self.streams.get_mut(&id) {
            (stream.range, stream.position) = (range, position);
        }
        false
    }

    /// The bytes of the file of the front window, and where they begin, once they are there.
    pub fn front(&self, id: u64) -> Option<(u64, Piece)> {
        let front = self.streams.get(&id)?.windows.front()?;
        match &front.state {
            State::Loaded(piece) => Some((front.start, piece.clone())),
            State::Wanted | State::Reading => None,
        }
    }

    /// `length` bytes at `position` that lie across windows, in one piece; `None`: not all of them are there.
    pub fn gather(&self, id: u64, position: u64, length: u64) -> Option<Piece> {
        let stream = self.streams.get(&id)?;
        let range = stream.windows.front()?.range;
        let mut parts = Vec::new();
        let mut at = position;
        for window in &stream.windows {
            let State::Loaded(piece) = &window.state else { break };
            if window.range != range || at >= position + length || at < window.start || at >= window.end {
                break;
            }
            let to = (position + length).min(window.start + piece.len() as u64);
            parts.push(piece.slice((at - window.start) as usize, to.checked_sub(at)? as usize));
            at = to;
        }
        if at < position + length {
            return None;
        }
        let mut joined = millrace_io::SlabWriter::new(length as usize);
        parts.iter().for_each(|part| joined.write(part.bytes()));
        Some(joined.piece(0, length as usize))
    }

    /// The reader was answered up to here.
    pub fn advance(&mut self, id: u64, offset: u64, range: Range, position: u64) {
        self.counters.answers += 1;
        let taken = self.streams.get(&id).and_then(|stream| self.find(stream.partition, offset));
        if taken.is_some_and(|other| other != id) {
            // Another reader is there already.
            return self.forget(id);
        }
        self.aim(id, range, position);
        let Some(stream) = self.streams.get_mut(&id) else { return };
        let place = |offset| (stream.partition.slot, stream.partition.generation, offset);
        self.places.remove(&place(stream.offset));
        self.places.insert(place(offset), id);
        (stream.offset, stream.range, stream.position) = (offset, range, position);
        self.due.insert(id);
    }

    /// Wants what is missing of what this reader should be ahead by. `next` answers the range that begins at an offset,
    /// when it is to be read from its file.
    pub fn extend(&mut self, id: u64, next: impl Fn(u64) -> Option<Range>) {
        let share = (self.budget / self.sharers.max(1)) as u64;
        loop {
            let Some(stream) = self.streams.get(&id) else { return };
            let ahead: u64 = stream.windows.iter().map(Window::length).sum();
            let is_first = stream.windows.is_empty();
            let most = stream.target.min(share.max(WINDOW_MIN));
            if stream.broken || stream.windows.len() >= WINDOWS_MAX || (!is_first && ahead >= most) {
                return;
            }
            let start_of = |range: Range| (range, floor(range.position));
            let behind = match stream.windows.back() {
                None if stream.offset >= stream.range.end => next(stream.offset).map(start_of),
                None => Some((stream.range, floor(stream.position))),
                Some(last) if last.reaches_the_end() => next(last.range.end).map(start_of),
                Some(last) => Some((last.range, last.end)),
            };
            let Some((range, start)) = behind else { return };
            let rest = (range.position + range.length).next_multiple_of(BLOCK as u64) - start;
            let length = (stream.target / 2).max(stream.asked).min(most).next_multiple_of(BLOCK as u64);
            // What would be left over is not worth an operation.
            let length = if rest < length + WINDOW_MIN / 2 { rest.min(WINDOW_MAX) } else { length };
            if !self.has_room(charge(length)) {
                return;
            }
            self.held += charge(length);
            let window = self.number();
            let Some(stream) = self.streams.get_mut(&id) else { return };
            let end = start + length;
            stream.windows.push_back(Window { id: window, range, start, end, state: State::Wanted });
            // Somebody waits for the first one.
            if is_first { self.wanted.push_front((id, window)) } else { self.wanted.push_back((id, window)) }
        }
    }

    fn has_room(&mut self, bytes: usize) -> bool {
        let is_full = |ahead: &Ahead| {
            let lent = if planted::forgets_lent() { 0 } else { ahead.lent_bytes };
            ahead.held + lent + bytes > ahead.budget
        };
        if is_full(self) && self.looks_after > 0 {
            self.looks_after -= 1;
        } else if is_full(self) {
            self.lent.retain(|(slab, _)| slab.strong_count() > 0);
            self.lent_bytes = self.lent.iter().map(|(_, bytes)| bytes).sum();
            self.looks_after = self.lent.len() / LOOK_PART;
        }
        !is_full(self)
    }

    /// Whether anything of this reader is still to be read: then it is worth waiting for.
    pub fn is_reading(&self, id: u64) -> bool {
        let stream = self.streams.get(&id);
        stream.is_some_and(|stream| {
            stream.windows.iter().any(|window| !matches!(window.state, State::Loaded(_)))
        })
    }

    /// The next window to read; none while the device has enough to do.
    pub fn next_wanted(&mut self) -> Option<Wanted> {
        while self.reading < READING_MAX {
            let (stream, window) = self.wanted.pop_front()?;
            let found = self.window(stream, window).filter(|found| matches!(found.state, State::Wanted));
            let Some(found) = found else { continue };
            let (file, position, length) = (found.range.file, found.start, found.length() as usize);
            return Some(Wanted { stream, window, file, position, length });
        }
        None
    }

    /// It cannot be read yet: its file is being opened.
    pub fn await_file(&mut self, wanted: &Wanted) {
        self.opening.entry(wanted.file).or_default().push((wanted.stream, wanted.window));
    }

    /// A file was opened, or closed and may be opened again: its windows are next.
    pub fn file_changed(&mut self, file: u64) {
        let waiting = self.opening.remove(&file).unwrap_or_default();
        waiting.into_iter().rev().for_each(|window| self.wanted.push_front(window));
    }

    /// The window is being read: memory for it.
    pub fn begin(&mut self, wanted: &Wanted) -> ReadBuffer {
        if let Some(window) = self.window_mut(wanted.stream, wanted.window) {
            window.state = State::Reading;
        }
        self.reading += wanted.length;
        if charge(wanted.length as u64) == WINDOW_MAX as usize {
            ReadBuffer::from_pool(&self.pool, wanted.length)
        } else {
            ReadBuffer::new(wanted.length)
        }
    }

    /// A window was read, or could not be. Answers the fetches that waited for it.
    pub fn ended(&mut self, stream: u64, window: u64, length: usize, piece: Option<Piece>) -> Vec<u64> {
        self.reading -= length;
        if let Some(piece) = &piece {
            self.counters.windows += 1;
            self.counters.bytes += piece.len() as u64;
        }
        let Some(found) = self.window_mut(stream, window) else {
            self.held -= charge(length as u64);
            self.counters.unread += piece.map_or(0, |piece| piece.len() as u64);
            return Vec::new();
        };
        let needed = (found.range.position + found.range.length).min(found.end) - found.start;
        match piece.filter(|piece| piece.len() as u64 >= needed) {
            Some(piece) => found.state = State::Loaded(piece),
            None => self.break_off(stream, window),
        }
        self.streams.get_mut(&stream).map(|stream| std::mem::take(&mut stream.parked)).unwrap_or_default()
    }

    /// Nothing from this window on can be read. Answers the fetches that waited.
    pub fn fail(&mut self, stream: u64, window: u64) -> Vec<u64> {
        self.break_off(stream, window);
        self.streams.get_mut(&stream).map(|stream| std::mem::take(&mut stream.parked)).unwrap_or_default()
    }

    /// A file could not be opened. Answers the fetches that waited for it.
    pub fn fail_file(&mut self, file: u64) -> Vec<u64> {
        self.file_changed(file);
        let is_there = |found: &Window| found.range.file == file && matches!(found.state, State::Wanted);
        let failed: Vec<(u64, u64)> = self.wanted.iter().copied().collect();
        let failed =
            failed.into_iter().filter(|(stream, window)| self.window(*stream, *window).is_some_and(is_there));
        let failed: Vec<(u64, u64)> = failed.collect();
        failed.into_iter().flat_map(|(stream, window)| self.fail(stream, window)).collect()
    }

    fn break_off(&mut self, stream: u64, window: u64) {
        let Some(stream) = self.streams.get_mut(&stream) else { return };
        stream.broken = true;
        let at = stream.windows.iter().position(|found| found.id == window).unwrap_or(stream.windows.len());
        let mut gone = stream.windows.split_off(at);
        // The one that failed is with the device no more.
        if let Some(failed) = gone.front_mut() {
            failed.state = State::Wanted;
        }
        gone.into_iter().for_each(|window| self.give_up(window, true));
    }

    /// A fetch waits for the next window of a reader.
    pub fn park(&mut self, id: u64, token: u64) {
        if let Some(stream) = self.streams.get_mut(&id) {
            stream.parked.push(token);
        }
    }

    /// The reader is not known any more, nor what was read for it.
    pub fn forget(&mut self, id: u64) {
        let Some(stream) = self.streams.remove(&id) else { return };
        self.orphans.extend(stream.parked);
        self.sharers -= usize::from(stream.target > 0);
        self.order.remove(&(stream.turn, id));
        self.due.remove(&id);
        self.places.remove(&(stream.partition.slot, stream.partition.generation, stream.offset));
        stream.windows.into_iter().for_each(|window| self.give_up(window, true));
    }

    /// A window is no reader's any more. What the device still fills is accounted for when it is done.
    fn give_up(&mut self, window: Window, is_unread: bool) {
        let bytes = charge(window.length());
        match window.state {
            State::Reading => {}
            State::Wanted => self.held -= bytes,
            State::Loaded(piece) => {
                self.held -= bytes;
                self.counters.unread += if is_unread { piece.len() as u64 } else { 0 };
                if Arc::strong_count(piece.slab()) > 1 {
                    self.lent.push((Arc::downgrade(piece.slab()), bytes));
                    self.lent_bytes += bytes;
                }
            }
        }
    }

    /// No reader is known any more.
    pub fn forget_all(&mut self) {
        for id in self.streams.keys().copied().collect::<Vec<u64>>() {
            self.forget(id);
        }
    }

    /// Fetches that wait for nothing any more.
    pub fn take_orphans(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.orphans)
    }

    /// Readers that have moved on since the last call.
    pub fn take_due(&mut self) -> BTreeSet<u64> {
        std::mem::take(&mut self.due)
    }

    /// Whether the next turn has something to begin.
    pub fn is_due(&self) -> bool {
        !self.due.is_empty()
            || !self.orphans.is_empty()
            || (!self.wanted.is_empty() && self.reading < READING_MAX)
    }

    /// It is `now` (ns): readers that have been silent for long are forgotten.
    pub fn expire(&mut self, now: u64) {
        self.now = now;
        while let Some((turn, id)) = self.order.first().copied() {
            let Some(stream) = self.streams.get_mut(&id) else { break };
            if stream.used.saturating_add(IDLE_NS) > now {
                break;
            }
            if stream.parked.is_empty() {
                self.forget(id);
                continue;
            }
            // It waits for the device.
            stream.used = now;
            self.order.remove(&(turn, id));
            let turn = self.number();
            self.order.insert((turn, id));
            if let Some(stream) = self.streams.get_mut(&id) {
                stream.turn = turn;
            }
        }
    }

    /// When `expire` has something to give up.
    pub fn deadline(&self) -> Option<u64> {
        let (_, id) = self.order.first().filter(|_| self.held > 0)?;
        Some(self.streams.get(id)?.used.saturating_add(IDLE_NS))
    }

    fn window(&self, stream: u64, window: u64) -> Option<&Window> {
        self.streams.get(&stream)?.windows.iter().find(|found| found.id == window)
    }

    fn window_mut(&mut self, stream: u64, window: u64) -> Option<&mut Window> {
        self.streams.get_mut(&stream)?.windows.iter_mut().find(|found| found.id == window)
    }
}
