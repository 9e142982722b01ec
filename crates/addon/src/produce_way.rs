//! The short way of Produce: plain requests are appended where they arrive, and JavaScript is told of what is done.
//!
//! Not the answers, their order, quotas or limits: those stay the broker's, which has an exchange for each row. Whatever is
//! not plain, not registered, or refused by the engine is handed over as a frame, as if this were not here.
//!
//! The one invariant: a frame is only taken of a connection whose every frame before it has been answered or was taken
//! here, so nothing overtakes what the broker still works on.

use crate::engine_handle::Thrown;
use crate::host_loop::Host;
use crate::memory::{Bytes, Doubles, index, whole};
use crate::net_handle::NativeNet;
use crate::plan::{double, unsigned};
use crate::status::Refusal;
use millrace_engine::{Append, Code, Effect, Engine, Level, Outcome};
use millrace_net::{ConnectionId, Event, Net, Token};
use millrace_produce::{Acks, Plain, Topic};
use napi::bindgen_prelude::Unknown;
use napi::{Env, JsValue};
use napi_derive::napi;
use std::collections::HashMap;

/// Doubles of a row, and those before the rows. Layout: `PlacedProduce` in ts/io/native-types.ts.
pub(crate) const PLACED_STRIDE: usize = 16;
pub(crate) const PLACED_FROM: usize = 8;
/// Longer requests gain nothing by it, and would keep the loop.
const FRAME_MAX: usize = 64 << 10;

/// What the broker has said of a topic.
struct Registered {
    reference: f64,
    partitions: Vec<u64>,
    stamp_append_time: bool,
    require_keys: bool,
    max_batch_bytes: usize,
    floor: Level,
}

/// A connection, by its index.
#[derive(Clone, Copy, Default)]
struct Peer {
    /// The connection's number; 0 is also a connection's, which then has handed nothing over.
    number: u64,
    /// Frames that were handed to JavaScript.
    handed: u64,
    /// Its frames may be taken.
    is_armed: bool,
}

#[derive(Default)]
pub(crate) struct ProduceWay {
    topics: Vec<Registered>,
    by_name: HashMap<Vec<u8>, usize>,
    by_id: HashMap<[u8; 16], usize>,
    peers: Vec<Peer>,
    outcomes: Vec<Outcome>,
    /// Requests that were appended, since the beginning.
    pub(crate) appended: u64,
    /// What the rows lie in.
    tokens: Vec<Token>,
    /// Rows for the next callback.
    pub(crate) placed: Vec<[f64; PLACED_STRIDE]>,
}

impl ProduceWay {
    /// Takes from a batch of events the frames that can be appended at once. True when there were any: the engine has
    /// something to do, and JavaScript to be told.
    pub(crate) fn take(&mut self, net: &Net, host: &Host, batch: &mut Vec<Event>) -> bool {
        let before = self.placed.len();
        let mut state = (!self.topics.is_empty() && !host.gone.get()).then(|| host.state.borrow_mut());
        let mut engine = state.as_mut().and_then(|state| state.engine.as_mut());
        let was_idle = engine.as_ref().is_some_and(|engine| is_idle(engine));
        batch.retain(|event| match *event {
            Event::Accepted { connection, .. } => {
                *self.peer(connection) = Peer { number: connection.number(), ..Peer::default() };
                true
            }
            Event::Frame { connection, memory, start, end, token } => {
                let is_armed = self.peer(connection).is_armed;
                if let (true, Some(engine)) = (is_armed, engine.as_deref_mut())
                    && let Some(bytes) = net.frame_bytes(memory, start, end)
                    && self.append(
                        engine,
                        bytes,
                        [connection.number(), u64::from(memory), start as u64, end as u64],
                        token,
                    )
                {
                    return false;
                }
                let peer = self.peer(connection);
                peer.handed += 1;
                peer.is_armed = false;
                true
            }
            _ => true,
        });
        let is_new = self.placed.len() > before;
        // The device works while JavaScript hears of it; one that works already is given more when the turn is over.
        if is_new
            && was_idle
            && let Some(engine) = engine
        {
            engine.start();
        }
        is_new
    }

    fn peer(&mut self, connection: ConnectionId) -> &mut Peer {
        let at = connection.index();
        if self.peers.len() <= at {
            self.peers.resize(at + 1, Peer::default());
        }
        &mut self.peers[at]
    }

    /// From here on frames of a connection are taken, if `handed` is what has been handed over of it: otherwise there is
    /// one on its way that JavaScript has not seen.
    pub(crate) fn arm(&mut self, connection: ConnectionId, handed: u64) {
        let peer = self.peer(connection);
        peer.is_armed = peer.number == connection.number() && peer.handed == handed;
    }

