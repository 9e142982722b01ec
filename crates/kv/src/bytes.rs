//! Little-endian numbers at fixed places of a block whose length was checked.
//!
//! What it is not: a reader of untrusted fields of unknown length (`varint.rs`, `fields.rs`).

pub(crate) fn get_u32(bytes: &[u8], at: usize) -> u32 {
    let mut wide = [0; 4];
    wide.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(wide)
}

pub(crate) fn get_u64(bytes: &[u8], at: usize) -> u64 {
    let mut wide = [0; 8];
    wide.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(wide)
}
