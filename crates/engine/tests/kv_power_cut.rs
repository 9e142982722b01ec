//! Simulated power cuts over the lives of stores: batches come back whole, nothing durable is lost, deleted keys stay
//! deleted through settles and merges of any combination of files, whether hints are whole or not.
//!
//! `MILLRACE_CUTS` sets how many power cuts, `MILLRACE_SEED` the first seed.

#[path = "support/kv/mod.rs"]
mod kv;

use kv::cuts::{Tally, run_many};

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

fn many(first: u64, spoils_hints: bool) -> Tally {
    let first = number("MILLRACE_SEED", first);
    match run_many(first, number("MILLRACE_CUTS", 600), spoils_hints) {
        Ok(tally) => tally,
        Err((seed, violation)) => panic!(
            "{violation}\nreplay: MILLRACE_SEED={seed} MILLRACE_CUTS=1 cargo test -p millrace-engine --test kv_power_cut"
        ),
    }
}

#[test]
fn stores_come_back_as_they_were_after_some_whole_frame() {
    let tally = many(1, false);
    println!("{tally:?}");
    assert!(tally.settles > 100 && tally.merges > 20 && tally.cuts_in_recovery > 0, "{tally:?}");
    assert!(tally.large_bytes > 1 << 20 && tally.moved_bytes > 1 << 19, "{tally:?}");
}

#[test]
fn stores_come_back_the_same_when_hints_are_damaged() {
    let tally = many(1_000_000, true);
    println!("{tally:?}");
    assert!(tally.settles > 100 && tally.merges > 20, "{tally:?}");
}
