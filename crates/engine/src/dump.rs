//! What a file of a data directory holds, as lines of JSON: for people, and for tools that look without serving.
//!
//! What it is not: recovery. Frames of older laps and of a cut tail are shown too, because a single file cannot tell;
//! only what can never be right (a batch or table whose checksum fails) is called damage.
//!
//! The invariant: one entry in memory at a time, bounded by what the file really has; nothing is written.

use crate::dump_data::{data_file, hint_file, large_file};
use crate::dump_journal::journal;
use crate::dump_line::Line;
use crate::dump_segment::{bulk, index, own_segment, shared_segment};
use crate::edit;
use crate::manifest::{self, Manifest, ManifestError};
use crate::state::State;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// The largest entry that is read as a whole.
const ENTRY_MAX: u64 = 1 << 30;

/// Why a file cannot be described.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DumpError {
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error("{0}")]
    Manifest(#[from] ManifestError),
    #[error("it is not a journal, segment, index, data, hint, large or manifest file")]
    Unknown,
}

/// Describes a file, at most `limit` entries behind the line about the file itself; `data` adds the bytes of payloads,
/// as hexadecimal digits.
///
/// # Errors
///
/// `DumpError` when the file cannot be read or is none of ours.
pub fn dump(path: &Path, limit: usize, data: bool) -> Result<Vec<String>, DumpError> {
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    let mut out = Output { lines: Vec::new(), left: limit.saturating_add(1), data };
    let source = Source { file, length };
    let head = source.read(0, source.length.min(64) as usize)?;
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("log") => own_segment(&source, &mut out)?,
        Some("shared") => shared_segment(&source, &mut out)?,
        Some("bulk") => bulk(&source, &mut out)?,
        Some("index") => index(&source, &mut out)?,
        Some("data") => data_file(&source, &mut out)?,
        Some("hint") => hint_file(&source, &mut out)?,
        Some("large") => large_file(&source, &directory_id_beside(path)?, &mut out)?,
        Some("edits") => edits_file(&source, &mut out)?,
        _ if head.starts_with(b"MRmanif1") => manifest_file(&source, &mut out)?,
        _ => journal(&source, &mut out)?,
    }
    Ok(out.lines)
}

/// The id of the directory in which a file of a store lies.
fn directory_id_beside(path: &Path) -> Result<[u8; 16], DumpError> {
    let directory = path.parent().unwrap_or(Path::new("")).join("..");
    let mut bytes = Vec::new();
    File::open(directory.join(manifest::PATH))?.take(manifest::BYTES_MAX as u64).read_to_end(&mut bytes)?;
    Ok(Manifest::decode(&bytes)?.head.directory_id)
}

/// Lines so far, and how many more are wanted.
pub(crate) struct Output {
    lines: Vec<String>,
    left: usize,
    pub(crate) data: bool,
}

impl Output {
    /// Adds a line; answers whether more are wanted.
    pub(crate) fn add(&mut self, line: Line) -> bool {
        if self.left > 0 {
            self.lines.push(line.finish());
            self.left -= 1;
        }
        self.left > 0
    }
}

/// A file, read by position.
pub(crate) struct Source {
    file: File,
    pub(crate) length: u64,
}

impl Source {
    /// `length` bytes from `position`, or the error of a file that is shorter.
    pub(crate) fn read(&self, position: u64, length: usize) -> std::io::Result<Vec<u8>> {
        let inside = position.checked_add(length as u64).is_some_and(|end| end <= self.length);
        if !inside || length as u64 > ENTRY_MAX {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, position)?;
        Ok(bytes)
    }

    /// The whole file, when it is not larger than one entry may be.
    pub(crate) fn whole(&self) -> std::io::Result<Vec<u8>> {
        self.read(0, usize::try_from(self.length).unwrap_or(usize::MAX))
    }
}

fn manifest_file(source: &Source, out: &mut Output) -> Result<(), DumpError> {
    let mut bytes = Vec::new();
    (&source.file).take(manifest::BYTES_MAX as u64).read_to_end(&mut bytes)?;
    let manifest = Manifest::decode(&bytes)?;
    let head = &manifest.head;
    out.add(
        Line::of("manifest")
            .text("directoryId", &hex(&head.directory_id))
            .text("clusterId", &hex(&head.cluster_id))
            .number("nodeId", u64::from(head.node_id))
            .number("incarnation", u64::from(head.incarnation))
            .flag("clean", head.clean)
            .number("checkpointLsn", head.checkpoint_lsn)
            .number("endLsn", head.end_lsn)
            .number("durableLsn", head.durable_lsn)
            .number("logBytes", manifest.log().len() as u64)
            .number("stateBytes", manifest.state().len() as u64),
    );
    let Ok(state) = State::decode(manifest.state()) else {
        out.add(Line::of("state").text("damage", "the state map does not decode"));
        return Ok(());
    };
    for (key, value) in state.scan(b"") {
        let mut line =
            Line::of("state").text("key", &String::from_utf8_lossy(key)).number("bytes", value.len() as u64);
        if out.data {
            line = line.text("value", &String::from_utf8_lossy(value));
        }
        if !out.add(line) {
            break;
        }
    }
    Ok(())
}

/// Every edit whose header verifies, those of earlier bases too: a single file cannot tell which base is in place.
fn edits_file(source: &Source, out: &mut Output) -> Result<(), DumpError> {
    let bytes = source.whole()?;
    if !out.add(Line::of("edits").number("bytes", source.length)) {
        return Ok(());
    }
    for (position, found) in edit::each(&bytes) {
        let line = Line::of("edit").number("position", position).number("base", found.base);
        let line = line.number("number", u64::from(found.number)).flag("clean", found.edit.clean);
        let line = line
            .number("checkpointLsn", found.edit.checkpoint_lsn)
            .number("durableLsn", found.edit.durable_lsn)
            .number("logBytes", found.edit.log.len() as u64)
            .number("storesBytes", found.edit.kv.len() as u64)
            .number("stateBytes", found.edit.state.len() as u64);
        let line = if found.is_whole { line } else { line.text("damage", "the checksum does not match") };
        if !out.add(line) {
            break;
        }
    }
    Ok(())
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
