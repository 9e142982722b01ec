//! A journal on a simulated machine for tests about one thing: write some frames, damage something, look again.
//!
//! What it is not: random. Sizes and contents follow from the LSN.
//!
//! The one invariant: `body(lsn)` is the only right content of the frame `lsn`.

use super::life::DIRECTORY_ID;
use millrace_io::{Io, OpQueue, SimHandle, SimOptions};
use millrace_journal::{Config, Entry, Journal, JournalError, JournalReport, OpenError, Request, Start};

pub struct Disk {
    pub sim: SimHandle,
    pub config: Config,
    pub checkpoint: u64,
    pub hint: u64,
    pub incarnation: u32,
    pub directory_id: u64,
}

/// What one opening handed out.
#[derive(Debug)]
pub struct Seen {
    pub frames: Vec<u64>,
    pub report: JournalReport,
}

/// The bytes of the frame `lsn`.
pub fn body(lsn: u64) -> Vec<u8> {
    (0..40 + lsn * 37 % 300).map(|at| (lsn * 31 + at) as u8).collect()
}

impl Disk {
    pub fn new(config: Config) -> Disk {
        let sim = SimHandle::new(SimOptions::perfect(1));
        Disk { sim, config, checkpoint: 0, hint: 0, incarnation: 0, directory_id: DIRECTORY_ID }
    }

    /// Files of 8 blocks, commits of at most 2.
    pub fn small() -> Disk {
        Disk::new(Config {
            file_bytes: 8 * 4096,
            first_file_bytes: 8 * 4096,
            max_files: 6,
            slab_bytes: 4096,
            max_commit_bytes: 2 * 4096,
            max_frame_bytes: 4 * 4096,
            ..Config::default()
        })
    }

    /// The same disk with a life of its own.
    pub fn fork(&self) -> Disk {
        Disk { sim: self.sim.fork(1), config: self.config.clone(), ..*self }
    }

    pub fn start(&self) -> Start {
        Start {
            directory_id: self.directory_id,
            incarnation: self.incarnation,
            checkpoint_lsn: self.checkpoint,
            durable_lsn: self.hint,
            clean: false,
        }
    }

    pub fn try_open(&mut self) -> Result<(Open, Seen), OpenError> {
        self.incarnation += 1;
        let mut io = Io::sim(self.sim.clone());
        let mut frames = Vec::new();
        let (journal, report) = Journal::recover(&mut io, self.config.clone(), self.start(), &mut |frame| {
            let entry = frame.entries().next().expect("one entry");
            assert_eq!(entry.payload.bytes(), body(frame.lsn()), "a wrong value came back");
            frames.push(frame.lsn());
            assert!(frames.len() < 100_000, "a walk in a circle");
        })?;
        Ok((Open { io, journal, queue: OpQueue::default() }, Seen { frames, report }))
    }

    pub fn open(&mut self) -> (Open, Seen) {
        self.try_open().expect("the journal opens")
    }

    /// Writes `groups` commits of `each` durable frames in one life and returns the last LSN.
    pub fn fill(&mut self, groups: u64, each: u64) -> u64 {
        let (mut open, _) = self.open();
        for _ in 0..groups {
            open.append_durable(each);
        }
        open.journal.durable()
    }
}

/// A journal that is open.
pub struct Open {
    pub io: Io,
    pub journal: Journal,
    pub queue: OpQueue,
}

impl Open {
    /// Appends one frame without waiting.
    pub fn append(&mut self, request: Request) -> Result<u64, JournalError> {
        self.append_of(1, request)
    }

    /// As `append`, an entry of another kind.
    pub fn append_of(&mut self, kind: u8, request: Request) -> Result<u64, JournalError> {
        let body = body(self.journal.appended() + 1);
        let entry = Entry { kind, flags: 0, group: 1, argument: 0, parts: &[&body], bulk: None };
        self.journal.append(self.io.now_ns(), &[entry], request).map(|appended| appended.lsn)
    }

    /// Appends frames as one commit and waits until they are durable.
    pub fn append_durable(&mut self, frames: u64) {
        for _ in 0..frames {
            while let Err(error) = self.append(Request::DURABLE) {
                assert!(matches!(error, JournalError::Busy(_)), "{error}");
                self.turn();
            }
        }
        self.settle_down();
    }

    /// Works until everything appended is durable.
    pub fn settle_down(&mut self) {
        for _ in 0..1000 {
            if self.journal.durable() == self.journal.appended() && !self.journal.has_operations() {
                return;
            }
            self.journal.request_flush();
            self.turn();
        }
        panic!("no progress: {:?}", self.journal);
    }

    pub fn turn(&mut self) {
        self.journal.step(self.io.now_ns(), &mut self.queue);
        self.io.submit(&mut self.queue);
        let mut completions = Vec::new();
        self.io.drain(&mut completions);
        for completion in completions {
            let mut slot = Some(completion);
            self.journal.complete(self.io.now_ns(), &mut slot, &mut self.queue);
            assert!(slot.is_none(), "a completion belongs to nobody");
        }
        self.io.submit(&mut self.queue);
    }
}
