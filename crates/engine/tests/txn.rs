//! Transactions through power cuts and kills: what a client of committed data sees, checked against a model.
//!
//! One seed is one machine that is opened, worked on and cut again and again. `MILLRACE_SEED` sets the first seed,
//! `MILLRACE_CUTS` how many cuts. A violation prints the command that replays it.

#[path = "support/crash/draw.rs"]
mod draw;
mod support;

use client::{Header, control_type};
use draw::Draw;
use millrace_engine::{
    Append, Code, Effect, EndTransaction, Engine, EngineConfig, Isolation, Level, Outcome, Policy, Read,
    end_of_batches,
};
use millrace_io::{Io, Piece, SimHandle, SimOptions};
use std::collections::{BTreeMap, BTreeSet};
use support::batches::TestBatch;
use support::{config, drive};

/// How clients take batches apart, written anew for this test.
mod client {
    pub struct Header {
        pub base: u64,
        pub count: u64,
        pub length: usize,
        pub transactional: bool,
        pub control: bool,
        pub producer: i64,
    }

    pub fn number<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
        bytes[at..at + N].try_into().expect("a whole header")
    }

    impl Header {
        pub fn of(bytes: &[u8]) -> Header {
            let attributes = i16::from_be_bytes(number(bytes, 21));
            Header {
                base: u64::from_be_bytes(number(bytes, 0)),
                count: u64::from(u32::from_be_bytes(number(bytes, 57))),
                length: 12 + u32::from_be_bytes(number(bytes, 8)) as usize,
                transactional: attributes & 0x10 != 0,
                control: attributes & 0x20 != 0,
                producer: i64::from_be_bytes(number(bytes, 43)),
            }
        }
    }

    /// 1 for a commit, 0 for an abort.
    pub fn control_type(batch: &[u8]) -> u16 {
        u16::from_be_bytes(number(batch, 61 + 7))
    }
}

const PARTITIONS: u64 = 3;
const PRODUCERS: usize = 3;

/// How a transaction ended, as far as anybody knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Open,
    /// Asked for and not answered: `lsn` when it is durable.
    Asked {
        committed: bool,
        lsn: u64,
    },
    Known {
        committed: bool,
    },
}

/// One transaction: its records by partition.
#[derive(Clone, Debug)]
struct Transaction {
    producer: usize,
    /// By partition: values and their offsets.
    values: BTreeMap<u64, Vec<(u64, u64)>>,
    end: End,
    /// A reader of committed data has seen a record of it.
    seen: bool,
}

#[derive(Clone, Debug, Default)]
struct Producer {
    epoch: i16,
    sequences: BTreeMap<u64, i32>,
    transaction: Option<usize>,
}

struct Machine {
    sim: SimHandle,
    config: EngineConfig,
    draw: Draw,
    producers: Vec<Producer>,
    transactions: Vec<Transaction>,
    /// Transaction of each value.
    owner: BTreeMap<u64, usize>,
    next_value: u64,
    cuts: u64,
    committed: u64,
}

/// What a client of committed data has of one partition: values in order.
fn committed_values(engine: &mut Engine, partition: u64) -> Result<Vec<u64>, String> {
    let marks = engine.watermarks(partition).ok_or("the partition is gone")?;
    if marks.last_stable > marks.high_watermark {
        return Err(format!("the last stable offset is above the high watermark: {marks:?}"));
    }
    let mut values = Vec::new();
    let mut skipped = BTreeSet::new();
    let mut offset = marks.log_start;
    while offset < marks.last_stable {
        let pieces = read(engine, partition, offset)?;
        let end = end_of_batches(&pieces);
        if end <= offset {
            break;
        }
        // It may have moved on while a file was read.
        let stable = engine.watermarks(partition).map_or(0, |marks| marks.last_stable);
        if end > stable {
            return Err(format!("{end} was read above the last stable offset {stable}"));
        }
        let aborted = engine.aborted_between(partition, offset, end).map_err(|code| format!("{code:?}"))?;
        let mut aborted: BTreeSet<(u64, i64)> = aborted.into_iter().map(|(id, first)| (first, id)).collect();
        for piece in &pieces {
            let bytes = piece.bytes();
            let header = Header::of(bytes);
            if header.length != bytes.len() {
                return Err("a piece is not one batch".to_string());
            }
            while let Some((first, id)) = aborted.first().copied()
                && first < header.base + header.count
            {
                aborted.pop_first();
                skipped.insert(id);
            }
            if header.control {
                let found = skipped.remove(&header.producer);
                // An abort may come to where the records of its transaction were lost.
                if control_type(bytes) == 1 && found {
                    return Err(format!(
                        "partition {partition}: the marker at {} contradicts the list",
                        header.base
                    ));
                }
            } else if !(header.transactional && skipped.contains(&header.producer)) {
                values.push(value_of(bytes));
            }
        }
        offset = end;
    }
    Ok(values)
}

