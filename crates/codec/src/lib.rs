//! The four compressions of Kafka record batches: bounded inflate, and deflate for our own clients.
//!
//! Not here: record batches, their headers and their checksums (crates/log); any policy about sizes.
//! Remember: the input is hostile. Output grows only with bytes really produced, never with a size the input claims,
//! and never beyond the caller's limit.

mod error;
mod gzip;
mod lz4;
mod sink;
mod snappy;
mod zstandard;

pub use error::CodecError;

/// A compression by Kafka's id, bits 0 to 2 of a record batch's attributes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Codec {
    None = 0,
    Gzip = 1,
    Snappy = 2,
    Lz4 = 3,
    Zstd = 4,
}

impl Codec {
    /// All of them, in the order of their ids.
    pub const ALL: [Codec; 5] = [Codec::None, Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd];

    /// The codec with this id; ids 5 to 255 are `UnknownCodec`.
    pub fn from_id(id: u8) -> Result<Codec, CodecError> {
        Codec::ALL.get(usize::from(id)).copied().ok_or(CodecError::UnknownCodec(id))
    }

    /// Kafka's id, 0 to 4.
    pub fn id(self) -> u8 {
        self as u8
    }
}

/// Appends what `bytes` inflates to, at most `limit` bytes, to `out`.
///
/// `codec` is a Kafka id (0 to 4). The whole of `bytes` must belong to the stream: what follows its end is refused, as
/// are a stream that stops short and LZ4 frames of linked blocks, which Kafka refuses too. On an error `out` is as it
/// was before the call. Memory in use beyond `out` is bounded by the codec's window (at most 128 MiB for zstd at
/// level 22, reserved but untouched where less is produced), whatever the input claims.
pub fn inflate(codec: u8, bytes: &[u8], limit: usize, out: &mut Vec<u8>) -> Result<(), CodecError> {
    let codec = Codec::from_id(codec)?;
    let start = out.len();
    let result = match codec {
        Codec::None => sink::append(bytes, limit, out),
        Codec::Gzip => gzip::inflate(bytes, limit, out),
        Codec::Snappy => snappy::inflate(bytes, limit, out),
        Codec::Lz4 => lz4::inflate(bytes, limit, out),
        Codec::Zstd => zstandard::inflate(bytes, limit, out),
    };
    if result.is_err() {
        out.truncate(start);
    }
    result
}

/// Appends the compressed form of `bytes`, as the Java client writes it, to `out`.
///
/// `level` is the codec's own (gzip 0 to 9, default 6; zstd -131072 to 22, default 3); `None`, Snappy and LZ4 have none
/// and ignore it. On an error `out` is as it was before the call.
pub fn deflate(codec: u8, bytes: &[u8], level: Option<i32>, out: &mut Vec<u8>) -> Result<(), CodecError> {
    let codec = Codec::from_id(codec)?;
    let start = out.len();
    let result = match codec {
        Codec::None => sink::append(bytes, usize::MAX, out),
        Codec::Gzip => gzip::deflate(bytes, level, out),
        Codec::Snappy => snappy::deflate(bytes, out),
        Codec::Lz4 => lz4::deflate(bytes, out),
        Codec::Zstd => zstandard::deflate(bytes, level, out),
    };
    if result.is_err() {
        out.truncate(start);
    }
    result
}
