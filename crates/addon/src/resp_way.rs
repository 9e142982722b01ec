//! The short way of Redis connections: what armed connections have sent is kept where it lies, run in one call, and answered
//! from here. JavaScript decides when, once for all connections of a batch.
//!
//! Not what a command does (crates/engine), nor who may be armed, nor when replies leave: those stay the server's. What is
//! not run is handed over as a frame, as if this were not here.
//!
//! The one invariant: a frame is only kept of a connection whose every frame before it was handed over and seen, or run
//! here as a whole; replies of a batch leave behind those of the batches before it.

use crate::engine_handle::Thrown;
use crate::memory::{Doubles, index};
use crate::net_handle::{NativeNet, connection_id};
use crate::plan::unsigned;
use crate::status::Refusal;
use millrace_engine::{Collections, CommandKind, Engine, Level, Protocol, RunInput};
use millrace_net::{ConnectionId, Event, Net, Token};
use napi::bindgen_prelude::Unknown;
use napi::{Env, JsValue};
use napi_derive::napi;
use std::collections::VecDeque;
use std::ops::Range;

/// Doubles of a row, those before the rows, and the most rows. Layout: `Ran` in ts/io/native-types.ts.
const RAN_STRIDE: usize = 8;
const RAN_FROM: usize = 24;
const RAN_ROWS: usize = 1024;
pub(crate) const RAN_DOUBLES: usize = RAN_FROM + RAN_ROWS * RAN_STRIDE;
/// Where the counts of single commands begin.
const COUNTS_FROM: usize = 8;
const _: () = assert!(COUNTS_FROM + CommandKind::COUNT <= RAN_FROM, "they stand before the rows");
/// Longer frames gain nothing by it, and would keep the loop.
const FRAME_MAX: usize = 64 << 10;
/// Bytes of replies of one call.
const ROOM: usize = 1 << 20;
/// A connection that leaves so many bytes of replies unread is the server's.
const UNSENT_MAX: usize = 1 << 20;

/// The stores of a database.
#[derive(Clone, Copy)]
struct Database {
    strings: u32,
    collections: Collections,
}

/// A connection, by its index.
#[derive(Clone, Copy, Default)]
struct Peer {
    /// The connection's number; 0 is also a connection's, which then has handed nothing over.
    number: u64,
    /// Frames that were handed to JavaScript.
    handed: u64,
    /// Its frames may be kept: the database it has selected and its protocol.
    armed: Option<(usize, Protocol)>,
    /// A frame of it is kept.
    is_kept: bool,
    /// Bytes of replies that have not left.
    waiting: usize,
    /// Bytes of replies that were queued from here, since the beginning.
    queued: u64,
    /// Bytes that its peer's kernel has taken, as of the latest event that JavaScript was not told.
    taken: u64,
    /// The command that was run last, as its place among them.
    last: i8,
    /// In the list of those of which JavaScript does not know the newest.
    is_used: bool,
}

struct Kept {
    connection: ConnectionId,
    memory: u32,
    start: usize,
    end: usize,
    token: Token,
}

/// Replies of one call, until they may leave.
#[derive(Default)]
struct Replies {
    bytes: Vec<u8>,
    parts: Vec<(ConnectionId, Range<usize>)>,
}

#[derive(Default)]
pub(crate) struct RespWay {
    databases: Vec<Database>,
    peers: Vec<Peer>,
    kept: Vec<Kept>,
    waiting: VecDeque<Replies>,
    /// Memory of replies that have left.
    spare: Option<Replies>,
    used: Vec<ConnectionId>,
    /// Commands that were run, since the beginning.
    pub(crate) commands: u64,
}

/// What a call came to, beside the replies.
#[derive(Default)]
struct Ran {
    lsn: u64,
    commands: u64,
    hits: u64,
    misses: u64,
    /// Bytes of the commands that were run, and of their replies.
    bytes: u64,
    replies: u64,
    counts: [u64; CommandKind::COUNT],
    /// Frames that are handed over, from where they were not run.
    left: Vec<[f64; RAN_STRIDE]>,
}

