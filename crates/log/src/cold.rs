//! One cold read: finding batches in a sealed file, chunk by chunk. Pure: bytes in, what to do next out.
//!
//! What it is not: the operations around it (`reader.rs`).
//!
//! The invariant: no byte leaves here that was not verified: offsets continue where the last batch ended, or behind it
//! where compaction has been, the leader
//! epoch is the one this offset has, and the batch's own CRC-32C matches.

use crate::batch::{HEADER, Header, verify};
use crate::code::Code;
use crate::epochs::Epochs;
use crate::index::{Sparse, Stretch};
use crate::range::Range;
use crate::records::first_at_or_after;
use crate::segment::Kind;
use millrace_io::{BLOCK, Piece};

/// Most bytes one operation reads, unless a single batch is larger.
const CHUNK_MAX: u64 = 4 << 20;
/// Bytes read at once while looking for a time.
const TIME_CHUNK: u64 = 256 << 10;

/// What is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// Whole batches from the one that holds `offset` on, ending at or below `below`.
    Fetch { offset: u64, max_bytes: u64, below: u64 },
    /// The first record in `from..below` with a timestamp of at least `target`.
    Time { target: i64, from: u64, below: u64 },
}

/// The read as it stands between two chunks.
#[derive(Clone, Debug)]
pub struct Cold {
    pub goal: Goal,
    pub range: Range,
    /// Position of the next batch to look at, and its offset.
    position: u64,
    offset: u64,
    want: u64,
    /// Batches begin at multiples of this many bytes.
    alignment: u64,
    /// Offsets may be missing.
    gaps: bool,
    /// The last batch that was met without a record.
    pub empty: Option<Piece>,
    /// Batches found so far, and their bytes.
    found: Vec<Piece>,
    taken: u64,
    /// Behind the last batch found: offset, position.
    resume: Option<(u64, u64)>,
}

/// Where some bytes have left a read.
#[derive(Debug)]
pub enum Scan {
    /// A fetch has as much as was asked for.
    Full,
    /// The range has no more, or no more that may be read.
    End,
    /// So many bytes from `Cold::position` on are needed.
    Short(u64),
    /// What lies at `Cold::position` does not verify.
    Damaged(&'static str),
    Answer(Next),
}

/// What a chunk led to.
#[derive(Debug)]
pub enum Next {
    /// Read on: `Cold::wanted` says what.
    More,
    Fetched(Vec<Piece>),
    /// Compaction has left nothing here: read on behind the range.
    Passed,
    /// Offset and timestamp; `None`: not in this range.
    Found(Option<(u64, i64)>),
    /// Bytes at this position of the file do not verify.
    Damaged {
        position: u64,
        detail: &'static str,
    },
    /// The batch is fine but needs more memory to inflate than there is.
    Refused(Code),
}

impl Cold {
    /// A read of `range`, entered through its sparse index. `None`: a time that the index knows is not there.
    #[must_use]
    pub fn new(goal: Goal, range: Range, kind: Kind, sparse: &Sparse, interval: u64) -> Option<Cold> {
        let (stretch, want) = match goal {
            Goal::Fetch { offset, max_bytes, .. } => {
                (sparse.by_offset(offset), max_bytes.min(CHUNK_MAX).saturating_add(interval))
            }
            Goal::Time { target, from, .. } => (sparse.by_time(target, from)?, TIME_CHUNK),
        };
        let Stretch { offset, position, .. } = stretch;
        let (alignment, gaps) = (kind.alignment(), kind.has_gaps());
        let want = want.max(HEADER as u64);
        let (found, taken, resume) = (Vec::new(), 0, None);
        Some(Cold { goal, range, position, offset, want, alignment, gaps, empty: None, found, taken, resume })
    }

    /// A fetch that goes on where the batch at this offset and position of `range` is known to begin.
    #[must_use]
    pub fn resumed(goal: Goal, range: Range, kind: Kind, offset: u64, position: u64) -> Cold {
        Cold {
            goal,
            range,
            position,
            offset,
            want: HEADER as u64,
            alignment: kind.alignment(),
            gaps: kind.has_gaps(),
            empty: None,
            found: Vec::new(),
            taken: 0,
            resume: None,
        }
    }

    /// Goes on at the start of the range that follows, with what was found so far.
    pub fn cross(&mut self, range: Range, kind: Kind) {
        if let Goal::Fetch { offset, .. } = &mut self.goal {
            *offset = range.base.max(*offset);
        }
        (self.range, self.position, self.offset) = (range, range.position, range.base);
        if let Some((_, position)) = &mut self.resume {
            *position = range.position;
        }
        (self.alignment, self.gaps) = (kind.alignment(), kind.has_gaps());
    }

    /// Where the next batch to look at begins.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.position
    }

    /// No more than one batch is read at once from now on: what can be read around bytes that cannot is served.
    pub fn narrow(&mut self) {
        self.want = HEADER as u64;
    }

    /// Behind the last batch that was found: its range, offset and position.
    #[must_use]
    pub fn resume(&self) -> Option<(Range, u64, u64)> {
        self.resume.map(|(offset, position)| (self.range, offset, position))
    }

    /// What was found.
    pub fn take_found(&mut self) -> Vec<Piece> {
        std::mem::take(&mut self.found)
    }

    fn range_end(&self) -> u64 {
        self.range.position + self.range.length
    }

    /// Start and length of the next read, outward to whole blocks.
    #[must_use]
    pub fn wanted(&self) -> (u64, usize) {
        let block = BLOCK as u64;
        let start = self.position / block * block;
        let end = self.position.saturating_add(self.want).min(self.range_end()).next_multiple_of(block);
        (start, (end - start) as usize)
    }

