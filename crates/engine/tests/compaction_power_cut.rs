//! Simulated power cuts in the middle of compaction: after every start readers find the newest committed record of every
//! key, where it was, and nothing that was aborted; producers go on where they were.
//!
//! `MILLRACE_CUTS` sets how many power cuts, `MILLRACE_SEED` the first seed.

#[path = "../../log/tests/support/batches.rs"]
mod batches;
#[path = "support/compaction/mod.rs"]
mod compaction;

use compaction::run_many;

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

#[test]
fn a_cut_in_the_middle_of_compaction_leaves_the_newest_record_of_every_key() {
    let tally = match run_many(number("MILLRACE_SEED", 1), number("MILLRACE_CUTS", 500)) {
        Ok(tally) => tally,
        Err((seed, violation)) => panic!(
            "{violation}\nreplay: MILLRACE_SEED={seed} MILLRACE_CUTS=1 cargo test -p millrace-engine --test compaction_power_cut"
        ),
    };
    println!("{tally:?}");
    assert!(tally.passes > 100 && tally.cuts_in_compaction > 50, "{tally:?}");
    assert!(tally.bytes_after < tally.bytes_before && tally.aborted > 100, "{tally:?}");
    assert!(tally.unnamed > 0 && tally.compacted_ends > 0, "{tally:?}");
    assert!(tally.closed > 10 && tally.cuts_in_recovery > 0 && tally.duplicates > 0, "{tally:?}");
}
