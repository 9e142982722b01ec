//! The one place where a driver is chosen: probe, choose, say which and why.

use super::pool::Pool;
use super::{Driver, DriverChoice, DriverKind, DriverReport};
use crate::direct::{DirectSupport, probe_direct};
use crate::directory::{DataDirectory, OpenError};
use crate::limits::Limits;
use std::sync::Arc;

/// A driver at work, and what to say of it.
pub(crate) struct Opened {
    pub driver: Box<dyn Driver>,
    pub report: DriverReport,
}

/// Opens the driver that was asked for, or the best one there is.
pub(crate) fn choose(
    directory: Arc<DataDirectory>,
    choice: DriverChoice,
    limits: Limits,
) -> Result<Opened, OpenError> {
    let direct = probe_direct(&directory);
    let reason = match choice {
        DriverChoice::Pool => "chosen".to_string(),
        DriverChoice::Ring => return Err(OpenError::RingRefused("not part of this build".to_string())),
        DriverChoice::Auto => "the ring driver is not part of this build".to_string(),
    };
    open_pool(directory, limits, direct, reason)
}

fn open_pool(
    directory: Arc<DataDirectory>,
    limits: Limits,
    direct: DirectSupport,
    reason: String,
) -> Result<Opened, OpenError> {
    let pool = Pool::open(directory, limits.pool_threads.clamp(1, 64))?;
    let report = report(DriverKind::Pool, reason, direct, limits);
    Ok(Opened { driver: Box::new(pool), report })
}

fn report(kind: DriverKind, reason: String, direct: DirectSupport, limits: Limits) -> DriverReport {
    DriverReport {
        kind,
        reason,
        direct: direct.usable,
        direct_reason: direct.reason,
        alignment: direct.alignment,
        flags: Vec::new(),
        missing: Vec::new(),
        in_flight_max: limits.in_flight.clamp(1, 1024),
    }
}
