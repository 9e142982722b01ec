//! What lies behind the point where the chain stopped: whole frames that do not follow it, in runs that follow each
//! other.
//!
//! What it is not: a search at every byte. A run begins at a block, or where a header that claims to be of this lap says
//! that its own frame ends.
//!
//! The one invariant: only frames of this directory, this file and this lap (or a later one) count.

use crate::config::Start;
use crate::error::OpenError;
use crate::file_header::FRAMES_FROM;
use crate::frame::FrameHeader;
use crate::scan::{Frame, Probe};
use crate::survey::{Found, check_incarnation, is_ours};
use crate::walk::{Place, Walked};
use millrace_io::{BLOCK, Io};

/// Frames that follow each other.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub place: Place,
    /// Header of its first frame.
    pub first: FrameHeader,
    /// Position behind its last frame.
    pub end: u64,
}

/// All runs, in the order of laps and positions, and what their frames reveal.
#[derive(Debug, Default)]
pub(crate) struct Beyond {
    pub runs: Vec<Run>,
    pub durable_known: u64,
    pub last_lap: u32,
}

/// A file without a first frame is read on only when this much of its beginning holds a frame at all: one that waits to
/// be used for the first time is not read in full at every start.
const SAMPLE: u64 = 1 << 20;

/// Looks behind the end of the chain, in the file where it stopped and in all of later laps.
pub(crate) fn runs_beyond(
    io: &mut Io,
    start: &Start,
    files: &mut [Found],
    state: &Walked,
) -> Result<Beyond, OpenError> {
    let mut beyond = Beyond::default();
    for (index, found) in files.iter_mut().enumerate() {
        let at_end = state.end.filter(|end| end.file == index);
        let lap = match (at_end, found.lap()) {
            (Some(_), _) => state.lap,
            (None, 0) => newest_lap(io, start, found)?,
            (None, lap) => lap,
        };
        if at_end.is_some() || lap > state.lap {
            let from = at_end.map_or(FRAMES_FROM, |end| end.position);
            let search = Search { start, after: state.last_lsn, file: index, lap };
            search.run(io, found, from, &mut beyond)?;
        }
        found.reader.release();
    }
    beyond.runs.sort_by_key(|run| (run.first.lap, run.place));
    Ok(beyond)
}

/// The latest lap of which a file that has lost its first frame holds any frame; 0: none. Older ones are stale: parts of
/// them may show between the newer frames.
fn newest_lap(io: &mut Io, start: &Start, found: &mut Found) -> Result<u32, OpenError> {
    let (mut position, mut newest) = (FRAMES_FROM, 0);
    while position < found.reader.size() && (newest > 0 || position <= FRAMES_FROM + SAMPLE) {
        let next = position + BLOCK as u64;
        let claim = found.reader.claim(io, position)?.filter(|claim| claim.lap > newest);
        if let Some(claim) = claim {
            let search = Search { start, after: 0, file: 0, lap: claim.lap };
            let whole = search.frame_at(io, found, position)?.is_some();
            if whole || search.next_candidate(io, found, position)? != next {
                newest = claim.lap;
            }
        }
        position = next;
    }
    Ok(newest)
}

/// The search through one file.
struct Search<'a> {
    start: &'a Start,
    /// Frames up to this LSN are known already.
    after: u64,
    file: usize,
    /// The lap its frames must have.
    lap: u32,
}

impl Search<'_> {
    fn run(&self, io: &mut Io, found: &mut Found, from: u64, beyond: &mut Beyond) -> Result<(), OpenError> {
        let mut position = from;
        let mut last: Option<(FrameHeader, u32)> = None;
        while position < found.reader.size() {
            let Some(frame) = self.frame_at(io, found, position)? else {
                position = self.next_candidate(io, found, position)?;
                continue;
            };
            check_incarnation(found, &frame, self.start)?;
            let end = position + frame.header.frame_bytes() as u64;
            beyond.durable_known = beyond.durable_known.max(frame.header.durable_lsn);
            beyond.last_lap = beyond.last_lap.max(frame.header.lap);
            if frame.header.lsn > self.after {
                if last.as_ref().is_some_and(|(last, crc)| follows(last, *crc, &frame.header)) {
                    beyond.runs.last_mut().expect("a run has begun").end = end;
                } else {
                    let place = Place { file: self.file, position };
                    beyond.runs.push(Run { place, first: frame.header.clone(), end });
                }
                last = Some((frame.header, frame.crc));
            }
            position = end;
        }
        Ok(())
    }

    fn frame_at(&self, io: &mut Io, found: &mut Found, position: u64) -> Result<Option<Frame>, OpenError> {
        let claim = found.reader.claim(io, position)?;
        if !claim.is_some_and(|claim| claim.file == found.number && claim.lap == self.lap) {
            return Ok(None);
        }
        match found.reader.probe(io, position)? {
            Probe::Frame(frame) if is_ours(&frame, self.start, found.number) => Ok(Some(frame)),
            _ => Ok(None),
        }
    }

    /// Where to look after a position that holds no whole frame: behind the frame a header there claims, when the next
    /// one begins just there; else at the next block.
    fn next_candidate(&self, io: &mut Io, found: &mut Found, position: u64) -> Result<u64, OpenError> {
        let claim = found.reader.claim(io, position)?;
        if let Some(claim) = claim.filter(|claim| claim.file == found.number && claim.lap == self.lap) {
            let behind = position.saturating_add(claim.bytes);
            if behind < found.reader.size()
                && let Some(frame) = self.frame_at(io, found, behind)?
                && frame.header.lsn == claim.lsn.wrapping_add(1)
            {
                return Ok(behind);
            }
        }
        Ok((position + 1).next_multiple_of(BLOCK as u64))
    }
}

/// Whether `next` was written directly after `last`, whose CRC is `crc`.
fn follows(last: &FrameHeader, crc: u32, next: &FrameHeader) -> bool {
    next.lsn == last.lsn + 1 && next.previous_crc == crc && next.incarnation >= last.incarnation
}
