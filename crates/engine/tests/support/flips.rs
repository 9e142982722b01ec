//! Small directories with files of every kind, bits of them flipped, and what verification says then.

#![allow(dead_code, reason = "each test file uses its own part")]

use crate::compacted::{compact, keyed};
use crate::kv::{self, Write};
use crate::support::{
    self, append_patiently as append, config, create, end_of, filler, machine, open_with, read, read_all,
};
use millrace_engine::{Code, Engine, EngineConfig, Level, Severity, Verified, verify};
use millrace_io::{Io, SimHandle};
use std::collections::BTreeMap;

pub fn small() -> EngineConfig {
    EngineConfig {
        journal_file_bytes: 32 << 10,
        settle_bytes: 6 << 10,
        own_segment_bytes: 2 << 10,
        segment_bytes: 16 << 10,
        bulk_bytes: 3_000,
        large_bytes: 700,
        index_interval_bytes: 512,
        read_ahead_bytes: 4 << 20,
        ..config()
    }
}

/// What a directory holds: batches by partition, values by key.
#[derive(Default)]
pub struct Truth {
    pub batches: BTreeMap<u64, Vec<Vec<u8>>>,
    pub values: BTreeMap<Vec<u8>, Vec<u8>>,
}

pub fn put(engine: &mut Engine, truth: &mut Truth, number: u8) {
    let (key, value) = (vec![b'k', number], vec![number; 20 + usize::from(number) * 3]);
    let lsn = kv::commit(engine, &[Write::Put(1, key.clone(), value.clone())], Level::Durable);
    kv::drive(engine, |engine| engine.events().durable >= lsn);
    truth.values.insert(key, value);
}

/// Until nothing is left to do.
fn idle(engine: &mut Engine) {
    support::drive(engine, |engine| engine.next_deadline().is_none_or(|at| at > engine.io().now_ns()));
}

/// Appends large batches until two of them lie in a bulk file, since the first ones find none yet; then smaller ones until
/// those are settled.
fn bulk(engine: &mut Engine, partition: u64) {
    let is_bulk = |engine: &Engine| engine.counters().journal.bulk_bytes > 10_000;
    for seed in 77..97 {
        append(engine, partition, &filler(seed, 5_000));
        idle(engine);
        if is_bulk(engine) {
            break;
        }
    }
    assert!(is_bulk(engine), "a bulk file is used");
    settle(engine, partition);
}

/// Appends to a partition until a settle has had everything before.
pub fn settle(engine: &mut Engine, partition: u64) {
    let settles = engine.counters().settles;
    for seed in 0..80 {
        append(engine, partition, &filler(seed, 400));
        idle(engine);
        if engine.counters().settles > settles + 1 {
            return;
        }
    }
    panic!("nothing is settled");
}

/// A directory with own, shared and compacted segments, bulk files, data files with hints, and frames that are not settled.
pub fn directory(seed: u64, closed: bool) -> (SimHandle, Truth) {
    let disk = machine(seed);
    let (mut engine, _) = open_with(&disk, small());
    let mut truth = Truth::default();
    create(&mut engine, &[1, 2, 3, 4]);
    kv::commit(&mut engine, &[Write::Create(1)], Level::Durable);
    for round in 0..12u8 {
        append(&mut engine, 1, &filler(u64::from(round), 400));
        append(&mut engine, 2, &filler(u64::from(round), 60));
        append(&mut engine, 4, &keyed(u64::from(round), 120));
        put(&mut engine, &mut truth, round);
    }
    compact(&mut engine, &[4]);
    bulk(&mut engine, 3);
    // The last frames stay in the journal.
    idle(&mut engine);
    put(&mut engine, &mut truth, 200);
    append(&mut engine, 2, &filler(99, 70));
    for partition in [1, 2, 3, 4] {
        truth.batches.insert(partition, read_all(&mut engine, partition));
    }
    if closed {
        engine.close_begin();
        support::drive(&mut engine, |engine| engine.is_closed());
    }
    drop(engine);
    disk.kill_process();
    (disk, truth)
}

pub fn look(disk: &SimHandle) -> Result<Verified, String> {
    verify(Io::sim(disk.clone()), true).map_err(|error| error.to_string())
}

