//! The simulated machine: files, directories, attempts in flight, the clock, and what happens when the power goes.
//!
//! What it is not: clever about what is asked of it. Continuing short writes and the like happens above, in the code
//! that real drivers use too.
//!
//! The one invariant: everything here follows from the options and the order of calls. No real clock, no thread, no
//! hash order.

use super::damage::Damage;
use super::file::{Change, Pending, SimFile};
use super::names::{Directory, Inode, NameChange};
use super::options::SimOptions;
use super::random::Random;
use crate::attempt::{Attempt, Handle, Outcome, Token};
use crate::signal::Signal;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// An attempt that was started and has not completed.
#[derive(Debug)]
pub(super) struct Flying {
    pub token: Token,
    pub attempt: Attempt,
    /// The sequence number changes would have got when it was submitted: a flush covers what is below.
    pub submitted: u64,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct OpenHandle {
    pub inode: Inode,
    pub direct: bool,
}

#[derive(Debug)]
pub(super) struct World {
    pub options: SimOptions,
    pub random: Random,
    pub now_ns: u64,
    pub wall_offset_ms: i64,
    /// Which driver may use it; every power cut and every reopening ends the one before.
    pub epoch: u64,
    pub powered: bool,
    pub files: BTreeMap<Inode, SimFile>,
    pub dirty: BTreeSet<Inode>,
    pub directories: BTreeMap<PathBuf, Directory>,
    pub handles: BTreeMap<Handle, OpenHandle>,
    flying: BTreeMap<(u64, u64), Flying>,
    timers: BTreeMap<(u64, u64), Flying>,
    pub sequence: u64,
    starts: u64,
    next_inode: Inode,
    next_handle: Handle,
    /// Inodes that lost a name: looked at when names become durable.
    pub orphans: Vec<Inode>,
    /// Attempts completed, without timers.
    pub attempts: u64,
    /// Submissions and completions, without timers.
    pub events: u64,
    pub damage: Vec<Damage>,
    /// What the driver's user polls, once it does: raised when a held device goes on.
    pub signal: Option<Arc<Signal>>,
    /// How often the power was cut.
    pub power_cuts: u64,
}

impl World {
    pub fn new(options: SimOptions) -> World {
        World {
            random: Random::new(options.seed),
            options,
            now_ns: 1_000_000_000,
            wall_offset_ms: 1_700_000_000_000,
            epoch: 0,
            powered: true,
            files: BTreeMap::new(),
            dirty: BTreeSet::new(),
            directories: BTreeMap::from([(PathBuf::new(), Directory::default())]),
            handles: BTreeMap::new(),
            flying: BTreeMap::new(),
            timers: BTreeMap::new(),
            sequence: 1,
            starts: 0,
            next_inode: 1,
            next_handle: 3,
            orphans: Vec::new(),
            attempts: 0,
            events: 0,
            damage: Vec::new(),
            signal: None,
            power_cuts: 0,
        }
    }

    /// A machine with the same files, whose future is its own. What is in flight stays behind, as after a crash of
    /// the process; caches are copied.
    pub fn fork(&self, seed: u64) -> World {
        let options = SimOptions { seed, ..self.options.clone() };
        World {
            files: self.files.clone(),
            dirty: self.dirty.clone(),
            directories: self.directories.clone(),
            now_ns: self.now_ns,
            wall_offset_ms: self.wall_offset_ms,
            sequence: self.sequence,
            next_inode: self.next_inode,
            orphans: self.orphans.clone(),
            power_cuts: self.power_cuts,
            ..World::new(options)
        }
    }

    /// A process opens the disk: the machine has power, and whoever used it before is gone.
    pub fn boot(&mut self) -> u64 {
        if !self.powered {
            self.powered = true;
        } else {
            self.kill_process();
        }
        self.epoch += 1;
        self.signal = None;
        // Opening waits for its operations: a device that holds them would never be open.
        self.options.held = false;
        self.epoch
    }

    /// Holds every attempt back, or lets them go on.
    pub fn hold(&mut self, held: bool) {
        self.options.held = held;
        if let (false, true, Some(signal)) = (held, self.in_flight() > 0, &self.signal) {
            signal.raise();
        }
    }

    pub fn start(&mut self, token: Token, attempt: Attempt) {
        self.starts += 1;
        let flying = Flying { token, attempt, submitted: self.sequence };
        if let Attempt::Timer { deadline_ns } = flying.attempt {
            self.timers.insert((deadline_ns, self.starts), flying);
            return;
        }
        let (shortest, longest) = self.options.delay_ns;
        let due = self.now_ns + self.random.between(shortest, longest.max(shortest));
        self.flying.insert((due, self.starts), flying);
        self.count_event();
    }

    /// Counts an event; true when the power went at it.
    fn count_event(&mut self) -> bool {
        self.events += 1;
        if self.options.cut_at == Some(self.events) {
            self.cut_power();
        }
        !self.powered
    }

    pub fn in_flight(&self) -> usize {
        self.flying.len() + self.timers.len()
    }

    /// Whether something in flight will complete without anybody else's doing.
    pub fn can_progress(&self) -> bool {
        self.next_due(true).is_some()
    }

    /// When the next thing happens. Timers count only when asked for.
    pub fn next_due(&self, with_timers: bool) -> Option<u64> {
        let attempt = self.flying.first_key_value().map(|((due, _), _)| *due).filter(|_| !self.options.held);
        let timer = self.timers.first_key_value().map(|((due, _), _)| *due).filter(|_| with_timers);
        attempt.into_iter().chain(timer).min()
    }

