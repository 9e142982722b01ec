//! Verification of one segment file: that it is there and long enough, its header and tables, and when deep every batch.
//!
//! What it is not: the judgement of a batch (crates/log `verify.rs`).
//!
//! The invariant: a step reads at most one chunk.

use crate::error::EngineError;
use crate::finding::Severity;
use crate::planted::{self, PlantedBug};
use crate::verify::{Context, Rebuilt};
use crate::verify_read::{CHUNK, open, read, whole};
use millrace_io::{FileId, Op};
use millrace_log::index::table_bytes;
use millrace_log::segment::{
    INDEX_HEADER, Kind, SHARED_HEADER, TRAILER, Trailer, check_shared_header, index_header, index_path, path,
    shared_table,
};
use millrace_log::verify::{OfPartition, RangeCheck, rebuild};
use std::collections::VecDeque;
use std::path::PathBuf;

/// The largest index file that is read.
const INDEX_MAX: usize = 1 << 30;

/// One segment file.
#[derive(Debug)]
pub(crate) struct Segment {
    number: u64,
    kind: Kind,
    length: u64,
    ranges: VecDeque<OfPartition>,
    file: Option<FileId>,
    running: Option<RangeCheck>,
    begun: bool,
}

impl Segment {
    pub fn new(number: u64, kind: Kind, length: u64, ranges: VecDeque<OfPartition>) -> Segment {
        Segment { number, kind, length, ranges, file: None, running: None, begun: false }
    }

    /// Names the manifest stands for.
    pub fn paths(&self) -> Vec<PathBuf> {
        let mut paths = vec![path(self.number, self.kind)];
        if self.kind.is_indexed() {
            paths.push(index_path(self.number));
        }
        paths
    }

    /// Bytes a deep look reads.
    pub fn bytes(&self) -> u64 {
        self.length
    }

    fn name(&self) -> String {
        path(self.number, self.kind).display().to_string()
    }

    /// Looks at some more of it; false: it is done.
    pub fn step(&mut self, context: &mut Context<'_>) -> Result<bool, EngineError> {
        if !self.begun {
            self.begun = true;
            return self.begin(context);
        }
        if self.running.is_none() {
            self.running = self.ranges.pop_front().map(RangeCheck::new);
        }
        match (self.file, self.running.take()) {
            (None, _) => Ok(false),
            (Some(file), None) => {
                context.io.run(Op::Close { file })?;
                Ok(false)
            }
            (Some(file), Some(check)) if check.left() == 0 => {
                self.finish(context, file, check).map(|()| true)
            }
            (Some(file), Some(mut check)) => {
                feed(context, file, &mut check)?;
                self.running = Some(check);
                Ok(true)
            }
        }
    }

    fn begin(&mut self, context: &mut Context<'_>) -> Result<bool, EngineError> {
        let name = self.name();
        let (file, size) = match open(context.io, &path(self.number, self.kind))? {
            Ok(opened) => opened,
            Err(detail) => {
                context.verified.found(Severity::Damage, &name, 0, &detail);
                return Ok(false);
            }
        };
        if size < self.length {
            let detail = format!("the file has {size} bytes, the manifest names {}", self.length);
            context.verified.found(Severity::Damage, &name, size, &detail);
        }
        if self.kind == Kind::Shared {
            self.check_shared(context, file)?;
        }
        if !context.deep {
            self.ranges.clear();
        }
        self.file = Some(file);
        Ok(true)
    }

    /// Header and table of a shared segment. Ranges are in the manifest too: both can be derived.
    fn check_shared(&self, context: &mut Context<'_>, file: FileId) -> Result<(), EngineError> {
        let name = self.name();
        let header = read(context.io, file, 0, SHARED_HEADER)?.unwrap_or_default();
        if check_shared_header(&header, &context.directory_id, self.number).is_err() {
            context.verified.found(Severity::Derivable, &name, 0, "header of a shared segment");
        }
        let at = self.length.saturating_sub(TRAILER as u64);
        let trailer = read(context.io, file, at, TRAILER)?.unwrap_or_default();
        let Ok(trailer) = Trailer::decode(&trailer) else {
            context.verified.found(Severity::Derivable, &name, at, "trailer of a shared segment");
            return Ok(());
        };
        let length = trailer.length.min(self.length) as usize;
        let table = read(context.io, file, trailer.position, length)?.unwrap_or_default();
        if shared_table(&table, &trailer).is_err() {
            let detail = "table of a shared segment";
            context.verified.found(Severity::Derivable, &name, trailer.position, detail);
        }
        Ok(())
    }

    fn finish(&self, context: &mut Context<'_>, file: FileId, check: RangeCheck) -> Result<(), EngineError> {
        let of = check.of;
        context.verified.batches += check.batches;
        context.verified.records += check.records;
        let length = table_bytes(of.range.sparse_count);
        let index = match self.kind.is_indexed() {
            true => Some(whole(context.io, &index_path(self.number), INDEX_MAX)?),
            false => None,
        };
        let table = match &index {
            Some(Ok(bytes)) => {
                let at = usize::try_from(of.range.sparse_position).unwrap_or(usize::MAX);
                bytes.get(at..).and_then(|rest| rest.get(..length)).map(<[u8]>::to_vec)
            }
            Some(Err(_)) => None,
            None if self.kind == Kind::Shared => {
                read(context.io, file, of.range.sparse_position, length)?.ok()
            }
            None => None,
        };
        let (mut defects, starts) = check.finish(table.as_deref());
        if planted::is(PlantedBug::SharedPassedBy) && self.kind == Kind::Shared {
            defects.clear();
        }
        if planted::is(PlantedBug::IndexPassedBy) {
            defects.retain(|defect| !defect.derivable);
        }
        let index_name = index_path(self.number).display().to_string();
        let header = index_header(&context.directory_id, self.number, of.partition, of.range.sparse_count);
        let mut broken_index = false;
        for defect in &defects {
            let severity = if defect.derivable { Severity::Derivable } else { Severity::Damage };
            let in_index = defect.derivable && self.kind.is_indexed();
            broken_index |= in_index;
            let name = if in_index { index_name.clone() } else { self.name() };
            context.verified.found(severity, &name, defect.position, &defect.detail);
        }
        if let Some(Ok(bytes)) = &index
            && bytes.get(..INDEX_HEADER) != Some(&header[..])
            && !broken_index
        {
            broken_index = true;
            context.verified.found(Severity::Derivable, &index_name, 0, "header of an index");
        }
        if broken_index && let Some(table) = rebuild(&of, &starts) {
            let bytes = [header, table].concat();
            context.rebuilt.push(Rebuilt { path: index_path(self.number), bytes });
        }
        Ok(())
    }
}

fn feed(context: &mut Context<'_>, file: FileId, check: &mut RangeCheck) -> Result<(), EngineError> {
    let range = check.of.range;
    let at = range.position + range.length - check.left();
    let length = check.left().min(CHUNK) as usize;
    match read(context.io, file, at, length)? {
        Ok(bytes) => {
            context.verified.bytes += bytes.len() as u64;
            check.feed(&context.recovery.log, &bytes);
            if bytes.len() < length {
                check.ends_early("the file ends early");
            }
        }
        Err(detail) => check.ends_early(&detail),
    }
    Ok(())
}
