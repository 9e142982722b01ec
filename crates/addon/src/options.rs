//! The filled options object becomes the engine's configuration. There is no default and no limit here: ts/options.ts
//! declares both, and the engine asserts the relations it relies on.

use crate::status::Refusal;
use millrace_engine::{EngineConfig, Policy};
use millrace_io::DriverChoice;
use napi_derive::napi;

/// `NativeOptions` of ts/io/native-types.ts.
#[napi(object)]
pub struct Options {
    pub dir: String,
    pub driver: String,
    pub sim_seed: f64,
    pub sim_id: String,
    pub flush_always: bool,
    pub flush_records: f64,
    pub flush_bytes: f64,
    pub flush_interval_ms: f64,
    pub journal_file_bytes: f64,
    pub journal_files: f64,
    pub memory_bytes: f64,
    pub settle_bytes: f64,
    pub own_segment_bytes: f64,
    pub segment_bytes: f64,
    pub large_value_bytes: f64,
    pub index_interval_bytes: f64,
    pub read_ahead_bytes: f64,
}

/// A whole number of an option; `name` is for the error.
pub(crate) fn number(name: &str, value: f64) -> Result<u64, Refusal> {
    crate::memory::whole(value).ok_or_else(|| Refusal::argument(&format!("{name} is not a whole number")))
}

/// A flush policy from plain numbers; 0 is not set.
pub(crate) fn policy(always: bool, records: f64, bytes: f64, interval_ms: f64) -> Result<Policy, Refusal> {
    let interval_ms = number("interval", interval_ms)?;
    Ok(Policy {
        always,
        records: number("records", records)?,
        bytes: number("bytes", bytes)?,
        interval_ns: interval_ms
            .checked_mul(1_000_000)
            .ok_or_else(|| Refusal::argument("the interval is too long"))?,
    })
}

impl Options {
    /// The engine's configuration. `identity` are the random ids of a directory that is created by this open.
    pub(crate) fn engine_config(&self, identity: [[u8; 16]; 2]) -> Result<EngineConfig, Refusal> {
        let [fresh_directory_id, fresh_cluster_id] = identity;
        let journal_files = number("journalFiles", self.journal_files)?;
        Ok(EngineConfig {
            policy: policy(self.flush_always, self.flush_records, self.flush_bytes, self.flush_interval_ms)?,
            journal_file_bytes: number("journalFileBytes", self.journal_file_bytes)?,
            journal_files: u32::try_from(journal_files)
                .map_err(|_| Refusal::argument("too many journal files"))?,
            memory_bytes: number("memoryBytes", self.memory_bytes)?,
            settle_bytes: number("settleBytes", self.settle_bytes)?,
            own_segment_bytes: number("ownSegmentBytes", self.own_segment_bytes)?,
            segment_bytes: number("segmentBytes", self.segment_bytes)?,
            bulk_bytes: millrace_engine::BULK_BYTES,
            large_bytes: number("largeValueBytes", self.large_value_bytes)?,
            index_interval_bytes: number("indexIntervalBytes", self.index_interval_bytes)?,
            read_ahead_bytes: number("readAheadBytes", self.read_ahead_bytes)?,
            fresh_directory_id,
            fresh_cluster_id,
            node_id: 0,
        })
    }

    /// The driver that was asked for; None is the simulated disk.
    pub(crate) fn driver_choice(&self) -> Result<Option<DriverChoice>, Refusal> {
        match self.driver.as_str() {
            "auto" => Ok(Some(DriverChoice::Auto)),
            "ring" => Ok(Some(DriverChoice::Ring)),
            "pool" => Ok(Some(DriverChoice::Pool)),
            "sim" => Ok(None),
            _ => Err(Refusal::argument("there is no such driver")),
        }
    }
}
