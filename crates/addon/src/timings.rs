//! Histograms of the journal at the boundary. Layout: `NativeEngine.timings` in ts/io/native-types.ts.
//!
//! Not percentiles. The one invariant: asking changes nothing.

use crate::engine_handle::{NativeEngine, Thrown, live};
use crate::plan::unsigned;
use napi::Env;
use napi_derive::napi;

#[napi]
impl NativeEngine {
    /// For each histogram its sum, how many buckets follow, and those: index, count.
    #[napi]
    pub fn timings(&self, env: Env) -> Result<Vec<f64>, Thrown> {
        let flat = self.call(env.raw(), |state| {
            let timings = live(state)?.timings();
            let mut flat = Vec::new();
            for histogram in [&timings.flush_ns, &timings.commit_frames, &timings.commit_bytes] {
                flat.push(unsigned(histogram.sum()));
                let at = flat.len();
                flat.push(0.0);
                for (index, count) in histogram.counted() {
                    flat[at] += 1.0;
                    flat.extend([unsigned(index as u64), unsigned(count)]);
                }
            }
            Ok(flat)
        })?;
        Ok(flat.unwrap_or_default())
    }
}
