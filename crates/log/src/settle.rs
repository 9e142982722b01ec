//! Settling: everything unsettled up to a checkpoint goes into immutable files, then a manifest names them. What lies in
//! bulk files already is only named.
//!
//! What it is not: the manifest (the engine publishes it between `SettleState::Ready` and `settle_published`), nor the
//! decision when to settle.
//!
//! The invariant: until the manifest is durable nothing in memory changes; a settle that fails leaves orphan files
//! and nothing else, and its data stays in the tails and in the journal.

use crate::captured::Captured;
use crate::content::{Built, Content, Part, index_file};
use crate::index::Sparse;
use crate::log::Log;
use crate::range::Range;
use crate::segment::{DIRECTORY, Kind, index_path, path};
use crate::snapshot::{Added, AddedRange};
use crate::table::Handle;
use millrace_io::{Done, FileWriter, IoError, Op, OpId, OpQueue, OpenMode, SlabWriter};
use std::collections::{BTreeSet, VecDeque};
use std::path::PathBuf;

/// Partitions below their threshold share one file; the others get files of their own.
#[derive(Debug)]
enum Plan {
    Own(Part),
    Shared(Vec<Part>),
}

/// What a settle covers of one partition.
#[derive(Clone, Copy, Debug)]
struct Covered {
    handle: Handle,
    to: u64,
    bytes: u64,
}

#[derive(Debug)]
enum Current {
    Segment { number: u64, kind: Kind, content: Box<Content>, writer: FileWriter },
    Index { number: u64, built: Box<Built>, length: u64, writer: FileWriter },
}

#[derive(Debug)]
enum Stage {
    Files,
    Directory(OpId),
    Ready,
    Failed(IoError),
}

/// One settle under way.
#[derive(Debug)]
pub struct Settle {
    checkpoint: u64,
    plans: VecDeque<Plan>,
    covered: Vec<Covered>,
    current: Option<Current>,
    stage: Stage,
    captured: Captured,
    added: Added,
    created: Vec<(u64, Kind)>,
    /// Sparse indexes of ranges in bulk files, for readers.
    placed: Vec<(Range, Sparse)>,
}

/// How a settle stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettleState {
    Idle,
    Working,
    /// Files and directory are durable: publish the manifest, then call `settle_published`.
    Ready {
        checkpoint: u64,
    },
    /// Abandoned; call `settle_abandoned`, try again later.
    Failed(IoError),
}

impl Log {
    /// Begins to settle everything appended so far; `checkpoint` is the LSN of the last frame. `whole`: the manifest that
    /// publishes it says everything; otherwise it is an edit of the one in place. Panics when a settle is under way.
    pub fn begin_settle(&mut self, checkpoint: u64, whole: bool) {
        assert!(self.settle.is_none(), "one settle at a time");
        let captured = Captured::of(self, whole);
        let mut handles = std::mem::take(&mut self.dirty);
        handles.retain(|handle| self.table.get(*handle).is_some());
        handles.sort_by_key(|handle| self.table.get(*handle).map(|partition| partition.id));
        let mut covered = Vec::with_capacity(handles.len());
        let (mut plans, mut small, mut placed) = (VecDeque::new(), Vec::new(), Vec::new());
        let mut added = Added::default();
        for handle in handles {
            let Some(partition) = self.table.get(handle) else { continue };
            let (to, bytes) = (partition.marks.log_end, partition.unsettled_bytes);
            covered.push(Covered { handle, to, bytes });
            let (own_bytes, segment_bytes) =
                (self.config.own_segment_bytes, self.segment_bytes_of(partition));
            let mut unsettled = partition.unsettled(handle, own_bytes, segment_bytes);
            plans.extend(unsettled.own.into_iter().map(Plan::Own));
            small.append(&mut unsettled.small);
            let added_range =
                |(range, _): &(Range, Sparse)| AddedRange { handle, partition: partition.id, range: *range };
            added.ranges.extend(unsettled.placed.iter().map(added_range));
            placed.append(&mut unsettled.placed);
        }
        let bulk: BTreeSet<u64> = placed.iter().map(|(range, _)| range.file).collect();
        added.files = bulk.into_iter().filter_map(|number| self.files.unnamed_bulk(number)).collect();
        if !small.is_empty() {
            plans.push_back(Plan::Shared(small));
        }
        // Without files there is nothing to wait for.
        let stage = if plans.is_empty() { Stage::Ready } else { Stage::Files };
        self.settle = Some(Settle {
            checkpoint,
            plans,
            covered,
            current: None,
            stage,
            captured,
            added,
            created: Vec::new(),
            placed,
        });
    }

