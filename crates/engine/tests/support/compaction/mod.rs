//! Lives of compacted partitions on a simulated machine: appends with and without transactions, rounds of compaction,
//! deleted records, power cuts and kills at any moment, checked against a model after every start.

#![allow(dead_code, reason = "each test file uses its own part")]

pub mod client;
#[path = "../crash/draw.rs"]
mod draw;
pub mod model;

use crate::batches::{TestBatch, TestRecord};
use client::{Batch, Seen, decode};
use draw::Draw;
use millrace_engine::{
    Append, Code, Compact, Effect, EndTransaction, Engine, EngineConfig, Isolation, Level, Limits,
    PartitionSettings, Policy, Read, RecoveryAccount, Severity, verify,
};
use millrace_io::{Io, Piece, SimHandle, SimOptions};
use model::{Partition, Sent};
use std::collections::BTreeSet;

const PARTITIONS: u64 = 2;
/// Producers with transactions; nobody else has a producer id.
const PRODUCERS: i64 = 2;
const LIVES: usize = 6;

/// What seeds came to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    pub cuts: u64,
    pub cuts_in_recovery: u64,
    pub settles: u64,
    pub passes: u64,
    pub bytes_before: u64,
    pub bytes_after: u64,
    pub cuts_in_compaction: u64,
    pub aborted: u64,
    pub duplicates: u64,
    pub closed: u64,
    /// Files that openings removed because nothing names them.
    pub unnamed: u64,
    /// Partitions of which an account told how far they are compacted.
    pub compacted_ends: u64,
}

impl Tally {
    fn add(&mut self, other: &Tally) {
        self.cuts += other.cuts;
        self.cuts_in_recovery += other.cuts_in_recovery;
        self.settles += other.settles;
        self.passes += other.passes;
        self.bytes_before += other.bytes_before;
        self.bytes_after += other.bytes_after;
        self.cuts_in_compaction += other.cuts_in_compaction;
        self.aborted += other.aborted;
        self.duplicates += other.duplicates;
        self.closed += other.closed;
        self.unnamed += other.unnamed;
        self.compacted_ends += other.compacted_ends;
    }
}

/// A simulated machine, and what was done on it.
pub struct Machine {
    pub sim: SimHandle,
    pub config: EngineConfig,
    pub rules: Compact,
    pub now_ms: i64,
    pub partitions: Vec<Partition>,
    draw: Draw,
    keys: u64,
    map_bytes: u64,
    values: u64,
    tally: Tally,
}

/// Sizes so small that a few batches make files.
pub fn config(draw_bulk: bool) -> EngineConfig {
    EngineConfig {
        policy: Policy::OS,
        journal_file_bytes: 32 << 10,
        journal_files: 4,
        memory_bytes: 256 << 10,
        settle_bytes: 2 << 10,
        own_segment_bytes: 1 << 10,
        segment_bytes: 4 << 10,
        bulk_bytes: if draw_bulk { 256 } else { 0 },
        large_bytes: 0,
        index_interval_bytes: 512,
        read_ahead_bytes: 4 << 20,
        fresh_directory_id: *b"a simulated disk",
        fresh_cluster_id: *b"one test cluster",
        node_id: 1,
        #[cfg(feature = "planted")]
        planted: millrace_engine::Planted::default(),
    }
}

/// Runs one seed; the error says what was violated.
pub fn run(seed: u64) -> Result<Tally, String> {
    let mut machine = Machine::new(seed, SimOptions::random(seed));
    for _ in 0..LIVES {
        machine.live()?;
    }
    Ok(machine.tally)
}

/// Runs seeds from `first` on until at least `cuts` power cuts happened. `Err` names the seed.
pub fn run_many(first: u64, cuts: u64) -> Result<Tally, (u64, String)> {
    let mut tally = Tally::default();
    let mut seed = first;
    while tally.cuts < cuts {
        tally.add(&run(seed).map_err(|violation| (seed, violation))?);
        seed += 1;
    }
    Ok(tally)
}

