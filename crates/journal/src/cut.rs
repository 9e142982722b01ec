//! What a torn tail held: its whole frames are told before they are cleared.
//!
//! What it is not: a second chance. A cut frame is never handed to the views.
//!
//! The one invariant: nothing is changed here; a frame that is not whole says nothing.

use crate::config::Start;
use crate::error::OpenError;
use crate::frame::FrameKind;
use crate::recover::{Listener, RecoveredFrame};
use crate::scan::Probe;
use crate::survey::Found;
use crate::walk::Walked;
use millrace_io::{BLOCK, Io};

/// Tells of every whole frame behind the chain that holds entries. Not of those of an opening before the last one, whose frames
/// may all be gone, nor before that of the last frame that is kept: it found them lost, and went on without them. What it
/// could not see, behind a hole, may show since it has written there.
pub(crate) fn tell_cut(
    io: &mut Io,
    start: &Start,
    files: &mut [Found],
    walked: &Walked,
    listener: &mut dyn Listener,
) -> Result<(), OpenError> {
    let last_opening = walked.incarnation.max(start.incarnation.saturating_sub(1));
    for run in &walked.ghosts {
        let reader = &mut files[run.place.file].reader;
        let mut position = run.place.position;
        while position < run.end {
            let Probe::Frame(frame) = reader.probe(io, position)? else {
                // A commit begins at a block; the one before it ended inside the block before.
                position = (position + 1).next_multiple_of(BLOCK as u64);
                continue;
            };
            position += frame.header.frame_bytes() as u64;
            let is_earlier = frame.header.incarnation < last_opening;
            if frame.header.kind != FrameKind::Mark && !is_earlier {
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
