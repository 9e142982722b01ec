//! One life: a sequence of operations, perhaps a power cut in it, and what the next opening finds.

use super::Act;
use super::model::{PARTITIONS, STORE, State};
use crate::support::{config, filler, stored};
use millrace_engine::{Append, Code, Condition, Effect, Engine, EngineConfig, Level, Severity, verify};
use millrace_io::{Io, SimHandle};

/// Turns after which something counts as never ending.
const TURNS_MAX: usize = 100_000;
/// Of the bytes that make a settle due.
const SETTLE: u64 = 10 << 10;

fn small() -> EngineConfig {
    EngineConfig {
        journal_file_bytes: 32 << 10,
        journal_files: 3,
        memory_bytes: 24 << 10,
        settle_bytes: SETTLE,
        own_segment_bytes: 4 << 10,
        segment_bytes: 16 << 10,
        bulk_bytes: 4 << 10,
        large_bytes: 4 << 10,
        ..config()
    }
}

/// What a life came to. Events are those of its machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lived {
    /// Events before the last operation, and behind it.
    pub before: u64,
    pub after: u64,
    pub settles: u64,
    pub merges: u64,
}

pub struct Life {
    sim: SimHandle,
    engine: Option<Engine>,
    /// States after frames: the first is what was there.
    states: Vec<(u64, State)>,
    durable: u64,
    epoch: i32,
    /// Bytes of its own for everything that is written.
    number: u64,
    lived: Lived,
}

/// What one frame asks for: batches by partition, and keys that are set or, without a value, removed.
#[derive(Clone, Debug, Default)]
struct Ask {
    batches: Vec<(u64, Vec<u8>)>,
    keys: Vec<(&'static [u8], Option<Vec<u8>>)>,
    /// Records of the first partition that go.
    delete_below: Option<i64>,
}

/// Fills an empty machine with some of everything, and closes it.
pub fn lay_out(sim: &SimHandle) -> Result<State, String> {
    let mut life = Life::new(sim.clone(), State::default());
    life.open()?;
    let creates = [
        Effect::CreatePartition { partition: PARTITIONS[0] },
        Effect::CreatePartition { partition: PARTITIONS[1] },
        Effect::CreateStore { store: STORE },
    ];
    let engine = life.engine.as_mut().expect("it was opened just now");
    let created = engine.commit(&creates, Level::Durable, &mut Vec::new());
    life.states = vec![(created.lsn, State::default())];
    life.until("creation", |engine| engine.events().durable >= created.lsn)?;
    for act in [
        Act::AppendDurable,
        Act::AppendAndPut,
        Act::PutLarge,
        Act::PutLarge,
        Act::Settle,
        Act::AppendAndPut,
        Act::PutLarge,
        Act::Settle,
        Act::AppendWritten,
        Act::AppendBulk,
        Act::Delete,
        Act::AppendAndPut,
        Act::PutLarge,
    ] {
        life.act(act)?;
    }
    life.close()?;
    life.states.pop().map(|(_, state)| state).ok_or_else(|| "there is always one".to_string())
}

impl Life {
    pub fn new(sim: SimHandle, state: State) -> Life {
        let (lived, states) = (Lived::default(), vec![(0, state)]);
        Life { sim, engine: None, states, durable: 0, epoch: 0, number: 0, lived }
    }

    /// Does these operations, up to a cut or to their end, where the power is cut too; then judges what is left.
    pub fn run(mut self, sequence: &[Act]) -> Result<Lived, String> {
        self.open()?;
        for act in sequence {
            self.lived.before = self.sim.events();
            self.act(*act)?;
            if self.sim.is_cut() {
                break;
            }
        }
        self.lived.after = self.sim.events();
        self.forget_engine();
        if !self.sim.is_cut() {
            self.sim.cut_power();
        }
        self.judge()?;
        Ok(self.lived)
    }

    fn last(&self) -> &State {
        &self.states.last().expect("there is always one").1
    }

