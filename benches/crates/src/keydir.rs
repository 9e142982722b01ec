//! The keydir with 100,000 keys of 16 bytes: found, replaced, walked, loaded.

use crate::data::scattered_key;
use criterion::{Criterion, Throughput};
use millrace_kv::keydir::{Builder, Keydir};
use millrace_kv::{Location, Settled};
use std::hint::black_box;
use std::ops::Bound;

const KEYS: u64 = 100_000;

fn settled(number: u64) -> Settled {
    let location = Location { slot: 3, position: number * 132, length: 132 };
    Settled { location, sequence: number + 1, expires_ms: 0 }
}

/// A get and a set of one key at a time, a walk over all, and a load in order as a start does it.
pub fn works(criterion: &mut Criterion) {
    let mut keydir = Keydir::default();
    for number in 0..KEYS {
        keydir.set(&scattered_key(number), &settled(number));
    }
    let mut group = criterion.benchmark_group("keydir");
    let mut next = 0;
    group.bench_function("get", |bencher| {
        bencher.iter(|| {
            next = (next + 1) % KEYS;
            assert_eq!(keydir.get(black_box(&scattered_key(next))), Some(settled(next)));
        });
    });
    group.bench_function("set", |bencher| {
        bencher.iter(|| {
            next = (next + 1) % KEYS;
            assert!(keydir.set(black_box(&scattered_key(next)), &settled(next)).is_some());
        });
    });
    group.sample_size(20).throughput(Throughput::Elements(KEYS));
    group.bench_function("walk", |bencher| {
        bencher.iter(|| {
            let entries = keydir.range((Bound::Unbounded, Bound::Unbounded));
            assert_eq!(entries.count() as u64, KEYS);
        });
    });
    group.bench_function("load in order", |bencher| {
        bencher.iter(|| {
            let mut builder = Builder::default();
            for number in 0..KEYS {
                builder.push(&u128::from(number).to_be_bytes(), &settled(number));
            }
            assert_eq!(builder.finish().len(), KEYS);
        });
    });
    group.finish();
}
