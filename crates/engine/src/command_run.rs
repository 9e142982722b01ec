//! Runs of simple Redis commands from many connections: reads answered from memory, writes put together in frames.
//!
//! What it is not: the Redis server. A command that is not plain, whose value is not in memory, or whose key holds a
//! collection ends the run of its connection, and the server goes on with it.
//!
//! The invariant: a connection's commands happen in their order; a reply is there only when its command has happened, so
//! a frame that is refused takes the replies of its writes back, and everything behind them.

use crate::effect::Outcome;
use crate::engine::Engine;
use crate::run_writes::RunWrites;
use millrace_journal::Level;
use millrace_log::Code;
use millrace_resp::{Arguments, Cut, Kind, Protocol, Simple, cut};
use std::ops::Range;

/// A frame is appended when its writes have so many bytes, or there are so many.
const FRAME_BYTES: usize = 256 * 1024;
const FRAME_EFFECTS: usize = 4096;

/// Where the collections of a database are.
#[derive(Clone, Copy, Debug)]
pub struct Collections {
    /// The store of their heads: a key that is in it is not ours, unless it is a hash's.
    pub heads: u32,
    pub members: u32,
}

/// What one connection has sent.
#[derive(Clone, Copy, Debug)]
pub struct RunInput<'a> {
    pub bytes: &'a [u8],
    /// The store of its database's strings.
    pub strings: u32,
    /// When there may be any.
    pub collections: Option<Collections>,
    pub protocol: Protocol,
}

/// Why a connection's run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunEnd {
    /// Every byte was taken, or what is left is the beginning of a command.
    Short,
    /// The next command is somebody else's.
    Other,
    /// There is no room for the next reply.
    Full,
    /// The engine takes no writes now: the next command has not happened, nor have those of connections behind this one.
    Refused,
}

/// What became of one connection's bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    /// Bytes of the commands that have happened.
    pub consumed: usize,
    /// Where their replies lie.
    pub replies: Range<usize>,
    pub commands: u64,
    pub hits: u64,
    pub misses: u64,
    /// How often each command happened.
    pub counts: [u32; Kind::COUNT],
    /// The last one.
    pub last: Option<Kind>,
    pub end: RunEnd,
}

impl Ran {
    fn nothing(at: usize) -> Ran {
        let (counts, end) = ([0; Kind::COUNT], RunEnd::Refused);
        Ran { consumed: 0, replies: at..at, commands: 0, hits: 0, misses: 0, counts, last: None, end }
    }
}

/// What became of a whole run.
#[derive(Debug, Default)]
pub struct RunAnswer {
    /// One for each connection.
    pub ran: Vec<Ran>,
    /// LSN of the last frame; 0: nothing was written.
    pub lsn: u64,
}

impl Engine {
    /// Runs the simple commands at the front of each input. Replies go behind one another into `replies`, which is emptied
    /// first and never gets longer than `room` bytes. `level` is what their readers wait for: `RunAnswer::lsn` says
    /// until when.
    pub fn run_commands(
        &mut self,
        inputs: &[RunInput<'_>],
        level: Level,
        room: usize,
        replies: &mut Vec<u8>,
    ) -> RunAnswer {
        replies.clear();
        let now_ms = self.kv_now();
        let mut run = Run {
            engine: self,
            level,
            room,
            replies,
            now_ms,
            writes: RunWrites::default(),
            before: Vec::new(),
            outcomes: Vec::new(),
            answer: RunAnswer::default(),
        };
        for input in inputs {
            if run.connection(input).is_err() {
                break;
            }
        }
        // What is refused now has been taken back.
        let _ = run.append();
        let mut answer = run.answer;
        answer.ran.resize(inputs.len(), Ran::nothing(replies.len()));
        answer
    }
}

/// The frame was refused.
struct Refused;

pub(crate) struct Run<'e, 'a> {
    pub(crate) engine: &'e mut Engine,
    level: Level,
    pub(crate) room: usize,
    pub(crate) replies: &'e mut Vec<u8>,
    pub(crate) now_ms: u64,
    /// Of the frame that is not appended yet.
    pub(crate) writes: RunWrites<'a>,
    /// Connections with replies that depend on those writes, as they were before the first of these.
    before: Vec<(usize, Ran)>,
    outcomes: Vec<Outcome>,
    pub(crate) answer: RunAnswer,
}

impl<'a> Run<'_, 'a> {
    fn connection(&mut self, input: &RunInput<'a>) -> Result<(), Refused> {
        let at = self.replies.len();
        self.answer.ran.push(Ran { end: RunEnd::Short, ..Ran::nothing(at) });
        let number = self.answer.ran.len() - 1;
        let mut arguments = Arguments::default();
        loop {
            let rest = &input.bytes[self.answer.ran[number].consumed..];
            let end = match cut(rest, &mut arguments) {
                Cut::Whole { count, end } => match Simple::of(&arguments[..count]) {
                    Some((kind, command)) => self.command(input, number, (kind, command), end)?,
                    None => Some(RunEnd::Other),
                },
                Cut::Short => Some(RunEnd::Short),
                Cut::Other => Some(RunEnd::Other),
            };
            if let Some(end) = end {
                self.answer.ran[number].end = end;
                return Ok(());
            }
        }
    }

    /// Runs one command; answers why it did not happen.
    fn command(
        &mut self,
        input: &RunInput<'a>,
        number: usize,
        (kind, command): (Kind, Simple<'a, '_>),
        bytes: usize,
    ) -> Result<Option<RunEnd>, Refused> {
        let mark = self.replies.len();
        if let Err(stop) = self.simple(input, number, command) {
            self.replies.truncate(mark);
            return Ok(Some(stop));
        }
        let ran = &mut self.answer.ran[number];
        ran.consumed += bytes;
        ran.commands += 1;
        ran.counts[kind as usize] += 1;
        ran.last = Some(kind);
        ran.replies.end = self.replies.len();
        if self.writes.bytes() >= FRAME_BYTES || self.writes.len() >= FRAME_EFFECTS {
            self.append()?;
        }
        Ok(None)
    }

    /// What the connection is answered from here on depends on the frame that is not appended yet.
    pub(crate) fn depends(&mut self, number: usize) {
        if self.before.last().is_none_or(|(of, _)| *of != number) {
            self.before.push((number, self.answer.ran[number].clone()));
        }
    }

    /// Appends what was written so far as one frame, or takes it back.
    fn append(&mut self) -> Result<(), Refused> {
        if self.writes.is_empty() {
            return Ok(());
        }
        let committed = self.engine.commit(&self.writes.effects(), self.level, &mut self.outcomes);
        self.writes.clear();
        if committed.code == Code::Ok {
            self.answer.lsn = committed.lsn;
            self.before.clear();
            return Ok(());
        }
        for (number, before) in self.before.drain(..) {
            self.answer.ran[number] = Ran { end: RunEnd::Refused, ..before };
        }
        Err(Refused)
    }
}
