//! Record batches as a broker meets them: checked when they arrive, and verified when they are read.

use crate::data::text;
use criterion::{Criterion, Throughput};
use millrace_codec::{Codec, deflate};
use millrace_log::batch::{CHECKED_FROM, Rules, check, crc32c, verify};
use std::hint::black_box;

const RECORDS: usize = 100;
const VALUE: usize = 100;

fn varint(out: &mut Vec<u8>, value: i64) {
    let mut raw = ((value << 1) ^ (value >> 63)) as u64;
    while raw >= 0x80 {
        out.push(raw as u8 | 0x80);
        raw >>= 7;
    }
    out.push(raw as u8);
}

/// The records of a batch, uncompressed: no keys, no headers, a millisecond apart.
fn records() -> Vec<u8> {
    let values = text(RECORDS * VALUE);
    let mut section = Vec::new();
    for (index, value) in values.chunks(VALUE).enumerate() {
        let mut body = vec![0];
        for field in [index as i64, index as i64, -1, VALUE as i64] {
            varint(&mut body, field);
        }
        body.extend_from_slice(value);
        varint(&mut body, 0);
        varint(&mut section, body.len() as i64);
        section.extend_from_slice(&body);
    }
    section
}

/// A batch of a hundred records of 100 bytes, as a client sends it.
fn batch(codec: Codec) -> Vec<u8> {
    let mut section = Vec::new();
    deflate(codec.id(), &records(), None, &mut section).expect("records deflate");
    let mut body = Vec::new();
    body.extend_from_slice(&i16::from(codec.id()).to_be_bytes());
    body.extend_from_slice(&(RECORDS as i32 - 1).to_be_bytes());
    body.extend_from_slice(&1_000_i64.to_be_bytes());
    body.extend_from_slice(&(1_000 + RECORDS as i64 - 1).to_be_bytes());
    body.extend_from_slice(&(-1_i64).to_be_bytes());
    body.extend_from_slice(&(-1_i16).to_be_bytes());
    body.extend_from_slice(&(-1_i32).to_be_bytes());
    body.extend_from_slice(&(RECORDS as i32).to_be_bytes());
    body.extend_from_slice(&section);
    let mut batch = vec![0; 8];
    batch.extend_from_slice(&(body.len() as i32 + 9).to_be_bytes());
    batch.extend_from_slice(&(-1_i32).to_be_bytes());
    batch.push(2);
    batch.extend_from_slice(&crc32c(&body).to_be_bytes());
    batch.extend_from_slice(&body);
    assert_eq!(batch.len() - body.len(), CHECKED_FROM);
    batch
}

/// Checking on arrival, plain and compressed, and verifying.
pub fn works(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("batch");
    group.throughput(Throughput::Elements(RECORDS as u64));
    let rules = Rules::default();
    for codec in [Codec::None, Codec::Lz4, Codec::Zstd] {
        let (batch, mut scratch) = (batch(codec), Vec::new());
        group.bench_function(format!("{RECORDS} records are checked, {codec:?}").to_lowercase(), |bencher| {
            bencher.iter(|| {
                let checked = check(black_box(&batch), &rules, &mut scratch).expect("the batch is whole");
                assert_eq!(checked.header.count as usize, RECORDS);
            });
        });
    }
    let batch = batch(Codec::None);
    group.bench_function(format!("{RECORDS} records are verified"), |bencher| {
        bencher.iter(|| {
            let header = verify(black_box(&batch)).expect("the batch is whole");
            assert_eq!(header.count as usize, RECORDS);
        });
    });
    group.finish();
}
