//! What a process has used: CPU seconds of all its threads, and resident memory.

use std::fs;

use crate::LoadError;

/// A process that is being watched.
#[derive(Clone, Copy)]
pub struct Process {
    pid: u32,
}

impl Process {
    /// The process with this id. Nothing is checked until it is asked for.
    pub fn new(pid: u32) -> Process {
        Process { pid }
    }

    /// User and system CPU seconds of all threads so far, in steps of one clock tick (10 ms).
    pub fn cpu_seconds(&self) -> Result<f64, LoadError> {
        let path = format!("/proc/{}/stat", self.pid);
        let stat = fs::read_to_string(path).map_err(LoadError::io("reading the server's CPU time"))?;
        // The command name, in parentheses, may itself contain anything; the fields behind it are numbers.
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks =
            |index: usize| fields.get(index).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
        // utime and stime are fields 14 and 15 of proc(5), 11 and 12 counted from the state.
        Ok((ticks(11) + ticks(12)) / ticks_per_second())
    }

    /// Resident memory in bytes.
    pub fn resident_bytes(&self) -> Result<u64, LoadError> {
        let path = format!("/proc/{}/status", self.pid);
        let status = fs::read_to_string(path).map_err(LoadError::io("reading the server's memory"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0");
        let kibibytes: u64 = line.split_whitespace().next().and_then(|word| word.parse().ok()).unwrap_or(0);
        Ok(kibibytes * 1024)
    }
}

/// User and system CPU seconds of all threads of this program so far, to the nanosecond.
pub fn own_cpu_seconds() -> f64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is writable and lives through the call; this clock always exists, so its result is not looked at.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut time) };
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

fn ticks_per_second() -> f64 {
    // SAFETY: sysconf reads a constant of the system and touches no memory of ours.
    let ticks = unsafe { libc::sysconf(libc::_SC_CLK_TCK) };
    if ticks > 0 { ticks as f64 } else { 100.0 }
}
