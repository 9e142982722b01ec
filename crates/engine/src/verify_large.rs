//! Verification of values in large files: those that records refer to, and the files a manifest names.
//!
//! What it is not: a scan of a large file. What no record refers to is nobody's; what only frames of the journal refer to
//! is looked at with the journal.
//!
//! The invariant: a record that refers into a file which no manifest names is one that nothing needs any more.

use crate::error::EngineError;
use crate::finding::{Severity, Verified};
use crate::verify::Context;
use crate::verify_read::{open, read};
use millrace_io::{Io, Op};
use millrace_kv::Kv;
use millrace_kv::large::{LargeValue, Reference, large_path};
use millrace_kv::load::Loaded;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::PathBuf;

/// A value that a record refers to.
#[derive(Debug)]
pub(crate) struct Referred {
    key: Vec<u8>,
    sequence: u64,
    reference: Reference,
}

impl Referred {
    /// The values that a file's records refer to, in files that are known.
    pub fn of(loaded: &Loaded, kv: &Kv) -> VecDeque<Referred> {
        let known = kv.large_files();
        let referred = loaded.references().filter(|(.., reference)| known.contains_key(&reference.file));
        referred
            .map(|(key, sequence, reference)| Referred { key: key.to_vec(), sequence, reference })
            .collect()
    }

    /// Reads the value and compares it with what its record says.
    pub fn check(&self, context: &mut Context<'_>, store: u32) -> Result<(), EngineError> {
        let Reference { file, position, length } = self.reference;
        let path = large_path(file);
        let bytes = match open(context.io, &path)? {
            Ok((handle, _)) => {
                let bytes = read(context.io, handle, position, length as usize)?;
                context.io.run(Op::Close { file: handle })?;
                bytes
            }
            Err(detail) => Err(detail),
        };
        let wrong = match &bytes {
            Err(detail) => Some(detail.clone()),
            Ok(bytes) => match LargeValue::verified(bytes, &context.directory_id) {
                None => Some("a value does not verify".to_string()),
                Some(large) => {
                    let same = (large.store, large.sequence, large.key, large.length())
                        == (store, self.sequence, &self.key, bytes.len());
                    (!same).then(|| "another value lies where a key's should".to_string())
                }
            },
        };
        context.verified.bytes += bytes.map_or(0, |bytes| bytes.len() as u64);
        if let Some(detail) = wrong {
            context.verified.found(Severity::Damage, &path.display().to_string(), position, &detail);
        }
        Ok(())
    }
}

/// Looks at the files by name and size. `named`: numbers and lengths the manifest has. Answers all names that are known,
/// those of `unsettled` files too, which only frames of the journal refer to.
pub(crate) fn check_files(
    io: &mut Io,
    verified: &mut Verified,
    named: &BTreeMap<u64, u64>,
    unsettled: &BTreeMap<u64, u64>,
) -> Result<BTreeSet<PathBuf>, EngineError> {
    for (number, length) in named {
        let path = large_path(*number);
        let (position, wrong) = match open(io, &path)? {
            Ok((handle, size)) => {
                io.run(Op::Close { file: handle })?;
                let detail = format!("the file has {size} bytes, the manifest names {length}");
                (size, (size < *length).then_some(detail))
            }
            Err(detail) => (0, Some(detail)),
        };
        verified.files += 1;
        if let Some(detail) = wrong {
            verified.found(Severity::Damage, &path.display().to_string(), position, &detail);
        }
    }
    Ok(named.keys().chain(unsettled.keys()).map(|number| large_path(*number)).collect())
}
