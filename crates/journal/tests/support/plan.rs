//! What one seed decides: limits, requests, contents.
//!
//! What it is not: part of the disk; its faults have a seed of their own, derived from the same number.
//!
//! The one invariant: the same seed makes the same plan.

use super::model::Content;
use millrace_io::sim::Random;
use millrace_journal::{Config, Level, Policy, Request};

const KIB: u64 = 1 << 10;

/// Small limits, so that laps, rotations, full journals and commits of several slabs happen all the time.
#[allow(clippy::needless_update)] // with the feature `planted` there is one field more
pub fn config(random: &mut Random) -> Config {
    let file_bytes = (random.between(6, 32)) * 4 * KIB;
    Config {
        file_bytes,
        first_file_bytes: random.between(2, file_bytes / KIB / 4) * 4 * KIB,
        max_files: random.between(3, 6) as u32,
        slab_bytes: random.between(1, 16) as usize * 4096,
        max_commit_bytes: random.between(1, 16) * 4 * KIB,
        max_frame_bytes: random.between(8, file_bytes / KIB - 4) * KIB,
        max_waiting_bytes: random.between(4, 64) * 4 * KIB,
        idle_mark_ns: random.between(1, 20) * 1_000_000,
        retry_ns: 1_000_000,
        follow_records: random.below(4),
        ..Config::default()
    }
}

/// The kinds of requests of one run: few, so that losses add up against the same policy.
pub fn requests(random: &mut Random) -> Vec<Request> {
    (0..random.between(1, 4)).map(|_| request(random)).collect()
}

fn request(random: &mut Random) -> Request {
    let level = [Level::Memory, Level::Written, Level::Durable][random.below(3) as usize];
    let mut policy = Policy::OS;
    match random.below(6) {
        0 => policy.always = true,
        1 => policy.records = random.between(1, 40),
        2 => policy.bytes = random.between(1, 8000),
        3 => policy.interval_ns = random.between(1, 30) * 1_000_000,
        4 => (policy.records, policy.interval_ns) = (25, 9_000_000),
        _ => {}
    }
    Request { level, policy, records: random.between(1, 9) as u32 }
}

/// Random entries whose frame fits into `limit` bytes.
pub fn content(random: &mut Random, limit: u64) -> Content {
    let room = limit - 64;
    let count = random.between(1, 4);
    let most = match random.below(20) {
        0 => room / count,
        1..5 => 4000,
        _ => 300,
    };
    let most = most.min(room / count).saturating_sub(32);
    (0..count).map(|_| entry(random, most)).collect()
}

fn entry(random: &mut Random, most: u64) -> (u8, u8, u64, u64, Vec<u8>) {
    let length = random.between(0, most) as usize;
    let first = random.bits();
    // Unique bytes at both ends are enough to tell frames apart; the middle is cheap.
    let mut bytes = vec![first as u8; length];
    for (byte, value) in bytes.iter_mut().zip(first.to_le_bytes()) {
        *byte = value;
    }
    for (byte, value) in bytes.iter_mut().rev().zip(first.to_le_bytes()) {
        *byte = value;
    }
    (random.bits() as u8, random.bits() as u8, random.bits(), first, bytes)
}
