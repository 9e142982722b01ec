//! One short life of an engine with everything in it: creation, appends of every level, state, settles, a close, a
//! second opening, reads. It is lived with one fault, and then, without faults, everything acknowledged must be there.

pub mod compaction;
mod model;

use crate::support::{config, filler};
use millrace_engine::{Code, Engine, EngineConfig, EngineError, Level};
use millrace_io::faults::{FaultRule, Faults, Site};
use millrace_io::{DriverChoice, Io, Limits, SimHandle, SimOptions};
use model::{Ask, Frame, State};
use std::fmt;
use std::path::PathBuf;

/// Nanoseconds of the driver's clock after which something counts as never ending. Settles are put off for up to 5 s.
const FOR_EVER_NS: u64 = 60_000_000_000;

/// Where a life takes place.
pub enum Ground {
    /// `cut`: it ends by a power cut, else by a kill.
    Sim {
        sim: SimHandle,
        cut: bool,
        /// The end comes so many frames after the first fault.
        within: Option<u64>,
    },
    Disk {
        root: PathBuf,
        choice: DriverChoice,
    },
}

impl Ground {
    pub fn sim(cut: bool) -> Ground {
        Ground::Sim { sim: SimHandle::new(SimOptions::perfect(1)), cut, within: None }
    }

    /// One that ends soon after the fault.
    pub fn sudden(cut: bool, within: u64) -> Ground {
        Ground::Sim { sim: SimHandle::new(SimOptions::perfect(1)), cut, within: Some(within) }
    }

    pub fn disk(name: &str, choice: DriverChoice) -> Ground {
        let root =
            PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("sites-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&root);
        Ground::Disk { root, choice }
    }

    fn open(&self) -> Io {
        match self {
            Ground::Sim { sim, .. } => Io::sim(sim.clone()),
            Ground::Disk { root, choice } => {
                Io::open(root, *choice, Limits::default()).expect("the driver opens")
            }
        }
    }

    /// Lets an engine that refuses for lack of room do something about it. Virtual time is free, real time is not.
    fn rest(&self, engine: &mut Engine) {
        for _ in 0..20 {
            engine.turn();
            let due = engine.next_deadline().map_or(1_000_000, |at| at.saturating_sub(engine.io().now_ns()));
            let most = if matches!(self, Ground::Sim { .. }) { 1_000_000_000 } else { 1_000_000 };
            engine.wait(Some(due.clamp(1, most)));
        }
    }

    fn end(&self) {
        if let Ground::Sim { sim, cut, .. } = self {
            if *cut { sim.cut_power() } else { sim.kill_process() }
        }
    }

    fn loses_what_is_only_written(&self) -> bool {
        matches!(self, Ground::Sim { cut: true, .. })
    }
}

impl fmt::Display for Ground {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ground::Sim { cut, within, .. } => {
                write!(f, "sim, {}", if *cut { "power cut" } else { "killed" })?;
                within.map_or(Ok(()), |frames| write!(f, " {frames} frames after the fault"))
            }
            Ground::Disk { choice, .. } => write!(f, "{choice:?}"),
        }
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        if let Ground::Disk { root, .. } = self {
            let _ = std::fs::remove_dir_all(root);
        }
    }
}

fn small() -> EngineConfig {
    EngineConfig {
        journal_file_bytes: 32 << 10,
        journal_files: 3,
        memory_bytes: 24 << 10,
        settle_bytes: 10 << 10,
        own_segment_bytes: 4 << 10,
        segment_bytes: 16 << 10,
        bulk_bytes: 4 << 10,
        ..config()
    }
}

/// Turns until `done`; an error when that never happens.
fn drive(engine: &mut Engine, what: &str, mut done: impl FnMut(&mut Engine) -> bool) -> Result<(), String> {
    let end = engine.io().now_ns() + FOR_EVER_NS;
    for _ in 0..1_000_000 {
        engine.turn();
        if done(engine) {
            return Ok(());
        }
        let now = engine.io().now_ns();
        if now > end {
            break;
        }
        let due = engine.next_deadline().map_or(1_000_000, |at| at.saturating_sub(now));
        engine.wait(Some(due.clamp(1, 1_000_000_000)));
    }
    Err(format!("{what} never ends"))
}

