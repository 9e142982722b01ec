//! `millrace/io` on this side of the boundary: raw operations of crates/io, hosted on the environment's loop.
//!
//! Not the engine's host, and it shares nothing with it but the way it is driven.

pub mod arena_handle;
mod destinations;
pub mod map_handle;
pub mod ring_handle;
mod ring_host;
mod rows;
