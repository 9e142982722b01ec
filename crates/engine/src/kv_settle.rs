//! Log and stores settle together, under one checkpoint and one manifest; merges of stores publish manifests of their
//! own in between.
//!
//! What it is not: when to settle (`checkpoint.rs`), or the writing of files (crates/log, crates/kv).
//!
//! The invariant: both shares of a manifest say what was true at its checkpoint; a settle of one is never published
//! without the other's.

use crate::edit::Edit;
use crate::engine::{Closing, Engine};
use crate::manifest::Head;
use millrace_io::IoError;
use millrace_kv as kv;
use millrace_log::SettleState;

impl Engine {
    /// How the settle of log and stores stands, as one.
    pub(crate) fn settle_state(&self) -> SettleState {
        match (self.log.settle_state(), self.kv.settle_state()) {
            (SettleState::Working, _) | (_, kv::SettleState::Working) => SettleState::Working,
            (SettleState::Failed(error), _) | (_, kv::SettleState::Failed(error)) => {
                SettleState::Failed(error)
            }
            (SettleState::Ready { checkpoint }, kv::SettleState::Ready) => SettleState::Ready { checkpoint },
            (SettleState::Idle, kv::SettleState::Idle) => SettleState::Idle,
            (log, kv) => unreachable!("a settle begins and ends for all views: {log:?}, {kv:?}"),
        }
    }

    pub(crate) fn begin_settle_of_views(&mut self, checkpoint: u64, is_base: bool) {
        self.log.begin_settle(checkpoint, is_base);
        self.kv.begin_settle(checkpoint);
    }

    pub(crate) fn settle_published(&mut self) {
        self.log.settle_published(&mut self.queue);
        self.kv.settle_published(&mut self.queue);
    }

    pub(crate) fn settle_abandoned(&mut self) {
        self.state_unpublished();
        self.log.settle_abandoned(&mut self.queue);
        self.kv.settle_abandoned(&mut self.queue);
    }

    pub(crate) fn settle_in_doubt(&mut self) {
        self.state_unpublished();
        self.log.settle_in_doubt();
        self.kv.settle_in_doubt();
    }

    pub(crate) fn stop_settle(&mut self, error: &IoError) {
        self.log.stop_settle(error, &mut self.queue);
        self.kv.stop_settle(error, &mut self.queue);
    }

    pub(crate) fn forget_settle(&mut self) {
        self.log.forget_settle();
        self.kv.forget_settle();
    }

    pub(crate) fn close_files(&mut self) {
        self.kv.stop_merge(&mut self.queue);
        self.log.forget_compaction();
        self.log.stop_compaction(&mut self.queue);
        self.log.close_files(&mut self.queue);
        self.kv.close_files(&mut self.queue);
    }

    pub(crate) fn views_are_busy(&self) -> bool {
        self.log.busy() || self.kv.busy() || self.reserve.is_working()
    }

    /// Bytes of both views that lie in no published file.
    pub(crate) fn unsettled_memory(&self) -> u64 {
        self.log.unsettled_bytes() + self.kv.unsettled_bytes()
    }

    /// The edit of a merge whose output is durable; `None`: there is none, or it is not its turn.
    pub(crate) fn edit_of_merge(&mut self) -> Option<Edit> {
        let free = self.closing == Closing::No && self.failure().is_none();
        if !free || !self.kv.merge_ready() || matches!(self.settle_state(), SettleState::Ready { .. }) {
            return None;
        }
        let kv = self.kv.merge_manifest()?;
        let head =
            Head { clean: false, end_lsn: 0, durable_lsn: self.journal.durable(), ..self.manifest.head };
        Some(Edit { kv, ..Edit::of(&head) })
    }
}