    fn forget_engine(&mut self) {
        if let Some(engine) = self.engine.take() {
            self.durable = self.durable.max(engine.events().durable);
            self.lived.settles += engine.counters().settles;
        }
    }

    /// Opens; a cut meanwhile is no error.
    fn open(&mut self) -> Result<(), String> {
        match Engine::open(Io::sim(self.sim.clone()), small()) {
            Ok((engine, account)) if account.damage.is_empty() => {
                self.epoch = account.incarnation as i32;
                self.engine = Some(engine);
                Ok(())
            }
            Ok((_, account)) => Err(format!("damage on an honest device: {:?}", account.damage)),
            Err(_) if self.sim.is_cut() => Ok(()),
            Err(error) => Err(format!("opening: {error}")),
        }
    }

    /// Turns until `done` or the cut.
    fn until(&mut self, what: &str, mut done: impl FnMut(&mut Engine) -> bool) -> Result<(), String> {
        let Some(engine) = self.engine.as_mut() else { return Ok(()) };
        for _ in 0..TURNS_MAX {
            engine.turn();
            self.durable = self.durable.max(engine.events().durable);
            if done(engine) || self.sim.is_cut() {
                return Ok(());
            }
            if let Some(failure) = &engine.events().failure {
                return Err(format!("{what} on an honest device: {failure:?}"));
            }
            let due = engine.next_deadline().map_or(1_000_000, |at| at.saturating_sub(engine.io().now_ns()));
            engine.wait(Some(due.clamp(1, 1_000_000)));
        }
        Err(format!("{what} never ends"))
    }

    fn act(&mut self, act: Act) -> Result<(), String> {
        self.number += 1;
        let number = self.number;
        let (one, other) = (PARTITIONS[0], PARTITIONS[1]);
        let value = |bytes| Some(vec![number as u8; bytes]);
        let ask = match act {
            Act::AppendDurable | Act::AppendWritten => {
                let partition = if act == Act::AppendDurable { one } else { other };
                Ask { batches: vec![(partition, filler(number, 700))], ..Ask::default() }
            }
            Act::AppendBulk => Ask { batches: vec![(one, filler(number, 5_000))], ..Ask::default() },
            Act::AppendAndPut => {
                let batches = vec![(one, filler(number, 300)), (other, filler(number, 40))];
                Ask { batches, keys: vec![(b"small", value(100))], ..Ask::default() }
            }
            Act::PutLarge => Ask { keys: vec![(b"large", value(6_000))], ..Ask::default() },
            Act::Delete => Ask { keys: vec![(b"large", None), (b"small", None)], ..Ask::default() },
            Act::Settle => {
                let batches = (0..3).map(|part| (other, filler(number * 100 + part, 3_600))).collect();
                Ask { batches, ..Ask::default() }
            }
            Act::DeleteRecords => {
                let held = &self.last().partitions[0];
                Ask { delete_below: Some((held.start + 2).min(held.end)), ..Ask::default() }
            }
            Act::Merge => return self.merge(),
            Act::Reopen => return self.reopen(),
        };
        let settles = self.engine.as_ref().map_or(0, |engine| engine.counters().settles);
        self.commit(ask, if act == Act::AppendWritten { Level::Written } else { Level::Durable })?;
        match act {
            Act::Settle => self.until("a settle", |engine| {
                let due = engine.next_deadline().is_some_and(|at| at <= engine.io().now_ns());
                engine.counters().settles > settles && engine.io().in_flight() == 0 && !due
            }),
            _ => Ok(()),
        }
    }

