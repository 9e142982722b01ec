//! How full the journal is, for back-pressure and for deciding when to settle.
//!
//! What it is not: it refuses nothing itself; `append` does, when there is no file left.
//!
//! The one invariant: what is settled is never counted; what is not settled is counted within 64 KiB.

use std::collections::VecDeque;

/// Bytes by what has become of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pressure {
    /// Frames that are not settled.
    pub unsettled_bytes: u64,
    /// File space that cannot be given out before something is settled.
    pub occupied_bytes: u64,
    /// File space there is or may be.
    pub capacity_bytes: u64,
}

/// Bytes between two marks.
const MARK_EVERY: u64 = 64 << 10;

/// Running total of appended bytes, marked every 64 KiB, so that a settled LSN can be turned into bytes.
#[derive(Debug, Default)]
pub(crate) struct SettleMarks {
    marks: VecDeque<(u64, u64)>,
    appended: u64,
    settled: u64,
    last_lsn: u64,
}

impl SettleMarks {
    pub fn append(&mut self, lsn: u64, bytes: u64) {
        self.appended += bytes;
        self.last_lsn = lsn;
        let last = self.marks.back().map_or(self.settled, |(_, total)| *total);
        if self.appended - last >= MARK_EVERY {
            self.marks.push_back((lsn, self.appended));
        }
    }

    pub fn settle(&mut self, lsn: u64) {
        while let Some((_, total)) = self.marks.front().copied().filter(|(mark, _)| *mark <= lsn) {
            self.settled = total;
            self.marks.pop_front();
        }
        if lsn >= self.last_lsn {
            self.settled = self.appended;
        }
    }

    pub fn unsettled(&self) -> u64 {
        self.appended - self.settled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unsettled_bytes_are_right_within_one_mark() {
        let mut marks = SettleMarks::default();
        for lsn in 1..=100 {
            marks.append(lsn, 10_000);
        }
        assert_eq!(marks.unsettled(), 1_000_000);
        marks.settle(50);
        assert!((500_000..500_000 + MARK_EVERY + 10_000).contains(&marks.unsettled()));
        marks.settle(100);
        assert_eq!(marks.unsettled(), 0);
    }
}
