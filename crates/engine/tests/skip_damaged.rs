//! Promises of `repair --skip-damaged`: what is given up is told before, exactly; what verifies stays; reads go on behind.

#[path = "support/compacted.rs"]
mod compacted;
#[path = "support/flips.rs"]
mod flips;
#[path = "support/kv/mod.rs"]
mod kv;
mod support;

use flips::{Truth, directory, settle, small};
use millrace_engine::{Act, Action, Code, Engine, EngineConfig, Repairing, Severity, repair, verify};
use millrace_io::{Io, Op, SimHandle};
use std::path::PathBuf;
use support::{append_patiently, filler, read};

const PLAN: Repairing = Repairing { skip_damaged: true, ..Repairing::PLAN };
const APPLY: Repairing = Repairing { apply: true, skip_damaged: true, ..Repairing::PLAN };

/// Base offset and the offset behind the last one of a stored batch.
fn span(batch: &[u8]) -> (u64, u64) {
    let base = u64::from_be_bytes(batch[..8].try_into().expect("eight bytes"));
    (base, base + 1 + u64::from(u32::from_be_bytes(batch[23..27].try_into().expect("four bytes"))))
}

/// Everything a reader gets who starts at the log start and goes on until the end; `Err`: where it cannot go on.
fn walk(engine: &mut Engine, partition: u64) -> Result<Vec<Vec<u8>>, (u64, Code)> {
    let marks = engine.watermarks(partition).expect("it is there");
    let (mut offset, mut found) = (marks.log_start, Vec::new());
    while offset < marks.log_end {
        let pieces = read(engine, partition, offset as i64, 4 << 10).map_err(|code| (offset, code))?;
        let Some(last) = pieces.last() else { return Err((offset, Code::OffsetOutOfRange)) };
        offset = span(last.bytes()).1;
        found.extend(pieces.iter().map(|piece| piece.bytes().to_vec()));
    }
    // What only says where to go on has no records.
    found.retain(|batch| batch[57..61] != [0; 4]);
    Ok(found)
}

/// What is given up, by the steps of a repair.
fn given_up(steps: &[Action]) -> Vec<(u64, u64, u64)> {
    let skipped = steps.iter().filter(|step| step.act == Act::Skip).filter_map(|step| step.offsets);
    skipped.map(|offsets| (offsets.partition, offsets.from, offsets.to)).collect()
}

/// Plans, which changes nothing, and repairs; answers what was given up.
fn skip(disk: &SimHandle) -> Vec<(u64, u64, u64)> {
    let before: Vec<_> = disk.files().into_iter().map(|file| (disk.read(&file), file)).collect();
    let (_, planned) = repair(Io::sim(disk.clone()), PLAN, "plan").expect("it can be looked at");
    let after: Vec<_> = disk.files().into_iter().map(|file| (disk.read(&file), file)).collect();
    assert!(before == after, "a plan changes nothing");
    let (_, done) = repair(Io::sim(disk.clone()), APPLY, "now").expect("it is repaired");
    assert_eq!(planned, done, "what was done is what was planned");
    let found = verify(Io::sim(disk.clone()), true).expect("it can be looked at");
    assert!(found.worst() <= Some(Severity::Note), "{:?}", found.findings);
    given_up(&done)
}

fn open(disk: &SimHandle) -> Engine {
    let (engine, account) = Engine::open(Io::sim(disk.clone()), small()).expect("it opens");
    assert!(account.damage.is_empty(), "{:?}", account.damage);
    engine
}

/// A place in the records of this batch, in the file that has it; `None`: it is not settled.
fn place_of(disk: &SimHandle, batch: &[u8]) -> Option<(String, u64)> {
    let files = disk.files().into_iter().filter(|file| file.starts_with("segments/"));
    let mut places = files.filter_map(|file| {
        let bytes = disk.read(&file)?;
        let at = bytes.windows(batch.len()).position(|window| window == batch)?;
        Some((file, at as u64 + 62))
    });
    places.next()
}

