//! All partitions of one engine: appends in three phases, watermarks by LSN, memory under one budget.
//!
//! What it is not: the journal. It is told which LSN a frame has and how far the journal is written and durable.
//!
//! The invariant: nothing is visible to readers before its frame is written; nothing leaves memory before it is
//! settled and durable.

use crate::batch::{Checked, Header};
use crate::code::Code;
use crate::compaction::{CompactionCounters, FEWEST, MAP_BYTES, Pass};
use crate::content::SLAB;
use crate::files::{Files, Named};
use crate::marker::Marker;
use crate::order::{Entry, Order};
use crate::partition::{Partition, Undo};
use crate::producers::Verdict;
use crate::range::Place;
use crate::reader::{Damaged, Found, Reader};
use crate::settle::Settle;
use crate::table::{Handle, Table};
use millrace_io::{Done, IoError, OpId, OpQueue, Piece, SlabPool};
use std::sync::Arc;

/// Sizes in bytes, fixed at open.
#[derive(Clone, Copy, Debug)]
pub struct LogConfig {
    pub directory_id: [u8; 16],
    /// Leader epoch of this run: the incarnation.
    pub epoch: i32,
    /// Budget for tails.
    pub memory_bytes: u64,
    /// Unsettled bytes from which a partition gets segments of its own.
    pub own_segment_bytes: u64,
    /// Largest own segment.
    pub segment_bytes: u64,
    /// Distance between two entries of a sparse index.
    pub index_interval_bytes: u64,
    /// Memory for sealed data that is read before readers ask for it; 0: none is.
    pub read_ahead_bytes: u64,
    /// Files go although the manifest in place names them.
    #[cfg(feature = "planted")]
    pub remove_named_files: bool,
}

impl LogConfig {
    /// Of a log of which nothing but its share of a manifest is ever looked at: it opens no file.
    pub(crate) fn of_a_share() -> LogConfig {
        LogConfig {
            directory_id: [0; 16],
            epoch: 0,
            memory_bytes: 0,
            own_segment_bytes: u64::MAX,
            segment_bytes: u64::MAX,
            index_interval_bytes: u64::MAX,
            read_ahead_bytes: 0,
            #[cfg(feature = "planted")]
            remove_named_files: false,
        }
    }
}

/// All partitions, their files, and what is going on with them.
#[derive(Debug)]
pub struct Log {
    pub(crate) config: LogConfig,
    pub(crate) table: Table,
    pub(crate) order: Order,
    /// Partitions that went from settled to unsettled since the last settle began.
    pub(crate) dirty: Vec<Handle>,
    pub(crate) unsettled_bytes: u64,
    /// Everything up to this LSN is in published files.
    pub(crate) settled_lsn: u64,
    pub(crate) files: Files,
    pub(crate) settle: Option<Settle>,
    /// Memory in which settled files are put together.
    pub(crate) settle_slabs: SlabPool,
    /// Deleted while a settle reads their tails.
    pub(crate) zombies: Vec<Handle>,
    /// Ids of partitions deleted since the last settle began.
    pub(crate) gone: Vec<u64>,
    /// How many ranges the manifest in place names in each file.
    pub(crate) named: Named,
    pub(crate) reader: Reader,
    /// Memory for inflated records while a read or search looks into a batch.
    pub(crate) scratch: Vec<u8>,
    /// Aborts so far, those of the manifest included.
    pub(crate) aborted: u64,
    pub(crate) compaction: Option<Box<Pass>>,
    pub(crate) compaction_counters: CompactionCounters,
    pub(crate) compaction_map_bytes: u64,
    /// Small neighbouring ranges that are joined at least.
    pub(crate) join_fewest: usize,
    /// The slabs that were charged last: of frames, of bulk batches.
    last_slabs: [usize; 2],
}

/// What an append would do.
#[derive(Clone, Copy, Debug)]
pub enum Judged {
    /// A new batch for this partition.
    New(Handle),
    /// Appended before: the offset then, and the LSN of that frame.
    Duplicate {
        handle: Handle,
        base_offset: u64,
        lsn: u64,
    },
    Refused(Code),
}

