//! Starting what was committed before the turn ends.
//!
//! The one invariant: nothing is taken here; completions wait for `turn`.

use crate::engine::{Closing, Engine};

impl Engine {
    /// Hands what was committed since the last turn to the device, if it may go; otherwise `turn` does. Never blocks.
    pub fn start(&mut self) {
        if self.closing == Closing::No {
            self.journal.step(self.io.now_ns(), &mut self.queue);
        }
        self.io.submit(&mut self.queue);
    }
}