impl Machine {
    pub fn new(seed: u64, options: SimOptions) -> Machine {
        let mut draw = Draw::new(seed);
        let config = EngineConfig {
            policy: draw.pick(&[Policy::ALWAYS, Policy::OS]),
            segment_bytes: draw.pick(&[2 << 10, 16 << 10]),
            ..config(draw.one_in(3))
        };
        let rules = Compact {
            dirty_ratio: draw.pick(&[0, 300_000]),
            delete_retention_ms: draw.pick(&[0, 5_000, 1 << 40]),
            lag_min_ms: draw.pick(&[0, 0, 2_000]),
            lag_max_ms: draw.pick(&[None, Some(3_000)]),
        };
        Machine {
            sim: SimHandle::new(options),
            config,
            rules,
            now_ms: 1_000_000,
            partitions: vec![Partition::default(); PARTITIONS as usize],
            keys: draw.pick(&[6, 40]),
            map_bytes: draw.pick(&[0, 1 << 20]),
            draw,
            values: 0,
            tally: Tally::default(),
        }
    }

    fn live(&mut self) -> Result<(), String> {
        let mut engine = self.open()?;
        let at = self.sim.events() + 60 + self.draw.below(1_500);
        let cut_at = (!self.draw.one_in(6)).then_some(at);
        self.sim.change_options(|options| options.cut_at = cut_at);
        for _ in 0..1_500 {
            self.work(&mut engine)?;
            if self.sim.is_cut() {
                break;
            }
        }
        if !self.sim.is_cut() && self.draw.one_in(2) {
            self.close(&mut engine);
        }
        if !self.sim.is_cut() {
            if self.draw.one_in(2) { self.sim.cut_power() } else { self.sim.kill_process() }
        }
        let cut = self.sim.is_cut();
        self.tally.cuts += u64::from(cut);
        self.tally.cuts_in_compaction += u64::from(self.sim.is_cut() && engine.is_compacting());
        let counters = engine.counters();
        self.tally.settles += counters.settles;
        self.tally.passes += counters.compaction.runs;
        self.tally.bytes_before += counters.compaction.bytes_before;
        self.tally.bytes_after += counters.compaction.bytes_after;
        drop(engine);
        if self.draw.one_in(3) { self.verify() } else { Ok(()) }
    }

    /// A directory as a cut leaves it has no defect that verification can tell from a torn tail.
    fn verify(&self) -> Result<(), String> {
        self.sim.change_options(|options| options.cut_at = None);
        let found =
            verify(Io::sim(self.sim.clone()), true).map_err(|error| format!("verification: {error}"))?;
        match found.findings.iter().find(|finding| finding.severity > Severity::Note) {
            Some(finding) => Err(format!("verification found {finding:?}")),
            None => Ok(()),
        }
    }

    /// Closes as a server that stops does; the power may go meanwhile.
    fn close(&mut self, engine: &mut Engine) {
        engine.close_begin();
        for _ in 0..10_000 {
            engine.turn();
            if engine.is_closed() || self.sim.is_cut() {
                break;
            }
            engine.wait(Some(100_000));
        }
        self.tally.closed += u64::from(engine.is_closed());
    }

    pub fn work(&mut self, engine: &mut Engine) -> Result<(), String> {
        match self.draw.below(40) {
            0..12 => self.append(engine),
            12..15 => self.end(engine),
            15..17 => {
                self.now_ms += self.draw.below(3_000) as i64;
                engine.begin_compaction(self.now_ms);
                Ok(())
            }
            17 => self.delete_records(engine),
            18 => self.repeat(engine),
            19 => {
                let partition = 1 + self.draw.below(PARTITIONS);
                self.check(engine, partition)
            }
            _ => {
                engine.turn();
                self.mark_durable(engine);
                let due = engine.next_deadline().is_some_and(|at| at <= engine.io().now_ns());
                if !due && !self.sim.is_cut() {
                    engine.wait(Some(100_000));
                }
                Ok(())
            }
        }
    }

    fn mark_durable(&mut self, engine: &Engine) {
        for (at, partition) in self.partitions.iter_mut().enumerate() {
            if let Some(marks) = engine.watermarks(at as u64 + 1) {
                partition.durable = partition.durable.max(marks.durable);
            }
        }
    }

