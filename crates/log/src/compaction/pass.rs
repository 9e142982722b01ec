//! One pass over one partition: map the keys of the dirty ranges, then copy group after group without what the map
//! supersedes; a pass that joins maps nothing and copies everything. Steps of bounded work, operations out, completions in.
//!
//! What it is not: the choice of the partition (`choose.rs`), or what happens around a manifest (`publish.rs`).
//!
//! The invariant: only ranges below the last stable and durable offset are touched; a range that goes meanwhile (its log
//! start moved) is passed by, damage ends the pass and is reported.

use super::Compact;
use super::filter::{Filter, Judge, Kept};
use super::group::Group;
use super::history::{Fate, History};
use super::key_map::KeyMap;
use super::output::Output;
use super::source::{Next, Source};
use crate::batch::{HEADER, Header, inflate};
use crate::code::Code;
use crate::files::{Handle as FileHandle, Named};
use crate::log::Log;
use crate::partition::Partition;
use crate::planted;
use crate::range::Range;
use crate::records::{WalkError, walk_stored};
use crate::segment::{DIRECTORY, Kind};
use crate::table::Handle;
use millrace_io::{Done, IoError, IoErrorKind, Op, OpId, OpQueue, Piece};
use std::collections::BTreeSet;
use std::path::PathBuf;

/// Linux's number for "cancelled".
const ECANCELED: i32 = 125;
/// Stored bytes looked at in one step.
const STEP_BYTES: u64 = 64 << 10;

#[derive(Debug)]
pub(crate) enum Stage {
    Mapping,
    Copying,
    /// The names of its files are made durable.
    Directory,
    /// The group's files are durable: a manifest may name them.
    Ready,
    /// A manifest that names them is on its way.
    Publishing,
    /// Nothing more is begun; what is in flight comes to its end.
    Stopping,
    Done,
}

/// A pass under way.
#[derive(Debug)]
pub(crate) struct Pass {
    pub handle: Handle,
    pub id: u64,
    pub stage: Stage,
    /// The sync of the directory that is in flight.
    syncing: Option<OpId>,
    pub group: Group,
    /// Ranges in each file that the manifest on its way names.
    pub named: Named,
    pub directory_id: [u8; 16],
    /// Ranges that are not in a group yet; while mapping, those to be mapped come first.
    left: Vec<Range>,
    /// While mapping: which of `left` is read.
    at: usize,
    source: Option<Source>,
    map: KeyMap,
    /// Behind the last record that the map knows of.
    mapped_end: u64,
    history: History,
    /// First offsets of batches that their producers' sequences end with, ascending.
    newest_batches: Vec<u64>,
    /// Producers of which only a marker tells the epoch.
    marked: BTreeSet<i64>,
    /// The batch that ends here is left as it is: the end of a log says where it ends.
    log_end: u64,
    now_ms: i64,
    horizon_ms: i64,
    /// Every batch stays as it is.
    pub joins: bool,
    filter: Filter,
    /// Nothing can be done before an operation completes.
    waits: bool,
}

/// How far a step came.
enum Step {
    /// There is more to do.
    On,
    Waits,
    /// The ranges at hand are through.
    End,
    Stop,
}

/// What a pass is to do.
#[derive(Debug)]
pub(crate) struct Order {
    pub handle: Handle,
    /// From the log start on.
    pub ranges: Vec<Range>,
    /// Which of them is the first that no pass has seen.
    pub dirty: usize,
    pub rules: Compact,
    pub now_ms: i64,
    /// The ranges become one, and no batch of them goes.
    pub joins: bool,
}

impl Pass {
    pub fn new(order: Order, partition: &Partition, directory_id: [u8; 16], map_bytes: u64) -> Pass {
        let retention = i64::try_from(order.rules.delete_retention_ms).unwrap_or(i64::MAX);
        let (newest_batches, marked) = partition.producers.last_of_each();
        Pass {
            handle: order.handle,
            id: partition.id,
            stage: Stage::Mapping,
            syncing: None,
            group: Group::of(&[], 0),
            named: Named::default(),
            directory_id,
            left: order.ranges,
            at: order.dirty,
            source: None,
            map: KeyMap::new(directory_id, map_bytes),
            mapped_end: 0,
            history: History::of(partition.transactions.aborted()),
            newest_batches,
            marked,
            log_end: partition.marks.log_end,
            now_ms: order.now_ms,
            joins: order.joins,
            horizon_ms: order.now_ms.saturating_add(retention),
            filter: Filter::default(),
            waits: false,
        }
    }

