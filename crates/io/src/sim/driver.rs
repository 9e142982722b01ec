//! The simulated machine as a driver. Time passes only when somebody waits, or drains and nothing is due.

use super::handle::SimHandle;
use crate::attempt::{Attempt, Handle, Outcome, Token};
use crate::directory::display;
use crate::driver::Driver;
use crate::errno::IoError;
use crate::op::OpenMode;
use crate::signal::Signal;
use std::cell::OnceCell;
use std::os::fd::RawFd;
use std::path::Path;
use std::sync::Arc;

#[derive(Debug)]
pub(crate) struct SimDriver {
    sim: SimHandle,
    epoch: u64,
    cancelled: Vec<Outcome>,
    enters: u64,
    /// Readable while anything is in flight. Made when it is first asked for: most simulations never do.
    signal: OnceCell<Arc<Signal>>,
}

impl SimDriver {
    pub fn new(sim: SimHandle) -> SimDriver {
        let epoch = sim.world().boot();
        SimDriver { sim, epoch, cancelled: Vec::new(), enters: 0, signal: OnceCell::new() }
    }

    fn refresh_signal(&self, signal: &Signal) {
        if self.is_alive() && self.sim.world().can_progress() { signal.raise() } else { signal.lower() }
    }

    fn dead(&self, what: &str, path: &Path) -> Result<(), IoError> {
        if self.is_alive() {
            return Ok(());
        }
        Err(IoError::from_errno(libc::ECANCELED, format!("{what} {} after a power cut", display(path))))
    }
}

impl Driver for SimDriver {
    fn start(&mut self, token: Token, attempt: Attempt) {
        // An attempt of a dead process never happens, and nobody hears of it.
        if self.is_alive() {
            self.sim.world().start(token, attempt);
        }
    }

    fn enter(&mut self) {
        self.enters += 1;
        if let Some(signal) = self.signal.get() {
            self.refresh_signal(signal);
        }
    }

    fn reap(&mut self, outcomes: &mut Vec<Outcome>) {
        if self.is_alive() {
            outcomes.append(&mut self.cancelled);
            self.sim.world().reap(outcomes);
        }
    }

    fn wait(&mut self, timeout_ns: Option<u64>) {
        let mut world = self.sim.world();
        let due = world.next_due(true).map(|due| due.max(world.now_ns));
        let limit = timeout_ns.map(|timeout| world.now_ns.saturating_add(timeout));
        if let Some(time) = due.into_iter().chain(limit).min() {
            world.now_ns = time;
        }
    }

    fn skip_idle_time(&mut self) -> bool {
        if !self.is_alive() {
            return false;
        }
        let mut world = self.sim.world();
        // A timer is waited for only when the disk has nothing to do.
        let Some(due) = world.next_due(false).or_else(|| world.next_due(true)) else { return false };
        world.now_ns = world.now_ns.max(due);
        true
    }

    fn poll_fd(&self) -> RawFd {
        let signal = self.signal.get_or_init(|| {
            let signal = Arc::new(Signal::new().expect("a simulation can have a descriptor to be polled by"));
            self.refresh_signal(&signal);
            if self.is_alive() {
                self.sim.world().signal = Some(Arc::clone(&signal));
            }
            signal
        });
        signal.descriptor()
    }

    fn now_ns(&self) -> u64 {
        self.sim.now_ns()
    }

    fn wall_ms(&self) -> i64 {
        let world = self.sim.world();
        world.wall_offset_ms + (world.now_ns / 1_000_000) as i64
    }

    fn opened(&mut self, handle: Handle, _mode: OpenMode) -> Result<u64, i32> {
        self.size(handle)
    }

    fn size(&mut self, handle: Handle) -> Result<u64, i32> {
        let world = self.sim.world();
        let open = world.handles.get(&handle).ok_or(libc::EBADF)?;
        Ok(world.files[&open.inode].size())
    }

    fn cancel_all(&mut self) {
        if self.is_alive() {
            self.sim.world().cancel_timers(&mut self.cancelled);
        }
    }

    fn release(&mut self, handle: Handle) {
        if self.is_alive() {
            self.sim.world().handles.remove(&handle);
        }
    }

    fn enters(&self) -> u64 {
        self.enters
    }

    fn is_alive(&self) -> bool {
        let world = self.sim.world();
        world.powered && world.epoch == self.epoch
    }

    fn list(&mut self, path: &Path) -> Result<Vec<String>, IoError> {
        self.dead("list", path)?;
        let world = self.sim.world();
        let Some(directory) = world.directories.get(path) else {
            return Err(IoError::from_errno(libc::ENOENT, format!("list {}", display(path))));
        };
        let below = world.directories.keys().filter(|name| name.parent() == Some(path));
        let below = below.filter_map(|name| name.file_name()?.to_str()).map(str::to_string);
        let mut names: Vec<String> = directory.current.keys().cloned().chain(below).collect();
        names.sort_unstable();
        Ok(names)
    }

    fn make_directory(&mut self, path: &Path) -> Result<(), IoError> {
        self.dead("create", path)?;
        let mut world = self.sim.world();
        let parent = path.parent().unwrap_or(Path::new(""));
        let errno = if !world.directories.contains_key(parent) {
            libc::ENOENT
        } else if world.inode_of(path).is_ok() {
            libc::EEXIST
        } else {
            world.directories.entry(path.to_path_buf()).or_default();
            return Ok(());
        };
        Err(IoError::from_errno(errno, format!("create {}", display(path))))
    }

    fn exists(&mut self, path: &Path) -> Result<bool, IoError> {
        self.dead("stat", path)?;
        let mut world = self.sim.world();
        Ok(world.directories.contains_key(path) || world.inode_of(path).is_ok())
    }

    fn read_small(&mut self, path: &Path, limit: usize) -> Result<Vec<u8>, IoError> {
        self.dead("read", path)?;
        let error = |errno| IoError::from_errno(errno, format!("read {}", display(path)));
        let bytes = self.sim.read(path).ok_or_else(|| error(libc::ENOENT))?;
        if bytes.len() > limit { Err(error(libc::EFBIG)) } else { Ok(bytes) }
    }
}
