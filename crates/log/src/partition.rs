//! One partition as a view of the journal: its watermarks, its tail, its ranges on disk, its producers and epochs.
//!
//! What it is not: the place where bytes are written; the journal has them before a batch comes here.
//!
//! The invariant: every offset in `log_start..log_end` lies in a range (below `settled_end`) or in the tail.

use crate::batch::Header;
use crate::content::Part;
use crate::epochs::Epochs;
use crate::index::Sparse;
use crate::limits::{CUTS_MAX, Limits};
use crate::marker::Marker;
use crate::producers::{Producer, Producers};
use crate::range::{Place, Range};
use crate::segment::Kind;
use crate::table::Handle;
use crate::tail::{Tail, TailBatch};
use crate::transactions::{TransactionUndo, Transactions};
use crate::watermarks::Watermarks;
use millrace_io::Piece;
use std::sync::Arc;

/// A partition. An empty one costs some hundred bytes of memory and no file.
#[derive(Debug)]
pub struct Partition {
    pub id: u64,
    pub marks: Watermarks,
    pub tail: Tail,
    /// Batches below this offset lie in published ranges.
    pub settled_end: u64,
    /// The log start that the manifest in place says.
    pub saved_start: u64,
    /// Bytes of batches at and above `settled_end`.
    pub unsettled_bytes: u64,
    /// In offset order; may have holes only below `log_start`.
    pub ranges: Vec<Range>,
    /// Offsets at which batches go on behind a hole that damage left; empty in a healthy log.
    pub resumes: Vec<u64>,
    pub producers: Producers,
    pub transactions: Transactions,
    pub epochs: Epochs,
    /// Time of the first record that no pass of compaction has seen (epoch ms); `None`: nobody knows.
    pub dirty_since: Option<i64>,
    /// Compaction has met damage in it.
    pub uncompactable: bool,
    /// What it may keep, shared with others of its topic; `None`: everything.
    pub limits: Option<Arc<Limits>>,
    /// Deleted, but a settle still reads its tail.
    pub deleted: bool,
}

/// What brings a partition back to where it was before `reserve`.
#[derive(Clone, Copy, Debug)]
pub struct Undo {
    log_end: u64,
    producer_id: i64,
    producer: Option<Producer>,
    transaction: TransactionUndo,
    new_epoch: bool,
}

impl Partition {
    /// An empty partition.
    #[must_use]
    pub fn new(id: u64) -> Partition {
        Partition {
            id,
            marks: Watermarks::default(),
            tail: Tail::default(),
            settled_end: 0,
            saved_start: 0,
            unsettled_bytes: 0,
            ranges: Vec::new(),
            resumes: Vec::new(),
            producers: Producers::default(),
            transactions: Transactions::default(),
            epochs: Epochs::default(),
            dirty_since: None,
            uncompactable: false,
            limits: None,
            deleted: false,
        }
    }

    /// Gives the next offsets to a judged batch whose frame will have this LSN; answers its base offset. `marker` says
    /// what a control batch ends its transaction with.
    pub fn reserve(&mut self, header: &Header, marker: Option<Marker>, epoch: i32, lsn: u64) -> (u64, Undo) {
        let base = self.marks.log_end;
        let producer = self.producers.remember(header.producer_id);
        let transaction = match marker {
            Some(marker) => self.transactions.end(header.producer_id, marker == Marker::Commit, base),
            None if header.transactional() => self.transactions.append(header.producer_id, base),
            None => TransactionUndo::Nothing,
        };
        let new_epoch = self.epochs.appended(epoch, base);
        let undo = Undo { log_end: base, producer_id: header.producer_id, producer, transaction, new_epoch };
        self.marks.move_log_end(base + u64::from(header.count));
        match marker {
            Some(_) => self.producers.record_marker(header),
            None => self.producers.record(header, base, lsn),
        }
        (base, undo)
    }

    /// Everything below `end` is written.
    pub fn written(&mut self, end: u64) {
        self.marks.move_written(end, self.transactions.first_unstable());
    }

    /// Everything below `end` is durable, transactions that ended there included.
    pub fn durable(&mut self, end: u64) {
        self.marks.move_durable(end);
        self.transactions.durable(end);
        self.marks.move_last_stable(self.transactions.first_unstable());
    }

    /// Takes back the newest `reserve`: its frame was refused before anything of it was written.
    pub fn undo(&mut self, undo: &Undo) {
        self.marks.move_log_end(undo.log_end);
        if undo.producer_id >= 0 {
            self.producers.restore(undo.producer_id, undo.producer);
        }
        self.transactions.undo(undo.transaction);
        if undo.new_epoch {
            self.epochs.forget_last();
        }
    }