    pub fn owns(&self, id: OpId) -> bool {
        self.source.as_ref().is_some_and(|source| source.owns(id))
            || self.group.outputs.iter().any(|output| output.owns(id))
            || self.syncing == Some(id)
    }

    /// A step would do something.
    pub fn has_work(&self) -> bool {
        match self.stage {
            Stage::Mapping | Stage::Copying => !self.waits,
            Stage::Stopping => self.has_stopped(),
            Stage::Done => true,
            Stage::Directory | Stage::Ready | Stage::Publishing => false,
        }
    }

    fn has_stopped(&self) -> bool {
        !self.source.as_ref().is_some_and(Source::is_reading)
            && self.group.has_stopped()
            && self.syncing.is_none()
    }

    /// The range that is read next.
    fn next_range(&self) -> Option<Range> {
        match self.stage {
            Stage::Mapping => self.left.get(self.at).copied(),
            _ => self.group.ranges.get(self.group.at).copied(),
        }
    }

    /// The range at hand is through.
    fn advance(&mut self) {
        match self.stage {
            Stage::Mapping => self.at += 1,
            _ => self.group.at += 1,
        }
    }

    /// The batch is the first one that the map does not cover: what follows is copied to a file of its own.
    fn leaves_map(&mut self, header: &Header) -> bool {
        let behind = header.base_offset >= self.mapped_end;
        behind && self.group.open().is_some_and(|output| output.kind == Kind::Compacted)
    }

    /// Records the keys of a batch. False: there is no room for all of them.
    fn map_batch(&mut self, header: &Header, bytes: &[u8], scratch: &mut Vec<u8>) -> Result<bool, Code> {
        if header.control() || self.history.is_aborted(header) {
            return Ok(true);
        }
        let stored = bytes.get(HEADER..header.length).ok_or(Code::Corrupt)?;
        let stored = if header.codec() == 0 { stored } else { inflate(header, stored, scratch)? };
        let map = &mut self.map;
        let walked = walk_stored(stored, header, |record| {
            let offset = header.base_offset + u64::from(record.offset_delta);
            let known = record.key.is_none_or(|key| map.put(key, offset));
            if known { Ok(()) } else { Err(WalkError::Stopped) }
        });
        match walked {
            Ok(()) => Ok(true),
            Err(WalkError::Stopped) => Ok(false),
            Err(_) => Err(Code::Corrupt),
        }
    }

    /// Copies what stays of a batch.
    fn copy_batch(&mut self, header: &Header, bytes: &[u8]) -> Result<(), Code> {
        if header.base_offset >= self.mapped_end {
            self.push(header, bytes);
            return Ok(());
        }
        let fate = self.history.pass(header);
        // Readers that may not see what follows still find the end of what they may.
        let ends = header.end_offset() == self.mapped_end;
        let stays = ends
            || match header.control() {
                true => self.marked.contains(&header.producer_id),
                false => self.newest_batches.binary_search(&header.base_offset).is_ok(),
            };
        let judge = Judge { map: &self.map, now_ms: self.now_ms, horizon_ms: self.horizon_ms };
        let kept = match header.end_offset() == self.log_end {
            true => Kept::Whole,
            false => self.filter.apply(&judge, header, bytes, fate, stays)?,
        };
        match kept {
            Kept::Whole => self.push(header, bytes),
            Kept::Changed(changed) => {
                if let Some(output) = self.group.open() {
                    let (base, time) = (changed.base_offset, changed.max_timestamp);
                    output.push(base, changed.count, time, &self.filter.out);
                }
            }
            Kept::Nothing => {
                if fate == Fate::SpentMarker {
                    self.group.markers.push(header.base_offset);
                }
                self.group.drop_batch(header);
            }
        }
        Ok(())
    }

