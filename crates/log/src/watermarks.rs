//! The six watermarks of a partition, kept apart and checked at every move.
//!
//! What it is not: a decision when a mark may move; that is the journal's (written, durable) and the partition's.
//!
//! The invariant: `log_start <= high_watermark <= log_end`, `last_stable <= high_watermark`,
//! `durable <= written <= log_end`. All are logical offsets and exclusive ends (`log_start`: inclusive begin).

/// Offsets of one partition. One struct, so that a move of one mark is checked against all others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Watermarks {
    pub log_start: u64,
    pub high_watermark: u64,
    pub last_stable: u64,
    pub durable: u64,
    pub written: u64,
    pub log_end: u64,
}

impl Watermarks {
    /// Marks of a partition of which everything from `log_start` to `log_end` is durable. `unstable` is the lowest offset
    /// of an open transaction.
    #[must_use]
    pub fn settled(log_start: u64, log_end: u64, unstable: Option<u64>) -> Watermarks {
        let marks = Watermarks {
            log_start,
            high_watermark: log_end,
            last_stable: unstable.map_or(log_end, |unstable| unstable.clamp(log_start, log_end)),
            durable: log_end,
            written: log_end,
            log_end,
        };
        marks.check();
        marks
    }

    /// Asserts the order of all marks; called at every move, in release builds too.
    pub fn check(&self) {
        assert!(
            self.log_start <= self.high_watermark
                && self.high_watermark <= self.log_end
                && self.last_stable <= self.high_watermark
                && self.durable <= self.written
                && self.written <= self.log_end,
            "watermarks out of order: {self:?}"
        );
    }

    /// Offsets were given out up to `end`. May go back only while undoing a refused frame, never below `written`.
    pub fn move_log_end(&mut self, end: u64) {
        self.log_end = end;
        self.check();
    }

    /// The journal holds everything below `end`: it survives the death of the process, so it may be read. Readers of
    /// committed data see what lies below `unstable`.
    pub fn move_written(&mut self, end: u64, unstable: Option<u64>) {
        assert!(end >= self.written, "written may not go back: {end} < {}", self.written);
        self.written = end;
        self.high_watermark = end;
        self.move_last_stable(unstable);
    }

    /// `unstable` is the lowest offset of a transaction that is open or whose end is not durable. Records below the log
    /// start hold nothing back.
    pub fn move_last_stable(&mut self, unstable: Option<u64>) {
        let stable = unstable
            .map_or(self.high_watermark, |unstable| unstable.max(self.log_start).min(self.high_watermark));
        assert!(stable >= self.last_stable, "last stable may not go back: {stable} < {}", self.last_stable);
        self.last_stable = stable;
        self.check();
    }

    /// A flush that covers everything below `end` has returned.
    pub fn move_durable(&mut self, end: u64) {
        assert!(end >= self.durable, "durable may not go back: {end} < {}", self.durable);
        self.durable = end;
        self.check();
    }

    /// Records below `start` are gone. Goes back only while undoing a refused frame.
    pub fn move_log_start(&mut self, start: u64) {
        self.log_start = start;
        self.check();
    }
}

/// Which watermark bounds a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Isolation {
    /// Up to the high watermark.
    ReadUncommitted = 0,
    /// Up to the last stable offset.
    ReadCommitted = 1,
    /// Up to what a completed flush covers.
    Durable = 2,
}

impl Watermarks {
    /// The first offset a reader of this isolation does not see.
    #[must_use]
    pub fn bound(&self, isolation: Isolation) -> u64 {
        match isolation {
            Isolation::ReadUncommitted => self.high_watermark,
            Isolation::ReadCommitted => self.last_stable,
            Isolation::Durable => self.durable.min(self.high_watermark),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_moves_the_high_watermark_and_durable_follows_apart() {
        let mut marks = Watermarks::default();
        marks.move_log_end(10);
        marks.move_written(7, None);
        assert_eq!((marks.high_watermark, marks.last_stable, marks.durable), (7, 7, 0));
        marks.move_durable(5);
        assert_eq!(marks.bound(Isolation::Durable), 5);
        assert_eq!(marks.bound(Isolation::ReadUncommitted), 7);
    }

    #[test]
    fn rule_21_the_last_stable_offset_stays_at_the_oldest_transaction_and_never_goes_back() {
        let mut marks = Watermarks::default();
        marks.move_log_end(10);
        marks.move_written(7, Some(3));
        assert_eq!((marks.high_watermark, marks.last_stable), (7, 3));
        assert_eq!(marks.bound(Isolation::ReadCommitted), 3);
        marks.move_log_start(5);
        marks.move_last_stable(Some(3));
        assert_eq!(marks.last_stable, 5, "what is below the log start holds nothing back");
        marks.move_last_stable(Some(9));
        assert_eq!(marks.last_stable, 7, "never above the high watermark");
    }

    #[test]
    #[should_panic(expected = "may not go back")]
    fn a_transaction_below_the_last_stable_offset_is_an_assertion() {
        let mut marks = Watermarks::default();
        marks.move_log_end(10);
        marks.move_written(7, None);
        marks.move_last_stable(Some(6));
    }

    #[test]
    #[should_panic(expected = "out of order")]
    fn written_beyond_the_log_end_is_an_assertion() {
        let mut marks = Watermarks::default();
        marks.move_log_end(3);
        marks.move_written(4, None);
    }

    #[test]
    #[should_panic(expected = "out of order")]
    fn durable_beyond_written_is_an_assertion() {
        let mut marks = Watermarks::default();
        marks.move_log_end(3);
        marks.move_written(2, None);
        marks.move_durable(3);
    }

    #[test]
    #[should_panic(expected = "out of order")]
    fn a_log_start_above_the_high_watermark_is_an_assertion() {
        let mut marks = Watermarks::default();
        marks.move_log_end(3);
        marks.move_log_start(1);
    }
}
