//! Opening, verifying and repairing a small directory, with one fault at each of their calls: the answer is an error of the closed
//! set or a report, never a wrong value, and the next try without faults finds everything that was there.
//!
//! `MILLRACE_SITES=all` takes every fault at every call; without it, two of them at each. What it is not: the faults of a life
//! that writes (`every_site.rs`).

#[path = "support/compacted.rs"]
mod compacted;
#[path = "support/flips.rs"]
mod flips;
#[path = "support/kv/mod.rs"]
mod kv;
mod support;

use flips::{Truth, directory, is_all_there, is_reported, look, small};
use millrace_engine::{Engine, Repairing, repair, verify};
use millrace_io::faults::{CallKind, Fault, FaultRule, Faults, Site};
use millrace_io::{Io, Op, SimHandle};

const FAULTS: [Fault; 10] = [
    Fault::Refuse(libc::EIO),
    Fault::Refuse(libc::ENOSPC),
    Fault::Short,
    Fault::FailAfter(libc::EIO),
    Fault::Refuse(libc::EMFILE),
    Fault::Refuse(libc::EINTR),
    Fault::Refuse(libc::ENOMEM),
    Fault::Refuse(libc::ECANCELED),
    Fault::Refuse(libc::EFBIG),
    Fault::Refuse(libc::EAGAIN),
];

/// Faults that each site meets with every change.
const OF_A_SITE: usize = 2;

/// The fault that a try has met.
struct Met<'a> {
    site: &'a Site,
    fault: Fault,
    sticky: bool,
}

fn all() -> bool {
    std::env::var("MILLRACE_SITES").is_ok_and(|which| which == "all")
}

fn faulty(disk: &SimHandle, faults: &Faults) -> Io {
    Io::sim(disk.clone()).faulty(faults)
}

