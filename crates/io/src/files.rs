//! The table of open files: which handle a `FileId` means, how the file was opened, and what still refers to it.
//!
//! The one invariant: a file's slot (and its handle) is given up only when no operation refers to it, and a
//! `FileId` of an earlier use of a slot finds nothing.

use crate::attempt::Handle;
use crate::op::{FileId, OpenMode};
use std::path::PathBuf;

/// Bits of a `FileId` that number the slot; the rest is the slot's generation.
const SLOT_BITS: u32 = 16;

/// An open file.
#[derive(Debug)]
pub(crate) struct OpenFile {
    pub path: PathBuf,
    pub handle: Handle,
    /// Opened in one of the direct modes: positions and lengths are whole blocks.
    pub whole_blocks: bool,
    /// Operations accepted and not yet complete.
    pub references: u32,
    /// A `Sync` has been accepted and is not yet complete.
    pub syncing: bool,
    /// A flush behind a write is under way.
    pub flushing: bool,
    /// A `Close` has been accepted: nothing else is, from then on.
    pub closing: bool,
}

#[derive(Debug, Default)]
struct Entry {
    generation: u16,
    file: Option<OpenFile>,
}

#[derive(Debug, Default)]
pub(crate) struct FileTable {
    entries: Vec<Entry>,
    free: Vec<u16>,
}

fn slot_of(file: FileId) -> usize {
    (file.0 & ((1 << SLOT_BITS) - 1)) as usize
}

fn generation_of(file: FileId) -> u16 {
    (file.0 >> SLOT_BITS) as u16
}

impl FileTable {
    /// Enters a file that was just opened; `None` when 65,536 files are open.
    pub fn insert(&mut self, path: PathBuf, handle: Handle, mode: OpenMode) -> Option<FileId> {
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None => {
                let slot = u16::try_from(self.entries.len()).ok()?;
                self.entries.push(Entry::default());
                slot
            }
        };
        let entry = &mut self.entries[usize::from(slot)];
        let whole_blocks = !matches!(mode, OpenMode::CreateCached | OpenMode::ReadCached);
        let file = OpenFile {
            path,
            handle,
            whole_blocks,
            references: 0,
            syncing: false,
            flushing: false,
            closing: false,
        };
        assert!(entry.file.replace(file).is_none(), "file slot {slot} was free and in use at once");
        Some(FileId(u32::from(entry.generation) << SLOT_BITS | u32::from(slot)))
    }

    /// The file, unless it was closed.
    pub fn get(&self, file: FileId) -> Option<&OpenFile> {
        let entry = self.entries.get(slot_of(file))?;
        if entry.generation == generation_of(file) { entry.file.as_ref() } else { None }
    }

    pub fn get_mut(&mut self, file: FileId) -> Option<&mut OpenFile> {
        let entry = self.entries.get_mut(slot_of(file))?;
        if entry.generation == generation_of(file) { entry.file.as_mut() } else { None }
    }

    /// Takes a closed file out of the table.
    pub fn remove(&mut self, file: FileId) {
        let slot = slot_of(file);
        let entry = &mut self.entries[slot];
        assert_eq!(entry.generation, generation_of(file), "a stale file id was closed");
        let removed = entry.file.take().expect("a file is closed once");
        assert_eq!(removed.references, 0, "{} was closed while in use", removed.path.display());
        entry.generation = entry.generation.wrapping_add(1);
        self.free.push(slot as u16);
    }

    /// Takes out the handles of all files nothing refers to (at shutdown).
    pub fn take_handles(&mut self) -> Vec<Handle> {
        let idle =
            self.entries.iter_mut().filter_map(|entry| entry.file.take_if(|file| file.references == 0));
        idle.map(|file| file.handle).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_id_of_an_earlier_use_of_its_slot_finds_nothing() {
        let mut table = FileTable::default();
        let first = table.insert("a".into(), 7, OpenMode::ReadCached).unwrap();
        table.remove(first);
        let second = table.insert("b".into(), 8, OpenMode::ReadCached).unwrap();
        assert_eq!(slot_of(first), slot_of(second));
        assert!(table.get(first).is_none());
        assert_eq!(table.get(second).unwrap().handle, 8);
    }
}
