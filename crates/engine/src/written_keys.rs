//! Which keys the writes of a frame that is not appended yet may have.
//!
//! What it is not: exact. A key that is said to be there may not be.
//!
//! The invariant: a key that was written is never missed. Writes are looked at when somebody asks, so a run of writes
//! only costs nothing here.

use crate::effect::Effect;

const WORDS: usize = 256;

/// One bit for each key that was looked at.
#[derive(Debug, Default)]
pub(crate) struct WrittenKeys {
    bits: Vec<u64>,
    /// Writes that were looked at.
    seen: usize,
}

impl WrittenKeys {
    /// Forgets everything: the writes begin anew.
    pub fn clear(&mut self) {
        if self.seen > 0 {
            self.bits.fill(0);
        }
        self.seen = 0;
    }

    /// Whether one of `writes` may be of this key. Between two calls writes are only added, or `clear` is called.
    pub fn may_have(&mut self, writes: &[Effect<'_>], store: u32, key: &[u8]) -> bool {
        if writes.is_empty() {
            return false;
        }
        if self.bits.is_empty() {
            self.bits = vec![0; WORDS];
        }
        for write in &writes[self.seen..] {
            if let Effect::KvPut { store, key, .. } = write {
                let (word, bit) = place(*store, key);
                self.bits[word] |= bit;
            }
        }
        self.seen = writes.len();
        let (word, bit) = place(store, key);
        self.bits[word] & bit != 0
    }
}

/// Where the bit of a key is. Keys that share it cost a frame, nothing else.
fn place(store: u32, key: &[u8]) -> (usize, u64) {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut mixed = u64::from(store) ^ key.len() as u64;
    for chunk in key.chunks(8) {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        mixed = (mixed ^ u64::from_le_bytes(word)).wrapping_mul(FACTOR);
        // Keys that are counted differ in their last bytes only, which are the upper bits here: they come down.
        mixed ^= mixed >> 32;
    }
    let index = (mixed.wrapping_mul(FACTOR) >> 32) as usize % (WORDS * 64);
    (index / 64, 1 << (index % 64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use millrace_kv::Condition;

    #[test]
    fn a_key_that_was_written_is_never_missed_and_few_others_are_named() {
        let keys: Vec<String> = (0..500).map(|number| format!("key:{number:012}")).collect();
        let puts = keys.iter().map(|key| Effect::KvPut {
            store: 7,
            key: key.as_bytes(),
            value: b"v",
            expires_ms: 0,
            condition: Condition::None,
        });
        let writes: Vec<Effect<'_>> = puts.collect();
        let mut written = WrittenKeys::default();
        for (number, key) in keys.iter().enumerate() {
            assert!(written.may_have(&writes[..=number], 7, key.as_bytes()));
        }
        let others = (500..1500).map(|number| format!("key:{number:012}"));
        let named = others.filter(|key| written.may_have(&writes, 7, key.as_bytes())).count();
        assert!(named < 60, "{named} of 1000, where 500 bits of 16,384 are set");
        written.clear();
        assert!(!written.may_have(&writes[..1], 7, keys[1].as_bytes()));
    }
}
