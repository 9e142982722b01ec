//! Gives damaged ranges up: what verifies of them is written to new segments, offsets that do not come back are left out,
//! and a manifest names the new files in place of the old ones. Reads go on behind what is lost.
//!
//! What it is not: anything that happens by itself. Without being told, damage stays fenced (`repair.rs`).
//!
//! The invariant: new files are durable before a manifest names them; the damaged ones are copied to `repair/` before, and
//! everything but these ranges is in the new manifest as it was in the old one.

use crate::error::EngineError;
use crate::finding::{Severity, Verified};
use crate::manifest::{Head, Manifest, ManifestError, PATH};
use crate::open::Recovery;
use crate::publish::Publish;
use crate::repair::{append, close, create};
use crate::verify_read::{CHUNK, open, read};
use millrace_io::{Io, Op, OpQueue};
use millrace_log::salvage::{Home, Lost, Salvaged, replace_ranges, rewrite};
use millrace_log::segment::{self, DIRECTORY, index_path, path};
use millrace_log::verify::{OfPartition, RangeCheck};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Bytes between two entries of the index of a file written here.
const INTERVAL: u64 = 4096;

/// A range to be replaced: the offsets it reaches over, where it lies, and what of it is lost.
#[derive(Clone, Debug)]
pub(crate) struct Skip {
    pub reach: Lost,
    /// `None`: a hole that no file covers.
    pub of: Option<OfPartition>,
    /// Ranges of offsets that are given up.
    pub lost: Vec<(u64, u64)>,
    /// What verifies is kept below this offset only.
    pub below: u64,
}

impl Skip {
    /// Of offsets that no file has.
    pub fn of_hole(reach: Lost) -> Skip {
        Skip { reach, of: None, lost: vec![(reach.from, reach.to)], below: u64::MAX }
    }

    /// The file it lies in, as reports name it.
    pub fn file(&self) -> String {
        self.of.map_or_else(|| PATH.to_string(), |of| path(of.range.file, of.kind).display().to_string())
    }
}

/// Everything that can be given up: damaged ranges of files with findings, and holes between ranges.
pub(crate) fn find(io: &mut Io, recovery: &Recovery, verified: &Verified) -> Result<Vec<Skip>, EngineError> {
    let damaged: BTreeSet<&str> = verified
        .findings
        .iter()
        .filter(|finding| finding.severity == Severity::Damage)
        .map(|finding| finding.file.as_str())
        .collect();
    let mut skips = Vec::new();
    for of in recovery.log.settled_ranges() {
        let name = path(of.range.file, of.kind).display().to_string();
        if !damaged.contains(name.as_str()) {
            continue;
        }
        let bytes = bytes_of(io, &of)?;
        let mut check = RangeCheck::new(of);
        check.feed(&recovery.log, &bytes);
        if check.left() > 0 {
            check.ends_early("the file ends early");
        }
        let (defects, _) = check.finish(None);
        if defects.iter().any(|defect| !defect.derivable) {
            let mut lost = Salvaged::of(&recovery.log, &of, &bytes).lost;
            // What lies below the log start went before.
            let start = recovery.log.watermarks(of.partition).map_or(0, |marks| marks.log_start);
            lost.retain(|(_, to)| *to > start);
            lost.iter_mut().for_each(|(from, _)| *from = start.max(*from));
            let reach = Lost { partition: of.partition, from: of.range.base, to: of.range.end };
            skips.push(Skip { reach, of: Some(of), lost, below: u64::MAX });
        }
    }
    skips.extend(recovery.log.settled_holes().into_iter().map(Skip::of_hole));
    Ok(skips)
}

/// The bytes of a range, as far as the file has them; what cannot be read is zeros.
fn bytes_of(io: &mut Io, of: &OfPartition) -> Result<Vec<u8>, EngineError> {
    let range = of.range;
    let Ok((file, size)) = open(io, &path(range.file, of.kind))? else { return Ok(Vec::new()) };
    let end = (range.position + range.length).min(size);
    let (mut at, mut out) = (range.position, Vec::new());
    while at < end {
        let length = (end - at).min(CHUNK) as usize;
        out.extend(read(io, file, at, length)?.unwrap_or_default());
        at += length as u64;
        out.resize((at - range.position) as usize, 0);
    }
    io.run(Op::Close { file })?;
    Ok(out)
}

/// Writes the new files and publishes a manifest that names them in place of `manifest`, which is the one in the directory.
/// Answers the new one.
pub(crate) fn apply(
    io: &mut Io,
    manifest: &Manifest,
    recovery: &Recovery,
    skips: &[Skip],
) -> Result<Manifest, EngineError> {
    let names = io.list_if_there(DIRECTORY)?;
    let taken = names.iter().filter_map(|name| segment::number_of(name)).max().unwrap_or(0);
    let mut file = recovery.log.last_file_number().max(taken);
    let mut ranges = Vec::new();
    for skip in skips {
        file += 1;
        let (bytes, salvaged) = match &skip.of {
            Some(of) if of.range.base < skip.below => {
                let bytes = bytes_of(io, of)?;
                let salvaged = Salvaged::of(&recovery.log, of, &bytes).below(skip.below);
                (bytes, salvaged)
            }
            _ => (Vec::new(), Salvaged::default()),
        };
        let home = Home { directory_id: manifest.head.directory_id, file, interval: INTERVAL };
        let new = rewrite(&recovery.log, home, skip.reach, &bytes, &salvaged);
        let directory = Path::new(DIRECTORY);
        for (path, bytes) in
            [(path(file, segment::Kind::Compacted), &new.segment), (index_path(file), &new.index)]
        {
            let handle = create(io, path)?;
            for (at, part) in bytes.chunks(CHUNK as usize).enumerate() {
                append(io, handle, at as u64 * CHUNK, part)?;
            }
            close(io, handle, directory)?;
        }
        ranges.push((skip.reach.partition, new.range));
    }
    let share = replace_ranges(manifest.log(), &ranges).map_err(|_| ManifestError::Invalid)?;
    // It says what the edits said too, and has none of its own.
    let head = Head { base: 0, ..manifest.head };
    let new = Manifest::new(head, &share, manifest.kv(), manifest.state());
    Publish::run(new.clone(), io, &mut OpQueue::default())?;
    Ok(new)
}

/// Files that ranges to be replaced lie in.
pub(crate) fn files(skips: &[Skip]) -> BTreeSet<PathBuf> {
    skips.iter().filter_map(|skip| skip.of).map(|of| path(of.range.file, of.kind)).collect()
}
