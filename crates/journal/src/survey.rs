//! First look at the journal directory: which files are there, whose they are, and which frame each begins with.
//!
//! What it is not: it reads no further than the first frame and changes nothing.
//!
//! The one invariant: a file of another data directory or of a newer format stops the opening before anything is
//! changed.

use crate::config::Start;
use crate::error::OpenError;
use crate::file_header::{
    self, FRAMES_FROM, FileHeader, FileHeaderRead, JOURNAL_DIRECTORY, file_path, number_of,
};
use crate::frame::{self, NoFrame};
use crate::report::DamageDetail;
use crate::scan::{FileReader, Frame, Probe};
use millrace_io::{BLOCK, Done, FileId, Io, Op, OpenMode};
use std::path::{Path, PathBuf};

/// A journal file as found.
#[derive(Debug)]
pub(crate) struct Found {
    pub number: u32,
    pub id: FileId,
    pub reader: FileReader,
    pub capacity: u64,
    /// Why it must not be written any more.
    pub defect: Option<DamageDetail>,
    /// The frame it begins with, when that is whole and of this file.
    pub first: Option<Frame>,
}

impl Found {
    pub fn path(&self) -> PathBuf {
        file_path(self.number)
    }

    /// Lap of the frames the file begins with; 0 when it has none.
    pub fn lap(&self) -> u32 {
        self.first.as_ref().map_or(0, |frame| frame.header.lap)
    }
}

/// Everything found, in order of laps; files without a first frame come first.
#[derive(Debug)]
pub(crate) struct Survey {
    pub files: Vec<Found>,
    /// Provisional names of files that were never finished.
    pub unfinished: Vec<PathBuf>,
}

/// Opens and looks at every journal file.
pub(crate) fn survey(io: &mut Io, start: &Start) -> Result<Survey, OpenError> {
    let directory = Path::new(JOURNAL_DIRECTORY);
    let mut names = io.list_if_there(directory)?;
    names.sort();
    let mut survey = Survey { files: Vec::new(), unfinished: Vec::new() };
    for name in names {
        if let Some(number) = number_of(&name) {
            survey.files.push(look_at(io, start, number)?);
        } else if name.strip_suffix(".new").and_then(number_of).is_some() {
            survey.unfinished.push(directory.join(name));
        }
    }
    survey.files.sort_by_key(|file| (file.lap(), file.number));
    Ok(survey)
}

fn look_at(io: &mut Io, start: &Start, number: u32) -> Result<Found, OpenError> {
    let path = file_path(number);
    let (id, size) = match io.run(Op::Open { path: path.clone(), mode: OpenMode::WriteDirect })? {
        Done::Opened { file, size } => (file, size),
        other => panic!("an open completed as {other:?}"),
    };
    let mut reader = FileReader::new(id, size);
    let block = reader.bytes(io, 0, BLOCK as u64)?;
    let header = block.map_or(FileHeaderRead::Damaged, FileHeader::decode);
    let (capacity, defect) = match header {
        FileHeaderRead::Newer { version } => {
            return Err(OpenError::NewerFormat { path, version, supported: file_header::VERSION });
        }
        FileHeaderRead::Valid(header) if header.directory_id != start.directory_id => {
            let (found, expected) = (header.directory_id, start.directory_id);
            return Err(OpenError::Foreign { path, found, expected });
        }
        FileHeaderRead::Valid(header) if header.number != number => (size, Some(DamageDetail::FileHeader)),
        FileHeaderRead::Valid(header) if header.capacity > size => (size, Some(DamageDetail::FileShort)),
        FileHeaderRead::Valid(header) => (header.capacity, None),
        FileHeaderRead::Damaged => (size, Some(DamageDetail::FileHeader)),
    };
    let (first, defect) = match reader.probe(io, FRAMES_FROM)? {
        Probe::Frame(frame) if is_ours(&frame, start, number) => (Some(frame), defect),
        Probe::Not(NoFrame::Newer { version }) => return Err(newer(path, version)),
        Probe::Unreadable(_) => (None, Some(DamageDetail::ReadError)),
        _ => (None, defect),
    };
    let found = Found { number, id, reader, capacity, defect, first };
    if let Some(frame) = &found.first {
        check_incarnation(&found, frame, start)?;
    }
    Ok(found)
}

/// Whether a whole frame was written by this data directory to this file.
pub(crate) fn is_ours(frame: &Frame, start: &Start, number: u32) -> bool {
    let header = &frame.header;
    header.directory == start.directory_low() && header.file == number && header.durable_lsn < header.lsn
}

/// A frame of this or a later opening cannot be: then the manifest is older than the journal.
pub(crate) fn check_incarnation(file: &Found, frame: &Frame, start: &Start) -> Result<(), OpenError> {
    let found = frame.header.incarnation;
    if found < start.incarnation {
        return Ok(());
    }
    Err(OpenError::IncarnationBehind { path: file.path(), found, opening: start.incarnation })
}

pub(crate) fn newer(path: PathBuf, version: u8) -> OpenError {
    OpenError::NewerFormat { path, version: version.into(), supported: frame::VERSION.into() }
}
