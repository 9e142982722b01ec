//! The calls of `NativeEngine` that declare settings of partitions and begin rounds of retention: conversion only.
//!
//! The one invariant: -1 is "not set", and any other number is whole, or the call is refused.

use crate::engine_handle::{NativeEngine, Thrown, live};
use crate::memory::{Doubles, signed, whole};
use crate::options;
use crate::status::Refusal;
use millrace_engine::{Compact, Limits, PartitionSettings};
use napi::bindgen_prelude::Unknown;
use napi::{Env, JsValue};
use napi_derive::napi;

/// Doubles of a settings array: `PartitionSetting` of ts/io/native-types.ts.
const SETTINGS: usize = 16;

fn limit(value: f64) -> Result<Option<u64>, Refusal> {
    if value == -1.0 {
        return Ok(None);
    }
    Ok(Some(whole(value).ok_or_else(|| Refusal::argument("a limit of a partition is not a whole number"))?))
}

fn compact_of(ratio: f64, retention_ms: f64, lag_min_ms: f64, lag_max_ms: f64) -> Result<Compact, Refusal> {
    if !(0.0..=1.0).contains(&ratio) {
        return Err(Refusal::argument("a dirty ratio is not between 0 and 1"));
    }
    let whole = |value: f64| whole(value).ok_or_else(|| Refusal::argument("a time is not a whole number"));
    Ok(Compact {
        // Millionths of what lies between 0 and 1.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        dirty_ratio: (ratio * 1e6) as u32,
        delete_retention_ms: whole(retention_ms)?,
        lag_min_ms: whole(lag_min_ms)?,
        lag_max_ms: limit(lag_max_ms)?,
    })
}

fn settings_of(values: &Doubles<'_>) -> Result<PartitionSettings, Refusal> {
    if values.len() != SETTINGS {
        return Err(Refusal::argument("settings of partitions have another number of values"));
    }
    let [
        retention_ms,
        retention_bytes,
        segment_bytes,
        segment_ms,
        own,
        always,
        records,
        bytes,
        interval_ms,
        timestamp_before_ms,
        timestamp_after_ms,
        compact,
        dirty_ratio,
        delete_retention_ms,
        lag_min_ms,
        lag_max_ms,
    ] = values.row::<SETTINGS>(0);
    let limits = Limits {
        retention_ms: limit(retention_ms)?,
        retention_bytes: limit(retention_bytes)?,
        segment_bytes: limit(segment_bytes)?,
        segment_ms: limit(segment_ms)?,
        timestamp_before_ms: limit(timestamp_before_ms)?,
        timestamp_after_ms: limit(timestamp_after_ms)?,
        compact: if compact == 0.0 {
            None
        } else {
            Some(compact_of(dirty_ratio, delete_retention_ms, lag_min_ms, lag_max_ms)?)
        },
    };
    let flush =
        if own == 0.0 { None } else { Some(options::policy(always != 0.0, records, bytes, interval_ms)?) };
    Ok(PartitionSettings { limits, flush })
}

#[napi]
impl NativeEngine {
    /// Declares settings of these partitions; answers how many of them there are.
    #[napi]
    pub fn configure(&self, env: Env, partitions: Unknown<'_>, settings: Unknown<'_>) -> Result<f64, Thrown> {
        let partitions = Doubles::of(env.raw(), partitions.raw())?;
        let settings = settings_of(&Doubles::of(env.raw(), settings.raw())?)?;
        let id = |at: usize| {
            whole(partitions.row::<1>(at)[0])
                .ok_or_else(|| Refusal::argument("a partition id is not a whole number"))
        };
        let ids = (0..partitions.len()).map(id).collect::<Result<Vec<u64>, Refusal>>()?;
        let known = self.call(env.raw(), |state| Ok(live(state)?.configure(&ids, &settings)))?;
        #[allow(clippy::cast_precision_loss)]
        Ok(known.unwrap_or(0) as f64)
    }

    /// Bytes between two entries of the sparse indexes that are made from now on.
    #[napi]
    pub fn set_index_interval(&self, env: Env, bytes: f64) -> Result<(), Thrown> {
        let bytes = whole(bytes).filter(|&bytes| bytes > 0);
        let bytes = bytes.ok_or_else(|| Refusal::argument("an interval is not a whole number above 0"))?;
        self.call(env.raw(), |state| {
            live(state)?.set_index_interval(bytes);
            Ok(())
        })?;
        Ok(())
    }

    /// Begins a round of retention at this wall time in ms.
    #[napi]
    pub fn retain(&self, env: Env, now_ms: f64) -> Result<(), Thrown> {
        let now_ms = signed(now_ms).ok_or_else(|| Refusal::argument("a time is not a whole number"))?;
        self.call(env.raw(), |state| {
            live(state)?.begin_retention(now_ms);
            Ok(())
        })?;
        self.queued();
        Ok(())
    }

    /// Begins a round of compaction at this wall time in ms, with so many bytes for the keys of a partition.
    #[napi]
    pub fn compact(&self, env: Env, now_ms: f64, key_bytes: f64) -> Result<(), Thrown> {
        let now_ms = signed(now_ms).ok_or_else(|| Refusal::argument("a time is not a whole number"))?;
        let bytes = whole(key_bytes).ok_or_else(|| Refusal::argument("a size is not a whole number"))?;
        self.call(env.raw(), |state| {
            let engine = live(state)?;
            engine.set_compaction_memory(bytes);
            engine.begin_compaction(now_ms);
            Ok(())
        })?;
        self.queued();
        Ok(())
    }
}
