//! One connection: requests as prepared bytes, answers as whole frames, and a reader for the few fields we look at.
//!
//! Not here: threads, clocks. Remember: answers come in request order, so a correlation id that is not the oldest
//! outstanding one is an error.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use millrace_load::LoadError;

/// Position of the correlation id in a request, counted from its length prefix.
const CORRELATION_POSITION: usize = 8;
/// Nothing here asks for more than 64 MiB at once.
const ANSWER_MAX: usize = 128 << 20;
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// A request prepared once; only the fields at known positions change afterwards.
pub struct Request {
    bytes: Vec<u8>,
}

impl Request {
    /// Header version 1 (key, version, correlation id, client id), then the body that `fill` appends.
    pub fn prepare(api_key: i16, version: i16, fill: impl FnOnce(&mut Writer)) -> Request {
        let mut writer = Writer(Vec::new());
        writer.int32(0);
        writer.int16(api_key);
        writer.int16(version);
        writer.int32(0);
        writer.string("millrace-load");
        fill(&mut writer);
        let mut bytes = writer.0;
        let length = u32::try_from(bytes.len() - 4).expect("a prepared request is far shorter than 4 GiB");
        bytes[..4].copy_from_slice(&length.to_be_bytes());
        Request { bytes }
    }

    /// Length with prefix: a position counted from the end stays valid while the body is filled.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Overwrites eight bytes at `position`.
    pub fn patch_int64(&mut self, position: usize, value: i64) {
        self.bytes[position..position + 8].copy_from_slice(&value.to_be_bytes());
    }
}

/// Big-endian fields of the non-flexible request versions.
pub struct Writer(Vec<u8>);

impl Writer {
    pub fn int8(&mut self, value: i8) {
        self.0.extend_from_slice(&value.to_be_bytes());
    }

    pub fn int16(&mut self, value: i16) {
        self.0.extend_from_slice(&value.to_be_bytes());
    }

    pub fn int32(&mut self, value: i32) {
        self.0.extend_from_slice(&value.to_be_bytes());
    }

    pub fn int64(&mut self, value: i64) {
        self.0.extend_from_slice(&value.to_be_bytes());
    }

    pub fn string(&mut self, value: &str) {
        self.int16(i16::try_from(value.len()).expect("names here are short"));
        self.0.extend_from_slice(value.as_bytes());
    }

    pub fn null_string(&mut self) {
        self.int16(-1);
    }

    /// Bytes with an int32 length before them.
    pub fn bytes(&mut self, value: &[u8]) {
        self.int32(i32::try_from(value.len()).expect("a batch here is far shorter than 2 GiB"));
        self.0.extend_from_slice(value);
    }
}

/// A TCP connection to a broker.
pub struct Connection {
    stream: TcpStream,
    sent: i32,
    received: i32,
    answer: Vec<u8>,
}

impl Connection {
    /// Connects to `host:port`, without delay of small segments.
    pub fn open(address: &str) -> Result<Connection, LoadError> {
        let stream = TcpStream::connect(address).map_err(LoadError::io("connecting"))?;
        stream.set_nodelay(true).map_err(LoadError::io("setting TCP_NODELAY"))?;
        stream.set_read_timeout(Some(ANSWER_TIMEOUT)).map_err(LoadError::io("setting the read timeout"))?;
        Ok(Connection { stream, sent: 0, received: 0, answer: Vec::new() })
    }

    /// Sends `request` under the next correlation id.
    pub fn send(&mut self, request: &mut Request) -> Result<(), LoadError> {
        let position = CORRELATION_POSITION..CORRELATION_POSITION + 4;
        request.bytes[position].copy_from_slice(&self.sent.to_be_bytes());
        self.sent = self.sent.wrapping_add(1);
        self.stream.write_all(&request.bytes).map_err(LoadError::io("sending a request"))
    }

    /// Waits for the next answer and returns a reader behind its correlation id.
    pub fn receive(&mut self, api: &'static str) -> Result<Reader<'_>, LoadError> {
        let mut prefix = [0; 4];
        self.stream.read_exact(&mut prefix).map_err(LoadError::io("waiting for an answer"))?;
        let length = u32::from_be_bytes(prefix) as usize;
        if length > ANSWER_MAX {
            return Err(LoadError::Layout { api });
        }
        if self.answer.len() < length {
            self.answer.resize(length, 0);
        }
        self.stream.read_exact(&mut self.answer[..length]).map_err(LoadError::io("reading an answer"))?;
        let mut reader = Reader { api, rest: &self.answer[..length] };
        if reader.int32()? != self.received {
            return Err(LoadError::Layout { api });
        }
        self.received = self.received.wrapping_add(1);
        Ok(reader)
    }

    /// One request, one answer.
    pub fn call(&mut self, api: &'static str, request: &mut Request) -> Result<Reader<'_>, LoadError> {
        self.send(request)?;
        self.receive(api)
    }
}

/// Reads an answer front to back; running out of bytes is a layout error.
pub struct Reader<'a> {
    api: &'static str,
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub fn take(&mut self, count: usize) -> Result<&'a [u8], LoadError> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(LoadError::Layout { api: self.api })?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], LoadError> {
        let (taken, rest) = self.rest.split_first_chunk::<N>().ok_or(LoadError::Layout { api: self.api })?;
        self.rest = rest;
        Ok(*taken)
    }

    pub fn int8(&mut self) -> Result<i8, LoadError> {
        self.array().map(i8::from_be_bytes)
    }

    pub fn int16(&mut self) -> Result<i16, LoadError> {
        self.array().map(i16::from_be_bytes)
    }

    pub fn int32(&mut self) -> Result<i32, LoadError> {
        self.array().map(i32::from_be_bytes)
    }

    pub fn int64(&mut self) -> Result<i64, LoadError> {
        self.array().map(i64::from_be_bytes)
    }

    /// A length or count; null (-1) is zero here.
    pub fn length(&mut self) -> Result<usize, LoadError> {
        Ok(usize::try_from(self.int32()?).unwrap_or(0))
    }

    /// Skips a string, null or not.
    pub fn skip_string(&mut self) -> Result<(), LoadError> {
        let length = usize::try_from(self.int16()?).unwrap_or(0);
        self.take(length).map(|_| ())
    }

    /// An error code that must be 0.
    pub fn no_error(&mut self) -> Result<(), LoadError> {
        match self.int16()? {
            0 => Ok(()),
            code => Err(LoadError::Refused { api: self.api, code }),
        }
    }

    /// What is left.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// For layouts that are wrong in ways the reader cannot see.
    pub fn misfit(&self) -> LoadError {
        LoadError::Layout { api: self.api }
    }
}