    /// How the settle stands.
    #[must_use]
    pub fn settle_state(&self) -> SettleState {
        match &self.settle {
            None => SettleState::Idle,
            Some(settle) => match &settle.stage {
                Stage::Ready => SettleState::Ready { checkpoint: settle.checkpoint },
                Stage::Failed(error) if settle.current.is_none() => SettleState::Failed(error.clone()),
                _ => SettleState::Working,
            },
        }
    }

    /// The log's share of the manifest, or of the edit, that publishes this settle. `None`: none is ready.
    #[must_use]
    pub fn settle_manifest(&self) -> Option<Vec<u8>> {
        let settle = self.settle.as_ref().filter(|settle| matches!(settle.stage, Stage::Ready))?;
        Some(settle.captured.encode(self.files.last_number(), &settle.added))
    }

    /// Does at most one slab of work.
    pub fn step_settle(&mut self, queue: &mut OpQueue) {
        let Some(mut settle) = self.settle.take() else { return };
        if matches!(settle.stage, Stage::Files) {
            if settle.current.is_none() {
                self.next_file(&mut settle, queue);
            }
            if let Some(Current::Segment { content, writer, .. }) = &mut settle.current
                && writer.wants_data()
            {
                let (piece, last) = content.fill(&self.table, &self.settle_slabs);
                writer.write(piece, last.then(|| content.length()), queue);
            }
            if let Some(Current::Index { built, writer, length, number }) = &mut settle.current
                && writer.wants_data()
            {
                let bytes = index_file(&self.config.directory_id, *number, built);
                *length = bytes.len() as u64;
                let mut slab = SlabWriter::new(bytes.len());
                slab.write(&bytes);
                slab.pad_to_block();
                writer.write(slab.piece(0, slab.position()), Some(*length), queue);
            }
        }
        self.settle = Some(settle);
    }

    fn next_file(&mut self, settle: &mut Settle, queue: &mut OpQueue) {
        let Some(plan) = settle.plans.pop_front() else {
            // What was placed at append and what was copied now take turns within a partition.
            settle.added.ranges.sort_by_key(|added| (added.partition, added.range.base));
            let op = Op::SyncDirectory { path: PathBuf::from(DIRECTORY) };
            settle.stage =
                if settle.created.is_empty() { Stage::Ready } else { Stage::Directory(queue.push(op)) };
            return;
        };
        let number = self.files.new_number();
        let interval = self.config.index_interval_bytes;
        let (kind, bytes, content) = match plan {
            Plan::Own(part) => (Kind::Own, part.bytes, Content::own(number, part, interval)),
            Plan::Shared(parts) => {
                let bytes = parts.iter().map(|part| part.bytes).sum();
                (Kind::Shared, bytes, Content::shared(number, self.config.directory_id, parts, interval))
            }
        };
        let writer = FileWriter::create(path(number, kind), bytes, OpenMode::CreateDirect, queue);
        settle.created.push((number, kind));
        settle.current = Some(Current::Segment { number, kind, content: Box::new(content), writer });
    }

    /// True when the operation belongs to the settle.
    #[must_use]
    pub fn settle_owns(&self, id: OpId) -> bool {
        self.settle.as_ref().is_some_and(|settle| match (&settle.current, &settle.stage) {
            (Some(Current::Segment { writer, .. } | Current::Index { writer, .. }), _) => writer.owns(id),
            (None, Stage::Directory(op)) => *op == id,
            _ => false,
        })
    }

    /// Takes the result of one of the settle's operations.
    pub fn complete_settle(&mut self, id: OpId, result: Result<Done, IoError>, queue: &mut OpQueue) {
        let Some(mut settle) = self.settle.take() else { return };
        match settle.current.take() {
            Some(mut current) => {
                let (Current::Segment { writer, .. } | Current::Index { writer, .. }) = &mut current;
                writer.complete(id, result, queue);
                match writer.outcome() {
                    None => settle.current = Some(current),
                    Some(Err(error)) => settle.fail(error),
                    Some(Ok(())) => self.file_done(&mut settle, current, queue),
                }
            }
            None => match result {
                Ok(_) => settle.stage = Stage::Ready,
                Err(error) => settle.fail(error),
            },
        }
        self.settle = Some(settle);
    }

