//! One datagram to the service manager: what `sd_notify` of systemd sends.
//!
//! Not a protocol of ours and no policy: the text comes from TypeScript. To remember: nothing is answered, and a socket
//! that is gone is an error the caller may ignore.

use crate::status::Refusal;
use napi_derive::napi;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

type Thrown = napi::Error<String>;

/// Sends `message` to the socket at `address`: a path, or an abstract name behind `@`.
#[napi]
pub fn notify_service(address: String, message: String) -> Result<(), Thrown> {
    Ok(send(&address, &message).map_err(|error| Refusal {
        code: "IO",
        message: format!("telling the service manager at {address}: {error}"),
        errno: error.raw_os_error().unwrap_or(0),
    })?)
}

fn send(address: &str, message: &str) -> std::io::Result<()> {
    let to = match address.strip_prefix('@') {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(address)?,
    };
    UnixDatagram::unbound()?.send_to_addr(message.as_bytes(), &to)?;
    Ok(())
}