impl RespWay {
    /// Takes from a batch of events the frames of armed connections, and what need not be told of these. Answers how many are
    /// kept.
    pub(crate) fn keep(&mut self, net: &Net, batch: &mut Vec<Event>) -> usize {
        if self.databases.is_empty() {
            return 0;
        }
        batch.retain(|event| match *event {
            Event::Accepted { connection, .. } => {
                *self.peer(connection) = Peer { number: connection.number(), last: -1, ..Peer::default() };
                true
            }
            Event::Frame { connection, memory, start, end, token } => {
                let room = self.kept.len() < RAN_ROWS && end - start <= FRAME_MAX;
                let peer = self.peer(connection);
                let may = peer.armed.is_some() && !peer.is_kept && room;
                if may && peer.waiting + net.unsent(connection) <= UNSENT_MAX {
                    peer.is_kept = true;
                    self.kept.push(Kept { connection, memory, start, end, token });
                    return false;
                }
                self.hand_over(connection);
                true
            }
            Event::Sent { connection, total } => {
                let peer = self.peer(connection);
                if peer.armed.is_none() {
                    return true;
                }
                peer.taken = total;
                self.note_used(connection);
                false
            }
            _ => true,
        });
        self.kept.len()
    }

    fn peer(&mut self, connection: ConnectionId) -> &mut Peer {
        let at = connection.index();
        if self.peers.len() <= at {
            self.peers.resize(at + 1, Peer::default());
        }
        &mut self.peers[at]
    }

    /// A frame of the connection goes to JavaScript, and all that follow.
    fn hand_over(&mut self, connection: ConnectionId) {
        let peer = self.peer(connection);
        peer.handed += 1;
        peer.armed = None;
    }

    fn note_used(&mut self, connection: ConnectionId) {
        let peer = self.peer(connection);
        if !std::mem::replace(&mut peer.is_used, true) {
            self.used.push(connection);
        }
    }

    /// From here on frames of a connection are kept, if `handed` is what has been handed over of it: otherwise there is one on
    /// its way that JavaScript has not seen.
    pub(crate) fn arm(&mut self, connection: ConnectionId, handed: u64, database: usize, protocol: Protocol) {
        let is_known = database < self.databases.len();
        let peer = self.peer(connection);
        let is_seen = peer.number == connection.number() && peer.handed == handed;
        peer.armed = (is_known && is_seen).then_some((database, protocol));
    }

    /// Nothing more of the connection is kept, and nothing that is kept is run: it is being closed.
    pub(crate) fn disarm(&mut self, connection: ConnectionId) {
        let peer = self.peer(connection);
        if peer.number == connection.number() {
            peer.armed = None;
        }
    }

    /// Runs what is kept; without an engine, or a level, nothing of it, and all is handed over.
    fn run(&mut self, net: &mut Net, engine: Option<(&mut Engine, Level)>) -> Ran {
        let kept = std::mem::take(&mut self.kept);
        let mut replies = self.spare.take().unwrap_or_default();
        let answer = match engine {
            Some((engine, level)) => {
                let inputs: Vec<RunInput<'_>> = kept.iter().map(|kept| self.input(net, kept)).collect();
                engine.run_commands(&inputs, level, ROOM, &mut replies.bytes)
            }
            None => millrace_engine::RunAnswer::default(),
        };
        let mut ran = Ran { lsn: answer.lsn, replies: replies.bytes.len() as u64, ..Ran::default() };
        for (number, kept) in kept.iter().enumerate() {
            let (mut consumed, mut part) = (0, 0..0);
            if let Some(of) = answer.ran.get(number) {
                (consumed, part) = (of.consumed, of.replies.clone());
                ran.commands += of.commands;
                ran.hits += of.hits;
                ran.misses += of.misses;
                ran.bytes += consumed as u64;
                for (sum, count) in ran.counts.iter_mut().zip(of.counts) {
                    *sum += u64::from(count);
                }
            }
            let last = answer.ran.get(number).and_then(|of| of.last);
            let peer = self.peer(kept.connection);
            peer.is_kept = false;
            peer.waiting += part.len();
            if let Some(last) = last {
                peer.last = last as i8;
                self.note_used(kept.connection);
            }
            if !part.is_empty() {
                replies.parts.push((kept.connection, part));
            }
            if consumed == kept.end - kept.start {
                let is_held = net.release(kept.token);
                assert!(is_held, "the memory of commands is given back by whoever ran them");
            } else {
                self.hand_over(kept.connection);
                let numbers = [
                    kept.connection.number(),
                    u64::from(kept.memory),
                    (kept.start + consumed) as u64,
                    kept.end as u64,
                    kept.token.number(),
                ];
                let mut row = [0.0; RAN_STRIDE];
                for (place, number) in row.iter_mut().zip(numbers) {
                    *place = unsigned(number);
                }
                ran.left.push(row);
            }
        }
        self.commands += ran.commands;
        self.kept = kept;
        self.kept.clear();
        if replies.parts.is_empty() {
            self.spare = Some(replies);
        } else {
            self.waiting.push_back(replies);
        }
        ran
    }

