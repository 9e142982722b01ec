//! Power cuts and kills of an engine with stores, checked against a model: what comes back is the state after some whole
//! frame, and nothing that was durable is missing. Deleted keys stay deleted, whatever was merged before.

use super::{Draw, Entry, Model, Write, draw_write, scan};
use millrace_engine::{Code, Effect, Engine, EngineConfig, Level, Policy};
use millrace_io::{Io, SimHandle, SimOptions};
use std::ops::Bound;

const KEYS: u64 = 24;

/// What seeds came to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    pub cuts: u64,
    pub cuts_in_recovery: u64,
    pub settles: u64,
    pub merges: u64,
    pub frames: u64,
    /// Bytes that went to large files.
    pub large_bytes: u64,
    /// Bytes that merges copied out of mostly dead large files.
    pub moved_bytes: u64,
}

impl Tally {
    pub const FIELDS: usize = 7;

    /// Everything it counts, by name.
    pub fn places(&mut self) -> [(&'static str, &mut u64); Tally::FIELDS] {
        [
            ("cuts", &mut self.cuts),
            ("cuts_in_recovery", &mut self.cuts_in_recovery),
            ("settles", &mut self.settles),
            ("merges", &mut self.merges),
            ("frames", &mut self.frames),
            ("large_bytes", &mut self.large_bytes),
            ("moved_bytes", &mut self.moved_bytes),
        ]
    }

    fn add(&mut self, other: &Tally) {
        let mut other = *other;
        for ((_, sum), (_, part)) in self.places().into_iter().zip(other.places()) {
            *sum += *part;
        }
    }
}

struct Machine {
    draw: Draw,
    sim: SimHandle,
    config: EngineConfig,
    /// States after frames: the first is what the last opening found.
    states: Vec<(u64, Model)>,
    durable: u64,
    tally: Tally,
    /// Hints are damaged while the machine is off.
    spoils_hints: bool,
}

#[cfg(feature = "planted")]
thread_local! {
    /// Bugs of the journal in all engines of this thread.
    pub static OF_THE_JOURNAL: std::cell::Cell<millrace_engine::Planted> =
        std::cell::Cell::new(millrace_engine::Planted::default());
}

/// Runs one seed; the error says what was violated.
pub fn run(seed: u64, spoils_hints: bool) -> Result<Tally, String> {
    let mut draw = Draw::new(seed);
    let mut pick = |of: &[u64]| of[draw.below(of.len() as u64) as usize];
    let config = EngineConfig {
        policy: if pick(&[0, 1]) == 0 { Policy::ALWAYS } else { Policy::OS },
        journal_file_bytes: pick(&[16 << 10, 32 << 10]),
        journal_files: 4,
        memory_bytes: pick(&[24 << 10, 1 << 20]),
        settle_bytes: pick(&[1 << 10, 4 << 10]),
        own_segment_bytes: 2 << 10,
        segment_bytes: 8 << 10,
        bulk_bytes: 0,
        large_bytes: pick(&[0, 50, 50, 2_000]),
        index_interval_bytes: 1 << 10,
        read_ahead_bytes: 4 << 20,
        fresh_directory_id: *b"a simulated disk",
        fresh_cluster_id: *b"one test cluster",
        node_id: 1,
        #[cfg(feature = "planted")]
        planted: OF_THE_JOURNAL.with(std::cell::Cell::get),
    };
    let sim = SimHandle::new(SimOptions::random(seed));
    let states = vec![(0, Model::new())];
    let (durable, tally) = (0, Tally::default());
    let mut machine = Machine { draw, sim, config, states, durable, tally, spoils_hints };
    for _ in 0..8 {
        machine.live()?;
    }
    Ok(machine.tally)
}

/// Runs seeds from `first` on until at least `cuts` power cuts happened. `Err` names the seed.
pub fn run_many(first: u64, cuts: u64, spoils_hints: bool) -> Result<Tally, (u64, String)> {
    let mut tally = Tally::default();
    let mut seed = first;
    while tally.cuts < cuts {
        tally.add(&run(seed, spoils_hints).map_err(|violation| (seed, violation))?);
        seed += 1;
    }
    Ok(tally)
}

impl Machine {
    fn live(&mut self) -> Result<(), String> {
        let mut engine = self.open()?;
        let within = 30 + self.draw.below(1_500);
        let at = self.sim.events() + within;
        self.sim.change_options(|options| options.cut_at = Some(at));
        for _ in 0..2_000 {
            self.work(&mut engine)?;
            let events = engine.events();
            self.durable = self.durable.max(events.durable);
            if self.sim.is_cut() {
                break;
            }
        }
        if !self.sim.is_cut() {
            if self.draw.once_in(2) { self.sim.cut_power() } else { self.sim.kill_process() }
        }
        self.tally.cuts += u64::from(self.sim.is_cut());
        self.tally.settles += engine.counters().settles;
        self.tally.large_bytes += engine.counters().journal.bulk_bytes;
        let stores = self.states.last().expect("there is always one").1.keys().next().copied();
        let stats = stores.and_then(|store| engine.kv_stats(store)).unwrap_or_default();
        self.tally.merges += stats.merges;
        self.tally.moved_bytes += stats.moved_bytes;
        drop(engine);
        if self.spoils_hints {
            self.spoil_hints();
        }
        Ok(())
    }

