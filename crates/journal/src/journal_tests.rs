//! The state machine by itself: completions are handed in by the tests, one at a time.

use crate::config::{Config, Start};
use crate::entry::Entry;
use crate::error::{Busy, JournalError};
use crate::file::{FileState, Files, JournalFile};
use crate::flush::{Level, Policy, Request};
use crate::frame::{FrameHeader, FrameKind};
use crate::journal::{Journal, Tail};
use crate::poison::PoisonCause;
use millrace_io::{Completion, Done, FileId, IoError, Op, OpId, OpQueue, Piece};
use std::collections::VecDeque;

const BLOCK: u64 = 4096;
const MS: u64 = 1_000_000;

/// A journal, and the operations nobody has answered yet.
struct Bench {
    journal: Journal,
    queue: OpQueue,
    ops: VecDeque<(OpId, Op)>,
    now: u64,
}

fn config() -> Config {
    Config {
        file_bytes: 16 * BLOCK,
        first_file_bytes: 16 * BLOCK,
        max_files: 3,
        slab_bytes: 4 * 4096,
        max_commit_bytes: 8 * BLOCK,
        max_frame_bytes: 12 * BLOCK,
        max_waiting_bytes: 64 * BLOCK,
        follow_records: 4,
        idle_mark_ns: 100 * MS,
        ..Config::default()
    }
}

/// A journal with `files` empty files of 15 blocks each.
fn bench(files: u32) -> Bench {
    bench_with(files, config())
}

fn bench_with(files: u32, config: Config) -> Bench {
    let start = Start { directory_id: 7, incarnation: 1, checkpoint_lsn: 0, durable_lsn: 0, clean: false };
    let mut all = Files::default();
    for number in 1..=files {
        all.add(JournalFile::fresh(number, FileId(number), 16 * BLOCK));
    }
    let journal = Journal::assemble(config, start, all, Tail::default());
    Bench { journal, queue: OpQueue::default(), ops: VecDeque::new(), now: 0 }
}

fn request(level: Level, policy: Policy) -> Request {
    Request { level, policy, records: 1 }
}

impl Bench {
    fn try_append(&mut self, bytes: usize, request: Request) -> Result<u64, JournalError> {
        let bytes = vec![0xAB; bytes];
        let entry = Entry { kind: 1, flags: 0, group: 2, argument: 3, parts: &[&bytes], bulk: None };
        self.journal.append(self.now, &[entry], request).map(|appended| appended.lsn)
    }

    fn append(&mut self, level: Level, policy: Policy) -> u64 {
        self.try_append(100, request(level, policy)).expect("there is room")
    }

    fn step(&mut self) {
        self.journal.step(self.now, &mut self.queue);
        self.collect();
    }

    /// New operations, but for the making of files, which is a story of its own.
    fn collect(&mut self) {
        while let Some(op) = self.queue.pop() {
            self.ops.push_back(op);
        }
    }

    /// Takes the oldest open operation that `is` accepts.
    fn take(&mut self, is: impl Fn(&Op) -> bool) -> (OpId, Op) {
        let index = self.ops.iter().position(|(_, op)| is(op)).expect("the operation was submitted");
        self.ops.remove(index).expect("found above")
    }

    fn count(&self, is: impl Fn(&Op) -> bool) -> usize {
        self.ops.iter().filter(|(_, op)| is(op)).count()
    }

    fn answer(&mut self, id: OpId, result: Result<Done, IoError>) {
        let mut slot = Some(Completion { id, result });
        self.journal.complete(self.now, &mut slot, &mut self.queue);
        assert!(slot.is_none(), "the journal knows its operations");
        self.collect();
    }

    /// Completes the commit in flight; says whether it was durable by itself.
    fn commit(&mut self) -> bool {
        let (id, op) = self.take(is_commit);
        let Op::Write { pieces, durable, .. } = op else { unreachable!() };
        self.answer(id, Ok(Done::Written { length: pieces.iter().map(Piece::len).sum() }));
        durable
    }

