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
        if address.ip().is_loopback() {
            ease(&socket);
        }
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

/// Between two ends of one machine nothing is congested. A system whose congestion control paces (BBR) would set a timer for
/// every 64 KiB all the same, which was a third of what a fetch costs; and once it has begun, it cannot be turned off.
/// Reno, which does not, is there everywhere; where it is refused, things are as they were.
fn ease(listener: &Socket) {
    let _ = listener.set_tcp_congestion(b"reno");
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

    #[test]
    fn connections_within_the_machine_are_not_paced_and_others_are_as_the_system_wants() {
        let system = std::fs::read("/proc/sys/net/ipv4/tcp_congestion_control").unwrap();
        let control = |address: &str| {
            let (listener, bound) = Listener::open(address.parse().unwrap(), Framing::Raw, 0).unwrap();
            let _client = TcpStream::connect(("127.0.0.1", bound.port())).unwrap();
            let (accepted, _) = TcpListener::from(listener.socket).accept().unwrap();
            let name = socket2::SockRef::from(&accepted).tcp_congestion().unwrap();
            String::from_utf8(name).unwrap().trim_end_matches('\0').to_owned()
        };
        assert_eq!(control("127.0.0.1:0"), "reno");
        assert_eq!(control("0.0.0.0:0"), String::from_utf8(system).unwrap().trim());
    }
}