    fn append(&mut self, engine: &mut Engine) -> Result<(), String> {
        let id = 1 + self.draw.below(PARTITIONS);
        let producer = if self.draw.one_in(2) { 1 + self.draw.below(PRODUCERS as u64) as i64 } else { -1 };
        self.now_ms += self.draw.below(50) as i64;
        let mut records = Vec::new();
        for _ in 0..1 + self.draw.below(4) {
            self.values += 1;
            let key = format!("key {}", self.draw.below(self.keys)).into_bytes();
            let length = self.draw.below(200) as usize;
            let value = (!self.draw.one_in(5)).then(|| format!("{} {}", self.values, "v".repeat(length)));
            records.push((key, value.map(String::into_bytes)));
        }
        let sequence = self.partitions[id as usize - 1].sequence(producer);
        let batch = TestBatch {
            attributes: self.draw.pick(&[0, 0, 1, 2, 3, 4]) | if producer > 0 { 0x10 } else { 0 },
            base_timestamp: self.now_ms,
            max_timestamp: None,
            producer_id: producer,
            producer_epoch: if producer > 0 { 0 } else { -1 },
            base_sequence: if producer > 0 { sequence } else { -1 },
            records: records
                .iter()
                .map(|(key, value)| TestRecord {
                    timestamp_delta: 0,
                    key: Some(key),
                    value: value.as_deref(),
                })
                .collect(),
        };
        let mut section = Vec::new();
        let codec = (batch.attributes & 7) as u8;
        millrace_codec::deflate(codec, &batch.section(), None, &mut section).expect("it compresses");
        let bytes = batch.encode_with(&section);
        let level = self.draw.pick(&[Level::Durable, Level::Written]);
        let mut outcomes = Vec::new();
        let append = Append { require_keys: true, ..Append::new(id, &bytes) };
        match engine.commit(&[Effect::Append(append)], level, &mut outcomes).code {
            Code::Ok => {
                let base = outcomes[0].base_offset as u64;
                let seen = records.into_iter().zip(base..).map(|((key, value), offset)| Seen {
                    offset,
                    key,
                    value,
                    timestamp: self.now_ms,
                });
                let (records, transactional) = (seen.collect(), producer > 0);
                let sent = Sent::Batch { base, records, producer, sequence, transactional, bytes };
                self.partitions[id as usize - 1].sent.push(sent);
                Ok(())
            }
            Code::Busy | Code::NoSpace | Code::Poisoned => Ok(()),
            code => Err(format!("{code:?} for a batch of producer {producer} at sequence {sequence}")),
        }
    }

    fn end(&mut self, engine: &mut Engine) -> Result<(), String> {
        let (id, producer) = (1 + self.draw.below(PARTITIONS), 1 + self.draw.below(PRODUCERS as u64) as i64);
        let (committed, partition) = (self.draw.one_in(2), &mut self.partitions[id as usize - 1]);
        if !partition.is_open(producer) {
            return Ok(());
        }
        let end = EndTransaction { partition: id, producer_id: producer, producer_epoch: 0, committed };
        let mut outcomes = Vec::new();
        match engine.commit(&[Effect::EndTransaction(end)], Level::Durable, &mut outcomes).code {
            Code::Ok => {
                let base = outcomes[0].base_offset as u64;
                partition.sent.push(Sent::Marker { base, producer, committed });
                self.tally.aborted += u64::from(!committed);
                Ok(())
            }
            Code::Busy | Code::NoSpace | Code::Poisoned => Ok(()),
            code => Err(format!("{code:?} for a marker")),
        }
    }

    /// A producer sends its last batch again: compaction may have taken the batch, never the memory of it.
    fn repeat(&mut self, engine: &mut Engine) -> Result<(), String> {
        let (id, producer) = (1 + self.draw.below(PARTITIONS), 1 + self.draw.below(PRODUCERS as u64) as i64);
        let Some((bytes, base)) = self.partitions[id as usize - 1].last_of(producer) else { return Ok(()) };
        if !self.partitions[id as usize - 1].is_open(producer) {
            return Ok(());
        }
        let mut outcomes = Vec::new();
        let committed =
            engine.commit(&[Effect::Append(Append::new(id, &bytes))], Level::Written, &mut outcomes);
        match (committed.code, outcomes[0].code, outcomes[0].base_offset as u64) {
            (Code::Ok, Code::Duplicate, found) if found == base => {
                self.tally.duplicates += 1;
                Ok(())
            }
            (Code::Busy | Code::NoSpace | Code::Poisoned, ..) => Ok(()),
            other => Err(format!("{other:?} for a batch that is at {base} already")),
        }
    }

