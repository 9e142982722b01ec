//! The journal as a state machine: appends and completions in, operations out.
//!
//! What it is not: it performs no I/O, reads no clock and knows nothing of what entries mean.
//!
//! The one invariant: a watermark moves only on a completion that covers it, and after the first failed write or flush
//! nothing moves or is written any more.

use crate::bulk::{BulkDone, Placed};
use crate::bulk_spaces::{BulkSpaces, NoRoom, Room, Space};
use crate::commit::{Commit, CommitBuilder};
use crate::config::{Config, Start};
use crate::counters::Counters;
use crate::entry::Entry;
use crate::error::{Busy, JournalError};
use crate::file::{FileState, Files, JournalFile};
use crate::flights::{Flight, Flights};
use crate::flush::{CommitWrite, Demand, Request};
use crate::frame::{FLAG_RESTART, FRAME_HEADER, FrameHeader, FrameKind};
use crate::poison::{Poison, PoisonCause};
use crate::pressure::{Pressure, SettleMarks};
use crate::reference::Place;
use crate::supply::Supply;
use crate::timings::Timings;
use crate::watermark::Watermarks;
use millrace_io::{BLOCK, Completion, Done, IoError, Op, OpId, OpQueue, Piece};
use std::collections::VecDeque;

/// What an append returns at once; the acknowledgement follows when a watermark reaches `lsn`.
#[derive(Debug)]
pub struct Appended {
    /// The ticket: the append is written (durable) when `Journal::written()` (`durable()`) is at or above it.
    pub lsn: u64,
    /// The bytes of each entry, in order, in the journal's own memory.
    pub payloads: Vec<Piece>,
    /// Where the bytes of each entry lie outside the journal; empty when all are in the frame.
    pub places: Vec<Option<Place>>,
}

/// A file that is flushed.
#[derive(Clone, Copy, Debug)]
enum Flushed {
    /// A journal file, by index.
    Journal(usize),
    /// A bulk file, by number.
    Bulk(u64),
}

/// A flush on its way: one operation per file with unflushed writes.
#[derive(Debug)]
struct Round {
    ops: Vec<(OpId, Flushed)>,
    /// Everything up to here had been written in full when the round was submitted.
    covers: u64,
    demand: Demand,
    /// Bytes it covers.
    bytes: u64,
    /// When it was submitted.
    begun: u64,
}

/// Where appends continue: left by recovery.
#[derive(Debug, Default)]
pub(crate) struct Tail {
    pub last_lsn: u64,
    pub last_crc: u32,
    /// The highest durable LSN that some frame on disk carries.
    pub persisted_durable: u64,
    /// The next frame begins a new chain, in a new lap.
    pub restart: bool,
    /// Of the frames that were handed out.
    pub settle_marks: SettleMarks,
}

/// The journal. One owner, one thread.
#[derive(Debug)]
pub struct Journal {
    config: Config,
    directory: u32,
    incarnation: u32,
    files: Files,
    supply: Supply,
    bulk: BulkSpaces,
    builder: CommitBuilder,
    waiting: VecDeque<Commit>,
    waiting_bytes: u64,
    flights: Flights,
    round: Option<Round>,
    /// What frames demand that are written and that no submitted flush covers.
    unflushed: Demand,
    /// Bytes of those frames.
    plain_bytes: u64,
    marks: Watermarks,
    last_crc: u32,
    restart: bool,
    /// A frame of so many bytes was refused because no file could take it, and no other file was begun since.
    missed: Option<u64>,
    /// The last LSN that is not a mark: marks need not be persisted by marks.
    last_effect: u64,
    persisted_durable: u64,
    durable_moved_at: Option<u64>,
    settle_marks: SettleMarks,
    poison: Option<Poison>,
    counters: Counters,
    timings: Timings,
}

