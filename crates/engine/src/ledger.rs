//! Counts, while a journal is replayed, what of every partition and store was settled, proven durable, kept or cut.
//!
//! What it is not: replay. It looks at what was done and changes nothing.
//!
//! The invariant: memory is bounded by what is not proven durable and by how many partitions were touched.

use crate::account::{PartitionAccount, Writes};
use crate::entry::{
    APPEND, ApplyError, CREATE_PARTITION, DELETE_PARTITION, DELETE_RECORDS, DROP_STORE, KV_PUT, KV_PUT_LARGE,
};
use crate::planted::{self, PlantedBug};
use millrace_journal::{FrameHeader, RecoveredEntry};
use millrace_log::batch::Header;
use millrace_log::{Log, ReplayError};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Whose an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    Partition(u64),
    Store(u32),
    State,
}

fn owner_of(entry: &RecoveredEntry) -> Owner {
    match entry.kind {
        APPEND | CREATE_PARTITION | DELETE_PARTITION | DELETE_RECORDS => Owner::Partition(entry.group),
        KV_PUT..=KV_PUT_LARGE => Owner::Store(u32::try_from(entry.group).unwrap_or(u32::MAX)),
        _ => Owner::State,
    }
}

/// Something kept that no frame proves durable so far; `end`: the log end it led to.
#[derive(Clone, Copy, Debug)]
struct Unproven {
    lsn: u64,
    owner: Owner,
    end: u64,
}

/// What an entry is, before it is applied.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Noted {
    owner: Owner,
    deletes: bool,
}

/// The counts so far.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    partitions: BTreeMap<u64, PartitionAccount>,
    stores: BTreeMap<u32, Writes>,
    state: Writes,
    unproven: VecDeque<Unproven>,
    /// Partitions that were deleted, of which `unproven` may still tell.
    deleted: BTreeSet<u64>,
    proven_lsn: u64,
    cut_frames: u64,
    cut_lsns: Vec<(u64, u64)>,
}

/// What the counts came to.
pub(crate) struct Sums {
    pub cut_frames: u64,
    pub cut_lsns: Vec<(u64, u64)>,
    pub touched: Vec<PartitionAccount>,
    pub stores: Vec<(u32, Writes)>,
    pub state: Writes,
}

fn log_end(log: &Log, partition: u64) -> u64 {
    log.find(partition).and_then(|handle| log.get(handle)).map_or(0, |partition| partition.marks.log_end)
}

fn compacted_end(log: &Log, partition: u64) -> u64 {
    let found = log.find(partition).and_then(|handle| log.get(handle));
    found.map_or(0, |partition| log.compacted_end(partition))
}

impl Ledger {
    /// The account of a partition. One that begins now has nothing above what was settled.
    fn account_of(&mut self, id: u64, log: &Log) -> &mut PartitionAccount {
        // What is looked through is looked through for an id that lives again, not for every deletion: there may be as many
        // of them as of what is looked through.
        if self.deleted.remove(&id) {
            self.unproven.retain(|unproven| unproven.owner != Owner::Partition(id));
        }
        self.partitions.entry(id).or_insert_with(|| {
            let end = log_end(log, id);
            PartitionAccount { partition: id, settled_end: end, proven_end: end, ..Default::default() }
        })
    }

    /// Partitions of which something durable is lost, each with the first offset of that.
    pub fn first_lost(&self) -> Vec<(u64, u64)> {
        let first = |account: &PartitionAccount| account.lost.iter().map(|(from, _)| *from).min();
        self.partitions.values().filter_map(|account| Some((account.partition, first(account)?))).collect()
    }

    /// A frame is about to be replayed.
    pub fn begin_frame(&mut self, header: &FrameHeader) {
        if planted::is(PlantedBug::ProofLeftOut) {
            return;
        }
        self.prove(header.durable_lsn);
    }

    /// An entry is about to be applied.
    pub fn before(&mut self, entry: &RecoveredEntry, log: &Log) -> Noted {
        let owner = owner_of(entry);
        if let Owner::Partition(id) = owner {
            self.account_of(id, log);
        }
        Noted { owner, deletes: matches!(entry.kind, DELETE_PARTITION | DROP_STORE) }
    }