    /// Looks at the bytes that were read: `chunk` begins at the start `wanted` named.
    pub fn feed(&mut self, chunk: &Piece, epochs: &Epochs, scratch: &mut Vec<u8>) -> Next {
        let (start, asked) = self.wanted();
        let needed = (start + asked as u64).min(self.range_end()) - start;
        let cut = (chunk.len() as u64) < needed;
        match self.scan(start, chunk, epochs, scratch) {
            Scan::Full => Next::Fetched(self.take_found()),
            Scan::End => self.done(),
            Scan::Short(needed) => self.short(needed, cut),
            Scan::Damaged(detail) => self.damaged(detail),
            Scan::Answer(next) => next,
        }
    }

    /// Goes through batches that begin in `chunk`, which lies at `start` of the file, at or before `position`.
    pub fn scan(&mut self, start: u64, chunk: &Piece, epochs: &Epochs, scratch: &mut Vec<u8>) -> Scan {
        loop {
            if self.position >= self.range_end() || self.is_past() {
                return Scan::End;
            }
            let at = (self.position - start) as usize;
            let left = (chunk.len().saturating_sub(at) as u64).min(self.range_end() - self.position);
            if left < HEADER as u64 {
                return Scan::Short(HEADER as u64);
            }
            let bytes = &chunk.bytes()[at..at + left as usize];
            let header = match self.header(bytes, epochs) {
                Ok(header) => header,
                Err(detail) => return Scan::Damaged(detail),
            };
            let before = self.found.len();
            if !self.skips(&header) {
                if header.length as u64 > left {
                    return Scan::Short(header.length as u64);
                }
                if verify(bytes).is_err() {
                    return Scan::Damaged("checksum of a batch");
                }
                match self.take(&header, chunk.slice(at, header.length), scratch) {
                    Ok(false) => {}
                    Ok(true) => return Scan::Full,
                    Err(next) => return Scan::Answer(next),
                }
            }
            self.position = (self.position + header.length as u64).next_multiple_of(self.alignment);
            self.offset = header.end_offset();
            if self.found.len() > before {
                self.resume = Some((self.offset, self.position));
            }
        }
    }

    /// A header that continues where the last batch ended.
    fn header(&self, bytes: &[u8], epochs: &Epochs) -> Result<Header, &'static str> {
        let header = Header::parse(bytes).map_err(|_| "header of a batch")?;
        let follows = header.base_offset == self.offset || (self.gaps && header.base_offset > self.offset);
        if !follows || header.end_offset() > self.range.end {
            return Err("offset of a batch");
        }
        if header.length as u64 > self.range_end() - self.position {
            return Err("length of a batch");
        }
        // Epochs below the log start are forgotten; batches there are only passed by.
        if epochs.at(header.base_offset).is_some_and(|epoch| epoch != header.leader_epoch) {
            return Err("leader epoch of a batch");
        }
        Ok(header)
    }

    /// What was verified before the damage is served first.
    fn damaged(&mut self, detail: &'static str) -> Next {
        if self.found.is_empty() {
            Next::Damaged { position: self.position, detail }
        } else {
            Next::Fetched(self.take_found())
        }
    }

    /// True for batches that lie before what is looked for.
    fn skips(&self, header: &Header) -> bool {
        match self.goal {
            Goal::Fetch { offset, .. } => header.end_offset() <= offset,
            Goal::Time { target, from, .. } => header.end_offset() <= from || header.max_timestamp < target,
        }
    }

    /// Nothing from here on may be read.
    #[must_use]
    pub fn is_past(&self) -> bool {
        match self.goal {
            Goal::Fetch { below, .. } | Goal::Time { below, .. } => self.offset >= below,
        }
    }

    /// Uses one verified batch. True: the fetch is complete.
    fn take(&mut self, header: &Header, batch: Piece, scratch: &mut Vec<u8>) -> Result<bool, Next> {
        match self.goal {
            Goal::Fetch { max_bytes, below, .. } => {
                let fits = self.found.is_empty() || self.taken + batch.len() as u64 <= max_bytes;
                if !fits || header.end_offset() > below {
                    return Ok(true);
                }
                // It tells no reader anything but where to go on, and some clients stop at it.
                if header.count == 0 {
                    self.empty = Some(batch);
                    return Ok(false);
                }
                self.taken += batch.len() as u64;
                self.found.push(batch);
                Ok(false)
            }
            Goal::Time { target, from, below } => {
                match first_at_or_after(batch.bytes(), header, target, from, below, scratch) {
                    Ok(None) => Ok(false),
                    Ok(found) => Err(Next::Found(found)),
                    Err(Code::Corrupt) => {
                        Err(Next::Damaged { position: self.position, detail: "records of a batch" })
                    }
                    Err(code) => Err(Next::Refused(code)),
                }
            }
        }
    }

    fn done(&mut self) -> Next {
        match self.goal {
            Goal::Fetch { .. } if self.found.is_empty() && self.gaps => Next::Passed,
            Goal::Fetch { .. } if self.found.is_empty() => {
                self.damaged("a range ends before its last offset")
            }
            Goal::Fetch { .. } => Next::Fetched(self.take_found()),
            Goal::Time { .. } => Next::Found(None),
        }
    }

    /// The chunk ends inside a batch of which `needed` bytes are needed; `cut`: the file had no more.
    fn short(&mut self, needed: u64, cut: bool) -> Next {
        if !self.found.is_empty() {
            return Next::Fetched(self.take_found());
        }
        if needed > self.range_end() - self.position {
            return self.damaged("a batch reaches beyond its range");
        }
        if cut {
            return self.damaged("the file ends early");
        }
        self.want = self.want.max(needed);
        Next::More
    }
}