/// Of a partition, one batch in files with this ending, and its place: the first (0), the middle one (1) or the last (2).
fn settled(
    disk: &SimHandle,
    truth: &Truth,
    (partition, ending, which): (u64, &str, usize),
) -> (Vec<u8>, String, u64) {
    let batches = truth.batches[&partition].iter();
    let found: Vec<_> = batches
        .filter_map(|batch| Some((batch, place_of(disk, batch)?)))
        .filter(|(_, (file, _))| file.ends_with(ending))
        .collect();
    assert!(!found.is_empty(), "partition {partition} is settled in {ending}");
    let (batch, (file, position)) = &found[(found.len() - 1) * which / 2];
    (batch.to_vec(), file.clone(), *position)
}

#[test]
fn one_damaged_batch_of_any_kind_of_segment_costs_its_own_offsets_and_no_others() {
    let kinds = [(1, ".log"), (2, ".shared"), (3, ".bulk"), (4, ".log")];
    for (partition, ending, which) in kinds.iter().flat_map(|(id, kind)| [0, 1, 2].map(|at| (*id, *kind, at)))
    {
        let (disk, truth) = directory(4, true);
        let (batch, file, position) = settled(&disk, &truth, (partition, ending, which));
        assert!(disk.flip_bit(&file, position, 3));
        let (from, to) = span(&batch);
        let lost = skip(&disk);
        let ours = |(id, a, b): &(u64, u64, u64)| *id == partition && *a <= from && *b >= to;
        assert!(lost.len() == 1 && ours(&lost[0]), "{file}: {lost:?} instead of {from} to {to}");
        if partition != 4 {
            assert_eq!(lost, [(partition, from, to)], "{file}");
        }
        let mut engine = open(&disk);
        for (id, batches) in &truth.batches {
            let left: Vec<_> = batches.iter().filter(|one| **one != batch).cloned().collect();
            let found = walk(&mut engine, *id);
            assert!(found.as_ref() == Ok(&left), "{file}: partition {id} after {from} to {to} were given up");
        }
    }
}

#[test]
fn what_was_damaged_is_kept_beside_and_a_second_repair_finds_nothing() {
    let (disk, truth) = directory(5, true);
    let (_, file, position) = settled(&disk, &truth, (1, ".log", 1));
    assert!(disk.flip_bit(&file, position, 0));
    let bytes = disk.read(&file);
    assert_eq!(skip(&disk).len(), 1);
    let name = file.rsplit('/').next().expect("a name");
    assert_eq!(disk.read(format!("repair/now/{name}")), bytes);
    let (_, steps) = repair(Io::sim(disk.clone()), APPLY, "again").expect("it can be looked at");
    assert_eq!(steps, []);
}

#[test]
fn of_a_file_that_is_missing_every_offset_is_given_up_and_reads_go_on_behind_it() {
    let (disk, truth) = directory(6, true);
    let (_, file, _) = settled(&disk, &truth, (1, ".log", 0));
    Io::sim(disk.clone()).run(Op::Unlink { path: PathBuf::from(&file) }).expect("it is removed");
    let lost = skip(&disk);
    assert!(!lost.is_empty(), "{file}");
    let mut engine = open(&disk);
    for (id, batches) in &truth.batches {
        let is_lost = |batch: &Vec<u8>| {
            lost.iter().any(|(of, from, to)| of == id && (*from..*to).contains(&span(batch).0))
        };
        let left: Vec<_> = batches.iter().filter(|batch| !is_lost(batch)).cloned().collect();
        assert!(walk(&mut engine, *id).as_ref() == Ok(&left), "{file}: partition {id}, lost {lost:?}");
    }
}

