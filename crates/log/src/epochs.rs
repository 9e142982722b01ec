//! The epoch checkpoint of a partition: which leader epoch began at which offset (kafka.md rules 33, 34).
//!
//! What it is not: an election. The leader epoch is the incarnation of the data directory and grows at every open.
//!
//! The invariant: epochs and start offsets both grow strictly from entry to entry.

use crate::fields::{Fields, Short, put_u32, put_u64};

/// An epoch and the offset of its first record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Epoch {
    pub epoch: i32,
    pub start: u64,
}

/// All epochs that still have records, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Epochs {
    entries: Vec<Epoch>,
}

impl Epochs {
    /// A batch of `epoch` is appended at `offset`. True when it is the first one of its epoch (then `forget_last`
    /// undoes it).
    pub fn appended(&mut self, epoch: i32, offset: u64) -> bool {
        match self.entries.last() {
            Some(last) if last.epoch == epoch => false,
            last => {
                assert!(
                    last.is_none_or(|last| last.epoch < epoch && last.start < offset),
                    "leader epochs must grow: {last:?}, then {epoch} at {offset}"
                );
                self.entries.push(Epoch { epoch, start: offset });
                true
            }
        }
    }

    /// Undoes an `appended` that answered true.
    pub fn forget_last(&mut self) {
        self.entries.pop();
    }

    /// Whether a batch of `epoch` may follow what is here.
    #[must_use]
    pub fn may_follow(&self, epoch: i32) -> bool {
        self.entries.last().is_none_or(|last| last.epoch <= epoch)
    }

    /// The epoch of the record at `offset`; `None` before the first entry.
    #[must_use]
    pub fn at(&self, offset: u64) -> Option<i32> {
        let next = self.entries.partition_point(|entry| entry.start <= offset);
        next.checked_sub(1).map(|at| self.entries[at].epoch)
    }

    /// Where the epoch of the record at `offset` ends, if another one has begun behind it.
    #[must_use]
    pub fn end_at(&self, offset: u64) -> Option<u64> {
        let next = self.entries.partition_point(|entry| entry.start <= offset);
        self.entries.get(next).map(|entry| entry.start)
    }

    /// Rule 34: (epoch, end offset) for `asked`, where `current` is the leader's epoch. `None` answers (-1, -1).
    #[must_use]
    pub fn end_of(&self, asked: i32, current: i32, log_start: u64, log_end: u64) -> Option<(i32, u64)> {
        if asked < 0 || asked > current {
            return None;
        }
        if asked == current {
            return Some((current, log_end));
        }
        let next = self.entries.partition_point(|entry| entry.epoch <= asked);
        let end = self.entries.get(next).map_or(log_end, |entry| entry.start);
        match next.checked_sub(1) {
            Some(at) => Some((self.entries[at].epoch, end)),
            // Older than everything kept: its end is where the log now begins.
            None => Some((asked, end.max(log_start))),
        }
    }

    /// Records below `log_start` are gone: epochs that lie wholly below it are dropped.
    pub fn trim(&mut self, log_start: u64) {
        let next = self.entries.partition_point(|entry| entry.start <= log_start);
        self.entries.drain(..next.saturating_sub(1));
    }

    /// Appends the checkpoint to `out`.
    pub fn encode(&self, out: &mut Vec<u8>) {
        put_u32(out, self.entries.len() as u32);
        for entry in &self.entries {
            put_u32(out, entry.epoch as u32);
            put_u64(out, entry.start);
        }
    }

    /// Reads what `encode` wrote; entries out of order are refused.
    pub fn decode(fields: &mut Fields) -> Result<Epochs, Short> {
        let count = fields.count(12)?;
        let mut entries: Vec<Epoch> = Vec::with_capacity(count);
        for _ in 0..count {
            let entry = Epoch { epoch: fields.u32()? as i32, start: fields.u64()? };
            if entries.last().is_some_and(|last| last.epoch >= entry.epoch || last.start >= entry.start) {
                return Err(Short);
            }
            entries.push(entry);
        }
        Ok(Epochs { entries })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn epochs() -> Epochs {
        let mut epochs = Epochs::default();
        assert!(epochs.appended(1, 0));
        assert!(!epochs.appended(1, 5));
        assert!(epochs.appended(3, 10));
        epochs
    }

    #[test]
    fn an_offset_lies_in_the_epoch_that_began_last_before_it() {
        let epochs = epochs();
        assert_eq!([0, 9, 10, 11].map(|offset| epochs.at(offset)), [Some(1), Some(1), Some(3), Some(3)]);
        assert_eq!([0, 9, 10, 11].map(|offset| epochs.end_at(offset)), [Some(10), Some(10), None, None]);
    }

    #[test]
    fn rule_34_an_epoch_ends_where_the_next_one_begins() {
        let epochs = epochs();
        assert_eq!(epochs.end_of(1, 5, 0, 20), Some((1, 10)));
        assert_eq!(epochs.end_of(2, 5, 0, 20), Some((1, 10)), "the largest known epoch at or below");
        assert_eq!(epochs.end_of(3, 5, 0, 20), Some((3, 20)));
        assert_eq!(epochs.end_of(4, 5, 0, 20), Some((3, 20)));
        assert_eq!(epochs.end_of(5, 5, 0, 20), Some((5, 20)), "the current epoch ends at the log end");
        assert_eq!(epochs.end_of(6, 5, 0, 20), None, "a future epoch is unknown");
        assert_eq!(epochs.end_of(-1, 5, 0, 20), None);
        assert_eq!(epochs.end_of(0, 5, 0, 20), Some((0, 0)));
    }

    #[test]
    fn every_offset_knows_its_epoch() {
        let epochs = epochs();
        assert_eq!([0, 9, 10, 99].map(|offset| epochs.at(offset)), [Some(1), Some(1), Some(3), Some(3)]);
    }

    #[test]
    fn trimming_keeps_the_epoch_that_covers_the_log_start() {
        let mut epochs = epochs();
        epochs.trim(7);
        assert_eq!(epochs.at(7), Some(1));
        epochs.trim(10);
        assert_eq!((epochs.at(9), epochs.at(10)), (None, Some(3)));
    }

    #[test]
    fn a_checkpoint_out_of_order_is_refused() {
        let mut out = Vec::new();
        epochs().encode(&mut out);
        assert_eq!(Epochs::decode(&mut Fields::new(&out)), Ok(epochs()));
        out[4] = 9;
        assert!(Epochs::decode(&mut Fields::new(&out)).is_err());
    }
}