/// Does `work` once without faults, then with each fault at each of its calls, and has `judge` look at what it left.
fn sweep<T>(
    whole: &SimHandle,
    work: impl Fn(Io) -> T,
    judge: impl Fn(&SimHandle, T, Option<Met<'_>>, &str),
) -> usize {
    let faults = Faults::default();
    faults.record();
    let disk = whole.fork(1);
    let outcome = work(faulty(&disk, &faults));
    judge(&disk, outcome, None, "without a fault");
    let mut sites = faults.sites();
    sites.retain(|site| site.nth > 0);
    let mut lives = 0;
    for site in &sites {
        let applicable: Vec<Fault> = FAULTS.into_iter().filter(|fault| fault.applies_to(site.kind)).collect();
        for (number, fault) in applicable.iter().enumerate() {
            // A device that fails is met at every call, the others in turn.
            let turn = 1 + site.nth as usize % (applicable.len() - 1);
            if number >= OF_A_SITE - 1 && number != turn && !all() {
                continue;
            }
            for sticky in [false, true] {
                if sticky && site.nth % 3 != 0 && !all() {
                    continue;
                }
                let disk = whole.fork(site.nth);
                let outcome = work(faulty(&disk, &Faults::of(FaultRule::at(site.nth, *fault, sticky))));
                let what = format!("{site}: {fault:?}, sticky {sticky}");
                judge(&disk, outcome, Some(Met { site, fault: *fault, sticky }), &what);
                lives += 1;
            }
        }
    }
    assert!(lives > 50, "{lives} lives at {} calls", sites.len());
    lives
}

fn finds_everything(disk: &SimHandle, truth: &Truth, what: &str) {
    disk.kill_process();
    match is_all_there(disk, truth) {
        Ok(true) => {}
        Ok(false) => panic!("{what}: something is gone afterwards: {:?}", look(disk)),
        Err(wrong) => panic!("{what}: {wrong}"),
    }
}

#[test]
fn an_opening_that_fails_anywhere_leaves_everything_for_the_next_one() {
    for closed in [true, false] {
        let (whole, truth) = directory(21, closed);
        let lives = sweep(
            &whole,
            |io| Engine::open(io, small()).map(|(engine, account)| (engine.events().failure, account.damage)),
            |disk, _, _, what| finds_everything(disk, &truth, what),
        );
        println!("closed {closed}: {lives} openings");
    }
}

#[test]
fn a_verification_tells_of_what_it_cannot_read_and_changes_nothing() {
    for closed in [true, false] {
        let (whole, truth) = directory(22, closed);
        let lives = sweep(
            &whole,
            |io| verify(io, true).map_err(|error| error.to_string()),
            |disk, found, met, what| {
                // What fails once is read once more.
                let unread = met.is_some_and(|met| {
                    met.sticky && met.site.kind == CallKind::Read && met.fault == Fault::Refuse(libc::EIO)
                });
                assert!(!unread || is_reported(&found), "{what}: verification is content");
                assert!(!is_reported(&look(disk)), "{what}: something was changed");
                finds_everything(disk, &truth, what);
            },
        );
        println!("closed {closed}: {lives} verifications");
    }
}

/// A closed directory with an index that is gone and a bit of one shared segment flipped.
fn damaged() -> (SimHandle, Truth) {
    let (disk, truth) = directory(23, true);
    let index = flips::first(&disk, ".index");
    Io::sim(disk.clone()).run(Op::Unlink { path: index.into() }).expect("it is removed");
    let shared = flips::first(&disk, ".shared");
    let length = disk.read(&shared).map_or(0, |bytes| bytes.len() as u64);
    assert!(disk.flip_bit(&shared, length / 2, 3));
    disk.kill_process();
    (disk, truth)
}

/// What is there of each batch is what was there; answers how many are gone.
fn missing(disk: &SimHandle, truth: &Truth, what: &str) -> usize {
    let (mut engine, account) = Engine::open(Io::sim(disk.clone()), small()).expect("it opens");
    assert!(account.damage.is_empty(), "{what}: {account:?}");
    let mut gone = 0;
    for (&partition, batches) in &truth.batches {
        for batch in batches {
            let base = i64::from_be_bytes(batch[..8].try_into().expect("eight bytes"));
            let found = support::read(&mut engine, partition, base, 1).unwrap_or_default();
            // Behind what was given up, reads go on.
            let same = found.first().filter(|piece| piece.bytes()[..8] == batch[..8]);
            match same {
                Some(piece) => {
                    assert!(piece.bytes() == batch, "{what}: partition {partition}, offset {base}")
                }
                None => gone += 1,
            }
        }
    }
    for (key, value) in &truth.values {
        let found = kv::get(&mut engine, 1, key, 0).expect("readable").expect("there");
        assert_eq!(found.value, *value, "{what}: key {key:?}");
    }
    gone
}

#[test]
fn a_repair_that_fails_anywhere_can_be_done_again() {
    let (whole, truth) = damaged();
    let how = Repairing { apply: true, skip_damaged: true, ..Repairing::PLAN };
    let first = whole.fork(1);
    repair(Io::sim(first.clone()), how, "now").expect("it is repaired");
    first.kill_process();
    let least = missing(&first, &truth, "without a fault");
    assert!(least > 0, "something was damaged");
    let lives = sweep(
        &whole,
        |io| repair(io, how, "now").map(|(_, steps)| steps.len()).map_err(|error| error.to_string()),
        |disk, _, met, what| {
            disk.kill_process();
            let again = repair(Io::sim(disk.clone()), how, "then").map(|_| ());
            again.unwrap_or_else(|error| panic!("{what}: {error}"));
            disk.kill_process();
            assert!(!is_reported(&look(disk)), "{what}: {:?}", look(disk));
            disk.kill_process();
            let gone = missing(disk, &truth, what);
            // What could not be read while it was looked at is given up too.
            let kinds = [CallKind::Open, CallKind::Status, CallKind::Read];
            let unread = met.is_some_and(|met| kinds.contains(&met.site.kind));
            assert!(gone == least || unread, "{what}: {gone} batches are gone instead of {least}");
        },
    );
    println!("{lives} repairs");
}
