//! The model: what an engine's state is after a sequence of frames.

use super::batches::TestBatch;
use millrace_engine::{Code, Engine};
use std::collections::BTreeMap;
use std::rc::Rc;

/// One batch as it is stored.
#[derive(Clone, Debug)]
pub struct Batch {
    pub end: u64,
    pub bytes: Rc<[u8]>,
}

/// Who sent a batch: id, epoch, first sequence.
pub type By = (i64, i16, i32);

/// One batch a producer sent: what a retry repeats.
#[derive(Clone, Debug)]
pub struct Sent {
    pub sequence: i32,
    pub count: u64,
    pub base: u64,
    pub batch: Rc<[u8]>,
}

/// What a partition remembers of a producer (rule 15: five batches).
#[derive(Clone, Debug, Default)]
pub struct Producer {
    pub epoch: i16,
    pub sent: Vec<Sent>,
}

/// One partition.
#[derive(Clone, Debug, Default)]
pub struct Partition {
    pub start: u64,
    pub end: u64,
    pub batches: Vec<Batch>,
    pub producers: BTreeMap<i64, Producer>,
}

/// Partitions and state map.
#[derive(Clone, Debug, Default)]
pub struct State {
    pub partitions: BTreeMap<u64, Rc<Partition>>,
    pub map: BTreeMap<Vec<u8>, Vec<u8>>,
}

/// One effect, as it is asked for.
#[derive(Clone, Debug)]
pub enum Effect {
    Append {
        partition: u64,
        count: u64,
        batch: Rc<[u8]>,
        by: Option<By>,
    },
    Put {
        key: Vec<u8>,
        value: Vec<u8>,
    },
    Delete {
        key: Vec<u8>,
    },
    Create {
        partition: u64,
    },
    DeletePartition {
        partition: u64,
    },
    /// To the high watermark, which was this.
    DeleteRecords {
        partition: u64,
        start: u64,
    },
}

/// What the model expects an effect to be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    Done,
    Appended(u64),
    Duplicate(u64),
}

/// One frame that was accepted.
#[derive(Clone, Debug)]
pub struct Frame {
    pub lsn: u64,
    pub epoch: u32,
    pub records: u64,
    /// Payload bytes, as policies count them.
    pub bytes: u64,
    pub appended_ns: u64,
    pub effects: Vec<Effect>,
}

impl Partition {
    /// Rules 15 to 18.
    fn judge(&self, (id, epoch, sequence): By, count: u64) -> Result<Option<u64>, Code> {
        let Some(producer) = self.producers.get(&id) else { return Ok(None) };
        if epoch < producer.epoch {
            return Err(Code::InvalidProducerEpoch);
        }
        if epoch > producer.epoch {
            return if sequence == 0 { Ok(None) } else { Err(Code::OutOfOrderSequence) };
        }
        let same = |sent: &&Sent| sent.sequence == sequence && sent.count == count;
        if let Some(sent) = producer.sent.iter().find(same) {
            return Ok(Some(sent.base));
        }
        let next = producer.sent.last().map(|sent| sent.sequence + sent.count as i32);
        if next == Some(sequence) { Ok(None) } else { Err(Code::OutOfOrderSequence) }
    }

    fn append(&mut self, batch: &Rc<[u8]>, count: u64, by: Option<By>, epoch: u32) -> u64 {
        let base = self.end;
        self.end += count;
        self.batches.push(Batch { end: self.end, bytes: stored(batch, base, epoch) });
        if let Some((id, producer_epoch, sequence)) = by {
            let producer = self.producers.entry(id).or_default();
            if producer.epoch != producer_epoch {
                *producer = Producer { epoch: producer_epoch, sent: Vec::new() };
            }
            if producer.sent.len() == 5 {
                producer.sent.remove(0);
            }
            producer.sent.push(Sent { sequence, count, base, batch: Rc::clone(batch) });
        }
        base
    }
}

impl State {
    fn partition(&mut self, id: u64) -> Result<&mut Partition, Code> {
        self.partitions.get_mut(&id).map(Rc::make_mut).ok_or(Code::UnknownPartition)
    }

    /// Does one effect in a run with this leader epoch, or says why it is refused.
    pub fn apply(&mut self, effect: &Effect, epoch: u32) -> Result<Expected, Code> {
        match effect {
            Effect::Append { partition, count, batch, by } => {
                let partition = self.partition(*partition)?;
                if let Some(by) = by
                    && let Some(base) = partition.judge(*by, *count)?
                {
                    return Ok(Expected::Duplicate(base));
                }
                return Ok(Expected::Appended(partition.append(batch, *count, *by, epoch)));
            }
            Effect::Put { key, value } => {
                self.map.insert(key.clone(), value.clone());
            }
            Effect::Delete { key } => {
                self.map.remove(key);
            }
            Effect::Create { partition } => {
                if self.partitions.contains_key(partition) {
                    return Err(Code::Exists);
                }
                self.partitions.insert(*partition, Rc::default());
            }
            Effect::DeletePartition { partition } => {
                self.partitions.remove(partition).ok_or(Code::UnknownPartition)?;
            }
            Effect::DeleteRecords { partition, start } => {
                let partition = self.partition(*partition)?;
                let start = partition.start.max(*start);
                partition.start = start;
                partition.batches.retain(|batch| batch.end > start);
            }
        }
        Ok(Expected::Done)
    }

    /// Does a frame that was accepted.
    pub fn replay(&mut self, frame: &Frame) {
        for effect in &frame.effects {
            self.apply(effect, frame.epoch).expect("the frame was accepted in this state");
        }
    }

    /// Whether the engine has the same partitions, bounds and map. Contents are compared by `life.rs`.
    pub fn matches(&self, engine: &Engine, partitions: u64) -> bool {
        let bounds = (1..=partitions).all(|id| {
            let found = engine.watermarks(id).map(|marks| (marks.log_start, marks.log_end));
            found == self.partitions.get(&id).map(|partition| (partition.start, partition.end))
        });
        bounds && {
            let found = engine.scan_state(b"");
            found.eq(self.map.iter().map(|(key, value)| (&key[..], &value[..])))
        }
    }
}

/// A batch with the patches a broker makes.
pub fn stored(batch: &[u8], base: u64, epoch: u32) -> Rc<[u8]> {
    let mut out = batch.to_vec();
    out[..8].copy_from_slice(&base.to_be_bytes());
    out[12..16].copy_from_slice(&epoch.to_be_bytes());
    out.into()
}

/// Builds a batch of `count` records with values of `length` bytes.
pub fn build(fill: u64, count: u64, length: u64, by: Option<By>) -> Vec<u8> {
    let value: Vec<u8> = (0..length).map(|at| (fill.wrapping_add(at.wrapping_mul(13))) as u8).collect();
    let values: Vec<&[u8]> = (0..count).map(|_| value.as_slice()).collect();
    let mut batch = TestBatch::of(&values).at((fill % 1_000_000) as i64);
    if let Some((id, epoch, sequence)) = by {
        batch = batch.by(id, epoch, sequence);
    }
    batch.encode()
}
