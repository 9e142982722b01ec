//! Cold reads: the operations that bring values of data files back, several side by side under a budget.
//!
//! What it is not: a cache (`resident.rs`).
//!
//! The invariant: no byte leaves here before its record's CRC, sequence and key were found right; every token that was
//! handed out is reported finished exactly once.

use crate::files::{Files, Handle};
use crate::kv::Kv;
use crate::large::LargeValue;
use crate::location::Settled;
use crate::read::{Found, Read};
use crate::record::{Kind, decode};
use crate::value::Value;
use millrace_io::{BLOCK, Done, IoError, IoErrorKind, Op, OpId, OpQueue, Piece, ReadBuffer};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Tokens begin here, far above those of the log.
pub const TOKENS_FROM: u64 = 1 << 52;
/// Memory of reads in flight; further reads wait. One read always goes.
const IN_FLIGHT_MAX: usize = 32 << 20;
/// Records that lie no further apart are read by one operation.
const GAP_MAX: u64 = 16 << 10;
/// One operation reads no more, unless one record is larger.
const SPAN_MAX: u64 = 1 << 20;
/// Memory of pages that were read and not asked for again yet; the oldest go first.
const HELD_MAX: usize = 16 << 20;

/// How a token ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finish {
    Ok,
    Damaged,
    /// Too few descriptors, too little memory: ask again.
    Busy,
    Closing,
}

/// A damaged place that was met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damaged {
    pub file: String,
    pub position: u64,
    pub detail: String,
}

#[derive(Clone, Debug)]
struct Part {
    store: u32,
    key: Box<[u8]>,
    settled: Settled,
}

/// Parts that one operation reads.
#[derive(Debug)]
struct Span {
    token: u64,
    slot: u32,
    from: u64,
    to: u64,
    parts: Vec<Part>,
}

#[derive(Debug)]
struct Job {
    spans_left: usize,
    page: bool,
    finish: Finish,
    answer: Option<Found>,
    held: Vec<u64>,
}

/// All cold reads.
#[derive(Debug, Default)]
pub struct Reader {
    last_token: u64,
    jobs: BTreeMap<u64, Job>,
    waiting: VecDeque<Span>,
    /// Spans that wait for their file to be opened.
    parked: BTreeMap<u32, Vec<Span>>,
    work: BTreeMap<OpId, Span>,
    in_flight: usize,
    finished: Vec<(u64, Finish)>,
    answers: BTreeMap<u64, Read>,
    /// Values of pages by place, until the page is asked for again.
    held: BTreeMap<u64, Value>,
    held_order: VecDeque<Vec<u64>>,
    held_bytes: usize,
    /// Places whose records do not verify.
    bad: BTreeSet<u64>,
    damage: Vec<Damaged>,
    /// Operations since open.
    pub reads: u64,
}

impl Reader {
    /// Begins to read the value of one key.
    pub fn start_get(&mut self, files: &mut Files, store: u32, key: &[u8], settled: Settled) -> Read {
        if self.is_bad(settled.location.packed()) {
            return Read::Damaged;
        }
        Read::Pending(self.start(files, vec![Part { store, key: key.into(), settled }], false))
    }

    /// Begins to read the values of a page: keys with their places.
    pub(crate) fn start_page(
        &mut self,
        files: &mut Files,
        store: u32,
        parts: Vec<(Box<[u8]>, Settled)>,
    ) -> u64 {
        let parts = parts.into_iter().map(|(key, settled)| Part { store, key, settled });
        self.start(files, parts.collect(), true)
    }

    fn start(&mut self, files: &mut Files, mut parts: Vec<Part>, page: bool) -> u64 {
        self.last_token += 1;
        let token = TOKENS_FROM + self.last_token;
        parts.sort_by_key(|part| part.settled.location);
        let mut spans: Vec<Span> = Vec::new();
        for part in parts {
            let location = part.settled.location;
            let end = location.position + u64::from(location.length);
            match spans.last_mut().filter(|span| {
                span.slot == location.slot
                    && location.position <= span.to + GAP_MAX
                    && end - span.from <= SPAN_MAX
            }) {
                Some(span) => {
                    span.to = end;
                    span.parts.push(part);
                }
                None => {
                    files.hold(location.slot);
                    let (slot, from) = (location.slot, location.position);
                    spans.push(Span { token, slot, from, to: end, parts: vec![part] });
                }
            }
        }
        let (spans_left, finish) = (spans.len(), Finish::Ok);
        self.jobs.insert(token, Job { spans_left, page, finish, answer: None, held: Vec::new() });
        self.waiting.extend(spans);
        token
    }

    /// Whether the record at this place is known not to verify.
    #[must_use]
    pub fn is_bad(&self, place: u64) -> bool {
        !self.bad.is_empty() && self.bad.contains(&place)
    }

