//! A group whose files are durable takes the place of its ranges: in a manifest first, then in memory.
//!
//! What it is not: the replacement of the manifest file, which is the engine's.
//!
//! The invariant: the swap in memory happens only after a manifest that names the new files is durable, and an old file
//! goes only when no reader holds it.

use super::CompactionCounters;
use super::pass::{Pass, Stage};
use crate::changes::Splice;
use crate::files::Named;
use crate::log::Log;
use crate::partition::Partition;
use crate::planted;
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

    /// The log's share of an edit that puts the group's files in the place of its ranges. `None`: nothing is ready, or
    /// the ranges are not there any more, which ends the pass.
    pub fn compaction_edit(&mut self, queue: &mut OpQueue) -> Option<Vec<u8>> {
        let mut pass = self.compaction.take_if(|pass| matches!(pass.stage, Stage::Ready))?;
        let partition = self.table.get(pass.handle).filter(|partition| !partition.deleted);
        let start = partition.map_or(u64::MAX, |partition| partition.saved_start);
        // In memory some of them may be gone; the manifest in place names all that reach above its log start.
        let named: Vec<u64> =
            pass.group.ranges.iter().filter(|range| range.end > start).map(|range| range.file).collect();
        let share = if named.is_empty() {
            self.stop_pass(&mut pass, queue);
            None
        } else {
            let files: Vec<(u64, Kind, Range)> = pass.group.written().collect();
            let splice = Splice {
                partition: pass.id,
                from: pass.group.base(),
                to: pass.group.end(),
                files: &files,
                markers: &pass.group.markers,
            };
            pass.stage = Stage::Publishing;
            pass.named = self.named_after(&named, &files);
            if planted::removes_early() {
                self.remove_early(&named, &pass.named, queue);
            }
            Some(splice.encode(self.files.last_number()))
        };
        self.compaction = Some(pass);
        share
    }

    /// A planted bug: files go before the manifest that names them no more is durable.
    fn remove_early(&mut self, inputs: &[u64], named: &Named, queue: &mut OpQueue) {
        for number in inputs.iter().filter(|number| !named.contains_key(number)) {
            // A bulk file may have more than ranges name: that is found for another reason.
            if let Some((kind, _)) = self.files.get(*number).filter(|(kind, _)| *kind != Kind::Bulk) {
                self.files.unlink(*number, kind, queue);
            }
        }
    }

    /// How many ranges a manifest names in each file when `gone` are the files of ranges it names no more.
    fn named_after(&self, gone: &[u64], new: &[(u64, Kind, Range)]) -> Named {
        let mut named = self.named.clone();
        for file in gone {
            if let Some(ranges) = named.get_mut(file) {
                *ranges = ranges.saturating_sub(1);
            }
        }
        new.iter().for_each(|(number, ..)| *named.entry(*number).or_default() += 1);
        named.retain(|_, ranges| *ranges > 0);
        named
    }

    /// The manifest with the group's files is durable: they are what readers see from now on, and the pass goes on.
    pub fn compaction_published(&mut self, queue: &mut OpQueue) {
        let pass = self.compaction.take_if(|pass| matches!(pass.stage, Stage::Publishing));
        let mut pass = pass.expect("only what was handed out is published");
        for (number, kind, range) in pass.group.written() {
            self.files.add(number, kind, range.length);
        }
        self.swap(&pass);
        self.named = std::mem::take(&mut pass.named);
        self.next_group(&mut pass, queue);
        self.files.keep_only(&self.named, self.settled_lsn, queue);
        self.compaction = Some(pass);
    }

    /// Puts the ranges of the group's files in the place of those they were made of.
    fn swap(&mut self, pass: &Pass) {
        let (from, to) = (pass.group.base(), pass.group.end());
        let counters = &mut self.compaction_counters;
        if pass.joins {
            counters.joins += 1;
            counters.joined_ranges += pass.group.ranges.len() as u64;
            counters.joined_bytes += pass.group.bytes();
        } else {
            counters.bytes_before += pass.group.bytes();
            counters.bytes_after += pass.group.written().map(|(.., range)| range.length).sum::<u64>();
        }
        // The edit has said so.
        let Some(partition) = self.table.get_unsaved(pass.handle).filter(|partition| !partition.deleted)
        else {
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
        // Memory still has the batches as they were appended: joining has not changed them.
        if !pass.joins {
            partition.tail.forget_below(to);
        }
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
