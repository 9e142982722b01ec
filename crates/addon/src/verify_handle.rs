//! `NativeVerifier`: verification and repair of a data directory that nobody has open. Conversion only.
//!
//! What it is not: opening. To remember: a directory that is not one of ours is refused before it is locked, since locking
//! leaves a file behind.

use crate::memory::whole;
use crate::report::{engine_refusal, open_refusal};
use crate::sim_registry;
use crate::status::Refusal;
use millrace_engine::{Parts, Repairing, Verifier};
use millrace_io::{DriverChoice, Io, Limits};
use napi_derive::napi;
use std::path::Path;
use std::time::{Duration, Instant};

type Thrown = napi::Error<String>;

/// Seed of a simulated machine that is not there yet: then it is an empty one.
const SEED: u64 = 1;

/// Locks a directory; `sim` names a simulated machine in its place.
fn open(dir: &str, sim: Option<&str>) -> Result<Io, Refusal> {
    if let Some(name) = sim {
        return Ok(Io::sim(sim_registry::open(name, SEED)));
    }
    let root = Path::new(dir);
    let ours = ["manifest", "journal", "segments"].iter().any(|name| root.join(name).exists());
    if !ours {
        return Err(Refusal::argument("it has no manifest, journal or segments"));
    }
    Io::open(root, DriverChoice::Pool, Limits::default()).map_err(|error| open_refusal(&error))
}

/// A verification under way.
#[napi]
pub struct NativeVerifier {
    verifier: Option<Verifier>,
}

#[napi]
impl NativeVerifier {
    /// Locks the directory and looks at manifest and journal. `only`: a file of it, which alone is told of, with its index or
    /// hint.
    #[napi(constructor)]
    pub fn new(
        dir: String,
        deep: bool,
        sim: Option<String>,
        only: Option<String>,
    ) -> Result<NativeVerifier, Thrown> {
        let io = open(&dir, sim.as_deref())?;
        let mut verifier = Verifier::open(io, deep).map_err(|error| engine_refusal(&error))?;
        if let Some(file) = &only {
            verifier.only(file);
        }
        Ok(NativeVerifier { verifier: Some(verifier) })
    }

    /// Goes on for about so many ms; false: it is done.
    #[napi]
    pub fn step(&mut self, ms: f64) -> Result<bool, Thrown> {
        let ms = whole(ms).ok_or_else(|| Refusal::argument("ms"))?;
        let Some(verifier) = &mut self.verifier else { return Ok(false) };
        let begun = Instant::now();
        while verifier.step().map_err(|error| engine_refusal(&error))? {
            if begun.elapsed() >= Duration::from_millis(ms) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Bytes looked at so far.
    #[napi]
    pub fn bytes(&self) -> f64 {
        self.verifier.as_ref().map_or(0.0, |verifier| verifier.verified().bytes as f64)
    }

    /// Bytes of segments and data files.
    #[napi]
    pub fn total_bytes(&self) -> f64 {
        self.verifier.as_ref().map_or(0.0, |verifier| verifier.total_bytes() as f64)
    }

    /// What was found so far, a line of JSON each; the last one is the summary.
    #[napi]
    pub fn lines(&self) -> Vec<String> {
        let Some(verifier) = &self.verifier else { return Vec::new() };
        let verified = verifier.verified();
        let findings = verified.findings.iter().map(|finding| finding.line());
        findings.chain([verified.summary()]).collect()
    }

    /// Lets go of the directory.
    #[napi]
    pub fn close(&mut self) {
        self.verifier = None;
    }
}

/// What a repair may do: see `millrace_engine::Repairing`.
#[napi(object)]
pub struct RepairPlan {
    pub apply: bool,
    /// `all`, `rebuild` or `fence`.
    pub parts: String,
    pub skip_damaged: bool,
    pub truncate: bool,
    pub only: Option<String>,
}

/// Plans a repair, or does it with `apply`; a line of JSON each step, then the summary of the verification before it.
#[napi]
pub fn repair(
    dir: String,
    plan: RepairPlan,
    stamp: String,
    sim: Option<String>,
) -> Result<Vec<String>, Thrown> {
    let parts = match plan.parts.as_str() {
        "all" => Parts::All,
        "rebuild" => Parts::Rebuild,
        "fence" => Parts::Fence,
        _ => return Err(Refusal::argument("parts").into()),
    };
    let plain = |character: char| character.is_ascii_alphanumeric() || character == '-';
    if stamp.is_empty() || !stamp.chars().all(plain) {
        return Err(Refusal::argument("stamp").into());
    }
    let io = open(&dir, sim.as_deref())?;
    let RepairPlan { apply, skip_damaged, truncate, only, .. } = &plan;
    let how = Repairing {
        apply: *apply,
        parts,
        skip_damaged: *skip_damaged,
        truncate: *truncate,
        only: only.as_deref(),
    };
    let (verified, actions) =
        millrace_engine::repair(io, how, &stamp).map_err(|error| engine_refusal(&error))?;
    Ok(actions.iter().map(|action| action.line()).chain([verified.summary()]).collect())
}
