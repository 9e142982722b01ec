//! Transactions of one partition: which are open and since which offset, and which were aborted (kafka.md rules 20 to
//! 22).
//!
//! What it is not: the coordinator, which says when a transaction ends; the producers' epochs and sequences
//! (`producers.rs`).
//!
//! The invariant: a transaction holds the last stable offset at its first offset until its marker is durable, so a
//! reader of committed data never sees what a power cut could still undo.

use crate::fields::{Fields, Short, put_i64, put_u32, put_u64};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Bytes of an open transaction and of an aborted one in a snapshot.
const OPEN_ENCODED: usize = 16;
const ABORTED_ENCODED: usize = 32;

/// An aborted transaction: its records of this producer in `first..last` are not for readers of committed data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Aborted {
    pub producer_id: i64,
    /// Offset of its first record.
    pub first: u64,
    /// Offset of its marker.
    pub last: u64,
    /// Every transaction that ends behind this one begins at or above this offset: where a search may stop.
    stable: u64,
}

/// A transaction whose marker has its place and is not durable yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ended {
    first: u64,
    marker: u64,
}

/// All transactions of one partition. An empty one holds no memory of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transactions {
    /// First offset by producer id.
    open: BTreeMap<i64, u64>,
    open_firsts: BTreeSet<u64>,
    /// In the order of their markers.
    ended: VecDeque<Ended>,
    /// In the order of their markers.
    aborted: Vec<Aborted>,
}

/// What brings the transactions back to where they were before a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransactionUndo {
    Nothing,
    Began { producer_id: i64 },
    Ended { producer_id: i64, first: u64, aborted: bool },
}

impl Transactions {
    /// A transactional batch got the offset `base`: the first one of its producer opens a transaction.
    pub fn append(&mut self, producer_id: i64, base: u64) -> TransactionUndo {
        if self.open.contains_key(&producer_id) {
            return TransactionUndo::Nothing;
        }
        self.open.insert(producer_id, base);
        self.open_firsts.insert(base);
        TransactionUndo::Began { producer_id }
    }

    /// A marker got the offset `marker`. Without an open transaction it says nothing to readers.
    pub fn end(&mut self, producer_id: i64, committed: bool, marker: u64) -> TransactionUndo {
        let Some(first) = self.open.remove(&producer_id) else { return TransactionUndo::Nothing };
        self.open_firsts.remove(&first);
        self.ended.push_back(Ended { first, marker });
        if !committed {
            let stable = self.open_firsts.first().copied().unwrap_or(marker + 1);
            self.aborted.push(Aborted { producer_id, first, last: marker, stable });
        }
        TransactionUndo::Ended { producer_id, first, aborted: !committed }
    }

    /// Takes the newest `append` or `end` back.
    pub fn undo(&mut self, undo: TransactionUndo) {
        match undo {
            TransactionUndo::Nothing => {}
            TransactionUndo::Began { producer_id } => {
                if let Some(first) = self.open.remove(&producer_id) {
                    self.open_firsts.remove(&first);
                }
            }
            TransactionUndo::Ended { producer_id, first, aborted } => {
                self.ended.pop_back();
                if aborted {
                    self.aborted.pop();
                }
                self.open.insert(producer_id, first);
                self.open_firsts.insert(first);
            }
        }
    }

    /// Everything below `end` is durable: markers there let go of the last stable offset.
    pub fn durable(&mut self, end: u64) {
        while self.ended.front().is_some_and(|ended| ended.marker < end) {
            self.ended.pop_front();
        }
    }

    /// The lowest offset that belongs to a transaction which is open, or whose end is not durable yet.
    #[must_use]
    pub fn first_unstable(&self) -> Option<u64> {
        let open = self.open_firsts.first().copied();
        let ended = self.ended.iter().map(|ended| ended.first).min();
        open.into_iter().chain(ended).min()
    }

    /// First offset of the open transaction of a producer.
    #[must_use]
    pub fn first_of(&self, producer_id: i64) -> Option<u64> {
        self.open.get(&producer_id).copied()
    }

    /// Aborted transactions with something in `from..to`, in the order of their markers (rule 22).
    pub fn aborted_between(&self, from: u64, to: u64) -> impl Iterator<Item = &Aborted> {
        let start = self.aborted.partition_point(|aborted| aborted.last < from);
        let mut below = true;
        self.aborted[start..]
            .iter()
            // The entry behind which nothing can reach below `to` still counts itself.
            .take_while(move |aborted| std::mem::replace(&mut below, aborted.stable < to))
            .filter(move |aborted| aborted.first < to)
    }

    /// Aborted transactions that are remembered.
    #[must_use]
    pub fn aborted_count(&self) -> usize {
        self.aborted.len()
    }

    /// Forgets aborted transactions that lie wholly below the log start.
    pub fn trim(&mut self, log_start: u64) {
        let gone = self.aborted.partition_point(|aborted| aborted.last < log_start);
        self.aborted.drain(..gone);
        if self.aborted.is_empty() {
            self.aborted = Vec::new();
        }
    }

    /// All aborted transactions that are remembered, in the order of their markers.
    pub(crate) fn aborted(&self) -> impl Iterator<Item = &Aborted> {
        self.aborted.iter()
    }

    /// Forgets aborted transactions whose markers (ascending offsets) went: they have no record left, and a list that names them would hide
    /// what their producers wrote later.
    pub(crate) fn forget(&mut self, markers: &[u64]) {
        self.aborted.retain(|aborted| markers.binary_search(&aborted.last).is_err());
    }

