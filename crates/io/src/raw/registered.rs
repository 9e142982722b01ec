//! Files and memory registered with the ring, so that the kernel does not look them up for every operation.
//!
//! The one invariant: a file is registered exactly while it has its number: the kernel would keep it open otherwise. What
//! cannot be registered is used as it is.

use super::arena::Arena;
use super::describe::takes_fixed;
use super::request::{Bytes, Request};
use io_uring::IoUring;
use std::os::fd::RawFd;
use std::sync::Arc;

/// Arenas one ring can have registered.
const ARENAS_MAX: u32 = 64;
/// Files one ring can have registered.
const FILES_MAX: u32 = 32_768;

#[derive(Debug, Default)]
pub(super) struct Registered {
    /// By slot of the file table.
    files: Vec<bool>,
    arenas: Vec<Arc<Arena>>,
}

impl Registered {
    /// Makes a table for so many files.
    pub fn open_files(&mut self, ring: &IoUring, files: u32) -> Result<(), String> {
        if files == 0 {
            return Ok(());
        }
        let files = files.min(FILES_MAX);
        ring.submitter().register_files_sparse(files).map_err(|error| error.to_string())?;
        self.files = vec![false; files as usize];
        Ok(())
    }

    pub fn add_file(&mut self, ring: &IoUring, slot: u32, descriptor: RawFd) {
        if let Some(place) = self.files.get_mut(slot as usize) {
            *place = ring.submitter().register_files_update(slot, &[descriptor]).is_ok();
        }
    }

    pub fn forget_file(&mut self, ring: &IoUring, slot: u32) {
        if let Some(place) = self.files.get_mut(slot as usize).filter(|place| **place) {
            *place = false;
            ring.submitter()
                .register_files_update(slot, &[-1])
                .expect("the kernel lets go of a file that is in its table");
        }
    }

    pub fn add_arena(&mut self, ring: &IoUring, arena: &Arc<Arena>) -> Result<(), String> {
        if self.arenas.iter().any(|known| Arc::ptr_eq(known, arena)) {
            return Ok(());
        }
        if self.arenas.len() >= ARENAS_MAX as usize {
            return Err(format!("a ring has at most {ARENAS_MAX} registered arenas"));
        }
        let refused = |error: std::io::Error| match error.raw_os_error() {
            Some(libc::ENOMEM) => "RLIMIT_MEMLOCK is too small".to_owned(),
            _ => error.to_string(),
        };
        if self.arenas.is_empty() {
            ring.submitter().register_buffers_sparse(ARENAS_MAX).map_err(refused)?;
        }
        let (start, length) = arena.place();
        let all = [libc::iovec { iov_base: start.as_ptr().cast(), iov_len: length }];
        // SAFETY: the arena's mapping stays for as long as the process, and the kernel keeps its pages.
        unsafe { ring.submitter().register_buffers_update(self.arenas.len() as u32, &all, None) }
            .map_err(refused)?;
        self.arenas.push(Arc::clone(arena));
        Ok(())
    }

    /// The numbers of an operation's file and memory, where they are registered.
    pub fn of(&self, request: &Request) -> (Option<u32>, Option<u16>) {
        let slot = request.files()[0].filter(|_| takes_fixed(request)).map(|number| number.slot());
        let file = slot.filter(|slot| self.files.get(*slot as usize) == Some(&true));
        let (Request::Read { bytes: Bytes::Lent(lent), .. }
        | Request::Write { bytes: Bytes::Lent(lent), .. }) = request
        else {
            return (file, None);
        };
        let arena = self.arenas.iter().position(|known| Arc::ptr_eq(known, lent.arena()));
        (file, arena.and_then(|number| u16::try_from(number).ok()))
    }
}
