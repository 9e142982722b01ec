//! What an outcome means: complete, continue behind what was done, or do it again.
//!
//! The one invariant: nothing is reported as written before all of it was, so whoever flushes after a `Written`
//! covers every byte of it.

use crate::attempt::{Attempt, total};
use crate::buffer::BLOCK;
use crate::driver::Driver;
use crate::errno::IoError;
use crate::inflight::{FlushBehind, InFlight};
use crate::op::Done;

/// How often in a row an attempt is made again without any progress.
const RETRIES_MAX: u32 = 100;
/// The smallest unit of direct I/O that devices have.
const SECTOR: usize = 512;

/// What is to be done about an outcome.
pub(crate) enum Next {
    Complete(Result<Done, IoError>),
    /// Make another attempt.
    Again(Attempt),
}

impl InFlight {
    /// Decides what an outcome means.
    pub fn judge(&mut self, slot: u32, attempt: Attempt, result: i64, driver: &mut dyn Driver) -> Next {
        if result < 0 {
            return self.judge_failure(slot, attempt, (-result) as i32);
        }
        let result = result as u64;
        match attempt {
            Attempt::Open { path, mode, .. } => {
                let handle = i32::try_from(result).expect("a handle is an i32");
                let size = match driver.opened(handle, mode) {
                    Ok(size) => size,
                    Err(errno) => {
                        driver.release(handle);
                        let context = format!("open {}", path.display());
                        return Next::Complete(Err(IoError::from_errno(errno, context)));
                    }
                };
                let Some(file) = self.files.insert(path.clone(), handle, mode) else {
                    driver.release(handle);
                    let context = format!("open {}", path.display());
                    return Next::Complete(Err(IoError::from_errno(libc::EMFILE, context)));
                };
                Next::Complete(Ok(Done::Opened { file, size }))
            }
            Attempt::Read { .. } => self.judge_read(slot, attempt, result as usize, driver),
            Attempt::Write { .. } => self.judge_write(slot, attempt, result as usize),
            Attempt::Sync { .. } if self.work(slot).flush_behind == FlushBehind::UnderWay => {
                let length = self.work(slot).filled;
                Next::Complete(Ok(Done::Written { length }))
            }
            _ => Next::Complete(Ok(Done::Finished)),
        }
    }

    fn judge_failure(&mut self, slot: u32, attempt: Attempt, errno: i32) -> Next {
        let passing = matches!(errno, libc::EINTR | libc::EAGAIN | libc::ECANCELED);
        let closing = self.is_closing();
        let work = self.work(slot);
        if passing && !closing && attempt.is_idempotent() && work.retries < RETRIES_MAX {
            work.retries += 1;
            self.counters.reissued += 1;
            return Next::Again(attempt);
        }
        Next::Complete(Err(self.failure(slot, &attempt, errno)))
    }

    /// The error an attempt that failed for good completes with.
    pub fn failure(&mut self, slot: u32, attempt: &Attempt, errno: i32) -> IoError {
        self.counters.failed += 1;
        let path = self.work(slot).file.and_then(|file| self.files.get(file)).map(|open| open.path.clone());
        IoError::from_errno(errno, context_of(attempt, path.unwrap_or_default().display()))
    }

    fn judge_read(&mut self, slot: u32, mut attempt: Attempt, count: usize, driver: &mut dyn Driver) -> Next {
        let whole_blocks = self.whole_blocks(slot);
        let Attempt::Read { handle, position, buffer, done } = &mut attempt else {
            unreachable!("called for reads only")
        };
        let (handle, end) = (*handle, buffer.len());
        let reached = *done + count;
        assert!(reached <= end, "a read returned more than was asked for");
        let before = self.work(slot).filled;
        let filled = reached.max(before);
        // Short of the end of the file there is more to come, however little this attempt brought.
        let mut is_end =
            || count == 0 || driver.size(handle).is_ok_and(|size| *position + filled as u64 >= size);
        if filled == end || is_end() {
            self.counters.bytes_read += filled as u64;
            let Attempt::Read { buffer, .. } = attempt else { unreachable!("matched above") };
            return Next::Complete(Ok(Done::Read { buffer, length: filled }));
        }
        let progress = filled > before;
        *done = resume_at(filled, whole_blocks, progress);
        self.work(slot).filled = filled;
        self.go_on(slot, attempt, progress)
    }

