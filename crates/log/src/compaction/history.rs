//! What the transactions of a partition mean for a pass: whose records were aborted, which markers are spent.
//!
//! What it is not: the state of transactions (`transactions.rs`); a pass looks only at what lies below the last stable
//! offset, where every transaction has ended.
//!
//! The invariant: a marker is spent only when no batch of its transaction is left in front of it, so readers that still
//! see a record of a transaction see how it ended.

use crate::batch::Header;
use crate::planted;
use crate::transactions::Aborted;
use std::collections::{BTreeMap, BTreeSet};

/// What becomes of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Its records are judged one by one.
    Records,
    /// All its records were aborted.
    Aborted,
    /// A marker that still has batches of its transaction in front of it.
    Marker,
    /// A marker that has none.
    SpentMarker,
}

/// Transactions as a pass goes from the log start on.
#[derive(Debug, Default)]
pub(crate) struct History {
    /// First offset by producer and marker.
    aborted: BTreeMap<(i64, u64), u64>,
    /// Producers with transactional batches since their last marker.
    open: BTreeSet<i64>,
}

impl History {
    pub fn of<'a>(aborted: impl Iterator<Item = &'a Aborted>) -> History {
        let aborted = aborted.map(|aborted| ((aborted.producer_id, aborted.last), aborted.first)).collect();
        History { aborted, open: BTreeSet::new() }
    }

    /// The batch holds records of an aborted transaction.
    pub fn is_aborted(&self, header: &Header) -> bool {
        if !header.transactional() || header.control() || planted::aborted_wins() {
            return false;
        }
        let mut behind = self.aborted.range((header.producer_id, header.base_offset)..);
        behind.next().is_some_and(|((producer_id, _), first)| {
            *producer_id == header.producer_id && *first <= header.base_offset
        })
    }

    /// The next batch in offset order.
    pub fn pass(&mut self, header: &Header) -> Fate {
        if header.control() {
            let has_batches = self.open.remove(&header.producer_id);
            return if has_batches { Fate::Marker } else { Fate::SpentMarker };
        }
        if header.transactional() {
            self.open.insert(header.producer_id);
        }
        if self.is_aborted(header) { Fate::Aborted } else { Fate::Records }
    }
}
