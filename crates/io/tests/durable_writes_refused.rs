//! Where the kernel or its policy refuses writes that are durable by themselves, the pool finds out before it is trusted,
//! and flushes behind plain ones.
//!
//! The refusal is a system call filter on the test's own thread; threads started from it have it, too.

use millrace_io::{BLOCK, Done, DriverChoice, Io, Limits, Op, OpenMode, Piece};
use std::path::PathBuf;

/// Where a filter finds the number of a call, and the lower half of its sixth argument.
const NUMBER_AT: u32 = 0;
const FLAGS_AT: u32 = 16 + 5 * 8;

/// From now on pwritev2 with any flags is not supported for this thread.
fn refuse_durable_writes() {
    let load = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
    let equal = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
    let answer = (libc::BPF_RET | libc::BPF_K) as u16;
    let refused = libc::SECCOMP_RET_ERRNO | libc::EOPNOTSUPP as u32;
    let step = |code, jt, jf, k| libc::sock_filter { code, jt, jf, k };
    let mut filter = [
        step(load, 0, 0, NUMBER_AT),
        step(equal, 0, 3, libc::SYS_pwritev2 as u32),
        step(load, 0, 0, FLAGS_AT),
        step(equal, 1, 0, 0),
        step(answer, 0, 0, refused),
        step(answer, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
    // SAFETY: both calls read their arguments, which outlive them, and change only what this thread may do.
    unsafe {
        assert_eq!(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
        let set = libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program);
        assert_eq!(set, 0, "{}", std::io::Error::last_os_error());
    }
}

fn directory() -> PathBuf {
    let path = std::env::temp_dir().join(format!("millrace-durable-writes-{}", std::process::id()));
    std::fs::create_dir_all(&path).unwrap();
    path
}

#[test]
fn a_pool_whose_durable_writes_are_refused_flushes_behind_plain_ones() {
    let root = directory();
    refuse_durable_writes();
    let mut io = Io::open(&root, DriverChoice::Pool, Limits::default()).unwrap();
    let reason = io.report().reason.clone();
    assert!(reason.starts_with("chosen; flushes follow plain writes (durable "), "{reason}");
    let created = io.run(Op::Open { path: "data".into(), mode: OpenMode::CreateDirect }).unwrap();
    let Done::Opened { file, .. } = created else { panic!("{created:?}") };
    let before = io.counters();
    let pieces = vec![Piece::copy_of(&[7; BLOCK])];
    let written = io.run(Op::Write { file, position: 0, pieces, durable: true }).unwrap();
    assert!(matches!(written, Done::Written { length: BLOCK }), "{written:?}");
    assert!(io.counters().enters >= before.enters + 2, "a write and a flush");
    drop(io);
    assert_eq!(std::fs::read(root.join("data")).unwrap(), [7; BLOCK]);
    std::fs::remove_dir_all(&root).unwrap();
}
