//! What a `Net` is opened with. There is no default here: whoever opens one decides.
//!
//! The one invariant: a checked configuration keeps every index of this crate inside its bits (id.rs).

/// Least and largest bytes of a slot.
const SLOT_BYTES: std::ops::RangeInclusive<usize> = 4096..=1 << 20;
/// Least and largest number of slots; the kernel's buffer rings end there.
const SLOTS: std::ops::RangeInclusive<usize> = 8..=32_768;
/// Most connections: twice as many completions still fit into a completion queue.
const CONNECTIONS_MAX: usize = 30_000;

/// Sizes of one `Net`.
#[derive(Clone, Copy, Debug)]
pub struct NetConfig {
    /// Bytes one receive takes at most; a power of two.
    pub slot_bytes: usize,
    /// A power of two.
    pub slots: usize,
    /// Bytes of memory for frames that do not end in their slot, over all connections.
    pub gather_bytes: usize,
    /// Connections above this are closed as soon as they are accepted.
    pub connections_max: usize,
}

/// A configuration that cannot be met.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0}")]
pub struct ConfigError(pub(crate) &'static str);

impl NetConfig {
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        if !SLOT_BYTES.contains(&self.slot_bytes) || !self.slot_bytes.is_power_of_two() {
            return Err(ConfigError("the bytes of a slot are a power of two between 4 KiB and 1 MiB"));
        }
        if !SLOTS.contains(&self.slots) || !self.slots.is_power_of_two() {
            return Err(ConfigError("the number of slots is a power of two between 8 and 32768"));
        }
        if self.connections_max == 0 || self.connections_max > CONNECTIONS_MAX {
            return Err(ConfigError("there can be between 1 and 30000 connections"));
        }
        Ok(())
    }

    /// Slots one connection may hold: one slow consumer must not starve all others.
    pub(crate) fn slots_per_connection(&self) -> usize {
        (self.slots / 16).clamp(2, 64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: NetConfig = NetConfig { slot_bytes: 4096, slots: 8, gather_bytes: 0, connections_max: 1 };

    #[test]
    fn sizes_that_no_ring_can_have_are_refused() {
        assert_eq!(GOOD.check(), Ok(()));
        assert!(NetConfig { slot_bytes: 5000, ..GOOD }.check().is_err());
        assert!(NetConfig { slot_bytes: 2 << 20, ..GOOD }.check().is_err());
        assert!(NetConfig { slots: 65_536, ..GOOD }.check().is_err());
        assert!(NetConfig { slots: 9, ..GOOD }.check().is_err());
        assert!(NetConfig { connections_max: 0, ..GOOD }.check().is_err());
    }
}
