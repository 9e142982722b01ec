//! Little-endian fields of our own formats (manifest, index, journal entry bodies): a writer and a bounded reader.
//!
//! What it is not: Kafka's encoding, which is big endian (`batch.rs`, `records.rs`).
//!
//! The invariant: a read past the end is an error value, and a count is never believed beyond what is left.

/// The bytes ended, or a count claims more than is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("fields end early")]
pub struct Short;

/// Appends fixed-width little-endian fields to `out`.
pub fn put_u32(out: &mut Vec<u8>, value: u32) {
    out.extend_from_slice(&value.to_le_bytes());
}

/// Appends a 64-bit field.
pub fn put_u64(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(&value.to_le_bytes());
}

/// Appends a signed 64-bit field.
pub fn put_i64(out: &mut Vec<u8>, value: i64) {
    out.extend_from_slice(&value.to_le_bytes());
}

/// Appends a 32-bit length and the bytes.
pub fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    let length = u32::try_from(bytes.len()).expect("fields are shorter than 4 GiB: callers bound them");
    put_u32(out, length);
    out.extend_from_slice(bytes);
}

/// Reads fields front to back.
#[derive(Clone, Copy, Debug)]
pub struct Fields<'a> {
    bytes: &'a [u8],
}

impl<'a> Fields<'a> {
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Fields<'a> {
        Fields { bytes }
    }

    /// Bytes not read yet.
    #[must_use]
    pub fn left(&self) -> usize {
        self.bytes.len()
    }

    /// The next `length` bytes.
    pub fn take(&mut self, length: usize) -> Result<&'a [u8], Short> {
        let (head, tail) = self.bytes.split_at_checked(length).ok_or(Short)?;
        self.bytes = tail;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Short> {
        let (head, tail) = self.bytes.split_first_chunk::<N>().ok_or(Short)?;
        self.bytes = tail;
        Ok(*head)
    }

    pub fn u8(&mut self) -> Result<u8, Short> {
        Ok(self.array::<1>()?[0])
    }

    pub fn u16(&mut self) -> Result<u16, Short> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    pub fn u32(&mut self) -> Result<u32, Short> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    pub fn u64(&mut self) -> Result<u64, Short> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    pub fn i64(&mut self) -> Result<i64, Short> {
        Ok(i64::from_le_bytes(self.array()?))
    }

    /// A 32-bit length and that many bytes.
    pub fn bytes(&mut self) -> Result<&'a [u8], Short> {
        let length = self.u32()? as usize;
        self.take(length)
    }

    /// A 32-bit count of items of at least `least` bytes each: refused when so many cannot be left.
    pub fn count(&mut self, least: usize) -> Result<usize, Short> {
        let count = self.u32()? as usize;
        if count > self.left() / least.max(1) {
            return Err(Short);
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_beyond_what_is_left_is_refused_before_anything_is_allocated() {
        let mut out = Vec::new();
        put_u32(&mut out, u32::MAX);
        out.extend_from_slice(&[0; 64]);
        assert_eq!(Fields::new(&out).count(8), Err(Short));
        assert_eq!(Fields::new(&out).bytes(), Err(Short));
    }

    #[test]
    fn fields_come_back_as_they_were_put() {
        let mut out = Vec::new();
        put_u32(&mut out, 7);
        put_i64(&mut out, -9);
        put_bytes(&mut out, b"key");
        let mut fields = Fields::new(&out);
        assert_eq!((fields.u32(), fields.i64(), fields.bytes()), (Ok(7), Ok(-9), Ok(&b"key"[..])));
        assert_eq!(fields.left(), 0);
        assert_eq!(fields.u8(), Err(Short));
    }
}
