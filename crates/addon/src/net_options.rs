//! What a `NativeNet` is made from, and the numbers by which JavaScript names what happens. Conversion only.
//!
//! Row layouts and numbers: ts/io/native-types.ts.

use crate::memory::index;
use crate::status::Refusal;
use millrace_net::{CloseReason, Event, Framing, NetConfig};
use napi_derive::napi;
use std::net::SocketAddr;

/// `NativeNetOptions` of ts/io/native-types.ts.
#[napi(object)]
pub struct NetOptions {
    pub slot_bytes: f64,
    pub slots: f64,
    pub gather_bytes: f64,
    pub max_connections: f64,
}

/// `NetAddress` of ts/io/native-types.ts.
#[napi(object)]
pub struct NetAddress {
    pub listener: u32,
    pub port: u32,
    pub address: String,
}

/// `NetPeer` of ts/io/native-types.ts.
#[napi(object)]
pub struct NetPeer {
    pub remote_address: String,
    pub remote_port: u32,
    pub local_address: String,
    pub local_port: u32,
}

impl NetOptions {
    pub(crate) fn config(&self) -> Result<NetConfig, Refusal> {
        let size = |name: &str, value: f64| {
            index(value).ok_or_else(|| Refusal::argument(&format!("{name} is not a whole number")))
        };
        Ok(NetConfig {
            slot_bytes: size("slotBytes", self.slot_bytes)?,
            slots: size("slots", self.slots)?,
            gather_bytes: size("gatherBytes", self.gather_bytes)?,
            connections_max: size("maxConnections", self.max_connections)?,
        })
    }
}

impl NetPeer {
    pub(crate) fn of((remote, local): (SocketAddr, SocketAddr)) -> NetPeer {
        NetPeer {
            remote_address: remote.ip().to_string(),
            remote_port: u32::from(remote.port()),
            local_address: local.ip().to_string(),
            local_port: u32::from(local.port()),
        }
    }
}

pub(crate) fn framing(value: f64) -> Result<Framing, Refusal> {
    match value {
        0.0 => Ok(Framing::Raw),
        1.0 => Ok(Framing::LengthPrefixed),
        _ => Err(Refusal::argument("there is no such framing")),
    }
}

/// Doubles of an event's row.
pub(crate) const EVENT_STRIDE: usize = 8;

/// An event as a row.
pub(crate) fn row(event: &Event) -> [f64; EVENT_STRIDE] {
    #[allow(clippy::cast_precision_loss)]
    let double = |value: u64| value as f64;
    let [kind, a, b, c, d, e] = match *event {
        Event::Accepted { connection, listener } => {
            [1.0, double(connection.number()), f64::from(listener), 0.0, 0.0, 0.0]
        }
        Event::Frame { connection, memory, start, end, token } => [
            2.0,
            double(connection.number()),
            f64::from(memory),
            double(start as u64),
            double(end as u64),
            double(token.number()),
        ],
        Event::Closed { connection, reason } => {
            let (reason, detail) = match reason {
                CloseReason::Local => (0.0, 0),
                CloseReason::Ended => (1.0, 0),
                CloseReason::Failed(errno) => (2.0, errno),
                CloseReason::Length(claimed) => (3.0, claimed),
                CloseReason::Memory(claimed) => (4.0, claimed),
            };
            [3.0, double(connection.number()), reason, f64::from(detail), 0.0, 0.0]
        }
        Event::Sent { connection, total } => [4.0, double(connection.number()), double(total), 0.0, 0.0, 0.0],
        Event::Ended { connection } => [6.0, double(connection.number()), 0.0, 0.0, 0.0, 0.0],
        Event::Refused { listener, errno, count } => {
            [5.0, f64::from(listener), f64::from(errno), double(count), 0.0, 0.0]
        }
    };
    [kind, a, b, c, d, e, 0.0, 0.0]
}

/// What listening failed with, under the name the system calls it by.
pub(crate) fn listen_refusal(error: &std::io::Error, address: SocketAddr) -> Refusal {
    let errno = error.raw_os_error().unwrap_or(0);
    let names = [
        (libc::EACCES, "EACCES"),
        (libc::EADDRINUSE, "EADDRINUSE"),
        (libc::EADDRNOTAVAIL, "EADDRNOTAVAIL"),
        (libc::EAFNOSUPPORT, "EAFNOSUPPORT"),
        (libc::EINVAL, "EINVAL"),
        (libc::EMFILE, "EMFILE"),
        (libc::ENFILE, "ENFILE"),
        (libc::ENOBUFS, "ENOBUFS"),
        (libc::ENOMEM, "ENOMEM"),
        (libc::EPERM, "EPERM"),
    ];
    let name = names.iter().find(|(known, _)| *known == errno).map_or("IO", |(_, name)| name);
    Refusal { code: name, message: format!("listen {name}: {error}: {address}"), errno }
}