    /// It was applied, or could not be.
    pub fn after(&mut self, lsn: u64, noted: Noted, result: &Result<(), ApplyError>, log: &Log) {
        let owner = noted.owner;
        match owner {
            Owner::Partition(id) if noted.deletes => {
                self.partitions.remove(&id);
                self.deleted.insert(id);
                return;
            }
            Owner::Partition(id) => {
                if let (Some(account), Some(lost)) = (self.partitions.get_mut(&id), lost_by(result)) {
                    account.lost.push(lost);
                }
            }
            Owner::Store(store) => self.stores.entry(store).or_default().kept += 1,
            Owner::State => self.state.kept += 1,
        }
        let end = if let Owner::Partition(id) = owner { log_end(log, id) } else { 0 };
        // A frame proves what came before it: nothing proves this one yet.
        self.unproven.push_back(Unproven { lsn, owner, end });
    }

    /// A whole frame of the torn tail; replay of what is kept is over.
    pub fn cut(&mut self, header: &FrameHeader, entries: impl Iterator<Item = RecoveredEntry>, log: &Log) {
        if planted::is(PlantedBug::CutFrameLeftOut) && self.cut_frames == 1 {
            return;
        }
        self.cut_frames += 1;
        match self.cut_lsns.last_mut() {
            Some((_, last)) if *last + 1 == header.lsn => *last = header.lsn,
            _ => self.cut_lsns.push((header.lsn, header.lsn)),
        }
        for entry in entries {
            match owner_of(&entry) {
                Owner::Partition(id) if entry.kind == APPEND => {
                    let account = self.account_of(id, log);
                    let Ok(batch) = Header::parse(entry.payload.bytes()) else { continue };
                    account.cut_batches += 1;
                    account.cut_records += u64::from(batch.count);
                    account.cut_bytes += batch.length as u64;
                }
                Owner::Store(store) => self.stores.entry(store).or_default().cut += 1,
                Owner::State | Owner::Partition(_) => self.state.cut += 1,
            }
        }
    }

    /// Everything up to this LSN was durable.
    fn prove(&mut self, lsn: u64) {
        self.proven_lsn = self.proven_lsn.max(lsn);
        let proven_lsn = self.proven_lsn;
        while let Some(unproven) = self.unproven.front().filter(|one| one.lsn <= proven_lsn).copied() {
            self.unproven.pop_front();
            self.count_proven(unproven);
        }
    }

    fn count_proven(&mut self, unproven: Unproven) {
        match unproven.owner {
            Owner::Partition(id) => {
                if let Some(account) = self.partitions.get_mut(&id) {
                    account.proven_end = account.proven_end.max(unproven.end);
                }
            }
            Owner::Store(store) => self.stores.entry(store).or_default().proven += 1,
            Owner::State => self.state.proven += 1,
        }
    }

    /// Replay is over: everything up to `durable_lsn` had been durable.
    pub fn finish(mut self, log: &Log, durable_lsn: u64) -> Sums {
        if !planted::is(PlantedBug::ProofLeftOut) {
            self.prove(durable_lsn);
        }
        if planted::is(PlantedBug::EverythingProven) {
            self.prove(u64::MAX);
        }
        let mut touched: Vec<PartitionAccount> = self.partitions.into_values().collect();
        for account in &mut touched {
            account.log_end = log_end(log, account.partition);
            account.compacted_end = compacted_end(log, account.partition);
        }
        Sums {
            cut_frames: self.cut_frames,
            cut_lsns: self.cut_lsns,
            touched,
            stores: self.stores.into_iter().collect(),
            state: self.state,
        }
    }
}

fn lost_by(result: &Result<(), ApplyError>) -> Option<(u64, u64)> {
    match result {
        Err(ApplyError::Replay(ReplayError::Hole { from, to, .. } | ReplayError::Lost { from, to, .. })) => {
            Some((*from, *to))
        }
        _ => None,
    }
}
