//! A model of stores, and an engine that is driven beside it.

#![allow(dead_code, reason = "each test file uses its own part")]

pub mod cuts;

use millrace_engine::{Code, Condition, Effect, Engine, KvItem, KvPage, KvRange, KvRead, Level, Outcome};
use std::collections::BTreeMap;
use std::ops::Bound;

/// A seeded stream of numbers.
pub struct Draw(u64);

impl Draw {
    pub fn new(seed: u64) -> Draw {
        Draw(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) % limit
    }

    /// True once in `times`.
    pub fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }
}

/// One key as the model knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub value: Vec<u8>,
    pub sequence: u64,
}

/// What all stores hold.
pub type Model = BTreeMap<u32, BTreeMap<Vec<u8>, Entry>>;

/// One write, owned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    Put(u32, Vec<u8>, Vec<u8>),
    Delete(u32, Vec<u8>),
    Clear(u32),
    Create(u32),
    Drop(u32),
}

impl Write {
    pub fn effect(&self) -> Effect<'_> {
        let condition = Condition::None;
        match self {
            Write::Put(store, key, value) => {
                Effect::KvPut { store: *store, key, value, expires_ms: 0, condition }
            }
            Write::Delete(store, key) => Effect::KvDelete { store: *store, key, condition },
            Write::Clear(store) => Effect::KvClear { store: *store },
            Write::Create(store) => Effect::CreateStore { store: *store },
            Write::Drop(store) => Effect::DropStore { store: *store },
        }
    }

    /// Does the write in the model, as the frame `sequence`.
    pub fn apply(&self, model: &mut Model, sequence: u64) {
        match self {
            Write::Put(store, key, value) => {
                let entry = Entry { value: value.clone(), sequence };
                model.get_mut(store).expect("there").insert(key.clone(), entry);
            }
            Write::Delete(store, key) => {
                model.get_mut(store).expect("there").remove(key);
            }
            Write::Clear(store) => model.get_mut(store).expect("there").clear(),
            Write::Create(store) => {
                model.insert(*store, BTreeMap::new());
            }
            Write::Drop(store) => {
                model.remove(store);
            }
        }
    }
}

/// A write to one of the stores there are.
pub fn draw_write(draw: &mut Draw, model: &Model, keys: u64) -> Write {
    let stores: Vec<u32> = model.keys().copied().collect();
    if stores.is_empty() || (stores.len() < 3 && draw.once_in(200)) {
        let free = (1..).find(|id| !model.contains_key(id)).expect("there are enough ids");
        return Write::Create(free);
    }
    let store = stores[draw.below(stores.len() as u64) as usize];
    if draw.once_in(400) {
        return if draw.once_in(3) { Write::Drop(store) } else { Write::Clear(store) };
    }
    let key = draw_key(draw, keys);
    if draw.once_in(4) {
        return Write::Delete(store, key);
    }
    let length = if draw.once_in(50) { 5_000 } else { draw.below(120) as usize };
    let byte = draw.below(256) as u8;
    Write::Put(store, key, (0..length).map(|at| byte.wrapping_add(at as u8)).collect())
}

/// Keys of different lengths; the empty one is among them.
pub fn draw_key(draw: &mut Draw, keys: u64) -> Vec<u8> {
    match draw.below(keys) {
        0 => Vec::new(),
        number if number % 37 == 0 => format!("{:0>300}", number).into_bytes(),
        number => format!("key/{:x}", number.wrapping_mul(0x9e37_79b9) % 100_003).into_bytes(),
    }
}

/// Turns until `done`, at most a while.
pub fn drive(engine: &mut Engine, mut done: impl FnMut(&mut Engine) -> bool) {
    for _ in 0..200_000 {
        engine.turn();
        if done(engine) {
            return;
        }
        let timeout = engine.next_deadline().map(|at| at.saturating_sub(engine.io().now_ns()));
        engine.wait(Some(timeout.unwrap_or(1_000_000).clamp(1, 1_000_000)));
    }
    panic!("the engine does not get there");
}

/// Commits, patiently when the engine is busy; answers the LSN.
pub fn commit(engine: &mut Engine, writes: &[Write], level: Level) -> u64 {
    let effects: Vec<Effect<'_>> = writes.iter().map(Write::effect).collect();
    let mut outcomes: Vec<Outcome> = Vec::new();
    for _ in 0..10_000 {
        let committed = engine.commit(&effects, level, &mut outcomes);
        match committed.code {
            Code::Ok => return committed.lsn,
            Code::Busy | Code::NoSpace => {
                engine.turn();
                engine.wait(Some(1_000_000));
            }
            code => panic!("{code:?} for {writes:?}"),
        }
    }
    panic!("busy for ever");
}

