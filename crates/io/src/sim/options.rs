//! What a simulated disk does to its users: every kind of fault with its odds, all drawn from one seed.

use super::random::Random;
use std::fmt;

/// An error at one operation, counted from the disk's creation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FailAt {
    /// The attempt that fails: the first to complete is 1; timers do not count.
    pub attempt: u64,
    /// What it fails with, e.g. `libc::EIO`.
    pub errno: i32,
    /// Whether everything after it fails too.
    pub sticky: bool,
}

/// Options of a simulated disk. All odds are in a million attempts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SimOptions {
    pub seed: u64,
    /// The device writes with forced unit access: a durable write covers itself and nothing else.
    pub fua: bool,
    /// Only a directory sync makes names durable; otherwise names follow in order, as on ext4.
    pub strict_names: bool,
    /// Whether the file system has direct I/O.
    pub direct: bool,
    pub in_flight: usize,
    /// Shortest and longest time an attempt takes, in nanoseconds. Equal: completions come in order.
    pub delay_ns: (u64, u64),
    /// Reads and writes that stop short.
    pub short: u32,
    /// EINTR, EAGAIN and ECANCELED.
    pub interrupted: u32,
    pub read_errors: u32,
    pub write_errors: u32,
    /// Flushes that fail (once: the next one succeeds) and drop what they should have covered.
    pub flush_failures: u32,
    /// Bytes all files together may have.
    pub space: Option<u64>,
    /// A full disk is noticed by the flush, for files that go through the page cache.
    pub late_no_space: bool,
    /// Blocks of a file that grew may hold old data of other files after a power cut.
    pub garbage: bool,
    /// Writes that complete and never happen.
    pub lost_writes: u32,
    /// Writes that land in another place of the same file.
    pub misdirected_writes: u32,
    /// Reads that see the medium without what is newer.
    pub stale_reads: u32,
    pub fail_at: Option<FailAt>,
    /// Every flush fails, and every durable write: decided before any odds are drawn.
    pub fail_flushes: bool,
    /// The device takes attempts and completes none, until this ends: how a test sees what waits.
    pub held: bool,
    /// Cuts the power by itself at this event: each submission and each completion of an attempt is one.
    pub cut_at: Option<u64>,
    /// A bug that tests must find.
    #[cfg(feature = "planted")]
    pub planted: Option<crate::planted::PlantedBug>,
}

impl SimOptions {
    /// A device without faults: completions in order, 10 microseconds each.
    #[must_use]
    pub fn perfect(seed: u64) -> SimOptions {
        SimOptions {
            seed,
            fua: true,
            strict_names: true,
            direct: true,
            in_flight: 64,
            delay_ns: (10_000, 10_000),
            short: 0,
            interrupted: 0,
            read_errors: 0,
            write_errors: 0,
            flush_failures: 0,
            space: None,
            late_no_space: false,
            garbage: false,
            lost_writes: 0,
            misdirected_writes: 0,
            stale_reads: 0,
            fail_at: None,
            fail_flushes: false,
            held: false,
            cut_at: None,
            #[cfg(feature = "planted")]
            planted: None,
        }
    }

    /// A random honest device: any order, delays, short and interrupted I/O, both kinds of names and flushes. No
    /// operation fails and no byte is damaged: whatever is promised to survive a power cut must survive on it.
    #[must_use]
    pub fn random(seed: u64) -> SimOptions {
        let mut random = Random::new(seed ^ 0x6d69_6c6c_7261_6365);
        let mut odds = |highest: u64| if random.coin() { random.below(highest) as u32 } else { 0 };
        let (short, interrupted) = (odds(300_000), odds(200_000));
        SimOptions {
            fua: random.coin(),
            strict_names: random.below(4) > 0,
            direct: random.below(8) > 0,
            in_flight: [1, 4, 64][random.below(3) as usize],
            delay_ns: (1_000, 1_000 + random.below(1_000_000)),
            short,
            interrupted,
            garbage: random.coin(),
            ..SimOptions::perfect(seed)
        }
    }

    /// As `random`, on a device that also fails: I/O errors, failed flushes, a disk that fills up.
    #[must_use]
    pub fn random_with_errors(seed: u64) -> SimOptions {
        let mut random = Random::new(seed ^ 0x6661_756c_7473);
        let mut odds = |highest: u64| if random.coin() { random.below(highest) as u32 } else { 0 };
        let (read_errors, write_errors, flush_failures) = (odds(20_000), odds(20_000), odds(50_000));
        SimOptions {
            read_errors,
            write_errors,
            flush_failures,
            space: (random.below(4) == 0).then(|| random.between(1 << 20, 64 << 20)),
            late_no_space: random.coin(),
            ..SimOptions::random(seed)
        }
    }
}

impl fmt::Display for SimOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "seed={} fua={} strict_names={} ", self.seed, self.fua, self.strict_names)?;
        write!(f, "direct={} in_flight={} ", self.direct, self.in_flight)?;
        write!(f, "delay_ns={}..{} ", self.delay_ns.0, self.delay_ns.1)?;
        write!(f, "short={} interrupted={} ", self.short, self.interrupted)?;
        write!(f, "read_errors={} write_errors={} ", self.read_errors, self.write_errors)?;
        write!(f, "flush_failures={} ", self.flush_failures)?;
        write!(f, "space={:?} late_no_space={} garbage={} ", self.space, self.late_no_space, self.garbage)?;
        write!(f, "lost_writes={} misdirected_writes={} ", self.lost_writes, self.misdirected_writes)?;
        write!(f, "stale_reads={} fail_at={:?} cut_at={:?}", self.stale_reads, self.fail_at, self.cut_at)?;
        if self.fail_flushes || self.held {
            write!(f, " fail_flushes={} held={}", self.fail_flushes, self.held)?;
        }
        #[cfg(feature = "planted")]
        write!(f, " planted={:?}", self.planted)?;
        Ok(())
    }
}
