//! The one layer between operations and attempts, shared by all drivers: what is in flight, what waits, what has to
//! be continued or done again.
//!
//! What it promises above: an operation completes exactly once; a `Written` is in full; a read stops short only at
//! the end of the file; EINTR, EAGAIN and stray cancellations are not seen.
//!
//! The one invariant: a token names one attempt for ever. A driver that returns a token nobody waits for has mixed
//! up memory and operations, and that is a fatal assertion.

use crate::attempt::{Attempt, Outcome, Token};
use crate::continuation::Next;
use crate::counters::IoCounters;
use crate::driver::Driver;
use crate::errno::IoError;
use crate::files::FileTable;
use crate::op::{Completion, Done, FileId, Op, OpId};
use crate::plan::{Plan, plan};
use std::collections::VecDeque;

/// Timers do not count against what is in flight at the device, but their number has a limit too: with it, a
/// completion queue of 4,096 entries cannot overflow.
const TIMERS_MAX: usize = 1024;

/// An accepted operation.
#[derive(Debug)]
pub(crate) struct Work {
    id: OpId,
    pub file: Option<FileId>,
    role: Role,
    /// Present while the operation waits; a driver has it otherwise.
    attempt: Option<Attempt>,
    /// Attempts in a row without progress.
    pub retries: u32,
    /// Bytes of a read or write that are known to be there.
    pub filled: usize,
    /// A write that is to be durable by itself, where that is refused: a flush follows it.
    pub flush_behind: FlushBehind,
    /// Completed already, as far as anyone knows.
    #[cfg(feature = "planted")]
    silent: bool,
}

/// How far a durable write is that takes a plain one and a flush.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FlushBehind {
    None,
    /// When all bytes are written.
    Due,
    /// It waits for its turn: the kernel reports a failed flush once, so there is only one of a file at a time.
    Waiting,
    UnderWay,
}

/// What an operation means for the file it is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Uses,
    Syncs,
    Closes,
}

#[derive(Debug, Default)]
struct Slot {
    generation: u32,
    work: Option<Work>,
}

#[derive(Debug)]
pub(crate) struct InFlight {
    slots: Vec<Slot>,
    free: Vec<u32>,
    waiting: VecDeque<u32>,
    /// Attempts a driver has, without timers.
    started: usize,
    timers: usize,
    max: usize,
    direct: bool,
    /// Writes that are durable by themselves are refused here.
    pub flushes_behind: bool,
    closing: bool,
    pub files: FileTable,
    pub counters: IoCounters,
    #[cfg(feature = "planted")]
    pub planted: Option<crate::planted::PlantedBug>,
}

impl InFlight {
    pub fn new(max: usize, direct: bool) -> InFlight {
        InFlight {
            slots: Vec::new(),
            free: Vec::new(),
            waiting: VecDeque::new(),
            started: 0,
            timers: 0,
            max: max.max(1),
            direct,
            flushes_behind: false,
            closing: false,
            files: FileTable::default(),
            counters: IoCounters::default(),
            #[cfg(feature = "planted")]
            planted: None,
        }
    }

    /// Operations accepted and not complete.
    pub fn len(&self) -> usize {
        self.waiting.len() + self.started + self.timers
    }

    /// Attempts a driver has.
    pub fn with_driver(&self) -> usize {
        self.started + self.timers
    }

    /// Takes an operation; starts it if there is room. Refusals complete at once.
    pub fn accept(&mut self, id: OpId, op: Op, driver: &mut dyn Driver, ready: &mut Vec<Completion>) {
        self.counters.count(&op, self.direct);
        if self.closing {
            let error = IoError::from_errno(libc::ECANCELED, "an operation after shutdown");
            ready.push(Completion { id, result: Err(error) });
            return;
        }
        #[cfg(feature = "planted")]
        if self.planted == Some(crate::planted::PlantedBug::DirectorySyncLeftOut)
            && matches!(op, Op::SyncDirectory { .. })
        {
            ready.push(Completion { id, result: Ok(Done::Finished) });
            return;
        }
        match plan(op, &self.files, self.direct) {
            Ok(plan) => self.admit(id, plan, driver),
            Err(error) => {
                self.counters.failed += 1;
                ready.push(Completion { id, result: Err(error) });
            }
        }
    }

