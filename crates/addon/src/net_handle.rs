//! `NativeNet`: the class JavaScript calls for sockets. Each method converts arguments and asks the net.
//!
//! Not a policy and not a default. The one invariant: a row is copied out of JavaScript's memory once, checked, and only
//! the copy is used.

use crate::engine_handle::{NativeEngine, Thrown};
use crate::memory::{Bytes, Doubles, index, whole};
use crate::net_host::NetHost;
use crate::net_memory::{Keeper, array_over};
use crate::net_options::{NetAddress, NetOptions, NetPeer, framing, listen_refusal};
use crate::produce_way::ProduceWay;
use crate::resp_way::{self, RespWay};
use crate::status::{Refusal, check};
use millrace_io::Piece;
use millrace_net::{ConnectionId, Net, OpenError, Token};
use napi::bindgen_prelude::{Either, Function, Undefined, Unknown};
use napi::{Env, JsValue, sys};
use napi_derive::napi;
use std::net::{IpAddr, SocketAddr};
use std::ptr::NonNull;
use std::rc::Rc;

/// Doubles of a command's row.
const STRIDE: usize = 6;
/// Sends up to this many bytes are copied; larger ones are sent from where they lie.
const COPY_MAX: usize = 4096;

/// Sockets of one environment, in a ring of their own.
#[napi]
pub struct NativeNet {
    host: Rc<NetHost>,
}

impl NativeNet {
    pub(crate) fn host(&self) -> &NetHost {
        &self.host
    }
}

#[napi]
impl NativeNet {
    /// Opens the ring; `wake` is the one callback. `engine` lends its leases.
    #[napi(constructor)]
    pub fn new(
        env: Env,
        engine: &NativeEngine,
        options: NetOptions,
        wake: Function<'_, (), ()>,
    ) -> Result<NativeNet, Thrown> {
        Ok(Self::open(env.raw(), engine, &options, wake.raw())?)
    }

    fn open(
        env: sys::napi_env,
        engine: &NativeEngine,
        options: &NetOptions,
        wake: sys::napi_value,
    ) -> Result<NativeNet, Refusal> {
        let net = Net::open(options.config()?).map_err(|error| match error {
            OpenError::Config(error) => Refusal::argument(&error.to_string()),
            OpenError::Ring(reason) => Refusal::new("NET", reason),
        })?;
        let mut reference = std::ptr::null_mut();
        // A runtime that refuses external memory cannot see frames: it is told now, not with the first one.
        array_over(env, NonNull::from(&EMPTY), 0).map_err(|refusal| Refusal::new("NET", refusal.message))?;
        // SAFETY: `wake` is an argument of the running constructor.
        unsafe { check("wake", sys::napi_create_reference(env, wake, 1, &raw mut reference))? };
        Ok(NativeNet { host: NetHost::start(env, net, reference, engine.host())? })
    }

