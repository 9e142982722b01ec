//! A look at a journal as recovery would find it, without changing a byte: for `verify`.
//!
//! What it is not: an opening. Nothing is cut, written again or cleared, and nothing may be appended afterwards.
//!
//! The one invariant: the walk is recovery's own, so that both come to the same result.

use crate::config::{Config, Start};
use crate::cut::tell_cut;
use crate::error::OpenError;
use crate::journal::Journal;
use crate::outside::OutsideFiles;
use crate::recover::{Listener, report_defects};
use crate::report::JournalReport;
use crate::survey::survey;
use crate::walk::{Sources, Walk};
use millrace_io::{Io, Op};

impl Journal {
    /// Tells what opening would keep and cut, and what is damaged. Blocking. The directory must be locked, and `start`
    /// is what the next opening would pass.
    ///
    /// # Errors
    ///
    /// As `recover`.
    pub fn examine(
        io: &mut Io,
        config: &Config,
        start: Start,
        listener: &mut dyn Listener,
    ) -> Result<JournalReport, OpenError> {
        config.check();
        let mut survey = survey(io, &start)?;
        let mut report = JournalReport { files: survey.files.len() as u32, ..JournalReport::default() };
        report_defects(&survey.files, &mut report);
        let mut outside = OutsideFiles::new(config, config.trusts_references());
        let sources = Sources { files: &mut survey.files, outside: &mut outside, report: &mut report };
        let walked = Walk::new(io, config, start, sources, &mut |frame| listener.kept(frame)).run()?;
        tell_cut(io, &start, &mut survey.files, &walked, listener)?;
        report.cut_bytes = walked.ghosts.iter().map(|ghost| ghost.end - ghost.place.position).sum();
        report.read_bytes = survey.files.iter().map(|file| file.reader.read_bytes).sum();
        report.bulk_bytes = outside.read_bytes;
        outside.leave(io)?;
        for file in survey.files {
            io.run(Op::Close { file: file.id })?;
        }
        Ok(report)
    }
}
