//! Bounded output: moves bytes from a decoder to a vector until the decoder ends or the limit is passed.
//!
//! Not here: anything about a format. Remember: room is made in steps tied to bytes received or already produced.

use std::io::Read;

use crate::CodecError;

const STEP_MIN: usize = 4 * 1024;
const STEP_MAX: usize = 256 * 1024;

/// Makes room for `count` more bytes, all zero, and returns them.
pub(crate) fn grow(out: &mut Vec<u8>, count: usize) -> Result<&mut [u8], CodecError> {
    let start = out.len();
    out.try_reserve(count).map_err(|_| CodecError::Memory)?;
    out.resize(start + count, 0);
    Ok(&mut out[start..])
}

/// Appends `bytes` themselves.
pub(crate) fn append(bytes: &[u8], limit: usize, out: &mut Vec<u8>) -> Result<(), CodecError> {
    if bytes.len() > limit {
        return Err(CodecError::LimitExceeded { limit });
    }
    out.try_reserve(bytes.len()).map_err(|_| CodecError::Memory)?;
    out.extend_from_slice(bytes);
    Ok(())
}

/// Reads `decoder` to its end. `received` is the length of the compressed input: the first step's size.
///
/// One byte more than the limit is asked for: "exactly the limit" and "more" cannot be told apart otherwise.
pub(crate) fn drain(
    mut decoder: impl Read,
    received: usize,
    limit: usize,
    out: &mut Vec<u8>,
    damaged: CodecError,
) -> Result<(), CodecError> {
    let start = out.len();
    let mut step = received.saturating_mul(2).clamp(STEP_MIN, STEP_MAX);
    loop {
        let produced = out.len() - start;
        let wanted = step.min((limit - produced).saturating_add(1));
        let read = decoder.read(grow(out, wanted)?).map_err(|_| damaged)?;
        out.truncate(start + produced + read);
        if read == 0 {
            return Ok(());
        }
        if produced + read > limit {
            return Err(CodecError::LimitExceeded { limit });
        }
        step = (produced + read).clamp(STEP_MIN, STEP_MAX);
    }
}
