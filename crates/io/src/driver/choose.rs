//! The one place where a driver is chosen: probe, choose, say which and why.

use super::pool::Pool;
use super::ring::{Ring, setup};
use super::{Driver, DriverChoice, DriverKind, DriverReport};
use crate::device::Device;
use crate::directory::{DataDirectory, OpenError};
use crate::limits::Limits;
use crate::trial::{self, Trial};
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
    let in_flight_max = in_flight_max(&directory, limits);
    let reason = match choice {
        DriverChoice::Pool => "chosen".to_string(),
        DriverChoice::Auto | DriverChoice::Ring => match open_ring(&directory, in_flight_max) {
            Ok(mut opened) => {
                let reason = if choice == DriverChoice::Ring { "chosen" } else { "io_uring is available" };
                opened.report.reason = reason.to_string();
                return Ok(opened);
            }
            Err(reason) if choice == DriverChoice::Ring => return Err(OpenError::RingRefused(reason)),
            Err(reason) => reason,
        },
    };
    let mut driver = Box::new(Pool::open(directory, limits.pool_threads.clamp(1, 64))?);
    let trial = trial::run(driver.as_mut());
    let mut report = report(DriverKind::Pool, trial, in_flight_max);
    report.reason = reason;
    Ok(Opened { driver, report })
}

fn open_ring(directory: &Arc<DataDirectory>, in_flight_max: usize) -> Result<Opened, String> {
    let (mut ring, flags, missing) = Ring::open(Arc::clone(directory), &setup::LADDER)?;
    ring.try_nop()?;
    let trial = trial::run(&mut ring);
    if let Some(failure) = trial.failure {
        return Err(format!("io_uring cannot write here: {failure}"));
    }
    let report = report(DriverKind::Ring, trial, in_flight_max);
    Ok(Opened { driver: Box::new(ring), report: DriverReport { flags, missing, ..report } })
}

/// Never more than half of the device's queue: beyond that, submitting blocks.
fn in_flight_max(directory: &DataDirectory, limits: Limits) -> usize {
    let requests = Device::under(directory.root()).and_then(|device| device.requests());
    let half = requests.map_or(usize::MAX, |requests| requests as usize / 2);
    limits.in_flight.clamp(1, 1024).min(half.max(1))
}

fn report(kind: DriverKind, trial: Trial, in_flight_max: usize) -> DriverReport {
    DriverReport {
        kind,
        reason: String::new(),
        direct: trial.direct,
        direct_reason: trial.direct_reason,
        alignment: trial.alignment,
        flags: Vec::new(),
        missing: Vec::new(),
        in_flight_max,
    }
}
