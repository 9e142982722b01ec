//! Two passes of compaction over a small partition, with appends and settles between them, lived with one fault at any of
//! their calls: what readers of committed data find is right meanwhile and afterwards, and the next pass comes to its end.
//!
//! What it is not: the life of `mod.rs`, which has everything but compaction.
//!
//! The invariant: a fault counts from the first call behind the opening, so that all sites are of passes, appends, settles.

use super::drive;
use crate::batches::{TestBatch, TestRecord};
use crate::compaction::client::Seen;
use crate::compaction::model::{Partition, Sent};
use crate::compaction::{committed, config};
use millrace_engine::{
    Append, Code, Compact, Effect, EndTransaction, Engine, EngineConfig, Level, Limits, PartitionSettings,
    Severity, verify,
};
use millrace_io::faults::{FaultRule, Faults, Site};
use millrace_io::{Io, SimHandle, SimOptions};

/// The partition.
const ID: u64 = 1;
/// Tombstones stay this long.
const RETENTION_MS: u64 = 5_000;
const RULES: Compact =
    Compact { dirty_ratio: 0, delete_retention_ms: RETENTION_MS, lag_min_ms: 0, lag_max_ms: None };

/// A closed directory with something to compact.
pub struct Base {
    sim: SimHandle,
    partition: Partition,
    now_ms: i64,
    values: u64,
}

fn sizes() -> EngineConfig {
    EngineConfig { policy: millrace_engine::Policy::ALWAYS, ..config(false) }
}

fn open(sim: &SimHandle, faults: Option<&Faults>) -> Result<Engine, String> {
    let io = Io::sim(sim.clone());
    let io = if let Some(faults) = faults { io.faulty(faults) } else { io };
    let (mut engine, account) = Engine::open(io, sizes()).map_err(|error| format!("opening: {error}"))?;
    if !account.damage.is_empty() {
        return Err(format!("damage without any damage done: {:?}", account.damage));
    }
    let limits = Limits { compact: Some(RULES), ..Limits::default() };
    engine.configure(&[ID], &PartitionSettings { limits, flush: None });
    Ok(engine)
}

/// A life under way.
struct Life {
    partition: Partition,
    now_ms: i64,
    values: u64,
}

impl Life {
    /// One batch of three records; refused ones are left out.
    fn append(&mut self, engine: &mut Engine, producer: i64) -> Result<(), String> {
        let mut records = Vec::new();
        for _ in 0..3 {
            self.values += 1;
            let key = format!("key {}", self.values % 5).into_bytes();
            let value =
                (!self.values.is_multiple_of(7)).then(|| format!("{} {}", self.values, "v".repeat(90)));
            records.push((key, value.map(String::into_bytes)));
        }
        let sequence = self.partition.sequence(producer);
        let by = |number| if producer > 0 { number } else { -1 };
        let batch = TestBatch {
            attributes: if producer > 0 { 0x10 } else { 0 },
            base_timestamp: self.now_ms,
            max_timestamp: None,
            producer_id: producer,
            producer_epoch: by(0) as i16,
            base_sequence: by(sequence),
            records: records
                .iter()
                .map(|(key, value)| TestRecord {
                    timestamp_delta: 0,
                    key: Some(key),
                    value: value.as_deref(),
                })
                .collect(),
        };
        let bytes = batch.encode();
        let mut outcomes = Vec::new();
        let effect = Effect::Append(Append { require_keys: true, ..Append::new(ID, &bytes) });
        let committed = engine.commit(&[effect], Level::Durable, &mut outcomes);
        if committed.code != Code::Ok {
            return refusal(committed.code);
        }
        let base = outcomes[0].base_offset as u64;
        let seen = records.into_iter().zip(base..).map(|((key, value), offset)| Seen {
            offset,
            key,
            value,
            timestamp: self.now_ms,
        });
        let (records, transactional) = (seen.collect(), producer > 0);
        self.partition.sent.push(Sent::Batch { base, records, producer, sequence, transactional, bytes });
        durable(engine, committed.lsn)
    }

    fn end(&mut self, engine: &mut Engine, producer: i64, commits: bool) -> Result<(), String> {
        let end =
            EndTransaction { partition: ID, producer_id: producer, producer_epoch: 0, committed: commits };
        let mut outcomes = Vec::new();
        let committed = engine.commit(&[Effect::EndTransaction(end)], Level::Durable, &mut outcomes);
        if committed.code != Code::Ok {
            return refusal(committed.code);
        }
        let base = outcomes[0].base_offset as u64;
        self.partition.sent.push(Sent::Marker { base, producer, committed: commits });
        durable(engine, committed.lsn)
    }

    /// A pass over what is due, to its end.
    fn compact(&self, engine: &mut Engine) -> Result<(), String> {
        engine.begin_compaction(self.now_ms);
        drive(engine, "a pass of compaction", |engine| {
            !engine.is_compacting() || engine.events().failure.is_some()
        })
    }

    /// What readers of committed data find. `strict`: they must get to the end.
    fn read(&mut self, engine: &mut Engine, strict: bool) -> Result<(), String> {
        let (seen, start, stable) = match committed(engine, ID) {
            Ok(Some(found)) => found,
            Ok(None) if !strict => return Ok(()),
            Ok(None) => return Err("a read never ends".to_string()),
            // A call that failed is refused by its name; what is served is right.
            Err(_) if !strict => return Ok(()),
            Err(what) => return Err(what),
        };
        self.partition.log_start = start;
        self.partition.check(&seen, stable, self.now_ms, RETENTION_MS as i64)
    }

