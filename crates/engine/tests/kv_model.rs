//! Stores against a model, on every driver: whatever is written, settled, merged, reopened and read, stores say what the
//! model says.

#[path = "support/kv/mod.rs"]
mod kv;
mod support;

use kv::{Draw, Entry, Model, Write, commit, compare, draw_key, draw_write, drive, get, same, scan};
use millrace_engine::{Engine, KvCounted, Level};
use millrace_io::{DriverChoice, Io, Limits, SimHandle, SimOptions};
use std::collections::BTreeMap;
use std::ops::Bound;
use std::path::PathBuf;

const KEYS: u64 = 300;

/// An open snapshot and what it must see.
struct Open {
    id: u64,
    store: u32,
    keys: BTreeMap<Vec<u8>, Entry>,
}

fn write_some(draw: &mut Draw, engine: &mut Engine, model: &mut Model, snapshots: &mut Vec<Open>) {
    let mut next = model.clone();
    let mut writes: Vec<Write> = Vec::new();
    for _ in 0..1 + draw.below(12) {
        let write = draw_write(draw, &next, KEYS);
        write.apply(&mut next, 0);
        writes.push(write);
    }
    let lsn = commit(engine, &writes, if draw.once_in(3) { Level::Durable } else { Level::Written });
    for write in &writes {
        write.apply(model, lsn);
        if let Write::Drop(dropped) = write {
            snapshots.retain(|open| open.store != *dropped);
        }
    }
}

fn look(draw: &mut Draw, engine: &mut Engine, model: &Model, snapshots: &[Open]) {
    let stores: Vec<u32> = model.keys().copied().collect();
    let Some(store) = stores.get(draw.below(3) as usize) else { return };
    let open = snapshots.iter().find(|open| open.store == *store).filter(|_| draw.once_in(2));
    let (keys, snapshot) = open.map_or((&model[store], 0), |open| (&open.keys, open.id));
    let key = draw_key(draw, KEYS);
    assert_eq!(get(engine, *store, &key, snapshot), Ok(keys.get(&key).cloned()), "key {key:?} of {store}");
    if draw.once_in(4) {
        rank(draw, engine, *store, &model[store]);
    }
    if draw.once_in(20) {
        let (one, other) = (draw_key(draw, KEYS), draw_key(draw, KEYS));
        let bounds = (Bound::Included(one.clone().min(other.clone())), Bound::Excluded(one.max(other)));
        let reverse = draw.once_in(2);
        let found = scan(engine, *store, snapshot, bounds.clone(), reverse, 1 + draw.below(40) as usize);
        let inside = |key: &&Vec<u8>| match (&bounds.0, &bounds.1) {
            (Bound::Included(from), Bound::Excluded(to)) => from <= *key && *key < to,
            _ => unreachable!("as drawn above"),
        };
        let mut expected: Vec<(Vec<u8>, Entry)> = keys
            .iter()
            .filter(|(key, _)| inside(key))
            .map(|(key, entry)| (key.clone(), entry.clone()))
            .collect();
        if reverse {
            expected.reverse();
        }
        same(*store, &found.expect("scanned"), &expected).expect("the scan and the model agree");
    }
}

/// Counts and places are those of the model, whatever is settled, settling, overwritten or removed.
fn rank(draw: &mut Draw, engine: &mut Engine, store: u32, keys: &BTreeMap<Vec<u8>, Entry>) {
    let (one, other) = (draw_key(draw, KEYS), draw_key(draw, KEYS));
    let (from, to) = (one.clone().min(other.clone()), one.max(other));
    let inside: Vec<&Vec<u8>> = keys.range(from.clone()..to.clone()).map(|(key, _)| key).collect();
    let counted = engine.kv_count_between(store, &from, &to);
    assert_eq!(counted, KvCounted::Ready(inside.len() as u64), "keys from {from:?} to {to:?} of {store}");
    let index = draw.below(inside.len() as u64 + 2);
    let expected = inside.get(index as usize).map(|key| key.as_slice());
    let found = engine.kv_nth_between(store, &from, Some(&to), index);
    assert_eq!(found, KvCounted::Ready(expected), "place {index} from {from:?} to {to:?} of {store}");
}

/// The bytes of all keys are those that their records have.
fn weigh(engine: &Engine, model: &Model) {
    for (store, keys) in model {
        let records = keys.iter().map(|(key, entry)| {
            let varint = |value: u64| (64 - (value | 1).leading_zeros() as usize).div_ceil(7);
            let sizes = varint(key.len() as u64) + varint(entry.value.len() as u64);
            9 + varint(entry.sequence) + sizes + key.len() + entry.value.len()
        });
        assert_eq!(
            engine.kv_live_bytes(*store),
            Some(records.sum::<usize>() as u64),
            "bytes of store {store}"
        );
    }
}

