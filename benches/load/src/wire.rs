//! Requests as prepared bytes, and a reader for the few fields of answers we look at.
//!
//! Not here: sockets. Remember: a request is encoded before the clock starts; afterwards only fields at known positions
//! change.

use millrace_load::LoadError;

/// Position of the correlation id in a request, counted from its length prefix.
const CORRELATION_POSITION: usize = 8;

/// A request prepared once; only the fields at known positions change afterwards.
#[derive(Clone)]
pub struct Request {
    bytes: Vec<u8>,
}

impl Request {
    /// Header version 1 (key, version, correlation id, client id), then the body that `fill` appends.
    pub fn prepare(api_key: i16, version: i16, fill: impl FnOnce(&mut Writer)) -> Request {
        Request::before(api_key, version, 0, fill)
    }

    /// As `prepare`; the last `rest` bytes of the request are kept elsewhere and sent behind these.
    pub fn before(api_key: i16, version: i16, rest: usize, fill: impl FnOnce(&mut Writer)) -> Request {
        let mut writer = Writer(Vec::new());
        writer.int32(0);
        writer.int16(api_key);
        writer.int16(version);
        writer.int32(0);
        writer.string("millrace-load");
        fill(&mut writer);
        let mut bytes = writer.0;
        let length =
            u32::try_from(bytes.len() - 4 + rest).expect("a prepared request is far shorter than 4 GiB");
        bytes[..4].copy_from_slice(&length.to_be_bytes());
        Request { bytes }
    }

    /// The bytes, length prefix first.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Sets the correlation id.
    pub fn number(&mut self, correlation: i32) {
        let position = CORRELATION_POSITION..CORRELATION_POSITION + 4;
        self.bytes[position].copy_from_slice(&correlation.to_be_bytes());
    }

    /// Overwrites the eight bytes that begin `before_end` bytes before the end.
    pub fn patch_int64(&mut self, before_end: usize, value: i64) {
        let position = self.bytes.len() - before_end;
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

    /// Bytes as they are.
    pub fn raw(&mut self, value: &[u8]) {
        self.0.extend_from_slice(value);
    }
}

/// Reads an answer front to back; running out of bytes is a layout error.
pub struct Reader<'a> {
    api: &'static str,
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// A reader of `bytes`, which belong to an answer of `api`.
    pub fn new(api: &'static str, bytes: &'a [u8]) -> Reader<'a> {
        Reader { api, rest: bytes }
    }

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

    /// For layouts that are wrong in ways the reader cannot see.
    pub fn misfit(&self) -> LoadError {
        LoadError::Layout { api: self.api }
    }
}
