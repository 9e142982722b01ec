//! The ring driver: io_uring, driven on the thread that opened it and polled by its own descriptor.
//!
//! What it is not: clever about order. Links and drains are not used; whoever needs an order waits for completions.
//!
//! The one invariant: from submission to completion the kernel owns an attempt's memory. It lies in slots that are
//! dropped only after the ring is closed, and `Io` closes the ring only when nothing is in flight.

pub(crate) mod setup;
mod slot;

use super::pool::Pool;
use super::{Driver, calls};
use crate::attempt::{Attempt, Handle, Outcome, Token};
use crate::clock;
use crate::directory::{self, DataDirectory};
use crate::errno::IoError;
use crate::op::OpenMode;
use crate::signal::wait_readable;
use io_uring::squeue::Entry;
use io_uring::types::Fd;
use io_uring::{IoUring, opcode};
use setup::{Missing, Rung, Setup};
use slot::Slot;
use std::collections::VecDeque;
use std::marker::PhantomData;
use std::os::fd::{AsRawFd, RawFd};
use std::path::Path;
use std::sync::Arc;

/// Completions nobody waits for: those of cancellations.
const IGNORED: u64 = u64::MAX;

/// The helper's descriptor became readable.
const HELPER: u64 = u64::MAX - 1;

/// How often one `reap` goes back to the kernel for completions it holds back.
const ROUNDS_MAX: usize = 4;

/// How often a submission the kernel has no memory for is repeated before the next turn has to.
const SUBMIT_TRIES: usize = 1000;

/// A submitter that is not the ring's creator is an error, so this is not `Send`.
type OneThread = PhantomData<*mut ()>;

pub(crate) struct Ring {
    // Dropped first: the ring is closed before the memory it was given goes away.
    ring: IoUring,
    #[expect(clippy::vec_box, reason = "a slot must not move when the list grows")]
    slots: Vec<Box<Slot>>,
    entries: VecDeque<Entry>,
    /// Attempts that ended without the kernel's help.
    finished: Vec<Outcome>,
    directory: Arc<DataDirectory>,
    missing: Missing,
    helper: Option<Helper>,
    enters: u64,
    queue_full: u64,
    _one_thread: OneThread,
}

/// A thread for operations this kernel's ring does not have, watched through the ring itself.
struct Helper {
    pool: Pool,
    busy: usize,
    watched: bool,
}

impl Ring {
    /// Opens a ring, and a helper thread if it lacks operations. Gives the names of flags and missing operations.
    pub fn open(
        directory: Arc<DataDirectory>,
        ladder: &[Rung],
    ) -> Result<(Ring, Vec<&'static str>, Vec<&'static str>), String> {
        let Setup { ring, flags, missing } = setup::open(ladder)?;
        let names = missing.names();
        let helper = if names.is_empty() {
            None
        } else {
            let pool = Pool::open(Arc::clone(&directory), 1).map_err(|error| error.to_string())?;
            Some(Helper { pool, busy: 0, watched: false })
        };
        let ring = Ring {
            ring,
            slots: Vec::new(),
            entries: VecDeque::new(),
            finished: Vec::new(),
            directory,
            missing,
            helper,
            enters: 0,
            queue_full: 0,
            _one_thread: PhantomData,
        };
        Ok((ring, flags, names))
    }

    /// One operation that does nothing, through the path everything else takes.
    pub fn try_nop(&mut self) -> Result<(), String> {
        self.entries.push_back(opcode::Nop::new().build().user_data(IGNORED));
        self.enter();
        wait_readable(self.ring.as_raw_fd(), Some(1_000_000_000));
        let result = self.ring.completion().next().map(|completion| completion.result());
        match result {
            Some(0) => Ok(()),
            Some(errno) => {
                Err(format!("io_uring failed a nop: {}", std::io::Error::from_raw_os_error(-errno)))
            }
            None => Err("io_uring did not complete a nop within a second".to_string()),
        }
    }

