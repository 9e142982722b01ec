//! Cold reads: the operations that bring batches of sealed files back, several reads side by side under a budget.
//!
//! What it is not: the search inside a chunk (`cold.rs`); hot reads, which the tail answers at once (`lookup.rs`).
//!
//! The invariant: every token that was handed out is reported finished exactly once, whatever happens to its
//! partition, its file or the device.

use crate::ahead::Ahead;
use crate::ahead_read::{Reading, Served};
use crate::code::Code;
use crate::cold::{Cold, Goal, Next};
use crate::files::Handle as FileHandle;
use crate::index::{Sparse, table_bytes};
use crate::log::Log;
use crate::lookup::Behind;
use crate::range::Range;
use crate::segment::{Kind, index_path, path};
use crate::table::Handle;
use millrace_io::{
    BLOCK, Done, FileId, IoError, IoErrorKind, Op, OpId, OpQueue, OpenMode, Piece, ReadBuffer,
};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// Memory of reads in flight; further reads wait. One read always goes.
const IN_FLIGHT_MAX: usize = 64 << 20;
/// Memory of cached sparse indexes; the oldest are dropped above it.
const SPARSE_MAX: usize = 16 << 20;

/// What a finished read has.
#[derive(Debug)]
pub enum Found {
    Pieces(Vec<Piece>),
    /// Offset and timestamp of a record; `None`: there is none.
    Offset(Option<(u64, i64)>),
}

/// A damaged place that a read met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damaged {
    pub file: String,
    pub position: u64,
    pub detail: String,
}

#[derive(Debug)]
struct Job {
    partition: Handle,
    id: u64,
    range: Range,
    goal: Goal,
    cold: Option<Cold>,
    /// A batch without records that was passed by: the answer when there is nothing better.
    empty: Option<Piece>,
    memory: usize,
    /// Windows have nothing for it.
    is_plain: bool,
    /// The device could not read as much as was wanted: batch by batch.
    is_narrow: bool,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Work {
    IndexOpen(u64),
    IndexRead(u64, FileId),
    IndexClose,
    SharedIndexRead(u64),
    /// A range of a bulk file, whole: its sparse index is made from its batches.
    BulkRead(u64),
    Chunk(u64),
    Ahead(Reading),
}

/// All cold reads.
#[derive(Debug)]
pub struct Reader {
    last_token: u64,
    jobs: BTreeMap<u64, Job>,
    /// Tokens that wait for memory.
    waiting: VecDeque<u64>,
    /// Tokens that wait for a file to be opened.
    parked: BTreeMap<u64, Vec<u64>>,
    in_flight: usize,
    work: BTreeMap<OpId, Work>,
    /// By file and position: two ranges of a shared segment may have the same base offset.
    sparse: BTreeMap<(u64, u64), Arc<Sparse>>,
    sparse_order: VecDeque<(u64, u64)>,
    sparse_memory: usize,
    finished: Vec<(u64, Code)>,
    results: BTreeMap<u64, Result<Found, Code>>,
    damage: Vec<Damaged>,
    pub(crate) ahead: Ahead,
    /// Operations and bytes since open, for counters.
    pub reads: u64,
    pub bytes: u64,
}

impl Reader {
    /// With memory for read-ahead in bytes.
    #[must_use]
    pub fn new(ahead_bytes: u64) -> Reader {
        Reader {
            last_token: 0,
            jobs: BTreeMap::new(),
            waiting: VecDeque::new(),
            parked: BTreeMap::new(),
            in_flight: 0,
            work: BTreeMap::new(),
            sparse: BTreeMap::new(),
            sparse_order: VecDeque::new(),
            sparse_memory: 0,
            finished: Vec::new(),
            results: BTreeMap::new(),
            damage: Vec::new(),
            ahead: Ahead::new(ahead_bytes),
            reads: 0,
            bytes: 0,
        }
    }

    /// Tokens whose results can be taken, in the order they finished.
    pub fn drain_finished(&mut self, into: &mut Vec<(u64, Code)>) {
        into.append(&mut self.finished);
    }

    /// The result of a finished token, once.
    pub fn take(&mut self, token: u64) -> Option<Result<Found, Code>> {
        self.results.remove(&token)
    }