    fn push(&mut self, header: &Header, bytes: &[u8]) {
        if let Some(output) = self.group.open() {
            output.push(header.base_offset, header.count, header.max_timestamp, bytes);
        }
    }
}

impl Log {
    /// Begins a pass, when none is under way.
    pub(crate) fn begin_pass(&mut self, order: Order) {
        let Some(partition) = self.table.get(order.handle) else { return };
        let pass = Pass::new(order, partition, self.config.directory_id, self.compaction_map_bytes);
        self.compaction = Some(Box::new(pass));
    }

    /// Does a bounded amount of a pass: some batches are read, judged and copied.
    pub fn step_compaction(&mut self, queue: &mut OpQueue) {
        let Some(mut pass) = self.compaction.take() else { return };
        if self.table.get(pass.handle).is_none_or(|partition| partition.deleted)
            && matches!(pass.stage, Stage::Mapping | Stage::Copying)
        {
            self.stop_pass(&mut pass, queue);
        }
        pass.waits = false;
        match pass.stage {
            Stage::Mapping => self.step_mapping(&mut pass, queue),
            Stage::Copying => self.step_copying(&mut pass, queue),
            Stage::Directory | Stage::Ready | Stage::Publishing | Stage::Stopping | Stage::Done => {}
        }
        match pass.stage {
            Stage::Done => return,
            Stage::Stopping if pass.has_stopped() => return self.discard_pass(&pass, queue),
            _ => {}
        }
        self.compaction = Some(pass);
    }

    fn step_mapping(&mut self, pass: &mut Pass, queue: &mut OpQueue) {
        let mut scratch = std::mem::take(&mut self.scratch);
        let step = self.pump(pass, queue, &mut |pass, header, batch| {
            let first = pass.mapped_end == 0;
            let whole = pass.map_batch(header, batch.bytes(), &mut scratch)?;
            // What a map has no room for waits for the next pass; one batch goes always.
            pass.mapped_end = if whole || first { header.end_offset() } else { header.base_offset };
            Ok(whole)
        });
        self.scratch = scratch;
        match step {
            Step::On => {}
            Step::Waits => pass.waits = true,
            Step::Stop => self.stop_pass(pass, queue),
            Step::End if pass.joins => self.next_group(pass, queue),
            Step::End if pass.mapped_end == 0 => self.end_pass(pass),
            Step::End => {
                let mapped_end = pass.mapped_end;
                pass.left.retain(|range| range.base < mapped_end);
                pass.stage = Stage::Copying;
                self.next_group(pass, queue);
            }
        }
    }

    fn step_copying(&mut self, pass: &mut Pass, queue: &mut OpQueue) {
        pass.group.outputs.iter_mut().for_each(|output| output.step(&self.settle_slabs, queue));
        let step = if pass.group.at < pass.group.ranges.len() {
            self.pump(pass, queue, &mut |pass, header, batch| {
                pass.copy_batch(header, batch.bytes()).map(|()| true)
            })
        } else {
            Step::Waits
        };
        match step {
            Step::On | Step::End => {}
            Step::Waits => pass.waits = !pass.group.outputs.iter().any(Output::wants_step),
            Step::Stop => return self.stop_pass(pass, queue),
        }
        if pass.group.at >= pass.group.ranges.len() {
            let end = pass.group.end();
            pass.group.finish(end, &mut pass.filter);
        }
        self.check_group(pass, queue);
    }

    /// Goes on when all files of a group are written, or one of them cannot be.
    fn check_group(&mut self, pass: &mut Pass, queue: &mut OpQueue) {
        if pass.group.outputs.iter().any(|output| matches!(output.outcome(), Some(Err(_)))) {
            self.stop_pass(pass, queue);
        } else if pass.group.is_written() && matches!(pass.stage, Stage::Copying) {
            if planted::publishes_early() {
                pass.stage = Stage::Ready;
                return;
            }
            pass.stage = Stage::Directory;
            pass.syncing = Some(queue.push(Op::SyncDirectory { path: PathBuf::from(DIRECTORY) }));
        }
    }

