//! What a settle captures when it begins: the log as a whole, or what has changed since the manifest in place.
//!
//! What it is not: what the settle writes; that is added when its manifest is published.
//!
//! The invariant: what was marked as changed is in the manifest that is published, or marked again when none is.

use crate::changes::Changes;
use crate::files::Named;
use crate::log::Log;
use crate::snapshot::{Added, Snapshot};
use crate::table::Handle;

#[derive(Debug)]
enum Form {
    Whole(Snapshot),
    Changes(Changes),
}

/// The log as of a checkpoint.
#[derive(Debug)]
pub(crate) struct Captured {
    form: Form,
    /// Partitions that have changed, with their log starts.
    changed: Vec<(Handle, u64)>,
    /// Ids of partitions that were deleted.
    gone: Vec<u64>,
    named: Named,
}

impl Captured {
    /// Captures everything (`whole`), or what has changed.
    pub fn of(log: &mut Log, whole: bool) -> Captured {
        let handles = log.table.take_changed();
        let form = if whole {
            Form::Whole(Snapshot::capture(log))
        } else {
            Form::Changes(Changes::capture(log, &handles))
        };
        let start =
            |handle: Handle| log.table.get(handle).map(|partition| (handle, partition.marks.log_start));
        let changed = handles.into_iter().filter_map(start).collect();
        Captured { form, changed, gone: std::mem::take(&mut log.gone), named: log.files.ranges() }
    }

    /// The log's share of the manifest, or of the edit, that publishes this and what the settle has added.
    pub fn encode(&self, last_file: u64, added: &Added) -> Vec<u8> {
        match &self.form {
            Form::Whole(snapshot) => snapshot.encode(last_file, added),
            Form::Changes(changes) => changes.encode(last_file, &self.gone, added),
        }
    }

    /// The manifest is in place.
    pub fn published(self, log: &mut Log, added: &Added) {
        for (handle, start) in self.changed {
            if let Some(partition) = log.table.get_unsaved(handle) {
                partition.saved_start = start;
            }
        }
        log.named = self.named;
        for added in &added.ranges {
            *log.named.entry(added.range.file).or_default() += 1;
        }
    }

    /// No manifest says it, or none that counts: the next settle does.
    pub fn given_up(self, log: &mut Log) {
        self.changed.into_iter().for_each(|(handle, _)| log.table.mark_changed(handle));
        log.gone.splice(0..0, self.gone);
    }
}