    fn needs_helper(&self, attempt: &Attempt) -> bool {
        match attempt {
            Attempt::Open { .. } => self.missing.open,
            Attempt::Close { .. } => self.missing.close,
            Attempt::Allocate { .. } => self.missing.allocate,
            Attempt::Truncate { .. } => self.missing.truncate,
            Attempt::Rename { .. } => self.missing.rename,
            Attempt::Unlink { .. } => self.missing.unlink,
            _ => false,
        }
    }

    fn slot(&mut self, token: Token) -> &mut Slot {
        while self.slots.len() <= token.slot() {
            self.slots.push(Box::default());
        }
        &mut self.slots[token.slot()]
    }

    /// Moves described entries to the kernel's queue, as many as fit.
    fn fill_queue(&mut self) {
        let mut queue = self.ring.submission();
        while let Some(entry) = self.entries.front() {
            // SAFETY: everything the entry points to lies in its slot or in its attempt, both of which stay where
            // they are, unchanged, until the completion (or, for ignored ones, it points to nothing).
            if unsafe { queue.push(entry) }.is_err() {
                self.queue_full += 1;
                break;
            }
            self.entries.pop_front();
        }
    }

    fn submission_is_empty(&mut self) -> bool {
        self.ring.submission().is_empty()
    }

    /// Hands the queue over. The kernel may take fewer than there are: the queue itself knows what is left.
    fn submit(&mut self) {
        for _ in 0..SUBMIT_TRIES {
            self.enters += 1;
            match self.ring.submitter().submit() {
                Ok(_) => return,
                Err(error) => match error.raw_os_error() {
                    Some(libc::EINTR) => {}
                    Some(libc::EAGAIN) => std::thread::yield_now(),
                    // The kernel wants completions taken first: the next reap does.
                    Some(libc::EBUSY) => return,
                    _ => panic!("io_uring_enter refused a valid submission: {error}"),
                },
            }
        }
    }

    fn match_completion(&mut self, user_data: u64, result: i32, outcomes: &mut Vec<Outcome>) {
        if user_data == IGNORED {
            return;
        }
        if user_data == HELPER {
            if let Some(helper) = &mut self.helper {
                helper.watched = false;
            }
            return;
        }
        let token = Token(user_data);
        let known = self.slots.get_mut(token.slot());
        let known = known.filter(|slot| slot.flight.as_ref().is_some_and(|(flying, _)| *flying == token));
        let Some(slot) = known else { panic!("io_uring completed {token:?}, which is not in flight") };
        let (attempt, result) = slot.finish(i64::from(result));
        outcomes.push(Outcome { token, attempt, result });
    }

    fn reap_helper(&mut self, outcomes: &mut Vec<Outcome>) {
        let Some(helper) = &mut self.helper else { return };
        if helper.busy > 0 {
            let before = outcomes.len();
            helper.pool.reap(outcomes);
            helper.busy -= outcomes.len() - before;
        }
        if helper.busy > 0 && !helper.watched {
            helper.watched = true;
            let readable = opcode::PollAdd::new(Fd(helper.pool.poll_fd()), libc::POLLIN as u32).build();
            self.entries.push_back(readable.user_data(HELPER));
        }
    }
}

impl Driver for Ring {
    fn start(&mut self, token: Token, attempt: Attempt) {
        if self.needs_helper(&attempt) {
            let helper = self.helper.as_mut().expect("there is a helper when operations are missing");
            helper.busy += 1;
            helper.pool.start(token, attempt);
            return;
        }
        let root = self.directory.descriptor();
        let slot = self.slot(token);
        match slot.prepare(root, token, attempt) {
            Ok(entry) => self.entries.push_back(entry),
            Err(result) => {
                let (attempt, result) = slot.finish(result);
                self.finished.push(Outcome { token, attempt, result });
            }
        }
        if !self.finished.is_empty() {
            // Makes the descriptor readable: there is something to reap.
            self.entries.push_back(opcode::Nop::new().build().user_data(IGNORED));
        }
    }

