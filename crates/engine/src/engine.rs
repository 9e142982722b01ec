//! One engine: a driver, a journal, the log and the state map, and the turn that moves all of them.
//!
//! What it is not: opening (`open.rs`), committing (`commit.rs`), reading (`lookup.rs`), the settle and close sequence
//! (`checkpoint.rs`). Whoever owns it calls `turn` when the driver's descriptor is readable, when a deadline has
//! passed, and after queueing work.
//!
//! The invariant: single-threaded; every completion belongs to exactly one part, an unknown one is fatal.

use crate::account::RecoveryAccount;
use crate::backup::Backup;
use crate::checkpoint::Checkpoint;
use crate::commit::Prepared;
use crate::compaction::Compaction;
use crate::config::EngineConfig;
use crate::in_place::InPlace;
use crate::reserve::Reserve;
use crate::retention::Retention;
use crate::state::State;
use millrace_io::{Completion, Io, IoError, OpQueue};
use millrace_journal::{Journal, LARGE_FILE, Poison, Space};
use millrace_kv::Kv;
use millrace_log::{Code, Damaged, Log};

/// Journal, log and state of one data directory.
pub struct Engine {
    pub(crate) io: Io,
    pub(crate) queue: OpQueue,
    pub(crate) journal: Journal,
    pub(crate) log: Log,
    pub(crate) state: State,
    pub(crate) kv: Kv,
    pub(crate) config: EngineConfig,
    /// The manifest that is in place.
    pub(crate) manifest: InPlace,
    pub(crate) checkpoint: Checkpoint,
    pub(crate) reserve: Reserve,
    pub(crate) closing: Closing,
    pub(crate) retention: Retention,
    pub(crate) compaction: Compaction,
    pub(crate) backup: Option<Backup>,
    pub(crate) prepared: Vec<Prepared>,
    pub(crate) scratch: Vec<u8>,
    pub(crate) account: RecoveryAccount,
    completions: Vec<Completion>,
}

/// How far closing has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Closing {
    No,
    /// Waiting for the flush and for operations under way.
    Flushing,
    /// The clean manifest is being published.
    Publishing,
    /// Files are being closed.
    Files,
    Closed,
}

/// Where the engine stands after a turn. LSNs are monotone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Events {
    pub appended: u64,
    /// Everything up to here survives the death of the process.
    pub written: u64,
    /// Everything up to here survives a power cut.
    pub durable: u64,
    /// Why nothing more is accepted: `Poisoned`. Waiters above `durable` have an unknown outcome.
    pub failure: Option<Code>,
    pub closed: bool,
}

/// What the engine has done since it was opened, in numbers that only grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    pub journal: millrace_journal::Counters,
    /// Manifests published after a settle.
    pub settles: u64,
    /// Bytes of bases and edits of the manifest.
    pub manifest_bytes: u64,
    /// Settles that failed and were put off.
    pub settles_failed: u64,
    /// Partitions whose log start retention has moved.
    pub deletions: u64,
    /// Cold reads: operations and bytes.
    pub cold_reads: u64,
    pub cold_bytes: u64,
    pub ahead: millrace_log::AheadCounters,
    pub compaction: millrace_log::CompactionCounters,
}

impl Engine {
    #[allow(clippy::too_many_arguments)]
    pub(crate) fn assemble(
        io: Io,
        queue: OpQueue,
        journal: Journal,
        log: Log,
        state: State,
        kv: Kv,
        config: EngineConfig,
        manifest: InPlace,
        reserve: Reserve,
        account: RecoveryAccount,
    ) -> Engine {
        Engine {
            io,
            queue,
            journal,
            log,
            state,
            kv,
            config,
            manifest,
            checkpoint: Checkpoint::default(),
            reserve,
            closing: Closing::No,
            retention: Retention::default(),
            compaction: Compaction::default(),
            backup: None,
            prepared: Vec::new(),
            scratch: Vec::new(),
            account,
            completions: Vec::new(),
        }
    }

    /// Takes what has completed, does what is due, submits what that leads to. Never blocks; does a bounded amount of
    /// work. Host rule: call it again at once when work was queued (commits, reads) after this call.
    pub fn turn(&mut self) -> Events {
        let mut completions = std::mem::take(&mut self.completions);
        self.io.drain(&mut completions);
        let now = self.io.now_ns();
        for completion in completions.drain(..) {
            self.complete(now, completion);
        }
        self.completions = completions;
        self.log.advance(self.journal.written(), self.journal.durable());
        if self.closing != Closing::Closed {
            self.step_retention(now);
            if self.steps_journal() {
                self.journal.step(now, &mut self.queue);
            }
            self.step_bulk(now);
            self.step_checkpoint(now);
            self.log.tick(now);
            self.log.step(&mut self.queue);
            self.step_compaction(now);
            self.step_joining(now);
            self.step_kv();
            self.step_closing();
        }
        self.hold_removals();
        self.io.submit(&mut self.queue);
        self.events()
    }

    /// Whether the journal still begins anything: nothing follows the manifest that ends a run.
    fn steps_journal(&self) -> bool {
        !matches!(self.closing, Closing::Publishing | Closing::Files)
    }

