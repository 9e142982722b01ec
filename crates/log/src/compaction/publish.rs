//! A group whose files are durable takes the place of its ranges: in a manifest first, then in memory.
//!
//! What it is not: the replacement of the manifest file, which is the engine's.
//!
//! The invariant: the swap in memory happens only after a manifest that names the new files is durable, and an old file
//! goes only when no reader holds it.

use super::CompactionCounters;
use super::pass::{Pass, Stage};
use super::splice::Splice;
use crate::log::Log;
use crate::partition::Partition;
use crate::range::Range;
use crate::segment::Kind;
use millrace_io::OpQueue;

impl Log {
    /// True while a pass is under way.
    #[must_use]
    pub fn is_compacting(&self) -> bool {
        self.compaction.is_some()
    }

    /// A step of a pass is due although nothing completes.
    #[must_use]
    pub fn compaction_has_work(&self) -> bool {
        self.compaction.as_ref().is_some_and(|pass| pass.has_work())
    }

    /// The files of a group are durable and wait for a manifest.
    #[must_use]
    pub fn compaction_ready(&self) -> bool {
        self.compaction.as_ref().is_some_and(|pass| matches!(pass.stage, Stage::Ready))
    }

    /// Behind the last offset of a partition that a pass has seen, by the files named for it: below, offsets may be missing
    /// because their records were superseded. The log start where there was no pass.
    #[must_use]
    pub fn compacted_end(&self, partition: &Partition) -> u64 {
        let compacted = |range: &&Range| self.files.get(range.file).is_some_and(|(kind, _)| kind.has_gaps());
        let last = partition.ranges.iter().take_while(compacted).last();
        last.map_or(partition.marks.log_start, |range| range.end.max(partition.marks.log_start))
    }

    /// Partitions that a pass has seen anything of.
    #[must_use]
    pub fn compacted_partitions(&self) -> u64 {
        let compacted = |partition: &&Partition| self.compacted_end(partition) > partition.marks.log_start;
        self.table.iter().filter(compacted).count() as u64
    }

    /// What compaction has done since open.
    #[must_use]
    pub fn compaction_counters(&self) -> CompactionCounters {
        self.compaction_counters
    }

    /// Memory of the key map from the next pass on, in bytes.
    pub fn set_compaction_memory(&mut self, bytes: u64) {
        self.compaction_map_bytes = bytes;
    }

    /// The log's share of a manifest with the group's files in place of its ranges; `share` is that of the manifest in
    /// place. `None`: nothing is ready, or the ranges are not there any more, which ends the pass.
    pub fn compaction_manifest(&mut self, share: &[u8], queue: &mut OpQueue) -> Option<Vec<u8>> {
        let mut pass = self.compaction.take_if(|pass| matches!(pass.stage, Stage::Ready))?;
        let files: Vec<(u64, Kind, Range)> = pass.group.written().collect();
        let splice = Splice {
            partition: pass.id,
            from: pass.group.base(),
            to: pass.group.end(),
            files: &files,
            markers: &pass.group.markers,
            last_file: self.files.last_number(),
        };
        let spliced = splice.apply(share).ok().flatten();
        let share = match spliced {
            Some(spliced) => {
                pass.stage = Stage::Publishing;
                pass.named = spliced.named;
                Some(spliced.share)
            }
            None => {
                self.stop_pass(&mut pass, queue);
                None
            }
        };
        self.compaction = Some(pass);
        share
    }

    /// The manifest with the group's files is durable: they are what readers see from now on, and the pass goes on.
    pub fn compaction_published(&mut self, queue: &mut OpQueue) {
        let pass = self.compaction.take_if(|pass| matches!(pass.stage, Stage::Publishing));
        let mut pass = pass.expect("only what was handed out is published");
        for (number, kind, range) in pass.group.written() {
            self.files.add(number, kind, range.length);
        }
        self.swap(&pass);
        let named = std::mem::take(&mut pass.named);
        self.next_group(&mut pass, queue);
        self.files.keep_only(&named, self.settled_lsn, queue);
        self.compaction = Some(pass);
    }

    /// Puts the ranges of the group's files in the place of those they were made of.
    fn swap(&mut self, pass: &Pass) {
        let (from, to) = (pass.group.base(), pass.group.end());
        self.compaction_counters.bytes_before += pass.group.bytes();
        self.compaction_counters.bytes_after +=
            pass.group.written().map(|(.., range)| range.length).sum::<u64>();
        let Some(partition) = self.table.get_mut(pass.handle).filter(|partition| !partition.deleted) else {
            return;
        };
        let first = partition.ranges.partition_point(|range| range.base < from);
        let last = partition.ranges.partition_point(|range| range.end <= to);
        if first >= last {
            return;
        }
        let new: Vec<Range> = pass.group.written().map(|(.., range)| range).collect();
        new.iter().for_each(|range| self.files.hold(range.file));
        for range in partition.ranges.splice(first..last, new) {
            self.files.release(range.file);
        }
        partition.transactions.forget(&pass.group.markers);
        // Memory still has the batches as they were appended.
        partition.tail.forget_below(to);
        self.trim(pass.handle);
    }

    /// The manifest was not replaced: the pass is given up, its files go.
    pub fn compaction_abandoned(&mut self, queue: &mut OpQueue) {
        self.stop_compaction(queue);
    }

    /// The manifest may or may not be in place: the pass is given up, its files stay until a later one is.
    pub fn compaction_in_doubt(&mut self, queue: &mut OpQueue) {
        let Some(pass) = &mut self.compaction else { return };
        let created = pass.group.outputs.drain(..).map(|output| (output.number, output.kind)).collect();
        self.files.doubt(created);
        self.stop_compaction(queue);
    }

    /// Gives a pass up, for closing or after a failure: what is in flight still completes.
    pub fn stop_compaction(&mut self, queue: &mut OpQueue) {
        let Some(mut pass) = self.compaction.take() else { return };
        self.stop_pass(&mut pass, queue);
        self.compaction = Some(pass);
    }

    /// Gives up a group whose manifest may or may not be in place: its files stay for the next opening to judge. Only on
    /// the way to closing.
    pub fn forget_compaction(&mut self) {
        if let Some(pass) = self.compaction.as_mut().filter(|pass| matches!(pass.stage, Stage::Publishing)) {
            pass.group.outputs.clear();
        }
    }
}
