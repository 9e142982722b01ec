//! One LZ4 frame of independent blocks, with a valid header checksum: what Kafka reads, and what Kafka writes.
//!
//! Frames of linked blocks, dictionaries, the legacy format, several frames in a row and bytes behind the frame are
//! refused, although the LZ4 format knows them: a stored batch goes to Java clients as it came, and they cannot read it.
//! Remember: the frame's outline is walked before anything is inflated, since the decoder takes a frame cut between two
//! blocks for a whole one.

use std::io::Write;

use lz4_flex::frame::{BlockMode, BlockSize, FrameDecoder, FrameEncoder, FrameInfo};

use crate::{CodecError, sink};

const NAME: &str = "lz4";
const DAMAGED: CodecError = CodecError::Corrupt { codec: NAME, reason: "blocks or checksums do not fit" };

const MAGIC: [u8; 4] = 0x184D_2204_u32.to_le_bytes();
const FLAGS_POSITION: usize = 4;
/// Magic, flags, block descriptor, header checksum.
const HEADER_LENGTH: usize = 7;
const FLAG_INDEPENDENT: u8 = 1 << 5;
const FLAG_BLOCK_CHECKSUM: u8 = 1 << 4;
const FLAG_CONTENT_SIZE: u8 = 1 << 3;
const FLAG_CONTENT_CHECKSUM: u8 = 1 << 2;
const FLAG_DICTIONARY: u8 = 1;
const CONTENT_SIZE_LENGTH: usize = 8;
const WORD_LENGTH: usize = 4;
/// Set in a block's length when the block is stored uncompressed.
const BLOCK_PLAIN: u32 = 1 << 31;

pub(crate) fn inflate(bytes: &[u8], limit: usize, out: &mut Vec<u8>) -> Result<(), CodecError> {
    check_outline(bytes)?;
    sink::drain(FrameDecoder::new(bytes), bytes.len(), limit, out, DAMAGED)
}

/// Accepts exactly one whole frame of independent blocks.
fn check_outline(bytes: &[u8]) -> Result<(), CodecError> {
    if bytes.len() < HEADER_LENGTH || !bytes.starts_with(&MAGIC) {
        return Err(CodecError::Corrupt { codec: NAME, reason: "no frame header" });
    }
    let flags = bytes[FLAGS_POSITION];
    if flags & FLAG_INDEPENDENT == 0 {
        return Err(CodecError::Unsupported { codec: NAME, reason: "linked blocks" });
    }
    if flags & FLAG_DICTIONARY != 0 {
        return Err(CodecError::Unsupported { codec: NAME, reason: "dictionary" });
    }
    let size_length = if flags & FLAG_CONTENT_SIZE != 0 { CONTENT_SIZE_LENGTH } else { 0 };
    let block_tail = if flags & FLAG_BLOCK_CHECKSUM != 0 { WORD_LENGTH } else { 0 };
    let frame_tail = if flags & FLAG_CONTENT_CHECKSUM != 0 { WORD_LENGTH } else { 0 };

    let mut rest = bytes.get(HEADER_LENGTH + size_length..).ok_or(DAMAGED)?;
    loop {
        let (word, after) = rest.split_first_chunk::<WORD_LENGTH>().ok_or(DAMAGED)?;
        let word = u32::from_le_bytes(*word);
        if word == 0 {
            let whole = after.len() == frame_tail;
            return if whole {
                Ok(())
            } else {
                Err(CodecError::Corrupt { codec: NAME, reason: "the frame does not end where the data ends" })
            };
        }
        let length = (word & !BLOCK_PLAIN) as usize;
        rest = after.get(length.saturating_add(block_tail)..).ok_or(DAMAGED)?;
    }
}

pub(crate) fn deflate(bytes: &[u8], out: &mut Vec<u8>) -> Result<(), CodecError> {
    let info = FrameInfo::new().block_mode(BlockMode::Independent).block_size(BlockSize::Max64KB);
    let mut encoder = FrameEncoder::with_frame_info(info, out);
    encoder.write_all(bytes).map_err(|_| CodecError::Memory)?;
    encoder.finish().map_err(|_| CodecError::Memory)?;
    Ok(())
}