    /// Has a bulk file made when the journal asks for one.
    fn step_bulk(&mut self, now: u64) {
        if self.closing != Closing::No || self.failure().is_some() {
            return;
        }
        if self.journal.wants_bulk_file(Space::Packed, now) {
            self.journal.make_bulk_file(self.log.new_file_number(), &mut self.queue);
        }
        if self.journal.wants_bulk_file(Space::Large, now) {
            let number = self.kv.new_large_number() | LARGE_FILE;
            self.journal.make_bulk_file(number, &mut self.queue);
        }
    }

    fn complete(&mut self, now: u64, completion: Completion) {
        let mut slot = Some(completion);
        self.journal.complete(now, &mut slot, &mut self.queue);
        let Some(Completion { id, result }) = slot else { return };
        if self.checkpoint.owns(id) {
            self.checkpoint.complete(id, result, &mut self.queue);
        } else if self.reserve.owns(id) {
            if let Err(error) = self.reserve.complete(result, &mut self.queue) {
                self.checkpoint.condemn(error);
            }
        } else if self.log.owns(id) {
            self.log.complete(id, result, &mut self.queue);
        } else {
            assert!(self.kv.owns(id), "completion {id:?} belongs to nobody");
            self.kv.complete(id, result, &mut self.queue);
        }
    }

    /// Where the engine stands.
    #[must_use]
    pub fn events(&self) -> Events {
        Events {
            appended: self.journal.appended(),
            written: self.journal.written(),
            durable: self.journal.durable(),
            failure: self.failure(),
            closed: self.is_closed(),
        }
    }

    /// The disk is full: a checkpoint or a journal file found no space. Writes that need some are refused, and it is tried
    /// again.
    #[must_use]
    pub fn lacks_space(&self) -> bool {
        self.checkpoint.no_space() || self.journal.lacks_space()
    }

    pub(crate) fn failure(&self) -> Option<Code> {
        (self.journal.poison().is_some() || self.checkpoint.poison().is_some()).then_some(Code::Poisoned)
    }

    /// Why the journal takes nothing more, if so.
    #[must_use]
    pub fn poison(&self) -> Option<&Poison> {
        self.journal.poison()
    }

    /// The error after which it is unknown which manifest is in place, if there was one.
    #[must_use]
    pub fn manifest_failure(&self) -> Option<&IoError> {
        self.checkpoint.poison()
    }

    /// Asks for a flush of everything appended so far, whatever the policy; answers the LSN to wait for.
    pub fn flush(&mut self) -> u64 {
        self.journal.request_flush();
        self.journal.appended()
    }

    /// Changes the flush policy for frames from now on.
    pub fn set_policy(&mut self, policy: millrace_journal::Policy) {
        self.config.policy = policy;
    }

    /// Changes the bytes between two entries of the sparse indexes that are made from now on; above 0.
    pub fn set_index_interval(&mut self, bytes: u64) {
        self.log.set_index_interval(bytes);
    }

    /// When `turn` is due although nothing completes, on the driver's monotonic clock in ns.
    #[must_use]
    pub fn next_deadline(&self) -> Option<u64> {
        if self.is_closed() {
            return None;
        }
        [
            self.journal.next_deadline().filter(|_| self.steps_journal()),
            self.checkpoint_deadline(),
            self.retention_deadline(),
            self.log.tick_deadline(),
            self.compaction_deadline(),
            self.joining_deadline(),
            self.kv_deadline(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// What opening found.
    #[must_use]
    pub fn recovery_account(&self) -> &RecoveryAccount {
        &self.account
    }

    /// Damage that reads met since the last call.
    pub fn take_damage(&mut self) -> Vec<Damaged> {
        let mut damage = self.log.take_damage();
        damage.extend(self.take_kv_damage());
        damage
    }

    /// Bytes of frames that are not settled.
    #[must_use]
    pub fn unsettled_bytes(&self) -> u64 {
        self.journal.unsettled_bytes()
    }

    /// Memory held by tails in bytes.
    #[must_use]
    pub fn tail_bytes(&self) -> u64 {
        self.log.memory_bytes()
    }

    /// What was done so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        let (cold_reads, cold_bytes) = self.log.cold_reads();
        Counters {
            journal: self.journal.counters(),
            settles: self.checkpoint.settles,
            manifest_bytes: self.manifest.written,
            settles_failed: self.checkpoint.failures,
            deletions: self.retention.deletions,
            cold_reads,
            cold_bytes,
            ahead: self.log.ahead_counters(),
            compaction: self.log.compaction_counters(),
        }
    }

    /// How long flushes of the journal took, how large its commits were.
    #[must_use]
    pub fn timings(&self) -> &millrace_journal::Timings {
        self.journal.timings()
    }

    /// The driver, for its descriptor, clock, report and counters.
    #[must_use]
    pub fn io(&self) -> &Io {
        &self.io
    }

    /// Blocks until a completion can be drained or `timeout_ns` have passed; for hosts without an event loop.
    pub fn wait(&mut self, timeout_ns: Option<u64>) {
        self.io.wait(timeout_ns);
    }

    /// Cancels and awaits every operation, at most 5 seconds; without a clean mark. Answers how many operations the
    /// device never gave back. Afterwards nothing completes any more.
    pub fn shutdown(&mut self) -> usize {
        self.io.shutdown()
    }

    /// The driver, of an engine that is closed.
    pub(crate) fn into_io(self) -> Io {
        assert!(self.is_closed(), "operations may be under way");
        self.io
    }
}
