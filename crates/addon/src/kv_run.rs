//! `NativeEngine.runCommands`: rows of connections become a run of simple commands, its replies go back.
//!
//! Not what a command does. Row layout: ts/io/native-types.ts.
//!
//! The one invariant: as in plan.rs, a row is copied once, checked, and only the copy is used; replies are built in our
//! own memory, because the destination might be one of the inputs.

use crate::engine_handle::{NativeEngine, Thrown, checked_count, live};
use crate::kv_effect::store_of;
use crate::memory::{Bytes, Doubles};
use crate::plan::{Buffers, unsigned};
use crate::status::Refusal;
use millrace_engine::{Collections, CommandKind, Level, Protocol, Ran, RunEnd, RunInput};
use napi::bindgen_prelude::Unknown;
use napi::{Env, JsValue};
use napi_derive::napi;

const STRIDE: usize = 16;
const ANSWERS: usize = 7;
const _: () = assert!(CommandKind::COUNT <= STRIDE, "they take a row");

#[napi]
impl NativeEngine {
    /// Runs the simple commands at the front of every row's bytes. `level`: 1 written, 2 durable. Answers the LSN their
    /// readers wait for, 0 when nothing was written, -1 when the engine is gone. How often each command happened goes into the
    /// row behind the last.
    #[napi]
    pub fn run_commands(
        &self,
        env: Env,
        rows: Unknown<'_>,
        count: f64,
        buffers: Unknown<'_>,
        level: f64,
        destination: Unknown<'_>,
    ) -> Result<f64, Thrown> {
        let env = env.raw();
        let mut rows = Doubles::of(env, rows.raw())?;
        let count = checked_count(count, rows.len(), STRIDE)?;
        checked_count((count + 1) as f64, rows.len(), STRIDE)?;
        let buffers = Buffers::of(env, buffers.raw())?;
        let mut destination = Bytes::of(env, destination.raw())?;
        let level = if level == 2.0 { Level::Durable } else { Level::Written };
        let mut inputs = Vec::with_capacity(count);
        for number in 0..count {
            inputs.push(input_of(&rows, number, &buffers)?);
        }
        let answer = self.call(env, |state| {
            let mut replies = self.replies.borrow_mut();
            let answer = live(state)?.run_commands(&inputs, level, destination.len(), &mut replies);
            destination.put(0, &replies);
            Ok(answer)
        })?;
        let Some(answer) = answer else { return Ok(-1.0) };
        let mut happened = [0.0; CommandKind::COUNT];
        for (number, ran) in answer.ran.iter().enumerate() {
            put_ran(&mut rows, number, ran);
            for (sum, count) in happened.iter_mut().zip(ran.counts) {
                *sum += f64::from(count);
            }
        }
        rows.put(count * STRIDE, &happened);
        if answer.lsn > 0 {
            self.queued();
        }
        Ok(unsigned(answer.lsn))
    }
}

fn input_of<'call>(
    rows: &Doubles<'_>,
    number: usize,
    buffers: &Buffers<'call>,
) -> Result<RunInput<'call>, Refusal> {
    let [buffer, start, end, strings, heads, members, protocol] = rows.row::<7>(number * STRIDE);
    let collections = Collections { heads: store_of(heads)?, members: store_of(members)? };
    Ok(RunInput {
        bytes: buffers.range(buffer, start, end)?,
        strings: store_of(strings)?,
        collections: (heads != 0.0).then_some(collections),
        protocol: if protocol == 3.0 { Protocol::Resp3 } else { Protocol::Resp2 },
    })
}

fn put_ran(rows: &mut Doubles<'_>, number: usize, ran: &Ran) {
    let end = match ran.end {
        RunEnd::Short => 0.0,
        RunEnd::Other => 1.0,
        RunEnd::Full => 2.0,
        RunEnd::Refused => 3.0,
    };
    let values = [
        unsigned(ran.consumed as u64),
        unsigned(ran.replies.start as u64),
        unsigned(ran.replies.end as u64),
        unsigned(ran.commands),
        unsigned(ran.hits),
        unsigned(ran.misses),
        ran.last.map_or(-1.0, |kind| f64::from(kind as u8)),
        end,
    ];
    rows.put(number * STRIDE + ANSWERS, &values);
}
