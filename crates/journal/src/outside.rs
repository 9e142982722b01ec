//! Reads and verifies what frames refer to, while a journal is opened, and writes again what no frame proves durable.
//!
//! What it is not: a judge. Whether bytes that do not verify are a torn tail or damage, `walk` decides.
//!
//! The one invariant: bytes are handed out only when head and CRC of their reference match; and of what is kept, all that
//! is not known to be durable is written again and synced before anything is served (see `unproven`).

use crate::bulk_file::BulkConfig;
use crate::bulk_spaces::space_of;
use crate::config::Config;
use crate::entry::Entries;
use crate::reference::{Outside, Place, Reference};
use crate::scan::Frame;
use millrace_io::{Done, FileId, Io, IoError, IoErrorKind, Op, OpenMode, Piece, ReadBuffer, round_up};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::PathBuf;

/// How often a read is tried before its bytes count as unreadable.
const READ_ATTEMPTS: u32 = 3;

/// What a frame refers to.
#[derive(Debug)]
pub(crate) enum Attended {
    /// Everything verifies.
    Whole(Vec<Outside>),
    /// Something is not there, or not what was referred to: where. `error`: the device refused to read it.
    Torn { outside: Vec<Outside>, lost: Vec<Place>, error: Option<IoError> },
}

/// Whole blocks as they were read when they verified.
#[derive(Debug)]
struct Blocks {
    place: Place,
    blocks: Piece,
    lsn: u64,
}

/// All bulk files that frames above the checkpoint refer to.
#[derive(Debug)]
pub(crate) struct OutsideFiles {
    configs: [BulkConfig; 2],
    open: BTreeMap<u64, Option<(FileId, u64)>>,
    kept: BTreeSet<u64>,
    unproven: VecDeque<Blocks>,
    trusting: bool,
    pub read_bytes: u64,
}

impl OutsideFiles {
    pub fn new(config: &Config, trusting: bool) -> OutsideFiles {
        let configs = [config.bulk, config.large];
        let (open, kept, unproven) = (BTreeMap::new(), BTreeSet::new(), VecDeque::new());
        OutsideFiles { configs, open, kept, unproven, trusting, read_bytes: 0 }
    }

    /// Path of a bulk file, for reports.
    pub fn path(&self, number: u64) -> PathBuf {
        (self.configs[space_of(number) as usize].path)(number)
    }

    /// Reads what a frame refers to. An error ends the opening: it says nothing about the bytes.
    pub fn attend(&mut self, io: &mut Io, frame: &Frame) -> Result<Attended, IoError> {
        if !frame.refers {
            return Ok(Attended::Whole(Vec::new()));
        }
        let (mut outside, mut lost, mut refused) = (Vec::new(), Vec::new(), None);
        for entry in Entries::new(frame.payload.clone()) {
            let Some(reference) = entry.reference else { continue };
            let found = match self.read(io, &reference)? {
                Ok(bytes) => bytes.filter(|bytes| self.believes(&reference, entry.payload.bytes(), bytes)),
                Err(error) => {
                    refused = Some(error);
                    None
                }
            };
            match found {
                Some(blocks) => {
                    outside.push(Outside::Whole { blocks, length: reference.length as usize });
                }
                None => {
                    lost.push(reference.place);
                    outside.push(Outside::Lost);
                }
            }
        }
        Ok(if lost.is_empty() {
            Attended::Whole(outside)
        } else {
            Attended::Torn { outside, lost, error: refused }
        })
    }

    fn believes(&self, reference: &Reference, head: &[u8], blocks: &Piece) -> bool {
        let bytes = blocks.bytes().get(..reference.length as usize);
        bytes.is_some_and(|bytes| self.trusting || reference.verifies(head, bytes))
    }

