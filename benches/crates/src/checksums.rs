//! CRC-32C, which every frame, batch and record is checked by.

use crate::data::text;
use criterion::{BenchmarkId, Criterion, Throughput};
use std::hint::black_box;

/// The checksum of pieces from a small record to a large batch.
pub fn works(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("crc32c");
    for bytes in [128, 4096, 262_144] {
        let data = text(bytes);
        let expected = millrace_log::batch::crc32c(&data);
        group.throughput(Throughput::Bytes(bytes as u64));
        group.bench_with_input(BenchmarkId::from_parameter(bytes), &data, |bencher, data| {
            bencher.iter(|| assert_eq!(millrace_journal::crc32c(black_box(data)), expected));
        });
    }
    group.finish();
}
