//! A lane: seeds follow each other until so many power cuts and faults were lived through, whatever the number of threads.
//!
//! What it is not: what a seed does (`tests/support/crash`, `tests/support/kv/cuts.rs`).
//!
//! `--cuts` and `--faults` set the goal, `--seed` the first seed. With `--state` the totals so far are kept in a file, and the
//! same command goes on from there: the invariant is that they are of all seeds from the first one up to the next, each
//! once. Prints what was done; a violation prints its seed and the command that replays it, and the exit code is 1.

use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Seeds between two notes of how far it has come.
const CHUNK: u64 = 512;
const PROGRESS: Duration = Duration::from_secs(20);

/// What seeds came to: numbers that add up.
pub trait Counts: Copy + Debug + Default + Send {
    /// Everything it counts, by name.
    fn places(&mut self) -> Vec<(&'static str, &mut u64)>;
    fn cuts(&self) -> u64;
    fn faults(&self) -> u64;
}

/// What a lane runs.
pub struct Subject<T> {
    /// Of the example.
    pub name: &'static str,
    /// Runs one seed; the error says what was violated.
    pub run: fn(u64) -> Result<T, String>,
    /// What a seed draws, for who reads a violation.
    pub plan: fn(u64) -> String,
}

/// How far a lane has come: all seeds from `first` to `next`, which is not one of them.
#[derive(Clone, Copy)]
struct Lane<T> {
    first: u64,
    next: u64,
    tally: T,
}

struct Goal {
    cuts: u64,
    faults: u64,
}

impl Goal {
    fn is_reached(&self, tally: &impl Counts) -> bool {
        tally.cuts() >= self.cuts && tally.faults() >= self.faults
    }
}

fn add<T: Counts>(sums: &mut T, mut part: T) {
    for ((_, sum), (_, part)) in sums.places().into_iter().zip(part.places()) {
        *sum += *part;
    }
}

impl<T: Counts> Lane<T> {
    /// As a file has it; `None`: there is none.
    fn read(path: &Path) -> Result<Option<Lane<T>>, String> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(format!("{}: {error}", path.display())),
        };
        let mut lane = Lane { first: 0, next: 0, tally: T::default() };
        let mut places = lane.places();
        for line in text.lines() {
            let (name, number) = line.split_once(' ').ok_or_else(|| format!("not a state: {line}"))?;
            let place = places.iter_mut().find(|(known, _)| *known == name);
            let (_, place) = place.ok_or_else(|| format!("not of this program: {name}"))?;
            **place = number.parse().map_err(|_| format!("not a number: {line}"))?;
        }
        Ok(Some(lane))
    }

    /// Replaces the file, so that an end in the middle leaves the one before.
    fn write(mut self, path: &Path) -> std::io::Result<()> {
        let lines: Vec<String> =
            self.places().into_iter().map(|(name, number)| format!("{name} {number}\n")).collect();
        let new = path.with_extension("new");
        std::fs::write(&new, lines.concat())?;
        std::fs::rename(new, path)
    }

    fn places(&mut self) -> Vec<(&'static str, &mut u64)> {
        let mut all = vec![("first", &mut self.first), ("next", &mut self.next)];
        all.extend(self.tally.places());
        all
    }

    /// Runs seeds on all threads until the goal is reached or a chunk is done. `Err`: what was violated, by seed.
    fn advance(&mut self, goal: &Goal, subject: &Subject<T>) -> Result<(), Vec<(u64, String)>> {
        let (next, end) = (AtomicU64::new(self.next), self.next + CHUNK);
        let tally = Mutex::new(self.tally);
        let violations = Mutex::new(Vec::new());
        let work = || {
            while !goal.is_reached(&*tally.lock().expect("adding does not panic")) {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if seed >= end {
                    return;
                }
                let run = std::panic::catch_unwind(|| (subject.run)(seed));
                match run.unwrap_or_else(|_| Err("an assertion failed, see above".to_string())) {
                    Ok(part) => add(&mut *tally.lock().expect("adding does not panic"), part),
                    Err(what) => violations.lock().expect("pushing does not panic").push((seed, what)),
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
                scope.spawn(work);
            }
        });
        let violations = violations.into_inner().expect("pushing does not panic");
        if !violations.is_empty() {
            return Err(violations);
        }
        self.tally = tally.into_inner().expect("adding does not panic");
        self.next = next.into_inner().min(end);
        Ok(())
    }
}

fn argument(name: &str) -> Result<Option<String>, String> {
    let mut arguments = std::env::args().skip_while(|argument| argument != name);
    match (arguments.next(), arguments.next()) {
        (None, _) => Ok(None),
        (Some(_), Some(text)) => Ok(Some(text)),
        (Some(_), None) => Err(format!("{name} takes a value")),
    }
}

fn number(name: &str, otherwise: u64) -> Result<u64, String> {
    let text = argument(name)?;
    text.map_or(Ok(otherwise), |text| text.parse().map_err(|_| format!("{name} takes a number, not {text}")))
}

/// The goal, where it stands, and where that is kept.
fn begin<T: Counts>() -> Result<(Goal, Lane<T>, Option<PathBuf>), String> {
    let goal = Goal { cuts: number("--cuts", 20_000)?, faults: number("--faults", 0)? };
    let first = number("--seed", 1)?;
    let path = argument("--state")?.map(PathBuf::from);
    let kept = path.as_deref().map(Lane::read).transpose()?.flatten();
    match kept {
        Some(lane) if lane.first != first => Err(format!("the state began with seed {}", lane.first)),
        Some(lane) => Ok((goal, lane, path)),
        None => Ok((goal, Lane { first, next: first, tally: T::default() }, path)),
    }
}

fn report<T>(subject: &Subject<T>, violations: &[(u64, String)]) {
    for (seed, violation) in violations {
        println!("seed {seed}: {violation}\n{}", (subject.plan)(*seed));
        let name = subject.name;
        println!("replay: cargo run -p millrace-engine --example {name} -- --cuts 1 --seed {seed}");
    }
}

/// Runs a lane as the arguments of the process say.
pub fn main<T: Counts>(subject: &Subject<T>) -> ExitCode {
    let (goal, mut lane, path) = match begin::<T>() {
        Ok(begun) => begun,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(2);
        }
    };
    let (begun, cuts_before) = (Instant::now(), lane.tally.cuts());
    let mut told = begun;
    while !goal.is_reached(&lane.tally) {
        if let Err(violations) = lane.advance(&goal, subject) {
            report(subject, &violations);
            return ExitCode::FAILURE;
        }
        if let Some(Err(error)) = path.as_deref().map(|path| lane.write(path)) {
            eprintln!("the state could not be kept: {error}");
            return ExitCode::from(2);
        }
        if told.elapsed() > PROGRESS {
            told = Instant::now();
            eprintln!("{} cuts, {} faults, seed {}", lane.tally.cuts(), lane.tally.faults(), lane.next);
        }
    }
    let rate = (lane.tally.cuts() - cuts_before) as f64 / begun.elapsed().as_secs_f64();
    println!("{:?}", lane.tally);
    println!(
        "{} power cuts and {} faults, nothing violated; seeds {} to {}; {rate:.0} cuts a second",
        lane.tally.cuts(),
        lane.tally.faults(),
        lane.first,
        lane.next.saturating_sub(1)
    );
    ExitCode::SUCCESS
}
