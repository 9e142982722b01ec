//! A test's hold on a simulated machine: it outlives power cuts, and can look at and damage the medium.

use super::damage::{Damage, DamageKind};
use super::options::SimOptions;
use super::world::World;
use crate::driver::{DriverKind, DriverReport};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

/// A simulated machine. Clones are the same machine.
#[derive(Clone, Debug)]
pub struct SimHandle {
    world: Arc<Mutex<World>>,
}

impl SimHandle {
    /// A machine with an empty disk.
    #[must_use]
    pub fn new(options: SimOptions) -> SimHandle {
        SimHandle { world: Arc::new(Mutex::new(World::new(options))) }
    }

    /// A failed test may have poisoned the lock; others may still want to look.
    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Cuts the power: attempts in flight happen in part, unflushed sectors, sizes and names survive or not. The
    /// `Io` that used the machine never completes anything again; open a new one with `Io::sim`.
    pub fn cut_power(&self) {
        let mut world = self.world();
        if world.powered {
            world.cut_power();
        }
    }

    /// Kills the process that uses the machine: what was written stays, as the kernel's caches do.
    pub fn kill_process(&self) {
        self.world().kill_process();
    }

    /// Whether the power was cut and nobody has opened the disk since.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        !self.world().powered
    }

    /// A machine with the same files and caches and a future of its own; `self` goes on undisturbed. What is in
    /// flight does not come along.
    #[must_use]
    pub fn fork(&self, seed: u64) -> SimHandle {
        SimHandle { world: Arc::new(Mutex::new(self.world().fork(seed))) }
    }

    /// Submissions and completions so far, timers not counted: what `SimOptions::cut_at` counts.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.world().events
    }

    /// Attempts completed so far, timers not counted: what `FailAt::attempt` counts.
    #[must_use]
    pub fn attempts(&self) -> u64 {
        self.world().attempts
    }

    #[must_use]
    pub fn options(&self) -> SimOptions {
        self.world().options.clone()
    }

    /// Changes options from now on, e.g. to end a phase of faults.
    pub fn change_options(&self, change: impl FnOnce(&mut SimOptions)) {
        change(&mut self.world().options);
    }

    /// Virtual nanoseconds of the monotonic clock.
    #[must_use]
    pub fn now_ns(&self) -> u64 {
        self.world().now_ns
    }

    /// Lets time pass; what becomes due completes at the next drain.
    pub fn advance(&self, ns: u64) {
        self.world().now_ns += ns;
    }

    /// Holds every operation back from now on, or lets all of them go on.
    pub fn hold(&self, held: bool) {
        self.world().hold(held);
    }

    /// Names of all files, sorted.
    #[must_use]
    pub fn files(&self) -> Vec<String> {
        let world = self.world();
        let in_directory = |(path, directory): (&std::path::PathBuf, &super::names::Directory)| {
            directory.current.keys().map(|name| path.join(name).display().to_string()).collect::<Vec<_>>()
        };
        world.directories.iter().flat_map(in_directory).collect()
    }

    /// Milliseconds since 1970 on the machine's wall clock.
    #[must_use]
    pub fn wall_ms(&self) -> i64 {
        let world = self.world();
        world.wall_offset_ms + (world.now_ns / 1_000_000) as i64
    }

    /// Moves the wall clock, forward or back.
    pub fn shift_wall_ms(&self, ms: i64) {
        self.world().wall_offset_ms += ms;
    }

    /// The bytes a process would read from a file; `None` when there is none of that name.
    #[must_use]
    pub fn read(&self, path: impl AsRef<Path>) -> Option<Vec<u8>> {
        let mut world = self.world();
        let inode = world.inode_of(path.as_ref()).ok()?;
        let file = &world.files[&inode];
        let mut bytes = vec![0; file.size() as usize];
        file.read(0, &mut bytes);
        Some(bytes)
    }

    /// Changes bytes on the medium behind everyone's back (what was written before becomes durable first). False
    /// when there is no such file.
    pub fn overwrite(&self, path: impl AsRef<Path>, position: u64, bytes: &[u8]) -> bool {
        let mut world = self.world();
        let Ok(inode) = world.inode_of(path.as_ref()) else { return false };
        world.with_file(inode, |file, _| file.damage(position, bytes));
        let kind = DamageKind::Changed;
        world.damage.push(Damage { kind, inode, position, length: bytes.len() as u64 });
        true
    }

    /// Flips one bit on the medium. False when the file does not reach that far.
    pub fn flip_bit(&self, path: impl AsRef<Path>, position: u64, bit: u8) -> bool {
        let Some(bytes) = self.read(path.as_ref()) else { return false };
        let Some(byte) = bytes.get(position as usize) else { return false };
        self.overwrite(path, position, &[byte ^ (1 << (bit % 8))])
    }

    /// Reads of these bytes fail with EIO from now on. False when there is no such file.
    pub fn spoil(&self, path: impl AsRef<Path>, position: u64, length: u64) -> bool {
        let mut world = self.world();
        let Ok(inode) = world.inode_of(path.as_ref()) else { return false };
        world.with_file(inode, |file, _| file.spoil(position, length));
        true
    }

    /// What was damaged so far in the file that has this name now.
    #[must_use]
    pub fn damage_of(&self, path: impl AsRef<Path>) -> Vec<Damage> {
        let mut world = self.world();
        let Ok(inode) = world.inode_of(path.as_ref()) else { return Vec::new() };
        world.damage.iter().filter(|damage| damage.inode == inode).copied().collect()
    }

    /// Everything that was damaged so far.
    #[must_use]
    pub fn damage(&self) -> Vec<Damage> {
        self.world().damage.clone()
    }

    /// Bytes of all files.
    #[must_use]
    pub fn used(&self) -> u64 {
        self.world().used()
    }

    /// Which start of the machine this is: every power cut leads to another one.
    pub(crate) fn boot(&self) -> u64 {
        self.world().power_cuts + 1
    }

    #[cfg(feature = "planted")]
    pub(crate) fn planted(&self) -> Option<crate::planted::PlantedBug> {
        self.world().options.planted
    }

    pub(crate) fn report(&self) -> DriverReport {
        let world = self.world();
        DriverReport {
            kind: DriverKind::Sim,
            reason: format!("simulated disk, {}", world.options),
            direct: world.options.direct,
            direct_reason: if world.options.direct { String::new() } else { "by option".to_string() },
            alignment: 512,
            flags: Vec::new(),
            missing: Vec::new(),
            in_flight_max: world.options.in_flight.clamp(1, 1024),
        }
    }
}