impl Journal {
    pub(crate) fn assemble(config: Config, start: Start, files: Files, tail: Tail) -> Journal {
        let builder = CommitBuilder::new(config.slab_bytes);
        let supply = Supply::new(start.directory_id);
        let bulk = BulkSpaces::new(&config, start.directory_id);
        Journal {
            directory: start.directory_low(),
            incarnation: start.incarnation,
            files,
            supply,
            bulk,
            builder,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            flights: Flights::default(),
            round: None,
            unflushed: Demand::default(),
            plain_bytes: 0,
            marks: Watermarks::at(tail.last_lsn),
            last_crc: tail.last_crc,
            restart: tail.restart,
            missed: None,
            last_effect: tail.last_lsn,
            persisted_durable: tail.persisted_durable,
            durable_moved_at: None,
            settle_marks: tail.settle_marks,
            poison: None,
            counters: Counters::default(),
            timings: Timings::default(),
            config,
        }
    }

    /// The last LSN given out. What is above `written()` lies in memory only.
    #[must_use]
    pub fn appended(&self) -> u64 {
        self.marks.appended()
    }

    /// Everything up to here survives the death of the process. Monotone.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.marks.written()
    }

    /// Everything up to here survives a power cut. Monotone.
    #[must_use]
    pub fn durable(&self) -> u64 {
        self.marks.durable()
    }

    /// Why the journal takes nothing more, if so. Outcomes above `durable()` are unknown until it is reopened.
    #[must_use]
    pub fn poison(&self) -> Option<&Poison> {
        self.poison.as_ref()
    }

    #[must_use]
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// Bytes of frames that are not durable: in memory, on their way, or written and not flushed.
    #[must_use]
    pub fn unflushed_bytes(&self) -> u64 {
        let flushing = self.round.as_ref().map_or(0, |round| round.bytes);
        self.waiting_bytes + self.plain_bytes + flushing
    }

    /// Whether a flush is on its way.
    #[must_use]
    pub fn is_flushing(&self) -> bool {
        self.round.is_some()
    }

    /// How long flushes took, how large commits were.
    #[must_use]
    pub fn timings(&self) -> &Timings {
        &self.timings
    }

    /// Most bytes of one frame: `FRAME_HEADER` plus `Entry::encoded_bytes` of each entry.
    #[must_use]
    pub fn max_frame_bytes(&self) -> u64 {
        self.config.max_frame_bytes
    }

    /// Appends one frame with `entries`, which become written, durable and recovered together. `now` in ns. The bytes
    /// are copied exactly once. On an error nothing was taken.
    pub fn append(
        &mut self,
        now: u64,
        entries: &[Entry<'_>],
        request: Request,
    ) -> Result<Appended, JournalError> {
        let bytes: u64 = entries.iter().map(|entry| entry.length() as u64).sum();
        let demand = Demand::of(request, bytes, now);
        let (payloads, places) = self.append_frame(FrameKind::Data, entries, demand)?;
        self.builder.count(request.records);
        self.counters.payload_bytes += bytes;
        self.counters.copied_bytes += bytes;
        self.last_effect = self.marks.appended();
        Ok(Appended { lsn: self.last_effect, payloads, places })
    }

    fn append_frame(
        &mut self,
        kind: FrameKind,
        entries: &[Entry<'_>],
        demand: Demand,
    ) -> Result<(Vec<Piece>, Vec<Option<Place>>), JournalError> {
        if let Some(poison) = &self.poison {
            return Err(JournalError::Poisoned(poison.clone()));
        }
        let inline = FRAME_HEADER + entries.iter().map(Entry::encoded_bytes).sum::<usize>();
        self.check_size(entries, inline as u64)?;
        let mut room = self.bulk.room_for(entries);
        let outside = room.bytes();
        if outside == 0 && inline as u64 > self.config.max_frame_bytes {
            return Err(self.no_room(inline as u64));
        }
        let referring = || FRAME_HEADER + entries.iter().map(Entry::referring_bytes).sum::<usize>();
        let length = if outside > 0 { referring() } else { inline };
        let file = self.make_room(length, outside)?;
        let header = self.header(kind, entries.len(), length - FRAME_HEADER, file);
        let before = self.waiting_in_builder();
        let placed = if outside > 0 { self.place(entries, header.lsn, &mut room) } else { Vec::new() };
        let (crc, payloads) = self.builder.append(&header, entries, &placed, demand);
        self.waiting_bytes += self.waiting_in_builder() - before;
        self.last_crc = crc;
        self.restart = false;
        self.marks.append(header.lsn);
        self.settle_marks.append(header.lsn, length as u64);
        self.counters.frames += 1;
        self.counters.bulk_bytes += outside;
        let place = |placed: Option<Placed>| placed.map(|placed| placed.place);
        Ok((payloads, placed.into_iter().map(place).collect()))
    }

    fn waiting_in_builder(&self) -> u64 {
        self.builder.bytes() + self.builder.bulk_bytes()
    }

    /// Refuses a frame that is too large wherever its bytes go. For all but large entries the limit is the same wherever
    /// they go.
    fn check_size(&self, entries: &[Entry<'_>], inline: u64) -> Result<(), JournalError> {
        let limit = self.config.max_frame_bytes;
        if inline <= limit {
            return Ok(());
        }
        let least = FRAME_HEADER + entries.iter().map(Entry::least_bytes).sum::<usize>();
        let large = entries.iter().filter(|entry| entry.bulk.is_some_and(|bulk| bulk.space == Space::Large));
        let large: u64 = large.map(|entry| entry.length() as u64).sum();
        let fits = least as u64 <= limit && large <= self.config.large.frame_bytes;
        if fits { Ok(()) } else { Err(JournalError::TooLarge { bytes: inline, limit }) }
    }

    /// Why a frame cannot be taken that only fits with its large entries outside.
    fn no_room(&self, bytes: u64) -> JournalError {
        match self.bulk.why_no_room() {
            NoRoom::NotReady => JournalError::Busy(Busy::BulkNotReady),
            NoRoom::NoSpace => JournalError::Busy(Busy::NoSpace),
            NoRoom::Never => JournalError::TooLarge { bytes, limit: self.config.max_frame_bytes },
        }
    }

    /// Copies the entries that may lie outside to their places, in room that was found for them.
    fn place(&mut self, entries: &[Entry<'_>], lsn: u64, room: &mut Room) -> Vec<Option<Placed>> {
        let place = |entry: &Entry<'_>| {
            let bulk = entry.bulk?;
            let (placed, blocks) = self.bulk.place(entry, bulk.space, room);
            self.builder.add_bulk(&placed, blocks, lsn);
            Some(placed)
        };
        entries.iter().map(place).collect()
    }

    fn header(&self, kind: FrameKind, entries: usize, payload: usize, file: usize) -> FrameHeader {
        let file = self.files.get(file);
        FrameHeader {
            kind,
            flags: if self.restart { FLAG_RESTART } else { 0 },
            entries: u32::try_from(entries).expect("each entry takes 24 bytes of a frame below 4 GiB"),
            payload_bytes: u32::try_from(payload).expect("frames are limited to less than 4 GiB"),
            file: file.number,
            lap: file.lap,
            lsn: self.marks.appended() + 1,
            durable_lsn: self.marks.durable(),
            directory: self.directory,
            incarnation: self.incarnation,
            previous_crc: if self.restart { 0 } else { self.last_crc },
            group: 0,
        }
    }

    /// Makes sure that the open commit has room for a frame of `length` bytes that refers to `outside` bytes, and says in
    /// which file it lies.
    fn make_room(&mut self, length: usize, outside: u64) -> Result<usize, JournalError> {
        if self.waiting_bytes >= self.config.max_waiting_bytes {
            return Err(JournalError::Busy(Busy::Waiting));
        }
        let with = self.builder.bytes_with(length) + self.builder.bulk_bytes() + outside;
        if self.builder.is_open() && with > self.config.max_commit_bytes {
            self.close_commit();
        }
        let with = self.builder.bytes_with(length);
        let active = self.files.active().filter(|index| {
            let file = self.files.get(*index);
            file.capacity - file.used >= with && !(self.restart && file.used > BLOCK as u64)
        });
        let file = match active {
            Some(file) => file,
            None => self.rotate(length)?,
        };
        if !self.builder.is_open() {
            self.builder.open(file, self.files.get(file).used, self.marks.appended() + 1);
        }
        Ok(file)
    }

    /// Goes on in another file: ends the open commit and starts a lap.
    fn rotate(&mut self, length: usize) -> Result<usize, JournalError> {
        let Some(file) = self.files.rotate(length as u64, self.marks.appended()) else {
            self.missed = Some(length as u64);
            return Err(JournalError::Busy(self.why_no_file(length as u64)));
        };
        self.missed = None;
        self.close_commit();
        self.counters.laps += 1;
        Ok(file)
    }

    /// The last attempt to make a journal file found no space; it is tried again while there is need of one.
    #[must_use]
    pub fn lacks_space(&self) -> bool {
        self.supply.is_blocked()
    }

    fn why_no_file(&self, length: u64) -> Busy {
        if self.supply.is_blocked() {
            if self.files.has_unsettled(length) { Busy::Unsettled } else { Busy::NoSpace }
        } else if self.files.may_grow(&self.config) || self.supply.is_working() {
            Busy::FileNotReady
        } else {
            Busy::Unsettled
        }
    }

    fn close_commit(&mut self) {
        if let Some(commit) = self.builder.close() {
            let file = self.files.get_mut(commit.file);
            assert_eq!(file.used, commit.position, "commits follow each other without a gap");
            file.used += commit.bytes;
            self.waiting.push_back(commit);
        }
    }

    /// Asks for a flush of everything appended so far, whatever the policies say. Watch `durable()`.
    pub fn request_flush(&mut self) {
        if self.builder.is_open() {
            self.builder.demand(Demand::now());
        } else if let Some(last) = self.waiting.back_mut() {
            last.demand.join(Demand::now());
        } else if let Some(newest) = self.flights.newest() {
            newest.commit.demand.join(Demand::now());
        } else if self.marks.written() > self.marks.durable() {
            self.unflushed.join(Demand::now());
        }
    }

    /// Starts what is due at time `now` (ns): a flush, the next commit, the pre-writing of a file, a mark.
    pub fn step(&mut self, now: u64, queue: &mut OpQueue) {
        if self.poison.is_some() {
            return;
        }
        self.mark_when_idle(now);
        self.start_flush(now, queue);
        self.send_bulk(queue);
        self.start_commit(now, queue);
        self.bulk.step(queue);
        self.supply.step(now, &self.config, &self.files, self.needs_files(), queue);
    }

    /// Somebody appends, or tried to append a frame of so many bytes: an opening alone makes no file.
    fn needs_files(&self) -> Option<u64> {
        self.missed.or((self.counters.frames > 0).then_some(0))
    }

    /// Sends what the frames of commits refer to, also of those whose turn has not come: nothing counts before its
    /// frame does.
    fn send_bulk(&mut self, queue: &mut OpQueue) {
        for commit in self.waiting.iter_mut().chain(self.builder.open_commit()) {
            if commit.bulk.is_empty() {
                continue;
            }
            let durable = commit.demand.commit_write(false) == CommitWrite::Durable;
            let lies = self.config.acknowledges_before_bulk_flush();
            commit.bulk_plain |= !durable && !lies;
            for write in commit.bulk.drain(..) {
                self.bulk.send(write, durable, lies, queue);
            }
        }
    }

    /// Whether a bulk file should be named by `make_bulk_file`, so that the next entries for such files have a place.
    #[must_use]
    pub fn wants_bulk_file(&self, space: Space, now: u64) -> bool {
        self.poison.is_none() && self.bulk.wants_file(space, now)
    }

    /// Begins to make the bulk file with this number, which no file had before; its bit `LARGE_FILE` says which kind.
    pub fn make_bulk_file(&mut self, number: u64, queue: &mut OpQueue) {
        self.bulk.make_file(number, queue);
    }

    fn start_commit(&mut self, now: u64, queue: &mut OpQueue) {
        let Some((demand, records, bulk_plain)) = self.next_commit() else { return };
        let durable = self.is_durable_alone(&demand, bulk_plain);
        if self.is_held(&demand, now) || !self.flights.may_begin(records, durable, self.config.follow_records)
        {
            return;
        }
        if self.waiting.is_empty() {
            self.close_commit();
        }
        let Some(commit) = self.waiting.pop_front() else { return };
        let file = self.files.get(commit.file).id;
        let op = Op::Write { file, position: commit.position, pieces: commit.pieces.clone(), durable };
        let op = queue.push(op);
        self.counters.commits += 1;
        self.counters.durable_commits += u64::from(durable);
        if durable {
            self.counters.flushes_by_cause[demand.cause(now) as usize] += 1;
        }
        self.counters.followed_commits += u64::from(!self.flights.is_empty());
        self.flights.begin(Flight { op, commit, durable, begun: now, framed: false });
    }

    /// What the commit whose turn is next demands, how many records it holds, and whether what it refers to was sent as
    /// plain writes.
    fn next_commit(&self) -> Option<(Demand, u64, bool)> {
        let commit = self.waiting.front().or(self.builder.peek())?;
        Some((commit.demand, commit.records, commit.bulk_plain))
    }

    /// Whether the next commit is one write that is durable by itself.
    fn is_durable_alone(&self, demand: &Demand, bulk_plain: bool) -> bool {
        let oldest = self.flights.first_lsn().unwrap_or(self.marks.written() + 1);
        let unflushed_before =
            self.marks.durable() + 1 != oldest || !self.flights.are_durable() || bulk_plain;
        demand.commit_write(unflushed_before) == CommitWrite::Durable
    }

    /// Whether a commit must wait for the flush that renews an allowance.
    fn is_held(&self, demand: &Demand, now: u64) -> bool {
        let mut outstanding = self.unflushed;
        if let Some(round) = &self.round {
            outstanding.join(round.demand);
        }
        demand.is_held_by(&outstanding, now)
    }

    fn start_flush(&mut self, now: u64, queue: &mut OpQueue) {
        if self.round.is_some() || self.marks.written() == self.marks.durable() || !self.unflushed.is_due(now)
        {
            return;
        }
        let mut ops = Vec::new();
        for (index, file) in self.files.iter_mut().enumerate().filter(|(_, file)| file.unflushed) {
            file.unflushed = false;
            ops.push((queue.push(Op::Sync { file: file.id }), Flushed::Journal(index)));
        }
        ops.extend(self.bulk.flush(queue).into_iter().map(|(op, number)| (op, Flushed::Bulk(number))));
        assert!(!ops.is_empty(), "written beyond durable, and no file to flush");
        self.counters.flushes += ops.len() as u64;
        let demand = std::mem::take(&mut self.unflushed);
        self.counters.flushes_by_cause[demand.cause(now) as usize] += 1;
        let bytes = std::mem::take(&mut self.plain_bytes);
        self.round = Some(Round { ops, covers: self.marks.written(), demand, bytes, begun: now });
    }

    /// Takes the completion if it answers an operation of this journal; leaves it otherwise. What follows from it is
    /// queued at once.
    pub fn complete(&mut self, now: u64, slot: &mut Option<Completion>, queue: &mut OpQueue) {
        let Some(id) = slot.as_ref().map(|completion| completion.id) else { return };
        let take = |slot: &mut Option<Completion>| slot.take().expect("looked at above").result;
        if self.flights.owns(id) {
            self.commit_done(now, id, take(slot));
        } else if self.round.as_ref().is_some_and(|round| round.ops.iter().any(|(op, _)| *op == id)) {
            self.flush_done(now, id, take(slot));
        } else if self.supply.owns(id) && self.poison.is_some() {
            drop(take(slot));
            self.supply.abandon();
        } else if self.supply.owns(id) {
            let number = self.supply.number();
            match self.supply.complete(now, &self.config, take(slot), &mut self.files, queue) {
                Ok(added) => self.counters.new_files += u64::from(added),
                Err(error) => self.fail(PoisonCause::NewFile, number.into(), error),
            }
        } else if self.bulk.owns(id) {
            match self.bulk.complete(now, id, take(slot), queue) {
                BulkDone::Written { bytes } => self.counters.written_bytes += bytes,
                BulkDone::Failed { number, error } => self.fail(PoisonCause::BulkWrite, number, error),
                BulkDone::Background => {}
            }
            self.land_commits(now);
        } else {
            return;
        }
        self.step(now, queue);
    }

    fn commit_done(&mut self, now: u64, id: OpId, result: Result<Done, IoError>) {
        let flight = self.flights.of(id).expect("its operation completed");
        let written = match result {
            Ok(Done::Written { length }) => length as u64,
            Ok(other) => panic!("a write completed as {other:?}"),
            Err(error) => {
                let cause = if flight.durable { PoisonCause::DurableWrite } else { PoisonCause::Write };
                let number = self.files.get(flight.commit.file).number;
                self.flights.lose(id);
                self.fail(cause, number.into(), error);
                // One behind it may have completed already: it was kept for this one.
                return self.land_commits(now);
            }
        };
        assert_eq!(written, flight.commit.bytes, "a write completes in full or not at all");
        flight.framed = true;
        self.timings.commit_frames.add(flight.commit.last_lsn - flight.commit.first_lsn + 1);
        self.timings.commit_bytes.add(written);
        if flight.durable {
            self.timings.flush_ns.add(now.saturating_sub(flight.begun));
        }
        self.counters.written_bytes += written;
        self.land_commits(now);
    }

    /// A commit is written when its frames and all they refer to are, and every commit before it.
    fn land_commits(&mut self, now: u64) {
        let lies = self.config.acknowledges_out_of_order();
        while let Some(flight) = self.flights.landed(self.bulk.written_below(), lies) {
            let is_told = lies && flight.commit.last_lsn <= self.marks.written();
            if !is_told {
                self.landed(flight, now);
            }
        }
    }

    fn landed(&mut self, Flight { commit, durable, .. }: Flight, now: u64) {
        self.waiting_bytes -= commit.all_bytes();
        if self.poison.is_some() {
            return;
        }
        self.marks.write(commit.last_lsn);
        self.persisted_durable = self.persisted_durable.max(commit.claims_durable);
        if durable {
            self.durable_moved(commit.last_lsn, now);
        } else {
            #[cfg(feature = "planted")]
            if self.config.planted.acknowledge_before_flush {
                return self.durable_moved(commit.last_lsn, now);
            }
            self.files.get_mut(commit.file).unflushed = true;
            self.plain_bytes += commit.all_bytes();
            self.unflushed.join(commit.demand);
        }
    }

    fn flush_done(&mut self, now: u64, id: OpId, result: Result<Done, IoError>) {
        let mut round = self.round.take().expect("its operation completed");
        let index = round.ops.iter().position(|(op, _)| *op == id).expect("one of its operations");
        let (_, file) = round.ops.swap_remove(index);
        if let Flushed::Bulk(number) = file {
            self.bulk.flushed(number);
        }
        if let Err(error) = result {
            #[cfg(feature = "planted")]
            if self.config.planted.retry_failed_flush {
                match file {
                    Flushed::Journal(index) => self.files.get_mut(index).unflushed = true,
                    Flushed::Bulk(number) => self.bulk.mark_unflushed(number),
                }
                self.unflushed.join(Demand::now());
                round.covers = self.marks.durable();
                self.round = (!round.ops.is_empty()).then_some(round);
                return;
            }
            match file {
                Flushed::Journal(index) => {
                    self.fail(PoisonCause::Flush, self.files.get(index).number.into(), error);
                }
                Flushed::Bulk(number) => self.fail(PoisonCause::BulkFlush, number, error),
            }
        }
        if !round.ops.is_empty() {
            self.round = Some(round);
        } else if self.poison.is_none() {
            self.timings.flush_ns.add(now.saturating_sub(round.begun));
            self.durable_moved(round.covers, now);
        }
    }

    fn durable_moved(&mut self, lsn: u64, now: u64) {
        self.marks.harden(lsn);
        self.durable_moved_at = Some(now);
    }

    fn fail(&mut self, cause: PoisonCause, file: u64, error: IoError) {
        if self.poison.is_none() {
            self.poison = Some(Poison { cause, error, file, durable: self.marks.durable() });
        }
    }

    /// What a mark would persist that no frame on disk carries yet.
    fn is_mark_wanted(&self) -> bool {
        self.persisted_durable < self.marks.durable().min(self.last_effect)
    }

    fn is_idle(&self) -> bool {
        self.flights.is_empty() && self.round.is_none() && self.waiting.is_empty() && !self.builder.is_open()
    }

    fn mark_deadline(&self) -> Option<u64> {
        if !self.is_idle() || !self.is_mark_wanted() || self.marks.written() != self.marks.durable() {
            return None;
        }
        Some(self.durable_moved_at.unwrap_or(0).saturating_add(self.config.idle_mark_ns))
    }

    fn mark_when_idle(&mut self, now: u64) {
        if self.mark_deadline().is_none_or(|deadline| deadline > now) {
            return;
        }
        match self.append_frame(FrameKind::Mark, &[], Demand::now()) {
            Ok(_) => self.counters.marks += 1,
            // No room for a mark now; the next frame persists what it would have.
            Err(_) => self.durable_moved_at = Some(now),
        }
    }

    /// Everything up to `lsn` is durable elsewhere and the manifest that says so is durable too: laps that hold nothing
    /// newer may be written again.
    pub fn settled(&mut self, lsn: u64) {
        assert!(lsn <= self.marks.written(), "settled {lsn} is beyond written {}", self.marks.written());
        self.settle_marks.settle(lsn);
        self.files.settle(lsn);
    }

    /// Bytes of frames above the settled LSN.
    #[must_use]
    pub fn unsettled_bytes(&self) -> u64 {
        self.settle_marks.unsettled()
    }

    /// How much of the journal is taken: settle from about half on; at the end appends are refused as busy.
    #[must_use]
    pub fn pressure(&self) -> Pressure {
        let usable = |file: &&JournalFile| file.state != FileState::Fenced;
        let existing: u64 = self.files.iter().filter(usable).map(|file| file.capacity).sum();
        let missing = (self.config.max_files as usize).saturating_sub(self.files.usable()) as u64;
        let missing = if self.supply.is_short() { 0 } else { missing };
        let taken = |state| matches!(state, FileState::Active | FileState::Full { .. });
        let occupied = self.files.iter().filter(|file| taken(file.state)).map(|file| match file.state {
            FileState::Active => file.used,
            _ => file.capacity,
        });
        Pressure {
            unsettled_bytes: self.unsettled_bytes(),
            occupied_bytes: occupied.sum(),
            capacity_bytes: existing + missing * self.config.file_bytes,
        }
    }

    /// When `step` should be called next although nothing completes: a flush or a mark is due, or a new file is tried
    /// again. `None`: not before the next completion or append.
    #[must_use]
    pub fn next_deadline(&self) -> Option<u64> {
        if self.poison.is_some() {
            return None;
        }
        let unflushed = self.marks.written() > self.marks.durable() && self.round.is_none();
        let flush = if unflushed { self.unflushed.deadline_ns() } else { None };
        [flush, self.mark_deadline(), self.supply.deadline()].into_iter().flatten().min()
    }

    /// Whether any operation of the journal is in flight. Nothing may be closed before it is not.
    #[must_use]
    pub fn has_operations(&self) -> bool {
        !self.flights.is_empty()
            || self.round.is_some()
            || self.supply.is_working()
            || self.bulk.has_operations()
    }
}