    fn delete_records(&mut self, engine: &mut Engine) -> Result<(), String> {
        let id = 1 + self.draw.below(PARTITIONS);
        let Some(marks) = engine.watermarks(id) else { return Ok(()) };
        if marks.durable == marks.log_start || !self.draw.one_in(4) {
            return Ok(());
        }
        let offset = marks.log_start + self.draw.below((marks.durable - marks.log_start) / 4 + 1);
        let effect = Effect::DeleteRecords { partition: id, offset: offset as i64 };
        engine.commit(&[effect], Level::Durable, &mut Vec::new());
        Ok(())
    }

    /// Opens, checks what came back, and goes on from there.
    pub fn open(&mut self) -> Result<Engine, String> {
        let mut cuts_left = if self.draw.one_in(4) { 1 } else { 0 };
        loop {
            let cut_at = (cuts_left > 0).then(|| self.sim.events() + 1 + self.draw.below(60));
            cuts_left = 0;
            self.sim.change_options(|options| options.cut_at = cut_at);
            let before = self.settled_files();
            let opened = Engine::open(Io::sim(self.sim.clone()), self.config.clone());
            if self.sim.is_cut() {
                self.tally.cuts += 1;
                self.tally.cuts_in_recovery += 1;
                continue;
            }
            self.sim.change_options(|options| options.cut_at = None);
            let (mut engine, account) = opened.map_err(|error| format!("opening failed: {error}"))?;
            if !account.damage.is_empty() {
                return Err(format!("damage on an honest device: {:?}", account.damage));
            }
            let removed = before - self.settled_files();
            self.tally.unnamed += removed;
            if removed != account.unnamed_files {
                return Err(format!(
                    "{removed} files were removed, the account says {}",
                    account.unnamed_files
                ));
            }
            self.check_account(&mut engine, &account)?;
            self.recovered(&mut engine)?;
            return Ok(engine);
        }
    }

    fn settled_files(&self) -> u64 {
        self.sim.files().iter().filter(|file| file.starts_with("segments/")).count() as u64
    }

    /// What the account says of compaction: at and above the end it tells, no offset is missing.
    fn check_account(&mut self, engine: &mut Engine, account: &RecoveryAccount) -> Result<(), String> {
        for one in &account.touched {
            self.tally.compacted_ends += u64::from(one.compacted_end > 0);
            if one.compacted_end > 0 && account.compacted_partitions == 0 {
                let start = engine.watermarks(one.partition).map_or(0, |marks| marks.log_start);
                if one.compacted_end > start {
                    return Err(format!("no partition is compacted, and {one:?}"));
                }
            }
            is_dense(engine, one.partition, one.compacted_end)?;
        }
        Ok(())
    }

    fn recovered(&mut self, engine: &mut Engine) -> Result<(), String> {
        engine.set_compaction_memory(self.map_bytes);
        for id in 1..=PARTITIONS {
            if engine.watermarks(id).is_none() {
                engine.commit(&[Effect::CreatePartition { partition: id }], Level::Durable, &mut Vec::new());
            }
            let marks = engine.watermarks(id).ok_or("a partition cannot be created")?;
            let partition = &mut self.partitions[id as usize - 1];
            if marks.log_end < partition.durable {
                return Err(format!("partition {id} ends at {marks:?}, durable was {}", partition.durable));
            }
            partition.cut(marks.log_end);
            partition.durable = marks.log_end;
            self.check(engine, id)?;
        }
        let limits = Limits { compact: Some(self.rules), ..Limits::default() };
        let ids: Vec<u64> = (1..=PARTITIONS).collect();
        engine.configure(&ids, &PartitionSettings { limits, flush: None });
        Ok(())
    }

    /// Reads a partition as a reader of committed data and compares it with the model.
    pub fn check(&mut self, engine: &mut Engine, id: u64) -> Result<(), String> {
        let Some((seen, start, stable)) = committed(engine, id)? else { return Ok(()) };
        let partition = &mut self.partitions[id as usize - 1];
        partition.log_start = start;
        let retention = i64::try_from(self.rules.delete_retention_ms).unwrap_or(i64::MAX / 2);
        partition
            .check(&seen, stable, self.now_ms, retention)
            .map_err(|violation| format!("partition {id}, {start}..{stable}: {violation}"))
    }