/// A life under way.
struct Life<'a> {
    ground: &'a Ground,
    faults: &'a Faults,
    frames: Vec<Frame>,
    /// LSNs acknowledged in this opening.
    durable: u64,
    written: u64,
    poisoned: bool,
    epoch: i32,
    /// Frames asked for since the first fault.
    since: u64,
    within: Option<u64>,
}

/// Lives with these faults and judges what is left. `heals`: faults end after the first half, and work must go on by
/// itself if nothing was poisoned.
pub fn live(ground: &Ground, faults: &Faults, heals: bool) -> Result<(), String> {
    let within = if let Ground::Sim { within, .. } = ground { *within } else { None };
    let mut life = Life {
        ground,
        faults,
        frames: Vec::new(),
        durable: 0,
        written: 0,
        poisoned: false,
        epoch: 0,
        since: 0,
        within,
    };
    life.first_run(heals)?;
    if !life.is_over() {
        life.second_run()?;
    }
    life.ground.end();
    faults.clear();
    life.within = None;
    life.judge()
}

/// The calls a life without faults makes.
pub fn sites(ground: &Ground) -> Vec<Site> {
    let faults = Faults::default();
    faults.record();
    live(ground, &faults, false).expect("a life without faults is in order");
    let mut sites = faults.sites();
    sites.retain(|site| site.nth > 0);
    sites
}

/// Lives once with a rule.
pub fn live_with(ground: &Ground, rule: FaultRule, heals: bool) -> Result<u64, String> {
    let faults = Faults::of(rule);
    live(ground, &faults, heals)?;
    Ok(faults.total())
}

