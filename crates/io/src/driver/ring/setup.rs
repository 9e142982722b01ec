//! Opening a ring: which setup flags, which operations, and if not, why not in words that help.
//!
//! Nothing here looks at kernel versions: flags and operations are tried.

use io_uring::{IoUring, Probe, opcode};
use std::io;

/// Submission entries. More attempts than this wait their turn within one hand-over.
const SUBMISSIONS: u32 = 256;

/// Completion entries: more than attempts and timers can be in flight, so it never overflows.
const COMPLETIONS: u32 = 4096;

/// Kernel threads the ring may use for what cannot be done without waiting (flushes, opens).
const WORKERS_MAX: u32 = 4;

/// One choice of setup flags.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rung {
    single_issuer: bool,
    cooperative: bool,
    submit_all: bool,
}

/// From the flags we want to those every kernel has. `DEFER_TASKRUN` is not among them: a loop that polls the ring's
/// descriptor would not be woken.
pub(crate) const LADDER: [Rung; 4] = [
    Rung { single_issuer: true, cooperative: true, submit_all: true },
    Rung { single_issuer: false, cooperative: true, submit_all: true },
    Rung { single_issuer: false, cooperative: false, submit_all: true },
    Rung { single_issuer: false, cooperative: false, submit_all: false },
];

impl Rung {
    fn build(self) -> io::Result<IoUring> {
        let mut builder = IoUring::builder();
        builder.setup_cqsize(COMPLETIONS).setup_clamp();
        if self.single_issuer {
            builder.setup_single_issuer();
        }
        if self.cooperative {
            builder.setup_coop_taskrun().setup_taskrun_flag();
        }
        if self.submit_all {
            builder.setup_submit_all();
        }
        builder.build(SUBMISSIONS)
    }

    fn names(self) -> Vec<&'static str> {
        let all = [
            (true, "CLAMP"),
            (self.single_issuer, "SINGLE_ISSUER"),
            (self.cooperative, "COOP_TASKRUN"),
            (self.cooperative, "TASKRUN_FLAG"),
            (self.submit_all, "SUBMIT_ALL"),
        ];
        all.into_iter().filter(|(set, _)| *set).map(|(_, name)| name).collect()
    }
}

/// Operations a kernel's ring may lack; a helper thread does those.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Missing {
    pub open: bool,
    pub close: bool,
    pub allocate: bool,
    pub truncate: bool,
    pub rename: bool,
    pub unlink: bool,
}

impl Missing {
    pub fn names(self) -> Vec<&'static str> {
        let all = [
            (self.open, "open"),
            (self.close, "close"),
            (self.allocate, "allocate"),
            (self.truncate, "truncate"),
            (self.rename, "rename"),
            (self.unlink, "unlink"),
        ];
        all.into_iter().filter(|(missing, _)| *missing).map(|(_, name)| name).collect()
    }
}

/// A ring that can do what we cannot do without.
pub(crate) struct Setup {
    pub ring: IoUring,
    pub flags: Vec<&'static str>,
    pub missing: Missing,
}

/// Opens a ring with the first choice of flags the kernel takes, and asks it which operations it has. The error is a
/// clause for people: what was refused, and the likely cause.
pub(crate) fn open(ladder: &[Rung]) -> Result<Setup, String> {
    let mut refusal = None;
    for rung in ladder {
        match rung.build() {
            Ok(ring) => return examine(ring, *rung),
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) => refusal = Some(error),
            Err(error) => return Err(explain(&error)),
        }
    }
    Err(refusal.map_or_else(|| "no setup flags to try".to_string(), |error| explain(&error)))
}

fn examine(ring: IoUring, rung: Rung) -> Result<Setup, String> {
    let mut probe = Probe::new();
    ring.submitter()
        .register_probe(&mut probe)
        .map_err(|error| format!("io_uring cannot be asked for its operations: {error}"))?;
    let needed = [
        (opcode::Nop::CODE, "nop"),
        (opcode::Read::CODE, "read"),
        (opcode::Writev::CODE, "writev"),
        (opcode::Fsync::CODE, "fsync"),
        (opcode::Timeout::CODE, "timeout"),
        (opcode::AsyncCancel::CODE, "cancel"),
        (opcode::PollAdd::CODE, "poll"),
    ];
    if let Some((_, name)) = needed.iter().find(|(code, _)| !probe.is_supported(*code)) {
        return Err(format!("this kernel's io_uring has no {name}"));
    }
    let missing = Missing {
        open: !probe.is_supported(opcode::OpenAt::CODE),
        close: !probe.is_supported(opcode::Close::CODE),
        allocate: !probe.is_supported(opcode::Fallocate::CODE),
        truncate: !probe.is_supported(opcode::Ftruncate::CODE),
        rename: !probe.is_supported(opcode::RenameAt::CODE),
        unlink: !probe.is_supported(opcode::UnlinkAt::CODE),
    };
    // A kernel without this limit (before 5.15) makes as many threads as it likes.
    let _ = ring.submitter().register_iowq_max_workers(&mut [WORKERS_MAX, WORKERS_MAX]);
    Ok(Setup { ring, flags: rung.names(), missing })
}

/// A setup error with its likely cause. Sysctl, seccomp and group membership look alike from here.
pub(crate) fn explain(error: &io::Error) -> String {
    let cause = match error.raw_os_error() {
        Some(libc::EPERM | libc::EACCES) => {
            "forbidden: a container's seccomp profile, or sysctl kernel.io_uring_disabled"
        }
        Some(libc::ENOSYS) => "not in this kernel, or hidden by a sandbox",
        Some(libc::EOPNOTSUPP) => "not supported by this sandbox",
        Some(libc::ENOMEM) => "RLIMIT_MEMLOCK is too small for this kernel",
        Some(libc::EMFILE | libc::ENFILE) => "no file descriptors left",
        _ => "unknown cause",
    };
    let name = error_name(error);
    format!("io_uring refused with {name} ({cause})")
}

fn error_name(error: &io::Error) -> String {
    let names = [
        (libc::EPERM, "EPERM"),
        (libc::EACCES, "EACCES"),
        (libc::ENOSYS, "ENOSYS"),
        (libc::EOPNOTSUPP, "EOPNOTSUPP"),
        (libc::ENOMEM, "ENOMEM"),
        (libc::EMFILE, "EMFILE"),
        (libc::ENFILE, "ENFILE"),
        (libc::EINVAL, "EINVAL"),
    ];
    let known = names.iter().find(|(errno, _)| error.raw_os_error() == Some(*errno));
    known.map_or_else(|| error.to_string(), |(_, name)| (*name).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rung_of_the_ladder_gives_a_ring_and_says_its_flags() {
        for (number, rung) in LADDER.iter().enumerate() {
            let setup = open(&LADDER[number..]).unwrap();
            assert_eq!(setup.flags, rung.names());
        }
    }

    #[test]
    fn a_refusal_names_the_errno_and_the_likely_cause() {
        let text = explain(&io::Error::from_raw_os_error(libc::EPERM));
        assert!(text.contains("EPERM") && text.contains("kernel.io_uring_disabled"), "{text}");
        let text = explain(&io::Error::from_raw_os_error(libc::ENOMEM));
        assert!(text.contains("ENOMEM") && text.contains("RLIMIT_MEMLOCK"), "{text}");
    }
}