    /// True when a snapshot needs no word about this partition.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.open.is_empty() && self.aborted.is_empty()
    }

    /// Appends the snapshot of this state to `out`. What has ended is durable when the snapshot counts.
    pub fn encode(&self, out: &mut Vec<u8>) {
        put_u32(out, self.open.len() as u32);
        for (producer_id, first) in &self.open {
            put_i64(out, *producer_id);
            put_u64(out, *first);
        }
        put_u32(out, self.aborted.len() as u32);
        for aborted in &self.aborted {
            put_i64(out, aborted.producer_id);
            put_u64(out, aborted.first);
            put_u64(out, aborted.last);
            put_u64(out, aborted.stable);
        }
    }

    /// Reads what `encode` wrote for a partition whose log ends at `log_end`.
    pub fn decode(fields: &mut Fields, log_end: u64) -> Result<Transactions, Short> {
        let mut found = Transactions::default();
        for _ in 0..fields.count(OPEN_ENCODED)? {
            let (producer_id, first) = (fields.i64()?, fields.u64()?);
            let known = found.open.insert(producer_id, first).is_some();
            if known || first >= log_end || !found.open_firsts.insert(first) {
                return Err(Short);
            }
        }
        for _ in 0..fields.count(ABORTED_ENCODED)? {
            let aborted = Aborted {
                producer_id: fields.i64()?,
                first: fields.u64()?,
                last: fields.u64()?,
                stable: fields.u64()?,
            };
            let follows = found.aborted.last().is_none_or(|before| before.last < aborted.last);
            if !follows || aborted.first >= aborted.last || aborted.last >= log_end {
                return Err(Short);
            }
            found.aborted.push(aborted);
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn between(transactions: &Transactions, from: u64, to: u64) -> Vec<(i64, u64)> {
        transactions.aborted_between(from, to).map(|aborted| (aborted.producer_id, aborted.first)).collect()
    }

    #[test]
    fn the_oldest_transaction_holds_the_stable_offset_until_its_marker_is_durable() {
        let mut transactions = Transactions::default();
        transactions.append(1, 10);
        transactions.append(2, 12);
        transactions.append(1, 14);
        assert_eq!(transactions.first_unstable(), Some(10));
        transactions.end(1, true, 16);
        assert_eq!(transactions.first_unstable(), Some(10), "a marker counts when it is durable");
        transactions.durable(16);
        assert_eq!(transactions.first_unstable(), Some(10), "durable up to the marker is not with it");
        transactions.durable(17);
        assert_eq!(transactions.first_unstable(), Some(12));
        transactions.end(2, false, 17);
        transactions.durable(18);
        assert_eq!(transactions.first_unstable(), None);
    }

    #[test]
    fn rule_22_the_aborted_list_has_what_overlaps_the_range_and_nothing_else() {
        let mut transactions = Transactions::default();
        transactions.append(1, 0);
        transactions.append(2, 1);
        transactions.end(2, false, 5);
        transactions.append(3, 6);
        transactions.end(3, true, 7);
        transactions.end(1, false, 8);
        transactions.append(2, 9);
        transactions.end(2, false, 10);
        assert_eq!(between(&transactions, 0, 1), [(1, 0)], "ends late, begins early");
        assert_eq!(between(&transactions, 0, 20), [(2, 1), (1, 0), (2, 9)]);
        assert_eq!(between(&transactions, 5, 9), [(2, 1), (1, 0)]);
        assert_eq!(between(&transactions, 6, 9), [(1, 0)]);
        assert_eq!(between(&transactions, 11, 20), []);
        transactions.trim(9);
        assert_eq!(between(&transactions, 0, 20), [(2, 9)]);
    }

    #[test]
    fn rule_22_every_range_finds_what_a_plain_search_finds() {
        let mut seed = 7_u64;
        let mut draw = |below: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) % below
        };
        let mut transactions = Transactions::default();
        let mut offset = 0;
        for _ in 0..400 {
            let producer_id = draw(6) as i64;
            match draw(4) {
                0 => transactions.end(producer_id, draw(2) == 0, offset),
                _ => transactions.append(producer_id, offset),
            };
            offset += 1;
        }
        for from in 0..offset {
            let to = from + 1 + draw(40);
            let plain: Vec<&Aborted> =
                transactions.aborted.iter().filter(|a| a.last >= from && a.first < to).collect();
            assert_eq!(transactions.aborted_between(from, to).collect::<Vec<_>>(), plain, "{from}..{to}");
        }
    }

    #[test]
    fn a_refused_frame_leaves_no_trace() {
        let mut transactions = Transactions::default();
        transactions.append(1, 0);
        let before = transactions.clone();
        let undos = [
            transactions.append(2, 3),
            transactions.append(1, 4),
            transactions.end(1, false, 5),
            transactions.append(1, 6),
            transactions.end(2, true, 7),
            transactions.end(9, true, 8),
        ];
        undos.into_iter().rev().for_each(|undo| transactions.undo(undo));
        assert_eq!(transactions, before);
    }

    #[test]
    fn a_snapshot_comes_back_whole_and_a_cut_one_is_refused() {
        let mut transactions = Transactions::default();
        transactions.append(1, 0);
        transactions.append(2, 1);
        transactions.end(2, false, 5);
        transactions.durable(6);
        let mut out = Vec::new();
        transactions.encode(&mut out);
        assert_eq!(Transactions::decode(&mut Fields::new(&out), 6), Ok(transactions));
        for cut in 0..out.len() {
            assert!(Transactions::decode(&mut Fields::new(&out[..cut]), 6).is_err());
        }
        assert!(Transactions::decode(&mut Fields::new(&out), 5).is_err(), "beyond the log");
    }
}