    fn sync(&mut self) {
        let (id, _) = self.take(is_sync);
        self.answer(id, Ok(Done::Finished));
    }

    fn watermarks(&self) -> (u64, u64, u64) {
        (self.journal.appended(), self.journal.written(), self.journal.durable())
    }
}

/// Pre-writing goes to files that have no frames yet: ids above 9 in these tests.
fn is_commit(op: &Op) -> bool {
    matches!(op, Op::Write { file, .. } if file.0 < 10)
}

fn is_sync(op: &Op) -> bool {
    matches!(op, Op::Sync { file } if file.0 < 10)
}

fn frames_of(op: &Op) -> Vec<FrameHeader> {
    let Op::Write { pieces, .. } = op else { panic!("not a write: {op:?}") };
    let bytes: Vec<u8> = pieces.iter().flat_map(|piece| piece.bytes().to_vec()).collect();
    let mut frames = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        match FrameHeader::open(&bytes[at..]) {
            Ok((header, _)) => {
                at += header.frame_bytes();
                frames.push(header);
            }
            Err(_) => at = (at + 1).next_multiple_of(BLOCK as usize),
        }
    }
    frames
}

fn eio() -> IoError {
    IoError::from_errno(5, "test")
}

#[test]
fn a_durable_append_alone_takes_one_durable_write_and_moves_both_watermarks() {
    let mut bench = bench(2);
    bench.append(Level::Durable, Policy::ALWAYS);
    assert_eq!(bench.watermarks(), (1, 0, 0));
    bench.step();
    assert!(bench.commit());
    assert_eq!(bench.watermarks(), (1, 1, 1));
    assert_eq!(bench.count(is_sync), 0);
}

#[test]
fn a_waiter_for_written_in_the_commit_makes_it_two_steps() {
    let mut bench = bench(2);
    bench.append(Level::Written, Policy::OS);
    bench.append(Level::Durable, Policy::ALWAYS);
    bench.step();
    assert!(!bench.commit());
    assert_eq!(bench.watermarks(), (2, 2, 0));
    bench.sync();
    assert_eq!(bench.watermarks(), (2, 2, 2));
}

#[test]
fn a_durable_append_behind_unflushed_plain_writes_is_never_a_durable_write() {
    let mut bench = bench(2);
    bench.append(Level::Written, Policy::OS);
    bench.step();
    assert!(!bench.commit());
    bench.append(Level::Durable, Policy::ALWAYS);
    bench.step();
    assert!(!bench.commit(), "a durable write would cover only its own blocks");
    assert_eq!(bench.watermarks(), (2, 2, 0));
    bench.sync();
    assert_eq!(bench.watermarks(), (2, 2, 2));
}

#[test]
fn what_arrives_during_a_commit_is_the_next_commit_and_one_write_where_none_may_follow() {
    let mut bench = bench_with(2, Config { follow_records: 0, ..config() });
    bench.append(Level::Durable, Policy::ALWAYS);
    bench.step();
    for _ in 0..10 {
        bench.append(Level::Durable, Policy::ALWAYS);
        bench.step();
    }
    assert_eq!(bench.count(is_commit), 1, "one commit in flight");
    bench.commit();
    assert_eq!(bench.count(is_commit), 1);
    assert_eq!(frames_of(&bench.ops[0].1).len(), 10);
    bench.commit();
    assert_eq!(bench.watermarks(), (11, 11, 11));
    assert_eq!(bench.journal.counters().commits, 2);
}