    /// A value that a page's read brought.
    #[must_use]
    pub fn held(&self, place: u64) -> Option<&Value> {
        self.held.get(&place)
    }

    /// Starts waiting reads as far as memory allows.
    pub fn step(&mut self, files: &mut Files, queue: &mut OpQueue) {
        while self.in_flight < IN_FLIGHT_MAX {
            let Some(span) = self.waiting.pop_front() else { return };
            self.read(files, span, queue);
        }
    }

    fn read(&mut self, files: &mut Files, span: Span, queue: &mut OpQueue) {
        match files.handle(span.slot, queue) {
            Handle::Opening => self.parked.entry(span.slot).or_default().push(span),
            Handle::Missing => self.damaged(files, span, "the file is missing", queue),
            Handle::Ready(file) => {
                let block = BLOCK as u64;
                let position = span.from / block * block;
                let length = (span.to.next_multiple_of(block) - position) as usize;
                self.in_flight += length;
                self.reads += 1;
                let op = Op::Read { file, position, buffer: ReadBuffer::new(length) };
                self.work.insert(queue.push(op), span);
            }
        }
    }

    /// A file was opened, or could not be.
    pub fn file_ready(&mut self, files: &mut Files, slot: u32, error: Option<&IoError>, queue: &mut OpQueue) {
        for span in self.parked.remove(&slot).unwrap_or_default() {
            match error {
                None => self.read(files, span, queue),
                Some(error) => self.failed(files, span, error, queue),
            }
        }
    }

    fn failed(&mut self, files: &mut Files, span: Span, error: &IoError, queue: &mut OpQueue) {
        let finish = match error.kind {
            IoErrorKind::Cancelled => Finish::Closing,
            IoErrorKind::Descriptors | IoErrorKind::Memory => Finish::Busy,
            _ => return self.damaged(files, span, &error.to_string(), queue),
        };
        self.end_span(files, &span, finish, queue);
    }

    /// The file does not give what it should.
    fn damaged(&mut self, files: &mut Files, span: Span, detail: &str, queue: &mut OpQueue) {
        self.bad.extend(span.parts.iter().map(|part| part.settled.location.packed()));
        self.report(files, span.slot, span.from, detail);
        self.end_span(files, &span, Finish::Damaged, queue);
    }

    /// Reports damage, once a place.
    pub fn report(&mut self, files: &mut Files, slot: u32, position: u64, detail: &str) {
        files.mark_damaged(slot);
        let file = files.get(slot).map_or(String::new(), |file| file.path().display().to_string());
        self.damage.push(Damaged { file, position, detail: detail.to_string() });
    }

    fn end_span(&mut self, files: &mut Files, span: &Span, finish: Finish, queue: &mut OpQueue) {
        files.release(span.slot, queue);
        let Some(job) = self.jobs.get_mut(&span.token) else { return };
        if finish != Finish::Ok {
            job.finish = finish;
        }
        job.spans_left -= 1;
        if job.spans_left > 0 {
            return;
        }
        let Some(job) = self.jobs.remove(&span.token) else { return };
        // A page with a damaged record is asked for again: it ends before that record.
        let finish = if job.page && job.finish == Finish::Damaged { Finish::Ok } else { job.finish };
        self.finished.push((span.token, finish));
        if job.page {
            self.held_order.push_back(job.held);
            self.drop_held();
        } else {
            let answer = match (job.answer, job.finish) {
                (Some(found), Finish::Ok) => Read::Ready(found),
                (_, Finish::Busy | Finish::Closing) => Read::Busy,
                _ => Read::Damaged,
            };
            self.answers.insert(span.token, answer);
        }
    }

    fn drop_held(&mut self) {
        while self.held_bytes > HELD_MAX && self.held_order.len() > 1 {
            for place in self.held_order.pop_front().unwrap_or_default() {
                if let Some(value) = self.held.remove(&place) {
                    self.held_bytes -= value.len();
                }
            }
        }
    }

    /// True when the operation belongs to a cold read.
    #[must_use]
    pub fn owns(&self, id: OpId) -> bool {
        self.work.contains_key(&id)
    }

    /// Reads whose answer is still to come.
    #[must_use]
    pub fn busy(&self) -> bool {
        !self.jobs.is_empty()
    }

    /// Tokens that finished since the last call.
    pub fn drain_finished(&mut self) -> std::vec::Drain<'_, (u64, Finish)> {
        self.finished.drain(..)
    }

    /// The answer of a finished token of one key, once.
    pub fn take(&mut self, token: u64) -> Option<Read> {
        self.answers.remove(&token)
    }

    /// Bytes of the value that a finished token has; 0 without one.
    #[must_use]
    pub fn answer_bytes(&self, token: u64) -> u64 {
        match self.answers.get(&token) {
            Some(Read::Ready(found)) => found.value.len() as u64,
            _ => 0,
        }
    }

    pub fn take_damage(&mut self) -> Vec<Damaged> {
        std::mem::take(&mut self.damage)
    }
}