    /// Appends one request, if it is plain and nothing stands against it.
    fn append(&mut self, engine: &mut Engine, frame: &[u8], place: [u64; 4], token: Token) -> bool {
        if frame.len() > FRAME_MAX {
            return false;
        }
        let Some(plain) = Plain::of(frame) else { return false };
        let found = match plain.topic {
            Topic::Name(name) => self.by_name.get(name),
            Topic::Id(id) => self.by_id.get(&id),
        };
        let Some(topic) = found.and_then(|at| self.topics.get(*at)) else { return false };
        let partition = usize::try_from(plain.partition).ok().and_then(|at| topic.partitions.get(at));
        let Some(&partition) = partition else { return false };
        let asked = match plain.acks {
            Acks::All => Level::Durable,
            Acks::Leader => Level::Written,
        };
        let level = asked.max(topic.floor);
        let append = Append {
            partition,
            batch: plain.batch,
            stamp_append_time: topic.stamp_append_time,
            require_keys: topic.require_keys,
            max_codec: 0,
            max_batch_bytes: topic.max_batch_bytes,
        };
        let committed = engine.commit(&[Effect::Append(append)], level, &mut self.outcomes);
        // Refused, nothing of it is left, and the usual way finds the same reason; a repeated batch is its, too.
        let Some(outcome) = self.outcomes.first().filter(|outcome| outcome.code == Code::Ok) else {
            return false;
        };
        self.appended += 1;
        let [connection, memory, start, end] = place.map(unsigned);
        self.placed.push([
            connection,
            memory,
            start,
            end,
            topic.reference,
            f64::from(plain.partition),
            unsigned(partition),
            f64::from(level as u8),
            unsigned(committed.lsn),
            double(outcome.base_offset),
            double(outcome.log_append_time),
            double(outcome.log_start),
            f64::from(plain.version),
            f64::from(plain.correlation),
            unsigned(plain.batch.len() as u64),
            0.0,
        ]);
        self.tokens.push(token);
        true
    }

    /// Gives back the memory of what was appended.
    pub(crate) fn let_go(&mut self, net: &mut Net) {
        for token in self.tokens.drain(..) {
            let is_held = net.release(token);
            assert!(is_held, "the memory of a request is given back by whoever took it");
        }
    }

    fn register(&mut self, names: (&[u8], [u8; 16]), topic: Registered) {
        let at = self.topics.len();
        self.by_name.insert(names.0.to_vec(), at);
        self.by_id.insert(names.1, at);
        self.topics.push(topic);
    }

    fn forget(&mut self) {
        self.topics.clear();
        self.by_name.clear();
        self.by_id.clear();
    }
}

#[napi]
impl NativeNet {
    /// The rows of what was placed, a Float64Array.
    #[napi(getter)]
    pub fn placed(&self, env: Env) -> Result<Unknown<'_>, Thrown> {
        let value = self.host().state.borrow().placed.value(env.raw())?;
        // SAFETY: a value of the running call.
        Ok(unsafe { Unknown::from_raw_unchecked(env.raw(), value) })
    }

    /// Plain requests for this topic may be appended where they arrive. `numbers`: reference, stamp the append time,
    /// refuse what has no key, largest batch, least level, then the partitions by index.
    #[napi]
    pub fn plain_topic(
        &self,
        env: Env,
        name: Unknown<'_>,
        id: Unknown<'_>,
        numbers: Unknown<'_>,
    ) -> Result<(), Thrown> {
        let env = env.raw();
        let (name, id) = (Bytes::of(env, name.raw())?, Bytes::of(env, id.raw())?);
        let numbers = Doubles::of(env, numbers.raw())?;
        let topic = registered(&numbers)
            .ok_or_else(|| Refusal::argument("a topic is registered with numbers that mean nothing"))?;
        let id =
            id.all().try_into().map_err(|_| Refusal::argument("the id of a topic has another length"))?;
        self.host().state.borrow_mut().produce.register((name.all(), id), topic);
        Ok(())
    }

    /// Nothing is registered any more.
    #[napi]
    pub fn forget_topics(&self) {
        self.host().state.borrow_mut().produce.forget();
    }
}

/// Nothing but the newest frame, which has this LSN, is on its way to the device, or not even that.
pub(crate) fn is_idle_but(engine: &Engine, lsn: u64) -> bool {
    engine.events().durable + 1 >= lsn
}

/// Nothing is on its way to the device.
fn is_idle(engine: &Engine) -> bool {
    let events = engine.events();
    events.appended <= events.durable
}

/// Doubles before the partitions.
const HEAD: usize = 5;

fn registered(numbers: &Doubles<'_>) -> Option<Registered> {
    if numbers.len() < HEAD {
        return None;
    }
    let [reference, stamp, keys, max_bytes, floor] = numbers.row::<HEAD>(0);
    let floor = match floor {
        0.0 => Level::Memory,
        1.0 => Level::Written,
        2.0 => Level::Durable,
        _ => return None,
    };
    let partitions: Option<Vec<u64>> =
        (HEAD..numbers.len()).map(|at| whole(numbers.row::<1>(at)[0])).collect();
    Some(Registered {
        reference,
        partitions: partitions?,
        stamp_append_time: stamp != 0.0,
        require_keys: keys != 0.0,
        max_batch_bytes: index(max_bytes)?,
        floor,
    })
}
