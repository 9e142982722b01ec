//! When to settle, the manifest that ends a settle, and the manifest that ends a run.
//!
//! What it is not: the writing of segments (crates/log) or of the manifest file (`publish.rs`).
//!
//! The invariant: a manifest with checkpoint C is published only when every frame up to C is durable in the journal
//! and everything the manifest names is durable in its files; laps are given back only after that.

use crate::edit::Edit;
use crate::engine::{Closing, Engine};
use crate::in_place::Publication;
use crate::manifest::{Head, Manifest};
use crate::publish::PublishError;
use crate::state::Changed;
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
    publish: Option<(Purpose, Publication)>,
    /// The running settle is published by a base.
    is_base: bool,
    /// The state map as of the running settle's checkpoint, or what has changed of it.
    state: Vec<u8>,
    /// Keys that had changed when it began.
    changed: Changed,
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

    /// The device is not to be trusted any more.
    pub fn condemn(&mut self, error: IoError) {
        self.poison = Some(error);
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
                self.failed(now, &error);
            }
            SettleState::Idle | SettleState::Ready { .. } | SettleState::Working => {}
        }
        if self.checkpoint.publish.is_none()
            && !self.manifest.is_in_doubt()
            && let Some(edit) = self.edit_of_merge()
        {
            self.append_edit(Purpose::Merge, edit);
        }
        if let Some((_, publish)) = &mut self.checkpoint.publish {
            publish.step(&mut self.queue);
        }
    }

    /// A pass that is ready goes before the next settle begins: settles that follow one another would leave it no gap.
    fn publish_compaction(&mut self) {
        if self.checkpoint.publish.is_none()
            && !self.manifest.is_in_doubt()
            && let Some(edit) = self.edit_of_compaction()
        {
            self.append_edit(Purpose::Compaction, edit);
        }
    }

    /// Begins to append an edit; one that is too large is given up, and the next checkpoint is a base.
    fn append_edit(&mut self, purpose: Purpose, edit: Edit) {
        match self.manifest.begin_edit(edit, &mut self.queue) {
            Some(publication) => self.checkpoint.publish = Some((purpose, publication)),
            None => self.give_up(purpose),
        }
    }

    /// What was to be published is not, and nothing names its files.
    fn give_up(&mut self, purpose: Purpose) {
        match purpose {
            Purpose::Settle => self.settle_abandoned(),
            Purpose::Merge => self.kv.merge_abandoned(),
            Purpose::Compaction => self.log.compaction_abandoned(&mut self.queue),
            Purpose::Close => {}
        }
    }

    /// A backup has its base even when nothing was appended since the last checkpoint.
    fn is_settle_due(&self) -> bool {
        if self.backup_wants_base() {
            return true;
        }
        let pressure = self.journal.pressure();
        let (unsettled, capacity) = (pressure.unsettled_bytes, pressure.capacity_bytes);
        let short_of_laps = pressure.occupied_bytes >= capacity / 2 && unsettled >= capacity / 8;
        let short_of_memory = self.unsettled_memory() >= self.config.memory_bytes / 2;
        let asked = short_of_laps || short_of_memory || self.checkpoint.asked;
        let is_new = unsettled > 0 && self.journal.appended() > self.manifest.head.checkpoint_lsn;
        is_new && (unsettled >= self.config.settle_bytes || asked)
    }

    fn wants_settle(&self, now: u64) -> bool {
        self.closing == Closing::No
            && self.failure().is_none()
            && self.checkpoint.publish.is_none()
            && !self.reserve.is_working()
            && self.checkpoint.retry_at.is_none_or(|at| at <= now)
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
        let is_base = self.manifest.wants_base() || self.backup_wants_base();
        let changed = self.state.take_changed();
        self.checkpoint.state =
            if is_base { self.state.encode() } else { self.state.encode_changes(&changed) };
        self.checkpoint.is_base = is_base;
        self.checkpoint.changed = changed;
        self.begin_settle_of_views(checkpoint, is_base);
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
        let state = std::mem::take(&mut self.checkpoint.state);
        if self.checkpoint.is_base {
            let manifest = Manifest::new(head, &log, &kv, &state);
            let publication = self.manifest.begin_base(manifest, &mut self.queue);
            self.checkpoint.publish = Some((Purpose::Settle, publication));
        } else {
            self.append_edit(Purpose::Settle, Edit { log, kv, state, ..Edit::of(&head) });
        }
    }

    /// No manifest says what has become of the keys of the settle that ends now: the next one does.
    pub(crate) fn state_unpublished(&mut self) {
        self.state.give_back(std::mem::take(&mut self.checkpoint.changed));
    }

    /// What is in reserve is given up for a full disk, and it is tried again as soon as it is free.
    fn failed(&mut self, now: u64, error: &IoError) {
        self.checkpoint.failed(now, error);
        if self.checkpoint.no_space {
            self.checkpoint.asked = true;
            if self.reserve.give_up(&mut self.queue) {
                self.checkpoint.retry_at = Some(now);
            }
        }
    }

    fn finish_publish(&mut self, now: u64) {
        let done = self.checkpoint.publish.take_if(|(_, publish)| publish.outcome().is_some());
        let Some((purpose, publish)) = done else { return };
        let outcome = publish.outcome().unwrap_or(Ok(()));
        if outcome.is_ok() {
            self.backup_of(&publish);
        }
        self.manifest.ended(publish, &outcome);
        match outcome {
            Ok(()) => {
                if purpose == Purpose::Settle {
                    self.checkpoint.changed = Changed::default();
                    self.settle_published();
                    self.journal.settled(self.manifest.head.checkpoint_lsn);
                    self.checkpoint.settles += 1;
                    self.checkpoint.failures_in_row = 0;
                    self.checkpoint.no_space = false;
                    self.checkpoint.retry_at = None;
                    self.reserve.renew(self.manifest.base_bytes(), &mut self.queue);
                }
                if purpose == Purpose::Merge {
                    self.kv.merge_published(&mut self.queue);
                }
                if purpose == Purpose::Compaction {
                    self.log.compaction_published(&mut self.queue);
                }
            }
            Err(PublishError::Unchanged(error)) => {
                self.give_up(purpose);
                self.failed(now, &error);
            }
            Err(PublishError::Either(error)) => {
                match purpose {
                    Purpose::Settle => self.settle_in_doubt(),
                    Purpose::Merge => self.kv.merge_in_doubt(&mut self.queue),
                    Purpose::Compaction => self.log.compaction_in_doubt(&mut self.queue),
                    Purpose::Close => {}
                }
                self.failed(now, &error);
            }
            Err(PublishError::Unknown(error)) => self.checkpoint.poison = Some(error),
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
            self.append_edit(Purpose::Close, Edit::of(&head));
            self.closing = Closing::Publishing;
            if self.checkpoint.publish.is_none() {
                // Which base is in place is not known, so there is none to say it of.
                self.closing = Closing::Files;
                self.close_files();
            }
        }
    }
}
