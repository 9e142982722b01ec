//! Bugs that can be planted to see that tests find them. Without the feature `planted` none of them exists.

/// A bug of this crate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlantedBug {
    /// A merge drops every tombstone, whatever other files hold.
    TombstoneDroppedEarly,
    /// A hint is used although its checksum does not match.
    HintTrusted,
    /// A merge moves the keydir and removes its inputs before its output is durable and published.
    MovedBeforeDurable,
    /// Large files go when a manifest that does not name them is about to be published, not when it is durable.
    LargeFileDropped,
    /// A merge of large files publishes references to values that are not durable yet.
    ReferredBeforeDurable,
    /// Expiry goes by the wall clock as it is, also when it goes back.
    ClockBelieved,
}

#[cfg(feature = "planted")]
mod switch {
    use super::PlantedBug;
    use std::cell::Cell;

    thread_local! {
        static PLANTED: Cell<Option<PlantedBug>> = const { Cell::new(None) };
    }

    /// Plants a bug in all stores of this thread, or none.
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

pub(crate) fn trusts_hints() -> bool {
    is(PlantedBug::HintTrusted)
}

pub(crate) fn moves_early() -> bool {
    is(PlantedBug::MovedBeforeDurable)
}

pub(crate) fn drops_large_files() -> bool {
    is(PlantedBug::LargeFileDropped)
}

pub(crate) fn refers_early() -> bool {
    is(PlantedBug::ReferredBeforeDurable)
}

pub(crate) fn believes_the_clock() -> bool {
    is(PlantedBug::ClockBelieved)
}