impl Log {
    /// An empty log.
    #[must_use]
    pub fn new(config: LogConfig) -> Log {
        Log {
            config,
            table: Table::default(),
            order: Order::default(),
            dirty: Vec::new(),
            unsettled_bytes: 0,
            settled_lsn: 0,
            files: Files::default(),
            settle: None,
            settle_slabs: SlabPool::new(SLAB, 4),
            zombies: Vec::new(),
            gone: Vec::new(),
            named: Named::default(),
            reader: Reader::new(config.read_ahead_bytes),
            scratch: Vec::new(),
            aborted: 0,
            compaction: None,
            compaction_counters: CompactionCounters::default(),
            compaction_map_bytes: MAP_BYTES,
            join_fewest: FEWEST,
            last_slabs: [0; 2],
        }
    }

    /// The partition with this id.
    #[must_use]
    pub fn find(&self, id: u64) -> Option<Handle> {
        self.table.find(id)
    }

    /// A partition by its handle.
    #[must_use]
    pub fn get(&self, handle: Handle) -> Option<&Partition> {
        self.table.get(handle)
    }

    /// Number of partitions.
    #[must_use]
    pub fn partitions(&self) -> usize {
        self.table.count()
    }

    /// Bytes of batches that lie in no published file.
    #[must_use]
    pub fn unsettled_bytes(&self) -> u64 {
        self.unsettled_bytes
    }

    /// Leader epoch of this run.
    #[must_use]
    pub fn epoch(&self) -> i32 {
        self.config.epoch
    }

    fn partition_mut(&mut self, handle: Handle) -> &mut Partition {
        self.table.get_mut(handle).expect("a handle of the frame at hand stays valid until the frame is done")
    }

    /// Phase one of an append: would this checked batch be accepted?
    #[must_use]
    pub fn judge(&self, id: u64, checked: &Checked) -> Judged {
        let Some(handle) = self.table.find(id) else { return Judged::Refused(Code::UnknownPartition) };
        let Some(partition) = self.table.get(handle) else { return Judged::Refused(Code::UnknownPartition) };
        if partition.marks.log_end + u64::from(checked.header.count) > i64::MAX as u64 {
            return Judged::Refused(Code::OffsetOutOfRange);
        }
        // Outside its own transaction a producer would be read before the transaction ends.
        let header = &checked.header;
        if !header.transactional() && partition.transactions.first_of(header.producer_id).is_some() {
            return Judged::Refused(Code::InvalidRecord);
        }
        match partition.producers.judge(&checked.header) {
            Verdict::New => Judged::New(handle),
            Verdict::Duplicate { base_offset, lsn } => Judged::Duplicate { handle, base_offset, lsn },
            Verdict::Refused(code) => Judged::Refused(code),
        }
    }

    /// Phase one of a marker: would this end of a transaction be accepted? An older epoch than is known is not.
    pub fn judge_marker(&self, id: u64, producer_id: i64, producer_epoch: i16) -> Result<Handle, Code> {
        let handle = self.table.find(id).ok_or(Code::UnknownPartition)?;
        let partition = self.table.get(handle).ok_or(Code::UnknownPartition)?;
        if partition.marks.log_end >= i64::MAX as u64 {
            return Err(Code::OffsetOutOfRange);
        }
        partition.producers.judge_marker(producer_id, producer_epoch).map(|()| handle)
    }

    /// Aborted transactions of a partition that overlap `from..to` (rule 22): producer id and first offset, in the order
    /// in which they ended. `OffsetOutOfRange` when the log starts above `from`: what was forgotten there is not known.
    pub fn aborted_between(&self, id: u64, from: u64, to: u64) -> Result<Vec<(i64, u64)>, Code> {
        let partition = self.table.find(id).and_then(|handle| self.table.get(handle));
        let partition = partition.ok_or(Code::UnknownPartition)?;
        if from < partition.marks.log_start {
            return Err(Code::OffsetOutOfRange);
        }
        let found = partition.transactions.aborted_between(from, to);
        Ok(found.map(|aborted| (aborted.producer_id, aborted.first)).collect())
    }

    /// How often a transaction was aborted since open, or before and is remembered. With 0 no reader has to ask.
    #[must_use]
    pub fn aborted_transactions(&self) -> u64 {
        self.aborted
    }

    /// Phase two: offsets for a batch judged new whose frame will have this LSN. `undo_append` takes it back.
    /// `marker`: it is a control batch.
    pub fn reserve(
        &mut self,
        handle: Handle,
        header: &Header,
        marker: Option<Marker>,
        lsn: u64,
    ) -> (u64, Undo) {
        let epoch = self.config.epoch;
        self.aborted += u64::from(marker == Some(Marker::Abort));
        self.partition_mut(handle).reserve(header, marker, epoch, lsn)
    }