    fn admit(&mut self, id: OpId, mut plan: Plan, driver: &mut dyn Driver) {
        let mut flush_behind = FlushBehind::None;
        if let Attempt::Write { durable, .. } = &mut plan.attempt
            && self.flushes_behind
            && std::mem::take(durable)
        {
            flush_behind = FlushBehind::Due;
        }
        self.counters.bytes_copied += plan.copied as u64;
        let role = match plan.attempt {
            Attempt::Close { .. } => Role::Closes,
            Attempt::Sync { .. } => Role::Syncs,
            _ => Role::Uses,
        };
        if let Some(file) = plan.file {
            let open = self.files.get_mut(file).expect("a planned operation's file is open");
            open.references += 1;
            open.closing |= role == Role::Closes;
            open.syncing |= role == Role::Syncs;
        }
        let is_timer = matches!(plan.attempt, Attempt::Timer { .. });
        let slot = self.occupy(Work {
            id,
            file: plan.file,
            role,
            attempt: Some(plan.attempt),
            retries: 0,
            filled: 0,
            flush_behind,
            #[cfg(feature = "planted")]
            silent: false,
        });
        if is_timer {
            assert!(self.timers < TIMERS_MAX, "more than {TIMERS_MAX} timers");
            self.start(slot, driver);
        } else if self.waiting.is_empty() && self.started < self.max && !self.must_wait(slot) {
            self.start(slot, driver);
        } else {
            self.waiting.push_back(slot);
        }
    }

    fn occupy(&mut self, work: Work) -> u32 {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot::default());
            u32::try_from(self.slots.len() - 1).expect("slots are few")
        });
        self.slots[slot as usize].work = Some(work);
        slot
    }

    /// Starts what waits, in order, as far as there is room. True when anything was started.
    pub fn dispatch(&mut self, driver: &mut dyn Driver) -> bool {
        let mut any = false;
        let mut looked_at = 0;
        while self.started < self.max && looked_at < self.waiting.len() {
            let slot = self.waiting[looked_at];
            if self.must_wait(slot) {
                looked_at += 1;
                continue;
            }
            self.waiting.remove(looked_at);
            self.start(slot, driver);
            any = true;
        }
        any
    }

    /// A close waits for everything else that refers to its file, a flush for other flushes of it.
    fn must_wait(&self, slot: u32) -> bool {
        let work = self.slots[slot as usize].work.as_ref().expect("what waits is in its slot");
        let is_flush = work.flush_behind == FlushBehind::Waiting;
        if work.role == Role::Uses && !is_flush {
            return false;
        }
        let file = work.file.expect("closes and flushes have a file");
        let file = self.files.get(file).expect("a file is there until its close completes");
        match work.role {
            Role::Closes => file.references > 1,
            Role::Syncs => file.flushing,
            Role::Uses => file.flushing || file.syncing,
        }
    }

    fn start(&mut self, slot: u32, driver: &mut dyn Driver) {
        let entry = &mut self.slots[slot as usize];
        entry.generation = entry.generation.wrapping_add(1);
        let work = entry.work.as_mut().expect("what is started is in its slot");
        let attempt = work.attempt.take().expect("what is started was waiting");
        if work.flush_behind == FlushBehind::Waiting {
            work.flush_behind = FlushBehind::UnderWay;
            let file = work.file.and_then(|file| self.files.get_mut(file));
            file.expect("a file is there until its close completes").flushing = true;
        }
        match attempt {
            Attempt::Timer { .. } => self.timers += 1,
            _ => self.started += 1,
        }
        driver.start(Token::new(slot, entry.generation), attempt);
    }

    /// Takes an outcome from a driver: completes the operation or makes another attempt.
    pub fn settle(&mut self, outcome: Outcome, driver: &mut dyn Driver, ready: &mut Vec<Completion>) {
        let slot = outcome.token.slot();
        let known = self.slots.get(slot).is_some_and(|entry| {
            entry.generation == outcome.token.generation()
                && entry.work.as_ref().is_some_and(|work| work.attempt.is_none())
        });
        assert!(known, "completion of an unknown attempt: {:?}", outcome.token);
        match outcome.attempt {
            Attempt::Timer { .. } => self.timers -= 1,
            _ => self.started -= 1,
        }
        let slot = outcome.token.slot() as u32;
        match self.judge(slot, outcome.attempt, outcome.result, driver) {
            Next::Complete(result) => self.finish(slot, result, ready),
            Next::Again(attempt) => {
                #[cfg(feature = "planted")]
                self.plant_early_completion(slot, &attempt, ready);
                self.work(slot).attempt = Some(attempt);
                if self.must_wait(slot) {
                    self.waiting.push_back(slot);
                } else {
                    self.start(slot, driver);
                }
            }
        }
    }

    pub fn work(&mut self, slot: u32) -> &mut Work {
        self.slots[slot as usize].work.as_mut().expect("checked when the outcome was matched")
    }

    fn finish(&mut self, slot: u32, result: Result<Done, IoError>, ready: &mut Vec<Completion>) {
        let work = self.slots[slot as usize].work.take().expect("an operation finishes once");
        self.free.push(slot);
        if let Some(file) = work.file {
            let open = self.files.get_mut(file).expect("a file is there until its close completes");
            open.references -= 1;
            open.syncing &= work.role != Role::Syncs;
            open.flushing &= work.flush_behind != FlushBehind::UnderWay;
            // A close that failed has freed the handle all the same; only one that never ran has not.
            let never_ran = matches!(&result, Err(error) if error.errno == libc::ECANCELED);
            match work.role {
                // It can be closed again.
                Role::Closes if never_ran => open.closing = false,
                Role::Closes => self.files.remove(file),
                Role::Uses | Role::Syncs => {}
            }
        }
        #[cfg(feature = "planted")]
        if work.silent {
            return;
        }
        ready.push(Completion { id: work.id, result });
    }

    /// From now on nothing is accepted, continued or done again; what waits is given up.
    pub fn close(&mut self, ready: &mut Vec<Completion>) {
        self.closing = true;
        while let Some(slot) = self.waiting.pop_front() {
            let attempt = self.work(slot).attempt.take().expect("what waits has its attempt");
            let error = self.failure(slot, &attempt, libc::ECANCELED);
            self.finish(slot, Err(error), ready);
        }
    }

    pub fn is_closing(&self) -> bool {
        self.closing
    }

    /// The bug: a short write is reported as complete, and finished behind the caller's back.
    #[cfg(feature = "planted")]
    fn plant_early_completion(&mut self, slot: u32, attempt: &Attempt, ready: &mut Vec<Completion>) {
        let planted = self.planted == Some(crate::planted::PlantedBug::FlushBeforeShortWriteContinued);
        let work = self.work(slot);
        if let (true, false, Attempt::Write { pieces, .. }) = (planted, work.silent, attempt) {
            work.silent = true;
            ready.push(Completion {
                id: work.id,
                result: Ok(Done::Written { length: crate::attempt::total(pieces) }),
            });
        }
    }
}