#[test]
fn a_second_commit_is_begun_when_enough_waits_for_it_and_a_third_is_not() {
    let mut bench = bench(2);
    bench.append(Level::Durable, Policy::ALWAYS);
    bench.step();
    for (waiting, commits) in [(1, 1), (2, 1), (3, 1), (4, 2), (5, 2), (8, 2), (20, 2)] {
        while bench.journal.appended() <= waiting {
            bench.append(Level::Durable, Policy::ALWAYS);
        }
        bench.step();
        assert_eq!(bench.count(is_commit), commits, "{waiting} waiting");
    }
    assert_eq!(frames_of(&bench.ops[1].1).len(), 4);
    assert!(bench.commit());
    assert_eq!(bench.watermarks(), (21, 1, 1));
    assert_eq!(bench.count(is_commit), 2, "one has landed, the next is begun");
    bench.commit();
    bench.commit();
    assert_eq!(bench.watermarks(), (21, 21, 21));
    assert_eq!(bench.journal.counters().followed_commits, 2);
}

#[test]
fn a_second_commit_has_at_least_half_as_many_records_as_the_first() {
    let mut bench = bench(2);
    for _ in 0..20 {
        bench.append(Level::Durable, Policy::ALWAYS);
    }
    bench.step();
    for commits in [1; 9].into_iter().chain([2]) {
        bench.append(Level::Durable, Policy::ALWAYS);
        bench.step();
        assert_eq!(bench.count(is_commit), commits);
    }
}

/// Two durable commits of four frames each on their way.
fn two_on_their_way() -> (Bench, [(OpId, Op); 2]) {
    let mut bench = bench(2);
    for _ in 0..2 {
        for _ in 0..4 {
            bench.append(Level::Durable, Policy::ALWAYS);
        }
        bench.step();
    }
    let first = bench.take(is_commit);
    let second = bench.take(is_commit);
    (bench, [first, second])
}

fn written(op: &Op) -> Result<Done, IoError> {
    let Op::Write { pieces, .. } = op else { panic!("not a write: {op:?}") };
    Ok(Done::Written { length: pieces.iter().map(Piece::len).sum() })
}

#[test]
fn a_second_commit_that_completes_first_moves_nothing_before_the_first_does() {
    let (mut bench, [first, second]) = two_on_their_way();
    bench.answer(second.0, written(&second.1));
    assert_eq!(bench.watermarks(), (8, 0, 0));
    bench.answer(first.0, written(&first.1));
    assert_eq!(bench.watermarks(), (8, 8, 8));
}

#[test]
fn frames_of_a_second_commit_do_not_say_that_the_first_is_durable() {
    let (_, [first, second]) = two_on_their_way();
    assert!(frames_of(&first.1).iter().chain(&frames_of(&second.1)).all(|frame| frame.durable_lsn == 0));
}

#[test]
fn a_failure_of_either_of_two_commits_is_final_for_both() {
    for (fails, lives) in [(0, 1), (1, 0)] {
        let (mut bench, flights) = two_on_their_way();
        bench.answer(flights[fails].0, Err(eio()));
        let poison = bench.journal.poison().expect("poisoned");
        assert_eq!((poison.cause, poison.durable), (PoisonCause::DurableWrite, 0));
        assert!(bench.journal.has_operations(), "the other one is on its way still");
        bench.answer(flights[lives].0, written(&flights[lives].1));
        assert_eq!(bench.watermarks(), (8, 0, 0), "nothing moves any more");
        assert!(!bench.journal.has_operations());
    }
}

#[test]
fn a_second_commit_that_was_kept_for_a_first_that_then_fails_is_not_kept_for_ever() {
    let (mut bench, [first, second]) = two_on_their_way();
    bench.answer(second.0, written(&second.1));
    bench.answer(first.0, Err(eio()));
    assert_eq!(bench.journal.poison().expect("poisoned").cause, PoisonCause::DurableWrite);
    assert_eq!(bench.watermarks(), (8, 0, 0));
    assert!(!bench.journal.has_operations());
}

#[test]
fn no_commit_is_begun_beside_one_that_needs_a_flush_nor_one_that_needs_it_beside_another() {
    for (first, second) in [(Level::Written, Level::Durable), (Level::Durable, Level::Written)] {
        let mut bench = bench(2);
        for level in [first, second] {
            for _ in 0..8 {
                bench.append(level, Policy::OS);
            }
            bench.step();
        }
        assert_eq!(bench.count(is_commit), 1, "{first:?}, then {second:?}");
        bench.commit();
        bench.commit();
        assert_eq!(bench.journal.written(), 16);
    }
}

