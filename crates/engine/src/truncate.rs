//! Cuts partitions at the first offset that is damaged: it, and all that lies behind it, is given up.
//!
//! What it is not: a step back of the log end, since offsets are never given out twice; nor anything that happens by itself, or
//! to a store, where what came first cannot be told from what came later.
//!
//! The invariant: what is left of a partition that was cut is a prefix of what it held, without a hole.

use crate::engine::Engine;
use crate::error::EngineError;
use crate::manifest::Manifest;
use crate::open::Recovery;
use crate::repair::Offsets;
use crate::skip::Skip;
use crate::verify::config;
use millrace_io::{Io, IoError};
use millrace_log::salvage::Lost;
use std::collections::BTreeMap;

/// What is given up of each partition that has lost something: from the first offset of that to the end of its log. `skips`:
/// what is damaged of its settled ranges.
pub(crate) fn cuts(recovery: &Recovery, skips: &[Skip]) -> Vec<Offsets> {
    let mut first: BTreeMap<u64, u64> = BTreeMap::new();
    let settled =
        skips.iter().flat_map(|skip| skip.lost.iter().map(|(from, _)| (skip.reach.partition, *from)));
    let lost = recovery.lost_in_journal();
    for (partition, from) in settled.chain(lost) {
        let at = first.entry(partition).or_insert(from);
        *at = from.min(*at);
    }
    let end_of = |(partition, from): (u64, u64)| {
        let to = recovery.log.watermarks(partition).map_or(0, |marks| marks.log_end);
        (from < to).then_some(Offsets { partition, from, to })
    };
    first.into_iter().filter_map(end_of).collect()
}

/// The ranges to be replaced for these cuts, where everything is settled.
pub(crate) fn skips_of(recovery: &Recovery, cuts: &[Offsets]) -> Vec<Skip> {
    let mut skips = Vec::new();
    for &Offsets { partition, from, .. } in cuts {
        let ranges = recovery.log.settled_ranges().into_iter();
        for of in ranges.filter(|of| of.partition == partition && of.range.end > from) {
            let (base, end) = (of.range.base, of.range.end);
            let reach = Lost { partition, from: base, to: end };
            skips.push(Skip { reach, of: Some(of), lost: vec![(from.max(base), end)], below: from });
        }
        let holes = recovery.log.settled_holes().into_iter().filter(|hole| hole.partition == partition);
        skips.extend(holes.map(Skip::of_hole));
    }
    skips
}

/// Settles everything that is in the journal, by an opening like any other that ends cleanly; answers the driver.
pub(crate) fn settle_all(io: Io, manifest: &Manifest) -> Result<Io, EngineError> {
    let (mut engine, _) =
        Engine::open(io, crate::EngineConfig { node_id: manifest.head.node_id, ..config() })?;
    engine.backup_begin();
    drive(&mut engine, |engine| Ok(engine.backup_plan()?.is_some()))?;
    engine.backup_end();
    engine.close_begin();
    drive(&mut engine, |engine| Ok(engine.is_closed()))?;
    Ok(engine.into_io())
}

/// Turns until `done`.
fn drive(
    engine: &mut Engine,
    mut done: impl FnMut(&mut Engine) -> Result<bool, EngineError>,
) -> Result<(), EngineError> {
    loop {
        engine.turn();
        if engine.failure().is_some() {
            let what = "what is in the journal could not be settled";
            return Err(engine
                .manifest_failure()
                .cloned()
                .unwrap_or(IoError::from_errno(libc::EIO, what))
                .into());
        }
        if engine.lacks_space() {
            return Err(IoError::from_errno(libc::ENOSPC, "settling what is in the journal").into());
        }
        if done(engine)? {
            return Ok(());
        }
        let timeout = engine.next_deadline().map(|at| at.saturating_sub(engine.io().now_ns()));
        engine.wait(Some(timeout.unwrap_or(1_000_000).max(1)));
    }
}
