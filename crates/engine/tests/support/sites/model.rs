//! The model of a life: the frames an engine accepted, and what it must hold after any prefix of them.

use crate::support::{end_of, stored};
use millrace_engine::{Append, Code, Effect, Engine, Isolation, Read};
use std::collections::BTreeMap;

/// Partitions a life uses.
pub const PARTITIONS: [u64; 2] = [1, 2];

/// What a read may answer while calls fail: the device (`Damaged`), lack of descriptors or memory (`Busy`), calls
/// cancelled for ever (`Closing`).
const ANSWERS: [Code; 3] = [Code::Damaged, Code::Busy, Code::Closing];

/// One effect, as it is asked for.
#[derive(Clone, Debug)]
pub enum Ask {
    Create(u64),
    Append(u64, Vec<u8>),
    Put(&'static [u8], Vec<u8>),
    Delete(&'static [u8]),
    /// Up to this offset.
    DeleteRecords(u64, i64),
}

impl Ask {
    pub fn effect(&self) -> Effect<'_> {
        match self {
            Ask::Create(partition) => Effect::CreatePartition { partition: *partition },
            Ask::Append(partition, batch) => Effect::Append(Append::new(*partition, batch)),
            Ask::Put(key, value) => Effect::Put { key, value },
            Ask::Delete(key) => Effect::Delete { key },
            Ask::DeleteRecords(partition, offset) => {
                Effect::DeleteRecords { partition: *partition, offset: *offset }
            }
        }
    }
}

/// A frame that was accepted.
#[derive(Clone, Debug)]
pub struct Frame {
    pub lsn: u64,
    pub epoch: i32,
    pub ask: Ask,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Held {
    pub start: i64,
    /// Every batch since the beginning, one record each: the index is the offset.
    pub batches: Vec<Vec<u8>>,
}

/// What an engine holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    pub partitions: BTreeMap<u64, Held>,
    pub map: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl State {
    pub fn after(frames: &[Frame]) -> State {
        let mut state = State::default();
        for frame in frames {
            state.apply(frame);
        }
        state
    }

    fn apply(&mut self, Frame { epoch, ask, .. }: &Frame) {
        match ask {
            Ask::Create(partition) => {
                self.partitions.insert(*partition, Held::default());
            }
            Ask::Append(partition, batch) => {
                let held = self.partitions.get_mut(partition).expect("it was accepted");
                held.batches.push(stored(batch, held.batches.len() as i64, *epoch));
            }
            Ask::Put(key, value) => {
                self.map.insert(key.to_vec(), value.clone());
            }
            Ask::Delete(key) => {
                self.map.remove(*key);
            }
            Ask::DeleteRecords(partition, offset) => {
                let held = self.partitions.get_mut(partition).expect("it was accepted");
                held.start = held.start.max(*offset);
            }
        }
    }

    /// Whether the engine has the same partitions, bounds and map; bytes are compared by `read_back`.
    pub fn matches(&self, engine: &Engine) -> bool {
        let same_bounds = PARTITIONS.iter().all(|partition| {
            let found = engine.watermarks(*partition).map(|marks| (marks.log_start, marks.log_end));
            let held = self.partitions.get(partition);
            found == held.map(|held| (held.start as u64, held.batches.len() as u64))
        });
        same_bounds
            && engine.scan_state(b"").count() == self.map.len()
            && self.map.iter().all(|(key, value)| engine.state(key) == Some(value))
    }

    /// Reads everything and compares. `strict`: nothing may be refused; else a range may be, but never served wrong.
    pub fn read_back(&self, engine: &mut Engine, strict: bool) -> Result<(), String> {
        for (partition, held) in &self.partitions {
            let mut offset = held.start;
            while offset < held.batches.len() as i64 {
                let expected = &held.batches[offset as usize];
                match read_one(engine, *partition, offset)? {
                    Ok(pieces) => {
                        for (bytes, expected) in pieces.iter().zip(&held.batches[offset as usize..]) {
                            if bytes != expected {
                                return Err(format!("wrong bytes at {offset} of partition {partition}"));
                            }
                        }
                        let last = pieces.last().ok_or(format!("nothing at {offset} of {partition}"))?;
                        offset = end_of(last);
                    }
                    Err(code) if !strict && ANSWERS.contains(&code) => offset = end_of(expected),
                    Err(code) => return Err(format!("{code:?} at {offset} of partition {partition}")),
                }
            }
        }
        Ok(())
    }
}

/// One read; the outer error means that it never ended.
fn read_one(engine: &mut Engine, partition: u64, offset: i64) -> Result<Result<Vec<Vec<u8>>, Code>, String> {
    let pieces = match engine.read(partition, offset, 4 << 10, Isolation::ReadUncommitted) {
        Read::Ready(pieces) => Ok(pieces),
        Read::Refused(code) => Err(code),
        Read::Pending(token) => {
            let mut finished = Vec::new();
            super::drive(engine, "a read", |engine| {
                engine.take_finished(&mut finished);
                finished.iter().any(|(done, _)| *done == token)
            })?;
            engine.take_read(token)
        }
    };
    Ok(pieces.map(|pieces| pieces.iter().map(|piece| piece.bytes().to_vec()).collect()))
}