/// Waits for the answer of a read.
pub fn settled_read(engine: &mut Engine, read: KvRead) -> KvRead {
    let KvRead::Pending(token) = read else { return read };
    wait_token(engine, token);
    engine.kv_take(token)
}

pub fn wait_token(engine: &mut Engine, token: u64) {
    let mut finished = Vec::new();
    drive(engine, |engine| {
        engine.take_finished(&mut finished);
        finished.iter().any(|(done, _)| *done == token)
    });
}

/// A value with its sequence; `Err`: the answer was neither a value nor "absent".
pub fn get(engine: &mut Engine, store: u32, key: &[u8], snapshot: u64) -> Result<Option<Entry>, String> {
    let read = engine.kv_get(store, key, snapshot);
    match settled_read(engine, read) {
        KvRead::Ready(found) => {
            Ok(Some(Entry { value: found.value.bytes().to_vec(), sequence: found.sequence }))
        }
        KvRead::Absent => Ok(None),
        other => Err(format!("{other:?}")),
    }
}

/// All entries of a range, page by page.
pub fn scan(
    engine: &mut Engine,
    store: u32,
    snapshot: u64,
    (from, to): (Bound<Vec<u8>>, Bound<Vec<u8>>),
    reverse: bool,
    page: usize,
) -> Result<Vec<(Vec<u8>, Entry)>, String> {
    let (mut from, mut to) = (from, to);
    let mut out: Vec<(Vec<u8>, Entry)> = Vec::new();
    loop {
        let before = out.len();
        let range = KvRange {
            from: from.as_ref().map(Vec::as_slice),
            to: to.as_ref().map(Vec::as_slice),
            reverse,
            keys_only: false,
            limit: page,
        };
        let mut take = |item: &KvItem<'_>| {
            out.push((item.key.to_vec(), Entry { value: item.value.to_vec(), sequence: item.sequence }));
            true
        };
        let ended = engine.kv_scan(store, snapshot, &range, &mut take);
        match ended {
            KvPage::End => return Ok(out),
            KvPage::Pending(token) => {
                assert_eq!(out.len(), before, "a page that is pending has handed out nothing");
                wait_token(engine, token);
            }
            KvPage::More => {
                let last = out.last().ok_or("a page that is not the last one has entries")?.0.clone();
                if reverse {
                    to = Bound::Excluded(last);
                } else {
                    from = Bound::Excluded(last);
                }
            }
            other => return Err(format!("{other:?}")),
        }
    }
}

/// Compares everything an engine holds with the model.
pub fn compare(engine: &mut Engine, model: &Model) -> Result<(), String> {
    for (store, keys) in model {
        let everything = (Bound::Unbounded, Bound::Unbounded);
        let found = scan(engine, *store, 0, everything, false, 64)?;
        let expected: Vec<(Vec<u8>, Entry)> =
            keys.iter().map(|(key, entry)| (key.clone(), entry.clone())).collect();
        same(*store, &found, &expected)?;
        if engine.kv_count(*store) != Some(keys.len() as u64) {
            return Err(format!("store {store} counts {:?}, not {}", engine.kv_count(*store), keys.len()));
        }
    }
    Ok(())
}

/// The first difference between two lists of entries.
pub fn same(store: u32, found: &[(Vec<u8>, Entry)], expected: &[(Vec<u8>, Entry)]) -> Result<(), String> {
    for (at, pair) in found.iter().zip(expected).enumerate() {
        if pair.0 != pair.1 {
            return Err(format!(
                "store {store}, entry {at}: {:?} instead of {:?}",
                short(pair.0),
                short(pair.1)
            ));
        }
    }
    if found.len() == expected.len() {
        return Ok(());
    }
    let extra = found.get(expected.len()).or(expected.get(found.len())).map(short);
    Err(format!("store {store}: {} entries instead of {}, next {extra:?}", found.len(), expected.len()))
}

fn short((key, entry): &(Vec<u8>, Entry)) -> String {
    let key = String::from_utf8_lossy(key);
    format!("{key} = {} bytes {:?} at {}", entry.value.len(), entry.value.first(), entry.sequence)
}
