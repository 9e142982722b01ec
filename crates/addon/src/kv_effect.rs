//! KV rows of a plan: numbers and byte ranges become effects of the engine.
//!
//! Not their meaning. Row layout: ts/io/native-types.ts.
//!
//! The one invariant: as in plan.rs, a row is copied once, checked, and only the copy is used.

use crate::memory::{Doubles, whole};
use crate::plan::{Buffers, STRIDE};
use crate::status::Refusal;
use millrace_engine::{Condition, Effect};

/// Where a KV row goes on behind the inputs that all rows have: sequence, value start, value end.
const MORE: usize = 11;

/// Decodes row `number`, whose kind is one of KV's.
pub(crate) fn decode<'call>(
    plan: &Doubles<'_>,
    number: usize,
    buffers: &Buffers<'call>,
) -> Result<Effect<'call>, Refusal> {
    let [kind, _, store, key_at, start, end, value_at, _, condition, expires] =
        plan.row::<10>(number * STRIDE);
    let [sequence, value_start, value_end] = plan.row::<3>(number * STRIDE + MORE);
    let store = store_of(store)?;
    Ok(match kind {
        7.0 => Effect::KvPut {
            store,
            key: buffers.range(key_at, start, end)?,
            value: buffers.range(value_at, value_start, value_end)?,
            expires_ms: whole(expires)
                .ok_or_else(|| Refusal::argument("an expiry is not a whole number of ms"))?,
            condition: condition_of(condition, sequence)?,
        },
        8.0 => Effect::KvDelete {
            store,
            key: buffers.range(key_at, start, end)?,
            condition: condition_of(condition, sequence)?,
        },
        13.0 => Effect::KvCheck {
            store,
            key: buffers.range(key_at, start, end)?,
            condition: condition_of(condition, sequence)?,
        },
        9.0 => Effect::KvClear { store },
        10.0 => Effect::CreateStore { store },
        11.0 => Effect::DropStore { store },
        _ => return Err(Refusal::argument("plan names an effect that does not exist")),
    })
}

/// A store id.
pub(crate) fn store_of(value: f64) -> Result<u32, Refusal> {
    let store = whole(value).and_then(|store| u32::try_from(store).ok());
    store.ok_or_else(|| Refusal::argument("a store id is not a 32-bit number"))
}

fn condition_of(condition: f64, sequence: f64) -> Result<Condition, Refusal> {
    Ok(match condition {
        0.0 => Condition::None,
        1.0 => Condition::Absent,
        2.0 => Condition::Present,
        3.0 => Condition::Sequence(
            whole(sequence).ok_or_else(|| Refusal::argument("a sequence is not a whole number"))?,
        ),
        _ => return Err(Refusal::argument("plan names a condition that does not exist")),
    })
}
