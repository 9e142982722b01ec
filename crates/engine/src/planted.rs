//! Bugs of the account of an opening, of verification and of the manifest, planted to see that tests find them. Without the feature
//! `planted` none of them exists.

/// A bug of what looks at a directory and tells about it, or of the manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlantedBug {
    /// The account leaves all but the first whole frame of a torn tail out.
    CutFrameLeftOut,
    /// The account calls offsets unproven that frames prove to have been durable.
    ProofLeftOut,
    /// The account calls everything that was kept proven.
    EverythingProven,
    /// The account calls a power cut the death of a process, after which nothing written could be lost.
    CutCalledDeath,
    /// Verification passes by what does not verify in an index.
    IndexPassedBy,
    /// Verification passes by what does not verify in a shared segment.
    SharedPassedBy,
    /// Verification passes by the last frame of a journal that was closed.
    EndPassedBy,
    /// Laps and files are given up behind an edit of the manifest that no flush covers.
    EditUnsynced,
    /// An edit of the manifest counts although its bytes do not match their checksum.
    TornEditAccepted,
    /// Edits are written over those of the base before, whose name a power cut may bring back.
    BaseUnsynced,
}

#[cfg(feature = "planted")]
mod switch {
    use super::PlantedBug;
    use std::cell::Cell;

    thread_local! {
        static PLANTED: Cell<Option<PlantedBug>> = const { Cell::new(None) };
    }

    /// Plants a bug in all engines of this thread, or none.
    pub fn plant(bug: Option<PlantedBug>) {
        PLANTED.with(|planted| planted.set(bug));
    }

    pub(super) fn is(bug: PlantedBug) -> bool {
        PLANTED.with(|planted| planted.get() == Some(bug))
    }
}

#[cfg(feature = "planted")]
pub use switch::plant;

/// True while this bug is planted.
pub(crate) fn is(bug: PlantedBug) -> bool {
    #[cfg(feature = "planted")]
    return switch::is(bug);
    #[cfg(not(feature = "planted"))]
    {
        let _ = bug;
        false
    }
}
