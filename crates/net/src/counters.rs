//! What a `Net` counts. All but the gauges only grow; nothing is computed from them.

/// Counters since open, and gauges of what is held now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NetCounters {
    /// Calls of `io_uring_enter`.
    pub enters: u64,
    pub accepts: u64,
    /// Connections closed at once, and accepts that failed.
    pub refused: u64,
    pub receives: u64,
    pub bytes_received: u64,
    pub sends: u64,
    pub bytes_sent: u64,
    /// Bytes sent by reference to their pages, which nobody copied.
    pub bytes_lent: u64,
    /// Bytes copied within the process: beginnings of gathered frames, sends that are put together.
    pub bytes_copied: u64,
    pub frames: u64,
    /// Frames that did not end in their slot.
    pub gathered: u64,
    /// Receives that found no slot.
    pub starved: u64,
    /// Gauge: open connections.
    pub connections: u64,
    /// Gauge: resident memory of gathering, in use or kept for the next frame.
    pub gather_bytes: u64,
    /// Gauge: slots with bytes that are not cut or not released.
    pub slots_held: u64,
}
