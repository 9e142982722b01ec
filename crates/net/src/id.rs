//! Names of connections, of held memory and of operations in flight: an index and a generation, so that a name is never
//! used twice for two things.
//!
//! The one invariant: a number handed to JavaScript is below 2^53 (20 bits of index, 32 of generation).

const INDEX_BITS: u32 = 20;

/// Largest number of things that can be told apart at a time.
pub(crate) const INDEX_MAX: usize = 1 << INDEX_BITS;

/// An index and how often it was given out before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub index: u32,
    pub generation: u32,
}

impl Key {
    fn number(self) -> u64 {
        u64::from(self.generation) << INDEX_BITS | u64::from(self.index)
    }

    /// A number nobody gave out names nothing, which is found out when it is looked up.
    fn of_number(number: u64) -> Key {
        let index = (number & (INDEX_MAX as u64 - 1)) as u32;
        Key { index, generation: u32::try_from(number >> INDEX_BITS).unwrap_or(0) }
    }
}

/// One accepted connection; never used again for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ConnectionId(pub(crate) Key);

/// The memory of a frame, to be given back with `Net::release`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Token(pub(crate) Key);

impl ConnectionId {
    /// Below 2^53.
    #[must_use]
    pub fn number(self) -> u64 {
        self.0.number()
    }

    /// Below 2^20, and given out again when the connection is gone.
    #[must_use]
    pub fn index(self) -> usize {
        self.0.index as usize
    }

    #[must_use]
    pub fn of_number(number: u64) -> ConnectionId {
        ConnectionId(Key::of_number(number))
    }
}

impl Token {
    /// Below 2^53.
    #[must_use]
    pub fn number(self) -> u64 {
        self.0.number()
    }

    #[must_use]
    pub fn of_number(number: u64) -> Token {
        Token(Key::of_number(number))
    }
}

/// What an operation in flight is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Into a slot the kernel chooses.
    Receive(Key),
    /// Into the connection's gathering memory.
    Gather(Key),
    Send(Key),
    /// A full socket takes bytes again.
    Room(Key),
    Accept(Key),
    /// The pause after a failed accept.
    Backoff(Key),
    /// A cancellation: what it cancels completes by itself.
    Cancel,
}

const PURPOSE_SHIFT: u32 = 60;
const KEY_SHIFT: u32 = 32;

impl Purpose {
    pub(crate) fn user_data(self) -> u64 {
        let (kind, key) = match self {
            Purpose::Receive(key) => (1, key),
            Purpose::Gather(key) => (2, key),
            Purpose::Send(key) => (3, key),
            Purpose::Accept(key) => (4, key),
            Purpose::Backoff(key) => (5, key),
            Purpose::Cancel => (6, Key { index: 0, generation: 0 }),
            Purpose::Room(key) => (7, key),
        };
        kind << PURPOSE_SHIFT | u64::from(key.index) << KEY_SHIFT | u64::from(key.generation)
    }

    /// None for a number that is no operation's.
    pub(crate) fn of_user_data(number: u64) -> Option<Purpose> {
        let index = (number >> KEY_SHIFT) as u32 & ((1 << (PURPOSE_SHIFT - KEY_SHIFT)) - 1);
        let key = Key { index, generation: number as u32 };
        Some(match number >> PURPOSE_SHIFT {
            1 => Purpose::Receive(key),
            2 => Purpose::Gather(key),
            3 => Purpose::Send(key),
            4 => Purpose::Accept(key),
            5 => Purpose::Backoff(key),
            6 => Purpose::Cancel,
            7 => Purpose::Room(key),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_survive_the_way_through_a_double_and_through_the_kernel() {
        let key = Key { index: INDEX_MAX as u32 - 1, generation: u32::MAX };
        let number = ConnectionId(key).number();
        assert!(number < 1 << 53);
        assert_eq!(ConnectionId::of_number(number), ConnectionId(key));
        assert_eq!(Token::of_number(Token(key).number()), Token(key));
        for purpose in [Purpose::Receive(key), Purpose::Gather(key), Purpose::Send(key), Purpose::Room(key)] {
            assert_eq!(Purpose::of_user_data(purpose.user_data()), Some(purpose));
        }
        assert_eq!(Purpose::of_user_data(u64::MAX), None);
        assert_eq!(Purpose::of_user_data(0), None);
    }
}
