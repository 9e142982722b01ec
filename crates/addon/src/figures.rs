//! Figures for people and monitoring, at the boundary: segments of a partition, and what the engine as a whole has done
//! that the page does not carry. Row layouts: ts/io/figures.ts.
//!
//! Not its meaning. The one invariant: asking changes nothing.

use crate::engine_handle::{NativeEngine, Thrown, live};
use crate::memory::whole;
use crate::plan::{double, unsigned};
use crate::status::Refusal;
use millrace_engine::Code;
use napi::Env;
use napi_derive::napi;

#[napi]
impl NativeEngine {
    /// The segments of a partition: [code, and eight numbers each].
    #[napi]
    pub fn segments(&self, env: Env, partition: f64) -> Result<Vec<f64>, Thrown> {
        let partition = whole(partition).ok_or_else(|| Refusal::argument("not a whole number"))?;
        let found = self.call(env.raw(), |state| Ok(live(state)?.segments_of(partition)))?;
        Ok(match found.unwrap_or(Err(Code::Closing)) {
            Err(code) => vec![f64::from(code as u8)],
            Ok(segments) => {
                let rows = segments.into_iter().flat_map(|one| {
                    [
                        unsigned(one.file),
                        f64::from(one.kind as u8),
                        unsigned(one.base),
                        unsigned(one.end),
                        unsigned(one.bytes),
                        double(one.max_timestamp),
                        f64::from(one.index_entries),
                        f64::from(one.index as u8),
                    ]
                });
                std::iter::once(0.0).chain(rows).collect()
            }
        })
    }

    /// Figures of the whole engine, one behind the other; none of an engine that is gone.
    #[napi]
    pub fn figures(&self, env: Env) -> Result<Vec<f64>, Thrown> {
        let figures = self.call(env.raw(), |state| {
            let engine = live(state)?;
            let io = engine.io().counters();
            let mut figures = vec![
                unsigned(engine.unflushed_bytes()),
                f64::from(u8::from(engine.is_flushing())),
                unsigned(io.queue_full),
                unsigned(io.direct_fallbacks),
            ];
            figures.extend(engine.counters().journal.flushes_by_cause.map(unsigned));
            for kind in engine.segment_totals() {
                figures.extend([unsigned(kind.files), unsigned(kind.bytes)]);
            }
            Ok(figures)
        })?;
        Ok(figures.unwrap_or_default())
    }
}
