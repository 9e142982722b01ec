//! Zstandard frames, with and without the content size in their header.
//!
//! Remember: the size in a header is a claim. The decoder streams, and a window above 2^27 bytes (more than level 22
//! uses) is refused.

use zstd::stream::read::Decoder;

use crate::{CodecError, sink};

const NAME: &str = "zstd";
const LEVEL_DEFAULT: i32 = 3;
const WINDOW_LOG_MAX: u32 = 27;
const DAMAGED: CodecError = CodecError::Corrupt { codec: NAME, reason: "not whole zstd frames" };

pub(crate) fn inflate(bytes: &[u8], limit: usize, out: &mut Vec<u8>) -> Result<(), CodecError> {
    if bytes.is_empty() {
        return Err(DAMAGED);
    }
    let mut decoder = Decoder::with_buffer(bytes).map_err(|_| CodecError::Memory)?;
    decoder.window_log_max(WINDOW_LOG_MAX).map_err(|_| CodecError::Memory)?;
    sink::drain(decoder, bytes.len(), limit, out, DAMAGED)
}

pub(crate) fn deflate(bytes: &[u8], level: Option<i32>, out: &mut Vec<u8>) -> Result<(), CodecError> {
    let level = level.unwrap_or(LEVEL_DEFAULT);
    if !zstd::compression_level_range().contains(&level) {
        return Err(CodecError::Level { codec: NAME, level });
    }
    let frame = zstd::bulk::compress(bytes, level).map_err(|_| CodecError::Memory)?;
    sink::append(&frame, usize::MAX, out)
}