fn read(engine: &mut Engine, partition: u64, offset: u64) -> Result<Vec<Piece>, String> {
    match engine.read(partition, offset as i64, 600, Isolation::ReadCommitted) {
        Read::Ready(pieces) => Ok(pieces),
        Read::Refused(code) => Err(format!("a read was refused: {code:?}")),
        Read::Pending(token) => {
            let mut finished = Vec::new();
            drive(engine, |engine| {
                engine.take_finished(&mut finished);
                finished.iter().any(|(done, _)| *done == token)
            });
            engine.take_read(token).map_err(|code| format!("a cold read: {code:?}"))
        }
    }
}

/// Batches of this test have one record, whose value begins with a number.
fn value_of(batch: &[u8]) -> u64 {
    let body = &batch[61..];
    let at = body.windows(4).position(|window| window == b"val=").expect("a record of this test") + 4;
    u64::from_be_bytes(client::number(body, at))
}

impl Machine {
    fn new(seed: u64) -> Machine {
        let mut draw = Draw::new(seed);
        let policy = if draw.one_in(2) { Policy::ALWAYS } else { Policy::OS };
        let config = EngineConfig {
            policy,
            settle_bytes: draw.pick(&[1 << 10, 8 << 10, 24 << 10]),
            memory_bytes: draw.pick(&[8 << 10, 64 << 10]),
            own_segment_bytes: draw.pick(&[512, 8 << 10]),
            bulk_bytes: draw.pick(&[0, 70, 300]),
            ..config()
        };
        Machine {
            sim: SimHandle::new(SimOptions::random(seed)),
            config,
            draw,
            producers: vec![Producer::default(); PRODUCERS],
            transactions: Vec::new(),
            owner: BTreeMap::new(),
            next_value: 1,
            cuts: 0,
            committed: 0,
        }
    }

    fn open(&mut self) -> Engine {
        Engine::open(Io::sim(self.sim.clone()), self.config.clone())
            .expect("an engine opens on an honest device")
            .0
    }

