//! The only crate that knows Node: conversion, the loop host, wake-ups and teardown.
//!
//! No default value, no format, no policy lives here. A failed assertion ends the process: a panic in an `extern "C"`
//! function cannot unwind, and state that contradicts itself must not acknowledge anything any more.

pub mod backup_handle;
pub mod codec;
mod counters;
pub mod engine_handle;
pub mod figures;
mod host_loop;
pub mod inspect;
pub mod io_api;
mod kept_doubles;
mod kv_effect;
pub mod kv_handle;
pub mod kv_rank;
mod kv_report;
mod kv_rows;
pub mod kv_run;
mod kv_tokens;
mod leases;
mod memory;
pub mod net_handle;
mod net_host;
mod net_memory;
pub mod net_options;
pub mod notify;
pub mod options;
mod page;
pub mod partition_report;
mod plan;
pub mod produce_way;
mod read_rows;
pub mod report;
mod resp_way;
mod settings_handle;
mod sim_registry;
mod start_handle;
mod status;
pub mod stored_handle;
mod teardown;
mod timings;
pub mod transactions;
mod uv;
pub mod verify_handle;
mod wake;