    /// Puts the bytes of a reserved batch into the tail. True when the partition was settled so far.
    pub fn attach(&mut self, base: u64, header: &Header, piece: Piece, place: Option<Place>) -> bool {
        let was_settled = self.unsettled_bytes == 0;
        self.unsettled_bytes += piece.len() as u64;
        self.tail.push(base, base + u64::from(header.count), header.max_timestamp, piece, place);
        self.producers.trim();
        was_settled
    }

    /// Drops what lies wholly below the log start; answers the ranges that are gone.
    pub fn trim(&mut self) -> Vec<Range> {
        let gone = self.ranges.partition_point(|range| range.end <= self.marks.log_start);
        self.epochs.trim(self.marks.log_start);
        self.transactions.trim(self.marks.log_start);
        self.marks.move_last_stable(self.transactions.first_unstable());
        self.ranges.drain(..gone).collect()
    }

    /// The range that holds `offset`.
    #[must_use]
    pub fn range_of(&self, offset: u64) -> Option<&Range> {
        let next = self.ranges.partition_point(|range| range.base <= offset);
        let range = &self.ranges[next.checked_sub(1)?];
        (offset < range.end).then_some(range)
    }

    /// No read goes across a hole: the first offset behind `offset` where one ends, or `below`.
    #[must_use]
    pub fn before_hole(&self, offset: u64, below: u64) -> u64 {
        let next = self.resumes.iter().copied().find(|resume| *resume > offset);
        next.map_or(below, |resume| resume.min(below))
    }

    /// The first offset behind `first` at which its age begins another segment, or `below`.
    fn before_cut(&self, first: &TailBatch, below: u64) -> u64 {
        let Some(limits) = self.limits.as_deref().filter(|limits| limits.segment_ms.is_some()) else {
            return below;
        };
        let cut = self.tail.onward(first.end).find(|batch| limits.cuts(first, batch));
        cut.map_or(below, |batch| batch.base.min(below))
    }

    /// What is unsettled, sorted by what has to be done with it; nothing goes across a hole. What lies wholly below the
    /// log start is left out.
    #[must_use]
    pub fn unsettled(&self, handle: Handle, own_bytes: u64, segment_bytes: u64) -> Unsettled {
        let mut found = Unsettled::default();
        let mut from = self.settled_end.max(self.marks.log_start);
        let mut cuts = 0;
        while let Some(first) = self.tail.at_or_behind(from) {
            let below = self.before_hole(first.base, self.marks.log_end);
            if first.place.is_some() {
                self.tail.run(first, below).for_each(|batch| found.place(batch));
                from = self.tail.run(first, below).last().map_or(below, |batch| batch.end);
                continue;
            }
            let (mut end, mut bytes) = (first.base, 0);
            for batch in self.tail.run(first, below) {
                (end, bytes) = (batch.end, bytes + batch.piece.len() as u64);
            }
            let own = bytes >= own_bytes;
            from = first.base;
            while let Some(first) = self.tail.at_or_behind(from).filter(|batch| batch.base < end) {
                let limit = if own { segment_bytes } else { u64::MAX };
                let below = if cuts < CUTS_MAX { self.before_cut(first, end) } else { end };
                cuts += usize::from(below < end);
                let (to, bytes) = self.tail.extent(first, limit, below);
                let part = Part { handle, partition: self.id, from: first.base, to, bytes };
                if own {
                    found.own.push(part)
                } else {
                    found.small.push(part)
                }
                from = to;
            }
        }
        found
    }
}

/// What a settle has to do for one partition.
#[derive(Debug, Default)]
pub struct Unsettled {
    /// For files of their own.
    pub own: Vec<Part>,
    /// For the shared file.
    pub small: Vec<Part>,
    /// In bulk files already: the manifest only has to name them.
    pub placed: Vec<(Range, Sparse)>,
}

/// Largest range of a bulk file that has more than one batch: what is read to find a place in it after a restart.
const PLACED_MAX: u64 = 4 << 20;

impl Unsettled {
    /// Adds a batch of a bulk file: to the last range if it goes on there.
    fn place(&mut self, batch: &TailBatch) {
        let Some(place) = batch.place else { return };
        let length = batch.piece.len() as u64;
        let end = place.position + length;
        if let Some((range, sparse)) = self.placed.last_mut()
            && range.end == batch.base
            && range.file == place.file
            && (range.position + range.length).next_multiple_of(Kind::Bulk.alignment()) == place.position
            && end - range.position <= PLACED_MAX
        {
            range.end = batch.end;
            range.length = end - range.position;
            range.max_timestamp = range.max_timestamp.max(batch.max_timestamp);
            range.largest = range.largest.max(length as u32);
            return sparse.add(batch.base, place.position, batch.max_timestamp, 1);
        }
        let range = Range {
            file: place.file,
            base: batch.base,
            end: batch.end,
            position: place.position,
            length,
            max_timestamp: batch.max_timestamp,
            crc: 0,
            largest: length as u32,
            sparse_position: 0,
            sparse_count: 0,
        };
        self.placed.push((range, Sparse::of_start(&range)));
    }
}
