//! The compressions of record batches, both ways, over 64 KiB of text.

use crate::data::text;
use criterion::{Criterion, Throughput};
use millrace_codec::{Codec, deflate, inflate};
use std::hint::black_box;

const BYTES: usize = 65_536;

/// Each codec but "none", deflating and inflating.
pub fn works(criterion: &mut Criterion) {
    let plain = text(BYTES);
    let mut group = criterion.benchmark_group("codec");
    group.throughput(Throughput::Bytes(BYTES as u64));
    for codec in Codec::ALL.into_iter().filter(|codec| *codec != Codec::None) {
        let id = codec.id();
        let mut packed = Vec::new();
        deflate(id, &plain, None, &mut packed).expect("text deflates");
        let mut out = Vec::with_capacity(2 * BYTES);
        group.bench_function(format!("{codec:?} deflates").to_lowercase(), |bencher| {
            bencher.iter(|| {
                out.clear();
                deflate(id, black_box(&plain), None, &mut out).expect("text deflates");
                assert_eq!(out.len(), packed.len());
            });
        });
        group.bench_function(format!("{codec:?} inflates").to_lowercase(), |bencher| {
            bencher.iter(|| {
                out.clear();
                inflate(id, black_box(&packed), BYTES, &mut out).expect("it was deflated above");
                assert_eq!(out.len(), BYTES);
            });
        });
    }
    group.finish();
}
