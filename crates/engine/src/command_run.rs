//! Runs of simple Redis commands from many connections: reads answered from memory, writes put together in frames.
//!
//! What it is not: the Redis server. A command that is not plain, whose value is not in memory, or whose key holds a
//! collection ends the run of its connection, and the server goes on with it.
//!
//! The invariant: a connection's commands happen in their order; a reply is there only when its command has happened, so
//! a frame that is refused takes the replies of its writes back, and everything behind them.

use crate::effect::{Effect, Outcome};
use crate::engine::Engine;
use crate::written_keys::WrittenKeys;
use millrace_journal::Level;
use millrace_kv::{Condition, Peek};
use millrace_log::Code;
use millrace_resp::{Cut, Protocol, Simple, absent, bulk, bulk_bytes, cut, ok};
use std::ops::Range;

/// A frame is appended when its writes have so many bytes, or there are so many.
const FRAME_BYTES: usize = 256 * 1024;
const FRAME_EFFECTS: usize = 4096;

/// What one connection has sent.
#[derive(Clone, Copy, Debug)]
pub struct RunInput<'a> {
    pub bytes: &'a [u8],
    /// The store of its database's strings.
    pub strings: u32,
    /// The store of its database's collections, when there may be any: their keys are not ours.
    pub heads: Option<u32>,
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
    /// The last command was a write.
    pub wrote_last: bool,
    pub end: RunEnd,
}

impl Ran {
    fn nothing(at: usize) -> Ran {
        let end = RunEnd::Refused;
        Ran { consumed: 0, replies: at..at, commands: 0, hits: 0, misses: 0, wrote_last: false, end }
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
            effects: Vec::new(),
            bytes: 0,
            written: WrittenKeys::default(),
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

struct Run<'e, 'a> {
    engine: &'e mut Engine,
    level: Level,
    room: usize,
    replies: &'e mut Vec<u8>,
    now_ms: u64,
    /// Writes of the frame that is not appended yet, and about how many bytes they have.
    effects: Vec<Effect<'a>>,
    bytes: usize,
    written: WrittenKeys,
    /// Connections with writes in `effects`, as they were before the first of these.
    before: Vec<(usize, Ran)>,
    outcomes: Vec<Outcome>,
    answer: RunAnswer,
}

impl<'a> Run<'_, 'a> {
    fn connection(&mut self, input: &RunInput<'a>) -> Result<(), Refused> {
        let at = self.replies.len();
        self.answer.ran.push(Ran { end: RunEnd::Short, ..Ran::nothing(at) });
        let number = self.answer.ran.len() - 1;
        loop {
            let rest = &input.bytes[self.answer.ran[number].consumed..];
            let end = match cut(rest) {
                Cut::Whole { arguments, count, end } => match Simple::of(&arguments, count) {
                    Some(command) => self.command(input, number, command, end)?,
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
        command: Simple<'a>,
        bytes: usize,
    ) -> Result<Option<RunEnd>, Refused> {
        let stop = match command {
            Simple::Get { key } => self.get(input, number, key)?,
            Simple::Set { key, value } => self.set(input, number, key, value)?,
        };
        if stop.is_some() {
            return Ok(stop);
        }
        let ran = &mut self.answer.ran[number];
        ran.consumed += bytes;
        ran.commands += 1;
        ran.wrote_last = matches!(command, Simple::Set { .. });
        ran.replies.end = self.replies.len();
        if self.bytes >= FRAME_BYTES || self.effects.len() >= FRAME_EFFECTS {
            self.append()?;
        }
        Ok(None)
    }

    fn get(&mut self, input: &RunInput<'a>, number: usize, key: &[u8]) -> Result<Option<RunEnd>, Refused> {
        if self.written.may_have(&self.effects, input.strings, key) {
            self.append()?;
        }
        if self.holds_collection(input, key) {
            return Ok(Some(RunEnd::Other));
        }
        let ran = &mut self.answer.ran[number];
        match self.engine.kv_peek(input.strings, key, self.now_ms) {
            Peek::Elsewhere => return Ok(Some(RunEnd::Other)),
            Peek::Ready(value) if bulk_bytes(value.len()) > self.room - self.replies.len() => {
                return Ok(Some(RunEnd::Full));
            }
            Peek::Absent if bulk_bytes(0) > self.room - self.replies.len() => return Ok(Some(RunEnd::Full)),
            Peek::Ready(value) => {
                bulk(self.replies, value);
                ran.hits += 1;
            }
            Peek::Absent => {
                absent(self.replies, input.protocol);
                ran.misses += 1;
            }
        }
        Ok(None)
    }

    fn set(
        &mut self,
        input: &RunInput<'a>,
        number: usize,
        key: &'a [u8],
        value: &'a [u8],
    ) -> Result<Option<RunEnd>, Refused> {
        if bulk_bytes(0) > self.room - self.replies.len() {
            return Ok(Some(RunEnd::Full));
        }
        if self.holds_collection(input, key) {
            return Ok(Some(RunEnd::Other));
        }
        if self.before.last().is_none_or(|(of, _)| *of != number) {
            self.before.push((number, self.answer.ran[number].clone()));
        }
        let store = input.strings;
        self.effects.push(Effect::KvPut { store, key, value, expires_ms: 0, condition: Condition::None });
        self.bytes += key.len() + value.len();
        ok(self.replies);
        Ok(None)
    }

    fn holds_collection(&mut self, input: &RunInput<'_>, key: &[u8]) -> bool {
        let now_ms = self.now_ms;
        input.heads.is_some_and(|heads| self.engine.kv_peek(heads, key, now_ms) != Peek::Absent)
    }

    /// Appends what was written so far as one frame, or takes it back.
    fn append(&mut self) -> Result<(), Refused> {
        if self.effects.is_empty() {
            return Ok(());
        }
        let committed = self.engine.commit(&self.effects, self.level, &mut self.outcomes);
        self.effects.clear();
        self.bytes = 0;
        self.written.clear();
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
