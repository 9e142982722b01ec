//! The two real clocks. Timers use the monotonic one; wall time is only ever data.

/// Nanoseconds on the monotonic clock.
pub(crate) fn monotonic_ns() -> u64 {
    let time = read(libc::CLOCK_MONOTONIC);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// Milliseconds since 1970 on the wall clock, which may jump.
pub(crate) fn wall_ms() -> i64 {
    let time = read(libc::CLOCK_REALTIME);
    time.tv_sec * 1000 + time.tv_nsec / 1_000_000
}

/// `ns` as the kernel wants it.
pub(crate) fn timespec(ns: u64) -> libc::timespec {
    libc::timespec { tv_sec: (ns / 1_000_000_000) as i64, tv_nsec: (ns % 1_000_000_000) as i64 }
}

fn read(clock: libc::clockid_t) -> libc::timespec {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a valid place to write one timespec to.
    let result = unsafe { libc::clock_gettime(clock, &mut time) };
    assert_eq!(result, 0, "this kernel has no clock {clock}");
    time
}