    fn work(&mut self, engine: &mut Engine) -> Result<(), String> {
        match self.draw.below(8) {
            0..4 => self.write(engine),
            4 if self.draw.once_in(6) => {
                let model = &self.states.last().expect("there is always one").1;
                if let Some(store) = model.keys().next().copied() {
                    let mut bits = self.draw.below(u64::MAX);
                    let mut pick = |_| {
                        bits = bits.rotate_left(1);
                        bits & 1 == 0
                    };
                    engine.kv_merge_files(store, &mut pick);
                }
                Ok(())
            }
            _ => {
                engine.turn();
                let due = engine.next_deadline().is_some_and(|at| at <= engine.io().now_ns());
                if !due && !self.sim.is_cut() {
                    engine.wait(Some(100_000));
                }
                Ok(())
            }
        }
    }

    fn write(&mut self, engine: &mut Engine) -> Result<(), String> {
        let mut next = self.states.last().expect("there is always one").1.clone();
        let mut writes: Vec<Write> = Vec::new();
        for _ in 0..1 + self.draw.below(5) {
            let write = draw_write(&mut self.draw, &next, KEYS);
            write.apply(&mut next, engine.events().appended + 1);
            writes.push(write);
        }
        let effects: Vec<Effect<'_>> = writes.iter().map(Write::effect).collect();
        let level = if self.draw.once_in(2) { Level::Durable } else { Level::Written };
        let committed = engine.commit(&effects, level, &mut Vec::new());
        match committed.code {
            Code::Ok => {
                self.tally.frames += 1;
                self.states.push((committed.lsn, next));
                Ok(())
            }
            Code::Busy | Code::NoSpace | Code::Poisoned | Code::MessageTooLarge => Ok(()),
            code => Err(format!("{code:?} for {} writes", writes.len())),
        }
    }

    fn open(&mut self) -> Result<Engine, String> {
        let mut cuts_left = if self.draw.once_in(3) { self.draw.below(3) } else { 0 };
        loop {
            self.sim.change_options(|options| options.cut_at = None);
            if cuts_left > 0 {
                cuts_left -= 1;
                let at = self.sim.events() + 1 + self.draw.below(60);
                self.sim.change_options(|options| options.cut_at = Some(at));
            }
            match Engine::open(Io::sim(self.sim.clone()), self.config.clone()) {
                Ok((engine, account)) => {
                    self.sim.change_options(|options| options.cut_at = None);
                    if !account.damage.is_empty() {
                        return Err(format!("damage on an honest device: {:?}", account.damage));
                    }
                    if self.sim.is_cut() {
                        self.tally.cuts += 1;
                        continue;
                    }
                    return self.recovered(engine);
                }
                Err(_) if self.sim.is_cut() => {
                    self.tally.cuts += 1;
                    self.tally.cuts_in_recovery += 1;
                }
                Err(error) => return Err(format!("opening failed: {error}")),
            }
        }
    }

    /// Finds the state that came back.
    fn recovered(&mut self, mut engine: Engine) -> Result<Engine, String> {
        let mut found = Model::new();
        for store in 1..6 {
            if engine.kv_count(store).is_none() {
                continue;
            }
            let everything = (Bound::Unbounded, Bound::Unbounded);
            let entries: Vec<(Vec<u8>, Entry)> = scan(&mut engine, store, 0, everything, false, 16)?;
            if engine.kv_count(store) != Some(entries.len() as u64) {
                return Err(format!(
                    "store {store} counts {:?} of {}",
                    engine.kv_count(store),
                    entries.len()
                ));
            }
            found.insert(store, entries.into_iter().collect());
        }
        let kept = self.states.iter().rposition(|(_, state)| *state == found);
        let Some(kept) = kept else {
            let (lsn, last) = self.states.last().expect("there is always one");
            return Err(format!("no state is like what came back; {}", difference(*lsn, last, &found)));
        };
        let lost = self.states[kept + 1..].iter().find(|(lsn, _)| *lsn <= self.durable);
        if let Some((lsn, _)) = lost {
            return Err(format!("the frame {lsn} was durable (up to {}) and is gone", self.durable));
        }
        self.states.drain(..kept);
        self.states.truncate(1);
        self.states[0].0 = engine.events().appended;
        self.durable = 0;
        Ok(engine)
    }

    fn spoil_hints(&mut self) {
        for path in self.sim.files().into_iter().filter(|path| path.ends_with(".hint")) {
            let length = self.sim.read(&path).map_or(0, |bytes| bytes.len() as u64);
            if length > 0 && self.draw.once_in(2) {
                let position = self.draw.below(length);
                self.sim.flip_bit(&path, position, (self.draw.below(8)) as u8);
            }
        }
    }
}

fn difference(lsn: u64, expected: &Model, found: &Model) -> String {
    for (store, keys) in expected {
        let Some(others) = found.get(store) else {
            return format!("store {store} is missing, last LSN {lsn}");
        };
        let missing: Vec<_> = keys.keys().filter(|key| !others.contains_key(*key)).collect();
        let extra: Vec<_> = others.keys().filter(|key| !keys.contains_key(*key)).collect();
        let other = keys.iter().filter(|(key, entry)| others.get(*key).is_some_and(|other| other != *entry));
        let other = other.count();
        if !missing.is_empty() || !extra.is_empty() || other > 0 {
            return format!(
                "store {store}, last LSN {lsn}: missing {missing:?}, extra {extra:?}, other {other}"
            );
        }
    }
    format!("last LSN {lsn}: stores {:?}", found.keys())
}