    /// Damage met since the last call.
    pub fn take_damage(&mut self) -> Vec<Damaged> {
        std::mem::take(&mut self.damage)
    }

    /// True when the operation belongs to a cold read.
    #[must_use]
    pub fn owns(&self, id: OpId) -> bool {
        self.work.contains_key(&id)
    }

    /// Reads or closes under way.
    #[must_use]
    pub fn busy(&self) -> bool {
        !self.work.is_empty() || !self.jobs.is_empty()
    }

    /// The sparse index of a range, when it is in memory.
    pub(crate) fn cached(&self, range: &Range) -> Option<&Sparse> {
        self.sparse.get(&(range.file, range.position)).map(|sparse| &**sparse)
    }

    /// Keeps the sparse index of a range for later reads.
    pub(crate) fn cache(&mut self, range: &Range, sparse: Sparse) -> Arc<Sparse> {
        let key = (range.file, range.position);
        let sparse = Arc::new(sparse);
        self.sparse_memory += sparse.memory();
        if let Some(before) = self.sparse.insert(key, Arc::clone(&sparse)) {
            self.sparse_memory -= before.memory();
        } else {
            self.sparse_order.push_back(key);
        }
        while self.sparse_memory > SPARSE_MAX && self.sparse_order.len() > 1 {
            let Some(oldest) = self.sparse_order.pop_front() else { break };
            if let Some(gone) = self.sparse.remove(&oldest) {
                self.sparse_memory -= gone.memory();
            }
        }
        sparse
    }

    pub(crate) fn push(&mut self, queue: &mut OpQueue, op: Op, work: Work) {
        self.work.insert(queue.push(op), work);
    }
}

impl Log {
    /// Starts a cold read in `range` of a partition; the answer comes under the token.
    pub(crate) fn start_cold(&mut self, partition: Handle, id: u64, range: Range, goal: Goal) -> u64 {
        self.reader.last_token += 1;
        let token = self.reader.last_token;
        self.continue_cold(token, partition, id, range, goal);
        token
    }

    fn continue_cold(&mut self, token: u64, partition: Handle, id: u64, range: Range, goal: Goal) {
        self.files.take(range.file);
        let (cold, empty, memory) = (None, None, 0);
        let job = Job { partition, id, range, goal, cold, empty, memory, is_plain: false, is_narrow: false };
        self.reader.jobs.insert(token, job);
        self.reader.waiting.push_back(token);
    }

    /// Starts waiting reads as far as memory allows.
    pub(crate) fn step_reads(&mut self, queue: &mut OpQueue) {
        while self.reader.in_flight < IN_FLIGHT_MAX {
            let Some(token) = self.reader.waiting.pop_front() else { return };
            self.advance_read(token, queue);
        }
    }

    /// Does the next thing a read needs: handle, sparse index, chunk.
    pub(crate) fn advance_read(&mut self, token: u64, queue: &mut OpQueue) {
        if self.waits_for_window(token, queue) {
            return;
        }
        let Some(job) = self.reader.jobs.get(&token) else { return };
        let (range, goal, entered) = (job.range, job.goal, job.cold.is_some());
        let file = match self.files.handle(range.file, queue) {
            FileHandle::Ready(file) => file,
            FileHandle::Opening => {
                self.reader.parked.entry(range.file).or_default().push(token);
                return;
            }
            FileHandle::Missing => return self.damaged(token, range.position, "the file is missing", queue),
        };
        if !entered {
            let key = (range.file, range.position);
            let kind = self.files.get(range.file).map_or(Kind::Own, |(kind, _)| kind);
            let scanned = kind == Kind::Bulk && range.length > u64::from(range.largest);
            let sparse = match self.reader.sparse.get(&key) {
                Some(sparse) => Arc::clone(sparse),
                None if range.sparse_count > 1 || scanned => {
                    return self.load_sparse(token, &range, file, queue);
                }
                None => Arc::new(Sparse::of_start(&range)),
            };
            let cold = Cold::new(goal, range, kind, &sparse, self.config.index_interval_bytes);
            let Some(cold) = cold else { return self.found_time(token, None, queue) };
            if let Some(job) = self.reader.jobs.get_mut(&token) {
                job.cold = Some(cold);
            }
        }
        self.read_chunk(token, file, queue);
    }

