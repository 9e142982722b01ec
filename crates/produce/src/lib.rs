//! Kafka's Produce requests of the plainest form, read where they lie: one topic, one partition, one batch.
//!
//! What it is not: the decoder of the broker (ts/broker/protocol), which knows every form and every error. Whatever is not
//! plain is left to it, byte for byte; so nothing here refuses anything.
//!
//! The invariant: what is plain here means the same to that decoder, and nothing is allocated.

mod fields;
mod request;

pub use request::{Acks, Plain, Topic};
