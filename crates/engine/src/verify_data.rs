//! Verification of one data file of a store and of its hint.
//!
//! What it is not: loading. No key goes anywhere.
//!
//! The invariant: records are judged by the very scan that loads them; a hint must say what the scan says.

use crate::error::EngineError;
use crate::finding::Severity;
use crate::verify::{Context, Rebuilt};
use crate::verify_large::Referred;
use crate::verify_read::{open, read, whole};
use millrace_io::{FileId, Op};
use millrace_kv::data_file::{data_path, hint_path};
use millrace_kv::load::{Loaded, Scan, ToLoad, from_hint};
use std::collections::VecDeque;
use std::path::PathBuf;

/// The largest hint that is read.
const HINT_MAX: usize = 4 << 30;

/// One data file with its hint.
#[derive(Debug)]
pub(crate) struct Data {
    file: ToLoad,
    handle: Option<FileId>,
    scan: Option<Scan>,
    /// Values in large files that its records refer to and that are still to be looked at.
    referred: VecDeque<Referred>,
    begun: bool,
}

impl Data {
    pub fn new(file: ToLoad) -> Data {
        Data { file, handle: None, scan: None, referred: VecDeque::new(), begun: false }
    }

    /// Names the manifest stands for.
    pub fn paths(&self) -> [PathBuf; 2] {
        let number = self.file.sealed.identity.number;
        [data_path(number), hint_path(number)]
    }

    /// Bytes a deep look reads.
    pub fn bytes(&self) -> u64 {
        self.file.sealed.length
    }

    fn name(&self) -> String {
        self.paths()[0].display().to_string()
    }

    /// Looks at some more of it; false: it is done.
    pub fn step(&mut self, context: &mut Context<'_>) -> Result<bool, EngineError> {
        if !self.begun {
            self.begun = true;
            return self.begin(context);
        }
        let (Some(handle), Some(mut scan)) = (self.handle, self.scan.take()) else {
            return self.step_referred(context);
        };
        let Some((from, length)) = scan.wanted() else {
            context.io.run(Op::Close { file: handle })?;
            self.finish(context, scan)?;
            return Ok(!self.referred.is_empty());
        };
        let bytes = read(context.io, handle, from, length)?.unwrap_or_default();
        context.verified.bytes += bytes.len() as u64;
        let cut = bytes.len() < length;
        scan.feed(&bytes, cut || from + bytes.len() as u64 >= self.file.sealed.length);
        if cut {
            context.io.run(Op::Close { file: handle })?;
            self.finish(context, scan)?;
            return Ok(!self.referred.is_empty());
        }
        self.scan = Some(scan);
        Ok(true)
    }

    fn begin(&mut self, context: &mut Context<'_>) -> Result<bool, EngineError> {
        let (name, sealed) = (self.name(), &self.file.sealed);
        let (handle, size) = match open(context.io, &data_path(sealed.identity.number))? {
            Ok(opened) => opened,
            Err(detail) => {
                context.verified.found(Severity::Damage, &name, 0, &detail);
                return Ok(false);
            }
        };
        if size < sealed.length {
            let detail = format!("the file has {size} bytes, the manifest names {}", sealed.length);
            context.verified.found(Severity::Damage, &name, size, &detail);
        }
        if context.deep {
            (self.handle, self.scan) = (Some(handle), Some(Scan::new(self.file.clone())));
            return Ok(true);
        }
        context.io.run(Op::Close { file: handle })?;
        self.check_hint(context, None)?;
        Ok(false)
    }

    /// Looks at one value in a large file.
    fn step_referred(&mut self, context: &mut Context<'_>) -> Result<bool, EngineError> {
        let store = self.file.sealed.identity.store;
        self.referred.pop_front().map_or(Ok(()), |referred| referred.check(context, store))?;
        Ok(!self.referred.is_empty())
    }

    fn finish(&mut self, context: &mut Context<'_>, scan: Scan) -> Result<(), EngineError> {
        let (loaded, bad) = scan.finish();
        self.referred = Referred::of(&loaded, &context.recovery.kv);
        for bad in &bad {
            context.verified.found(Severity::Damage, &self.name(), bad.position, bad.detail);
        }
        context.verified.records += self.file.sealed.records;
        self.check_hint(context, bad.is_empty().then_some(&loaded))
    }

    /// `scanned`: what the records themselves say, when all of them could be read.
    fn check_hint(&self, context: &mut Context<'_>, scanned: Option<&Loaded>) -> Result<(), EngineError> {
        let path = hint_path(self.file.sealed.identity.number);
        let wrong = match whole(context.io, &path, HINT_MAX)? {
            Err(detail) => Some(detail),
            Ok(bytes) => match from_hint(&self.file, &bytes) {
                Err(what) => Some(format!("hint: {what}")),
                Ok(hinted) if scanned.is_some_and(|scanned| *scanned != hinted) => {
                    Some("the hint says other than the records".to_string())
                }
                Ok(_) => None,
            },
        };
        let Some(detail) = wrong else { return Ok(()) };
        context.verified.found(Severity::Derivable, &path.display().to_string(), 0, &detail);
        if let Some(bytes) = scanned.and_then(|scanned| scanned.hint(&self.file.sealed)) {
            context.rebuilt.push(Rebuilt { path, bytes });
        }
        Ok(())
    }
}