    /// True when the read is answered from windows, or will be.
    fn waits_for_window(&mut self, token: u64, queue: &mut OpQueue) -> bool {
        let Some(job) = self.reader.jobs.get(&token).filter(|job| !job.is_plain) else { return false };
        let Goal::Fetch { offset, max_bytes, below } = job.goal else { return false };
        let partition = job.partition;
        match self.fetch_ahead(partition, offset, max_bytes, below) {
            Served::Pieces(pieces) => self.finish(token, Ok(Found::Pieces(pieces)), queue),
            Served::Wait if self.park_ahead(token, partition, offset) => {}
            Served::Wait | Served::No => {
                if let Some(job) = self.reader.jobs.get_mut(&token) {
                    job.is_plain = true;
                }
                return false;
            }
        }
        true
    }

    fn load_sparse(&mut self, token: u64, range: &Range, file: FileId, queue: &mut OpQueue) {
        match self.files.get(range.file) {
            Some((Kind::Bulk, _)) => self.read_bulk_range(token, range, file, queue),
            Some((Kind::Shared, _)) => {
                let (position, buffer) = sparse_window(range);
                let op = Op::Read { file, position, buffer };
                self.reader.push(queue, op, Work::SharedIndexRead(token));
            }
            _ => {
                let op = Op::Open { path: index_path(range.file), mode: OpenMode::ReadDirect };
                self.reader.push(queue, op, Work::IndexOpen(token));
            }
        }
    }

    fn read_bulk_range(&mut self, token: u64, range: &Range, file: FileId, queue: &mut OpQueue) {
        let buffer = ReadBuffer::new(range.length as usize);
        if let Some(job) = self.reader.jobs.get_mut(&token) {
            job.memory = buffer.len();
            self.reader.in_flight += job.memory;
        }
        self.reader.reads += 1;
        self.reader.push(queue, Op::Read { file, position: range.position, buffer }, Work::BulkRead(token));
    }

    /// A range of a bulk file was read, or could not be: then it is entered at its start.
    fn bulk_range_read(&mut self, token: u64, result: Result<Done, IoError>, queue: &mut OpQueue) {
        let Some(job) = self.reader.jobs.get_mut(&token) else { return };
        self.reader.in_flight -= job.memory;
        job.memory = 0;
        let range = job.range;
        let sparse = match result {
            Ok(Done::Read { buffer, length }) => {
                self.reader.bytes += length as u64;
                Sparse::of_batches(&range, &buffer.bytes()[..length], Kind::Bulk.alignment())
            }
            _ => Sparse::of_start(&range),
        };
        self.reader.cache(&range, sparse);
        self.advance_read(token, queue);
    }

    fn read_chunk(&mut self, token: u64, file: FileId, queue: &mut OpQueue) {
        let Some(job) = self.reader.jobs.get_mut(&token) else { return };
        let Some(cold) = &job.cold else { return };
        let (position, length) = cold.wanted();
        job.memory = length;
        self.reader.in_flight += length;
        self.reader.reads += 1;
        let op = Op::Read { file, position, buffer: ReadBuffer::new(length) };
        self.reader.push(queue, op, Work::Chunk(token));
    }

    /// Takes the result of an operation of the reader or of the file table.
    pub(crate) fn complete_read(&mut self, id: OpId, result: Result<Done, IoError>, queue: &mut OpQueue) {
        let Some(work) = self.reader.work.remove(&id) else {
            return self.complete_file(id, result, queue);
        };
        match (work, result) {
            (Work::IndexClose, _) => {}
            (Work::IndexOpen(token), Ok(Done::Opened { file, .. })) => {
                let Some(job) = self.reader.jobs.get(&token) else { return };
                let (position, buffer) = sparse_window(&job.range);
                let op = Op::Read { file, position, buffer };
                self.reader.push(queue, op, Work::IndexRead(token, file));
            }
            (Work::IndexRead(token, file), result) => {
                self.reader.push(queue, Op::Close { file }, Work::IndexClose);
                self.sparse_read(token, result, queue);
            }
            (Work::SharedIndexRead(token) | Work::IndexOpen(token), result) => {
                self.sparse_read(token, result, queue);
            }
            (Work::BulkRead(token), result) => self.bulk_range_read(token, result, queue),
            (Work::Chunk(token), result) => self.chunk_read(token, result, queue),
            (Work::Ahead(reading), result) => self.window_read(reading, result, queue),
        }
    }

