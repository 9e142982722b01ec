//! The engine: journal, log and state map composed with a driver, without Node. Hosts and crash tests drive the very
//! same code.
//!
//! What it is not: a host (who calls `turn` and when), a protocol, a policy.

mod account;
mod checkpoint;
mod commit;
mod config;
mod effect;
mod engine;
mod entry;
mod error;
mod lookup;
pub mod manifest;
mod open;
mod publish;
mod read;
mod state;

pub use account::{Damage, RecoveryAccount};
pub use config::EngineConfig;
pub use effect::{Append, Committed, Effect, Outcome};
pub use engine::{Counters, Engine, Events};
pub use error::EngineError;
#[cfg(feature = "planted")]
pub use millrace_journal::Planted;
pub use millrace_journal::{Level, Poison, Policy};
pub use millrace_log::{Code, Damaged, Isolation, Watermarks};
pub use read::{EpochEnd, Offset, Read, Readable};
pub use state::State;
