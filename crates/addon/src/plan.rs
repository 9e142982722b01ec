//! Decodes the rows of a plan: numbers and byte ranges become effects of the engine.
//!
//! Not their meaning. Row layout: ts/io/native-types.ts.
//!
//! The one invariant: a row is copied out of JavaScript's memory once, checked, and only the copy is used; a byte range
//! is inside the array it names or the whole call is refused.

use crate::kv_effect;
use crate::memory::{Bytes, Doubles, index, signed, whole};
use crate::status::{Refusal, check};
use crate::transactions;
use millrace_engine::{Append, Effect, Level, Outcome};
use napi::sys;

/// Doubles of a row, and where its answers start.
pub(crate) const STRIDE: usize = 16;
const INPUTS: usize = 10;
const ANSWERS: usize = 10;

/// The byte arrays a plan points into.
pub(crate) struct Buffers<'call> {
    arrays: Vec<Bytes<'call>>,
}

impl<'call> Buffers<'call> {
    /// Takes every array of the list, once each.
    pub(crate) fn of(env: sys::napi_env, list: sys::napi_value) -> Result<Buffers<'call>, Refusal> {
        let mut length = 0;
        // SAFETY: `list` is an argument of the running call.
        unsafe { check("buffers", sys::napi_get_array_length(env, list, &raw mut length))? };
        let mut arrays = Vec::new();
        for position in 0..length {
            let mut value = std::ptr::null_mut();
            // SAFETY: as above; an element that is no typed array is refused by `Bytes::of`.
            unsafe { check("buffers", sys::napi_get_element(env, list, position, &raw mut value))? };
            arrays.push(Bytes::of(env, value)?);
        }
        Ok(Buffers { arrays })
    }

    fn whole(&self, at: f64) -> Result<&'call [u8], Refusal> {
        let array = index(at).and_then(|at| self.arrays.get(at));
        Ok(array.ok_or_else(|| Refusal::argument("plan names a buffer that is not there"))?.all())
    }

    pub(crate) fn range(&self, at: f64, start: f64, end: f64) -> Result<&'call [u8], Refusal> {
        let bytes = self.whole(at)?;
        let range = index(start).zip(index(end)).and_then(|(start, end)| bytes.get(start..end));
        range.ok_or_else(|| Refusal::argument("plan names bytes outside its buffer"))
    }
}

/// One decoded row.
pub(crate) struct Row<'call> {
    pub(crate) frame: f64,
    pub(crate) level: Level,
    pub(crate) effect: Effect<'call>,
}

/// Decodes row `number`; the caller has checked that the plan has so many.
pub(crate) fn decode<'call>(
    plan: &Doubles<'_>,
    number: usize,
    buffers: &Buffers<'call>,
) -> Result<Row<'call>, Refusal> {
    let [kind, frame, partition, buffer, start, end, argument, level, flags, max_bytes] =
        plan.row::<INPUTS>(number * STRIDE);
    let level = match level {
        0.0 => Level::Memory,
        1.0 => Level::Written,
        2.0 => Level::Durable,
        _ => return Err(Refusal::argument("plan names a level that does not exist")),
    };
    let id = || whole(partition).ok_or_else(|| Refusal::argument("a partition id is not a whole number"));
    let effect = match kind {
        1.0 => {
            let flags =
                whole(flags).ok_or_else(|| Refusal::argument("append flags are not a whole number"))?;
            Effect::Append(Append {
                partition: id()?,
                batch: buffers.range(buffer, start, end)?,
                stamp_append_time: flags & 1 != 0,
                require_keys: flags & 2 != 0,
                max_codec: u8::try_from(flags >> 8 & 0xff).unwrap_or(0),
                max_batch_bytes: index(max_bytes)
                    .ok_or_else(|| Refusal::argument("a limit is not a whole number"))?,
            })
        }
        2.0 => Effect::Put { key: buffers.range(buffer, start, end)?, value: buffers.whole(argument)? },
        3.0 => Effect::Delete { key: buffers.range(buffer, start, end)? },
        4.0 => Effect::CreatePartition { partition: id()? },
        5.0 => Effect::DeletePartition { partition: id()? },
        6.0 => Effect::DeleteRecords {
            partition: id()?,
            offset: signed(argument).ok_or_else(|| Refusal::argument("an offset is not a whole number"))?,
        },
        12.0 => transactions::decode(plan, number)?,
        _ => kv_effect::decode(plan, number, buffers)?,
    };
    Ok(Row { frame, level, effect })
}

/// Writes the answer to row `number`.
pub(crate) fn answer(plan: &mut Doubles<'_>, number: usize, outcome: &Outcome, lsn: u64) {
    let values = [
        f64::from(outcome.code as u8),
        double(outcome.base_offset),
        double(outcome.log_append_time),
        double(outcome.log_start),
        unsigned(lsn),
        double(outcome.log_end),
    ];
    plan.put(number * STRIDE + ANSWERS, &values);
}

/// Offsets, times and LSNs stay below 2^53 for any data this machine can hold.
#[allow(clippy::cast_precision_loss)]
pub(crate) fn double(value: i64) -> f64 {
    value as f64
}

/// As `double`.
#[allow(clippy::cast_precision_loss)]
pub(crate) fn unsigned(value: u64) -> f64 {
    value as f64
}
