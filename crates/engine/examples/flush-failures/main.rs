//! Flushes that fail below a real file system: nothing that was lost was acknowledged, and no flush is tried again.
//!
//!     cargo build --release -p millrace-engine --example flush-failures
//!     sudo target/release/examples/flush-failures --scenarios 20
//!
//! Each scenario makes a file system (ext4, XFS, btrfs: those whose maker is installed) on a loop device that lies on a device
//! of ours, lets a flush of that device fail and lose what it should have covered, and cuts the power once the engine has
//! told of it. Then the file system is mounted again and the directory opened. What it is not: a simulation; kernel, file
//! system and driver are the real ones. Needs root, FUSE and loop devices.

mod fuse;
mod scenario;
mod volume;

use scenario::{Scenario, Seen};
use std::process::ExitCode;
use volume::System;

fn number(name: &str, otherwise: u64) -> Result<u64, String> {
    let mut arguments = std::env::args().skip_while(|argument| argument != name);
    match (arguments.next(), arguments.next()) {
        (None, _) => Ok(otherwise),
        (Some(_), text) => {
            text.and_then(|text| text.parse().ok()).ok_or_else(|| format!("{name} takes a number"))
        }
    }
}

/// What scenarios came to.
#[derive(Debug, Default)]
struct Tally {
    scenarios: u64,
    /// The engine has met the failure and told of it.
    told: u64,
    /// The failed flush was none that the engine waited for.
    unmet: u64,
    /// The file system did not come back, and with it nothing.
    unmountable: u64,
    acknowledged: u64,
    flushes: u64,
    failed: u64,
}

impl Tally {
    fn add(&mut self, seen: &Seen) {
        self.scenarios += 1;
        self.told += u64::from(seen.told);
        self.unmet += u64::from(!seen.told);
        self.unmountable += u64::from(!seen.mountable);
        self.acknowledged += seen.acknowledged;
        self.flushes += seen.flushes;
        self.failed += seen.failed;
    }
}

fn run() -> Result<bool, String> {
    let (count, seed) = (number("--scenarios", 20)?, number("--seed", 1)?);
    let systems: Vec<System> = System::ALL.into_iter().filter(|system| system.is_here()).collect();
    if systems.is_empty() {
        return Err("no maker of file systems is installed".to_string());
    }
    let (mut tally, mut violations) = (Tally::default(), 0);
    for number in seed..seed + count {
        let scenario = Scenario::of(number, &systems);
        match scenario.run() {
            Ok(seen) => {
                println!("{number}: {scenario:?}: {seen:?}");
                tally.add(&seen);
            }
            Err(scenario::Failure::Violation(what)) => {
                violations += 1;
                println!("{number}: {scenario:?}: VIOLATION: {what}");
            }
            Err(scenario::Failure::Setting(error)) => return Err(format!("{scenario:?}: {error}")),
        }
    }
    let names: Vec<&str> = systems.iter().map(|system| system.name()).collect();
    println!("{tally:?}");
    println!(
        "{} scenarios on {}: {violations} false acknowledgements or retries; seeds {seed} to {}",
        tally.scenarios + violations,
        names.join(", "),
        seed + count - 1
    );
    Ok(violations == 0)
}

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}
