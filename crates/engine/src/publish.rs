//! Replaces the base of the manifest: write `manifest.new`, sync, rename over `manifest`, sync the directory.
//!
//! What it is not: the contents (`manifest.rs`), or an edit (`append.rs`).
//!
//! The invariant: before the rename a failure changes nothing; from the rename on a failure leaves it unknown which
//! manifest a power cut would bring back, so nothing either of them names may be removed.

use crate::manifest::{Manifest, NEW_PATH, PATH};
use crate::planted::{self, PlantedBug};
use millrace_io::{Completion, Done, Io, IoError, IoErrorKind, Op, OpId, OpQueue, OpenMode, SlabWriter};
use millrace_log::FileWriter;
use std::path::PathBuf;

const SLAB: usize = 1 << 20;

/// Why a manifest, or an edit of it, was not published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PublishError {
    /// The old one is in place; it can be tried again.
    Unchanged(IoError),
    /// The rename said that there is no room, or an edit was not written in full. Either may be in place until the next one
    /// is; it can be tried again.
    Either(IoError),
    /// Either may be in place, and the device is not to be trusted.
    Unknown(IoError),
}

#[derive(Debug)]
enum Stage {
    Writing(FileWriter),
    Renaming(OpId),
    Directory(OpId),
    Done(Result<(), PublishError>),
}

/// One replacement under way.
#[derive(Debug)]
pub(crate) struct Publish {
    manifest: Manifest,
    head: Vec<u8>,
    position: usize,
    stage: Stage,
}

impl Publish {
    /// Begins to replace the manifest.
    pub fn begin(manifest: Manifest, queue: &mut OpQueue) -> Publish {
        let head = manifest.encode_head();
        let bytes = (head.len() + manifest.body.len()) as u64;
        let writer = FileWriter::create(PathBuf::from(NEW_PATH), bytes, OpenMode::CreateCached, queue);
        Publish { manifest, head, position: 0, stage: Stage::Writing(writer) }
    }

    /// Does at most one slab of work.
    pub fn step(&mut self, queue: &mut OpQueue) {
        let Stage::Writing(writer) = &mut self.stage else { return };
        if !writer.wants_data() {
            return;
        }
        let total = self.head.len() + self.manifest.body.len();
        let mut slab = SlabWriter::new(SLAB.min(total - self.position));
        let mut start = 0;
        for part in [&self.head[..], &self.manifest.body] {
            let length = (start + part.len()).saturating_sub(self.position).min(slab.remaining());
            if length > 0 {
                let from = self.position - start;
                slab.write(&part[from..from + length]);
                self.position += length;
            }
            start += part.len();
        }
        let last = (self.position == total).then_some(total as u64);
        writer.write(slab.piece(0, slab.position()), last, queue);
    }

    /// True when the operation belongs to this replacement.
    pub fn owns(&self, id: OpId) -> bool {
        match &self.stage {
            Stage::Writing(writer) => writer.owns(id),
            Stage::Renaming(op) | Stage::Directory(op) => *op == id,
            Stage::Done(_) => false,
        }
    }

    /// Takes the result of one of its operations.
    pub fn complete(&mut self, id: OpId, result: Result<Done, IoError>, queue: &mut OpQueue) {
        match &mut self.stage {
            Stage::Writing(writer) => {
                writer.complete(id, result, queue);
                match writer.outcome() {
                    None => {}
                    Some(Err(error)) => self.stage = Stage::Done(Err(PublishError::Unchanged(error))),
                    Some(Ok(())) => {
                        let op = Op::Rename { from: PathBuf::from(NEW_PATH), to: PathBuf::from(PATH) };
                        self.stage = Stage::Renaming(queue.push(op));
                    }
                }
            }
            Stage::Renaming(_) => {
                self.stage = match result {
                    Ok(_) if planted::is(PlantedBug::BaseUnsynced) => Stage::Done(Ok(())),
                    Ok(_) => Stage::Directory(queue.push(Op::SyncDirectory { path: PathBuf::new() })),
                    Err(error) if error.kind == IoErrorKind::NoSpace => {
                        Stage::Done(Err(PublishError::Either(error)))
                    }
                    Err(error) => Stage::Done(Err(PublishError::Unknown(error))),
                };
            }
            Stage::Directory(_) => {
                self.stage = Stage::Done(result.map(|_| ()).map_err(PublishError::Unknown));
            }
            Stage::Done(_) => {}
        }
    }

    /// `Some` when it is over.
    pub fn outcome(&self) -> Option<Result<(), PublishError>> {
        if let Stage::Done(result) = &self.stage { Some(result.clone()) } else { None }
    }

    /// The manifest that is published.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Bytes of the whole file.
    pub fn bytes(&self) -> u64 {
        (self.head.len() + self.manifest.body.len()) as u64
    }

    /// The checksum of its header, which its first edit is chained to.
    pub fn header_crc(&self) -> u32 {
        let crc = self.head.last_chunk().copied().expect("a header is longer than its checksum");
        u32::from_le_bytes(crc)
    }

    /// Publishes and waits; for opening.
    pub fn run(manifest: Manifest, io: &mut Io, queue: &mut OpQueue) -> Result<Publish, IoError> {
        let mut publish = Publish::begin(manifest, queue);
        let mut completions: Vec<Completion> = Vec::new();
        loop {
            publish.step(queue);
            io.submit(queue);
            match publish.outcome() {
                Some(Ok(())) => return Ok(publish),
                Some(Err(
                    PublishError::Unchanged(error)
                    | PublishError::Either(error)
                    | PublishError::Unknown(error),
                )) => return Err(error),
                None => io.wait(None),
            }
            io.drain(&mut completions);
            if completions.is_empty() {
                return Err(IoError::from_errno(libc::ECANCELED, "publishing the manifest"));
            }
            for completion in completions.drain(..) {
                publish.complete(completion.id, completion.result, queue);
            }
        }
    }
}
