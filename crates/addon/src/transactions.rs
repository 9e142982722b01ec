//! Transactions at the boundary: the row that ends one in a partition, and what readers of committed data ask.
//!
//! Not their meaning. Row layout: ts/io/native-types.ts.
//!
//! The one invariant: as in plan.rs, a row is copied once, checked, and only the copy is used.

use crate::engine_handle::{NativeEngine, Thrown, live};
use crate::memory::{Doubles, signed, whole};
use crate::plan::{STRIDE, double, unsigned};
use crate::status::Refusal;
use millrace_engine::{Code, Effect, EndTransaction, end_of_batches};
use napi::Env;
use napi_derive::napi;

/// Decodes row `number`, which ends a transaction.
pub(crate) fn decode<'call>(plan: &Doubles<'_>, number: usize) -> Result<Effect<'call>, Refusal> {
    let [_, _, partition, _, epoch, _, producer, _, committed] = plan.row::<9>(number * STRIDE);
    let epoch = signed(epoch).and_then(|epoch| i16::try_from(epoch).ok());
    Ok(Effect::EndTransaction(EndTransaction {
        partition: whole(partition)
            .ok_or_else(|| Refusal::argument("a partition id is not a whole number"))?,
        producer_id: signed(producer)
            .ok_or_else(|| Refusal::argument("a producer id is not a whole number"))?,
        producer_epoch: epoch.ok_or_else(|| Refusal::argument("a producer epoch is not a 16-bit number"))?,
        committed: committed != 0.0,
    }))
}

#[napi]
impl NativeEngine {
    /// Aborted transactions of a partition with something in `from..to`, or up to the end of what a lease holds when it is
    /// not 0: [code, producer id, first offset, producer id, first offset ...].
    #[napi]
    pub fn aborted_between(
        &self,
        env: Env,
        partition: f64,
        from: f64,
        to: f64,
        lease: f64,
    ) -> Result<Vec<f64>, Thrown> {
        let number = |value| whole(value).ok_or_else(|| Refusal::argument("not a whole number"));
        let (partition, from, lease) = (number(partition)?, number(from)?, number(lease)?);
        let to = match lease {
            0 => number(to)?,
            lease => {
                let leases = self.leases();
                let leases = leases.borrow();
                let pieces = leases.get(lease);
                let pieces = pieces.ok_or_else(|| Refusal::argument("there is no such lease"))?;
                end_of_batches(pieces)
            }
        };
        let found = self.call(env.raw(), |state| Ok(live(state)?.aborted_between(partition, from, to)))?;
        Ok(match found.unwrap_or(Err(Code::Closing)) {
            Err(code) => vec![f64::from(code as u8)],
            Ok(aborted) => {
                let pairs =
                    aborted.into_iter().flat_map(|(producer, first)| [double(producer), unsigned(first)]);
                std::iter::once(0.0).chain(pairs).collect()
            }
        })
    }
}