impl Kv {
    /// Takes the result of a cold read.
    pub(crate) fn complete_read(&mut self, id: OpId, result: Result<Done, IoError>, queue: &mut OpQueue) {
        let Some(span) = self.reader.work.remove(&id) else { return };
        let block = BLOCK as u64;
        let start = span.from / block * block;
        self.reader.in_flight -= (span.to.next_multiple_of(block) - start) as usize;
        match result {
            Ok(Done::Read { buffer, length }) => {
                let piece = buffer.into_piece(length);
                self.take_span(span, start, &piece, queue);
            }
            Ok(other) => unreachable!("a read completes as read, not {other:?}"),
            Err(error) => self.reader.failed(&mut self.files, span, &error, queue),
        }
        self.reader.step(&mut self.files, queue);
    }

    fn take_span(&mut self, span: Span, start: u64, piece: &Piece, queue: &mut OpQueue) {
        let (seal, large) = self.files.get(span.slot).map_or((0, false), |file| (file.seal, file.is_large()));
        let directory_id = self.config.directory_id;
        let alone = span.parts.len() == 1;
        let mut finish = Finish::Ok;
        for part in &span.parts {
            let found = match large {
                true => verified_large(part, &directory_id, start, piece),
                false => verified(part, seal, start, piece),
            };
            let value = match found {
                Ok(range) => {
                    let shared = piece.slice(range.start, range.len());
                    if alone { Value::of_piece(shared) } else { Value::copied(shared.bytes()) }
                }
                Err(detail) => {
                    let location = part.settled.location;
                    self.reader.bad.insert(location.packed());
                    self.reader.report(&mut self.files, span.slot, location.position, detail);
                    finish = Finish::Damaged;
                    continue;
                }
            };
            let place = part.settled.location.packed();
            self.resident.insert(place, value.clone());
            let Some(job) = self.reader.jobs.get_mut(&span.token) else { continue };
            if job.page {
                job.held.push(place);
                self.reader.held_bytes += value.len();
                if let Some(before) = self.reader.held.insert(place, value) {
                    self.reader.held_bytes -= before.len();
                }
            } else {
                let Settled { sequence, expires_ms, .. } = part.settled;
                job.answer = Some(Found { value, sequence, expires_ms });
            }
        }
        self.reader.end_span(&mut self.files, &span, finish, queue);
    }

    /// Tokens that finished since the last call.
    pub fn drain_finished(&mut self) -> std::vec::Drain<'_, (u64, Finish)> {
        self.reader.drain_finished()
    }

    /// The answer of a finished token of `get`, once.
    pub fn take(&mut self, token: u64, now_ms: u64) -> Option<Read> {
        let read = self.reader.take(token)?;
        let expired = match &read {
            Read::Ready(found) => found.expires_ms != 0 && found.expires_ms <= now_ms,
            _ => false,
        };
        Some(if expired { Read::Absent } else { read })
    }

    /// Bytes of the value that a finished token has; 0 without one.
    #[must_use]
    pub fn answer_bytes(&self, token: u64) -> u64 {
        self.reader.answer_bytes(token)
    }
}

/// As `verified`, of a large file.
fn verified_large(
    part: &Part,
    directory_id: &[u8; 16],
    start: u64,
    piece: &Piece,
) -> Result<std::ops::Range<usize>, &'static str> {
    let Settled { location, sequence, .. } = part.settled;
    let at = (location.position - start) as usize;
    let end = at + location.length as usize;
    let bytes = piece.bytes().get(at..end).ok_or("the file ends early")?;
    let large = LargeValue::verified(bytes, directory_id).ok_or("a value does not verify")?;
    let same = large.store == part.store && large.sequence == sequence && *large.key == *part.key;
    if !same || large.length() != bytes.len() {
        return Err("another value lies where a key's should");
    }
    Ok(at + large.value_at..end)
}

/// Where the value lies in `piece`, which begins at `start` of the file; or what is wrong with its record.
fn verified(
    part: &Part,
    seal: u32,
    start: u64,
    piece: &Piece,
) -> Result<std::ops::Range<usize>, &'static str> {
    let location = part.settled.location;
    let at = (location.position - start) as usize;
    let end = at + location.length as usize;
    let bytes = piece.bytes().get(at..end).ok_or("the file ends early")?;
    let decoded = decode(bytes, seal, location.position, u64::from(location.length))
        .map_err(|_| "a record does not verify")?;
    let record = decoded.record;
    if record.kind != Kind::Put || record.sequence != part.settled.sequence || *record.key != *part.key {
        return Err("another record lies where a key's should");
    }
    Ok(end - record.value.len()..end)
}
