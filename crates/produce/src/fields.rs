//! Reads the fields of a request one after another. Not a decoder of any request. To remember: whatever does not fit is
//! `None`, and nothing is looked at behind it.

/// Bytes that are left.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fields<'a> {
    pub left: &'a [u8],
}

impl<'a> Fields<'a> {
    pub fn bytes(&mut self, length: usize) -> Option<&'a [u8]> {
        let (bytes, left) = self.left.split_at_checked(length)?;
        self.left = left;
        Some(bytes)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (bytes, left) = self.left.split_first_chunk::<N>()?;
        self.left = left;
        Some(*bytes)
    }

    pub fn byte(&mut self) -> Option<u8> {
        self.array().map(u8::from_be_bytes)
    }

    pub fn int16(&mut self) -> Option<i16> {
        self.array().map(i16::from_be_bytes)
    }

    pub fn int32(&mut self) -> Option<i32> {
        self.array().map(i32::from_be_bytes)
    }

    /// A number of at most four groups of seven bits: longer ones count nothing that is plain.
    pub fn varuint(&mut self) -> Option<usize> {
        let mut value = 0;
        for shift in [0, 7, 14, 21] {
            let byte = self.byte()?;
            value |= usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    /// The length of something that may be null, as old versions write it in 16 bits.
    pub fn length16(&mut self) -> Option<Option<usize>> {
        let length = self.int16()?;
        if length == -1 { Some(None) } else { usize::try_from(length).ok().map(Some) }
    }

    /// The length of something that may be null, as flexible versions write it: one more than it is.
    pub fn compact_length(&mut self) -> Option<Option<usize>> {
        self.varuint().map(|length| length.checked_sub(1))
    }

    /// No tagged field: there is none that a plain request has.
    pub fn no_tags(&mut self) -> Option<()> {
        (self.byte()? == 0).then_some(())
    }
}
