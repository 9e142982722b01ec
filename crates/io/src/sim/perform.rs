//! What one attempt does to the simulated machine when it completes: first the faults, then the effect.

use super::damage::{Damage, DamageKind};
use super::file::{Change, SECTOR};
use super::names::{Inode, NameChange};
use super::world::{OpenHandle, World};
use crate::attempt::{Attempt, Handle, first_bytes, total};
use crate::buffer::{Piece, ReadBuffer};
use crate::op::OpenMode;
use std::path::Path;

type Result<T> = std::result::Result<T, i32>;

/// Errors that say nothing but "again".
const PASSING: [i32; 3] = [libc::EINTR, libc::EAGAIN, libc::ECANCELED];

/// Whether an attempt promises that something survives a power cut.
fn is_flush(attempt: &Attempt) -> bool {
    matches!(
        attempt,
        Attempt::Sync { .. } | Attempt::SyncDirectory { .. } | Attempt::Write { durable: true, .. }
    )
}

impl World {
    /// Completes an attempt: what a system call would return.
    pub fn complete(&mut self, attempt: &mut Attempt, submitted: u64) -> i64 {
        self.attempts += 1;
        match self.fault(attempt) {
            Some(errno) => {
                self.fail(attempt, errno, submitted);
                -i64::from(errno)
            }
            None => self.perform(attempt, submitted),
        }
    }

    /// The error this attempt fails with, if it does.
    fn fault(&mut self, attempt: &Attempt) -> Option<i32> {
        if let Some(fail) = self.options.fail_at {
            let now = self.attempts == fail.attempt || fail.sticky && self.attempts > fail.attempt;
            // Closing gives the handle back whatever else fails.
            if now && !matches!(attempt, Attempt::Close { .. }) {
                return Some(fail.errno);
            }
        }
        if self.options.fail_flushes && is_flush(attempt) {
            return Some(libc::EIO);
        }
        if attempt.is_idempotent() && self.random.chance(self.options.interrupted) {
            return Some(PASSING[self.random.below(3) as usize]);
        }
        let odds = match attempt {
            Attempt::Read { .. } => self.options.read_errors,
            Attempt::Write { .. } => self.options.write_errors,
            Attempt::Sync { .. } => self.options.flush_failures,
            _ => 0,
        };
        self.random.chance(odds).then_some(libc::EIO)
    }

    /// What a failure leaves behind.
    fn fail(&mut self, attempt: &mut Attempt, errno: i32, submitted: u64) {
        if PASSING.contains(&errno) {
            return;
        }
        match attempt {
            Attempt::Sync { handle } => self.fail_flush(*handle, submitted),
            Attempt::Write { durable, .. } if self.random.coin() => {
                // A failed write may have happened all the same; a failed durable one is a failed flush.
                let was_durable = std::mem::take(durable);
                self.perform(attempt, submitted);
                if let (true, Attempt::Write { handle, .. }) = (was_durable, &*attempt) {
                    self.fail_flush(*handle, self.sequence);
                }
            }
            _ => {}
        }
    }

    fn fail_flush(&mut self, handle: Handle, before: u64) {
        let now_ns = self.now_ns;
        if let Some(open) = self.handles.get(&handle).copied() {
            self.with_file(open.inode, |file, random| file.fail_flush(before, now_ns, random));
        }
    }

    /// Does what was asked, without faults but for those of the medium.
    pub fn perform(&mut self, attempt: &mut Attempt, submitted: u64) -> i64 {
        let result = match attempt {
            Attempt::Open { path, mode, direct } => self.open(path, *mode, *direct).map(i64::from),
            Attempt::Close { handle } => self.close(*handle),
            Attempt::Read { handle, position, buffer, done } => self.read(*handle, *position, buffer, *done),
            Attempt::Write { handle, position, pieces, done, durable, .. } => {
                self.write(*handle, *position + *done as u64, pieces, *done, *durable, submitted)
            }
            Attempt::Sync { handle } => self.sync(*handle, submitted),
            Attempt::SyncDirectory { path } => self.sync_directory(path, submitted),
            Attempt::Allocate { handle, length } => self.resize(*handle, *length, true),
            Attempt::Truncate { handle, length } => self.resize(*handle, *length, false),
            Attempt::Rename { from, to } => self.rename(from, to),
            Attempt::Unlink { path } => self.unlink(path),
            Attempt::Timer { .. } => Ok(0),
        };
        result.unwrap_or_else(|errno| -i64::from(errno))
    }

