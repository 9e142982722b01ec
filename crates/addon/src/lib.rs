//! The only crate that knows Node: conversion, the loop host, wake-ups and teardown.
//!
//! No default value, no format, no policy lives here. A failed assertion ends the process: a panic in an `extern "C"`
//! function cannot unwind, and state that contradicts itself must not acknowledge anything any more.

mod codec;
mod counters;
mod engine_handle;
mod host_loop;
mod inspect;
mod memory;
mod options;
mod page;
mod plan;
mod report;
mod sim_registry;
mod status;
mod teardown;
mod uv;
