//! `NativeSim`: a test's hold on a simulated machine from JavaScript, whether an engine has it open or not.
//!
//! Not the engine on it, whose power is cut through `NativeEngine.simCut`. To remember: numbers come from tests and are
//! checked like any others; a path that names nothing answers null or false, it never throws.

use super::{forget, fork, open};
use crate::memory::{index, whole};
use crate::status::Refusal;
use millrace_io::SimHandle;
use millrace_io::sim::FailAt;
use napi::bindgen_prelude::Buffer;
use napi_derive::napi;

type Thrown = napi::Error<String>;

/// Odds of what always happens.
const ALWAYS: u32 = 1_000_000;
/// No clock is moved further at once: about three hundred years.
const SHIFT_MAX_MS: f64 = 1e13;
/// No clock goes on for longer at once: about three years.
const ADVANCE_MAX_MS: u64 = 100_000_000_000;

/// What is to change; what is left out stays. See ts/io/sim-types.ts.
#[napi(object)]
pub struct SimChange {
    pub fail_flushes: Option<bool>,
    pub fail_reads: Option<bool>,
    pub fail_writes: Option<bool>,
    /// Bytes of all files together; below zero: as many as wanted.
    pub space_bytes: Option<f64>,
    /// Operations from now on until one fails, 1 for the very next; below 1: none will.
    pub fail_after: Option<f64>,
    pub errno: Option<i32>,
    pub sticky: Option<bool>,
}

/// One simulated machine.
#[napi]
pub struct NativeSim {
    name: String,
    sim: SimHandle,
}

#[napi]
impl NativeSim {
    /// The machine of this name; a new one has the faults of an honest device drawn from `seed`.
    #[napi(constructor)]
    pub fn new(name: String, seed: f64) -> Result<NativeSim, Thrown> {
        let sim = open(&name, whole(seed).ok_or_else(|| Refusal::argument("seed"))?);
        Ok(NativeSim { name, sim })
    }

    #[napi]
    pub fn change(&self, change: SimChange) -> Result<(), Thrown> {
        let fail_at = fail_at(&self.sim, &change)?;
        let space = change.space_bytes.map(whole);
        self.sim.change_options(|options| {
            options.fail_flushes = change.fail_flushes.unwrap_or(options.fail_flushes);
            options.read_errors = odds(change.fail_reads, options.read_errors);
            options.write_errors = odds(change.fail_writes, options.write_errors);
            options.space = space.unwrap_or(options.space);
            options.fail_at = fail_at.unwrap_or(options.fail_at);
        });
        Ok(())
    }

    /// Holds every operation back, or lets all of them go on.
    #[napi]
    pub fn hold(&self, held: bool) {
        self.sim.hold(held);
    }

    /// Cuts the power. An engine that has the machine open is not told: `NativeEngine.simCut` is for that.
    #[napi]
    pub fn cut(&self) {
        self.sim.cut_power();
    }

    /// Operations completed so far.
    #[napi]
    pub fn attempts(&self) -> f64 {
        self.sim.attempts() as f64
    }

    /// Bytes of all files.
    #[napi]
    pub fn used_bytes(&self) -> f64 {
        self.sim.used() as f64
    }

    #[napi]
    pub fn wall_ms(&self) -> f64 {
        self.sim.wall_ms() as f64
    }

    /// Lets time pass: both clocks, whole milliseconds.
    #[napi]
    pub fn advance_ms(&self, ms: f64) -> Result<(), Thrown> {
        let ms = whole(ms).filter(|ms| *ms <= ADVANCE_MAX_MS).ok_or_else(|| Refusal::argument("ms"))?;
        self.sim.advance(ms * 1_000_000);
        Ok(())
    }

    /// Moves the wall clock alone, forward or back.
    #[napi]
    pub fn shift_wall_ms(&self, ms: f64) {
        // The cast cuts a fraction off; NaN becomes nothing.
        self.sim.shift_wall_ms(ms.clamp(-SHIFT_MAX_MS, SHIFT_MAX_MS) as i64);
    }

    /// Names of all files, sorted.
    #[napi]
    pub fn files(&self) -> Vec<String> {
        self.sim.files()
    }

    /// What a process would read from a file; null when there is none of that name.
    #[napi]
    pub fn read_file(&self, path: String) -> Option<Buffer> {
        self.sim.read(path).map(Buffer::from)
    }

    /// Flips one bit on the medium. False when there is no such file or it does not reach that far.
    #[napi]
    pub fn flip_bit(&self, path: String, position: f64, bit: u8) -> bool {
        let position = index(position).and_then(|position| u64::try_from(position).ok());
        position.is_some_and(|position| self.sim.flip_bit(path, position, bit))
    }

    /// A copy under another name, with a future drawn from `seed`.
    #[napi]
    pub fn fork(&self, name: String, seed: f64) -> Result<bool, Thrown> {
        Ok(fork(&self.name, &name, whole(seed).ok_or_else(|| Refusal::argument("seed"))?))
    }

    /// Forgets the machine under its name; its memory goes with the last who has it open.
    #[napi]
    pub fn forget(&self) {
        forget(&self.name);
    }
}

fn odds(always: Option<bool>, before: u32) -> u32 {
    always.map_or(before, |always| if always { ALWAYS } else { 0 })
}

/// The outer None: leave it as it is.
fn fail_at(sim: &SimHandle, change: &SimChange) -> Result<Option<Option<FailAt>>, Refusal> {
    let Some(after) = change.fail_after else { return Ok(None) };
    let Some(after) = whole(after).filter(|after| *after > 0) else { return Ok(Some(None)) };
    let errno = change.errno.filter(|errno| (1..4096).contains(errno));
    let errno = errno.ok_or_else(|| Refusal::argument("errno"))?;
    let attempt = sim.attempts().saturating_add(after);
    Ok(Some(Some(FailAt { attempt, errno, sticky: change.sticky.unwrap_or(false) })))
}
