//! Opening the ring of sockets: which setup flags, which operations, and if not, why not.
//!
//! Nothing here looks at kernel versions: flags and operations are tried. The storage ring's set-up is crates/io's.

use io_uring::{IoUring, Probe, opcode};
use std::io;

/// Submission entries; more wait their turn within one hand-over.
const SUBMISSIONS: u32 = 1024;
/// Completions beside those of connections: accepts, cancellations, timers.
const COMPLETIONS_SPARE: u32 = 1024;
const COMPLETIONS_MAX: u32 = 65_536;
/// Kernel threads for what cannot be done without waiting; sockets hardly ever need one.
const WORKERS_MAX: u32 = 2;

/// One choice of setup flags.
#[derive(Clone, Copy, Debug)]
struct Rung {
    single_issuer: bool,
    cooperative: bool,
    submit_all: bool,
}

/// From the flags we want to those every kernel has. `DEFER_TASKRUN` is not among them: a loop that polls the ring's
/// descriptor would not be woken.
const LADDER: [Rung; 4] = [
    Rung { single_issuer: true, cooperative: true, submit_all: true },
    Rung { single_issuer: false, cooperative: true, submit_all: true },
    Rung { single_issuer: false, cooperative: false, submit_all: true },
    Rung { single_issuer: false, cooperative: false, submit_all: false },
];

impl Rung {
    fn build(self, completions: u32) -> io::Result<IoUring> {
        let mut builder = IoUring::builder();
        builder.setup_cqsize(completions).setup_clamp();
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
}

/// Completions for `connections` with a receive and a send each, and a cancellation of both.
fn completions(connections: usize) -> u32 {
    let most = u32::try_from(connections).unwrap_or(COMPLETIONS_MAX).saturating_mul(2);
    most.saturating_add(COMPLETIONS_SPARE).next_power_of_two().min(COMPLETIONS_MAX)
}

/// Opens a ring for so many connections. The error is a clause for people.
pub(crate) fn open(connections: usize) -> Result<IoUring, String> {
    let completions = completions(connections);
    let mut refusal = None;
    for rung in LADDER {
        match rung.build(completions) {
            Ok(ring) => return examine(ring),
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) => refusal = Some(error),
            Err(error) => return Err(format!("io_uring refused: {error}")),
        }
    }
    Err(refusal
        .map_or_else(|| "no setup flags to try".to_owned(), |error| format!("io_uring refused: {error}")))
}

fn examine(ring: IoUring) -> Result<IoUring, String> {
    let mut probe = Probe::new();
    ring.submitter()
        .register_probe(&mut probe)
        .map_err(|error| format!("io_uring cannot be asked for its operations: {error}"))?;
    let needed = [
        (opcode::AcceptMulti::CODE, "accept"),
        (opcode::Recv::CODE, "recv"),
        (opcode::Send::CODE, "send"),
        (opcode::SendMsg::CODE, "sendmsg"),
        (opcode::AsyncCancel2::CODE, "cancel"),
        (opcode::Timeout::CODE, "timeout"),
    ];
    if let Some((_, name)) = needed.iter().find(|(code, _)| !probe.is_supported(*code)) {
        return Err(format!("this kernel's io_uring has no {name}"));
    }
    // A kernel that lost completions when its queue is full could not be trusted with a burst of accepts.
    if !ring.params().is_feature_nodrop() {
        return Err("this kernel's io_uring drops completions".to_owned());
    }
    // A kernel without this limit makes as many threads as it likes.
    let _ = ring.submitter().register_iowq_max_workers(&mut [WORKERS_MAX, WORKERS_MAX]);
    Ok(ring)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rung_gives_a_ring_that_can_do_what_is_needed() {
        for rung in LADDER {
            examine(rung.build(4096).unwrap()).unwrap();
        }
    }

    #[test]
    fn the_completion_queue_has_room_for_every_connection() {
        assert_eq!(completions(1), 2048);
        assert_eq!(completions(10_000), 32_768);
        assert_eq!(completions(30_000), 65_536);
    }
}