    /// Takes the ranges of the next group that are still there and begins its file; ends the pass when there are none.
    pub(crate) fn next_group(&mut self, pass: &mut Pass, queue: &mut OpQueue) {
        self.let_go_of_group(pass, queue);
        let Some(partition) = self.table.get(pass.handle) else { return self.end_pass(pass) };
        let present = |range: &Range| {
            let at = partition.ranges.binary_search_by_key(&range.base, |range| range.base);
            at.is_ok_and(|at| partition.ranges[at] == *range)
        };
        pass.left.retain(present);
        let limit = self.segment_bytes_of(partition);
        let group = Group::of(&pass.left, limit);
        pass.left.drain(..group.ranges.len());
        if group.ranges.is_empty() {
            return self.end_pass(pass);
        }
        group.ranges.iter().for_each(|range| self.files.take(range.file));
        pass.group = group;
        pass.stage = Stage::Copying;
        self.create_output(pass, pass.group.base(), queue);
    }

    /// The files of the group's ranges are not read any more.
    pub(crate) fn let_go_of_group(&mut self, pass: &Pass, queue: &mut OpQueue) {
        for range in &pass.group.ranges {
            self.files.let_go(range.file, queue);
        }
    }

    /// A file for what lies at `base` and behind it: beyond the map it is a plain copy.
    fn create_output(&mut self, pass: &mut Pass, base: u64, queue: &mut OpQueue) {
        let kind = if base < pass.mapped_end { Kind::Compacted } else { Kind::Own };
        let (number, interval) = (self.files.new_number(), self.config.index_interval_bytes);
        let bytes = pass.group.bytes();
        let partition = (pass.handle, pass.id);
        pass.group.outputs.push(Output::create(number, kind, partition, base, bytes, interval, queue));
    }

    /// Reads on and hands batches to `take`, until that answers false, the ranges end or the step is large enough.
    fn pump(
        &mut self,
        pass: &mut Pass,
        queue: &mut OpQueue,
        take: &mut dyn FnMut(&mut Pass, &Header, &Piece) -> Result<bool, Code>,
    ) -> Step {
        let mut bytes = 0;
        while bytes < STEP_BYTES {
            if pass.source.is_none() && !self.open_source(pass) {
                return Step::End;
            }
            let full = pass.group.open().is_some_and(|output| output.is_full());
            if full {
                return Step::Waits;
            }
            let Some(partition) = self.table.get(pass.handle) else { return Step::Stop };
            let Some(source) = &mut pass.source else { return Step::Stop };
            match source.next(&partition.epochs) {
                Next::Batch(header, batch) => {
                    bytes += batch.len() as u64;
                    if pass.leaves_map(&header) {
                        pass.group.finish(header.base_offset, &mut pass.filter);
                        self.create_output(pass, header.base_offset, queue);
                    }
                    match take(pass, &header, &batch) {
                        Ok(true) => {}
                        Ok(false) => {
                            self.close_source(pass, queue);
                            return Step::End;
                        }
                        Err(Code::Corrupt) => return self.damaged_source(pass, "records of a batch"),
                        Err(_) => return Step::Stop,
                    }
                }
                Next::Hungry => return self.feed_source(pass, queue),
                Next::End => {
                    self.close_source(pass, queue);
                    pass.advance();
                }
                Next::Damaged(detail) => return self.damaged_source(pass, detail),
            }
        }
        Step::On
    }

    /// Opens the next range; false when there is none. While mapping, ranges that went are passed by.
    fn open_source(&mut self, pass: &mut Pass) -> bool {
        loop {
            let Some(range) = pass.next_range() else { return false };
            let Some((kind, _)) = self.files.get(range.file) else {
                pass.advance();
                continue;
            };
            self.files.take(range.file);
            pass.source = Some(Source::new(range, kind));
            return true;
        }
    }

    fn close_source(&mut self, pass: &mut Pass, queue: &mut OpQueue) {
        if let Some(source) = pass.source.take() {
            self.files.let_go(source.range.file, queue);
        }
    }