#[test]
fn a_flush_asked_for_while_two_are_on_their_way_covers_both() {
    let (mut bench, flights) = two_on_their_way();
    bench.journal.request_flush();
    for (id, op) in &flights {
        bench.answer(*id, written(op));
    }
    assert_eq!(bench.watermarks(), (8, 8, 8));
    assert_eq!(bench.count(is_sync), 0, "both were durable by themselves");
}

#[test]
fn a_flush_covers_only_what_was_written_before_it_was_submitted() {
    let mut bench = bench(2);
    let policy = Policy { records: 1, ..Policy::OS };
    bench.append(Level::Written, policy);
    bench.step();
    bench.commit();
    assert_eq!(bench.count(is_sync), 1);
    bench.append(Level::Written, Policy::OS);
    bench.step();
    bench.commit();
    assert_eq!(bench.watermarks(), (2, 2, 0), "commits go on during a flush");
    bench.sync();
    assert_eq!(bench.watermarks(), (2, 2, 1));
    assert_eq!(bench.count(is_sync), 0, "nobody needs the second frame flushed");
}

#[test]
fn commits_that_would_exceed_a_used_up_allowance_wait_for_the_flush() {
    let mut bench = bench(2);
    let policy = Policy { records: 2, ..Policy::OS };
    bench.append(Level::Written, policy);
    bench.append(Level::Written, policy);
    bench.step();
    bench.commit();
    bench.append(Level::Written, policy);
    bench.step();
    assert_eq!((bench.count(is_sync), bench.count(is_commit)), (1, 0));
    bench.sync();
    assert_eq!(bench.count(is_commit), 1);
}

#[test]
fn bytes_are_flushed_when_as_many_are_unflushed() {
    let mut bench = bench(2);
    let policy = Policy { bytes: 250, ..Policy::OS };
    for flushes in [0, 0, 1] {
        bench.append(Level::Written, policy);
        bench.step();
        bench.commit();
        assert_eq!(bench.count(is_sync), flushes);
    }
}

#[test]
fn an_interval_is_a_deadline_and_ends_with_one_flush() {
    let mut bench = bench(2);
    let policy = Policy { interval_ns: 5 * MS, ..Policy::OS };
    bench.now = 10 * MS;
    bench.append(Level::Written, policy);
    bench.step();
    bench.commit();
    assert_eq!(bench.journal.next_deadline(), Some(15 * MS));
    bench.now = 15 * MS - 1;
    bench.step();
    assert_eq!(bench.count(is_sync), 0);
    bench.now = 15 * MS;
    bench.step();
    assert_eq!(bench.journal.next_deadline(), None, "the flush is on its way");
    bench.sync();
    assert_eq!(bench.watermarks(), (1, 1, 1));
}

#[test]
fn without_a_policy_nothing_is_flushed_until_somebody_asks() {
    let mut bench = bench(2);
    for _ in 0..12 {
        bench.append(Level::Written, Policy::OS);
        bench.step();
        bench.commit();
        bench.now += 1000 * MS;
        bench.step();
    }
    assert_eq!(bench.count(is_sync), 0);
    bench.journal.request_flush();
    bench.step();
    bench.sync();
    assert_eq!(bench.watermarks(), (12, 12, 12));
}

#[test]
fn a_flush_covers_every_file_with_unflushed_writes() {
    let mut bench = bench(2);
    for _ in 0..2 {
        bench.try_append(9 * 4096, request(Level::Written, Policy::OS)).expect("room");
        bench.step();
        bench.commit();
    }
    bench.journal.request_flush();
    bench.step();
    assert_eq!(bench.count(is_sync), 2);
    bench.sync();
    assert_eq!(bench.watermarks(), (2, 2, 0), "half a flush proves nothing");
    bench.sync();
    assert_eq!(bench.watermarks(), (2, 2, 2));
}