    fn handle(&self, handle: Handle) -> Result<OpenHandle> {
        self.handles.get(&handle).copied().ok_or(libc::EBADF)
    }

    fn open(&mut self, path: &Path, mode: OpenMode, direct: bool) -> Result<Handle> {
        let existing = match self.inode_of(path) {
            Ok(inode) => Some(inode),
            Err(libc::ENOENT) => None,
            Err(errno) => return Err(errno),
        };
        if existing.is_none() && self.directories.contains_key(path) {
            return Err(libc::EISDIR);
        }
        let inode = match (mode, existing) {
            (OpenMode::CreateDirect, Some(_)) => return Err(libc::EEXIST),
            (OpenMode::CreateDirect | OpenMode::CreateCached, None) => self.create(path)?,
            (_, None) => return Err(libc::ENOENT),
            (_, Some(inode)) => inode,
        };
        let open = OpenHandle { inode, direct };
        if mode == OpenMode::CreateCached && self.files[&inode].size() > 0 {
            self.push(open, Change::Resize, 0, false);
        }
        Ok(self.new_handle(open))
    }

    fn create(&mut self, path: &Path) -> Result<Inode> {
        let (_, name) = self.locate(path)?;
        let inode = self.new_inode();
        self.change_names(path, NameChange::Link { name, inode })?;
        Ok(inode)
    }

    fn close(&mut self, handle: Handle) -> Result<i64> {
        let open = self.handle(handle)?;
        self.handles.remove(&handle);
        if self.orphans.contains(&open.inode) {
            self.collect_orphans();
        }
        Ok(0)
    }

    fn read(&mut self, handle: Handle, position: u64, buffer: &mut ReadBuffer, done: usize) -> Result<i64> {
        let open = self.handle(handle)?;
        let position = position + done as u64;
        let wanted = self.shortened(buffer.len() - done, open.direct);
        let bytes = &mut buffer.bytes_mut()[done..done + wanted];
        let stale = self.random.chance(self.options.stale_reads);
        let now_ns = self.now_ns;
        let file = self.files.get_mut(&open.inode).expect("an open file exists");
        file.evict(now_ns);
        if file.is_spoiled(position, bytes.len() as u64) {
            return Err(libc::EIO);
        }
        let length = file.read(position, bytes);
        if stale {
            let newer = bytes[..length].to_vec();
            file.read_medium(position, &mut bytes[..length]);
            if newer != bytes[..length] {
                let kind = DamageKind::StaleRead;
                self.damage.push(Damage { kind, inode: open.inode, position, length: length as u64 });
            }
        }
        Ok(length as i64)
    }

    /// A length as far as this attempt gets: at least one byte, or one sector of a direct file.
    fn shortened(&mut self, length: usize, direct: bool) -> usize {
        if length == 0 || !self.random.chance(self.options.short) {
            return length;
        }
        let unit = if direct { SECTOR as usize } else { 1 };
        let part = self.random.between(1, length as u64) as usize;
        (part / unit * unit).max(unit).min(length)
    }

    fn write(
        &mut self,
        handle: Handle,
        position: u64,
        pieces: &[Piece],
        done: usize,
        durable: bool,
        submitted: u64,
    ) -> Result<i64> {
        let open = self.handle(handle)?;
        let length = self.shortened(total(pieces) - done, open.direct);
        let late = self.options.late_no_space && !open.direct && !durable;
        let length = if late { length } else { self.fitting(open, position, length)? };
        let position = self.misdirected(open, position, length);
        let lost = self.random.chance(self.options.lost_writes);
        if lost {
            let kind = DamageKind::LostWrite;
            self.damage.push(Damage { kind, inode: open.inode, position, length: length as u64 });
        } else if length > 0 {
            let written = first_bytes(pieces, done, length);
            let size = self.files[&open.inode].size().max(position + length as u64);
            self.push(open, Change::Write { position, pieces: written }, size, durable);
        }
        if durable && !self.options.fua {
            self.flush_device(submitted);
        }
        Ok(length as i64)
    }

