//! The part of the journal that recovery kept although no frame proves it durable.
//!
//! After a failed flush the kernel may show bytes that are not on the device and that no later flush will bring there:
//! they count as clean. So recovery writes these stretches again, byte for byte, before it flushes and serves them.
//!
//! What it is not: a repair. The bytes are those that validated; a cut in the middle leaves a torn tail, as before.
//!
//! The one invariant: every kept frame above the known durable LSN lies in a stretch.

use crate::walk::Place;
use millrace_io::{BLOCK, Done, FileId, Io, IoError, Op, ReadBuffer};
use std::collections::VecDeque;

/// Whole blocks of one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stretch {
    file: usize,
    from: u64,
    to: u64,
    last_lsn: u64,
}

/// Bytes of one stretch, about; a larger frame makes a larger one.
const STRETCH: u64 = 1 << 20;

#[derive(Debug, Default)]
pub(crate) struct Unproven {
    stretches: VecDeque<Stretch>,
}

impl Unproven {
    /// A frame was kept; everything up to `durable` is proven by now.
    pub fn keep(&mut self, place: Place, bytes: u64, lsn: u64, durable: u64) {
        while self.stretches.front().is_some_and(|stretch| stretch.last_lsn <= durable) {
            self.stretches.pop_front();
        }
        let block = BLOCK as u64;
        let to = (place.position + bytes).next_multiple_of(block);
        match self.stretches.back_mut() {
            Some(last) if last.file == place.file && to - last.from <= STRETCH => {
                last.to = to;
                last.last_lsn = lsn;
            }
            _ => {
                let from = place.position / block * block;
                self.stretches.push_back(Stretch { file: place.file, from, to, last_lsn: lsn });
            }
        }
    }

    /// Writes every stretch above `durable` again. Returns how many bytes that were.
    pub fn write_again(&self, io: &mut Io, ids: &[FileId], durable: u64) -> Result<u64, IoError> {
        let mut written = 0;
        for stretch in self.stretches.iter().filter(|stretch| stretch.last_lsn > durable) {
            let file = ids[stretch.file];
            let length = stretch.to - stretch.from;
            let buffer = ReadBuffer::new(usize::try_from(length).expect("a stretch fits into memory"));
            let piece = match io.run(Op::Read { file, position: stretch.from, buffer })? {
                Done::Read { buffer, length } => buffer.into_piece(length / BLOCK * BLOCK),
                other => panic!("a read completed as {other:?}"),
            };
            written += piece.len() as u64;
            io.run(Op::Write { file, position: stretch.from, pieces: vec![piece], durable: false })?;
        }
        Ok(written)
    }
}