    /// Takes back the newest reservation of this partition.
    pub fn undo_append(&mut self, handle: Handle, undo: &Undo) {
        self.partition_mut(handle).undo(undo);
    }

    /// Phase three: the frame is in the journal; `piece` is the batch in the journal's memory, `place` where it lies if
    /// that is not the frame itself.
    pub fn attach(
        &mut self,
        handle: Handle,
        lsn: u64,
        base: u64,
        header: &Header,
        piece: Piece,
        place: Option<Place>,
    ) {
        let slab = Arc::as_ptr(piece.slab()) as usize;
        let last_slab = &mut self.last_slabs[usize::from(place.is_some())];
        let charge = if slab == *last_slab { 0 } else { piece.slab().len() };
        *last_slab = slab;
        let charge = u32::try_from(charge).unwrap_or(u32::MAX);
        let end = base + u64::from(header.count);
        self.unsettled_bytes += piece.len() as u64;
        self.order.push(Entry { lsn, end, slot: handle.slot, generation: handle.generation, charge });
        if let Some(place) = place {
            self.files.bulk_used(place.file, place.position + piece.len() as u64, lsn);
        }
        if self.partition_mut(handle).attach(base, header, piece, place) {
            self.dirty.push(handle);
        }
    }

    /// A number no segment file had before, for a bulk file.
    pub fn new_file_number(&mut self) -> u64 {
        self.files.new_number()
    }

    /// Numbers of segment files up to this one are not given out: names of an earlier life may still have them.
    pub fn reserve_file_numbers(&mut self, last: u64) {
        self.files.reserve_numbers(last);
    }

    /// Replay is over: the journal goes on in a bulk file of its own, and those of earlier runs do not grow any more.
    pub fn replay_done(&mut self) {
        self.files.stop_growing();
    }

    /// Creates an empty partition; `None` when the id is taken.
    pub fn create(&mut self, id: u64) -> Option<Handle> {
        if self.table.find(id).is_some() {
            return None;
        }
        Some(self.table.insert(Partition::new(id)))
    }

    /// Takes back a `create` whose frame was refused.
    pub fn undo_create(&mut self, handle: Handle) {
        if let Some(partition) = self.table.get(handle) {
            let id = partition.id;
            self.table.hide(id);
            self.table.remove(handle);
        }
    }

    /// Phase one of a deletion: the id is unknown from now on.
    pub fn hide(&mut self, id: u64) -> Option<Handle> {
        let handle = self.table.find(id)?;
        self.table.hide(id);
        Some(handle)
    }

    /// Takes back a `hide`.
    pub fn undo_hide(&mut self, handle: Handle) {
        let id = self.partition_mut(handle).id;
        self.table.unhide(id, handle);
    }

    /// Phase two of a deletion. While a settle runs the partition stays in memory unseen: the settle's manifest still
    /// names it, and if the deletion's own frame were lost its data must be there.
    pub fn delete(&mut self, handle: Handle) {
        let settling = self.settle.is_some();
        let partition = self.partition_mut(handle);
        partition.deleted = true;
        let id = partition.id;
        for range in std::mem::take(&mut partition.ranges) {
            self.files.release(range.file);
        }
        self.gone.push(id);
        if settling {
            self.zombies.push(handle);
        } else {
            self.bury(handle);
        }
    }

    pub(crate) fn bury(&mut self, handle: Handle) {
        if let Some(partition) = self.table.remove(handle) {
            self.unsettled_bytes -= partition.unsettled_bytes;
        }
    }

    /// The log start that `DeleteRecords` to `offset` leads to (-1: the high watermark).
    pub fn new_log_start(&self, handle: Handle, offset: i64) -> Result<u64, Code> {
        let marks = self.table.get(handle).ok_or(Code::UnknownPartition)?.marks;
        match offset {
            -1 => Ok(marks.high_watermark),
            offset => match u64::try_from(offset) {
                Ok(offset) if offset <= marks.high_watermark => Ok(offset.max(marks.log_start)),
                _ => Err(Code::OffsetOutOfRange),
            },
        }
    }

    /// Moves the log start; answers the old one, which moves it back when the frame is refused.
    pub fn move_log_start(&mut self, handle: Handle, start: u64) -> u64 {
        let partition = self.partition_mut(handle);
        let before = partition.marks.log_start;
        partition.marks.move_log_start(start);
        before
    }