fn snapshot_some(draw: &mut Draw, engine: &mut Engine, model: &Model, snapshots: &mut Vec<Open>) {
    if draw.once_in(2) && !snapshots.is_empty() {
        let gone = snapshots.swap_remove(draw.below(snapshots.len() as u64) as usize);
        let everything = (Bound::Unbounded, Bound::Unbounded);
        let found = scan(engine, gone.store, gone.id, everything, false, 100).expect("scanned");
        let expected: Vec<(Vec<u8>, Entry)> = gone.keys.into_iter().collect();
        same(gone.store, &found, &expected).expect("a snapshot sees what was there when it was taken");
        engine.kv_release(gone.id);
        return;
    }
    let stores: Vec<u32> = model.keys().copied().collect();
    let Some(store) = stores.get(draw.below(3) as usize) else { return };
    if snapshots.len() < 4 {
        let id = engine.kv_snapshot(*store);
        assert_ne!(id, 0);
        snapshots.push(Open { id, store: *store, keys: model[store].clone() });
    }
}

struct Seen {
    settles: u64,
    merges: u64,
    cold: u64,
}

fn live(seed: u64, rounds: u64, mut open: impl FnMut() -> Io) -> Seen {
    let mut draw = Draw::new(seed);
    let mut model = Model::new();
    let mut seen = Seen { settles: 0, merges: 0, cold: 0 };
    let mut config = support::config();
    config.memory_bytes = if draw.once_in(2) { 96 << 10 } else { 1 << 20 };
    for life in 0..4 {
        let (mut engine, account) = Engine::open(open(), config.clone()).expect("the engine opens");
        assert!(account.clean, "life {life}: {account:?}");
        compare(&mut engine, &model).expect("what was written is there after reopening");
        let mut snapshots = Vec::new();
        for _ in 0..rounds {
            match draw.below(10) {
                0..5 => write_some(&mut draw, &mut engine, &mut model, &mut snapshots),
                5..8 => look(&mut draw, &mut engine, &model, &snapshots),
                8 if draw.once_in(8) => snapshot_some(&mut draw, &mut engine, &model, &mut snapshots),
                9 if draw.once_in(60) => {
                    let _ = model.keys().next().map(|store| engine.kv_merge(*store));
                }
                _ => {
                    engine.turn();
                }
            }
        }
        compare(&mut engine, &model).expect("stores and model agree");
        weigh(&engine, &model);
        let merges = model.keys().next().and_then(|store| engine.kv_stats(*store)).unwrap_or_default();
        seen.settles += engine.counters().settles;
        seen.merges += merges.merges;
        seen.cold += merges.cold_reads;
        engine.close_begin();
        drive(&mut engine, |engine| engine.is_closed());
        assert!(engine.has_clean_mark());
    }
    seen
}

fn directory(name: &str) -> PathBuf {
    let root = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("kv-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&root);
    root
}

#[test]
fn stores_agree_with_a_model_on_a_simulated_machine() {
    let (mut settles, mut merges, mut cold) = (0, 0, 0);
    for seed in 1..40 {
        let machine = SimHandle::new(SimOptions::perfect(seed));
        let seen = live(seed, 400, || Io::sim(machine.clone()));
        (settles, merges, cold) = (settles + seen.settles, merges + seen.merges, cold + seen.cold);
    }
    assert!(settles > 100 && merges > 20 && cold > 100, "{settles} settles, {merges} merges, {cold} reads");
}

#[test]
fn stores_agree_with_a_model_on_threads() {
    let root = directory("pool");
    let open = || Io::open(&root, DriverChoice::Pool, Limits::default()).expect("the pool opens");
    let seen = live(77, 500, open);
    assert!(seen.settles > 0);
    std::fs::remove_dir_all(&root).expect("removed");
}

#[test]
fn stores_agree_with_a_model_on_a_ring() {
    let root = directory("ring");
    if Io::open(&root, DriverChoice::Ring, Limits::default()).is_err() {
        println!("no ring on this machine");
        return;
    }
    let open = || Io::open(&root, DriverChoice::Ring, Limits::default()).expect("a ring opens");
    let seen = live(78, 500, open);
    assert!(seen.settles > 0);
    std::fs::remove_dir_all(&root).expect("removed");
}