impl Life<'_> {
    /// Whether the sudden end has come.
    fn is_over(&self) -> bool {
        self.within.is_some_and(|within| self.since > within)
    }

    /// Opens with the faults; `None` when that is refused with an error of its own.
    fn open(&mut self) -> Result<Option<Engine>, String> {
        match Engine::open(self.ground.open().faulty(self.faults), small()) {
            Ok((engine, account)) => {
                self.found(&engine, account.incarnation, self.poisoned)?;
                Ok(Some(engine))
            }
            Err(EngineError::Io(_) | EngineError::Journal(_)) => Ok(None),
            // A manifest's creation that failed half-way is begun anew: it is not there yet.
            Err(error) => Err(format!("opening with a fault answers: {error}")),
        }
    }

    /// Finds out which frames an opening came back with.
    fn found(&mut self, engine: &Engine, incarnation: u32, only_durable: bool) -> Result<(), String> {
        let least = if only_durable { self.durable } else { self.written };
        let least = self.frames.iter().filter(|frame| frame.lsn <= least).count();
        let kept =
            (0..=self.frames.len()).rev().find(|kept| State::after(&self.frames[..*kept]).matches(engine));
        let Some(kept) = kept else { return Err("what came back is no prefix".to_string()) };
        if kept < least {
            return Err(format!("{kept} of {} frames came back, {least} were promised", self.frames.len()));
        }
        self.frames.truncate(kept);
        let last = self.frames.last().map_or(0, |frame| frame.lsn);
        (self.durable, self.written) = (last, last);
        self.poisoned = false;
        self.epoch = incarnation as i32;
        Ok(())
    }

    fn first_run(&mut self, heals: bool) -> Result<(), String> {
        let Some(mut engine) = self.open()? else { return Ok(()) };
        for partition in model::PARTITIONS {
            self.ask(&mut engine, Ask::Create(partition), Level::Durable)?;
        }
        self.work(&mut engine, 1)?;
        if heals && engine.events().failure.is_none() {
            self.faults.clear();
            self.must_go_on(&mut engine)?;
        }
        if self.is_over() { Ok(()) } else { self.close(&mut engine) }
    }

    fn second_run(&mut self) -> Result<(), String> {
        let Some(mut engine) = self.open()? else { return Ok(()) };
        State::after(&self.frames).read_back(&mut engine, false)?;
        for partition in model::PARTITIONS {
            if engine.watermarks(partition).is_none() {
                self.ask(&mut engine, Ask::Create(partition), Level::Durable)?;
            }
        }
        self.work(&mut engine, 2)?;
        self.note(&engine);
        Ok(())
    }

    /// Appends of every level to both partitions until settles happened, and changes of the state between them.
    fn work(&mut self, engine: &mut Engine, round: u64) -> Result<(), String> {
        for n in 0..14u64 {
            let level = [Level::Durable, Level::Written, Level::Memory][n as usize % 3];
            let partition = if n % 4 == 3 { 2 } else { 1 };
            // Into the journal, into a shared segment, straight to a bulk file.
            let bytes = match (partition, n) {
                (2, _) => 100,
                (_, 6) => 5000,
                _ => 1500,
            };
            self.ask(engine, Ask::Append(partition, filler(round * 100 + n, bytes)), level)?;
            match n {
                2 => self.ask(engine, Ask::Put(b"key", vec![round as u8; 40]), Level::Durable)?,
                5 => self.ask(engine, Ask::Put(b"other", vec![7; 9]), Level::Memory)?,
                8 => self.ask(engine, Ask::Delete(b"other"), Level::Written)?,
                11 => self.ask(engine, Ask::DeleteRecords(1, round as i64), Level::Durable)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// One frame; what is refused for lack of room is tried a few times more.
    fn ask(&mut self, engine: &mut Engine, ask: Ask, level: Level) -> Result<(), String> {
        self.since += u64::from(self.faults.total() > 0);
        if self.is_over() {
            return Ok(());
        }
        let mut outcomes = Vec::new();
        for _ in 0..8 {
            let committed = engine.commit(&[ask.effect()], level, &mut outcomes);
            match committed.code {
                Code::Ok => {
                    let lsn = committed.lsn;
                    self.frames.push(Frame { lsn, epoch: self.epoch, ask });
                    drive(engine, "a commit", |engine| {
                        let events = engine.events();
                        let reached = match level {
                            Level::Durable => events.durable,
                            Level::Written => events.written,
                            Level::Memory => lsn,
                        };
                        reached >= lsn || events.failure.is_some()
                    })?;
                    self.note(engine);
                    return Ok(());
                }
                Code::Busy | Code::NoSpace => self.ground.rest(engine),
                // Its partition could not be created.
                Code::Poisoned | Code::UnknownPartition | Code::OffsetOutOfRange => break,
                code => return Err(format!("a frame is refused with {code:?}")),
            }
        }
        self.note(engine);
        Ok(())
    }

    /// Keeps what the engine has claimed.
    fn note(&mut self, engine: &Engine) {
        let events = engine.events();
        self.durable = self.durable.max(events.durable);
        self.written = self.written.max(events.written);
        self.poisoned |= events.failure.is_some();
    }

    /// Without faults an append is accepted and durable within a bounded time.
    fn must_go_on(&mut self, engine: &mut Engine) -> Result<(), String> {
        let ask = Ask::Append(1, filler(999, 700));
        let mut outcomes = Vec::new();
        let mut lsn = 0;
        drive(engine, "a refusal for lack of space", |engine| {
            let committed = engine.commit(&[ask.effect()], Level::Durable, &mut outcomes);
            lsn = committed.lsn;
            !matches!(committed.code, Code::Busy | Code::NoSpace)
        })?;
        if outcomes[0].code != Code::Ok {
            return Err(format!("with space again an append answers {:?}", outcomes[0].code));
        }
        self.frames.push(Frame { lsn, epoch: self.epoch, ask });
        drive(engine, "a flush", |engine| engine.events().durable >= lsn)?;
        self.note(engine);
        Ok(())
    }

    fn close(&mut self, engine: &mut Engine) -> Result<(), String> {
        engine.close_begin();
        drive(engine, "closing", |engine| engine.is_closed())?;
        self.note(engine);
        Ok(())
    }

    /// Without faults: everything promised is there, byte for byte, and work goes on.
    fn judge(&mut self) -> Result<(), String> {
        let opened = Engine::open(self.ground.open(), small());
        let (mut engine, account) = opened.map_err(|error| format!("opening without faults: {error}"))?;
        if !account.damage.is_empty() {
            return Err(format!("damage without any damage done: {:?}", account.damage));
        }
        let only_durable = self.poisoned || self.ground.loses_what_is_only_written();
        self.found(&engine, account.incarnation, only_durable)?;
        State::after(&self.frames).read_back(&mut engine, true)?;
        if engine.watermarks(1).is_none() {
            self.ask(&mut engine, Ask::Create(1), Level::Durable)?;
        }
        self.must_go_on(&mut engine)?;
        self.close(&mut engine)?;
        if !engine.has_clean_mark() {
            return Err("no clean mark without faults".to_string());
        }
        Ok(())
    }
}
