//! The closed set of answers an effect or a read can get. The numbers cross the boundary to TypeScript
//! (`ts/io/native-types.ts`) and are never reused for another meaning.
//!
//! What it is not: an error type of the engine's own faults (those are `EngineError` and the poison).

/// Answer of one effect or one read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Code {
    Ok = 0,
    UnknownPartition = 1,
    /// Length, checksum or framing of a batch is wrong.
    Corrupt = 2,
    UnsupportedMagic = 3,
    /// Well-formed but not allowed: control bit, wrong deltas, missing key.
    InvalidRecord = 4,
    OutOfOrderSequence = 5,
    /// Success: this batch was appended before; the base offset is the original one.
    Duplicate = 6,
    InvalidProducerEpoch = 7,
    MessageTooLarge = 8,
    /// Unsettled data has reached the memory budget: try again later.
    Busy = 9,
    /// A flush failed; the outcome of waiting work is unknown and nothing more is accepted.
    Poisoned = 10,
    NoSpace = 11,
    Closing = 12,
    UnsupportedCompression = 13,
    InvalidTimestamp = 14,
    OffsetOutOfRange = 15,
    FencedEpoch = 16,
    UnknownEpoch = 17,
    /// Bytes on disk below the durable watermark do not verify: this range cannot be served.
    Damaged = 18,
    Exists = 19,
    /// Another effect of the same frame was refused, so this one was not done either.
    RefusedWithFrame = 20,
    /// The answer comes later under a token.
    Pending = 21,
    DuplicateSequence = 22,
    /// A condition of a key's write does not hold: nothing of its frame was done.
    ConditionFailed = 23,
    UnknownStore = 24,
    /// There is no such key, or it has expired.
    Absent = 25,
    /// The caller's memory is too small for the answer.
    NoRoom = 26,
}

impl Code {
    /// True for the codes that mean "it is in the log".
    #[must_use]
    pub fn is_success(self) -> bool {
        matches!(self, Code::Ok | Code::Duplicate)
    }
}
