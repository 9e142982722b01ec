//! Snappy in its two Kafka dresses: one raw block (librdkafka, Go), or Xerial's framing of many (Java).
//!
//! ```text
//! Xerial:  82 'S' 'N' 'A' 'P' 'P' 'Y' 00 | version u32 | compatible u32 | { length u32 | raw block } ...
//! ```
//!
//! All integers are big endian; a writer that was flushed in between may repeat the header where a length is expected.
//! Remember: a raw block claims its own length. The claim is believed only as far as the block's bytes can carry it.

use snap::raw::{Decoder, Encoder, decompress_len, max_compress_len};

use crate::{CodecError, sink};

const NAME: &str = "snappy";
const DAMAGED: CodecError = CodecError::Corrupt { codec: NAME, reason: "block does not decode" };
const CUT: CodecError = CodecError::Corrupt { codec: NAME, reason: "cut short" };

const MAGIC: [u8; 8] = *b"\x82SNAPPY\0";
const VERSION: u32 = 1;
const HEADER_LENGTH: usize = 16;
const WORD_LENGTH: usize = 4;
/// The first bytes of the magic, where a block length is expected, announce a repeated header.
const MAGIC_WORD: u32 = u32::from_be_bytes([MAGIC[0], MAGIC[1], MAGIC[2], MAGIC[3]]);
/// What the Java client frames.
const BLOCK_SIZE: usize = 32 * 1024;
/// The densest element, a copy with a two-byte offset, makes 64 bytes out of 3.
const EXPANSION_MAX: usize = 22;

pub(crate) fn inflate(bytes: &[u8], limit: usize, out: &mut Vec<u8>) -> Result<(), CodecError> {
    let start = out.len();
    if !bytes.starts_with(&MAGIC) {
        return inflate_block(bytes, start, limit, out);
    }
    let mut rest = bytes.get(HEADER_LENGTH..).ok_or(CUT)?;
    while !rest.is_empty() {
        let (word, after) = rest.split_first_chunk::<WORD_LENGTH>().ok_or(CUT)?;
        let word = u32::from_be_bytes(*word);
        if word == MAGIC_WORD {
            rest = rest.get(HEADER_LENGTH..).ok_or(CUT)?;
            continue;
        }
        let (block, after) = after.split_at_checked(word as usize).ok_or(CUT)?;
        inflate_block(block, start, limit, out)?;
        rest = after;
    }
    Ok(())
}

/// Appends one raw block; `out[start..]` is what this call's stream has made so far and counts against the limit.
fn inflate_block(block: &[u8], start: usize, limit: usize, out: &mut Vec<u8>) -> Result<(), CodecError> {
    let claimed = decompress_len(block).map_err(|_| DAMAGED)?;
    if claimed > block.len().saturating_mul(EXPANSION_MAX) {
        return Err(DAMAGED);
    }
    let produced = out.len() - start;
    if claimed > limit - produced {
        return Err(CodecError::LimitExceeded { limit });
    }
    let made = Decoder::new().decompress(block, sink::grow(out, claimed)?).map_err(|_| DAMAGED)?;
    assert_eq!(made, claimed, "the decoder checks a block's claimed length itself");
    Ok(())
}

pub(crate) fn deflate(bytes: &[u8], out: &mut Vec<u8>) -> Result<(), CodecError> {
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&VERSION.to_be_bytes());
    out.extend_from_slice(&VERSION.to_be_bytes());
    let mut encoder = Encoder::new();
    for block in bytes.chunks(BLOCK_SIZE) {
        let position = out.len();
        let room = sink::grow(out, WORD_LENGTH + max_compress_len(block.len()))?;
        let made = encoder.compress(block, &mut room[WORD_LENGTH..]).map_err(|_| CodecError::Memory)?;
        let length = u32::try_from(made).expect("a 32 KiB block compresses to far less than 4 GiB");
        room[..WORD_LENGTH].copy_from_slice(&length.to_be_bytes());
        out.truncate(position + WORD_LENGTH + made);
    }
    Ok(())
}
