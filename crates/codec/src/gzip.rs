//! Gzip, one member or several in a row, as java.util.zip writes and reads it.

use std::io::Read;

use flate2::Compression;
use flate2::bufread::{GzEncoder, MultiGzDecoder};

use crate::{CodecError, sink};

const NAME: &str = "gzip";
const LEVEL_DEFAULT: i32 = 6;
const DAMAGED: CodecError =
    CodecError::Corrupt { codec: NAME, reason: "not whole gzip members with fitting checksums" };

pub(crate) fn inflate(bytes: &[u8], limit: usize, out: &mut Vec<u8>) -> Result<(), CodecError> {
    sink::drain(MultiGzDecoder::new(bytes), bytes.len(), limit, out, DAMAGED)
}

pub(crate) fn deflate(bytes: &[u8], level: Option<i32>, out: &mut Vec<u8>) -> Result<(), CodecError> {
    let level = level.unwrap_or(LEVEL_DEFAULT);
    let known = u32::try_from(level).ok().filter(|level| *level <= 9);
    let known = known.ok_or(CodecError::Level { codec: NAME, level })?;
    GzEncoder::new(bytes, Compression::new(known)).read_to_end(out).map_err(|_| CodecError::Memory)?;
    Ok(())
}
