//! Opening a journal: survey the files, follow the chain, cut or report, make durable what was kept.
//!
//! What it is not: it runs once, before anything is served, and may block.
//!
//! The one invariant: nothing is handed to a reader or appended to before everything that was kept is durable, and a
//! power cut at any point of it leads to the same result again.

use crate::beyond::Run;
use crate::config::{Config, Start};
use crate::cut::tell_cut;
use crate::entry::Entries;
use crate::error::OpenError;
use crate::file::{FileState, Files, JournalFile};
use crate::file_header::{FRAMES_FROM, FileHeader, JOURNAL_DIRECTORY};
use crate::frame::FrameHeader;
use crate::journal::{Journal, Tail};
use crate::outside::OutsideFiles;
use crate::prewrite::{Next, Prewriter};
use crate::reference::Outside;
use crate::report::{Damage, JournalReport};
use crate::survey::{Found, survey};
use crate::walk::{Place, Sources, Walk, Walked};
use millrace_io::{BLOCK, Done, FileId, Io, IoError, Op, Piece, ReadBuffer, SlabWriter};
use std::path::PathBuf;

/// A frame handed to the views: above the checkpoint, whole, in order.
#[derive(Debug)]
pub struct RecoveredFrame<'a> {
    pub header: &'a FrameHeader,
    /// All entries as one piece; shares the memory it was read into.
    pub payload: Piece,
    pub(crate) outside: Vec<Outside>,
}

impl RecoveredFrame<'_> {
    #[must_use]
    pub fn lsn(&self) -> u64 {
        self.header.lsn
    }

    /// The entries in order; their framing was checked before.
    #[must_use]
    pub fn entries(&self) -> Entries {
        Entries::with(self.payload.clone(), self.outside.clone())
    }
}

