//! The KV calls of `NativeEngine`: conversion of rows, bounds and destinations.
//!
//! Not a policy and not a default. The one invariant: as in engine_handle.rs, memory of JavaScript's is copied, checked,
//! then used, and no JavaScript runs while the engine is borrowed.

use crate::engine_handle::{NativeEngine, Thrown, checked_count, live};
use crate::kv_effect::store_of;
use crate::kv_report;
use crate::kv_rows::{self, Ask, Packing, put_read, snapshot_of, token_of};
use crate::memory::{Bytes, Doubles, index};
use crate::plan::{Buffers, unsigned};
use crate::read_rows::put_all;
use crate::status::Refusal;
use millrace_engine::{Code, KvPage, KvPeek, KvRange, KvRead};
use napi::bindgen_prelude::Unknown;
use napi::{Env, JsValue};
use napi_derive::napi;
use std::ops::Bound;

/// What `kv_look` answers without a value.
const ABSENT: f64 = -1.0;
const ELSEWHERE: f64 = -2.0;
const REVERSE: u64 = 1;
const KEYS_ONLY: u64 = 2;

#[napi]
impl NativeEngine {
    /// Values of all rows, one behind the other in `destination`.
    #[napi]
    pub fn kv_get(
        &self,
        env: Env,
        rows: Unknown<'_>,
        count: f64,
        buffers: Unknown<'_>,
        destination: Unknown<'_>,
    ) -> Result<u8, Thrown> {
        let env = env.raw();
        let mut rows = Doubles::of(env, rows.raw())?;
        let count = checked_count(count, rows.len(), kv_rows::STRIDE)?;
        let buffers = Buffers::of(env, buffers.raw())?;
        let mut destination = Bytes::of(env, destination.raw())?;
        let mut queued = false;
        let done = self.call(env, |state| {
            let mut used = 0;
            for number in 0..count {
                let ask = Ask::of(&rows, number, &buffers)?;
                let read = live(state)?.kv_get(ask.store, ask.key, ask.snapshot);
                if let KvRead::Pending(token) = read {
                    state.kv.expect_value(token);
                    queued = true;
                }
                used = put_read(&mut rows, number, &read, &mut destination, used).unwrap_or(used);
            }
            Ok(())
        })?;
        if queued {
            self.queued();
        }
        Ok(if done.is_some() { 0 } else { Code::Closing as u8 })
    }

    /// The value of one key, if it is in memory and fits: its length. -1: there is none. -2: `kv_get` says more.
    #[napi]
    pub fn kv_look(
        &self,
        env: Env,
        store: f64,
        key: Unknown<'_>,
        destination: Unknown<'_>,
    ) -> Result<f64, Thrown> {
        let env = env.raw();
        let store = store_of(store)?;
        let key = Bytes::of(env, key.raw())?;
        let mut destination = Bytes::of(env, destination.raw())?;
        let found = self.call(env, |state| {
            Ok(match live(state)?.kv_look(store, key.all()) {
                KvPeek::Ready(value) if value.len() <= destination.len() => {
                    destination.put(0, value);
                    value.len() as f64
                }
                KvPeek::Absent => ABSENT,
                KvPeek::Ready(_) | KvPeek::Elsewhere => ELSEWHERE,
            })
        })?;
        Ok(found.unwrap_or(ELSEWHERE))
    }

    /// Values of tokens that were reported, as `kvGet` answers.
    #[napi]
    pub fn kv_take(
        &self,
        env: Env,
        rows: Unknown<'_>,
        count: f64,
        destination: Unknown<'_>,
    ) -> Result<u8, Thrown> {
        let env = env.raw();
        let mut rows = Doubles::of(env, rows.raw())?;
        let count = checked_count(count, rows.len(), kv_rows::STRIDE)?;
        let mut destination = Bytes::of(env, destination.raw())?;
        let done = self.call(env, |state| {
            let mut used = 0;
            for number in 0..count {
                let token = token_of(&rows, number)?;
                let read = state.kv.take(token);
                match put_read(&mut rows, number, &read, &mut destination, used) {
                    Some(end) => used = end,
                    None => state.kv.keep(token, read),
                }
            }
            Ok(())
        })?;
        Ok(if done.is_some() { 0 } else { Code::Closing as u8 })
    }