    /// The events array, a Float64Array.
    #[napi(getter)]
    pub fn events(&self, env: Env) -> Result<Unknown<'_>, Thrown> {
        let value = self.host.state.borrow().events.value(env.raw())?;
        // SAFETY: a value of the running call.
        Ok(unsafe { Unknown::from_raw_unchecked(env.raw(), value) })
    }

    /// The counters, a Float64Array.
    #[napi(getter)]
    pub fn counters(&self, env: Env) -> Result<Unknown<'_>, Thrown> {
        let value = self.host.state.borrow().counters.value(env.raw())?;
        // SAFETY: a value of the running call.
        Ok(unsafe { Unknown::from_raw_unchecked(env.raw(), value) })
    }

    /// Runs `work` on live sockets, counts the call and has what it asked for submitted. None when they are gone.
    fn call<T>(
        &self,
        env: Env,
        work: impl FnOnce(&mut Net) -> Result<T, Refusal>,
    ) -> Result<Option<T>, Refusal> {
        self.call_with(env, |net, _, _| work(net))
    }

    /// As `call`, with the short way of Redis connections.
    pub(crate) fn call_with_resp<T>(
        &self,
        env: Env,
        work: impl FnOnce(&mut Net, &mut RespWay) -> Result<T, Refusal>,
    ) -> Result<Option<T>, Refusal> {
        self.call_with(env, |net, _, resp| work(net, resp))
    }

    /// As `call`, with the short ways.
    fn call_with<T>(
        &self,
        env: Env,
        work: impl FnOnce(&mut Net, &mut ProduceWay, &mut RespWay) -> Result<T, Refusal>,
    ) -> Result<Option<T>, Refusal> {
        let result = {
            let mut state = self.host.state.borrow_mut();
            let state = &mut *state;
            let Some(net) = state.net.as_mut() else { return Ok(None) };
            let result = work(net, &mut state.produce, &mut state.resp);
            state.calls_in += 1;
            state.show_counters(env.raw())?;
            result
        };
        self.host.queued();
        result.map(Some)
    }

    /// Listens on a numeric address.
    #[napi]
    pub fn listen(
        &self,
        env: Env,
        host: String,
        port: f64,
        framing_number: f64,
        frame_max: f64,
    ) -> Result<NetAddress, Thrown> {
        let address: IpAddr = host.parse().map_err(|_| Refusal::argument("the address is not numeric"))?;
        let port = index(port).and_then(|port| u16::try_from(port).ok());
        let address =
            SocketAddr::new(address, port.ok_or_else(|| Refusal::argument("there is no such port"))?);
        let framing = framing(framing_number)?;
        let frame_max = index(frame_max).ok_or_else(|| Refusal::argument("a limit is not a whole number"))?;
        let listening = self.call(env, |net| {
            net.listen(address, framing, frame_max).map_err(|error| listen_refusal(&error, address))
        })?;
        let (listener, bound) = listening.ok_or_else(|| Refusal::new("CLOSED", "the sockets are closed"))?;
        Ok(NetAddress { listener, port: u32::from(bound.port()), address: bound.ip().to_string() })
    }

    /// Accepts nothing more there.
    #[napi]
    pub fn unlisten(&self, env: Env, listener: u32) -> Result<(), Thrown> {
        self.call(env, |net| {
            net.unlisten(listener);
            Ok(())
        })?;
        Ok(())
    }

    /// Addresses of an open connection.
    #[napi]
    pub fn peer(&self, connection: f64) -> Result<Either<NetPeer, Undefined>, Thrown> {
        let id = connection_id(connection)?;
        let state = self.host.state.borrow();
        let peer = state.net.as_ref().and_then(|net| net.peer(id));
        Ok(peer.map_or(Either::B(()), |peer| Either::A(NetPeer::of(peer))))
    }

    /// The memory that frames name, a Uint8Array.
    #[napi]
    pub fn memory(&self, env: Env, number: f64) -> Result<Unknown<'_>, Thrown> {
        let value = self.memory_value(env.raw(), number)?;
        // SAFETY: a value of the running call.
        Ok(unsafe { Unknown::from_raw_unchecked(env.raw(), value) })
    }

    fn memory_value(&self, env: sys::napi_env, number: f64) -> Result<sys::napi_value, Refusal> {
        let none = || Refusal::argument("there is no such memory");
        let number = index(number).ok_or_else(none)?;
        let mut state = self.host.state.borrow_mut();
        let state = &mut *state;
        if let Some(value) = state.shown.get(env, number)? {
            return Ok(value);
        }
        let net = state.net.as_mut().ok_or_else(none)?;
        let place = u32::try_from(number).ok().and_then(|number| net.show_memory(number)).ok_or_else(none)?;
        state.shown.add(env, number, place)
    }

    /// Everything a turn wants.
    #[napi]
    pub fn turn(
        &self,
        env: Env,
        commands: Unknown<'_>,
        count: f64,
        buffers: Unknown<'_>,
    ) -> Result<(), Thrown> {
        let commands = Doubles::of(env.raw(), commands.raw())?;
        let count = index(count).filter(|count| *count <= commands.len() / STRIDE);
        let count = count.ok_or_else(|| Refusal::argument("more rows than the array holds"))?;
        let mut buffers = Lent { env: env.raw(), list: buffers.raw(), known: Vec::new() };
        self.call_with(env, |net, produce, resp| {
            for number in 0..count {
                self.command(net, (&mut *produce, &mut *resp), commands.row(number * STRIDE), &mut buffers)?;
            }
            Ok(())
        })?;
        Ok(())
    }

    fn command(
        &self,
        net: &mut Net,
        (produce, resp): (&mut ProduceWay, &mut RespWay),
        row: [f64; STRIDE],
        buffers: &mut Lent<'_>,
    ) -> Result<(), Refusal> {
        let [kind, first, second, third, fourth, _] = row;
        if kind == 3.0 {
            let token = whole(first).ok_or_else(|| Refusal::argument("a token is not a whole number"))?;
            if !net.release(Token::of_number(token)) {
                return Err(Refusal::argument("a token is released that is not held"));
            }
            return Ok(());
        }
        let id = connection_id(first)?;
        match kind {
            1.0 => self.send(net, id, buffers, [second, third, fourth])?,
            2.0 => self.send_lease(net, id, [second, third, fourth])?,
            4.0 => net.pause(id),
            5.0 => net.resume(id),
            6.0 => {
                let limits = index(second).zip(index(third));
                let (frame_max, gather_min) =
                    limits.ok_or_else(|| Refusal::argument("a limit is not a whole number"))?;
                net.limit(id, frame_max, gather_min);
            }
            7.0 => {
                resp.disarm(id);
                if second == 1.0 { net.close_when_sent(id) } else { net.close(id) }
            }
            8.0 => {
                let handed =
                    whole(second).ok_or_else(|| Refusal::argument("frames are not a whole number"))?;
                produce.arm(id, handed);
            }
            9.0 => resp_way::arm(resp, first, [second, third, fourth])?,
            _ => return Err(Refusal::argument("there is no such command")),
        }
        Ok(())
    }

    fn send(
        &self,
        net: &mut Net,
        id: ConnectionId,
        buffers: &mut Lent<'_>,
        range: [f64; 3],
    ) -> Result<(), Refusal> {
        let [number, start, end] = range;
        let number =
            index(number).ok_or_else(|| Refusal::argument("a row names a buffer that is not there"))?;
        let env = buffers.env;
        let buffer = buffers.get(number)?;
        let bytes = index(start).zip(index(end)).and_then(|(start, end)| buffer.bytes.all().get(start..end));
        let bytes = bytes.ok_or_else(|| Refusal::argument("a row names bytes outside its buffer"))?;
        if bytes.len() <= COPY_MAX {
            net.send_copy(id, bytes);
        } else if net.is_open(id) {
            let keeper = match &buffer.keeper {
                Some(keeper) => keeper,
                None => buffer.keeper.insert(Keeper::new(env, buffer.value, &self.host.graveyard)?),
            };
            net.send_foreign(id, keeper.lend(bytes));
        }
        Ok(())
    }

    fn send_lease(&self, net: &mut Net, id: ConnectionId, range: [f64; 3]) -> Result<(), Refusal> {
        let [lease, start, end] = range;
        let lease = whole(lease).and_then(|lease| self.host.leases.borrow_mut().take(lease));
        let pieces = lease.ok_or_else(|| Refusal::argument("a row names a lease that is not there"))?;
        let range = index(start).zip(index(end)).filter(|(start, end)| start <= end);
        let (start, end) = range.ok_or_else(|| Refusal::argument("a row names no range of a lease"))?;
        let mut position = 0;
        for piece in &pieces {
            let (from, to) = (start.max(position), end.min(position + piece.len()));
            if from < to {
                net.send_piece(id, Piece::slice(piece, from - position, to - from));
            }
            position += piece.len();
        }
        if end > position {
            return Err(Refusal::argument("a row names bytes outside its lease"));
        }
        Ok(())
    }

    /// Closes listeners and connections; `wake` runs when that is done.
    #[napi]
    pub fn close(&self, env: Env) -> Result<(), Thrown> {
        self.host.state.borrow_mut().is_closing = true;
        self.call(env, |net| {
            net.close_begin();
            Ok(())
        })?;
        Ok(())
    }

    #[napi(getter)]
    pub fn closed(&self) -> bool {
        self.host.gone.get()
    }
}

