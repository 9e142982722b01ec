//! What a directory of these lives holds: two partitions, one store.

use crate::kv::scan;
use crate::support::{end_of, read};
use millrace_engine::Engine;
use std::collections::BTreeMap;
use std::ops::Bound;

pub const PARTITIONS: [u64; 2] = [1, 2];
pub const STORE: u32 = 1;

/// A partition: its log start, and the batches from there on by offset, one record each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Held {
    pub start: i64,
    pub end: i64,
    pub batches: BTreeMap<i64, Vec<u8>>,
}

impl Held {
    pub fn delete_below(&mut self, offset: i64) {
        self.start = self.start.max(offset);
        self.batches = self.batches.split_off(&self.start);
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    pub partitions: [Held; 2],
    pub keys: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl State {
    /// What an engine holds, read back byte for byte.
    pub fn of(engine: &mut Engine) -> Result<State, String> {
        let mut state = State::default();
        for (held, partition) in state.partitions.iter_mut().zip(PARTITIONS) {
            let Some(marks) = engine.watermarks(partition) else { continue };
            (held.start, held.end) = (marks.log_start as i64, marks.log_end as i64);
            let mut offset = held.start;
            while offset < held.end {
                let pieces = read(engine, partition, offset, 64 << 10);
                let pieces = pieces.map_err(|code| format!("{code:?} at {offset} of {partition}"))?;
                if pieces.is_empty() {
                    return Err(format!("nothing at {offset} of {partition}, which ends at {}", held.end));
                }
                for piece in pieces {
                    held.batches.insert(offset, piece.bytes().to_vec());
                    offset = end_of(piece.bytes());
                }
            }
        }
        if engine.kv_count(STORE).is_some() {
            let all = scan(engine, STORE, 0, (Bound::Unbounded, Bound::Unbounded), false, 16)?;
            state.keys = all.into_iter().map(|(key, entry)| (key, entry.value)).collect();
        }
        Ok(state)
    }

    /// Where two states differ, without their bytes.
    pub fn difference(&self, other: &State) -> String {
        let told = |state: &State| {
            let partitions: Vec<String> =
                state.partitions.iter().map(|held| format!("{}..{}", held.start, held.end)).collect();
            let keys: Vec<String> = state
                .keys
                .iter()
                .map(|(key, value)| {
                    format!("{}={}x{:?}", String::from_utf8_lossy(key), value.len(), value.first())
                })
                .collect();
            format!("{partitions:?} {keys:?}")
        };
        format!("{} instead of {}", told(self), told(other))
    }
}
