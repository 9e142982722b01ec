//! All sequences of up to three of ten operations, on a directory that has some of everything, with a power cut at every event:
//! what comes back is the state after some whole frame, and nothing that was durable is missing.
//!
//! `MILLRACE_SEQUENCES=all` takes all 1,110; without it, all of one operation and a part of the others. Both on a strict and on
//! a lenient device.

#[path = "support/kv/mod.rs"]
mod kv;
#[path = "support/sequences/mod.rs"]
mod sequences;
mod support;

use sequences::{Act, Base, Device, Tally, sequences as of};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Of the sequences of one, two and three operations, every so many is lived with every change. Prime to ten, so that each
/// operation is the last one of some.
const PARTS: [usize; 3] = [1, 7, 131];

fn all() -> bool {
    std::env::var("MILLRACE_SEQUENCES").is_ok_and(|which| which == "all")
}

/// Lives all of these on all threads there are.
fn live(base: &Base, todo: &[Vec<Act>]) -> Tally {
    let (next, tally) = (AtomicUsize::new(0), Mutex::new(Tally::default()));
    let violations = Mutex::new(Vec::new());
    let work = || {
        while let Some(sequence) = todo.get(next.fetch_add(1, Ordering::Relaxed)) {
            match base.live(sequence) {
                Ok(part) => tally.lock().expect("adding does not panic").add(&part),
                Err(violation) => {
                    violations.lock().expect("pushing does not panic").push(violation.to_string());
                }
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    let violations = violations.into_inner().expect("pushing does not panic");
    assert!(violations.is_empty(), "{} lives went wrong:\n{}", violations.len(), violations.join("\n"));
    tally.into_inner().expect("adding does not panic")
}

fn of_up_to_three(device: Device) {
    let base = Base::new(device);
    let part = |length: u32| if all() { 1 } else { PARTS[length as usize - 1] };
    let todo: Vec<Vec<Act>> = (1..=3).flat_map(|length| of(length).step_by(part(length))).collect();
    let tally = live(&base, &todo);
    println!("{device:?}: {tally:?}");
    assert_eq!(tally.sequences, todo.len() as u64);
    assert!(tally.cuts > 10 * tally.sequences && tally.settles > 0 && tally.merges > 0, "{tally:?}");
}

#[test]
fn short_sequences_survive_a_power_cut_at_every_event_of_a_strict_device() {
    of_up_to_three(Device::Strict);
}

#[test]
fn short_sequences_survive_a_power_cut_at_every_event_of_a_lenient_device() {
    of_up_to_three(Device::Lenient);
}