    /// One page of a scan. out: code, entries, bytes, token, more.
    #[napi]
    #[allow(clippy::too_many_arguments)]
    pub fn kv_scan(
        &self,
        env: Env,
        store: f64,
        snapshot: f64,
        from: Option<Unknown<'_>>,
        from_inclusive: bool,
        to: Option<Unknown<'_>>,
        to_inclusive: bool,
        flags: f64,
        limit: f64,
        destination: Unknown<'_>,
        out: Unknown<'_>,
    ) -> Result<(), Thrown> {
        let env = env.raw();
        let from = from.map(|bytes| Bytes::of(env, bytes.raw())).transpose()?;
        let to = to.map(|bytes| Bytes::of(env, bytes.raw())).transpose()?;
        let flags =
            index(flags).ok_or_else(|| Refusal::argument("scan flags are not a whole number"))? as u64;
        let range = KvRange {
            from: bound(from.as_ref(), from_inclusive),
            to: bound(to.as_ref(), to_inclusive),
            reverse: flags & REVERSE != 0,
            keys_only: flags & KEYS_ONLY != 0,
            limit: index(limit).ok_or_else(|| Refusal::argument("a limit is not a whole number"))?,
        };
        let (store, snapshot) = (store_of(store)?, snapshot_of(snapshot)?);
        let mut destination = Bytes::of(env, destination.raw())?;
        let mut out = Doubles::of(env, out.raw())?;
        let mut queued = false;
        let answer = self.call(env, |state| {
            let mut packing = Packing::new(&mut destination);
            let page = live(state)?.kv_scan(store, snapshot, &range, &mut |item| packing.take(item));
            if let KvPage::Pending(token) = page {
                state.kv.expect_page(token);
                queued = true;
            }
            Ok(packing.answer(page))
        })?;
        if queued {
            self.queued();
        }
        put_all(&mut out, &answer.unwrap_or([f64::from(Code::Closing as u8), 0.0, 0.0, 0.0, 0.0]))?;
        Ok(())
    }

    /// A snapshot of a store; 0: no such store.
    #[napi]
    pub fn kv_snapshot(&self, env: Env, store: f64) -> Result<f64, Thrown> {
        let store = store_of(store)?;
        let snapshot = self.call(env.raw(), |state| Ok(live(state)?.kv_snapshot(store)))?;
        Ok(unsigned(snapshot.unwrap_or(0)))
    }

    /// Lets a snapshot go.
    #[napi]
    pub fn kv_release(&self, env: Env, snapshot: f64) -> Result<(), Thrown> {
        let snapshot = snapshot_of(snapshot)?;
        self.call(env.raw(), |state| {
            live(state)?.kv_release(snapshot);
            Ok(())
        })?;
        self.queued();
        Ok(())
    }

    /// Keys of a store; -1: no such store.
    #[napi]
    pub fn kv_count(&self, env: Env, store: f64) -> Result<f64, Thrown> {
        let store = store_of(store)?;
        let count = self.call(env.raw(), |state| Ok(live(state)?.kv_count(store)))?;
        Ok(count.flatten().map_or(-1.0, unsigned))
    }

    /// Figures of a store, as JSON text.
    #[napi]
    pub fn kv_stats(&self, env: Env, store: f64) -> Result<String, Thrown> {
        let store = store_of(store)?;
        let stats = self.call(env.raw(), |state| Ok(live(state)?.kv_stats(store)))?;
        Ok(kv_report::stats(stats.flatten().as_ref()))
    }

    /// Begins a merge.
    #[napi]
    pub fn kv_merge(&self, env: Env, store: f64) -> Result<bool, Thrown> {
        let store = store_of(store)?;
        let begun = self.call(env.raw(), |state| Ok(live(state)?.kv_merge(store)))?;
        self.queued();
        Ok(begun.unwrap_or(false))
    }
}

fn bound<'call>(bytes: Option<&Bytes<'call>>, inclusive: bool) -> Bound<&'call [u8]> {
    match bytes {
        None => Bound::Unbounded,
        Some(bytes) if inclusive => Bound::Included(bytes.all()),
        Some(bytes) => Bound::Excluded(bytes.all()),
    }
}
