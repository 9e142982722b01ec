//! One blocking connection for what happens before the clock starts: one request, one answer.
//!
//! Not here: the load itself (channel.rs). Remember: an answer under another correlation id is an error.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use millrace_load::LoadError;

use crate::wire::{Reader, Request};

/// Nothing asked for here is long.
const ANSWER_MAX: usize = 16 << 20;
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// A TCP connection to a broker.
pub struct Connection {
    stream: TcpStream,
    correlation: i32,
    answer: Vec<u8>,
}

impl Connection {
    /// Connects to `host:port`, without delay of small segments.
    pub fn open(address: &str) -> Result<Connection, LoadError> {
        let stream = connect(address)?;
        stream.set_read_timeout(Some(ANSWER_TIMEOUT)).map_err(LoadError::io("setting the read timeout"))?;
        Ok(Connection { stream, correlation: 0, answer: Vec::new() })
    }

    /// Sends `request`, waits for its answer and returns a reader behind the correlation id.
    pub fn call(&mut self, api: &'static str, request: &mut Request) -> Result<Reader<'_>, LoadError> {
        self.correlation = self.correlation.wrapping_add(1);
        request.number(self.correlation);
        self.stream.write_all(request.bytes()).map_err(LoadError::io("sending a request"))?;
        let mut prefix = [0; 4];
        self.stream.read_exact(&mut prefix).map_err(LoadError::io("waiting for an answer"))?;
        let length = u32::from_be_bytes(prefix) as usize;
        if length > ANSWER_MAX {
            return Err(LoadError::Layout { api });
        }
        self.answer.resize(length, 0);
        self.stream.read_exact(&mut self.answer).map_err(LoadError::io("reading an answer"))?;
        let mut reader = Reader::new(api, &self.answer);
        if reader.int32()? != self.correlation {
            return Err(LoadError::Layout { api });
        }
        Ok(reader)
    }
}

/// Connects to `host:port`, without delay of small segments.
pub fn connect(address: &str) -> Result<TcpStream, LoadError> {
    let stream = TcpStream::connect(address).map_err(LoadError::io("connecting"))?;
    stream.set_nodelay(true).map_err(LoadError::io("setting TCP_NODELAY"))?;
    Ok(stream)
}