    fn complete_file(&mut self, id: OpId, result: Result<Done, IoError>, queue: &mut OpQueue) {
        let Some((number, error)) = self.files.complete(id, result, queue) else { return };
        self.compaction_file(number, error.as_ref(), queue);
        if error.is_none() {
            self.reader.ahead.file_changed(number);
        } else {
            for token in self.reader.ahead.fail_file(number) {
                self.advance_read(token, queue);
            }
        }
        for token in self.reader.parked.remove(&number).unwrap_or_default() {
            match &error {
                None => self.advance_read(token, queue),
                Some(error) => self.read_failed(token, error, queue),
            }
        }
    }

    /// A sparse index was read, or could not be: then the range is scanned from its start.
    fn sparse_read(&mut self, token: u64, result: Result<Done, IoError>, queue: &mut OpQueue) {
        let Some(job) = self.reader.jobs.get(&token) else { return };
        let (range, id) = (job.range, job.id);
        let table = match &result {
            Ok(Done::Read { buffer, length }) => {
                let start = (range.sparse_position % BLOCK as u64) as usize;
                let table = buffer.bytes()[..*length].get(start..start + table_bytes(range.sparse_count));
                table.and_then(|table| Sparse::decode(table, id, &range))
            }
            _ => None,
        };
        self.reader.cache(&range, table.unwrap_or_else(|| Sparse::of_start(&range)));
        self.advance_read(token, queue);
    }

    fn chunk_read(&mut self, token: u64, result: Result<Done, IoError>, queue: &mut OpQueue) {
        let Some(job) = self.reader.jobs.get_mut(&token) else { return };
        self.reader.in_flight -= job.memory;
        let wanted = std::mem::take(&mut job.memory);
        let piece = match result {
            Ok(Done::Read { buffer, length }) => buffer.into_piece(length),
            Ok(other) => unreachable!("a read completes as read, not {other:?}"),
            Err(error) => {
                // What lies beside the bytes that cannot be read is still there.
                let is_narrow = std::mem::replace(&mut job.is_narrow, true);
                if let Some(cold) =
                    job.cold.as_mut().filter(|_| is_medium(&error) && !is_narrow && wanted > BLOCK)
                {
                    cold.narrow();
                    return self.advance_read(token, queue);
                }
                return self.read_failed(token, &error, queue);
            }
        };
        self.reader.bytes += piece.len() as u64;
        let Some(partition) = self.table.get(job.partition).filter(|partition| !partition.deleted) else {
            return self.finish(token, Err(Code::UnknownPartition), queue);
        };
        let Some(cold) = &mut job.cold else { return };
        let next = cold.feed(&piece, &partition.epochs, &mut self.scratch);
        if let (Next::Fetched(_), Some((range, offset, position))) = (&next, cold.resume()) {
            self.reader.ahead.remember(job.partition, offset, range, position);
        }
        match next {
            Next::More => self.advance_read(token, queue),
            Next::Passed => self.passed(token, queue),
            Next::Fetched(pieces) => self.finish(token, Ok(Found::Pieces(pieces)), queue),
            Next::Found(found) => self.found_time(token, found, queue),
            Next::Damaged { position, detail } => self.damaged(token, position, detail, queue),
            Next::Refused(code) => self.finish(token, Err(code), queue),
        }
    }

