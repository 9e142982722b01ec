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