#[test]
fn frames_are_chained_and_carry_what_is_durable_through_laps() {
    let mut bench = bench(2);
    let mut chain = Vec::new();
    for _ in 0..3 {
        bench.try_append(9 * 4096, Request::DURABLE).expect("room");
        bench.step();
        let (id, op) = bench.take(is_commit);
        chain.extend(frames_of(&op));
        let Op::Write { pieces, .. } = op else { unreachable!() };
        bench.answer(id, Ok(Done::Written { length: pieces.iter().map(Piece::len).sum() }));
        bench.journal.settled(bench.journal.durable());
    }
    let places: Vec<_> =
        chain.iter().map(|frame| (frame.lsn, frame.file, frame.lap, frame.durable_lsn)).collect();
    assert_eq!(places, [(1, 1, 1, 0), (2, 2, 2, 1), (3, 1, 3, 2)]);
    assert_eq!(chain[0].previous_crc, 0);
    assert!(chain[1].previous_crc != 0 && chain[2].previous_crc != chain[1].previous_crc);
}

#[test]
fn a_journal_full_of_unsettled_frames_is_busy_until_some_are_settled() {
    let mut bench = bench(3);
    for _ in 0..3 {
        bench.try_append(9 * 4096, Request::DURABLE).expect("room");
        bench.step();
        bench.commit();
    }
    let refused = bench.try_append(9 * 4096, Request::DURABLE);
    assert_eq!(refused, Err(JournalError::Busy(Busy::Unsettled)));
    assert_eq!(bench.journal.appended(), 3, "a refused append leaves nothing behind");
    let before = bench.journal.pressure();
    bench.journal.settled(1);
    assert!(bench.journal.pressure().occupied_bytes < before.occupied_bytes);
    assert_eq!(bench.try_append(9 * 4096, Request::DURABLE), Ok(4));
}

#[test]
fn a_full_disk_is_no_poison_and_passes_by_itself() {
    let mut bench = bench(1);
    bench.try_append(9 * 4096, Request::DURABLE).expect("room");
    bench.step();
    bench.commit();
    assert_eq!(bench.try_append(9 * 4096, Request::DURABLE), Err(JournalError::Busy(Busy::FileNotReady)));
    let (id, _) = bench.take(|op| matches!(op, Op::Open { .. }));
    bench.answer(id, Ok(Done::Opened { file: FileId(20), size: 0 }));
    let (id, _) = bench.take(|op| matches!(op, Op::Write { .. }));
    bench.answer(id, Err(IoError::from_errno(28, "write")));
    for _ in 0..3 {
        let removes = |op: &Op| matches!(op, Op::Close { .. } | Op::Unlink { .. } | Op::SyncDirectory { .. });
        let (id, _) = bench.take(removes);
        bench.answer(id, Ok(Done::Finished));
    }
    assert_eq!(bench.try_append(9 * 4096, Request::DURABLE), Err(JournalError::Busy(Busy::NoSpace)));
    assert!(bench.journal.poison().is_none());
    assert_eq!(bench.append(Level::Durable, Policy::ALWAYS), 2, "what still fits is still taken");
    bench.step();
    bench.commit();
    bench.now = 999 * MS;
    bench.step();
    bench.commit();
    assert_eq!(bench.journal.next_deadline(), Some(1000 * MS), "then a new file is tried again");
    bench.now = 1000 * MS;
    bench.step();
    finish_new_file(&mut bench);
    assert_eq!(bench.try_append(9 * 4096, Request::DURABLE), Ok(4), "the mark was frame 3");
}