    fn file_done(&mut self, settle: &mut Settle, current: Current, queue: &mut OpQueue) {
        match current {
            Current::Segment { number, kind, content, .. } => {
                let length = content.length();
                let mut built = content.into_built();
                if kind == Kind::Own
                    && let Some(built) = built.pop()
                {
                    let bytes = crate::index::table_bytes(built.range.sparse_count) as u64;
                    let writer = FileWriter::create(index_path(number), bytes, OpenMode::CreateDirect, queue);
                    let built = Box::new(built);
                    settle.current = Some(Current::Index { number, built, length, writer });
                    return;
                }
                settle.added.files.push((number, kind, length));
                settle.added.ranges.extend(built.iter().map(Built::added));
            }
            Current::Index { number, built, .. } => {
                settle.added.files.push((number, Kind::Own, built.range.length));
                settle.added.ranges.push(built.added());
            }
        }
    }

    /// The manifest of a ready settle is durable: its ranges are what readers see from now on, and files that nothing
    /// needs any more are removed.
    pub fn settle_published(&mut self, queue: &mut OpQueue) {
        let settle = self.settle.take().filter(|settle| matches!(settle.stage, Stage::Ready));
        let settle = settle.expect("only a ready settle is published");
        settle.captured.published(self, &settle.added);
        for (number, kind, length) in settle.added.files.iter().filter(|(_, kind, _)| *kind != Kind::Bulk) {
            self.files.add(*number, *kind, *length);
        }
        for (range, sparse) in settle.placed {
            self.reader.cache(&range, sparse);
        }
        for covered in &settle.covered {
            let Some(partition) = self.table.get_unsaved(covered.handle) else { continue };
            partition.settled_end = covered.to;
            partition.unsettled_bytes -= covered.bytes;
            self.unsettled_bytes -= covered.bytes;
            if partition.unsettled_bytes > 0 {
                self.dirty.push(covered.handle);
            }
        }
        for added in settle.added.ranges {
            let partition = self.table.get_unsaved(added.handle);
            if let Some(partition) = partition.filter(|partition| !partition.deleted) {
                let first = partition.tail.at_or_behind(added.range.base).map(|batch| batch.max_timestamp);
                partition.dirty_since = partition.dirty_since.or(first);
                partition.ranges.push(added.range);
                self.files.hold(added.range.file);
                self.trim(added.handle);
            }
        }
        self.settled_lsn = settle.checkpoint;
        self.end_settle();
        self.files.keep_only(&self.named, self.settled_lsn, queue);
        self.evict();
    }

    /// A failed settle is over: its files are removed if they can be, its data waits for the next one. No manifest that
    /// names them may be in place.
    pub fn settle_abandoned(&mut self, queue: &mut OpQueue) {
        for (number, kind) in self.drop_settle() {
            self.files.unlink(number, kind, queue);
        }
    }

    /// The manifest of a ready settle may or may not be in place: its data waits for the next one, and its files stay
    /// until a later manifest is in place.
    pub fn settle_in_doubt(&mut self) {
        let created = self.drop_settle();
        self.files.doubt(created);
    }

    /// Ends a settle without its ranges; answers the files it made.
    fn drop_settle(&mut self) -> Vec<(u64, Kind)> {
        let Some(settle) = self.settle.take() else { return Vec::new() };
        for covered in &settle.covered {
            if self.table.get(covered.handle).is_some_and(|partition| partition.unsettled_bytes > 0) {
                self.dirty.push(covered.handle);
            }
        }
        settle.captured.given_up(self);
        self.end_settle();
        settle.created
    }

    /// Gives up a ready settle whose manifest may or may not be in place: its files stay, for the next opening to
    /// judge. Only on the way to closing.
    pub fn forget_settle(&mut self) {
        if self.settle_state() != SettleState::Working {
            self.settle = None;
            self.end_settle();
        }
    }

    fn end_settle(&mut self) {
        for handle in std::mem::take(&mut self.zombies) {
            self.bury(handle);
        }
    }

    /// Stops a settle, for closing: what is in flight still completes. A ready one can still be published.
    pub fn stop_settle(&mut self, error: &IoError, queue: &mut OpQueue) {
        let Some(settle) = &mut self.settle else { return };
        if matches!(settle.stage, Stage::Ready | Stage::Directory(_)) {
            return;
        }
        match &mut settle.current {
            Some(Current::Segment { writer, .. } | Current::Index { writer, .. }) => {
                writer.abandon(error.clone(), queue);
            }
            None => settle.fail(error.clone()),
        }
    }
}

impl Settle {
    fn fail(&mut self, error: IoError) {
        self.current = None;
        self.plans.clear();
        self.stage = Stage::Failed(error);
    }
}