    fn commit(&mut self, ask: Ask, level: Level) -> Result<(), String> {
        let condition = Condition::None;
        let mut effects: Vec<Effect<'_>> = Vec::new();
        effects.extend(
            ask.batches.iter().map(|(partition, batch)| Effect::Append(Append::new(*partition, batch))),
        );
        effects.extend(ask.keys.iter().map(|(key, value)| match value {
            Some(value) => Effect::KvPut { store: STORE, key, value, expires_ms: 0, condition },
            None => Effect::KvDelete { store: STORE, key, condition },
        }));
        let deletes =
            ask.delete_below.map(|offset| Effect::DeleteRecords { partition: PARTITIONS[0], offset });
        effects.extend(deletes);
        let mut committed = None;
        self.until("room for a frame", |engine| {
            let answer = engine.commit(&effects, level, &mut Vec::new());
            committed = Some(answer).filter(|answer| !matches!(answer.code, Code::Busy | Code::NoSpace));
            committed.is_some()
        })?;
        let Some(committed) = committed else { return Ok(()) };
        if committed.code != Code::Ok {
            return if self.sim.is_cut() { Ok(()) } else { Err(format!("refused: {:?}", committed.code)) };
        }
        let next = self.after(&ask);
        self.states.push((committed.lsn, next));
        self.until("an acknowledgement", |engine| {
            let events = engine.events();
            committed.lsn <= if level == Level::Durable { events.durable } else { events.written }
        })
    }

    /// The state behind a frame that was accepted.
    fn after(&self, ask: &Ask) -> State {
        let mut next = self.last().clone();
        for (partition, batch) in &ask.batches {
            let held = &mut next.partitions[*partition as usize - 1];
            held.batches.insert(held.end, stored(batch, held.end, self.epoch));
            held.end += 1;
        }
        for (key, value) in &ask.keys {
            match value {
                Some(value) => next.keys.insert(key.to_vec(), value.clone()),
                None => next.keys.remove(*key),
            };
        }
        ask.delete_below.iter().for_each(|offset| next.partitions[0].delete_below(*offset));
        next
    }

    fn merge(&mut self) -> Result<(), String> {
        let begins = self.engine.as_mut().is_some_and(|engine| engine.kv_merge(STORE));
        self.lived.merges += u64::from(begins);
        self.until("a merge", |engine| {
            let due = engine.next_deadline().is_some_and(|at| at <= engine.io().now_ns());
            let merging = engine.kv_stats(STORE).is_some_and(|stats| stats.merging);
            !begins || (!merging && engine.io().in_flight() == 0 && !due)
        })
    }

    fn close(&mut self) -> Result<(), String> {
        if let Some(engine) = self.engine.as_mut() {
            engine.close_begin();
        }
        self.until("closing", |engine| engine.is_closed())?;
        self.forget_engine();
        Ok(())
    }

    fn reopen(&mut self) -> Result<(), String> {
        self.close()?;
        if self.sim.is_cut() {
            return Ok(());
        }
        // A clean close makes durable whatever was there.
        self.durable = u64::MAX;
        self.open()?;
        let appended = self.engine.as_ref().map(|engine| engine.events().appended);
        if let Some(appended) = appended.filter(|_| !self.sim.is_cut()) {
            let last = self.last().clone();
            (self.states, self.durable) = (vec![(appended, last)], appended);
        }
        Ok(())
    }

    /// After the cut: the state behind some whole frame, and no durable frame missing; work goes on.
    fn judge(&mut self) -> Result<(), String> {
        self.sim.change_options(|options| options.cut_at = None);
        self.open()?;
        let Some(engine) = self.engine.as_mut() else { return Err("no opening without a cut".to_string()) };
        let found = State::of(engine)?;
        let Some(kept) = self.states.iter().rposition(|(_, state)| *state == found) else {
            return Err(format!("no state is like what came back: {}", found.difference(self.last())));
        };
        let lost = self.states[kept + 1..].iter().find(|(lsn, _)| *lsn <= self.durable);
        if let Some((lsn, state)) = lost {
            return Err(format!("the durable frame {lsn} is gone: {}", found.difference(state)));
        }
        self.states = vec![(engine.events().appended, found)];
        self.act(Act::AppendAndPut)?;
        self.close()?;
        let found = verify(Io::sim(self.sim.clone()), true).map_err(|error| error.to_string())?;
        if found.worst() > Some(Severity::Note) {
            return Err(format!("verification afterwards: {:?}", found.findings));
        }
        Ok(())
    }
}