    /// Drops what lies below the log start, once the frame that moved it is in the journal.
    pub fn trim(&mut self, handle: Handle) {
        // Whoever moved the log start has marked the partition as changed.
        let partition = self.table.get_unsaved(handle);
        for range in partition.map(Partition::trim).unwrap_or_default() {
            self.files.release(range.file);
        }
    }

    /// The journal is written and durable up to these LSNs: moves the watermarks of all partitions concerned.
    pub fn advance(&mut self, written: u64, durable: u64) {
        while let Some(entry) = self.order.next_written(written) {
            if let Some(partition) = self.table.get_unsaved(handle_of(&entry)) {
                partition.written(entry.end);
            }
        }
        while let Some(entry) = self.order.next_durable(durable) {
            if let Some(partition) = self.table.get_unsaved(handle_of(&entry)) {
                partition.durable(entry.end);
            }
        }
        self.evict();
    }

    /// Gives up the oldest settled batches while tails hold more than their budget.
    pub(crate) fn evict(&mut self) {
        while self.order.bytes() > self.config.memory_bytes {
            let Some(entry) = self.order.evict(self.settled_lsn) else { return };
            let Some(partition) = self.table.get_unsaved(handle_of(&entry)) else { continue };
            // Compaction has taken what it rewrote already.
            if partition.tail.front().is_none_or(|batch| batch.base >= entry.end) {
                continue;
            }
            let batch = partition.tail.pop_front();
            assert!(
                batch.is_some_and(|batch| batch.end == entry.end && batch.end <= partition.settled_end),
                "only the oldest settled batch of a partition may be evicted"
            );
        }
    }

    /// Memory held by tails in bytes, in whole slabs.
    #[must_use]
    pub fn memory_bytes(&self) -> u64 {
        self.order.bytes()
    }

    /// True when the operation belongs to the log: a settle, a compaction, a cold read, or its files.
    #[must_use]
    pub fn owns(&self, id: OpId) -> bool {
        self.settle_owns(id)
            || self.compaction.as_ref().is_some_and(|pass| pass.owns(id))
            || self.reader.owns(id)
            || self.files.owns(id)
    }

    /// Takes the result of one of the log's operations.
    pub fn complete(&mut self, id: OpId, result: Result<Done, IoError>, queue: &mut OpQueue) {
        if self.settle_owns(id) {
            self.complete_settle(id, result, queue)
        } else if self.compaction.as_ref().is_some_and(|pass| pass.owns(id)) {
            self.complete_compaction(id, result, queue)
        } else {
            self.complete_read(id, result, queue)
        }
    }

    /// Starts what can be started: waiting reads, the next slab of a settle.
    pub fn step(&mut self, queue: &mut OpQueue) {
        self.step_reads(queue);
        self.step_ahead(queue);
        self.step_settle(queue);
        #[cfg(feature = "planted")]
        if self.config.remove_named_files {
            self.files.keep_only(&Named::default(), self.settled_lsn, queue);
        }
    }

    /// Operations under way, or reads whose answer is still to come.
    #[must_use]
    pub fn busy(&self) -> bool {
        self.reader.busy() || self.files.busy() || self.settle.is_some() || self.is_compacting()
    }

    /// Closes all files that no reader holds.
    pub fn close_files(&mut self, queue: &mut OpQueue) {
        self.reader.ahead.forget_all();
        self.files.close_all(queue);
    }

    /// Tokens that finished since the last call, with their codes.
    pub fn drain_finished(&mut self, into: &mut Vec<(u64, Code)>) {
        self.reader.drain_finished(into);
    }

    /// What a finished token found, once; `None` for a token that is not finished or was taken.
    pub fn take_found(&mut self, token: u64) -> Option<Result<Found, Code>> {
        self.reader.take(token)
    }

    /// Damage that reads met since the last call.
    pub fn take_damage(&mut self) -> Vec<Damaged> {
        self.reader.take_damage()
    }

    /// Cold reads so far: operations and bytes.
    #[must_use]
    pub fn cold_reads(&self) -> (u64, u64) {
        (self.reader.reads, self.reader.bytes)
    }
}

fn handle_of(entry: &Entry) -> Handle {
    Handle { slot: entry.slot, generation: entry.generation }
}