    /// As much of a write as there is space for: overwriting always fits.
    fn fitting(&self, open: OpenHandle, position: u64, length: usize) -> Result<usize> {
        let Some(space) = self.options.space else { return Ok(length) };
        let size = self.files[&open.inode].size();
        let growth = (position + length as u64).saturating_sub(size);
        let free = space.saturating_sub(self.used());
        if growth <= free {
            return Ok(length);
        }
        let fits = (length as u64).saturating_sub(growth - free) / SECTOR * SECTOR;
        if fits == 0 { Err(libc::ENOSPC) } else { Ok(fits as usize) }
    }

    /// Where a write really lands.
    fn misdirected(&mut self, open: OpenHandle, position: u64, length: usize) -> u64 {
        if !self.random.chance(self.options.misdirected_writes) {
            return position;
        }
        let blocks = self.files[&open.inode].size().saturating_sub(length as u64) / 4096;
        let elsewhere = self.random.below(blocks + 1) * 4096;
        if elsewhere != position {
            let (kind, length) = (DamageKind::MisdirectedWrite { meant_for: position }, length as u64);
            self.damage.push(Damage { kind, inode: open.inode, position: elsewhere, length });
        }
        elsewhere
    }

    fn flush_device(&mut self, before: u64) {
        let dirty: Vec<Inode> = self.dirty.iter().copied().collect();
        for inode in dirty {
            self.with_file(inode, |file, _| file.flush_device(before));
        }
    }

    fn sync(&mut self, handle: Handle, before: u64) -> Result<i64> {
        let open = self.handle(handle)?;
        let over_full = self.options.space.is_some_and(|space| self.used() > space);
        if over_full && self.options.late_no_space && !open.direct && self.files[&open.inode].is_dirty() {
            self.fail_flush(handle, before);
            return Err(libc::ENOSPC);
        }
        let now_ns = self.now_ns;
        self.with_file(open.inode, |file, _| {
            file.evict(now_ns);
            file.flush(before);
        });
        if !self.options.strict_names {
            for directory in self.directories.values_mut() {
                directory.sync_up_to_creation(open.inode);
            }
        }
        Ok(0)
    }

    fn sync_directory(&mut self, path: &Path, before: u64) -> Result<i64> {
        self.directories.get_mut(path).ok_or(libc::ENOENT)?.sync(before);
        self.collect_orphans();
        Ok(0)
    }

    fn resize(&mut self, handle: Handle, length: u64, grow_only: bool) -> Result<i64> {
        let open = self.handle(handle)?;
        let size = self.files[&open.inode].size();
        let growth = length.saturating_sub(size);
        // Truncating to a greater length makes a hole, which takes no space; allocating does.
        if grow_only && self.options.space.is_some_and(|space| self.used() + growth > space) {
            return Err(libc::ENOSPC);
        }
        if length > size || !grow_only && length < size {
            self.push(open, Change::Resize, length, false);
        }
        Ok(0)
    }

    fn rename(&mut self, from: &Path, to: &Path) -> Result<i64> {
        let inode = self.inode_of(from)?;
        let from_name = self.locate(from)?.1;
        let (target, to_name) = self.locate(to)?;
        if let Some(replaced) = target.current.get(&to_name).copied() {
            self.orphans.push(replaced);
        }
        if from.parent() == to.parent() {
            self.change_names(to, NameChange::Rename { from: from_name, to: to_name, inode })?;
        } else {
            self.change_names(to, NameChange::Link { name: to_name, inode })?;
            self.change_names(from, NameChange::Unlink { name: from_name })?;
        }
        Ok(0)
    }

    fn unlink(&mut self, path: &Path) -> Result<i64> {
        let inode = self.inode_of(path)?;
        let name = self.locate(path)?.1;
        self.change_names(path, NameChange::Unlink { name })?;
        self.orphans.push(inode);
        Ok(0)
    }
}