/// What opening a disk leads to: a wrong value is an error; `true` when everything is there.
pub fn is_all_there(disk: &SimHandle, truth: &Truth) -> Result<bool, String> {
    let Ok((mut engine, account)) = Engine::open(Io::sim(disk.clone()), small()) else { return Ok(false) };
    let mut whole = account.damage.is_empty();
    for (&partition, batches) in &truth.batches {
        for batch in batches {
            let base = i64::from_be_bytes(batch[..8].try_into().expect("eight bytes"));
            match read(&mut engine, partition, base, 1) {
                Ok(pieces) => match pieces.first() {
                    Some(piece) if piece.bytes() == batch => {}
                    Some(_) => return Err(format!("partition {partition}, offset {base}: other bytes")),
                    None => whole = false,
                },
                Err(Code::Damaged | Code::OffsetOutOfRange | Code::UnknownPartition) => whole = false,
                Err(code) => return Err(format!("partition {partition}, offset {base}: {code:?}")),
            }
        }
        let end = batches.last().map_or(0, |batch| end_of(batch)) as u64;
        whole &= engine.watermarks(partition).is_some_and(|marks| marks.log_end == end);
    }
    for (key, value) in &truth.values {
        match kv::get(&mut engine, 1, key, 0) {
            Ok(Some(entry)) if entry.value == *value => {}
            Ok(Some(_)) => return Err(format!("key {key:?}: another value")),
            // Gone without a word is judged by whether anything was reported.
            Ok(None) | Err(_) => whole = false,
        }
    }
    Ok(whole)
}

/// Whether a verification says that something is not as it was: damage, what can be built anew, or a torn tail.
pub fn is_reported(found: &Result<Verified, String>) -> bool {
    match found {
        Err(_) => true,
        Ok(found) => {
            found.findings.iter().any(|one| one.severity > Severity::Note || one.detail.contains("torn tail"))
        }
    }
}

/// `last`: where the newest frame of a killed directory begins. Nothing behind it says that it was whole once.
pub fn judge(
    (disk, truth): (&SimHandle, &Truth),
    last: Option<&(String, u64)>,
    (file, position): (&str, u64),
    bit: u8,
) -> Result<bool, String> {
    let flipped = disk.fork(position + 1);
    assert!(flipped.flip_bit(file, position, bit), "the byte is there");
    let found = look(&flipped);
    let whole = is_all_there(&flipped, truth)?;
    let is_last = last.is_some_and(|(last, from)| last == file && *from <= position);
    if !whole && !is_reported(&found) && !is_last {
        return Err("something is gone and verification is content".to_string());
    }
    Ok(is_reported(&found))
}

/// The first file with this ending.
pub fn first(disk: &SimHandle, ending: &str) -> String {
    disk.files().into_iter().find(|file| file.ends_with(ending)).expect("a file of this kind")
}

/// Where the frame with the highest LSN lies.
pub fn newest_frame(disk: &SimHandle) -> (String, u64) {
    let mut newest = (0, String::new(), 0);
    for file in disk.files().into_iter().filter(|file| file.starts_with("journal/")) {
        let bytes = disk.read(&file).expect("it is there");
        for at in (4_096..bytes.len() - 64).step_by(8).filter(|at| bytes[*at..].starts_with(b"MRJF")) {
            let lsn = u64::from_le_bytes(bytes[at + 24..at + 32].try_into().expect("eight bytes"));
            newest = newest.max((lsn, file.clone(), at as u64));
        }
    }
    (newest.1, newest.2)
}

/// The first of some places of a file, `step` bytes apart, where a flipped bit is not reported.
pub fn unreported(disk: &SimHandle, file: &str, places: std::ops::Range<u64>, step: usize) -> Option<u64> {
    places.step_by(step).find(|position| {
        let flipped = disk.fork(position + 1);
        assert!(flipped.flip_bit(file, *position, (position % 8) as u8), "the byte is there");
        !is_reported(&look(&flipped))
    })
}

/// Places that mean something: a file, where they begin and end, and how far apart they are looked at.
pub type Places = (String, std::ops::Range<u64>, usize);

/// Every byte of an index.
pub fn index_places(disk: &SimHandle) -> Places {
    let file = first(disk, ".index");
    let length = disk.read(&file).map_or(0, |bytes| bytes.len() as u64);
    // Behind the table the file may be filled up to a block.
    let entries = disk.read(&file).map_or(0, |bytes| u64::from(bytes[44]));
    (file, 0..(64 + entries * 24 + 4).min(length), 1)
}

/// The first batches of a shared segment.
pub fn shared_places(disk: &SimHandle) -> Places {
    (first(disk, ".shared"), 4_096..4_096 + 300, 3)
}

/// The newest frame of the journal of a directory that was closed.
pub fn frame_places(disk: &SimHandle) -> Places {
    let (file, position) = newest_frame(disk);
    (file, position..position + 64, 1)
}