    /// A frame that is accepted, however long it takes; its LSN.
    fn accept(&self, engine: &mut Engine, effects: &[Effect<'_>], level: Level) -> (u64, Vec<Outcome>) {
        let mut outcomes = Vec::new();
        for _ in 0..10_000 {
            let committed = engine.commit(effects, level, &mut outcomes);
            match committed.code {
                Code::Ok => return (committed.lsn, outcomes),
                Code::Busy | Code::NoSpace => {
                    let mut turns = 0;
                    drive(engine, |_| {
                        turns += 1;
                        turns > 2
                    });
                }
                code => panic!("a frame was refused: {code:?} {outcomes:?}"),
            }
        }
        panic!("an engine stays busy");
    }

    fn value(&mut self) -> (u64, Vec<u8>) {
        let value = self.next_value;
        self.next_value += 1;
        let mut bytes = b"val=".to_vec();
        bytes.extend_from_slice(&value.to_be_bytes());
        bytes.resize(bytes.len() + self.draw.below(200) as usize, b'.');
        (value, bytes)
    }

    fn append(&mut self, engine: &mut Engine) {
        let at = self.draw.below(PRODUCERS as u64) as usize;
        let partition = self.draw.below(PARTITIONS);
        let (value, bytes) = self.value();
        let transaction = *self.producers[at].transaction.get_or_insert_with(|| {
            let values = BTreeMap::new();
            self.transactions.push(Transaction { producer: at, values, end: End::Open, seen: false });
            self.transactions.len() - 1
        });
        let sequence = *self.producers[at].sequences.get(&partition).unwrap_or(&0);
        let mut batch = TestBatch::of(&[&bytes]).by(at as i64 + 1, self.producers[at].epoch, sequence);
        batch.attributes = 0x10;
        let batch = batch.encode();
        let level = self.draw.pick(&[Level::Written, Level::Durable]);
        let (_, outcomes) = self.accept(engine, &[Effect::Append(Append::new(partition, &batch))], level);
        assert_eq!(outcomes[0].code, Code::Ok);
        self.producers[at].sequences.insert(partition, sequence + 1);
        self.owner.insert(value, transaction);
        let transaction = &mut self.transactions[transaction];
        let offset = outcomes[0].base_offset as u64;
        transaction.values.entry(partition).or_default().push((value, offset));
    }

    fn append_plain(&mut self, engine: &mut Engine) {
        let partition = self.draw.below(PARTITIONS);
        let (_, bytes) = self.value();
        let batch = TestBatch::of(&[&bytes]).encode();
        self.accept(engine, &[Effect::Append(Append::new(partition, &batch))], Level::Written);
    }

    /// Ends the transaction of a producer in every partition, with a note in the state map: one frame.
    fn end(&mut self, engine: &mut Engine, at: usize, committed: bool) {
        let Some(transaction) = self.producers[at].transaction.take() else { return };
        let (producer_id, producer_epoch) = (at as i64 + 1, self.producers[at].epoch);
        let mut effects: Vec<Effect<'_>> = self.transactions[transaction]
            .values
            .keys()
            .map(|partition| {
                Effect::EndTransaction(EndTransaction {
                    partition: *partition,
                    producer_id,
                    producer_epoch,
                    committed,
                })
            })
            .collect();
        let key = format!("ended/{transaction}").into_bytes();
        effects.push(Effect::Put { key: &key, value: if committed { b"commit" } else { b"abort" } });
        let (lsn, _) = self.accept(engine, &effects, Level::Durable);
        self.transactions[transaction].end = End::Asked { committed, lsn };
    }

    /// Ends that are durable are known.
    fn learn(&mut self, engine: &Engine) {
        let durable = engine.events().durable;
        for transaction in &mut self.transactions {
            if let End::Asked { committed, lsn } = transaction.end
                && lsn <= durable
            {
                transaction.end = End::Known { committed };
                self.committed += u64::from(committed);
            }
        }
    }

    /// What a client of committed data sees now is right: all that was committed before it looks, and nothing of what is
    /// open or aborted.
    fn check(&mut self, engine: &mut Engine) -> Result<(), String> {
        self.learn(engine);
        let due = self.due(engine)?;
        let mut found: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
        for partition in 0..PARTITIONS {
            found.insert(partition, committed_values(engine, partition)?);
        }
        // Time has passed while files were read.
        self.learn(engine);
        for transaction in found.values().flatten().filter_map(|value| self.owner.get(value)) {
            let transaction = &mut self.transactions[*transaction];
            match transaction.end {
                End::Known { committed: true } => transaction.seen = true,
                end => return Err(format!("a record of a transaction was read that is {end:?}")),
            }
        }
        match due.into_iter().find(|(partition, value)| !found[partition].contains(value)) {
            Some((partition, value)) => {
                Err(format!("partition {partition}: committed value {value} is not seen"))
            }
            None => Ok(()),
        }
    }

    /// Partition and value of what a client of committed data must see; on the way the last stable offsets are checked.
    fn due(&self, engine: &Engine) -> Result<Vec<(u64, u64)>, String> {
        let mut due = Vec::new();
        for partition in 0..PARTITIONS {
            let marks = engine.watermarks(partition).expect("it is there");
            let stable = marks.last_stable;
            let mut held = false;
            for (number, transaction) in self.transactions.iter().enumerate() {
                let Some(records) = transaction.values.get(&partition) else { continue };
                match transaction.end {
                    End::Open if records[0].1 < stable => {
                        return Err(format!(
                            "partition {partition}: {stable} is above open transaction {number}"
                        ));
                    }
                    End::Known { committed: true } => due.extend(
                        records.iter().filter(|record| record.1 < stable).map(|record| (partition, record.0)),
                    ),
                    End::Known { .. } => {}
                    _ => held = true,
                }
            }
            if !held && stable != marks.high_watermark {
                return Err(format!(
                    "partition {partition}: nothing is open and {stable} stands still: {marks:?}"
                ));
            }
        }
        Ok(due)
    }

    /// After a cut: which transactions have ended follows from one note each, and no partition may contradict it.
    fn recover(&mut self, engine: &mut Engine) -> Result<(), String> {
        for number in 0..self.transactions.len() {
            let note = engine.state(format!("ended/{number}").as_bytes()).map(<[u8]>::to_vec);
            let transaction = &mut self.transactions[number];
            let survived = match note.as_deref() {
                Some(b"commit") => End::Known { committed: true },
                Some(_) => End::Known { committed: false },
                None => End::Open,
            };
            match (transaction.end, survived) {
                (End::Known { .. }, survived) if survived != transaction.end => {
                    return Err(format!(
                        "transaction {number} was {:?} and is {survived:?}",
                        transaction.end
                    ));
                }
                (End::Open, End::Known { .. }) => {
                    return Err(format!("nobody has ended transaction {number}"));
                }
                (End::Asked { committed, .. }, End::Known { committed: other }) if committed != other => {
                    return Err(format!("transaction {number} ended the other way"));
                }
                _ => {}
            }
            if transaction.seen && survived != (End::Known { committed: true }) {
                return Err(format!("transaction {number} was read as committed and is {survived:?}"));
            }
            transaction.end = survived;
            if survived == End::Open {
                self.abandon(engine, number);
            }
        }
        self.learn(engine);
        Ok(())
    }

    /// What was open is aborted with an epoch above, wherever it may have been, as a coordinator does it.
    fn abandon(&mut self, engine: &mut Engine, number: usize) {
        let at = self.transactions[number].producer;
        let producer = &mut self.producers[at];
        producer.epoch += 1;
        producer.sequences.clear();
        // What came behind an end that was lost is lost with it.
        let later = producer.transaction.replace(number).filter(|later| *later != number);
        self.end(engine, at, false);
        self.producers[at].transaction = later;
    }

    fn live(&mut self) -> Result<(), String> {
        let mut engine = self.open();
        if self.cuts == 0 {
            let create: Vec<Effect<'_>> =
                (0..PARTITIONS).map(|partition| Effect::CreatePartition { partition }).collect();
            let (lsn, _) = self.accept(&mut engine, &create, Level::Durable);
            drive(&mut engine, |engine| engine.events().durable >= lsn);
        }
        self.recover(&mut engine)?;
        for _ in 0..20 + self.draw.below(150) {
            match self.draw.below(10) {
                0..=4 => self.append(&mut engine),
                5 => self.append_plain(&mut engine),
                6 => {
                    let at = self.draw.below(PRODUCERS as u64) as usize;
                    let committed = !self.draw.one_in(3);
                    self.end(&mut engine, at, committed);
                }
                7 => self.check(&mut engine)?,
                _ => {
                    engine.turn();
                }
            }
        }
        self.check(&mut engine)?;
        if self.draw.one_in(2) {
            self.sim.cut_power()
        } else {
            self.sim.kill_process()
        }
        self.cuts += 1;
        Ok(())
    }
}

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

#[test]
fn readers_of_committed_data_see_all_of_what_was_committed_and_nothing_else_across_power_cuts() {
    let first = number("MILLRACE_SEED", 1);
    let wanted = number("MILLRACE_CUTS", 400);
    let (mut cuts, mut committed, mut seed) = (0, 0, first);
    while cuts < wanted {
        let mut machine = Machine::new(seed);
        for _ in 0..6 {
            if let Err(violation) = machine.live() {
                panic!(
                    "seed {seed}: {violation}\nreplay: MILLRACE_SEED={seed} MILLRACE_CUTS=1 cargo test -p \
                     millrace-engine --test txn"
                );
            }
        }
        cuts += machine.cuts;
        committed += machine.committed;
        seed += 1;
    }
    assert!(committed > cuts, "the test is about transactions that commit: {committed} in {cuts} cuts");
}
