//! A listening socket: made so that what it accepts needs no further call.
//!
//! State and set-up; accepting is in accept.rs.

use crate::event::Framing;
use io_uring::types::Timespec;
use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::time::Duration;

/// Connections the kernel completes before we have accepted them.
const BACKLOG: i32 = 1024;
/// Pause after an accept that failed for want of descriptors or memory.
const BACKOFF: Duration = Duration::from_millis(100);

#[derive(Debug)]
pub(crate) struct Listener {
    pub socket: OwnedFd,
    pub framing: Framing,
    /// Longest first frame of its connections.
    pub frame_max: usize,
    /// A multishot accept is in flight.
    pub is_accepting: bool,
    /// The pause is in flight. In a box: the kernel reads it.
    pub is_pausing: bool,
    pub pause: Box<Timespec>,
    /// It goes when nothing is in flight.
    pub is_ending: bool,
}

impl Listener {
    /// Binds and listens; port 0 takes a free one. Also answers the address it got.
    pub(crate) fn open(
        address: SocketAddr,
        framing: Framing,
        frame_max: usize,
    ) -> io::Result<(Listener, SocketAddr)> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_reuse_address(true)?;
        // Accepted sockets inherit both.
        socket.set_tcp_nodelay(true)?;
        socket.set_keepalive(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        let bound = socket.local_addr()?.as_socket().ok_or(io::ErrorKind::AddrNotAvailable)?;
        let listener = Listener {
            socket: socket.into(),
            framing,
            frame_max,
            is_accepting: false,
            is_pausing: false,
            pause: Box::new(Timespec::from(BACKOFF)),
            is_ending: false,
        };
        Ok((listener, bound))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream};

    #[test]
    fn accepted_connections_inherit_what_was_set_on_the_listener() {
        let (listener, address) = Listener::open("127.0.0.1:0".parse().unwrap(), Framing::Raw, 0).unwrap();
        let _client = TcpStream::connect(address).unwrap();
        let (accepted, _) = TcpListener::from(listener.socket).accept().unwrap();
        assert!(accepted.nodelay().unwrap());
        assert!(socket2::SockRef::from(&accepted).keepalive().unwrap());
    }
}
