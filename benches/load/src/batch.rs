//! One Kafka record batch (magic 2) of equal records, encoded once.
//!
//! ```text
//!  0 base offset i64 | 8 length i32 | 12 leader epoch i32 | 16 magic i8 | 17 CRC-32C u32 over all that follows
//! 21 attributes i16 | 23 last offset delta i32 | 27 base timestamp i64 | 35 max timestamp i64
//! 43 producer id i64 | 51 producer epoch i16 | 53 base sequence i32 | 57 record count i32 | 61 records
//! ```

use std::time::{SystemTime, UNIX_EPOCH};

use crc_fast::CrcAlgorithm::Crc32Iscsi;
use millrace_codec::Codec;
use millrace_load::LoadError;

const MAGIC: u8 = 2;
const LENGTH_POSITION: usize = 8;
const CRC_POSITION: usize = 17;
const ATTRIBUTES_POSITION: usize = 21;
/// Base offset and length are not counted by the length field.
const LENGTH_BASE: usize = 12;

/// A batch of `records` records with values of `size` bytes that do not compress, stamped now.
pub fn encode(records: u32, size: usize, codec: Codec) -> Result<Vec<u8>, LoadError> {
    let mut plain = Vec::new();
    let mut noise = Noise(0x9E37_79B9_7F4A_7C15);
    for delta in 0..records {
        record(delta, size, &mut noise, &mut plain);
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64);
    let last_delta = i32::try_from(records.saturating_sub(1)).unwrap_or(i32::MAX);

    let mut batch = Vec::with_capacity(plain.len() + 61);
    batch.extend_from_slice(&0_i64.to_be_bytes());
    batch.extend_from_slice(&[0; 4]);
    batch.extend_from_slice(&(-1_i32).to_be_bytes());
    batch.push(MAGIC);
    batch.extend_from_slice(&[0; 4]);
    batch.extend_from_slice(&i16::from(codec.id()).to_be_bytes());
    batch.extend_from_slice(&last_delta.to_be_bytes());
    batch.extend_from_slice(&now.to_be_bytes());
    batch.extend_from_slice(&now.to_be_bytes());
    batch.extend_from_slice(&(-1_i64).to_be_bytes());
    batch.extend_from_slice(&(-1_i16).to_be_bytes());
    batch.extend_from_slice(&(-1_i32).to_be_bytes());
    batch.extend_from_slice(&(last_delta + 1).to_be_bytes());
    millrace_codec::deflate(codec.id(), &plain, None, &mut batch)
        .map_err(|error| LoadError::Usage(error.to_string()))?;

    let length = u32::try_from(batch.len() - LENGTH_BASE)
        .map_err(|_| LoadError::Usage("the batch is longer than the protocol allows".into()))?;
    batch[LENGTH_POSITION..LENGTH_BASE].copy_from_slice(&length.to_be_bytes());
    let crc = crc_fast::checksum(Crc32Iscsi, &batch[ATTRIBUTES_POSITION..]) as u32;
    batch[CRC_POSITION..ATTRIBUTES_POSITION].copy_from_slice(&crc.to_be_bytes());
    Ok(batch)
}

/// length varint | attributes i8 | timestamp delta | offset delta | key length -1 | value length | value | 0 headers
fn record(delta: u32, size: usize, noise: &mut Noise, out: &mut Vec<u8>) {
    let mut body = vec![0];
    varint(0, &mut body);
    varint(i64::from(delta), &mut body);
    varint(-1, &mut body);
    varint(size as i64, &mut body);
    noise.fill(size, &mut body);
    varint(0, &mut body);
    varint(body.len() as i64, out);
    out.extend_from_slice(&body);
}

/// Zigzag, seven bits a byte, lowest first.
fn varint(value: i64, out: &mut Vec<u8>) {
    let mut rest = ((value << 1) ^ (value >> 63)) as u64;
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

/// Bytes that no codec can shorten, the same in every run (xorshift64*).
struct Noise(u64);

impl Noise {
    fn fill(&mut self, count: usize, out: &mut Vec<u8>) {
        for _ in 0..count {
            self.0 ^= self.0 >> 12;
            self.0 ^= self.0 << 25;
            self.0 ^= self.0 >> 27;
            out.push((self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 56) as u8);
        }
    }
}
