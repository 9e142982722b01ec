//! The bytes of one simulated file as they are on the medium: sparse, and cheap to fork (chunks are shared until
//! one side writes).

use std::sync::Arc;

const CHUNK: usize = 16 * 1024;

#[derive(Clone, Debug, Default)]
pub(super) struct Image {
    /// `None` is a chunk of zeros.
    chunks: Vec<Option<Arc<[u8; CHUNK]>>>,
}

impl Image {
    pub fn write(&mut self, position: u64, mut bytes: &[u8]) {
        let mut position = position as usize;
        let chunks = (position + bytes.len()).div_ceil(CHUNK);
        if self.chunks.len() < chunks {
            self.chunks.resize(chunks, None);
        }
        while !bytes.is_empty() {
            let within = position % CHUNK;
            let length = bytes.len().min(CHUNK - within);
            let chunk = self.chunks[position / CHUNK].get_or_insert_with(|| Arc::new([0; CHUNK]));
            Arc::make_mut(chunk)[within..within + length].copy_from_slice(&bytes[..length]);
            bytes = &bytes[length..];
            position += length;
        }
    }

    /// Fills `bytes`; what was never written is zero.
    pub fn read(&self, position: u64, mut bytes: &mut [u8]) {
        let mut position = position as usize;
        while !bytes.is_empty() {
            let within = position % CHUNK;
            let length = bytes.len().min(CHUNK - within);
            let (part, rest) = bytes.split_at_mut(length);
            match self.chunks.get(position / CHUNK) {
                Some(Some(chunk)) => part.copy_from_slice(&chunk[within..within + length]),
                _ => part.fill(0),
            }
            bytes = rest;
            position += length;
        }
    }

    /// Makes everything from `position` on zero again.
    pub fn cut(&mut self, position: u64) {
        let position = position as usize;
        let whole = position.div_ceil(CHUNK);
        self.chunks.truncate(whole);
        if let (true, Some(Some(chunk))) =
            (!position.is_multiple_of(CHUNK), self.chunks.get_mut(position / CHUNK))
        {
            Arc::make_mut(chunk)[position % CHUNK..].fill(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(image: &Image, position: u64, length: usize) -> Vec<u8> {
        let mut bytes = vec![0xee; length];
        image.read(position, &mut bytes);
        bytes
    }

    #[test]
    fn bytes_come_back_across_chunks_and_holes_are_zero() {
        let mut image = Image::default();
        let bytes: Vec<u8> = (0..50_000u32).map(|n| n as u8).collect();
        image.write(CHUNK as u64 - 100, &bytes);
        assert_eq!(read(&image, CHUNK as u64 - 100, bytes.len()), bytes);
        assert_eq!(read(&image, 0, 10), [0; 10]);
        assert_eq!(read(&image, 10_000_000, 10), [0; 10]);
    }

    #[test]
    fn what_is_cut_off_reads_as_zero_after_growing_again() {
        let mut image = Image::default();
        image.write(0, &[1; 3 * CHUNK]);
        image.cut(10);
        assert_eq!(read(&image, 8, 4), [1, 1, 0, 0]);
        assert_eq!(read(&image, 2 * CHUNK as u64, 2), [0, 0]);
    }

    #[test]
    fn a_fork_does_not_see_later_writes() {
        let mut image = Image::default();
        image.write(0, &[1; 100]);
        let fork = image.clone();
        image.write(50, &[2; 10]);
        assert_eq!(read(&fork, 50, 10), [1; 10]);
        assert_eq!(read(&image, 50, 10), [2; 10]);
    }
}
