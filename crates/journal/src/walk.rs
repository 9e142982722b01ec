//! Follows the chain of frames through the files, and decides what it means when it stops.
//!
//! What it is not: it changes nothing on the disk; what is to be cut is returned.
//!
//! The one invariant: up to the highest LSN known to be durable nothing is cut; what is missing there is reported and
//! the frames behind it are kept. Beyond it, the first frame that does not follow ends the journal.
//!
//! It ends whatever the files hold: in each file it only goes forwards, so no lap is followed twice.

use crate::beyond::{Beyond, Run, runs_beyond};
use crate::config::{Config, Start};
use crate::error::OpenError;
use crate::file_header::{FRAMES_FROM, JOURNAL_DIRECTORY};
use crate::frame::{FLAG_RESTART, FrameKind, NoFrame};
use crate::outside::{Attended, OutsideFiles};
use crate::pressure::SettleMarks;
use crate::recover::RecoveredFrame;
use crate::reference::Outside;
use crate::report::{Damage, DamageDetail, JournalReport};
use crate::scan::{Frame, Probe};
use crate::survey::{Found, check_incarnation, is_ours, newer};
use crate::unproven::Unproven;
use millrace_io::{BLOCK, Io, IoError};
use std::path::PathBuf;

/// A place in the journal: index of the file, position in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub file: usize,
    pub position: u64,
}

/// Why the chain does not go on.
#[derive(Debug)]
enum Stop {
    Detail(DamageDetail),
    Unreadable(IoError),
    /// A whole frame follows, and bytes that it refers to do not verify.
    Torn(Box<Torn>),
}

#[derive(Clone, Debug)]
struct Torn {
    place: Place,
    frame: Frame,
    outside: Vec<Outside>,
    lost: Vec<crate::reference::Place>,
    error: Option<IoError>,
}

impl Stop {
    /// The device refused to read what follows.
    fn unreadable(&self) -> Option<&IoError> {
        match self {
            Stop::Detail(_) => None,
            Stop::Unreadable(error) => Some(error),
            Stop::Torn(torn) => torn.error.as_ref(),
        }
    }
}

/// What the walk leaves behind.
#[derive(Debug, Default)]
pub(crate) struct Walked {
    pub last_lsn: u64,
    pub last_crc: u32,
    /// Lap and incarnation of the last frame that was followed.
    pub lap: u32,
    pub incarnation: u32,
    pub durable_known: u64,
    /// The highest durable LSN that a kept frame carries.
    pub persisted_durable: u64,
    /// Behind the last kept frame; `None` when there is none.
    pub end: Option<Place>,
    /// LSNs were skipped: the next frame cannot be chained to the last one.
    pub restart: bool,
    /// Frames of a cut tail: they are cleared, lest they are taken for frames of a later tail.
    pub ghosts: Vec<Run>,
    /// Last LSN kept in each file; 0: none.
    pub last_in_file: Vec<u64>,
    /// Behind the last frame that was followed in each file: no frame before it is followed any more.
    pub walked_to: Vec<u64>,
    /// Files in which damage was found.
    pub damaged: Vec<usize>,
    /// The highest lap seen in any whole frame.
    pub last_lap: u32,
    pub settle_marks: SettleMarks,
    pub unproven: Unproven,
}

/// What a walk reads, and what it finds.
pub(crate) struct Sources<'a> {
    pub files: &'a mut [Found],
    pub outside: &'a mut OutsideFiles,
    pub report: &'a mut JournalReport,
}

pub(crate) struct Walk<'a> {
    io: &'a mut Io,
    start: Start,
    files: &'a mut [Found],
    outside: &'a mut OutsideFiles,
    report: &'a mut JournalReport,
    on_frame: &'a mut dyn FnMut(RecoveredFrame<'_>),
    /// Accept any whole frame, whoever it is (a planted bug).
    credulous: bool,
    state: Walked,
}