/// As recovery leaves it: one file, to go on in from `used` or, with `restart`, to be left alone until it is settled.
fn recovered(used: u64, restart: bool) -> Bench {
    let mut bench = bench(0);
    let mut files = Files::default();
    let state = if restart { FileState::Full { last_lsn: 5 } } else { FileState::Active };
    files.add(JournalFile { state, used, lap: 1, ..JournalFile::fresh(1, FileId(1), 16 * BLOCK) });
    let tail = Tail { last_lsn: 5, last_crc: 9, persisted_durable: 5, restart, ..Tail::default() };
    let start = Start { directory_id: 7, incarnation: 2, checkpoint_lsn: 0, durable_lsn: 0, clean: false };
    bench.journal = Journal::assemble(config(), start, files, tail);
    bench
}

#[test]
fn a_refused_append_brings_the_file_it_needs_although_nothing_was_appended_since_the_opening() {
    for (used, restart) in [(16 * BLOCK, false), (8 * BLOCK, false), (16 * BLOCK, true), (8 * BLOCK, true)] {
        let mut bench = recovered(used, restart);
        let refused = bench.try_append(9 * 4096, Request::DURABLE);
        assert_eq!(refused, Err(JournalError::Busy(Busy::FileNotReady)));
        bench.step();
        finish_new_file(&mut bench);
        assert_eq!(bench.try_append(9 * 4096, Request::DURABLE), Ok(6), "used {used}, restart {restart}");
    }
}

#[test]
fn an_opening_that_nobody_appends_to_makes_no_file() {
    for used in [8 * BLOCK, 16 * BLOCK] {
        let mut bench = recovered(used, false);
        bench.step();
        bench.now = 999 * MS;
        bench.step();
        assert!(bench.ops.is_empty(), "{:?}", bench.ops);
    }
}

/// Answers everything the making of a file asks for, and checks the order.
fn finish_new_file(bench: &mut Bench) {
    let mut order = Vec::new();
    loop {
        let index = bench.ops.iter().position(|(_, op)| !is_commit(op) && !is_sync(op));
        let Some((id, op)) = index.and_then(|index| bench.ops.remove(index)) else { break };
        let (name, done) = match op {
            Op::Open { .. } => ("open", Done::Opened { file: FileId(21), size: 0 }),
            Op::Write { position, pieces, .. } => {
                let length = pieces.iter().map(Piece::len).sum();
                (if position == 0 { "header" } else { "zeros" }, Done::Written { length })
            }
            Op::Sync { .. } => ("sync", Done::Finished),
            Op::Rename { .. } => ("rename", Done::Finished),
            Op::SyncDirectory { .. } => ("sync directory", Done::Finished),
            other => panic!("unexpected {other:?}"),
        };
        order.push(name);
        bench.answer(id, Ok(done));
    }
    assert_eq!(order, ["open", "zeros", "header", "sync", "rename", "sync directory"]);
}

#[test]
fn a_failed_flush_ends_everything_and_is_never_tried_again() {
    let mut bench = bench(2);
    bench.append(Level::Written, Policy::ALWAYS);
    bench.step();
    bench.commit();
    bench.append(Level::Durable, Policy::ALWAYS);
    bench.step();
    let (id, _) = bench.take(is_sync);
    bench.answer(id, Err(eio()));
    let poison = bench.journal.poison().expect("poisoned").clone();
    assert_eq!((poison.cause, poison.durable), (PoisonCause::Flush, 0));
    bench.commit();
    bench.now += 10_000 * MS;
    bench.step();
    assert_eq!((bench.count(is_sync), bench.count(is_commit)), (0, 0));
    assert_eq!(bench.watermarks(), (2, 1, 0), "nothing moves any more");
    assert_eq!(bench.try_append(1, Request::DURABLE), Err(JournalError::Poisoned(poison)));
    assert_eq!(bench.journal.next_deadline(), None);
}

#[test]
fn a_failed_durable_write_is_a_failed_flush() {
    let mut bench = bench(2);
    bench.append(Level::Durable, Policy::ALWAYS);
    bench.step();
    bench.append(Level::Durable, Policy::ALWAYS);
    let (id, _) = bench.take(is_commit);
    bench.answer(id, Err(eio()));
    assert_eq!(bench.journal.poison().expect("poisoned").cause, PoisonCause::DurableWrite);
    assert_eq!(bench.count(is_commit), 0, "the next commit is never written");
    assert_eq!(bench.watermarks(), (2, 0, 0));
}