    /// Completes everything that is due.
    pub fn reap(&mut self, outcomes: &mut Vec<Outcome>) {
        while let Some(entry) = self.timers.first_entry().filter(|entry| entry.key().0 <= self.now_ns) {
            let Flying { token, attempt, .. } = entry.remove();
            outcomes.push(Outcome { token, attempt, result: 0 });
        }
        while !self.options.held
            && self.flying.first_key_value().is_some_and(|((due, _), _)| *due <= self.now_ns)
        {
            if self.count_event() {
                outcomes.clear();
                return;
            }
            let (_, Flying { token, mut attempt, submitted }) = self.flying.pop_first().expect("looked at");
            let result = self.complete(&mut attempt, submitted);
            outcomes.push(Outcome { token, attempt, result });
        }
    }

    /// Teardown: timers end now; the device finishes everything else.
    pub fn cancel_timers(&mut self, outcomes: &mut Vec<Outcome>) {
        self.options.held = false;
        for (_, Flying { token, attempt, .. }) in std::mem::take(&mut self.timers) {
            outcomes.push(Outcome { token, attempt, result: -i64::from(libc::ECANCELED) });
        }
    }

    /// The power goes. What was in flight happens in part; then every file and directory keeps what it can.
    pub fn cut_power(&mut self) {
        self.land_in_part();
        for inode in std::mem::take(&mut self.dirty) {
            if let Some(file) = self.files.get_mut(&inode) {
                file.cut_power(&mut self.random, self.options.garbage);
            }
        }
        let lenient_end = (!self.options.strict_names).then(|| self.random.between(1, self.sequence));
        for directory in self.directories.values_mut() {
            directory.cut_power(&mut self.random, lenient_end);
        }
        self.handles.clear();
        self.orphans.clear();
        let named: BTreeSet<Inode> =
            self.directories.values().flat_map(|directory| directory.current.values().copied()).collect();
        self.files.retain(|inode, _| named.contains(inode));
        self.powered = false;
        self.power_cuts += 1;
        // A machine takes a moment to come back.
        self.now_ns += 1_000_000_000;
    }

    /// The process is killed: the kernel finishes or forgets what was in flight, and keeps its caches.
    pub fn kill_process(&mut self) {
        self.land_in_part();
        self.handles.clear();
        self.epoch += 1;
    }

    /// Attempts in flight happen wholly, in part or not at all, and nobody hears of it.
    fn land_in_part(&mut self) {
        self.timers.clear();
        let mut flying: Vec<_> = std::mem::take(&mut self.flying).into_iter().collect();
        flying.sort_unstable_by_key(|((_, start), _)| *start);
        for (_, Flying { mut attempt, .. }) in flying {
            let happens = match &mut attempt {
                Attempt::Write { durable, .. } => {
                    *durable = false;
                    true
                }
                Attempt::Sync { .. } | Attempt::SyncDirectory { .. } | Attempt::Read { .. } => false,
                _ => self.random.coin(),
            };
            if happens {
                self.perform(&mut attempt, 0);
            }
        }
    }

    pub fn next_sequence(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence - 1
    }

    pub fn new_inode(&mut self) -> Inode {
        let inode = self.next_inode;
        self.next_inode += 1;
        self.files.insert(inode, SimFile::default());
        inode
    }

    pub fn new_handle(&mut self, open: OpenHandle) -> Handle {
        let handle = self.next_handle;
        self.next_handle += 1;
        self.handles.insert(handle, open);
        handle
    }

    /// The directory a path is in, and its last name.
    pub fn locate(&mut self, path: &Path) -> Result<(&mut Directory, String), i32> {
        let name = path.file_name().and_then(|name| name.to_str()).ok_or(libc::EINVAL)?;
        let parent = path.parent().unwrap_or(Path::new(""));
        let directory = self.directories.get_mut(parent).ok_or(libc::ENOENT)?;
        Ok((directory, name.to_string()))
    }

    pub fn inode_of(&mut self, path: &Path) -> Result<Inode, i32> {
        let (directory, name) = self.locate(path)?;
        directory.current.get(&name).copied().ok_or(libc::ENOENT)
    }

    pub fn change_names(&mut self, path: &Path, change: NameChange) -> Result<(), i32> {
        let sequence = self.next_sequence();
        self.locate(path)?.0.change(sequence, change);
        Ok(())
    }

    /// Records a change to a file that has completed.
    pub fn push(&mut self, open: OpenHandle, change: Change, size_after: u64, durable: bool) {
        let sequence = self.next_sequence();
        let file = self.files.get_mut(&open.inode).expect("an open file exists");
        file.push(Pending {
            sequence,
            change,
            size_after,
            direct: open.direct,
            data_durable: durable,
            size_durable: durable,
            dropped_at: None,
        });
        if file.is_dirty() {
            self.dirty.insert(open.inode);
        } else {
            self.dirty.remove(&open.inode);
        }
    }

    /// Runs `change` on a file and keeps the list of dirty ones right.
    pub fn with_file<T>(&mut self, inode: Inode, change: impl FnOnce(&mut SimFile, &mut Random) -> T) -> T {
        let file = self.files.get_mut(&inode).expect("an open or dirty file exists");
        let result = change(file, &mut self.random);
        if !file.is_dirty() {
            self.dirty.remove(&inode);
        }
        result
    }

    /// Forgets files that no name, handle or unfinished change of names refers to.
    pub fn collect_orphans(&mut self) {
        let mut orphans = std::mem::take(&mut self.orphans);
        orphans.retain(|inode| {
            let kept = self.handles.values().any(|open| open.inode == *inode)
                || self.directories.values().any(|directory| directory.may_name(*inode));
            if !kept {
                self.files.remove(inode);
                self.dirty.remove(inode);
            }
            kept
        });
        self.orphans = orphans;
    }

    /// Bytes of all files.
    pub fn used(&self) -> u64 {
        self.files.values().map(SimFile::size).sum()
    }
}