impl<'a> Walk<'a> {
    pub fn new(
        io: &'a mut Io,
        config: &Config,
        start: Start,
        sources: Sources<'a>,
        on_frame: &'a mut dyn FnMut(RecoveredFrame<'_>),
    ) -> Walk<'a> {
        let Sources { files, outside, report } = sources;
        let state = Walked {
            durable_known: start.durable_lsn,
            last_in_file: vec![0; files.len()],
            walked_to: vec![0; files.len()],
            last_lap: files.iter().map(Found::lap).max().unwrap_or(0),
            ..Walked::default()
        };
        Walk { io, start, files, outside, report, on_frame, credulous: config.accepts_stale_laps(), state }
    }

    /// Follows the chain from the checkpoint to its end.
    pub fn run(mut self) -> Result<Walked, OpenError> {
        let mut stop = match self.entry_point() {
            Some((place, frame)) => self.follow(place, &frame)?,
            None => Stop::Detail(DamageDetail::NoFrame),
        };
        if self.start.clean && self.state.last_lsn == self.start.durable_lsn {
            return self.finish();
        }
        let mut beyond = self.look_beyond()?;
        let known = self.state.durable_known.max(self.start.checkpoint_lsn);
        while self.state.last_lsn < known {
            let run = beyond.runs.iter().find(|run| self.may_enter(run, known));
            stop = if let Stop::Torn(torn) = &stop
                && torn.frame.header.lsn <= known
            {
                let stop = self.follow_damaged(torn.as_ref().clone())?;
                // The chain goes on in the middle of what was a run.
                beyond = self.look_beyond()?;
                stop
            } else if let Some(run) = run.filter(|_| !matches!(stop, Stop::Torn(_))) {
                self.report_missing(&stop, run.first.lsn - 1, Some(run.place));
                match self.probe(run.place)? {
                    Ok(frame) => self.follow(run.place, &frame)?,
                    Err(Stop::Unreadable(error)) => return Err(error.into()),
                    Err(_) => panic!("a frame that was whole is not whole any more"),
                }
            } else {
                self.report_missing(&stop, known, None);
                self.skip_to(known);
                break;
            };
        }
        if let Some(error) = stop.unreadable()
            && !self.state.restart
        {
            // Whether this is a torn tail cannot be told without reading it.
            return Err(error.clone().into());
        }
        let last = self.state.last_lsn;
        self.state.ghosts = beyond.runs.into_iter().filter(|run| run.first.lsn > last).collect();
        self.finish()
    }

    fn look_beyond(&mut self) -> Result<Beyond, OpenError> {
        let beyond = runs_beyond(self.io, &self.start, self.files, &self.state)?;
        self.state.durable_known = self.state.durable_known.max(beyond.durable_known);
        self.state.last_lap = self.state.last_lap.max(beyond.last_lap);
        Ok(beyond)
    }

    /// The first frame of the last file that begins at or before the first frame to be handed out.
    fn entry_point(&self) -> Option<(Place, Frame)> {
        let begins_by = |file: &Found| {
            file.first.as_ref().is_some_and(|frame| frame.header.lsn <= self.start.checkpoint_lsn + 1)
        };
        let file = self.files.iter().rposition(begins_by)?;
        let frame = self.files[file].first.clone().expect("it begins with a frame");
        Some((Place { file, position: FRAMES_FROM }, frame))
    }

    /// Whether the chain may be taken up again at a run: inside what is durable, or directly behind it.
    fn may_enter(&self, run: &Run, known: u64) -> bool {
        let lsn = run.first.lsn;
        let next = self.state.last_lsn + 1;
        let fork = lsn == next && run.first.flags & FLAG_RESTART == 0;
        let forwards = self.is_forwards(run.place);
        forwards
            && lsn >= next
            && !fork
            && lsn <= known + 1
            && run.first.incarnation >= self.state.incarnation
    }

    /// Whether a place lies behind all that was followed in its file.
    fn is_forwards(&self, place: Place) -> bool {
        place.position >= self.state.walked_to[place.file]
    }

    /// Follows the chain from a frame that is taken as it is.
    fn follow(&mut self, place: Place, first: &Frame) -> Result<Stop, OpenError> {
        let (mut place, mut frame) = (place, first.clone());
        loop {
            let outside = match self.attend(&frame)? {
                Attended::Whole(outside) => outside,
                Attended::Torn { outside, lost, error } => {
                    return Ok(Stop::Torn(Box::new(Torn { place, frame, outside, lost, error })));
                }
            };
            let at = self.accept(place, &frame, outside)?;
            (place, frame) = match self.next_frame(at)? {
                Ok(next) => next,
                Err(stop) => return Ok(stop),
            };
        }
    }

    /// Goes on over a frame that is known to have been durable although bytes it refers to are lost.
    fn follow_damaged(&mut self, torn: Torn) -> Result<Stop, OpenError> {
        let Torn { place, frame, outside, lost, .. } = torn;
        let lsn = frame.header.lsn;
        self.report.damage.extend(lost.iter().map(|lost| Damage {
            file: self.outside.path(lost.file),
            position: lost.position,
            first_lsn: lsn,
            last_lsn: lsn,
            detail: DamageDetail::Outside,
        }));
        let at = self.accept(place, &frame, outside)?;
        match self.next_frame(at)? {
            Ok((place, frame)) => self.follow(place, &frame),
            Err(stop) => Ok(stop),
        }
    }

    /// What a frame refers to, when it is to be handed out.
    fn attend(&mut self, frame: &Frame) -> Result<Attended, OpenError> {
        if frame.header.lsn <= self.start.checkpoint_lsn {
            return Ok(Attended::Whole(Vec::new()));
        }
        Ok(self.outside.attend(self.io, frame)?)
    }

    /// Takes a frame as the next one and returns the place behind it.
    fn accept(&mut self, place: Place, frame: &Frame, outside: Vec<Outside>) -> Result<Place, OpenError> {
        let header = &frame.header;
        check_incarnation(&self.files[place.file], frame, &self.start)?;
        assert!(self.is_forwards(place), "a walk goes forwards");
        let bytes = header.frame_bytes() as u64;
        let state = &mut self.state;
        state.walked_to[place.file] = place.position + bytes;
        state.last_lsn = header.lsn;
        state.last_crc = frame.crc;
        state.lap = header.lap;
        state.incarnation = header.incarnation;
        state.durable_known = state.durable_known.max(header.durable_lsn);
        state.persisted_durable = state.persisted_durable.max(header.durable_lsn);
        state.last_in_file[place.file] = header.lsn;
        state.last_lap = state.last_lap.max(header.lap);
        state.unproven.keep(place, frame, state.durable_known);
        self.outside.keep(frame, &outside, state.durable_known);
        let end = Place { file: place.file, position: place.position + bytes };
        state.end = Some(end);
        if header.lsn > self.start.checkpoint_lsn || self.credulous {
            state.settle_marks.append(header.lsn, bytes);
            self.report.kept_bytes += bytes;
            if header.kind != FrameKind::Mark {
                self.report.frames += 1;
                (self.on_frame)(RecoveredFrame { header, payload: frame.payload.clone(), outside });
            }
        }
        Ok(end)
    }

    /// The frame that follows the last one: directly behind it, at the next block, or first in the next file.
    fn next_frame(&mut self, at: Place) -> Result<Result<(Place, Frame), Stop>, OpenError> {
        let block = Place { position: at.position.next_multiple_of(BLOCK as u64), ..at };
        let mut stop = None;
        let places = [at, block];
        for place in &places[..if block == at { 1 } else { 2 }] {
            let place = *place;
            let found = self.probe(place)?;
            match found {
                Ok(frame) if self.continues(place, &frame) => return Ok(Ok((place, frame))),
                Ok(_) => stop = stop.or(Some(Stop::Detail(DamageDetail::WrongFrame))),
                // The next frame may lie where the device does not read, whatever the other place says.
                Err(why @ Stop::Unreadable(_)) => stop = Some(why),
                Err(why) => stop = stop.or(Some(why)),
            }
        }
        let next = (0..self.files.len()).find(|index| self.continues_in(*index));
        if let Some(file) = next {
            self.files[at.file].reader.release();
            let frame = self.files[file].first.clone().expect("it continues with a frame");
            return Ok(Ok((Place { file, position: FRAMES_FROM }, frame)));
        }
        Ok(Err(stop.expect("at least one place was looked at")))
    }

    fn probe(&mut self, place: Place) -> Result<Result<Frame, Stop>, OpenError> {
        let file = &mut self.files[place.file];
        if place.position >= file.reader.size() {
            return Ok(Err(Stop::Detail(DamageDetail::NoFrame)));
        }
        Ok(match file.reader.probe(self.io, place.position)? {
            Probe::Frame(frame) => Ok(frame),
            Probe::Not(NoFrame::Newer { version }) => return Err(newer(file.path(), version)),
            Probe::Not(NoFrame::Magic) => Err(Stop::Detail(DamageDetail::NoFrame)),
            Probe::Not(_) => Err(Stop::Detail(DamageDetail::Checksum)),
            Probe::Unreadable(error) => Err(Stop::Unreadable(error)),
        })
    }

    /// Whether a whole frame found at `place` is the next one.
    fn continues(&self, place: Place, frame: &Frame) -> bool {
        let header = &frame.header;
        self.credulous
            || is_ours(frame, &self.start, self.files[place.file].number)
                && header.lap == self.state.lap
                && self.is_next(frame)
    }

    fn continues_in(&self, file: usize) -> bool {
        let first = self.files[file].first.as_ref();
        let forwards = self.is_forwards(Place { file, position: FRAMES_FROM });
        forwards && first.is_some_and(|frame| frame.header.lap > self.state.lap && self.is_next(frame))
    }

    fn is_next(&self, frame: &Frame) -> bool {
        let header = &frame.header;
        header.lsn == self.state.last_lsn + 1
            && header.previous_crc == self.state.last_crc
            && header.incarnation >= self.state.incarnation
    }

    /// Reports what is missing up to `last_lsn`, as far as it was not settled. `next`: where the chain goes on.
    fn report_missing(&mut self, stop: &Stop, last_lsn: u64, next: Option<Place>) {
        let first_lsn = self.state.last_lsn.max(self.start.checkpoint_lsn) + 1;
        if first_lsn > last_lsn {
            return;
        }
        let detail = match stop {
            Stop::Detail(detail) => *detail,
            Stop::Unreadable(_) => DamageDetail::ReadError,
            Stop::Torn(_) => DamageDetail::Outside,
        };
        // A file that goes on in its middle has lost its own beginning; else the place where the chain stopped is bad.
        let headless = next.filter(|place| self.files[place.file].first.is_none());
        let bad = headless.map(|place| Place { position: FRAMES_FROM, ..place }).or(self.state.end);
        let (file, position) = match bad {
            Some(place) => {
                self.state.damaged.push(place.file);
                (self.files[place.file].path(), place.position)
            }
            None => (PathBuf::from(JOURNAL_DIRECTORY), 0),
        };
        self.report.damage.push(Damage { file, position, first_lsn, last_lsn, detail });
    }

    /// Nothing readable is left up to `lsn`: the journal goes on behind it, in a lap of its own.
    fn skip_to(&mut self, lsn: u64) {
        self.state.last_lsn = lsn;
        self.state.last_crc = 0;
        self.state.restart = true;
    }

    fn finish(self) -> Result<Walked, OpenError> {
        self.report.last_lsn = self.state.last_lsn;
        self.report.durable_lsn_known = self.state.durable_known;
        Ok(self.state)
    }
}