/// Who is told of the frames while a journal is opened.
pub trait Listener {
    /// A frame above the checkpoint that is kept: all of them, in order.
    fn kept(&mut self, frame: RecoveredFrame<'_>);
    /// A whole frame of the torn tail, which is cut. Of what it refers to outside, only the heads are there.
    fn cut(&mut self, frame: RecoveredFrame<'_>);
}

/// Listens to what is kept, and to nothing else.
struct ToKept<'a>(&'a mut dyn FnMut(RecoveredFrame<'_>));

impl Listener for ToKept<'_> {
    fn kept(&mut self, frame: RecoveredFrame<'_>) {
        (self.0)(frame);
    }

    fn cut(&mut self, _: RecoveredFrame<'_>) {}
}

/// Bytes of one clearing write.
const CLEAR: u64 = 1 << 20;

impl Journal {
    /// Makes the journal of a new data directory: its directory and its first file. Blocking.
    pub fn create(io: &mut Io, config: Config, start: Start) -> Result<Journal, OpenError> {
        let (journal, _) = Journal::recover(io, config, start, &mut |_| {})?;
        Ok(journal)
    }

    /// Opens the journal of a data directory: hands every frame above `start.checkpoint_lsn` to `on_frame`, in order,
    /// cuts a torn tail, reports damage, and makes what was kept durable before it returns. Blocking. When it fails,
    /// nothing a later opening needs was changed.
    pub fn recover(
        io: &mut Io,
        config: Config,
        start: Start,
        on_frame: &mut dyn FnMut(RecoveredFrame<'_>),
    ) -> Result<(Journal, JournalReport), OpenError> {
        Journal::recover_telling(io, config, start, &mut ToKept(on_frame))
    }

    /// As `recover`; tells what is cut, too.
    pub fn recover_telling(
        io: &mut Io,
        config: Config,
        start: Start,
        listener: &mut dyn Listener,
    ) -> Result<(Journal, JournalReport), OpenError> {
        config.check();
        io.make_directory(JOURNAL_DIRECTORY)?;
        let mut survey = survey(io, &start)?;
        let mut report = JournalReport { files: survey.files.len() as u32, ..JournalReport::default() };
        report_defects(&survey.files, &mut report);
        let mut outside = OutsideFiles::new(&config, config.trusts_references());
        let sources = Sources { files: &mut survey.files, outside: &mut outside, report: &mut report };
        let walked = Walk::new(io, &config, start, sources, &mut |frame| listener.kept(frame)).run()?;
        tell_cut(io, &start, &mut survey.files, &walked, listener)?;
        report.read_bytes = survey.files.iter().map(|file| file.reader.read_bytes).sum();
        report.bulk_bytes = outside.read_bytes;
        let ids: Vec<FileId> = survey.files.iter().map(|file| file.id).collect();
        if !start.clean {
            report.rewritten_bytes = outside.write_again(io, walked.durable_known)?
                + walked.unproven.write_again(io, &ids, walked.durable_known)?;
        }
        // After the above, which writes whole blocks as they were found.
        report.cut_bytes = clear_ghosts(io, &survey.files, &walked.ghosts)?;
        outside.finish(io)?;
        sync_kept(io, &survey.files, &walked)?;
        for path in survey.unfinished {
            io.run(Op::Unlink { path })?;
        }
        let mut files = take_over(&survey.files, &walked, start.checkpoint_lsn);
        if survey.files.is_empty() {
            files.add(first_file(io, &config, &start)?);
        }
        let tail = Tail {
            last_lsn: walked.last_lsn,
            last_crc: walked.last_crc,
            persisted_durable: walked.persisted_durable,
            restart: walked.restart,
            settle_marks: walked.settle_marks,
        };
        Ok((Journal::assemble(config, start, files, tail), report))
    }
}

/// Pre-writes the very first file, step by step.
fn first_file(io: &mut Io, config: &Config, start: &Start) -> Result<JournalFile, OpenError> {
    let header =
        FileHeader { number: 1, directory_id: start.directory_id, capacity: config.first_file_bytes };
    let (mut prewriter, mut op) = Prewriter::begin(header);
    loop {
        match prewriter.advance(io.run(op)) {
            Next::Op(next) => op = next,
            Next::Ready { file, header } => {
                return Ok(JournalFile::fresh(header.number, file, header.capacity));
            }
            Next::GivenUp(error) => return Err(error.into()),
        }
    }
}

pub(crate) fn report_defects(files: &[Found], report: &mut JournalReport) {
    for file in files {
        if let Some(detail) = file.defect {
            let damage = Damage { file: file.path(), position: 0, first_lsn: 0, last_lsn: 0, detail };
            report.damage.push(damage);
        }
    }
}

/// Overwrites the frames of a cut tail with zeros, so that they can never be taken for frames of the next one. Returns
/// how many bytes were cut.
fn clear_ghosts(io: &mut Io, files: &[Found], ghosts: &[Run]) -> Result<u64, IoError> {
    if ghosts.is_empty() {
        return Ok(0);
    }
    let mut writer = SlabWriter::new(CLEAR as usize);
    writer.skip(CLEAR as usize);
    let zeros = writer.piece(0, CLEAR as usize);
    let mut cut = 0;
    for ghost in ghosts {
        let block = BLOCK as u64;
        let file = files[ghost.place.file].id;
        let mut position = ghost.place.position.next_multiple_of(block);
        let end = ghost.end.next_multiple_of(block);
        cut += ghost.end - ghost.place.position;
        if position > ghost.place.position {
            clear_rest_of_block(io, file, ghost.place)?;
        }
        while position < end {
            let length = (end - position).min(CLEAR);
            let pieces = vec![zeros.slice(0, length as usize)];
            io.run(Op::Write { file, position, pieces, durable: false })?;
            position += length;
        }
    }
    Ok(cut)
}

/// Overwrites what follows a place in its block. What precedes it is written again with the bytes it holds: a sector
/// that survives or does not has those bytes either way.
fn clear_rest_of_block(io: &mut Io, file: FileId, from: Place) -> Result<(), IoError> {
    let position = from.position / BLOCK as u64 * BLOCK as u64;
    let mut buffer = match io.run(Op::Read { file, position, buffer: ReadBuffer::new(BLOCK) })? {
        Done::Read { buffer, .. } => buffer,
        other => panic!("a read completed as {other:?}"),
    };
    buffer.bytes_mut()[(from.position - position) as usize..].fill(0);
    let pieces = vec![buffer.into_piece(BLOCK)];
    io.run(Op::Write { file, position, pieces, durable: false }).map(|_| ())
}

/// Flushes every file with frames that were followed or cleared, and the names of all: a killed process may have
/// named a file and not synced the directory yet.
fn sync_kept(io: &mut Io, files: &[Found], walked: &Walked) -> Result<(), IoError> {
    io.run(Op::SyncDirectory { path: PathBuf::from(JOURNAL_DIRECTORY) })?;
    for (index, file) in files.iter().enumerate() {
        let kept = walked.last_in_file[index] > 0;
        if kept || walked.ghosts.iter().any(|ghost| ghost.place.file == index) {
            io.run(Op::Sync { file: file.id })?;
        }
    }
    Ok(())
}

/// Turns what was found into the files of the running journal.
fn take_over(found: &[Found], walked: &Walked, checkpoint_lsn: u64) -> Files {
    let mut files = Files::default();
    for (index, file) in found.iter().enumerate() {
        let last_lsn = walked.last_in_file[index];
        let end = walked.end.filter(|end| end.file == index && !walked.restart);
        let state = match end {
            _ if file.defect.is_some() || walked.damaged.contains(&index) => FileState::Fenced,
            _ if file.first.is_none() && last_lsn > 0 => FileState::Fenced,
            Some(_) => FileState::Active,
            None if last_lsn > checkpoint_lsn => FileState::Full { last_lsn },
            None => FileState::Free,
        };
        let used = end.map_or(FRAMES_FROM, |end| end.position.next_multiple_of(BLOCK as u64));
        let taken = JournalFile {
            state,
            used,
            lap: file.lap(),
            ..JournalFile::fresh(file.number, file.id, file.capacity)
        };
        files.add(taken);
    }
    // A lap whose first frame was lost has left no trace of its number: skip as many as there can be.
    files.reserve_laps(walked.last_lap + found.len() as u32);
    files
}
