//! One non-blocking connection under load: keeps a fixed number of requests outstanding.
//!
//! Not here: when to look at it (load.rs). Remember: there is one prepared head per request in flight, so a head is only
//! changed after the answer to its last use has come, and the rest of a request is shared by all connections, unchanged.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::TcpStream;
use std::time::Instant;

use millrace_load::LoadError;
use millrace_load::measure::Tally;

use crate::cutter::{Cutter, Reading};
use crate::wire::Request;

/// Slices one write offers at most.
const SLICES: usize = 64;

/// A reading that also says what the next request asks for.
pub trait Work: Reading + Send {
    /// Changes what differs from request to request; the correlation id is set already.
    fn prepare(&mut self, _request: &mut Request) {}
}

/// One connection and what it does.
pub struct Channel<'a, W> {
    pub stream: TcpStream,
    work: W,
    heads: Vec<Request>,
    rest: &'a [u8],
    cutter: Cutter,
    /// When each request that has no answer yet was handed to the socket, oldest first.
    outstanding: VecDeque<Instant>,
    /// Requests handed over so far.
    sent: usize,
    /// Requests that the socket has taken in full.
    taken: usize,
    /// Bytes of the next one that the socket has taken.
    part: usize,
}

impl<'a, W: Work> Channel<'a, W> {
    /// A channel that sends `head` and `rest` and keeps `in_flight` of them outstanding.
    pub fn new(
        stream: TcpStream,
        work: W,
        head: &Request,
        rest: &'a [u8],
        in_flight: usize,
    ) -> Result<Channel<'a, W>, LoadError> {
        stream.set_nonblocking(true).map_err(LoadError::io("making a socket non-blocking"))?;
        Ok(Channel {
            stream,
            work,
            heads: vec![head.clone(); in_flight],
            rest,
            cutter: Cutter::new(),
            outstanding: VecDeque::with_capacity(in_flight),
            sent: 0,
            taken: 0,
            part: 0,
        })
    }

    /// No answer is missing.
    pub fn idle(&self) -> bool {
        self.outstanding.is_empty()
    }

    /// Reads what has arrived into `room` and counts the answers.
    pub fn receive(&mut self, room: &mut [u8], tally: &mut Tally) -> Result<(), LoadError> {
        loop {
            let count = match self.stream.read(room) {
                Ok(0) => return Err(LoadError::io("reading answers")(ErrorKind::UnexpectedEof.into())),
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(LoadError::io("reading answers")(error)),
            };
            let now = Instant::now();
            let mut unasked = false;
            let outstanding = &mut self.outstanding;
            self.cutter.take(&room[..count], &mut self.work, |worth| match outstanding.pop_front() {
                Some(sent) => tally.answered(sent, now, worth.records, worth.bytes),
                None => unasked = true,
            })?;
            if unasked {
                return Err(LoadError::Layout { api: W::API });
            }
            if count < room.len() {
                return Ok(());
            }
        }
    }

    /// Hands over requests until as many are outstanding as there may be, unless `last`, and writes what the socket takes.
    pub fn send(&mut self, last: bool) -> Result<(), LoadError> {
        if !last && self.outstanding.len() < self.heads.len() {
            let now = Instant::now();
            while self.outstanding.len() < self.heads.len() {
                let slot = self.sent % self.heads.len();
                let head = &mut self.heads[slot];
                head.number(self.sent as i32);
                self.work.prepare(head);
                self.outstanding.push_back(now);
                self.sent += 1;
            }
        }
        while self.taken < self.sent {
            match self.write() {
                Ok(true) => {}
                Ok(false) => return Ok(()),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(LoadError::io("sending requests")(error)),
            }
        }
        Ok(())
    }

    /// One write; false when the socket took less than it was offered.
    fn write(&mut self) -> io::Result<bool> {
        let mut slices = [IoSlice::new(&[]); SLICES];
        let (mut count, mut offered, mut begun) = (0, 0, self.part);
        for request in self.taken..self.sent.min(self.taken + SLICES / 2) {
            for bytes in [self.heads[request % self.heads.len()].bytes(), self.rest] {
                let unsent = &bytes[begun.min(bytes.len())..];
                begun -= bytes.len() - unsent.len();
                if !unsent.is_empty() {
                    slices[count] = IoSlice::new(unsent);
                    count += 1;
                    offered += unsent.len();
                }
            }
        }
        let written = match &slices[..count] {
            [whole] => self.stream.write(whole)?,
            several => self.stream.write_vectored(several)?,
        };
        self.part += written;
        while self.taken < self.sent {
            let length = self.heads[self.taken % self.heads.len()].bytes().len() + self.rest.len();
            if self.part < length {
                break;
            }
            self.part -= length;
            self.taken += 1;
        }
        Ok(written == offered)
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;
    use std::time::Duration;

    use millrace_load::measure::Stretch;

    use super::*;
    use crate::cutter::{Wanted, Worth};
    use crate::poller::Poller;

    const REST: usize = 3 << 20;
    const IN_FLIGHT: usize = 5;
    const REQUESTS: usize = 12;

    /// Answers of eight bytes: correlation id, four bytes that say nothing.
    struct Echo;

    impl Reading for Echo {
        const API: &'static str = "Echo";

        fn first(&self) -> usize {
            4
        }

        fn part(&mut self, _part: &[u8], _left: usize) -> Result<Wanted, LoadError> {
            Ok(Wanted::End(Worth { records: 1, bytes: 10 }))
        }
    }

    impl Work for Echo {}

    /// Reads requests until there are no more, checks each byte that matters, answers; returns how many there were.
    fn serve(listener: TcpListener, head: usize, rest: Vec<u8>) -> u32 {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = vec![0; head + rest.len()];
        for number in 0_u32.. {
            if let Err(error) = stream.read_exact(&mut request) {
                assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
                return number;
            }
            assert_eq!(request[..4], ((head + rest.len() - 4) as u32).to_be_bytes());
            assert_eq!(request[8..12], number.to_be_bytes());
            assert!(request[head..] == rest, "request {number} came whole");
            stream.write_all(&[[0, 0, 0, 8], number.to_be_bytes(), [0; 4]].concat()).unwrap();
        }
        unreachable!("the loop ends with the stream")
    }

    #[test]
    fn requests_larger_than_the_socket_takes_arrive_whole_in_order_and_each_answer_counts_once() {
        let rest: Vec<u8> = (0..REST).map(|at| (at % 251) as u8).collect();
        let head = Request::before(0, 0, REST, |_| ());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (length, copy) = (head.bytes().len(), rest.clone());
        let server = thread::spawn(move || serve(listener, length, copy));

        let mut channel = Channel::new(stream, Echo, &head, &rest, IN_FLIGHT).unwrap();
        let mut tally = Tally::new(Stretch::starting_now(Duration::ZERO, Duration::from_secs(60)));
        let (mut poller, mut room) = (Poller::new().unwrap(), vec![0; 11]);
        poller.add(&channel.stream, 7).unwrap();
        channel.send(false).unwrap();
        assert_eq!(channel.outstanding.len(), IN_FLIGHT);
        while !channel.idle() {
            for number in poller.wait(Duration::from_secs(20)).unwrap() {
                assert_eq!(number, 7);
                channel.receive(&mut room, &mut tally).unwrap();
                channel.send(channel.sent >= REQUESTS).unwrap();
            }
        }
        let sent = channel.sent;
        drop(channel);
        assert_eq!(server.join().unwrap() as usize, sent);
        assert!(tally.result(None).to_string().contains(&format!("\"requests\":{sent},")));
    }
}
