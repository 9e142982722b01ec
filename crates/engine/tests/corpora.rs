//! Every fuzzed decoder over its seeds and mutated copies of them: 200,000 in all, from one seed.
//!
//! `MILLRACE_MUTATIONS=n` runs n of them, `MILLRACE_SEED=n` others.

#[path = "../../../fuzz/targets/mod.rs"]
mod targets;

use millrace_io::sim::Random;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// How many of 100 mutations each target gets: those that read whole files and directories take longer.
const SHARES: [(&str, u64); 10] = [
    ("journal_frame", 15),
    ("journal_file", 2),
    ("bulk_reference", 15),
    ("manifest", 15),
    ("segment_index", 15),
    ("shared_segment", 8),
    ("record_batch", 17),
    ("inflate", 10),
    ("dump", 2),
    ("whole_directory", 1),
];

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

/// A few changes of a seed: bits, bytes, numbers at their limits, cuts, repeats, bytes of another seed.
fn mutate(random: &mut Random, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = seeds[random.below(seeds.len() as u64) as usize].clone();
    for _ in 0..random.between(1, 4) {
        // Most of a file is padding: half of the changes hit its head.
        let reach = if random.coin() { bytes.len() } else { bytes.len().min(256) };
        let at = random.below(reach as u64) as usize;
        match random.below(8) {
            0 | 1 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
            2 if at < bytes.len() => bytes[at] = random.bits() as u8,
            3 | 4 => {
                let number = [0, 1, u64::MAX, 1 << 31, 1 << 63, 0xffff_ffff, random.bits()];
                let number = number[random.below(7) as usize].to_le_bytes();
                let width = [1, 2, 4, 8][random.below(4) as usize].min(bytes.len() - at);
                bytes[at..at + width].copy_from_slice(&number[..width]);
            }
            5 => bytes.truncate(at),
            6 => {
                let length = random.below(64).min((bytes.len() - at) as u64) as usize;
                let copy = bytes[at..at + length].to_vec();
                bytes.splice(at..at, copy);
            }
            _ => {
                let other = &seeds[random.below(seeds.len() as u64) as usize];
                let end = (at + random.below(64) as usize).min(other.len()).min(bytes.len());
                if at < end {
                    bytes[at..end].copy_from_slice(&other[at..end]);
                }
            }
        }
    }
    bytes
}

fn run(name: &str, target: targets::Target, bytes: &[u8], which: &str) {
    if catch_unwind(AssertUnwindSafe(|| target(bytes))).is_err() {
        let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.crash"));
        std::fs::write(&path, bytes).expect("written");
        panic!("{name}, {which}: the input lies in {}", path.display());
    }
}

#[test]
fn no_decoder_panics_on_mutated_files() {
    let (seed, mutations) = (setting("MILLRACE_SEED", 1), setting("MILLRACE_MUTATIONS", 200_000));
    assert_eq!(SHARES.iter().map(|(_, share)| share).sum::<u64>(), 100);
    for ((name, target), (same, share)) in targets::ALL.into_iter().zip(SHARES) {
        assert_eq!(name, same, "every target has its share");
        let seeds = targets::seeds::of(name);
        assert!(!seeds.is_empty(), "{name} has seeds");
        for (number, bytes) in seeds.iter().enumerate() {
            run(name, target, bytes, &format!("seed {number}"));
        }
        let mut random = Random::new(seed);
        let begun = std::time::Instant::now();
        for number in 0..mutations * share / 100 {
            let bytes = mutate(&mut random, &seeds);
            run(name, target, &bytes, &format!("MILLRACE_SEED={seed}, mutation {number}"));
        }
        println!(
            "{name}: {} seeds, {} mutations, {:?}",
            seeds.len(),
            mutations * share / 100,
            begun.elapsed()
        );
    }
}
