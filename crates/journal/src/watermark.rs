//! The three watermarks of the journal, side by side. LSNs of frames; 0 is "none yet".
//!
//! What it is not: a waiter list. An LSN is a ticket; whoever waits compares it with a watermark.
//!
//! The one invariant: durable <= written <= appended, and none ever moves back.

/// appended: in commit memory; written: held by kernel or device, survives the death of the process; durable: covered by
/// a flush that has returned, survives a power cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watermarks {
    appended: u64,
    written: u64,
    durable: u64,
}

impl Watermarks {
    /// All three at `lsn`: what recovery kept and synced.
    #[must_use]
    pub fn at(lsn: u64) -> Watermarks {
        Watermarks { appended: lsn, written: lsn, durable: lsn }
    }

    #[must_use]
    pub fn appended(&self) -> u64 {
        self.appended
    }

    #[must_use]
    pub fn written(&self) -> u64 {
        self.written
    }

    #[must_use]
    pub fn durable(&self) -> u64 {
        self.durable
    }

    /// One more frame lies in commit memory.
    pub(crate) fn append(&mut self, lsn: u64) {
        assert_eq!(lsn, self.appended + 1, "LSNs are dense");
        self.appended = lsn;
        self.check();
    }

    /// Everything up to `lsn` is written.
    pub(crate) fn write(&mut self, lsn: u64) {
        assert!(lsn >= self.written, "written moved back: {} -> {lsn}", self.written);
        self.written = lsn;
        self.check();
    }

    /// Everything up to `lsn` is durable.
    pub(crate) fn harden(&mut self, lsn: u64) {
        assert!(lsn >= self.durable, "durable moved back: {} -> {lsn}", self.durable);
        self.durable = lsn;
        self.check();
    }

    fn check(&self) {
        assert!(
            self.durable <= self.written && self.written <= self.appended,
            "watermarks out of order: {self:?}"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "out of order")]
    fn durable_never_passes_written() {
        let mut marks = Watermarks::at(5);
        marks.append(6);
        marks.harden(6);
    }

    #[test]
    #[should_panic(expected = "moved back")]
    fn written_never_moves_back() {
        Watermarks::at(5).write(4);
    }

    #[test]
    #[should_panic(expected = "dense")]
    fn no_lsn_is_skipped() {
        Watermarks::at(5).append(7);
    }
}
