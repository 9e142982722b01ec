//! The part of the journal that recovery kept although no frame proves it durable.
//!
//! After a failed flush the kernel may show bytes that are not on the device and that no later flush will bring there:
//! they count as clean. So recovery writes these stretches again, byte for byte, before it flushes and serves them.
//!
//! What it is not: a repair. The bytes are those that validated; a cut in the middle leaves a torn tail, as before.
//!
//! Settled frames count too: what follows them is reached only through them.
//!
//! The one invariant: every kept frame above the known durable LSN lies in a stretch.

use crate::scan::Frame;
use crate::walk::Place;
use millrace_io::{BLOCK, FileId, Io, IoError, Op, Piece};
use std::collections::VecDeque;
use std::sync::Arc;

/// Whole blocks of one file, as they were read when their frames validated. (Reading them again would not do: by then
/// the kernel may have let go of what it never wrote.)
#[derive(Debug)]
struct Stretch {
    file: usize,
    window: Piece,
    window_at: u64,
    from: u64,
    to: u64,
    last_lsn: u64,
}

/// Bytes of one stretch, about; a larger frame makes a larger one.
const STRETCH: u64 = 256 << 10;

impl Stretch {
    /// Whether a frame that ends at `to` goes on with this stretch.
    fn takes(&self, place: Place, frame: &Frame, to: u64) -> bool {
        self.file == place.file
            && to.checked_sub(self.from).is_some_and(|length| length <= STRETCH)
            && Arc::ptr_eq(self.window.slab(), frame.window.slab())
    }
}

#[derive(Debug, Default)]
pub(crate) struct Unproven {
    stretches: VecDeque<Stretch>,
}

impl Unproven {
    /// A frame was kept; everything up to `durable` is proven by now.
    pub fn keep(&mut self, place: Place, frame: &Frame, durable: u64) {
        while self.stretches.front().is_some_and(|stretch| stretch.last_lsn <= durable) {
            self.stretches.pop_front();
        }
        let block = BLOCK as u64;
        let to = (place.position + frame.header.frame_bytes() as u64).next_multiple_of(block);
        let to = to.min(frame.window_at + frame.window.len() as u64);
        match self.stretches.back_mut() {
            Some(last) if last.takes(place, frame, to) => {
                last.to = to;
                last.last_lsn = frame.header.lsn;
            }
            _ => self.stretches.push_back(Stretch {
                file: place.file,
                window: frame.window.clone(),
                window_at: frame.window_at,
                from: place.position / block * block,
                to,
                last_lsn: frame.header.lsn,
            }),
        }
    }

    /// Writes every stretch above `durable` again. Returns how many bytes that were.
    pub fn write_again(&self, io: &mut Io, ids: &[FileId], durable: u64) -> Result<u64, IoError> {
        let mut written = 0;
        for stretch in self.stretches.iter().filter(|stretch| stretch.last_lsn > durable) {
            let index = |position: u64| usize::try_from(position).expect("it lies inside a window");
            let length = stretch.to - stretch.from;
            let piece = stretch.window.slice(index(stretch.from - stretch.window_at), index(length));
            let (file, position) = (ids[stretch.file], stretch.from);
            io.run(Op::Write { file, position, pieces: vec![piece], durable: false })?;
            written += length;
        }
        Ok(written)
    }
}