    fn input<'n>(&self, net: &'n Net, kept: &Kept) -> RunInput<'n> {
        let peer = self.peers.get(kept.connection.index());
        // It was armed when the frame was kept, and is disarmed by a frame that comes later only.
        let (database, protocol) = peer.and_then(|peer| peer.armed).unwrap_or((0, Protocol::Resp2));
        let is_armed = peer.is_some_and(|peer| peer.armed.is_some());
        let bytes = net.frame_bytes(kept.memory, kept.start, kept.end).filter(|_| is_armed);
        let Database { strings, collections } = self.databases[database];
        RunInput { bytes: bytes.unwrap_or_default(), strings, collections: Some(collections), protocol }
    }

    /// The replies of the oldest call leave. Answers how many bytes.
    fn send(&mut self, net: &mut Net) -> u64 {
        let Some(mut replies) = self.waiting.pop_front() else { return 0 };
        let mut bytes = 0;
        for (connection, part) in replies.parts.drain(..) {
            let length = part.len();
            net.send_copy(connection, &replies.bytes[part]);
            bytes += length as u64;
            self.left(connection, length, true);
        }
        self.spare = Some(replies);
        bytes
    }

    /// The replies of the oldest call never leave: whether they are true is not known. Their connections are closed.
    fn drop_oldest(&mut self, net: &mut Net) {
        let Some(mut replies) = self.waiting.pop_front() else { return };
        for (connection, part) in replies.parts.drain(..) {
            self.left(connection, part.len(), false);
            net.close(connection);
        }
        self.spare = Some(replies);
    }

    fn left(&mut self, connection: ConnectionId, bytes: usize, is_queued: bool) {
        let peer = self.peer(connection);
        if peer.number != connection.number() {
            return;
        }
        peer.waiting -= bytes;
        if is_queued {
            peer.queued += bytes as u64;
            self.note_used(connection);
        }
    }

    /// What JavaScript does not know of connections that have done something: number, queued, taken, the last command.
    fn take_used(&mut self) -> Vec<[f64; RAN_STRIDE]> {
        let from = self.used.len().saturating_sub(RAN_ROWS);
        let used = self.used.split_off(from);
        let mut rows = Vec::with_capacity(used.len());
        for connection in used {
            let peer = self.peer(connection);
            if peer.number != connection.number() {
                continue;
            }
            peer.is_used = false;
            let numbers = [connection.number(), peer.queued, peer.taken].map(unsigned);
            let [number, queued, taken] = numbers;
            rows.push([number, queued, taken, f64::from(peer.last), 0.0, 0.0, 0.0, 0.0]);
        }
        rows
    }
}

