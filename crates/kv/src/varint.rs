//! Unsigned LEB128 in its shortest form, at most 10 bytes.
//!
//! What it is not: zigzag; Kafka's and Go's signed varints are another encoding.
//!
//! The invariant: every number has exactly one encoding; any other is refused.

/// Most bytes of one number.
pub const VARINT_MAX: usize = 10;

/// Appends a number.
pub fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Takes a number off the front. `None`: it ends early, is too large, or is not in its shortest form.
#[must_use]
#[inline]
pub fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    // Nearly all are this short: lengths of keys and values.
    if let [byte @ ..0x80, rest @ ..] = *bytes {
        *bytes = rest;
        return Some(u64::from(*byte));
    }
    take_long_varint(bytes)
}

fn take_long_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for (index, byte) in bytes.iter().enumerate().take(VARINT_MAX) {
        let part = u64::from(byte & 0x7f);
        if index == VARINT_MAX - 1 && part > 1 {
            return None;
        }
        value |= part << (7 * index);
        if byte & 0x80 == 0 {
            if *byte == 0 && index > 0 {
                return None;
            }
            *bytes = &bytes[index + 1..];
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_comes_back_and_nothing_is_left_over() {
        for value in [0, 1, 127, 128, 300, 1 << 35, u64::MAX - 1, u64::MAX] {
            let mut out = Vec::new();
            put_varint(&mut out, value);
            let mut bytes = &out[..];
            assert_eq!(take_varint(&mut bytes), Some(value));
            assert!(bytes.is_empty());
            for cut in 0..out.len() {
                assert_eq!(take_varint(&mut &out[..cut]), None);
            }
        }
    }

    #[test]
    fn longer_forms_and_numbers_beyond_64_bits_are_refused() {
        assert_eq!(take_varint(&mut &[0x80, 0x00][..]), None);
        assert_eq!(take_varint(&mut &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02][..]), None);
        assert_eq!(take_varint(&mut &[0x80; 11][..]), None);
    }
}