    /// Two passes, with appends that are settled between them. `for_ever`: a call fails until the end, and what waits for
    /// it may wait as long.
    fn work(&mut self, engine: &mut Engine, for_ever: bool) -> Result<(), String> {
        for _ in 0..2 {
            match self.compact(engine) {
                Err(_) if for_ever => return Ok(()),
                ended => ended?,
            }
            self.read(engine, false)?;
            self.now_ms += 10_000;
            for _ in 0..6 {
                self.append(engine, -1)?;
            }
            rest(engine);
        }
        match self.compact(engine) {
            Err(_) if for_ever => Ok(()),
            ended => ended,
        }
    }
}

/// Time in which what is due is settled.
fn rest(engine: &mut Engine) {
    for _ in 0..40 {
        engine.turn();
        let due = engine.next_deadline().map_or(1_000_000, |at| at.saturating_sub(engine.io().now_ns()));
        engine.wait(Some(due.clamp(1, 1_000_000_000)));
    }
}

/// What a frame may be refused with while calls fail.
fn refusal(code: Code) -> Result<(), String> {
    match code {
        Code::Busy | Code::NoSpace | Code::Poisoned => Ok(()),
        code => Err(format!("a frame is refused with {code:?}")),
    }
}

fn durable(engine: &mut Engine, lsn: u64) -> Result<(), String> {
    drive(engine, "a commit", |engine| engine.events().durable >= lsn || engine.events().failure.is_some())
}

fn close(engine: &mut Engine) -> Result<(), String> {
    engine.close_begin();
    drive(engine, "closing", |engine| engine.is_closed())
}

impl Base {
    /// Plain batches, a committed and an aborted transaction, tombstones among all of them.
    pub fn new() -> Base {
        let sim = SimHandle::new(SimOptions::perfect(1));
        let mut life = Life { partition: Partition::default(), now_ms: 1_000_000, values: 0 };
        let mut write = || -> Result<(), String> {
            let mut engine = open(&sim, None)?;
            engine.commit(&[Effect::CreatePartition { partition: ID }], Level::Durable, &mut Vec::new());
            for round in 0..4 {
                life.append(&mut engine, -1)?;
                life.append(&mut engine, 7)?;
                life.end(&mut engine, 7, round % 2 == 0)?;
            }
            rest(&mut engine);
            close(&mut engine)
        };
        write().expect("a life without faults is in order");
        sim.kill_process();
        Base { sim, partition: life.partition, now_ms: life.now_ms, values: life.values }
    }

    /// The calls of the passes, and of the appends and settles between them, without faults: by their number behind the
    /// opening.
    pub fn sites(&self) -> Vec<Site> {
        let faults = Faults::default();
        self.live(&faults, (true, false), |faults| faults.record())
            .expect("a life without faults is in order");
        let mut sites = faults.sites();
        sites.retain(|site| site.nth > 0);
        for (number, site) in sites.iter_mut().enumerate() {
            site.nth = number as u64 + 1;
        }
        sites
    }

    /// Lives once with a rule that counts from behind the opening; answers how often the fault was injected. `cut`: the
    /// life ends by a power cut, else by a kill.
    pub fn live_with(&self, rule: &FaultRule, cut: bool) -> Result<u64, String> {
        let faults = Faults::default();
        self.live(&faults, (cut, rule.sticky), |faults| faults.add(rule.clone()))?;
        Ok(faults.total())
    }

    fn live(
        &self,
        faults: &Faults,
        (cut, for_ever): (bool, bool),
        arm: impl FnOnce(&Faults),
    ) -> Result<(), String> {
        let sim = self.sim.fork(1);
        let (partition, now_ms, values) = (self.partition.clone(), self.now_ms, self.values);
        let mut life = Life { partition, now_ms, values };
        let mut engine = open(&sim, Some(faults))?;
        arm(faults);
        life.work(&mut engine, for_ever)?;
        let marks = engine.watermarks(ID).ok_or("the partition is gone")?;
        let kept = if cut || engine.events().failure.is_some() { marks.durable } else { marks.written };
        if cut {
            sim.cut_power()
        } else {
            sim.kill_process()
        }
        drop(engine);
        faults.clear();
        life.judge(&sim, kept)
    }
}

impl Life {
    /// Appends until a settle has had some of them: nothing else is compacted.
    fn settle(&mut self, engine: &mut Engine) -> Result<(), String> {
        let before = engine.counters().settles;
        for _ in 0..60 {
            self.append(engine, -1)?;
            rest(engine);
            if engine.counters().settles > before {
                return Ok(());
            }
        }
        Err("nothing is settled any more".to_string())
    }

    /// Without faults: everything promised is there, verification is content, and the next pass comes to its end.
    fn judge(&mut self, sim: &SimHandle, kept: u64) -> Result<(), String> {
        let mut engine = open(sim, None)?;
        let end = engine.watermarks(ID).ok_or("the partition is gone")?.log_end;
        if end < kept {
            return Err(format!("the log ends at {end}, {kept} was promised"));
        }
        self.partition.cut(end);
        self.read(&mut engine, true)?;
        self.now_ms += 10_000;
        self.settle(&mut engine)?;
        close(&mut engine)?;
        drop(engine);
        sim.kill_process();
        let mut engine = open(sim, None)?;
        self.compact(&mut engine)?;
        let compaction = engine.counters().compaction;
        if compaction.runs == 0 {
            return Err(format!("nothing is compacted any more: {compaction:?}"));
        }
        self.read(&mut engine, true)?;
        close(&mut engine)?;
        drop(engine);
        let found = verify(Io::sim(sim.clone()), true).map_err(|error| format!("verification: {error}"))?;
        match found.findings.iter().find(|finding| finding.severity > Severity::Note) {
            Some(finding) => Err(format!("verification found {finding:?}")),
            None => Ok(()),
        }
    }
}