#[napi]
impl NativeNet {
    /// What calls of the short way came to, a Float64Array.
    #[napi(getter)]
    pub fn ran(&self, env: Env) -> Result<Unknown<'_>, Thrown> {
        let value = self.host().state.borrow().ran.value(env.raw())?;
        // SAFETY: a value of the running call.
        Ok(unsafe { Unknown::from_raw_unchecked(env.raw(), value) })
    }

    /// The stores of the databases that Redis connections select: strings, heads, members of each.
    #[napi]
    pub fn databases(&self, env: Env, stores: Unknown<'_>) -> Result<(), Thrown> {
        let stores = Doubles::of(env.raw(), stores.raw())?;
        let none = || Refusal::argument("a store is not a number");
        let mut databases = Vec::new();
        for at in (0..stores.len() / 3 * 3).step_by(3) {
            let [strings, heads, members] = stores.row::<3>(at);
            let store = |number| index(number).and_then(|number| u32::try_from(number).ok()).ok_or_else(none);
            let collections = Collections { heads: store(heads)?, members: store(members)? };
            databases.push(Database { strings: store(strings)?, collections });
        }
        self.host().state.borrow_mut().resp.databases = databases;
        Ok(())
    }

    /// Runs what armed connections have sent, at this level (1 written, 2 durable), or hands all of it over (0). What it came to
    /// is in `ran`. Answers the LSN that its replies wait for, 0: none; -1: nothing was run.
    #[napi]
    pub fn run_kept(&self, env: Env, level: f64) -> Result<f64, Thrown> {
        let mut state = self.host().state.borrow_mut();
        let state = &mut *state;
        let Some(net) = state.net.as_mut() else { return Ok(-1.0) };
        state.calls_in += 1;
        let host = self.host().engine();
        let mut engine_state = (level > 0.0 && !host.gone.get()).then(|| host.state.borrow_mut());
        let mut engine = engine_state.as_mut().and_then(|state| state.engine.as_mut());
        let level = if level == 2.0 { Level::Durable } else { Level::Written };
        let ran = state.resp.run(net, engine.as_deref_mut().map(|engine| (engine, level)));
        let is_run = engine.is_some();
        if ran.lsn > 0
            && let Some(engine) = engine
            && crate::produce_way::is_idle_but(engine, ran.lsn)
        {
            engine.start();
        }
        drop(engine_state);
        if let Some(mut array) = state.ran.doubles(env.raw())? {
            let head = [ran.left.len() as u64, ran.commands, ran.hits, ran.misses, ran.bytes, ran.replies];
            array.put(0, &head.map(unsigned));
            array.put(COUNTS_FROM, &ran.counts.map(unsigned));
            for (number, row) in ran.left.iter().enumerate() {
                array.put(RAN_FROM + number * RAN_STRIDE, row);
            }
        }
        if ran.lsn > 0 {
            host.queued();
            host.show_page()?;
        }
        Ok(if is_run { unsigned(ran.lsn) } else { -1.0 })
    }

    /// The replies of the oldest `runKept` that had any leave. Answers how many bytes.
    #[napi]
    pub fn send_ran(&self, env: Env) -> Result<f64, Thrown> {
        let sent = self.call_with_resp(env, |net, resp| Ok(resp.send(net)))?;
        Ok(unsigned(sent.unwrap_or(0)))
    }

    /// They never leave: their connections are closed.
    #[napi]
    pub fn drop_ran(&self, env: Env) -> Result<(), Thrown> {
        self.call_with_resp(env, |net, resp| {
            resp.drop_oldest(net);
            Ok(())
        })?;
        Ok(())
    }

    /// Puts what is new of armed connections into `ran`, and answers how many rows; to be asked until there are none.
    #[napi]
    pub fn take_used(&self, env: Env) -> Result<f64, Thrown> {
        let mut state = self.host().state.borrow_mut();
        let rows = state.resp.take_used();
        if let Some(mut array) = state.ran.doubles(env.raw())? {
            for (number, row) in rows.iter().enumerate() {
                array.put(RAN_FROM + number * RAN_STRIDE, row);
            }
        }
        Ok(unsigned(rows.len() as u64))
    }
}

/// The numbers of a row that arms a connection: frames handed over, database, protocol.
pub(crate) fn arm(resp: &mut RespWay, connection: f64, row: [f64; 3]) -> Result<(), Refusal> {
    let [handed, database, protocol] = row;
    let numbers = index(handed).zip(index(database));
    let (handed, database) =
        numbers.ok_or_else(|| Refusal::argument("a connection is armed with numbers that mean nothing"))?;
    let protocol = if protocol == 3.0 { Protocol::Resp3 } else { Protocol::Resp2 };
    resp.arm(connection_id(connection)?, handed as u64, database, protocol);
    Ok(())
}
