//! Edits against wholes: whatever was done, base and edits together say what a whole capture says.

use crate::batch::{Rules, check};
use crate::changes::merged;
use crate::log::{Judged, Log, LogConfig};
use crate::settle::SettleState;
use crate::testing::TestBatch;
use millrace_io::sim::Random;
use millrace_io::{Done, FileId, IoError, Op, OpQueue, Piece};

/// Partition ids that work is drawn from.
const IDS: u64 = 12;
const SETTLES: u64 = 40;

fn config() -> LogConfig {
    LogConfig {
        directory_id: [7; 16],
        epoch: 3,
        memory_bytes: 4 << 10,
        own_segment_bytes: 600,
        segment_bytes: 900,
        index_interval_bytes: 256,
        read_ahead_bytes: 0,
        #[cfg(feature = "planted")]
        remove_named_files: false,
    }
}

/// All that a share says, whatever the order of its partitions.
fn said(share: &[u8]) -> Vec<String> {
    let log = Log::restore(config(), 0, share).expect("it restores");
    let mut said: Vec<String> = log
        .table
        .iter()
        .map(|one| {
            let (marks, ranges) = (&one.marks, &one.ranges);
            format!(
                "{:04} {marks:?} {ranges:?} {:?} {:?} {:?}",
                one.id, one.epochs, one.producers, one.transactions
            )
        })
        .collect();
    said.sort();
    said.push(format!("{:?} {}", log.files.live().collect::<Vec<_>>(), log.files.last_number()));
    said
}

fn append(log: &mut Log, id: u64, sequence: i32, lsn: u64) {
    let bytes = TestBatch::of(&[&[9; 150]]).by(id as i64 * 10, 1, sequence).encode();
    let checked = check(&bytes, &Rules::default(), &mut Vec::new()).expect("good");
    let Judged::New(handle) = log.judge(id, &checked) else { panic!("a new batch") };
    let (base, _) = log.reserve(handle, &checked.header, None, lsn);
    log.attach(handle, lsn, base, &checked.header, Piece::copy_of(&bytes), None);
}

/// Completes what is asked of the device: all of it, or nothing from the first write on.
fn serve(log: &mut Log, queue: &mut OpQueue, works: bool) {
    while let Some((id, op)) = queue.pop() {
        let result = match op {
            Op::Open { .. } => Ok(Done::Opened { file: FileId(1), size: 0 }),
            Op::Write { .. } if !works => Err(IoError::from_errno(28, "write")),
            Op::Write { pieces, .. } => Ok(Done::Written { length: pieces.iter().map(Piece::len).sum() }),
            _ => Ok(Done::Finished),
        };
        log.complete(id, result, queue);
    }
}

/// Settles; answers the share of the edit, or of the base, when it was published.
fn settle(log: &mut Log, lsn: u64, whole: bool, works: bool) -> Option<Vec<u8>> {
    let mut queue = OpQueue::default();
    log.begin_settle(lsn, whole);
    while log.settle_state() == SettleState::Working {
        log.step_settle(&mut queue);
        serve(log, &mut queue, works);
    }
    let share = log.settle_manifest();
    match share {
        Some(_) => log.settle_published(&mut queue),
        None => log.settle_abandoned(&mut queue),
    }
    serve(log, &mut queue, true);
    share
}

struct Life {
    log: Log,
    random: Random,
    /// Next sequence of the producer of each partition.
    sequences: [i32; IDS as usize],
    lsn: u64,
}

impl Life {
    fn work(&mut self) {
        let id = self.random.below(IDS);
        self.lsn += 1;
        let found = self.log.find(id);
        match (found, self.random.below(16)) {
            (None, _) => {
                self.log.create(id).expect("it is not there");
                self.sequences[id as usize] = 0;
            }
            (Some(_), 0) => {
                let handle = self.log.hide(id).expect("it is there");
                self.log.delete(handle);
            }
            (Some(handle), 1..=3) => {
                let start = self.log.new_log_start(handle, -1).expect("there");
                let before = self.log.get(handle).expect("there").marks.log_start;
                self.log.move_log_start(handle, self.random.between(before, start));
                self.log.trim(handle);
            }
            (Some(_), 4) => {
                self.log.expire_producers(self.lsn as i64, 30);
                self.sequences =
                    std::array::from_fn(|id| if self.knows(id as u64) { self.sequences[id] } else { 0 });
            }
            (Some(_), _) => {
                append(&mut self.log, id, self.sequences[id as usize], self.lsn);
                self.sequences[id as usize] += 1;
            }
        }
        self.log.advance(self.lsn, self.lsn);
    }

    fn knows(&self, id: u64) -> bool {
        self.log.producers_of(id).is_ok_and(|producers| !producers.is_empty())
    }
}

fn live(seed: u64) {
    let random = Random::new(seed);
    let mut life = Life { log: Log::new(config()), random, sequences: [0; IDS as usize], lsn: 0 };
    let (mut base, mut edits) = (life.log.empty_manifest(), Vec::new());
    let mut published = 0;
    for _ in 0..SETTLES {
        for _ in 0..life.random.below(20) {
            life.work();
        }
        let (whole, works) = (life.random.below(6) == 0, life.random.below(5) > 0);
        let Some(share) = settle(&mut life.log, life.lsn, whole, works) else { continue };
        published += 1;
        if whole {
            (base, edits) = (share, Vec::new());
        } else {
            edits.push(share);
        }
        let together = merged(&base, edits.iter().map(Vec::as_slice)).expect("they fit");
        assert_eq!(said(&together), said(&life.log.empty_manifest()), "seed {seed}");
        let named: Vec<u64> = life.log.named.keys().copied().collect();
        let read: Vec<u64> = Log::restore(config(), 0, &together).expect("whole").named.into_keys().collect();
        assert_eq!(named, read, "seed {seed}: files that the manifest names");
    }
    assert!(published > SETTLES / 2, "most settles are published");
}

#[test]
fn base_and_edits_say_what_a_whole_capture_says() {
    (1..=60).for_each(live);
}

#[test]
fn a_cut_or_changed_edit_is_refused_or_read_but_never_panics() {
    let mut log = Log::new(config());
    let base = log.empty_manifest();
    (0..3).for_each(|id| assert!(log.create(id).is_some()));
    append(&mut log, 1, 0, 4);
    log.advance(4, 4);
    let edit = settle(&mut log, 4, false, true).expect("published");
    for cut in 0..edit.len() {
        assert!(merged(&base, [&edit[..cut]].into_iter()).is_err(), "cut at {cut}");
    }
    for at in 0..edit.len() {
        for value in [0, 1, 0x7f, 0x80, 0xff] {
            let mut bad = edit.clone();
            bad[at] = value;
            let _ = merged(&base, [&bad[..]].into_iter());
        }
    }
}