    fn enter(&mut self) {
        if let Some(helper) = &mut self.helper {
            helper.pool.enter();
            if helper.busy > 0 && !helper.watched {
                helper.watched = true;
                let readable = opcode::PollAdd::new(Fd(helper.pool.poll_fd()), libc::POLLIN as u32).build();
                self.entries.push_back(readable.user_data(HELPER));
            }
        }
        self.fill_queue();
        while !self.submission_is_empty() {
            self.submit();
            let before = self.entries.len();
            self.fill_queue();
            if self.entries.len() == before {
                break;
            }
        }
    }

    fn reap(&mut self, outcomes: &mut Vec<Outcome>) {
        outcomes.append(&mut self.finished);
        for _ in 0..ROUNDS_MAX {
            while let Some((user_data, result)) = self.next_completion() {
                self.match_completion(user_data, result, outcomes);
            }
            let queue = self.ring.submission();
            if !queue.taskrun() && !queue.cq_overflow() {
                break;
            }
            drop(queue);
            self.submit();
        }
        self.reap_helper(outcomes);
    }

    fn wait(&mut self, timeout_ns: Option<u64>) {
        if self.finished.is_empty() {
            wait_readable(self.ring.as_raw_fd(), timeout_ns);
        }
    }

    fn poll_fd(&self) -> RawFd {
        self.ring.as_raw_fd()
    }

    fn now_ns(&self) -> u64 {
        clock::monotonic_ns()
    }

    fn wall_ms(&self) -> i64 {
        clock::wall_ms()
    }

    fn opened(&mut self, handle: Handle, mode: OpenMode) -> Result<u64, i32> {
        calls::opened(handle, mode)
    }

    fn size(&mut self, handle: Handle) -> Result<u64, i32> {
        calls::size(handle)
    }

    fn cancel_all(&mut self) {
        let flying = self.slots.iter().filter_map(|slot| slot.flight.as_ref().map(|(token, _)| token.0));
        let cancels = flying.map(|token| opcode::AsyncCancel::new(token).build().user_data(IGNORED));
        self.entries.extend(cancels);
        if let Some(helper) = &mut self.helper {
            helper.pool.cancel_all();
        }
        self.enter();
    }

    fn release(&mut self, handle: Handle) {
        calls::close(handle);
    }

    fn enters(&self) -> u64 {
        self.enters
    }

    fn queue_full(&self) -> u64 {
        self.queue_full
    }

    fn root(&self) -> Option<RawFd> {
        Some(self.directory.descriptor())
    }

    fn list(&mut self, path: &Path) -> Result<Vec<String>, IoError> {
        directory::list(&self.directory, path)
    }

    fn make_directory(&mut self, path: &Path) -> Result<(), IoError> {
        directory::make_directory(&self.directory, path)
    }

    fn exists(&mut self, path: &Path) -> Result<bool, IoError> {
        directory::exists(&self.directory, path)
    }

    fn read_small(&mut self, path: &Path, limit: usize) -> Result<Vec<u8>, IoError> {
        directory::read_small(&self.directory, path, limit)
    }
}

impl Ring {
    fn next_completion(&mut self) -> Option<(u64, i32)> {
        let mut queue = self.ring.completion();
        assert_eq!(queue.overflow(), 0, "the completion queue overflowed");
        queue.next().map(|completion| (completion.user_data(), completion.result()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial;

    #[test]
    fn operations_the_ring_lacks_are_done_by_the_helper_and_wake_the_ring() {
        let root = std::env::temp_dir().join(format!("millrace-ring-{}", std::process::id()));
        let directory = Arc::new(DataDirectory::open(&root).unwrap());
        let (mut ring, _, _) = Ring::open(Arc::clone(&directory), &setup::LADDER).unwrap();
        let all =
            Missing { open: true, close: true, allocate: true, truncate: true, rename: true, unlink: true };
        ring.missing = all;
        let pool = Pool::open(directory, 1).unwrap();
        ring.helper = Some(Helper { pool, busy: 0, watched: false });
        let before = ring.helper.as_ref().unwrap().pool.enters();
        let trial = trial::run(&mut ring);
        assert_eq!(trial.failure, None);
        assert!(ring.helper.as_ref().unwrap().pool.enters() > before, "the helper was asked");
        assert_eq!(all.names().len(), 6);
        drop(ring);
        std::fs::remove_dir_all(&root).unwrap();
    }
}