#[test]
fn an_idle_journal_persists_its_durable_watermark_once() {
    let mut bench = bench(2);
    bench.append(Level::Durable, Policy::ALWAYS);
    bench.step();
    bench.commit();
    assert_eq!(bench.journal.next_deadline(), Some(100 * MS));
    bench.now = 100 * MS;
    bench.step();
    let frames = frames_of(&bench.ops.iter().find(|(_, op)| is_commit(op)).expect("a mark").1);
    assert_eq!((frames[0].kind, frames[0].durable_lsn), (FrameKind::Mark, 1));
    assert!(bench.commit(), "a mark leaves nothing unflushed behind");
    bench.now = 1000 * MS;
    bench.step();
    assert_eq!((bench.count(is_commit), bench.journal.next_deadline()), (0, None));
    assert_eq!(bench.journal.counters().marks, 1);
}

#[test]
fn bytes_are_copied_once_and_the_returned_pieces_are_that_copy() {
    let mut bench = bench(2);
    let (first, last): ([&[u8]; 2], [&[u8]; 1]) = ([b"ab", b"cde"], [b"0123456789"]);
    fn entry<'a>(parts: &'a [&'a [u8]]) -> Entry<'a> {
        Entry { kind: 1, flags: 0, group: 0, argument: 0, parts, bulk: None }
    }
    let entries = [entry(&first), entry(&[]), entry(&last)];
    let appended = bench.journal.append(0, &entries, Request::DURABLE).expect("room");
    let bytes: Vec<_> = appended.payloads.iter().map(|piece| piece.bytes().to_vec()).collect();
    assert_eq!(bytes, [b"abcde".to_vec(), b"".to_vec(), b"0123456789".to_vec()]);
    bench.step();
    let (_, op) = bench.take(is_commit);
    let Op::Write { pieces, .. } = &op else { unreachable!() };
    assert!(std::ptr::eq(&raw const **pieces[0].slab(), &raw const **appended.payloads[0].slab()));
    let counters = bench.journal.counters();
    assert_eq!((counters.copied_bytes, counters.payload_bytes), (15, 15));
}

#[test]
fn a_frame_larger_than_a_slab_has_memory_of_its_own_and_a_commit_spans_slabs() {
    let mut bench = bench(2);
    for bytes in [100, 5 * 4096, 100] {
        bench.try_append(bytes, Request::DURABLE).expect("room");
    }
    bench.step();
    let (_, op) = bench.take(is_commit);
    let frames = frames_of(&op);
    assert_eq!(frames.iter().map(|frame| frame.lsn).collect::<Vec<_>>(), [1, 2, 3]);
    let Op::Write { pieces, .. } = op else { unreachable!() };
    assert_eq!(pieces.len(), 2);
}

#[test]
fn a_frame_over_the_limit_is_refused_without_effect() {
    let mut bench = bench(2);
    let refused = bench.try_append(12 * 4096, Request::DURABLE);
    assert!(matches!(refused, Err(JournalError::TooLarge { .. })));
    assert_eq!(bench.append(Level::Durable, Policy::ALWAYS), 1);
}

#[test]
fn memory_waiting_to_be_written_is_bounded() {
    let mut bench = bench_with(3, Config { max_waiting_bytes: 2 * BLOCK, ..config() });
    bench.append(Level::Memory, Policy::OS);
    bench.step();
    let results: Vec<_> =
        (0..200).map(|_| bench.try_append(400, request(Level::Memory, Policy::OS))).collect();
    assert!(results.contains(&Err(JournalError::Busy(Busy::Waiting))));
    bench.commit();
    bench.commit();
    assert!(bench.try_append(400, request(Level::Memory, Policy::OS)).is_ok());
}
