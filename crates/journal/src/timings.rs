//! How long flushes took and how large group commits were, as histograms.
//!
//! What it is not: percentiles or names; those are made above. The clock is the caller's.
//!
//! The one invariant: a value is counted in the bucket whose upper bound is the first that is not below it, and every
//! power of two is such a bound.

/// Buckets to an octave, as a power of two.
const SPLIT_BITS: u32 = 2;
/// Enough for every u64.
pub const BUCKETS: usize = 64 << SPLIT_BITS;

/// Counts of values, four buckets to an octave.
#[derive(Clone, Debug)]
pub struct Histogram {
    counts: Box<[u64; BUCKETS]>,
    sum: u64,
}

impl Default for Histogram {
    fn default() -> Histogram {
        Histogram { counts: Box::new([0; BUCKETS]), sum: 0 }
    }
}

impl Histogram {
    /// Counts a value.
    pub fn add(&mut self, value: u64) {
        self.counts[bucket(value)] += 1;
        self.sum = self.sum.wrapping_add(value);
    }

    /// The sum of all values.
    #[must_use]
    pub fn sum(&self) -> u64 {
        self.sum
    }

    /// Buckets that something was counted in, each with how many.
    pub fn counted(&self) -> impl Iterator<Item = (usize, u64)> + '_ {
        self.counts.iter().copied().enumerate().filter(|(_, count)| *count > 0)
    }
}

/// The bucket of a value: of `value - 1`, so that a power of two is the last value of its bucket.
fn bucket(value: u64) -> usize {
    let below = value.saturating_sub(1);
    if below < 1 << SPLIT_BITS {
        return usize::try_from(below).unwrap_or(0);
    }
    let octave = below.ilog2();
    let split = (below >> (octave - SPLIT_BITS)) & ((1 << SPLIT_BITS) - 1);
    let index = (u64::from(octave) << SPLIT_BITS) + split;
    usize::try_from(index).unwrap_or(BUCKETS - 1)
}

/// What a journal has measured since it was opened.
#[derive(Clone, Debug, Default)]
pub struct Timings {
    /// From handing over a flush, or a write that is durable by itself, to hearing that it is done: ns.
    pub flush_ns: Histogram,
    /// Frames of a group commit.
    pub commit_frames: Histogram,
    /// Bytes of a group commit as it was written.
    pub commit_bytes: Histogram,
}

#[cfg(test)]
mod tests {
    use super::{BUCKETS, Histogram, bucket};

    /// The largest value of a bucket, as ts/io/timings.ts has it.
    fn upper(index: usize) -> u64 {
        let index = index as u64;
        if index < 4 {
            return index + 1;
        }
        let (octave, split) = (index / 4, index % 4);
        (1_u64 << octave).saturating_add((split + 1) << (octave - 2))
    }

    #[test]
    fn a_value_lies_in_the_first_bucket_that_reaches_it() {
        for value in (0..5000).chain([1 << 20, (1 << 20) + 1, 999_999_999, u64::MAX / 2, u64::MAX]) {
            let index = bucket(value);
            assert!(index < BUCKETS);
            assert!(value <= upper(index), "{value} in {index}");
            if index > 8 {
                assert!(value > upper(index - 1), "{value} in {index}");
            }
        }
    }

    #[test]
    fn every_power_of_two_is_the_last_value_of_its_bucket() {
        for power in 0..63 {
            let value = 1_u64 << power;
            assert_eq!(upper(bucket(value)), value);
            assert_ne!(bucket(value + 1), bucket(value));
        }
    }

    #[test]
    fn counts_and_sums() {
        let mut histogram = Histogram::default();
        for value in [0, 1, 3, 1000, 1000] {
            histogram.add(value);
        }
        assert_eq!(histogram.sum(), 2004);
        assert_eq!(histogram.counted().map(|(_, count)| count).sum::<u64>(), 5);
    }
}
