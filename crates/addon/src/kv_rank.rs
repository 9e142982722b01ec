//! The calls of `NativeEngine` that count keys and find them by their place.
//!
//! Not a policy. The one invariant: as in kv_handle.rs, memory of JavaScript's is checked and used within the call.

use crate::engine_handle::{NativeEngine, Thrown, live};
use crate::kv_effect::store_of;
use crate::memory::{Bytes, Doubles, whole};
use crate::plan::unsigned;
use crate::status::Refusal;
use millrace_engine::{Code, KvCounted};
use napi::bindgen_prelude::Unknown;
use napi::{Env, JsValue};
use napi_derive::napi;

fn refused(code: Code) -> f64 {
    -f64::from(code as u8)
}

#[napi]
impl NativeEngine {
    /// Keys of a store from `from` on and before `to`; below 0: the code of a refusal.
    #[napi]
    pub fn kv_count_between(
        &self,
        env: Env,
        store: f64,
        from: Unknown<'_>,
        to: Unknown<'_>,
    ) -> Result<f64, Thrown> {
        let (env, store) = (env.raw(), store_of(store)?);
        let (from, to) = (Bytes::of(env, from.raw())?, Bytes::of(env, to.raw())?);
        let counted =
            self.call(env, |state| Ok(live(state)?.kv_count_between(store, from.all(), to.all())))?;
        Ok(match counted {
            Some(KvCounted::Ready(count)) => unsigned(count),
            Some(KvCounted::Damaged) => refused(Code::Damaged),
            Some(KvCounted::UnknownStore) => refused(Code::UnknownStore),
            None => refused(Code::Closing),
        })
    }

    /// Bytes of the records of all keys of these stores, and `for_each` for each key; stores that are not there have none.
    #[napi]
    pub fn kv_live_bytes(&self, env: Env, stores: Unknown<'_>, for_each: f64) -> Result<f64, Thrown> {
        let env = env.raw();
        let stores = Doubles::of(env, stores.raw())?;
        let for_each = whole(for_each).ok_or_else(|| Refusal::argument("bytes are not a whole number"))?;
        let live_bytes = self.call(env, |state| {
            let engine = live(state)?;
            let mut sum = 0_u64;
            for at in 0..stores.len() {
                let [store] = stores.row::<1>(at);
                let store = store_of(store)?;
                let keys = engine.kv_count(store).unwrap_or(0);
                sum += engine.kv_live_bytes(store).unwrap_or(0).saturating_add(keys.saturating_mul(for_each));
            }
            Ok(sum)
        })?;
        Ok(unsigned(live_bytes.unwrap_or(0)))
    }

    /// Puts the key with `index` keys of the range before it into `destination` and answers its length, also when it is
    /// longer than that; below 0: the code of a refusal, or that of an absent key.
    #[napi]
    pub fn kv_nth_between(
        &self,
        env: Env,
        store: f64,
        from: Unknown<'_>,
        to: Option<Unknown<'_>>,
        index: f64,
        destination: Unknown<'_>,
    ) -> Result<f64, Thrown> {
        let (env, store) = (env.raw(), store_of(store)?);
        let from = Bytes::of(env, from.raw())?;
        let to = to.map(|bytes| Bytes::of(env, bytes.raw())).transpose()?;
        let index = whole(index).ok_or_else(|| Refusal::argument("an index is not a whole number"))?;
        let mut destination = Bytes::of(env, destination.raw())?;
        let found = self.call(env, |state| {
            Ok(match live(state)?.kv_nth_between(store, from.all(), to.as_ref().map(Bytes::all), index) {
                KvCounted::Ready(Some(key)) => {
                    if key.len() <= destination.all().len() {
                        destination.put(0, key);
                    }
                    unsigned(key.len() as u64)
                }
                KvCounted::Ready(None) => refused(Code::Absent),
                KvCounted::Damaged => refused(Code::Damaged),
                KvCounted::UnknownStore => refused(Code::UnknownStore),
            })
        })?;
        Ok(found.unwrap_or(refused(Code::Closing)))
    }
}
