//! What the two load programs share: arguments, latencies, JSON, a process's CPU time.
//!
//! Not here: the Kafka protocol (the binary `millrace-load`), the ring (the binary `bare-ring`).

pub mod arguments;
pub mod json;
pub mod measure;
pub mod process;

/// Why a run ended without a result.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error("{0}")]
    Usage(String),
    #[error("{doing}: {source}")]
    Io { doing: &'static str, source: std::io::Error },
    #[error("{api} was answered with error code {code}")]
    Refused { api: &'static str, code: i16 },
    #[error("{api}: the answer does not have the expected layout")]
    Layout { api: &'static str },
    #[error("no leader for every partition of {topic} after {seconds} s")]
    NoLeader { topic: String, seconds: u64 },
    #[error("the broker said nothing for {seconds} s")]
    Silent { seconds: u64 },
    #[error("a load thread panicked")]
    Panicked,
}

impl LoadError {
    /// For `map_err`: what was being done when the system refused.
    pub fn io(doing: &'static str) -> impl FnOnce(std::io::Error) -> LoadError {
        move |source| LoadError::Io { doing, source }
    }
}
