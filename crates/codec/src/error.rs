//! Why an inflate or deflate was refused. A closed set: callers map it to one wire error and count by kind.

/// What was wrong with the input or with the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CodecError {
    /// The id names no codec.
    #[error("codec {0} does not exist (0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd)")]
    UnknownCodec(u8),
    /// The output would have been longer than the caller allows.
    #[error("inflates to more than {limit} bytes")]
    LimitExceeded { limit: usize },
    /// The bytes are not a whole, valid stream of this codec.
    #[error("damaged {codec} data: {reason}")]
    Corrupt { codec: &'static str, reason: &'static str },
    /// A valid stream of a kind that Kafka's own clients cannot read.
    #[error("unsupported {codec} data: {reason}")]
    Unsupported { codec: &'static str, reason: &'static str },
    /// A compression level outside the codec's range.
    #[error("{codec} has no level {level}")]
    Level { codec: &'static str, level: i32 },
    /// The system had no memory for the output.
    #[error("no memory")]
    Memory,
}
