//! The clock of a run: a warm-up whose figures are thrown away, then a measured stretch, and latencies in histograms.
//!
//! Remember: a request counts when its answer arrived inside the measured stretch, and its latency runs from the moment
//! it was handed to the socket. This is a closed loop: figures are for the load that this many requests in flight make.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use crate::LoadError;
use crate::json::Object;
use crate::process::{Process, own_cpu_seconds};

/// Microseconds, three significant digits, up to a minute.
const LATENCY_MAX: u64 = 60_000_000;

/// When the measured stretch begins and ends; the same for all threads of a run.
#[derive(Clone, Copy)]
pub struct Stretch {
    begin: Instant,
    end: Instant,
}

impl Stretch {
    /// A stretch of `duration` that begins after `warm_up`, both from now.
    pub fn starting_now(warm_up: Duration, duration: Duration) -> Stretch {
        let begin = Instant::now() + warm_up;
        Stretch { begin, end: begin + duration }
    }

    /// True once it has begun.
    pub fn begun(&self, now: Instant) -> bool {
        now >= self.begin
    }

    /// True once the stretch is over.
    pub fn over(&self) -> bool {
        Instant::now() >= self.end
    }

    /// Its length in seconds.
    pub fn seconds(&self) -> f64 {
        (self.end - self.begin).as_secs_f64()
    }

    /// Sleeps through the stretch and returns the CPU seconds used in it.
    pub fn watch(&self, server: Option<Process>) -> Result<CpuSeconds, LoadError> {
        let of_server = || server.map(|process| process.cpu_seconds()).transpose();
        std::thread::sleep(self.begin.saturating_duration_since(Instant::now()));
        let (server_before, own_before) = (of_server()?, own_cpu_seconds());
        std::thread::sleep(self.end.saturating_duration_since(Instant::now()));
        let (server_after, own_after) = (of_server()?, own_cpu_seconds());
        Ok(CpuSeconds {
            server: server_before.zip(server_after).map(|(before, after)| after - before),
            own: own_after - own_before,
        })
    }
}

/// CPU time used in a stretch, all threads, user and system.
pub struct CpuSeconds {
    /// By the server, if one is watched.
    pub server: Option<f64>,
    /// By this program.
    pub own: f64,
}

/// What one thread, or all of them together, saw.
pub struct Tally {
    stretch: Stretch,
    latencies: Histogram<u64>,
    records: u64,
    bytes: u64,
}

impl Tally {
    /// Nothing seen yet.
    pub fn new(stretch: Stretch) -> Tally {
        let latencies = Histogram::new_with_bounds(1, LATENCY_MAX, 3).expect("these bounds are valid");
        Tally { stretch, latencies, records: 0, bytes: 0 }
    }

    /// Counts a request sent at `sent` and answered at `answered`, if that lies in the stretch.
    pub fn answered(&mut self, sent: Instant, answered: Instant, records: u64, bytes: u64) {
        if answered < self.stretch.begin || answered >= self.stretch.end {
            return;
        }
        let micros = u64::try_from((answered - sent).as_micros()).unwrap_or(LATENCY_MAX);
        self.latencies.saturating_record(micros);
        self.records += records;
        self.bytes += bytes;
    }

    /// Adds another thread's figures.
    pub fn add(&mut self, other: &Tally) {
        self.latencies.add(&other.latencies).expect("all histograms have the same bounds");
        self.records += other.records;
        self.bytes += other.bytes;
    }

    /// Rates per second, MB = 10^6 bytes, latencies in microseconds; CPU per GB (10^9) where `cpu_seconds` is known.
    pub fn result(&self, cpu_seconds: Option<f64>) -> Object {
        let seconds = self.stretch.seconds();
        let requests = self.latencies.len();
        let mut result = Object::new()
            .number("seconds", seconds)
            .count("requests", requests)
            .count("records", self.records)
            .count("bytes", self.bytes)
            .number("requestsPerSecond", requests as f64 / seconds)
            .number("recordsPerSecond", self.records as f64 / seconds)
            .number("megabytesPerSecond", self.bytes as f64 / 1e6 / seconds)
            .object("latencyMicros", self.percentiles());
        if let Some(cpu) = cpu_seconds {
            result = result.number("serverCpuSeconds", cpu);
            if self.bytes > 0 {
                result = result.number("serverCpuSecondsPerGigabyte", cpu / (self.bytes as f64 / 1e9));
            }
            if requests > 0 {
                result = result.number("serverCpuMicrosPerRequest", cpu * 1e6 / requests as f64);
            }
        }
        result
    }

    fn percentiles(&self) -> Object {
        let at = |quantile: f64| self.latencies.value_at_quantile(quantile);
        Object::new()
            .count("p50", at(0.5))
            .count("p90", at(0.9))
            .count("p99", at(0.99))
            .count("p999", at(0.999))
            .count("max", self.latencies.max())
            .number("mean", self.latencies.mean())
    }
}