    fn feed_source(&mut self, pass: &mut Pass, queue: &mut OpQueue) -> Step {
        let Some(source) = pass.source.as_mut().filter(|source| source.is_hungry()) else {
            return Step::Waits;
        };
        match self.files.handle(source.range.file, queue) {
            FileHandle::Ready(file) => {
                source.read(file, queue);
                Step::Waits
            }
            FileHandle::Opening => Step::Waits,
            FileHandle::Missing => self.damaged_source(pass, "the file is missing"),
        }
    }

    /// Damage ends the pass, and the partition is left alone until the next opening.
    fn damaged_source(&mut self, pass: &Pass, detail: &str) -> Step {
        if let Some(partition) = self.table.get_unsaved(pass.handle) {
            partition.uncompactable = true;
        }
        if let Some(source) = &pass.source {
            self.report_damage(source.range.file, source.position(), detail);
        }
        Step::Stop
    }

    /// Takes the result of one of a pass's operations.
    pub(crate) fn complete_compaction(
        &mut self,
        id: OpId,
        result: Result<Done, IoError>,
        queue: &mut OpQueue,
    ) {
        let Some(mut pass) = self.compaction.take() else { return };
        pass.waits = false;
        if pass.source.as_ref().is_some_and(|source| source.owns(id)) {
            let read = pass.source.as_mut().map(|source| source.complete(result));
            if let Some(Err(error)) = read {
                self.source_failed(&mut pass, &error, queue);
            }
        } else if pass.syncing == Some(id) {
            pass.syncing = None;
            match result {
                Ok(_) if matches!(pass.stage, Stage::Directory) => pass.stage = Stage::Ready,
                Ok(_) => {}
                Err(_) => self.stop_pass(&mut pass, queue),
            }
        } else if let Some(output) = pass.group.outputs.iter_mut().find(|output| output.owns(id)) {
            output.complete(id, result, &pass.directory_id, queue);
            self.check_group(&mut pass, queue);
        }
        self.compaction = Some(pass);
    }

    fn source_failed(&mut self, pass: &mut Pass, error: &IoError, queue: &mut OpQueue) {
        let passing =
            matches!(error.kind, IoErrorKind::Cancelled | IoErrorKind::Descriptors | IoErrorKind::Memory);
        if !passing {
            self.damaged_source(pass, &error.to_string());
        }
        self.close_source(pass, queue);
        self.stop_pass(pass, queue);
    }

    /// A file was opened, or could not be.
    pub(crate) fn compaction_file(&mut self, number: u64, error: Option<&IoError>, queue: &mut OpQueue) {
        let Some(mut pass) = self.compaction.take() else { return };
        pass.waits = false;
        let ours = pass.source.as_ref().is_some_and(|source| source.range.file == number);
        if let Some(error) = error.filter(|_| ours) {
            self.source_failed(&mut pass, error, queue);
        }
        self.compaction = Some(pass);
    }

    /// Begins to give a pass up.
    pub(crate) fn stop_pass(&mut self, pass: &mut Pass, queue: &mut OpQueue) {
        let error = IoError::from_errno(ECANCELED, "the pass was given up");
        pass.group.outputs.iter_mut().for_each(|output| output.abandon(&error, queue));
        pass.stage = Stage::Stopping;
    }

    /// Nothing is left to do.
    fn end_pass(&mut self, pass: &mut Pass) {
        pass.group = Group::of(&[], 0);
        pass.stage = Stage::Done;
        if pass.joins {
            return;
        }
        self.compaction_counters.runs += 1;
        if let Some(partition) = self.table.get_unsaved(pass.handle) {
            partition.dirty_since = None;
        }
    }

    /// A pass that was given up has nothing in flight any more: its files go.
    fn discard_pass(&mut self, pass: &Pass, queue: &mut OpQueue) {
        if let Some(source) = &pass.source {
            self.files.let_go(source.range.file, queue);
        }
        self.let_go_of_group(pass, queue);
        for output in &pass.group.outputs {
            self.files.unlink(output.number, output.kind, queue);
        }
        self.compaction_counters.abandoned += u64::from(!pass.joins);
    }
}
