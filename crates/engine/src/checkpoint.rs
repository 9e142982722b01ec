//! When to settle, the manifest that ends a settle, and the manifest that ends a run.
//!
//! What it is not: the writing of segments (crates/log) or of the manifest file (`publish.rs`).
//!
//! The invariant: a manifest with checkpoint C is published only when every frame up to C is durable in the journal
//! and everything the manifest names is durable in its files; laps are given back only after that.

use crate::engine::{Closing, Engine};
use crate::manifest::{Head, Manifest};
use crate::publish::{Publish, PublishError};
use millrace_io::{Done, IoError, IoErrorKind, OpId, OpQueue};
use millrace_log::SettleState;

/// How long a failed settle waits before the next one, in ns; doubled with every failure in a row up to the maximum.
const RETRY_FIRST_NS: u64 = 100_000_000;
const RETRY_MAX_NS: u64 = 5_000_000_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    Settle,
    Merge,
    Compaction,
    Close,
}

/// The checkpoint under way, and what the last ones came to.
#[derive(Debug, Default)]
pub(crate) struct Checkpoint {
    publish: Option<(Purpose, Publish)>,
    /// The state map as of the running settle's checkpoint.
    state: Vec<u8>,
    retry_at: Option<u64>,
    failures_in_row: u32,
    no_space: bool,
    /// An append found no free lap.
    pub asked: bool,
    poison: Option<IoError>,
    pub settles: u64,
    pub failures: u64,
}

impl Checkpoint {
    /// True when the operation belongs to a manifest on its way.
    pub fn owns(&self, id: OpId) -> bool {
        self.publish.as_ref().is_some_and(|(_, publish)| publish.owns(id))
    }

    /// Takes the result of one of its operations.
    pub fn complete(&mut self, id: OpId, result: Result<Done, IoError>, queue: &mut OpQueue) {
        if let Some((_, publish)) = &mut self.publish {
            publish.complete(id, result, queue);
        }
    }

    /// The error after which it is unknown which manifest is in place.
    pub fn poison(&self) -> Option<&IoError> {
        self.poison.as_ref()
    }

    /// The last settle failed because the disk is full.
    pub fn no_space(&self) -> bool {
        self.no_space
    }

    fn failed(&mut self, now: u64, error: &IoError) {
        self.failures += 1;
        self.no_space = error.kind == IoErrorKind::NoSpace;
        let wait = RETRY_FIRST_NS.saturating_mul(1 << self.failures_in_row.min(10)).min(RETRY_MAX_NS);
        self.failures_in_row += 1;
        self.retry_at = Some(now.saturating_add(wait));
    }
}

impl Engine {
    /// One step of settling and publishing.
    pub(crate) fn step_checkpoint(&mut self, now: u64) {
        self.finish_publish(now);
        self.publish_compaction();
        if self.settle_state() == SettleState::Idle && self.wants_settle(now) {
            self.begin_settle();
        }
        match self.settle_state() {
            SettleState::Ready { checkpoint } if self.checkpoint.publish.is_none() => {
                self.publish_settle(checkpoint);
            }
            SettleState::Failed(error) => {
                self.settle_abandoned();
                self.checkpoint.failed(now, &error);
            }
            SettleState::Idle | SettleState::Ready { .. } | SettleState::Working => {}
        }
        if self.checkpoint.publish.is_none()
            && let Some(manifest) = self.manifest_of_merge()
        {
            self.checkpoint.publish = Some((Purpose::Merge, Publish::begin(manifest, &mut self.queue)));
        }
        if let Some((_, publish)) = &mut self.checkpoint.publish {
            publish.step(&mut self.queue);
        }
    }

    /// A pass that is ready goes before the next settle begins: settles that follow one another would leave it no gap.
    fn publish_compaction(&mut self) {
        if self.checkpoint.publish.is_none()
            && let Some(manifest) = self.manifest_of_compaction()
        {
            self.checkpoint.publish = Some((Purpose::Compaction, Publish::begin(manifest, &mut self.queue)));
        }
    }

    fn is_settle_due(&self) -> bool {
        let pressure = self.journal.pressure();
        let (unsettled, capacity) = (pressure.unsettled_bytes, pressure.capacity_bytes);
        let short_of_laps = pressure.occupied_bytes >= capacity / 2 && unsettled >= capacity / 8;
        let short_of_memory = self.unsettled_memory() >= self.config.memory_bytes / 2;
        let asked = short_of_laps || short_of_memory || self.checkpoint.asked;
        unsettled > 0 && (unsettled >= self.config.settle_bytes || asked)
    }

    fn wants_settle(&self, now: u64) -> bool {
        self.closing == Closing::No
            && self.failure().is_none()
            && self.checkpoint.publish.is_none()
            && self.checkpoint.retry_at.is_none_or(|at| at <= now)
            && self.journal.appended() > self.manifest.head.checkpoint_lsn
            && self.is_settle_due()
    }

