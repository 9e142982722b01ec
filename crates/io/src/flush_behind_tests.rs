//! Durable writes where the kernel refuses them: a plain write and a flush behind it, one operation all the same.
//!
//! What it is not: how a driver is found to be of that kind (`trial.rs`).

use crate::attempt::Attempt;
use crate::buffer::{BLOCK, Piece};
use crate::inflight::InFlight;
use crate::op::{Completion, Done, FileId, Op, OpQueue, OpenMode};
use crate::scripted::Scripted;

struct Bench {
    inflight: InFlight,
    driver: Scripted,
    queue: OpQueue,
    ready: Vec<Completion>,
    file: FileId,
}

/// A file on a driver that ends attempts as `script` says.
fn bench(script: impl FnMut(&Attempt) -> i64 + 'static) -> Bench {
    let mut inflight = InFlight::new(8, true);
    inflight.flushes_behind = true;
    let (driver, queue, ready, file) = (Scripted::new(script), OpQueue::default(), Vec::new(), FileId(0));
    let mut bench = Bench { inflight, driver, queue, ready, file };
    bench.accept(Op::Open { path: "data".into(), mode: OpenMode::WriteDirect });
    bench.round();
    match bench.ready.pop().unwrap().result {
        Ok(Done::Opened { file, .. }) => bench.file = file,
        other => panic!("{other:?}"),
    }
    bench
}

impl Bench {
    fn accept(&mut self, op: Op) {
        self.queue.push(op);
        let (id, op) = self.queue.pop().unwrap();
        self.inflight.accept(id, op, &mut self.driver, &mut self.ready);
    }

    fn write(&mut self, block: u64) {
        let (file, pieces) = (self.file, vec![Piece::copy_of(&[1; BLOCK])]);
        self.accept(Op::Write { file, position: block * BLOCK as u64, pieces, durable: true });
    }

    /// What the driver has now: `w` for a plain write, `d` for one that is durable by itself, `f` for a flush.
    fn under_way(&self) -> String {
        let kind = |attempt: &Attempt| match attempt {
            Attempt::Write { durable: false, .. } => 'w',
            Attempt::Write { .. } => 'd',
            Attempt::Sync { .. } => 'f',
            _ => '?',
        };
        self.driver.started.iter().map(|(_, attempt)| kind(attempt)).collect()
    }

    /// Ends everything the driver has; answers how many operations are complete by then.
    fn round(&mut self) -> usize {
        let mut outcomes = Vec::new();
        crate::driver::Driver::reap(&mut self.driver, &mut outcomes);
        for outcome in outcomes {
            self.inflight.settle(outcome, &mut self.driver, &mut self.ready);
        }
        self.inflight.dispatch(&mut self.driver);
        self.ready.len()
    }
}

fn works(attempt: &Attempt) -> i64 {
    if matches!(attempt, Attempt::Write { .. }) { BLOCK as i64 } else { 3 }
}

#[test]
fn a_durable_write_is_complete_when_the_flush_behind_it_is() {
    let mut bench = bench(works);
    bench.write(0);
    assert_eq!(bench.under_way(), "w");
    assert_eq!(bench.round(), 0);
    assert_eq!(bench.under_way(), "f");
    assert_eq!(bench.round(), 1);
    assert!(matches!(bench.ready[0].result, Ok(Done::Written { length: BLOCK })));
}

#[test]
fn a_flush_that_fails_behind_a_write_fails_the_write() {
    let mut bench = bench(|attempt| match attempt {
        Attempt::Sync { .. } => -i64::from(libc::EIO),
        attempt => works(attempt),
    });
    bench.write(0);
    bench.round();
    assert_eq!(bench.round(), 1);
    assert_eq!(bench.ready[0].result.as_ref().unwrap_err().errno, libc::EIO);
}

#[test]
fn flushes_of_one_file_behind_writes_and_on_their_own_follow_each_other() {
    let mut bench = bench(works);
    bench.write(0);
    bench.write(1);
    bench.round();
    assert_eq!(bench.under_way(), "f");
    let file = bench.file;
    bench.accept(Op::Sync { file });
    assert_eq!(bench.under_way(), "f");
    let mut complete = Vec::new();
    while bench.inflight.len() > 0 && complete.len() < 10 {
        complete.push(bench.round());
        assert!(bench.under_way().len() <= 1, "{}", bench.under_way());
    }
    assert_eq!(complete, [1, 2, 3]);
}
