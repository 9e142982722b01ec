//! The first keys of many sorted stretches as numbers in one block of memory: which stretch a key lies in, without a look
//! at the stretches.
//!
//! What it is not: the keys. Where two of them have the same number, the stretches themselves are asked.
//!
//! The invariant: every first key begins with `prefix`, and its number is what its next eight bytes say.

/// Numbers of first keys, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Heads {
    /// What all first keys begin with; perhaps not all of what they share.
    prefix: Vec<u8>,
    numbers: Vec<u64>,
}

/// Eight bytes as a number that compares as they do; what is missing counts as zero.
fn number_of(rest: &[u8]) -> u64 {
    let mut wide = [0; 8];
    let length = rest.len().min(8);
    wide[..length].copy_from_slice(&rest[..length]);
    u64::from_be_bytes(wide)
}

fn shared(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

impl Heads {
    /// The numbers of `count` first keys, which are in order.
    pub fn of<'a>(count: usize, first: impl Fn(usize) -> &'a [u8]) -> Heads {
        if count == 0 {
            return Heads::default();
        }
        let (low, high) = (first(0), first(count - 1));
        let prefix = low[..shared(low, high)].to_vec();
        let numbers = (0..count).map(|at| number_of(&first(at)[prefix.len()..])).collect();
        Heads { prefix, numbers }
    }

    /// Memory in bytes.
    pub fn memory(&self) -> usize {
        self.prefix.capacity() + self.numbers.capacity() * size_of::<u64>()
    }

    /// The last stretch whose first key is not above `key`; 0 when there is none.
    pub fn find<'a>(&self, key: &[u8], first: impl Fn(usize) -> &'a [u8]) -> usize {
        let Some(rest) = key.strip_prefix(self.prefix.as_slice()) else {
            return if key < self.prefix.as_slice() { 0 } else { self.numbers.len().saturating_sub(1) };
        };
        let number = number_of(rest);
        let below = self.numbers.partition_point(|other| *other < number);
        let mut end = below;
        while end < self.numbers.len() && self.numbers[end] == number && first(end) <= key {
            end += 1;
        }
        end.saturating_sub(1)
    }

    /// The first key of stretch `at` is another one now. False: these numbers do not do any more, and are to be made anew.
    #[must_use]
    pub fn replace(&mut self, at: usize, key: &[u8]) -> bool {
        let Some(rest) = key.strip_prefix(self.prefix.as_slice()) else { return false };
        self.numbers[at] = number_of(rest);
        true
    }

    /// There is a new stretch before `at`. False as in `replace`.
    #[must_use]
    pub fn insert(&mut self, at: usize, key: &[u8]) -> bool {
        let Some(rest) = key.strip_prefix(self.prefix.as_slice()) else { return false };
        self.numbers.insert(at, number_of(rest));
        true
    }

    /// Whether these are the numbers of such first keys.
    #[cfg(test)]
    pub fn fit<'a>(&self, firsts: impl ExactSizeIterator<Item = &'a [u8]>) -> bool {
        firsts.len() == self.numbers.len()
            && firsts.zip(&self.numbers).all(|(first, number)| {
                first.strip_prefix(self.prefix.as_slice()).is_some_and(|rest| number_of(rest) == *number)
            })
    }

    /// Stretch `at` is gone.
    pub fn remove(&mut self, at: usize) {
        self.numbers.remove(at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keys that share much, are short, or end in zeros.
    fn keys(seed: u64, count: usize) -> Vec<Vec<u8>> {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut below = |limit: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state % limit
        };
        let mut keys: Vec<Vec<u8>> = (0..count)
            .map(|_| {
                let mut key = b"user:"[..below(6) as usize].to_vec();
                key.extend((0..below(14)).map(|_| [0, 1, b'a', 255][below(4) as usize]));
                key
            })
            .collect();
        keys.sort();
        keys.dedup();
        keys
    }

    fn plain(firsts: &[Vec<u8>], key: &[u8]) -> usize {
        firsts.partition_point(|first| first.as_slice() <= key).saturating_sub(1)
    }

    #[test]
    fn every_key_is_found_where_comparing_whole_keys_finds_it() {
        for seed in 0..200 {
            let firsts = keys(seed, 40);
            let heads = Heads::of(firsts.len(), |at| &firsts[at]);
            for key in keys(seed + 1000, 200) {
                assert_eq!(
                    heads.find(&key, |at| &firsts[at]),
                    plain(&firsts, &key),
                    "seed {seed} key {key:?}"
                );
            }
        }
    }

    #[test]
    fn stretches_that_come_go_and_change_keep_the_numbers_right() {
        for seed in 0..200 {
            let all = keys(seed, 60);
            let mut firsts: Vec<Vec<u8>> = Vec::new();
            let mut heads = Heads::default();
            for (turn, key) in keys(seed + 7, 120).into_iter().rev().chain(all.clone()).enumerate() {
                match firsts.binary_search(&key) {
                    Ok(at) => {
                        firsts.remove(at);
                        heads.remove(at);
                    }
                    Err(at) if turn % 3 == 0 && at < firsts.len() => {
                        firsts[at] = key;
                        if !heads.replace(at, &firsts[at]) {
                            heads = Heads::of(firsts.len(), |at| &firsts[at]);
                        }
                    }
                    Err(at) => {
                        firsts.insert(at, key);
                        if !heads.insert(at, &firsts[at]) {
                            heads = Heads::of(firsts.len(), |at| &firsts[at]);
                        }
                    }
                }
                for key in &all {
                    assert_eq!(heads.find(key, |at| &firsts[at]), plain(&firsts, key), "seed {seed}");
                }
            }
        }
    }
}
