//! Replies of simple commands as bytes.
//!
//! What it is not: the writer of all replies (ts/redis/protocol/reply-writer.ts).
//!
//! The invariant: the bytes are those that writer would have written.

/// Version of the protocol of who reads the reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    Resp2,
    Resp3,
}

/// `OK`.
pub fn ok(into: &mut Vec<u8>) {
    into.extend_from_slice(b"+OK\r\n");
}

/// No value.
pub fn absent(into: &mut Vec<u8>, protocol: Protocol) {
    into.extend_from_slice(match protocol {
        Protocol::Resp2 => b"$-1\r\n",
        Protocol::Resp3 => b"_\r\n",
    });
}

/// A bulk string.
pub fn bulk(into: &mut Vec<u8>, value: &[u8]) {
    into.reserve(bulk_bytes(value.len()));
    into.push(b'$');
    digits(into, value.len() as u64);
    into.extend_from_slice(b"\r\n");
    into.extend_from_slice(value);
    into.extend_from_slice(b"\r\n");
}

/// An integer.
pub fn number(into: &mut Vec<u8>, value: i64) {
    into.push(b':');
    decimal(into, value);
    into.extend_from_slice(b"\r\n");
}

/// The head of an array of so many replies.
pub fn array(into: &mut Vec<u8>, count: usize) {
    into.push(b'*');
    digits(into, count as u64);
    into.extend_from_slice(b"\r\n");
}

/// A number as Redis stores it.
pub fn decimal(into: &mut Vec<u8>, value: i64) {
    if value < 0 {
        into.push(b'-');
    }
    digits(into, value.unsigned_abs());
}

fn digits(into: &mut Vec<u8>, mut left: u64) {
    let mut digits = [0; 20];
    let mut from = digits.len();
    loop {
        from -= 1;
        digits[from] = b'0' + (left % 10) as u8;
        left /= 10;
        if left == 0 {
            break;
        }
    }
    into.extend_from_slice(&digits[from..]);
}

/// Every reply without a value fits into so many bytes: `OK`, an integer, no value, the head of an array.
pub const REPLY_LEAST: usize = 25;

/// The most bytes that the bulk string of a value of this length takes.
#[must_use]
pub fn bulk_bytes(length: usize) -> usize {
    length + REPLY_LEAST
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_of_all_sizes_fit_into_the_least_reply() {
        for value in [0, 7, -7, i64::MAX, i64::MIN] {
            let mut written = Vec::new();
            number(&mut written, value);
            assert_eq!(written, format!(":{value}\r\n").as_bytes());
            assert!(written.len() <= REPLY_LEAST);
        }
    }

    #[test]
    fn a_bulk_string_says_its_length_in_decimal() {
        for length in [0, 9, 10, 99, 100, 16_384] {
            let mut written = Vec::new();
            bulk(&mut written, &vec![b'x'; length]);
            let expected = format!("${length}\r\n{}\r\n", "x".repeat(length));
            assert_eq!(written, expected.as_bytes());
            assert!(written.len() <= bulk_bytes(length));
        }
    }
}