#[test]
fn of_a_missing_file_with_records_of_two_runs_reads_go_on_behind_them() {
    let (disk, truth) = directory(11, true);
    let epoch_of = |batch: &[u8]| i32::from_be_bytes(batch[12..16].try_into().expect("four bytes"));
    let last = truth.batches[&2].last().expect("one").clone();
    assert!(place_of(&disk, &last).is_none(), "the last one of the first run is not settled");
    let mut engine = open(&disk);
    for round in 0..4 {
        append_patiently(&mut engine, 2, &filler(round, 60));
    }
    settle(&mut engine, 1);
    let batches = support::read_all(&mut engine, 2);
    engine.close_begin();
    support::drive(&mut engine, |engine| engine.is_closed());
    drop(engine);
    disk.kill_process();
    let (file, _) = place_of(&disk, &last).expect("it is settled now");
    let bytes = disk.read(&file).expect("it is there");
    let in_file = |batch: &&Vec<u8>| bytes.windows(batch.len()).any(|window| window == batch.as_slice());
    let epochs: Vec<_> = batches.iter().filter(in_file).map(|batch| epoch_of(batch)).collect();
    assert!(epochs.first() < epochs.last(), "{file} has records of both runs: {epochs:?}");
    Io::sim(disk.clone()).run(Op::Unlink { path: PathBuf::from(&file) }).expect("it is removed");
    let lost = skip(&disk);
    let mut engine = open(&disk);
    let is_lost =
        |batch: &Vec<u8>| lost.iter().any(|(of, from, to)| *of == 2 && (*from..*to).contains(&span(batch).0));
    let left: Vec<_> = batches.iter().filter(|batch| !is_lost(batch)).cloned().collect();
    assert!(walk(&mut engine, 2).as_ref() == Ok(&left), "lost {lost:?}");
}

#[test]
fn without_being_told_nothing_is_given_up() {
    let (disk, truth) = directory(7, true);
    let (_, file, position) = settled(&disk, &truth, (1, ".log", 1));
    assert!(disk.flip_bit(&file, position, 0));
    let how = Repairing { apply: true, ..Repairing::PLAN };
    let (_, steps) = repair(Io::sim(disk.clone()), how, "now").expect("it can be looked at");
    assert!(given_up(&steps).is_empty() && steps.iter().any(|step| step.act == Act::Fenced), "{steps:?}");
    let (mut engine, _) = Engine::open(Io::sim(disk.clone()), small()).expect("it opens");
    assert!(matches!(walk(&mut engine, 1), Err((_, Code::Damaged))));
}

/// Where frames of the journal begin, those that count and those that do not any more.
fn frames(disk: &SimHandle) -> Vec<(String, u64)> {
    let files = disk.files().into_iter().filter(|file| file.starts_with("journal/"));
    let places = files.flat_map(|file| {
        let bytes = disk.read(&file).expect("it is there");
        let begins = move |at: &usize| bytes[*at..].starts_with(b"MRJF");
        let length = disk.read(&file).map_or(0, |bytes| bytes.len());
        (4_096..length).step_by(8).filter(begins).map(move |at| (file.clone(), at as u64))
    });
    places.collect()
}

#[test]
fn a_hole_that_damage_of_the_journal_left_is_given_up_once_it_is_settled() {
    let mut holes = 0;
    let (whole, _) = directory(9, false);
    {
        // What stays in the journal, one frame proving the other.
        let roomy = EngineConfig { settle_bytes: 1 << 20, ..small() };
        let (mut engine, _) = Engine::open(Io::sim(whole.clone()), roomy).expect("it opens");
        for round in 0..8 {
            append_patiently(&mut engine, 1 + round % 2, &filler(round, 300));
        }
    }
    whole.kill_process();
    for (journal, frame) in frames(&whole) {
        let disk = whole.fork(frame);
        assert!(disk.flip_bit(&journal, frame + 20, 1));
        let Ok((mut engine, account)) = Engine::open(Io::sim(disk.clone()), small()) else { continue };
        let lost: Vec<_> =
            account.touched.iter().filter(|one| !one.lost.is_empty()).map(|one| one.partition).collect();
        if lost.is_empty() {
            continue;
        }
        settle(&mut engine, 4);
        engine.close_begin();
        support::drive(&mut engine, |engine| engine.is_closed());
        drop(engine);
        disk.kill_process();
        holes += 1;
        let given = skip(&disk);
        let mut engine = open(&disk);
        for partition in lost {
            assert!(
                given.iter().any(|(id, ..)| *id == partition),
                "{given:?} has none of partition {partition}"
            );
            assert!(walk(&mut engine, partition).is_ok(), "partition {partition}, frame at {frame}");
        }
    }
    assert!(holes > 0, "a frame of a partition was damaged");
}
