//! The bytes of a value in memory.
//!
//! What it is not: a record; a value in a data file is reached through its `Location`.
//!
//! The invariant: bytes never change once they are here, so a value is shared, not copied.

use millrace_io::Piece;
use std::sync::Arc;

/// Values up to this many bytes are copied out of the journal's commit memory. A commit takes whole blocks of it: a
/// small value that stayed would keep forty times its size alive; a large one is most of what it keeps.
pub const COPIED_MAX: usize = 2 << 10;

/// Shared bytes.
#[derive(Clone, Debug)]
pub enum Value {
    Copied(Arc<[u8]>),
    /// Part of the journal's commit memory.
    Shared(Piece),
}

impl Value {
    /// A value as it lies in a frame: kept there, or copied when it is small.
    #[must_use]
    pub fn of_piece(piece: Piece) -> Value {
        if piece.len() <= COPIED_MAX { Value::Copied(piece.bytes().into()) } else { Value::Shared(piece) }
    }

    /// A copy that keeps nothing else alive.
    #[must_use]
    pub fn copied(bytes: &[u8]) -> Value {
        Value::Copied(bytes.into())
    }

    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        match self {
            Value::Copied(bytes) => bytes,
            Value::Shared(piece) => piece.bytes(),
        }
    }

    /// The same bytes without the commit memory around them.
    #[must_use]
    pub fn unpinned(&self) -> Value {
        match self {
            Value::Copied(bytes) => Value::Copied(bytes.clone()),
            Value::Shared(piece) => Value::copied(piece.bytes()),
        }
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes().len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_value_does_not_keep_its_commit_alive_and_a_large_one_is_not_copied() {
        let commit = Piece::copy_of(&[7; 3 * COPIED_MAX]);
        let small = Value::of_piece(commit.slice(0, 100));
        let large = Value::of_piece(commit.slice(0, COPIED_MAX + 1));
        assert!(matches!(small, Value::Copied(_)));
        assert!(matches!(large, Value::Shared(_)));
        assert_eq!((small.len(), large.len()), (100, COPIED_MAX + 1));
    }
}
