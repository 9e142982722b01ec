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

/// A bug of raw operations. The environment variable `MILLRACE_RAW_BUG` plants one, by its name, for a whole process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RawBug {
    /// Memory that an operation writes into is lent to another one.
    BufferReusedInFlight,
    /// A lease ends while an operation uses it.
    LeaseReleasedInFlight,
    /// The number of a lease that has ended means whoever has the slot now.
    StaleLeaseAccepted,
    /// The number of a file that was closed means whoever has its place now.
    StaleFileAccepted,
    /// A descriptor is closed under the operations that use it.
    DescriptorClosedInFlight,
    /// A chain goes on behind a step that was short.
    ShortStepGoesOn,
    /// An operation that was cancelled is never told to its owner.
    CancelLosesCompletion,
    /// The end does not wait for what is in flight.
    TeardownWithoutWaiting,
}

impl RawBug {
    /// Whether this one is planted.
    pub(crate) fn is_planted(self) -> bool {
        static NAME: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
        let name = NAME.get_or_init(|| std::env::var("MILLRACE_RAW_BUG").ok());
        name.as_deref().is_some_and(|name| name == format!("{self:?}"))
    }
}