    fn judge_write(&mut self, slot: u32, mut attempt: Attempt, count: usize) -> Next {
        let whole_blocks = self.whole_blocks(slot);
        let Attempt::Write { handle, pieces, done, .. } = &mut attempt else {
            unreachable!("called for writes only")
        };
        let handle = *handle;
        let length = total(pieces);
        let reached = *done + count;
        assert!(reached <= length, "a write returned more than was asked for");
        if reached == length {
            self.counters.bytes_written += length as u64;
            if self.work(slot).flush_behind == FlushBehind::None {
                return Next::Complete(Ok(Done::Written { length }));
            }
            if self.is_closing() {
                return Next::Complete(Err(self.failure(slot, &attempt, libc::ECANCELED)));
            }
            let work = self.work(slot);
            (work.filled, work.retries, work.flush_behind) = (length, 0, FlushBehind::Waiting);
            return Next::Again(Attempt::Sync { handle });
        }
        let before = self.work(slot).filled;
        let (filled, progress) = (reached.max(before), reached > before);
        *done = resume_at(filled, whole_blocks, progress);
        self.work(slot).filled = filled;
        self.go_on(slot, attempt, progress)
    }

    /// Another attempt at the rest, unless there is no end of them or we are closing.
    fn go_on(&mut self, slot: u32, attempt: Attempt, progress: bool) -> Next {
        let closing = self.is_closing();
        let work = self.work(slot);
        work.retries = if progress { 0 } else { work.retries + 1 };
        let errno = match (closing, work.retries > RETRIES_MAX) {
            (true, _) => libc::ECANCELED,
            (false, true) => libc::EIO,
            (false, false) => {
                self.counters.continued += 1;
                return Next::Again(attempt);
            }
        };
        Next::Complete(Err(self.failure(slot, &attempt, errno)))
    }

    fn whole_blocks(&mut self, slot: u32) -> bool {
        let file = self.work(slot).file.expect("reads and writes have a file");
        self.files.get(file).expect("a file is there until its close completes").whole_blocks
    }
}

/// Where an attempt goes on. A direct one starts at a whole block; what was moved behind that is moved again, the same
/// bytes. If that ends inside the same block again (a full disk of small blocks, a device that gives little at a
/// time), the attempt right behind the bytes that are there brings more, or says why not.
fn resume_at(filled: usize, whole_blocks: bool, progress: bool) -> usize {
    let behind = !progress && filled.is_multiple_of(SECTOR);
    if whole_blocks && !behind { filled / BLOCK * BLOCK } else { filled }
}

/// What was being done, for an error's reader.
fn context_of(attempt: &Attempt, path: std::path::Display<'_>) -> String {
    match attempt {
        Attempt::Open { path, .. } => format!("open {}", path.display()),
        Attempt::Close { .. } => format!("close {path}"),
        Attempt::Read { position, .. } => format!("read {path} at {position}"),
        Attempt::Write { position, .. } => format!("write {path} at {position}"),
        Attempt::Sync { .. } => format!("sync {path}"),
        Attempt::SyncDirectory { path } => format!("sync directory {}", crate::directory::display(path)),
        Attempt::Allocate { length, .. } => format!("allocate {length} bytes of {path}"),
        Attempt::Truncate { length, .. } => format!("truncate {path} to {length}"),
        Attempt::Rename { from, to } => format!("rename {} to {}", from.display(), to.display()),
        Attempt::Unlink { path } => format!("remove {}", path.display()),
        Attempt::Timer { .. } => "timer".to_string(),
    }
}
