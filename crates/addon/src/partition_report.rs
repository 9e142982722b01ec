//! What administrators ask of partitions, at the boundary. Row layout: ts/io/native-types.ts.
//!
//! Not its meaning. The one invariant: numbers are checked before the engine is asked.

use crate::engine_handle::{NativeEngine, Thrown, live};
use crate::memory::{Doubles, signed, whole};
use crate::plan::{double, unsigned};
use crate::status::Refusal;
use millrace_engine::Code;
use napi::bindgen_prelude::Unknown;
use napi::{Env, JsValue};
use napi_derive::napi;

#[napi]
impl NativeEngine {
    /// Bytes of each of these partitions; -1 for one that is not there.
    #[napi]
    pub fn partition_bytes(&self, env: Env, partitions: Unknown<'_>) -> Result<Vec<f64>, Thrown> {
        let partitions = Doubles::of(env.raw(), partitions.raw())?;
        let id = |at: usize| {
            whole(partitions.row::<1>(at)[0])
                .ok_or_else(|| Refusal::argument("a partition id is not a whole number"))
        };
        let ids = (0..partitions.len()).map(id).collect::<Result<Vec<u64>, Refusal>>()?;
        let sizes = self.call(env.raw(), |state| {
            let engine = live(state)?;
            Ok(ids.iter().map(|id| engine.partition_bytes(*id).map_or(-1.0, unsigned)).collect())
        })?;
        Ok(sizes.unwrap_or_else(|| vec![-1.0; ids.len()]))
    }

    /// The producers that a partition remembers: [code, and five numbers each].
    #[napi]
    pub fn producers(&self, env: Env, partition: f64) -> Result<Vec<f64>, Thrown> {
        let partition = whole(partition).ok_or_else(|| Refusal::argument("not a whole number"))?;
        let found = self.call(env.raw(), |state| Ok(live(state)?.producers_of(partition)))?;
        Ok(match found.unwrap_or(Err(Code::Closing)) {
            Err(code) => vec![f64::from(code as u8)],
            Ok(producers) => {
                let rows = producers.into_iter().flat_map(|found| {
                    let one = found.producer;
                    let start = found.transaction_start.map_or(-1.0, unsigned);
                    let (epoch, sequence) = (f64::from(one.epoch), f64::from(one.last_sequence));
                    [double(one.id), epoch, sequence, double(one.last_timestamp), start]
                });
                std::iter::once(0.0).chain(rows).collect()
            }
        })
    }

    /// Forgets producers that have been idle for `idle_ms` at this wall time in ms; answers how many.
    #[napi]
    pub fn expire_producers(&self, env: Env, now_ms: f64, idle_ms: f64) -> Result<f64, Thrown> {
        let time = |value| signed(value).ok_or_else(|| Refusal::argument("a time is not a whole number"));
        let (now_ms, idle_ms) = (time(now_ms)?, time(idle_ms)?);
        let forgotten = self.call(env.raw(), |state| Ok(live(state)?.expire_producers(now_ms, idle_ms)))?;
        Ok(unsigned(forgotten.unwrap_or(0) as u64))
    }
}
