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
    /// A write that has to be durable by itself is a plain one with a flush behind it here.
    pub flushes_behind: bool,
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
                opened.report.reason.insert_str(0, reason);
                return Ok(opened);
            }
            Err(reason) if choice == DriverChoice::Ring => return Err(OpenError::RingRefused(reason)),
            Err(reason) => reason,
        },
    };
    let mut driver = Box::new(Pool::open(directory, limits.pool_threads.clamp(1, 64))?);
    let trial = trial::run(driver.as_mut());
    let mut opened = opened(DriverKind::Pool, driver, trial, in_flight_max);
    opened.report.reason.insert_str(0, &reason);
    Ok(opened)
}

fn open_ring(directory: &Arc<DataDirectory>, in_flight_max: usize) -> Result<Opened, String> {
    let (mut ring, flags, missing) = Ring::open(Arc::clone(directory), &setup::LADDER)?;
    ring.try_nop()?;
    let trial = trial::run(&mut ring);
    if let Some(failure) = trial.failure {
        return Err(format!("io_uring cannot write here: {failure}"));
    }
    let mut opened = opened(DriverKind::Ring, Box::new(ring), trial, in_flight_max);
    (opened.report.flags, opened.report.missing) = (flags, missing);
    Ok(opened)
}

/// Never more than half of the device's queue: beyond that, submitting blocks.
fn in_flight_max(directory: &DataDirectory, limits: Limits) -> usize {
    let requests = Device::under(directory.root()).and_then(|device| device.requests());
    let half = requests.map_or(usize::MAX, |requests| requests as usize / 2);
    limits.in_flight.clamp(1, 1024).min(half.max(1))
}

/// What a trial allows; the reason is what follows the one for this driver.
fn opened(kind: DriverKind, driver: Box<dyn Driver>, trial: Trial, in_flight_max: usize) -> Opened {
    let behind = |refused: &String| format!("; flushes follow plain writes ({refused})");
    let report = DriverReport {
        kind,
        reason: trial.flushes_behind.as_ref().map_or_else(String::new, behind),
        direct: trial.direct,
        direct_reason: trial.direct_reason,
        alignment: trial.alignment,
        flags: Vec::new(),
        missing: Vec::new(),
        in_flight_max,
    };
    Opened { driver, report, flushes_behind: trial.flushes_behind.is_some() }
}