    /// The blocks of a reference; `None` when the file does not reach that far or is not there. The outer error ends the
    /// opening; the inner one means that the device refuses to read them.
    fn read(
        &mut self,
        io: &mut Io,
        reference: &Reference,
    ) -> Result<Result<Option<Piece>, IoError>, IoError> {
        let Place { file, position } = reference.place;
        let Some((id, size)) = self.file(io, file)? else { return Ok(Ok(None)) };
        let length = round_up(reference.length as usize);
        if position.checked_add(length as u64).is_none_or(|end| end > size) {
            return Ok(Ok(None));
        }
        for attempt in 1.. {
            let buffer = ReadBuffer::new(length);
            match io.run(Op::Read { file: id, position, buffer }) {
                Ok(Done::Read { buffer, length: read }) => {
                    self.read_bytes += read as u64;
                    return Ok(Ok((read == length).then(|| buffer.into_piece(length))));
                }
                Ok(other) => panic!("a read completed as {other:?}"),
                Err(error) if error.kind == IoErrorKind::Device && attempt < READ_ATTEMPTS => {}
                Err(error) if error.kind == IoErrorKind::Device => return Ok(Err(error)),
                Err(error) => return Err(error),
            }
        }
        Ok(Ok(None))
    }

    fn file(&mut self, io: &mut Io, number: u64) -> Result<Option<(FileId, u64)>, IoError> {
        if let Some(known) = self.open.get(&number) {
            return Ok(*known);
        }
        let path = self.path(number);
        let file = match io.run(Op::Open { path, mode: OpenMode::WriteDirect }) {
            Ok(Done::Opened { file, size }) => Some((file, size)),
            Ok(other) => panic!("an open completed as {other:?}"),
            Err(error) if error.kind == IoErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        self.open.insert(number, file);
        Ok(file)
    }

    /// A frame with these bytes outside was kept; everything up to `durable` is proven by now.
    pub fn keep(&mut self, frame: &Frame, outside: &[Outside], durable: u64) {
        while self.unproven.front().is_some_and(|blocks| blocks.lsn <= durable) {
            self.unproven.pop_front();
        }
        if !frame.refers {
            return;
        }
        let references = Entries::new(frame.payload.clone()).filter_map(|entry| entry.reference);
        for (reference, found) in references.zip(outside) {
            let Outside::Whole { blocks, .. } = found else { continue };
            self.kept.insert(reference.place.file);
            let (place, lsn) = (reference.place, frame.header.lsn);
            self.unproven.push_back(Blocks { place, blocks: blocks.clone(), lsn });
        }
    }

    /// Writes everything kept above `durable` again. Answers how many bytes that were.
    pub fn write_again(&self, io: &mut Io, durable: u64) -> Result<u64, IoError> {
        let mut written = 0;
        for unproven in self.unproven.iter().filter(|blocks| blocks.lsn > durable) {
            let Some(Some((file, _))) = self.open.get(&unproven.place.file) else { continue };
            written += unproven.blocks.len() as u64;
            let (position, pieces) = (unproven.place.position, vec![unproven.blocks.clone()]);
            io.run(Op::Write { file: *file, position, pieces, durable: false })?;
        }
        Ok(written)
    }

    /// Closes the files and changes nothing.
    pub fn leave(&mut self, io: &mut Io) -> Result<(), IoError> {
        for (file, _) in std::mem::take(&mut self.open).into_values().flatten() {
            io.run(Op::Close { file })?;
        }
        Ok(())
    }

    /// Makes what was kept durable and closes the files.
    pub fn finish(&mut self, io: &mut Io) -> Result<(), IoError> {
        for (number, file) in std::mem::take(&mut self.open) {
            let Some((file, _)) = file else { continue };
            if self.kept.contains(&number) {
                io.run(Op::Sync { file })?;
            }
            io.run(Op::Close { file })?;
        }
        let directories: BTreeSet<&str> =
            self.kept.iter().map(|number| self.configs[space_of(*number) as usize].directory).collect();
        for directory in directories {
            io.run(Op::SyncDirectory { path: PathBuf::from(directory) })?;
        }
        Ok(())
    }
}