    /// A fetch has found nothing in a range that was compacted: on to what follows.
    fn passed(&mut self, token: u64, queue: &mut OpQueue) {
        let Some(job) = self.reader.jobs.get_mut(&token) else { return };
        let Goal::Fetch { max_bytes, below, .. } = job.goal else { return };
        let empty = job.cold.take().and_then(|cold| cold.empty).or(job.empty.take());
        let (handle, id, from) = (job.partition, job.id, job.range.end);
        let pieces = match self.behind(handle, from, max_bytes, below) {
            Err(code) => return self.finish(token, Err(code), queue),
            Ok(Behind::Pieces(pieces)) => pieces,
            Ok(Behind::Nothing) => empty.into_iter().collect(),
            Ok(Behind::Range(range)) => {
                self.files.let_go(self.reader.jobs[&token].range.file, queue);
                let goal = Goal::Fetch { offset: from, max_bytes, below };
                self.continue_cold(token, handle, id, range, goal);
                if let Some(job) = self.reader.jobs.get_mut(&token) {
                    job.empty = empty;
                }
                return self.step_reads(queue);
            }
        };
        self.finish(token, Ok(Found::Pieces(pieces)), queue);
    }

    /// A search by time is through with one range: done, or on to what follows.
    fn found_time(&mut self, token: u64, found: Option<(u64, i64)>, queue: &mut OpQueue) {
        let Some(job) = self.reader.jobs.get(&token) else { return };
        let Goal::Time { target, below, .. } = job.goal else { return };
        if found.is_some() {
            return self.finish(token, Ok(Found::Offset(found)), queue);
        }
        let (handle, id, from) = (job.partition, job.id, job.range.end);
        match self.search_time(handle, target, from, below) {
            Ok(crate::lookup::Search::Ready(found)) => self.finish(token, Ok(Found::Offset(found)), queue),
            Ok(crate::lookup::Search::Range(range)) => {
                self.files.let_go(self.reader.jobs[&token].range.file, queue);
                self.continue_cold(token, handle, id, range, Goal::Time { target, from, below });
                self.step_reads(queue);
            }
            Err(code) => self.finish(token, Err(code), queue),
        }
    }

    fn read_failed(&mut self, token: u64, error: &IoError, queue: &mut OpQueue) {
        match error.kind {
            IoErrorKind::Cancelled => self.finish(token, Err(Code::Closing), queue),
            IoErrorKind::Descriptors | IoErrorKind::Memory => self.finish(token, Err(Code::Busy), queue),
            _ => {
                let position = self
                    .reader
                    .jobs
                    .get(&token)
                    .map_or(0, |job| job.cold.as_ref().map_or(job.range.position, Cold::position));
                self.damaged(token, position, &error.to_string(), queue);
            }
        }
    }

    fn damaged(&mut self, token: u64, position: u64, detail: &str, queue: &mut OpQueue) {
        if let Some(job) = self.reader.jobs.get(&token) {
            self.report_damage(job.range.file, position, detail);
        }
        self.finish(token, Err(Code::Damaged), queue);
    }

    /// Damage at a position of a sealed file, for `take_damage`.
    pub(crate) fn report_damage(&mut self, number: u64, position: u64, detail: &str) {
        let kind = self.files.get(number).map_or(Kind::Own, |(kind, _)| kind);
        let file = path(number, kind).display().to_string();
        self.reader.damage.push(Damaged { file, position, detail: detail.to_string() });
    }

    fn finish(&mut self, token: u64, result: Result<Found, Code>, queue: &mut OpQueue) {
        let Some(job) = self.reader.jobs.remove(&token) else { return };
        self.files.let_go(job.range.file, queue);
        let code = match &result {
            Ok(_) => Code::Ok,
            Err(code) => *code,
        };
        self.reader.finished.push((token, code));
        self.reader.results.insert(token, result);
        self.step_reads(queue);
    }
}

/// Whether an error speaks of the bytes on the medium, not of what the process may have.
fn is_medium(error: &IoError) -> bool {
    !matches!(error.kind, IoErrorKind::Cancelled | IoErrorKind::Descriptors | IoErrorKind::Memory)
}

/// Whole blocks around the sparse table of a range.
fn sparse_window(range: &Range) -> (u64, ReadBuffer) {
    let block = BLOCK as u64;
    let start = range.sparse_position / block * block;
    let end = range.sparse_position + table_bytes(range.sparse_count) as u64;
    (start, ReadBuffer::new((end - start) as usize))
}
