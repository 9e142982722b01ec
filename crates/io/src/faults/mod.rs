//! Faults on demand, above any driver and below the layer that continues and repeats: what is proven with them is
//! proven for the code that runs on real disks.
//!
//! What it is not: a disk. It does not know what survives a power cut (that is `sim`); it only changes what callers
//! are told, and when.
//!
//! The one invariant: nothing here is reachable but through `Io::faulty`, and an `Io` made by it says so in its report.

mod call;
mod driver;
mod odds;
mod plan;
mod rule;

pub use call::CallKind;
pub(crate) use driver::Faulty;
pub use odds::FaultOdds;
pub use plan::{Faults, Injected, Site};
pub use rule::{ERRNOS, Fault, FaultRule};
