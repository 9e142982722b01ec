//! What an `Io` may use, fixed when it is opened.

/// Limits of one `Io`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Operations handed to the kernel at a time, 1 to 1,024; the rest waits in order. Above half of the device's
    /// request queue, submitting blocks.
    pub in_flight: usize,
    /// Threads of the pool driver, 1 to 64.
    pub pool_threads: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { in_flight: 64, pool_threads: crate::driver::pool::THREADS }
    }
}
