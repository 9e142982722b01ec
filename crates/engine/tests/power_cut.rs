//! Simulated power cuts and kills through the whole engine: policies and levels lose exactly what DESIGN section 3
//! allows, what comes back is a prefix, and recovery may itself be cut.
//!
//! `MILLRACE_CUTS` sets how many power cuts, `MILLRACE_SEED` the first seed. A violation prints the command that
//! replays it.

#[path = "support/crash/mod.rs"]
mod crash;

use crash::{Plan, Plant};

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// Seeds with which longer runs have found something: the account counted frames that an earlier opening had lost
/// already (twice); the model took for lost what a failed flush had left in the page cache.
const FOUND: [u64; 3] = [4_771, 2_496, 5_910];

#[test]
fn seeds_that_have_found_something_once_find_nothing_any_more() {
    for seed in FOUND {
        if let Err(violation) = crash::run(seed, Plant::Nothing) {
            panic!("seed {seed}: {violation}");
        }
    }
}

/// Runs on as many threads as there are processors, each with seeds of its own.
#[test]
fn power_cuts_lose_only_what_the_policy_allows() {
    let first = number("MILLRACE_SEED", 1);
    let cuts = number("MILLRACE_CUTS", 20_000);
    let threads = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    let runs: Vec<_> = (0..threads)
        .map(|thread| {
            let first = first + thread * 1_000_000;
            let share = cuts.div_ceil(threads);
            std::thread::spawn(move || crash::run_many(first, share, Plant::Nothing))
        })
        .collect();
    let mut tally = crash::Tally::default();
    for run in runs {
        match run.join().expect("a run ends with a verdict") {
            Ok((part, _)) => tally.add(&part),
            Err((seed, violation)) => {
                let plan = Plan::draw(seed, Plant::Nothing);
                let command = format!(
                    "MILLRACE_SEED={seed} MILLRACE_CUTS=1 cargo test -p millrace-engine --test power_cut"
                );
                panic!("seed {seed}: {violation}\n{plan}\nreplay: {command}");
            }
        }
    }
    println!("{tally:?}");
    assert!(tally.cuts >= cuts && tally.settles > 0 && tally.cuts_in_recovery > 0, "{tally:?}");
    assert!(tally.bulk_bytes > 0 && tally.retentions > 0 && tally.frames_cut > 0, "{tally:?}");
    assert!(tally.joins > 100 && tally.cuts_in_joins > 10, "{tally:?}");
}
