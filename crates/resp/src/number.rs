//! Integers of 64 bits as Redis reads them from strings.
//!
//! What it is not: a parser of the protocol's own lengths (`cut.rs`).
//!
//! The invariant: only the shortest form is a number: no blank, no plus sign, no leading zero, no minus zero; as in
//! ts/redis/protocol/numbers.ts.

/// Most bytes of an integer: a sign and 19 digits.
const BYTES_MAX: usize = 20;

/// The integer that the bytes are; `None` when they are none of 64 bits.
#[must_use]
pub fn integer(bytes: &[u8]) -> Option<i64> {
    let (is_negative, digits) = match bytes {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, bytes),
    };
    if bytes.len() > BYTES_MAX {
        return None;
    }
    match digits {
        [] => return None,
        [b'0'] => return (!is_negative).then_some(0),
        [b'0', ..] => return None,
        _ => {}
    }
    let mut value: i64 = 0;
    for digit in digits {
        if !digit.is_ascii_digit() {
            return None;
        }
        let digit = i64::from(digit - b'0');
        // Downwards, because there is one more number below zero than above.
        value = value.checked_mul(10)?.checked_sub(digit)?;
    }
    if is_negative { Some(value) } else { value.checked_neg() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shortest_form_of_every_integer_is_read() {
        for value in [0, 1, -1, 10, i64::MAX, i64::MIN, 1_000_000_007] {
            assert_eq!(integer(value.to_string().as_bytes()), Some(value));
        }
    }

    #[test]
    fn everything_else_is_none() {
        let others = [
            "",
            "-",
            "-0",
            "00",
            "01",
            "+1",
            " 1",
            "1 ",
            "1.0",
            "9223372036854775808",
            "-9223372036854775809",
        ];
        for text in others.into_iter().chain(["100000000000000000000", "0x1", "--1"]) {
            assert_eq!(integer(text.as_bytes()), None, "{text}");
        }
    }
}