    /// How many records readers of committed data find.
    pub fn count(&self, engine: &mut Engine, id: u64) -> usize {
        committed(engine, id).expect("readable").map_or(0, |(seen, ..)| seen.len())
    }
}

/// Waits for a read; `None`: the power went.
fn pieces(engine: &mut Engine, id: u64, offset: u64) -> Result<Option<Vec<Piece>>, String> {
    let token = match engine.read(id, offset as i64, 2_000, Isolation::ReadCommitted) {
        Read::Ready(pieces) => return Ok(Some(pieces)),
        Read::Refused(code) => return Err(format!("{code:?} at {offset} of {id}")),
        Read::Pending(token) => token,
    };
    let mut finished = Vec::new();
    for _ in 0..10_000 {
        engine.turn();
        engine.take_finished(&mut finished);
        if finished.iter().any(|(done, _)| *done == token) {
            return match engine.take_read(token) {
                Ok(pieces) => Ok(Some(pieces)),
                // A cut machine gives nothing back.
                Err(code) if engine.io().in_flight() == 0 && code != Code::Damaged => {
                    Err(format!("{code:?} at {offset} of {id}"))
                }
                Err(code) => Err(format!("{code:?} at {offset} of {id}: {:?}", engine.take_damage())),
            };
        }
        engine.wait(Some(100_000));
    }
    Ok(None)
}

/// Whether a partition has every offset from `from` to its last stable one.
fn is_dense(engine: &mut Engine, id: u64, from: u64) -> Result<(), String> {
    let Some(marks) = engine.watermarks(id) else { return Ok(()) };
    let mut offset = from.max(marks.log_start);
    while offset < marks.last_stable {
        let Some(pieces) = pieces(engine, id, offset)? else { return Ok(()) };
        for piece in &pieces {
            let batch = decode(piece.bytes())?;
            let missing = batch.base > offset || batch.records.len() as u64 != batch.end - batch.base;
            if missing {
                return Err(format!("partition {id} misses offsets at {offset}, behind compaction's {from}"));
            }
            offset = batch.end;
        }
        if pieces.is_empty() {
            return Err(format!("nothing at {offset} of {id}"));
        }
    }
    Ok(())
}

type Committed = (Vec<Seen>, u64, u64);

/// What a reader of committed data has from the log start to the last stable offset, and both; `None`: the power went.
pub fn committed(engine: &mut Engine, id: u64) -> Result<Option<Committed>, String> {
    let Some(marks) = engine.watermarks(id) else { return Ok(None) };
    let (start, stable) = (marks.log_start, marks.last_stable);
    let (mut offset, mut seen) = (start, Vec::new());
    let mut aborting: BTreeSet<i64> = BTreeSet::new();
    while offset < stable {
        let Some(pieces) = pieces(engine, id, offset)? else { return Ok(None) };
        let batches: Vec<Batch> =
            pieces.iter().map(|piece| decode(piece.bytes())).collect::<Result<_, String>>()?;
        let Some(end) = batches.last().map(|batch| batch.end) else {
            return Err(format!("nothing at {offset} of {id}, although {stable} is stable"));
        };
        let aborted = engine.aborted_between(id, offset, end);
        let mut aborted: BTreeSet<(u64, i64)> =
            aborted.unwrap_or_default().into_iter().map(|(producer, first)| (first, producer)).collect();
        for batch in &batches {
            while let Some(next) = aborted.first().copied().filter(|(first, _)| *first < batch.end) {
                aborted.remove(&next);
                aborting.insert(next.1);
            }
            if batch.control {
                aborting.remove(&batch.producer);
            } else if !(batch.transactional && aborting.contains(&batch.producer)) {
                let wanted = |record: &&Seen| (offset..stable).contains(&record.offset);
                seen.extend(batch.records.iter().filter(wanted).cloned());
            }
        }
        aborting.clear();
        offset = end;
    }
    Ok(Some((seen, start, stable)))
}
