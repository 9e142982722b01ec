//! A `Net` with one listener, driven until something is true, and frames as clients write them.

#![allow(dead_code, reason = "each test file uses a part of it")]

use millrace_net::{CloseReason, ConnectionId, Event, Framing, Net, NetConfig, Token};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

pub const CONFIG: NetConfig =
    NetConfig { slot_bytes: 4096, slots: 64, gather_bytes: 64 << 20, connections_max: 1000 };

/// A frame as it was delivered.
#[derive(Clone, Debug)]
pub struct Frame {
    pub connection: ConnectionId,
    pub bytes: Vec<u8>,
    pub token: Token,
}

pub struct Server {
    pub net: Net,
    pub address: SocketAddr,
    pub listener: u32,
    pub accepted: Vec<ConnectionId>,
    pub frames: Vec<Frame>,
    pub closed: Vec<(ConnectionId, CloseReason)>,
    pub sent: Vec<(ConnectionId, u64)>,
    pub ended: Vec<ConnectionId>,
    /// Connections whose peer sends nothing more are left to the test.
    pub keeps_ended: bool,
    pub refused: Vec<(i32, u64)>,
    events: Vec<Event>,
}

impl Server {
    pub fn new(config: NetConfig, framing: Framing, frame_max: usize) -> Server {
        let mut net = Net::open(config).unwrap();
        let (listener, address) = net.listen("127.0.0.1:0".parse().unwrap(), framing, frame_max).unwrap();
        Server {
            net,
            address,
            listener,
            accepted: Vec::new(),
            frames: Vec::new(),
            closed: Vec::new(),
            sent: Vec::new(),
            ended: Vec::new(),
            keeps_ended: false,
            refused: Vec::new(),
            events: Vec::new(),
        }
    }

    pub fn framed(frame_max: usize) -> Server {
        Server::new(CONFIG, Framing::LengthPrefixed, frame_max)
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        stream
    }

    /// One client whose connection has been accepted.
    pub fn client(&mut self) -> (TcpStream, ConnectionId) {
        let before = self.accepted.len();
        let stream = self.connect();
        self.until("a connection is accepted", |server| server.accepted.len() > before);
        (stream, *self.accepted.last().unwrap())
    }

    /// One turn: what happened, then what was asked for.
    pub fn turn(&mut self) {
        self.net.submit();
        self.net.reap();
        let mut events = std::mem::take(&mut self.events);
        self.net.take_events(1 << 20, &mut events);
        for event in events.drain(..) {
            match event {
                Event::Accepted { connection, .. } => self.accepted.push(connection),
                Event::Frame { connection, memory, start, end, token } => {
                    let bytes = self.net.read(memory, start, end);
                    self.frames.push(Frame { connection, bytes, token });
                }
                Event::Closed { connection, reason } => self.closed.push((connection, reason)),
                Event::Sent { connection, total } => self.sent.push((connection, total)),
                Event::Ended { connection } => {
                    self.ended.push(connection);
                    if !self.keeps_ended {
                        self.net.close_when_sent(connection);
                    }
                }
                Event::Refused { errno, count, .. } => self.refused.push((errno, count)),
            }
        }
        self.events = events;
    }

    /// Turns until `what` is true; panics after ten seconds.
    pub fn until(&mut self, what: &str, mut is_so: impl FnMut(&mut Server) -> bool) {
        let until = Instant::now() + Duration::from_secs(10);
        loop {
            self.turn();
            if is_so(self) {
                return;
            }
            assert!(Instant::now() < until, "{what}: not within ten seconds; {:?}", self.net.counters());
            if !self.net.wants_submit() && !self.net.has_ready() {
                self.net.wait(Duration::from_millis(20));
            }
        }
    }

    /// Turns for so long.
    pub fn idle(&mut self, time: Duration) {
        let until = Instant::now() + time;
        while Instant::now() < until {
            self.turn();
            if !self.net.wants_submit() && !self.net.has_ready() {
                self.net.wait(Duration::from_millis(5));
            }
        }
    }

    /// Takes the frames that were delivered, released.
    pub fn take_frames(&mut self) -> Vec<Frame> {
        let frames = std::mem::take(&mut self.frames);
        for frame in &frames {
            assert!(self.net.release(frame.token), "a delivered frame is held");
        }
        frames
    }

    /// Answers every frame with itself, as long as `what` is not true.
    pub fn echo_until(&mut self, what: &str, mut is_so: impl FnMut(&mut Server) -> bool) {
        self.until(what, |server| {
            for frame in server.take_frames() {
                server.net.send_copy(frame.connection, &framed(&frame.bytes));
            }
            is_so(server)
        });
    }

    pub fn is_closed(&self, connection: ConnectionId) -> Option<CloseReason> {
        self.closed.iter().find(|(id, _)| *id == connection).map(|(_, reason)| *reason)
    }
}

/// A frame with its length prefix.
pub fn framed(bytes: &[u8]) -> Vec<u8> {
    let mut framed = (bytes.len() as i32).to_be_bytes().to_vec();
    framed.extend_from_slice(bytes);
    framed
}

/// Reads one frame.
pub fn read_frame(stream: &mut TcpStream) -> Vec<u8> {
    let mut head = [0; 4];
    stream.read_exact(&mut head).unwrap();
    let mut bytes = vec![0; i32::from_be_bytes(head) as usize];
    stream.read_exact(&mut bytes).unwrap();
    bytes
}

/// Bytes that differ at every position that could be mixed up.
pub fn pattern(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    (0..length)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as u8
        })
        .collect()
}

/// Writes all of it from a thread of its own, so that the server can be driven meanwhile.
pub fn write_aside(stream: &TcpStream, bytes: Vec<u8>) -> std::thread::JoinHandle<()> {
    let mut stream = stream.try_clone().unwrap();
    std::thread::spawn(move || stream.write_all(&bytes).unwrap())
}

/// Open descriptors of this process.
pub fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}
