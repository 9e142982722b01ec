//! What a compacted partition must hold: of every key the newest committed record, offsets as they were given, nothing
//! that was aborted, no tombstone gone before its time.

use super::client::Seen;
use std::collections::BTreeMap;

/// Something that took offsets of a partition.
#[derive(Clone, Debug)]
pub enum Sent {
    Batch { base: u64, records: Vec<Seen>, producer: i64, sequence: i32, transactional: bool, bytes: Vec<u8> },
    Marker { base: u64, producer: i64, committed: bool },
}

impl Sent {
    pub fn base(&self) -> u64 {
        match self {
            Sent::Batch { base, .. } | Sent::Marker { base, .. } => *base,
        }
    }
}

/// All that was appended to one partition, in order.
#[derive(Clone, Debug, Default)]
pub struct Partition {
    pub sent: Vec<Sent>,
    /// A frame that is durable ends here.
    pub durable: u64,
    pub log_start: u64,
}

impl Partition {
    /// What a recovered log that ends at `end` has kept.
    pub fn cut(&mut self, end: u64) {
        self.sent.retain(|sent| sent.base() < end);
    }

    /// The next sequence of a producer.
    pub fn sequence(&self, of: i64) -> i32 {
        let records = self.sent.iter().map(|sent| match sent {
            Sent::Batch { producer, records, .. } if *producer == of => records.len(),
            _ => 0,
        });
        records.sum::<usize>() as i32
    }

    /// The last batch of a producer: its bytes and where it was put.
    pub fn last_of(&self, of: i64) -> Option<(Vec<u8>, u64)> {
        self.sent.iter().rev().find_map(|sent| match sent {
            Sent::Batch { producer, bytes, base, .. } if *producer == of => Some((bytes.clone(), *base)),
            _ => None,
        })
    }

    /// The producer is in the middle of a transaction.
    pub fn is_open(&self, of: i64) -> bool {
        let last = self.sent.iter().rev().find_map(|sent| match sent {
            Sent::Batch { producer, transactional: true, .. } if *producer == of => Some(true),
            Sent::Marker { producer, .. } if *producer == of => Some(false),
            _ => None,
        });
        last == Some(true)
    }

    /// Committed records below `stable`, in offset order.
    pub fn committed(&self, stable: u64) -> Vec<Seen> {
        let mut found = Vec::new();
        let mut open: BTreeMap<i64, Vec<Seen>> = BTreeMap::new();
        // What began below may have ended above it.
        for sent in &self.sent {
            match sent {
                Sent::Batch { producer, records, transactional: true, .. } => {
                    open.entry(*producer).or_default().extend(records.iter().cloned());
                }
                Sent::Batch { records, .. } => found.extend(records.iter().cloned()),
                Sent::Marker { producer, committed, .. } => {
                    let records = open.remove(producer).unwrap_or_default();
                    if *committed {
                        found.extend(records);
                    }
                }
            }
        }
        found.retain(|record| record.offset < stable);
        found.sort_by_key(|record| record.offset);
        found
    }

    /// Checks what a reader of committed data has found from the log start to `stable`.
    pub fn check(&self, seen: &[Seen], stable: u64, now_ms: i64, retention_ms: i64) -> Result<(), String> {
        let mut committed = self.committed(stable);
        committed.retain(|record| record.offset >= self.log_start);
        let mut expected: BTreeMap<&[u8], &Seen> = BTreeMap::new();
        let mut by_offset: BTreeMap<u64, &Seen> = BTreeMap::new();
        for record in &committed {
            expected.insert(&record.key, record);
            by_offset.insert(record.offset, record);
        }
        let mut found: BTreeMap<&[u8], &Seen> = BTreeMap::new();
        let mut last = None;
        for record in seen {
            if last.is_some_and(|last| last >= record.offset) {
                return Err(format!("offset {} does not follow {last:?}", record.offset));
            }
            last = Some(record.offset);
            if by_offset.get(&record.offset) != Some(&record) {
                return Err(format!("{record:?} was never sent or never committed"));
            }
            found.insert(&record.key, record);
        }
        for (key, newest) in expected {
            match found.get(key) {
                Some(record) if *record == newest => {}
                None if newest.value.is_none() && newest.timestamp + retention_ms <= now_ms => {}
                other => return Err(format!("of {key:?} there is {other:?} instead of {newest:?}")),
            }
        }
        Ok(())
    }
}
