//! CRC-32C (Castagnoli) of bytes that can no longer change.
//!
//! What it is not: a choice of algorithm. The polynomial is part of the format (docs/format/README.md).
//!
//! The one invariant: the checksum is taken over our own copy, never over memory a caller can still write.

/// CRC-32C of one contiguous run of bytes.
///
/// A frame is checksummed in one call, after its pieces were copied behind each other: with `crc-fast` 216 bytes take
/// 26 ns and 1 MiB takes 18 us on the reference machine, against 37 ns and 115 us with the `crc32c` crate.
#[must_use]
pub fn crc32c(bytes: &[u8]) -> u32 {
    crc_fast::crc32_iscsi(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_polynomial_is_castagnoli() {
        assert_eq!(crc32c(b"123456789"), 0xE306_9283);
        assert_eq!(crc32c(&[0; 32]), 0x8A91_36AA);
    }
}
