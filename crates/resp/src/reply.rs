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
    let mut digits = [0; 20];
    let mut from = digits.len();
    let mut left = value.len();
    loop {
        from -= 1;
        digits[from] = b'0' + (left % 10) as u8;
        left /= 10;
        if left == 0 {
            break;
        }
    }
    into.reserve(bulk_bytes(value.len()));
    into.push(b'$');
    into.extend_from_slice(&digits[from..]);
    into.extend_from_slice(b"\r\n");
    into.extend_from_slice(value);
    into.extend_from_slice(b"\r\n");
}

/// The most bytes that the bulk string of a value of this length takes.
#[must_use]
pub fn bulk_bytes(length: usize) -> usize {
    length + 25
}

#[cfg(test)]
mod tests {
    use super::*;

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
