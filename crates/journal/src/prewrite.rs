//! Makes a new journal file, one operation at a time: create under a provisional name, write zeros, write the header,
//! sync, rename, sync the directory. Only then may it be used.
//!
//! What it is not: it submits nothing. It says which operation comes next and is told how it went, so it runs in the
//! background of a journal and, for the very first file, step by step at start-up.
//!
//! The one invariant: the plain name appears only after every byte of the file was written and synced, so a flush of the
//! file never has metadata to commit, and a file under its plain name is never half made.

use crate::file_header::{FileHeader, JOURNAL_DIRECTORY, file_path, unfinished_path};
use millrace_io::{BLOCK, Done, FileId, IoError, IoErrorKind, Op, OpenMode, Piece, SlabWriter};
use std::path::PathBuf;

/// Bytes of one pre-writing write.
const CHUNK: usize = 1 << 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Creating,
    Filling { next: u64 },
    WritingHeader,
    Syncing,
    Renaming,
    Publishing,
    Closing,
    Removing,
    Forgetting,
}

/// One file in the making.
#[derive(Debug)]
pub(crate) struct Prewriter {
    header: FileHeader,
    stage: Stage,
    file: Option<FileId>,
    zeros: Piece,
    failure: Option<IoError>,
}

/// What follows a step.
#[derive(Debug)]
pub(crate) enum Next {
    Op(Op),
    /// The file may be used.
    Ready {
        file: FileId,
        header: FileHeader,
    },
    /// It was given up and cleared away.
    GivenUp(IoError),
}

impl Prewriter {
    /// Starts with the returned operation.
    pub fn begin(header: FileHeader) -> (Prewriter, Op) {
        let mut writer = SlabWriter::new(CHUNK);
        writer.skip(CHUNK);
        let zeros = writer.piece(0, CHUNK);
        let open = Op::Open { path: unfinished_path(header.number), mode: OpenMode::CreateDirect };
        (Prewriter { header, stage: Stage::Creating, file: None, zeros, failure: None }, open)
    }

    /// Takes the result of the last operation.
    pub fn advance(&mut self, result: Result<Done, IoError>) -> Next {
        match self.stage {
            Stage::Closing => return self.remove(),
            Stage::Removing => {
                // Only then are its bytes free for certain.
                self.stage = Stage::Forgetting;
                return Next::Op(Op::SyncDirectory { path: PathBuf::from(JOURNAL_DIRECTORY) });
            }
            Stage::Forgetting => {
                let first = self.failure.take().expect("removed because of a failure");
                let error = result.err().filter(|error| !passes(error)).unwrap_or(first);
                return Next::GivenUp(error);
            }
            _ => {}
        }
        match result {
            Ok(done) => self.proceed(done),
            Err(error) => self.give_up(error),
        }
    }

    fn proceed(&mut self, done: Done) -> Next {
        if let Done::Opened { file, .. } = done {
            self.file = Some(file);
        }
        let file = self.file.expect("creating came first");
        let directory = || PathBuf::from(JOURNAL_DIRECTORY);
        let (stage, op) = match self.stage {
            Stage::Creating => (Stage::Filling { next: BLOCK as u64 }, None),
            Stage::Filling { next } => (Stage::Filling { next }, None),
            Stage::WritingHeader => (Stage::Syncing, Some(Op::Sync { file })),
            Stage::Syncing => {
                let (from, to) = (unfinished_path(self.header.number), file_path(self.header.number));
                (Stage::Renaming, Some(Op::Rename { from, to }))
            }
            Stage::Renaming => (Stage::Publishing, Some(Op::SyncDirectory { path: directory() })),
            Stage::Publishing => return Next::Ready { file, header: self.header },
            Stage::Closing | Stage::Removing | Stage::Forgetting => unreachable!("handled by advance"),
        };
        self.stage = stage;
        Next::Op(op.unwrap_or_else(|| self.fill(file)))
    }

    /// The next write of zeros, or the header when all are written.
    fn fill(&mut self, file: FileId) -> Op {
        let Stage::Filling { next } = self.stage else { unreachable!("only called while filling") };
        let left = self.header.capacity - next;
        if left == 0 {
            self.stage = Stage::WritingHeader;
            return Op::Write { file, position: 0, pieces: vec![self.header.encode()], durable: false };
        }
        let length = left.min(CHUNK as u64);
        self.stage = Stage::Filling { next: next + length };
        let zeros = self.zeros.slice(0, usize::try_from(length).expect("at most a chunk"));
        Op::Write { file, position: next, pieces: vec![zeros], durable: false }
    }

    fn give_up(&mut self, error: IoError) -> Next {
        self.failure = Some(error);
        let Some(file) = self.file else { return self.remove() };
        self.stage = Stage::Closing;
        Next::Op(Op::Close { file })
    }

    /// Removes the provisional name; a plain name that was already given stays, recovery knows what to do with it.
    fn remove(&mut self) -> Next {
        self.stage = Stage::Removing;
        Next::Op(Op::Unlink { path: unfinished_path(self.header.number) })
    }
}

/// Whether a failure to make a new file passes by itself (space, descriptors, permissions) or condemns the device.
pub(crate) fn passes(error: &IoError) -> bool {
    error.kind != IoErrorKind::Device
}
