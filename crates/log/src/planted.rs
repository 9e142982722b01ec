//! Bugs that can be planted to see that tests find them. Without the feature `planted` none of them exists.

/// A bug of compaction or of reading ahead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlantedBug {
    /// A tombstone goes in the pass that first sees it, whatever `delete_retention_ms` says.
    TombstoneDroppedEarly,
    /// The manifest names an output whose name no directory sync covers.
    PublishedBeforeDurable,
    /// Records of aborted transactions win their keys.
    AbortedRecordWins,
    /// The files of ranges that were copied go before the manifest that names them no more is durable.
    InputGoesEarly,
    /// Memory of windows that answers still refer to is not counted.
    LentForgotten,
}

#[cfg(feature = "planted")]
mod switch {
    use super::PlantedBug;
    use std::cell::Cell;

    thread_local! {
        static PLANTED: Cell<Option<PlantedBug>> = const { Cell::new(None) };
    }

    /// Plants a bug in all logs of this thread, or none.
    pub fn plant(bug: Option<PlantedBug>) {
        PLANTED.with(|planted| planted.set(bug));
    }

    pub(super) fn is(bug: PlantedBug) -> bool {
        PLANTED.with(|planted| planted.get() == Some(bug))
    }
}

#[cfg(feature = "planted")]
pub use switch::plant;

fn is(bug: PlantedBug) -> bool {
    #[cfg(feature = "planted")]
    return switch::is(bug);
    #[cfg(not(feature = "planted"))]
    {
        let _ = bug;
        false
    }
}

pub(crate) fn drops_tombstones() -> bool {
    is(PlantedBug::TombstoneDroppedEarly)
}

pub(crate) fn publishes_early() -> bool {
    is(PlantedBug::PublishedBeforeDurable)
}

pub(crate) fn aborted_wins() -> bool {
    is(PlantedBug::AbortedRecordWins)
}

pub(crate) fn removes_early() -> bool {
    is(PlantedBug::InputGoesEarly)
}

pub(crate) fn forgets_lent() -> bool {
    is(PlantedBug::LentForgotten)
}