#[cfg(test)]
#[path = "flush_behind_tests.rs"]
mod flush_behind_tests;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buffer::{BLOCK, Piece};
    use crate::op::{OpQueue, OpenMode};
    use crate::scripted::Scripted;

    struct Bench {
        inflight: InFlight,
        driver: Scripted,
        queue: OpQueue,
        ready: Vec<Completion>,
    }

    impl Bench {
        fn new(script: impl FnMut(&Attempt) -> i64 + 'static) -> Bench {
            Bench {
                inflight: InFlight::new(2, true),
                driver: Scripted::new(script),
                queue: OpQueue::default(),
                ready: Vec::new(),
            }
        }

        fn accept(&mut self, op: Op) {
            self.queue.push(op);
            let (id, op) = self.queue.pop().unwrap();
            self.inflight.accept(id, op, &mut self.driver, &mut self.ready);
        }

        /// Lets attempts end until none is left.
        fn settle_all(&mut self) {
            while self.inflight.with_driver() > 0 {
                let mut outcomes = Vec::new();
                self.driver.reap(&mut outcomes);
                for outcome in outcomes {
                    self.inflight.settle(outcome, &mut self.driver, &mut self.ready);
                }
                self.inflight.dispatch(&mut self.driver);
            }
        }

        fn open(&mut self) -> FileId {
            self.accept(Op::Open { path: "data".into(), mode: OpenMode::WriteDirect });
            self.settle_all();
            match self.ready.pop().unwrap().result {
                Ok(Done::Opened { file, .. }) => file,
                other => panic!("{other:?}"),
            }
        }
    }

    fn write(file: FileId, blocks: usize) -> Op {
        Op::Write {
            file,
            position: 0,
            pieces: vec![Piece::copy_of(&vec![1; blocks * BLOCK])],
            durable: false,
        }
    }

    #[test]
    #[should_panic(expected = "unknown attempt")]
    fn a_completion_nobody_waits_for_is_fatal() {
        let mut bench = Bench::new(|_| 0);
        bench.accept(Op::Unlink { path: "data".into() });
        let (token, attempt) = bench.driver.started.pop().unwrap();
        let stale = Token::new(token.slot() as u32, token.generation().wrapping_sub(1));
        let outcome = Outcome { token: stale, attempt, result: 0 };
        bench.inflight.settle(outcome, &mut bench.driver, &mut bench.ready);
    }

    #[test]
    #[should_panic(expected = "two flushes of data")]
    fn a_second_flush_of_a_file_at_a_time_is_fatal() {
        let mut bench = Bench::new(|_| 3);
        let file = bench.open();
        bench.accept(Op::Sync { file });
        bench.accept(Op::Sync { file });
    }

    #[test]
    fn every_attempt_has_a_token_of_its_own() {
        let mut answers = vec![4096, 512, 1024, 7680].into_iter();
        let mut bench = Bench::new(move |attempt| match attempt {
            Attempt::Write { .. } => answers.next().unwrap(),
            _ => 3,
        });
        let file = bench.open();
        bench.accept(write(file, 3));
        let mut tokens = Vec::new();
        while bench.ready.is_empty() {
            tokens.push(bench.driver.started[0].0.0);
            let mut outcomes = Vec::new();
            bench.driver.reap(&mut outcomes);
            for outcome in outcomes {
                bench.inflight.settle(outcome, &mut bench.driver, &mut bench.ready);
            }
            if tokens.len() == 3 {
                break;
            }
        }
        tokens.dedup();
        assert_eq!(tokens.len(), 3);
    }

    #[test]
    fn a_short_direct_write_goes_on_from_a_whole_block() {
        let places = std::rc::Rc::new(std::cell::RefCell::new(Vec::new()));
        let seen = std::rc::Rc::clone(&places);
        let mut answers = vec![5120, 4096, 4096].into_iter();
        let mut bench = Bench::new(move |attempt| match attempt {
            Attempt::Write { done, .. } => {
                seen.borrow_mut().push(*done);
                answers.next().unwrap()
            }
            _ => 3,
        });
        let file = bench.open();
        bench.accept(write(file, 3));
        bench.settle_all();
        assert!(matches!(bench.ready[0].result, Ok(Done::Written { length: 12_288 })));
        assert_eq!(*places.borrow(), [0, 4096, 8192]);
    }

    #[test]
    fn a_direct_write_that_stops_inside_a_block_again_asks_behind_it_for_the_reason() {
        let places = std::rc::Rc::new(std::cell::RefCell::new(Vec::new()));
        let seen = std::rc::Rc::clone(&places);
        let mut bench = Bench::new(move |attempt| match attempt {
            Attempt::Write { done, .. } => {
                seen.borrow_mut().push(*done);
                if *done < 5632 { 5632 - *done as i64 } else { -i64::from(libc::ENOSPC) }
            }
            _ => 3,
        });
        let file = bench.open();
        bench.accept(write(file, 3));
        bench.settle_all();
        assert_eq!(bench.ready[0].result.as_ref().unwrap_err().errno, libc::ENOSPC);
        assert_eq!(*places.borrow(), [0, 4096, 5632]);
    }

    #[test]
    fn a_write_that_makes_no_progress_is_given_up_as_a_device_error() {
        let mut bench = Bench::new(|attempt| if matches!(attempt, Attempt::Write { .. }) { 0 } else { 3 });
        let file = bench.open();
        bench.accept(write(file, 1));
        bench.settle_all();
        let error = bench.ready.pop().unwrap().result.unwrap_err();
        assert_eq!(error.errno, libc::EIO);
        assert_eq!(error.context, "write data at 0");
    }

    #[test]
    fn a_cancelled_rename_is_not_done_again() {
        let mut bench = Bench::new(|_| -i64::from(libc::ECANCELED));
        bench.accept(Op::Rename { from: "a".into(), to: "b".into() });
        bench.settle_all();
        assert_eq!(bench.ready.pop().unwrap().result.unwrap_err().errno, libc::ECANCELED);
        assert_eq!(bench.inflight.counters.reissued, 0);
    }

    #[test]
    fn no_more_than_the_limit_is_with_the_driver_and_the_rest_keeps_its_order() {
        let mut bench = Bench::new(|_| 0);
        for n in 0..5 {
            bench.accept(Op::Unlink { path: format!("{n}").into() });
        }
        assert_eq!((bench.driver.started.len(), bench.inflight.len()), (2, 5));
        bench.accept(Op::Timer { deadline_ns: 0 });
        assert_eq!(bench.driver.started.len(), 3, "timers do not wait for the device");
        bench.settle_all();
        let ids: Vec<u64> = bench.ready.iter().map(|completion| completion.id.0).collect();
        let first = ids[0];
        assert_eq!(ids, [0, 1, 5, 2, 3, 4].map(|n| first + n));
    }
}