/// What an array of no bytes lies over.
static EMPTY: u8 = 0;

pub(crate) fn connection_id(number: f64) -> Result<ConnectionId, Refusal> {
    let number = whole(number).ok_or_else(|| Refusal::argument("a connection is not a whole number"))?;
    Ok(ConnectionId::of_number(number))
}

/// The arrays of one turn, each looked up once, and kept once if it is sent from.
struct Lent<'call> {
    env: sys::napi_env,
    list: sys::napi_value,
    known: Vec<Option<LentArray<'call>>>,
}

struct LentArray<'call> {
    value: sys::napi_value,
    bytes: Bytes<'call>,
    keeper: Option<Rc<Keeper>>,
}

impl<'call> Lent<'call> {
    fn get(&mut self, number: usize) -> Result<&mut LentArray<'call>, Refusal> {
        let none = || Refusal::argument("a row names a buffer that is not there");
        if self.known.len() <= number {
            let mut length = 0;
            // SAFETY: `list` is an argument of the running call; anything but an array is refused.
            unsafe { check("buffers", sys::napi_get_array_length(self.env, self.list, &raw mut length))? };
            if number >= length as usize {
                return Err(none());
            }
            self.known.resize_with(number + 1, || None);
        }
        let known = &mut self.known[number];
        if known.is_none() {
            let mut value = std::ptr::null_mut();
            let position = u32::try_from(number).map_err(|_| none())?;
            // SAFETY: as above; an element that is no byte array is refused by `Bytes::of`.
            unsafe {
                check("buffers", sys::napi_get_element(self.env, self.list, position, &raw mut value))?
            };
            *known = Some(LentArray { value, bytes: Bytes::of(self.env, value)?, keeper: None });
        }
        known.as_mut().ok_or_else(none)
    }
}
