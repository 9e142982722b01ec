//! One scenario: an engine on a real file system, appends, a flush of the device that fails, a power cut, and what is there
//! afterwards.
//!
//! The invariant it looks for: what was acknowledged as durable is there, in order and byte for byte; and after a flush has
//! failed the engine asks for no other one of its journal, and refuses what is to be written.

use crate::fuse::Failing;
use crate::volume::{System, Volume};
use millrace_engine::{
    Append, Code, Effect, Engine, EngineConfig, Isolation, Level, Policy, Read, RecoveryAccount,
};
use millrace_io::{DriverChoice, Io, Limits};
use std::path::{Path, PathBuf};

#[path = "../../../log/tests/support/batches.rs"]
mod batches;

const PARTITION: u64 = 1;
/// Appends before the device is told to fail, and at most behind.
const BEFORE: u64 = 5;
const BEHIND: u64 = 120;
/// Turns after which something counts as never ending; each waits for a millisecond at most.
const TURNS_MAX: usize = 120_000;

pub enum Failure {
    /// A promise was broken.
    Violation(String),
    /// It could not be tried.
    Setting(String),
}

#[derive(Debug)]
pub struct Scenario {
    number: u64,
    system: System,
    driver: DriverChoice,
    failing: Failing,
}

/// What a scenario came to.
#[derive(Debug)]
pub struct Seen {
    /// The engine has told of the failure.
    pub told: bool,
    /// The file system could be mounted after the cut.
    pub mountable: bool,
    pub acknowledged: u64,
    /// Of the device.
    pub flushes: u64,
    pub failed: u64,
}

fn setting(error: impl ToString) -> Failure {
    Failure::Setting(error.to_string())
}

fn violation(what: impl ToString) -> Failure {
    Failure::Violation(what.to_string())
}

fn config() -> EngineConfig {
    EngineConfig {
        policy: Policy::ALWAYS,
        journal_file_bytes: 64 << 10,
        journal_files: 4,
        memory_bytes: 1 << 20,
        settle_bytes: 32 << 10,
        own_segment_bytes: 8 << 10,
        segment_bytes: 64 << 10,
        bulk_bytes: 0,
        large_bytes: 0,
        index_interval_bytes: 1 << 10,
        read_ahead_bytes: 1 << 20,
        fresh_directory_id: *b"failing flushes.",
        fresh_cluster_id: *b"one test cluster",
        node_id: 1,
        #[cfg(feature = "planted")]
        planted: millrace_engine::Planted::default(),
    }
}

fn payload(number: u64) -> Vec<u8> {
    let bytes: Vec<u8> = (0..1_500_u64).map(|at| (number.wrapping_mul(31) + at * 7) as u8).collect();
    batches::TestBatch::of(&[&bytes]).encode()
}

/// A folder that goes with its scenario.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Scenario {
    /// The one of this number, on one of these file systems.
    pub fn of(number: u64, systems: &[System]) -> Scenario {
        let system = systems[number as usize % systems.len()];
        let rest = number / systems.len() as u64;
        let driver = [DriverChoice::Ring, DriverChoice::Pool][rest as usize % 2];
        let flushes = rest / 4 % 24;
        let failing =
            if (rest / 2).is_multiple_of(2) { Failing::Once(flushes) } else { Failing::ForEver(flushes) };
        Scenario { number, system, driver, failing }
    }

    pub fn run(&self) -> Result<Seen, Failure> {
        let name = format!("flush-failures-{}-{}", std::process::id(), self.number);
        let folder = Folder(std::env::temp_dir().join(name));
        let mut volume = Volume::make(self.system, &folder.0).map_err(setting)?;
        let root = volume.root().join("data");
        let mut engine = self.open(&root).map_err(setting)?.0;
        let create = [Effect::CreatePartition { partition: PARTITION }];
        engine.commit(&create, Level::Durable, &mut Vec::new());
        let (mut asked, mut acknowledged) = (0, 0);
        for number in 0..BEFORE + BEHIND {
            if number == BEFORE {
                volume.device.fail(self.failing);
            }
            let Some(lsn) = append(&mut engine, number)? else { break };
            asked += 1;
            until(&mut engine, |engine| engine.events().durable >= lsn || has_failed(engine))?;
            if engine.events().durable < lsn {
                break;
            }
            acknowledged += 1;
        }
        let told = has_failed(&engine);
        if told {
            stays_refused(&mut engine)?;
        }
        engine.shutdown();
        drop(engine);
        let (flushes, failed) = volume.device.flushes();
        if let Err(error) = volume.cut_and_mount() {
            eprintln!("the file system does not come back: {error}");
            return Ok(Seen { told, mountable: false, acknowledged, flushes, failed });
        }
        self.judge(&root, asked, acknowledged)?;
        Ok(Seen { told, mountable: true, acknowledged, flushes, failed })
    }

    fn open(&self, root: &Path) -> Result<(Engine, RecoveryAccount), String> {
        let io = Io::open(root, self.driver, Limits::default()).map_err(|error| error.to_string())?;
        Engine::open(io, config()).map_err(|error| error.to_string())
    }

    fn judge(&self, root: &Path, asked: u64, acknowledged: u64) -> Result<(), Failure> {
        let (mut engine, account) = self.open(root).map_err(violation)?;
        if !account.damage.is_empty() {
            return Err(violation(format!("damage: {:?}", account.damage)));
        }
        let end = engine.watermarks(PARTITION).map_or(0, |marks| marks.log_end);
        if end < acknowledged || end > asked {
            return Err(violation(format!("{end} of {asked} came back, {acknowledged} were acknowledged")));
        }
        for number in 0..end {
            let found = read(&mut engine, number)?;
            // Base offset and epoch are the engine's own.
            if found.get(61..) != payload(number).get(61..) {
                return Err(violation(format!("other bytes at {number}")));
            }
        }
        Ok(())
    }
}

