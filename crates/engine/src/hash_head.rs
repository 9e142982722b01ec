//! Heads of hashes as the Redis server stores them, for the simple commands of hashes.
//!
//! What it is not: the owner of the format, which is ts/redis/collection-head.ts; other types of collections are not ours.
//!
//! The invariant: a head that is written differs from the one that was read in its count only.

/// A type, then four doubles: number, count, first, end.
const HEAD_BYTES: usize = 33;
const HASH: u8 = 4;
const ID_AT: usize = 1;
const COUNT_AT: usize = 9;

/// The head of a hash.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct HashHead {
    bytes: [u8; HEAD_BYTES],
}

impl HashHead {
    /// `None`: it is the head of something else.
    pub fn of(bytes: &[u8]) -> Option<HashHead> {
        let bytes: [u8; HEAD_BYTES] = bytes.try_into().ok()?;
        (bytes[0] == HASH).then_some(HashHead { bytes })
    }

    /// What lies in front of the keys of all its fields.
    pub fn prefix(&self) -> [u8; 8] {
        (self.double(ID_AT) as u64).to_be_bytes()
    }

    /// The same with one field more.
    pub fn grown(&self) -> [u8; HEAD_BYTES] {
        let mut bytes = self.bytes;
        bytes[COUNT_AT..COUNT_AT + 8].copy_from_slice(&(self.double(COUNT_AT) + 1.0).to_be_bytes());
        bytes
    }

    fn double(&self, at: usize) -> f64 {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&self.bytes[at..at + 8]);
        f64::from_be_bytes(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_heads_of_hashes_are_known_and_only_the_count_grows() {
        let mut bytes = [0; HEAD_BYTES];
        bytes[0] = HASH;
        bytes[1..9].copy_from_slice(&7_000_000_000_001_f64.to_be_bytes());
        bytes[9..17].copy_from_slice(&255_f64.to_be_bytes());
        let head = HashHead::of(&bytes).expect("a hash");
        assert_eq!(head.prefix(), 7_000_000_000_001_u64.to_be_bytes());
        let mut expected = bytes;
        expected[9..17].copy_from_slice(&256_f64.to_be_bytes());
        assert_eq!(head.grown(), expected);
        bytes[0] = 3;
        assert_eq!(HashHead::of(&bytes), None);
        assert_eq!(HashHead::of(&expected[..32]), None);
    }
}
