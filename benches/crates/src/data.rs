//! What the works work on.

/// Text that compresses about as JSON does.
const TEXT: &[u8] = br#"{"customer":"ada","article":4711,"count":3,"price":"12.90","note":"to the back door, and ring twice","paid":true,"source":"web"}"#;

/// So many bytes of text, with a number every 128 bytes that differs.
#[must_use]
pub fn text(bytes: usize) -> Vec<u8> {
    let lines = bytes.div_ceil(TEXT.len() + 8);
    let numbered =
        |line: usize| [TEXT, &(line as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes()].concat();
    let mut text: Vec<u8> = (0..lines).flat_map(numbered).collect();
    text.truncate(bytes);
    text
}

/// A key of 16 bytes; neighbours in number are far apart in order.
#[must_use]
pub fn scattered_key(number: u64) -> [u8; 16] {
    let mut mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^= mixed >> 32;
    let mut key = [0; 16];
    key[..8].copy_from_slice(&mixed.to_be_bytes());
    key[8..].copy_from_slice(&number.to_be_bytes());
    key
}
