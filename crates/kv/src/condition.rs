//! What a write may ask of the key it writes, judged when its frame is committed.
//!
//! What it is not: the judging of several effects in one frame, which is the engine's.

/// A condition of one write. An expired key is absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Condition {
    #[default]
    None,
    Absent,
    Present,
    /// The key was last written by the frame with this LSN.
    Sequence(u64),
}

impl Condition {
    /// Whether it holds for a key that was last written at `sequence`; 0: it is absent.
    #[must_use]
    pub fn holds(self, sequence: u64) -> bool {
        match self {
            Condition::None => true,
            Condition::Absent => sequence == 0,
            Condition::Present => sequence != 0,
            Condition::Sequence(expected) => sequence != 0 && sequence == expected,
        }
    }
}
