//! Opening a ring for raw operations: which setup flags, which operations, and if not, why not.
//!
//! Nothing here looks at kernel versions: modes, flags and operations are tried. The engine's ring is
//! driver/ring/setup.rs.

use crate::driver::ring::setup::explain;
use io_uring::{IoUring, Probe};
use std::io;

/// How submissions reach the kernel and completions reach us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A system call a turn; the ring's descriptor becomes readable.
    Interrupt,
    /// A kernel thread takes submissions, and sleeps after so many idle milliseconds.
    SubmissionPoll { idle_ms: u32 },
}

/// Submission entries of any ring: a whole chain fits.
pub(super) const SUBMISSIONS_MIN: u32 = 64;
const SUBMISSIONS_MAX: u32 = 4096;
const COMPLETIONS_MAX: u32 = 32_768;
/// Kernel threads for what cannot be done without waiting.
const WORKERS_MAX: u32 = 4;

/// A ring, its flags by name, and what it can do.
pub(super) struct Opened {
    pub ring: IoUring,
    pub flags: Vec<&'static str>,
    pub probe: Probe,
}

/// One choice of setup flags: (name, chosen).
type Rung = [(&'static str, bool); 3];

/// `DEFER_TASKRUN` is in none of them: a loop that polls the ring's descriptor would not be woken.
const INTERRUPT: [Rung; 4] = [
    [("SINGLE_ISSUER", true), ("COOP_TASKRUN", true), ("SUBMIT_ALL", true)],
    [("SINGLE_ISSUER", false), ("COOP_TASKRUN", true), ("SUBMIT_ALL", true)],
    [("SINGLE_ISSUER", false), ("COOP_TASKRUN", false), ("SUBMIT_ALL", true)],
    [("SINGLE_ISSUER", false), ("COOP_TASKRUN", false), ("SUBMIT_ALL", false)],
];

/// The kernel's thread runs its own completions: cooperative flags are refused there.
const POLLED: [Rung; 3] = [
    [("SINGLE_ISSUER", true), ("COOP_TASKRUN", false), ("SUBMIT_ALL", true)],
    [("SINGLE_ISSUER", false), ("COOP_TASKRUN", false), ("SUBMIT_ALL", true)],
    [("SINGLE_ISSUER", false), ("COOP_TASKRUN", false), ("SUBMIT_ALL", false)],
];

/// Opens a ring for `in_flight` operations beside those that wait. The error is a clause for people.
pub(super) fn open(mode: Mode, in_flight: usize) -> Result<Opened, String> {
    let ladder = match mode {
        Mode::Interrupt => INTERRUPT.as_slice(),
        Mode::SubmissionPoll { .. } => POLLED.as_slice(),
    };
    let mut refusal = "no setup flags to try".to_owned();
    for rung in ladder {
        match build(mode, rung, in_flight) {
            Ok(ring) => return examine(ring, mode, rung),
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) => refusal = explain(&error),
            Err(error) => return Err(explain(&error)),
        }
    }
    Err(refusal)
}

fn build(mode: Mode, rung: &Rung, in_flight: usize) -> io::Result<IoUring> {
    let wanted = u32::try_from(in_flight).unwrap_or(SUBMISSIONS_MAX);
    let submissions = wanted.clamp(SUBMISSIONS_MIN, SUBMISSIONS_MAX).next_power_of_two();
    let mut builder = IoUring::builder();
    builder.setup_cqsize((submissions * 8).min(COMPLETIONS_MAX)).setup_clamp();
    if let Mode::SubmissionPoll { idle_ms } = mode {
        builder.setup_sqpoll(idle_ms);
    }
    for (name, _) in rung.iter().filter(|(_, chosen)| *chosen) {
        match *name {
            "SINGLE_ISSUER" => builder.setup_single_issuer(),
            "COOP_TASKRUN" => builder.setup_coop_taskrun().setup_taskrun_flag(),
            _ => builder.setup_submit_all(),
        };
    }
    builder.build(submissions)
}

fn examine(ring: IoUring, mode: Mode, rung: &Rung) -> Result<Opened, String> {
    let mut probe = Probe::new();
    ring.submitter()
        .register_probe(&mut probe)
        .map_err(|error| format!("io_uring cannot be asked for its operations: {error}"))?;
    // One that lost completions when its queue is full could not be used: operations would never end.
    if !ring.params().is_feature_nodrop() {
        return Err("this kernel's io_uring drops completions".to_owned());
    }
    // Before, a fixed set of files had to be given to the kernel's thread.
    if mode != Mode::Interrupt && !ring.params().is_feature_sqpoll_nonfixed() {
        return Err("this kernel's SQPOLL takes registered files only".to_owned());
    }
    // A kernel without this limit (before 5.15) makes as many threads as it likes.
    let _ = ring.submitter().register_iowq_max_workers(&mut [WORKERS_MAX, WORKERS_MAX]);
    let mut flags = vec!["CLAMP"];
    flags.extend(rung.iter().filter(|(_, chosen)| *chosen).map(|(name, _)| *name));
    if mode != Mode::Interrupt {
        flags.push("SQPOLL");
    }
    Ok(Opened { ring, flags, probe })
}
