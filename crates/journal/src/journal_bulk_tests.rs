//! References in the state machine by itself: completions are handed in by the tests, one at a time.

use crate::bulk_file::BulkConfig;
use crate::bulk_spaces::Space;
use crate::checksum::crc32c;
use crate::config::{Config, Start};
use crate::entry::Entry;
use crate::file::{Files, JournalFile};
use crate::flush::{Level, Policy, Request};
use crate::journal::{Journal, Tail};
use crate::poison::PoisonCause;
use crate::reference::Bulk;
use millrace_io::{Completion, Done, FileId, IoError, Op, OpId, OpQueue, Piece};
use std::collections::VecDeque;

const BLOCK: u64 = 4096;
const JOURNAL: FileId = FileId(1);
const BULK: FileId = FileId(7);

/// A journal with a bulk file at hand, and the operations nobody has answered yet.
struct Bench {
    journal: Journal,
    queue: OpQueue,
    ops: VecDeque<(OpId, Op)>,
}

impl Bench {
    fn new() -> Bench {
        let bulk = BulkConfig {
            file_bytes: 64 * BLOCK,
            first_file_bytes: 64 * BLOCK,
            extent_bytes: 4 * BLOCK,
            slab_bytes: 16 << 10,
            frame_bytes: 0,
            directory: "bulk",
            path: |number| format!("bulk/{number}").into(),
        };
        let config = Config { bulk, ..Config::default() };
        let start =
            Start { directory_id: 7, incarnation: 1, checkpoint_lsn: 0, durable_lsn: 0, clean: false };
        let mut files = Files::default();
        files.add(JournalFile::fresh(1, JOURNAL, 64 << 20));
        files.add(JournalFile::fresh(2, FileId(2), 64 << 20));
        let journal = Journal::assemble(config, start, files, Tail::default());
        let mut bench = Bench { journal, queue: OpQueue::default(), ops: VecDeque::new() };
        // The first large entry finds no bulk file; it asks for one.
        bench.append(Level::Durable);
        assert!(bench.journal.wants_bulk_file(Space::Packed, 0));
        bench.journal.make_bulk_file(3, &mut bench.queue);
        bench.step();
        while bench.journal.has_operations() {
            let (id, op) = bench.ops.pop_front().expect("something is under way");
            bench.answer_well(id, &op);
        }
        bench
    }

    fn append(&mut self, level: Level) -> u64 {
        let bytes = [5; 5_000];
        let bulk = Some(Bulk { head_bytes: 8, crc_from: 8, crc: crc32c(&bytes[8..]), space: Space::Packed });
        let entry = Entry { kind: 1, flags: 0, group: 2, argument: 3, parts: &[&bytes], bulk };
        let policy = if level == Level::Durable { Policy::ALWAYS } else { Policy::OS };
        let request = Request { level, policy, records: 1 };
        self.journal.append(0, &[entry], request).expect("there is room").lsn
    }

    fn step(&mut self) {
        self.journal.step(0, &mut self.queue);
        while let Some(op) = self.queue.pop() {
            self.ops.push_back(op);
        }
    }

    fn take(&mut self, is: impl Fn(&Op) -> bool) -> (OpId, Op) {
        let index = self.ops.iter().position(|(_, op)| is(op)).expect("the operation was submitted");
        self.ops.remove(index).expect("found above")
    }

    fn answer(&mut self, id: OpId, result: Result<Done, IoError>) {
        self.journal.complete(0, &mut Some(Completion { id, result }), &mut self.queue);
        self.step();
    }

    fn answer_well(&mut self, id: OpId, op: &Op) {
        let done = match op {
            Op::Open { .. } => Done::Opened { file: BULK, size: 0 },
            Op::Write { pieces, .. } => Done::Written { length: pieces.iter().map(Piece::len).sum() },
            _ => Done::Finished,
        };
        self.answer(id, Ok(done));
    }

    /// Completes the oldest write to a file; says whether it was durable by itself.
    fn written(&mut self, to: FileId) -> bool {
        let (id, op) = self.take(|op| matches!(op, Op::Write { file, .. } if *file == to));
        self.answer_well(id, &op);
        matches!(op, Op::Write { durable: true, .. })
    }

