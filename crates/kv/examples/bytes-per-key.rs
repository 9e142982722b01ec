//! Memory of the keydir per key of 16 bytes: scattered inserts, and a load in order as a start from hints does it.
//!
//! `cargo run --release -p millrace-kv --example bytes-per-key -- [keys]`

use millrace_kv::keydir::{Builder, Keydir};
use millrace_kv::{Location, Settled};
use std::time::Instant;

fn settled(number: u64) -> Settled {
    let location = Location { slot: 3, position: number * 132, length: 132 };
    Settled { location, sequence: number + 1, expires_ms: 0 }
}

/// A key of 16 bytes; neighbours in number are far apart in order.
fn scattered(number: u64) -> [u8; 16] {
    let mut mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^= mixed >> 32;
    let mut key = [0; 16];
    key[..8].copy_from_slice(&mixed.to_be_bytes());
    key[8..].copy_from_slice(&number.to_be_bytes());
    key
}

/// Resident bytes of this process.
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: Option<u64> = statm.split(' ').nth(1).and_then(|pages| pages.parse().ok());
    pages.unwrap_or(0) * 4096
}

fn report(what: &str, keys: u64, keydir: &Keydir, before: u64, begun: Instant) {
    let (own, grown) = (keydir.memory() / keys, resident().saturating_sub(before) / keys);
    let rate = keys as f64 / begun.elapsed().as_secs_f64() / 1e6;
    println!("{what}: {own} bytes a key counted, {grown} resident, {rate:.2} M keys/s");
}

fn main() {
    let keys: u64 = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(1_000_000);
    let (before, begun) = (resident(), Instant::now());
    let mut keydir = Keydir::default();
    for number in 0..keys {
        keydir.set(&scattered(number), &settled(number));
    }
    report("scattered inserts", keys, &keydir, before, begun);
    let begun = Instant::now();
    let found = (0..keys).filter(|number| keydir.get(&scattered(*number)) == Some(settled(*number))).count();
    println!("gets: {:.2} M/s, {found} found", keys as f64 / begun.elapsed().as_secs_f64() / 1e6);
    let begun = Instant::now();
    let everything = (std::ops::Bound::Unbounded, std::ops::Bound::Unbounded);
    let count = keydir.range(everything).count();
    println!("scan: {:.2} M/s, {count} keys", keys as f64 / begun.elapsed().as_secs_f64() / 1e6);
    drop(keydir);
    let (before, begun) = (resident(), Instant::now());
    let mut builder = Builder::default();
    for number in 0..keys {
        let mut key = [0; 16];
        key[..8].copy_from_slice(&number.to_be_bytes());
        builder.push(&key, &settled(number));
    }
    report("a load in order", keys, &builder.finish(), before, begun);
}