    /// When a settle that was put off is due.
    pub(crate) fn checkpoint_deadline(&self) -> Option<u64> {
        let waits = self.closing == Closing::No && self.failure().is_none() && self.is_settle_due();
        self.checkpoint.retry_at.filter(|_| waits && self.settle_state() == SettleState::Idle)
    }

    fn begin_settle(&mut self) {
        self.checkpoint.asked = false;
        let checkpoint = self.journal.appended();
        self.checkpoint.state = self.state.encode();
        self.begin_settle_of_views(checkpoint);
        if self.journal.durable() < checkpoint {
            self.journal.request_flush();
        }
    }

    fn publish_settle(&mut self, checkpoint: u64) {
        if self.journal.durable() < checkpoint || self.failure().is_some() {
            return;
        }
        let Some((log, kv)) = self.log.settle_manifest().zip(self.kv.settle_manifest()) else { return };
        let head = Head {
            clean: false,
            checkpoint_lsn: checkpoint,
            end_lsn: 0,
            durable_lsn: self.journal.durable(),
            ..self.manifest.head
        };
        let manifest = Manifest::new(head, &log, &kv, &std::mem::take(&mut self.checkpoint.state));
        self.checkpoint.publish = Some((Purpose::Settle, Publish::begin(manifest, &mut self.queue)));
    }

    fn finish_publish(&mut self, now: u64) {
        let done = self.checkpoint.publish.take_if(|(_, publish)| publish.outcome().is_some());
        let Some((purpose, publish)) = done else { return };
        match publish.outcome() {
            Some(Ok(())) => {
                self.manifest = publish.into_manifest();
                if purpose == Purpose::Settle {
                    self.settle_published();
                    self.journal.settled(self.manifest.head.checkpoint_lsn);
                    self.checkpoint.settles += 1;
                    self.checkpoint.failures_in_row = 0;
                    self.checkpoint.no_space = false;
                    self.checkpoint.retry_at = None;
                }
                if purpose == Purpose::Merge {
                    self.kv.merge_published(&mut self.queue);
                }
                if purpose == Purpose::Compaction {
                    self.log.compaction_published(&mut self.queue);
                }
            }
            Some(Err(PublishError::Unchanged(error))) => {
                match purpose {
                    Purpose::Settle => self.settle_abandoned(),
                    Purpose::Merge => self.kv.merge_abandoned(),
                    Purpose::Compaction => self.log.compaction_abandoned(&mut self.queue),
                    Purpose::Close => {}
                }
                self.checkpoint.failed(now, &error);
            }
            Some(Err(PublishError::Either(error))) => {
                match purpose {
                    Purpose::Settle => self.settle_in_doubt(),
                    Purpose::Merge => self.kv.merge_in_doubt(&mut self.queue),
                    Purpose::Compaction => self.log.compaction_in_doubt(&mut self.queue),
                    Purpose::Close => {}
                }
                self.checkpoint.failed(now, &error);
            }
            Some(Err(PublishError::Unknown(error))) => self.checkpoint.poison = Some(error),
            None => {}
        }
        if purpose == Purpose::Close {
            self.closing = Closing::Files;
            self.close_files();
        }
    }

    /// Stops accepting work, flushes everything, writes the clean-shutdown mark, closes. Drive `turn` until
    /// `is_closed`. Settling is not needed for a clean close: the journal is replayed at the next open.
    pub fn close_begin(&mut self) {
        if self.closing != Closing::No {
            return;
        }
        self.closing = Closing::Flushing;
        self.backup_end();
        self.journal.request_flush();
        let error = IoError::from_errno(libc::ECANCELED, "the engine is closing");
        self.stop_settle(&error);
    }

    /// True when closing is complete. A poisoned engine closes too, without the clean mark.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.closing == Closing::Closed
    }

    /// True when the manifest in place says that this run ended cleanly: the mark can be missing after a failure.
    #[must_use]
    pub fn has_clean_mark(&self) -> bool {
        self.is_closed() && self.manifest.head.clean
    }

    pub(crate) fn step_closing(&mut self) {
        match self.closing {
            Closing::Flushing => self.try_publish_clean(),
            Closing::Files if !self.views_are_busy() => self.closing = Closing::Closed,
            _ => {}
        }
    }

    fn try_publish_clean(&mut self) {
        let poisoned = self.failure().is_some();
        let flushed = self.journal.durable() == self.journal.appended();
        if self.journal.has_operations() || self.checkpoint.publish.is_some() || !(flushed || poisoned) {
            return;
        }
        let settle = self.settle_state();
        if poisoned && settle != SettleState::Working {
            self.closing = Closing::Files;
            self.forget_settle();
            self.close_files();
        } else if settle == SettleState::Idle {
            let head = Head {
                clean: true,
                end_lsn: self.journal.appended(),
                durable_lsn: self.journal.durable(),
                ..self.manifest.head
            };
            let manifest = Manifest { head, ..self.manifest.clone() };
            self.checkpoint.publish = Some((Purpose::Close, Publish::begin(manifest, &mut self.queue)));
            self.closing = Closing::Publishing;
        }
    }
}
