//! Bugs that can be planted to see that tests find them. Compiled only with the feature `planted`, which no
//! production build has.

/// A bug of this crate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlantedBug {
    /// A short write completes as if it were whole; the rest is written some time later.
    FlushBeforeShortWriteContinued,
    /// Directory syncs complete without having been done.
    DirectorySyncLeftOut,
}
