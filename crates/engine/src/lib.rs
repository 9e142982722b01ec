//! The engine: journal, log and state map composed with a driver, without Node. Hosts and crash tests drive the very
//! same code.
//!
//! What it is not: a host (who calls `turn` and when), a protocol, a policy.

pub mod account;
pub mod config;
pub mod effect;
pub mod read;

pub use account::{Damage, RecoveryAccount};
pub use config::{EngineConfig, FlushPolicy, Level};
pub use effect::{Append, Committed, Effect, Outcome};
pub use millrace_log::{Code, Isolation};
pub use read::{EpochEnd, Offset, Read, Readable};
