//! What a torn tail held: its whole frames are told before they are cleared.
//!
//! What it is not: a second chance. A cut frame is never handed to the views.
//!
//! The one invariant: nothing is changed here; a frame that is not whole says nothing.

use crate::beyond::Run;
use crate::error::OpenError;
use crate::frame::FrameKind;
use crate::recover::{Listener, RecoveredFrame};
use crate::scan::Probe;
use crate::survey::Found;
use millrace_io::{BLOCK, Io};

/// Tells of every whole frame in these runs that holds entries.
pub(crate) fn tell_cut(
    io: &mut Io,
    files: &mut [Found],
    ghosts: &[Run],
    listener: &mut dyn Listener,
) -> Result<(), OpenError> {
    for run in ghosts {
        let reader = &mut files[run.place.file].reader;
        let mut position = run.place.position;
        while position < run.end {
            let Probe::Frame(frame) = reader.probe(io, position)? else {
                // A commit begins at a block; the one before it ended inside the block before.
                position = (position + 1).next_multiple_of(BLOCK as u64);
                continue;
            };
            position += frame.header.frame_bytes() as u64;
            if frame.header.kind != FrameKind::Mark {
                listener.cut(RecoveredFrame {
                    header: &frame.header,
                    payload: frame.payload,
                    outside: Vec::new(),
                });
            }
        }
        reader.release();
    }
    Ok(())
}