fn has_failed(engine: &Engine) -> bool {
    engine.events().failure.is_some()
}

fn until(engine: &mut Engine, mut done: impl FnMut(&mut Engine) -> bool) -> Result<(), Failure> {
    for _ in 0..TURNS_MAX {
        engine.turn();
        if done(engine) {
            return Ok(());
        }
        engine.wait(Some(1_000_000));
    }
    Err(violation("it never ends"))
}

/// `None`: the engine refuses, since something has failed.
fn append(engine: &mut Engine, number: u64) -> Result<Option<u64>, Failure> {
    let batch = payload(number);
    let mut answer = None;
    until(engine, |engine| {
        let effect = Effect::Append(Append::new(PARTITION, &batch));
        let committed = engine.commit(&[effect], Level::Durable, &mut Vec::new());
        answer = Some(committed);
        !matches!(committed.code, Code::Busy | Code::NoSpace) || has_failed(engine)
    })?;
    match answer {
        Some(committed) if committed.code == Code::Ok => Ok(Some(committed.lsn)),
        Some(committed) if !has_failed(engine) => Err(violation(format!("refused: {:?}", committed.code))),
        _ => Ok(None),
    }
}

/// Behind a failed flush nothing is flushed again, nothing becomes durable, and nothing is accepted.
fn stays_refused(engine: &mut Engine) -> Result<(), Failure> {
    let (flushes, durable) = (engine.counters().journal.flushes, engine.events().durable);
    for _ in 0..200 {
        engine.turn();
        engine.wait(Some(1_000_000));
    }
    let batch = payload(0);
    let effect = Effect::Append(Append::new(PARTITION, &batch));
    let code = engine.commit(&[effect], Level::Durable, &mut Vec::new()).code;
    if code == Code::Ok {
        return Err(violation("an append is accepted behind a failed flush"));
    }
    let after = engine.counters().journal.flushes;
    if after != flushes || engine.events().durable != durable {
        return Err(violation(format!("{} flushes behind the failed one", after - flushes)));
    }
    Ok(())
}

fn read(engine: &mut Engine, offset: u64) -> Result<Vec<u8>, Failure> {
    let pieces = match engine.read(PARTITION, offset as i64, 1, Isolation::ReadUncommitted) {
        Read::Ready(pieces) => Ok(pieces),
        Read::Refused(code) => Err(code),
        Read::Pending(token) => {
            let mut finished = Vec::new();
            until(engine, |engine| {
                engine.take_finished(&mut finished);
                finished.iter().any(|(done, _)| *done == token)
            })?;
            engine.take_read(token)
        }
    };
    let pieces = pieces.map_err(|code| violation(format!("{code:?} at {offset}")))?;
    Ok(pieces.first().map(|piece| piece.bytes().to_vec()).unwrap_or_default())
}