    fn flushed(&mut self, of: FileId) {
        let (id, op) = self.take(|op| matches!(op, Op::Sync { file } if *file == of));
        self.answer_well(id, &op);
    }

    fn marks(&self) -> (u64, u64) {
        (self.journal.written(), self.journal.durable())
    }
}

#[test]
fn a_frame_is_durable_only_when_what_it_refers_to_is_whichever_completes_first() {
    for bulk_first in [false, true] {
        let mut bench = Bench::new();
        let lsn = bench.append(Level::Durable);
        bench.step();
        let order = if bulk_first { [BULK, JOURNAL] } else { [JOURNAL, BULK] };
        assert!(bench.written(order[0]), "durable by itself");
        assert_eq!(bench.marks(), (lsn - 1, lsn - 1));
        assert!(bench.written(order[1]), "durable by itself");
        assert_eq!(bench.marks(), (lsn, lsn));
    }
}

#[test]
fn a_flush_covers_the_bulk_file_as_well_as_the_journal() {
    let mut bench = Bench::new();
    let lsn = bench.append(Level::Written);
    bench.step();
    assert!(!bench.written(BULK) && !bench.written(JOURNAL), "nobody asked for more");
    assert_eq!(bench.marks(), (lsn, lsn - 1));
    bench.journal.request_flush();
    bench.step();
    bench.flushed(JOURNAL);
    assert_eq!(bench.marks(), (lsn, lsn - 1), "the bulk file is not flushed yet");
    bench.flushed(BULK);
    assert_eq!(bench.marks(), (lsn, lsn));
}

#[test]
fn what_a_later_commit_refers_to_is_sent_before_its_turn_and_counts_for_nothing_until_then() {
    let mut bench = Bench::new();
    let first = bench.append(Level::Durable);
    bench.step();
    let second = bench.append(Level::Durable);
    bench.step();
    bench.written(BULK);
    bench.written(BULK);
    assert_eq!(bench.marks(), (first - 1, first - 1), "no frame is written");
    bench.written(JOURNAL);
    assert_eq!(bench.marks(), (first, first));
    bench.written(JOURNAL);
    assert_eq!(bench.marks(), (second, second));
}

#[test]
fn plain_bulk_bytes_of_a_commit_that_became_durable_later_wait_for_a_flush() {
    let mut bench = Bench::new();
    let first = bench.append(Level::Durable);
    bench.step();
    bench.append(Level::Written);
    // Sent as a plain write, while the first commit is on its way.
    bench.step();
    let last = bench.append(Level::Durable);
    bench.step();
    assert!(bench.written(BULK) && bench.written(JOURNAL), "the first commit");
    assert_eq!(bench.marks(), (first, first));
    assert!(!bench.written(BULK));
    bench.written(BULK);
    assert!(!bench.written(JOURNAL), "a durable write would not cover the plain one");
    assert_eq!(bench.marks(), (last, first));
    bench.flushed(JOURNAL);
    bench.flushed(BULK);
    assert_eq!(bench.marks(), (last, last));
}

#[test]
fn a_failed_bulk_write_or_flush_poisons_and_names_the_file() {
    let error = || IoError::from_errno(5, "a device");
    let mut bench = Bench::new();
    let lsn = bench.append(Level::Durable);
    bench.step();
    bench.written(JOURNAL);
    let (id, _) = bench.take(|op| matches!(op, Op::Write { file, .. } if *file == BULK));
    bench.answer(id, Err(error()));
    let poison = bench.journal.poison().expect("poisoned");
    assert_eq!((poison.cause, poison.file, bench.marks()), (PoisonCause::BulkWrite, 3, (lsn - 1, lsn - 1)));

    let mut bench = Bench::new();
    let lsn = bench.append(Level::Written);
    bench.step();
    bench.written(BULK);
    bench.written(JOURNAL);
    bench.journal.request_flush();
    bench.step();
    let (id, _) = bench.take(|op| matches!(op, Op::Sync { file } if *file == BULK));
    bench.answer(id, Err(error()));
    bench.flushed(JOURNAL);
    let poison = bench.journal.poison().expect("poisoned");
    assert_eq!((poison.cause, bench.marks()), (PoisonCause::BulkFlush, (lsn, lsn - 1)));
}
