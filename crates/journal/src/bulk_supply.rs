//! Makes bulk files in the background, one ahead of use: create, reserve, header, sync, sync of the directory.
//!
//! What it is not: a condition for anything. While there is no bulk file, entries go into the journal whole.
//!
//! The one invariant: no frame refers to a file before its name and its header are durable and all of its space is
//! reserved, so that writing to it neither fails for lack of space nor changes its size.

use crate::bulk_file::{BulkConfig, BulkHeader};
use millrace_io::{Done, FileId, IoError, IoErrorKind, Op, OpId, OpQueue, OpenMode};
use std::path::PathBuf;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Creating,
    Reserving,
    WritingHeader,
    Syncing,
    Publishing,
    /// It was given up: close and remove.
    Closing,
    Removing,
}

#[derive(Debug)]
struct Making {
    header: BulkHeader,
    capacity: u64,
    stage: Stage,
    file: Option<FileId>,
    op: OpId,
}

/// The file in the making, and when to try again.
#[derive(Debug, Default)]
pub(crate) struct BulkSupply {
    making: Option<Making>,
    pause_until: Option<u64>,
    /// This file system cannot reserve space: there are no bulk files on it.
    unsupported: bool,
    /// The last one was given up because the disk is full.
    short_of_space: bool,
}

/// A file that can be used.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewFile {
    pub number: u64,
    pub id: FileId,
    pub capacity: u64,
}

impl BulkSupply {
    pub fn owns(&self, id: OpId) -> bool {
        self.making.as_ref().is_some_and(|making| making.op == id)
    }

    pub fn is_working(&self) -> bool {
        self.making.is_some()
    }

    /// There are no bulk files on this file system.
    pub fn is_unsupported(&self) -> bool {
        self.unsupported
    }

    /// The last file was given up because the disk is full.
    pub fn is_short_of_space(&self) -> bool {
        self.short_of_space
    }

    /// Whether a file could be begun at time `now` (ns).
    pub fn is_ready(&self, now: u64) -> bool {
        self.making.is_none() && !self.unsupported && self.pause_until.is_none_or(|until| until <= now)
    }

    /// Begins the file with this header and so many bytes.
    pub fn begin(&mut self, config: &BulkConfig, header: BulkHeader, capacity: u64, queue: &mut OpQueue) {
        let open = Op::Open { path: (config.path)(header.number), mode: OpenMode::CreateDirect };
        let op = queue.push(open);
        self.making = Some(Making { header, capacity, stage: Stage::Creating, file: None, op });
    }

    /// Takes the result of the operation in flight; answers the file when it can be used. A failure gives the file up:
    /// it is tried again after `retry_ns`.
    pub fn complete(
        &mut self,
        now: u64,
        config: &BulkConfig,
        retry_ns: u64,
        result: Result<Done, IoError>,
        queue: &mut OpQueue,
    ) -> Option<NewFile> {
        let mut making = self.making.take().expect("an operation is in flight");
        match result {
            Ok(Done::Opened { file, .. }) => making.file = Some(file),
            Ok(_) => {}
            Err(_) if matches!(making.stage, Stage::Closing | Stage::Removing) => {}
            Err(error) => {
                self.unsupported |=
                    making.stage == Stage::Reserving && error.kind == IoErrorKind::Unsupported;
                self.short_of_space = error.kind == IoErrorKind::NoSpace;
                self.pause_until = Some(now.saturating_add(retry_ns));
                making.stage = if making.file.is_some() { Stage::Closing } else { Stage::Removing };
                let op = making.give_up(config);
                making.op = queue.push(op);
                self.making = Some(making);
                return None;
            }
        }
        let Some(op) = making.next(config) else {
            let (number, capacity) = (making.header.number, making.capacity);
            self.short_of_space &= making.stage != Stage::Publishing;
            return making.file.filter(|_| making.stage == Stage::Publishing).map(|id| NewFile {
                number,
                id,
                capacity,
            });
        };
        making.op = queue.push(op);
        self.making = Some(making);
        None
    }
}

impl Making {
    /// The operation behind the one that succeeded; `None` when there is none.
    fn next(&mut self, config: &BulkConfig) -> Option<Op> {
        let (stage, op) = match (self.stage, self.file) {
            (Stage::Creating, Some(file)) => (Stage::Reserving, Op::Allocate { file, length: self.capacity }),
            (Stage::Reserving, Some(file)) => {
                let pieces = vec![self.header.encode()];
                (Stage::WritingHeader, Op::Write { file, position: 0, pieces, durable: false })
            }
            (Stage::WritingHeader, Some(file)) => (Stage::Syncing, Op::Sync { file }),
            (Stage::Syncing, Some(_)) => {
                (Stage::Publishing, Op::SyncDirectory { path: PathBuf::from(config.directory) })
            }
            (Stage::Closing, _) => (Stage::Removing, self.give_up_by_name(config)),
            _ => return None,
        };
        self.stage = stage;
        Some(op)
    }

    fn give_up(&self, config: &BulkConfig) -> Op {
        match self.file {
            Some(file) => Op::Close { file },
            None => self.give_up_by_name(config),
        }
    }

    fn give_up_by_name(&self, config: &BulkConfig) -> Op {
        Op::Unlink { path: (config.path)(self.header.number) }
    }
}
