//! Promises of `repair --truncate-at-first-bad`: what is left of a partition is a prefix of what it held, told before to the
//! offset, also of what is only in the journal; others and stores stay as they were; offsets are never given out twice.

#[path = "support/compacted.rs"]
mod compacted;
#[path = "support/flips.rs"]
mod flips;
#[path = "support/kv/mod.rs"]
mod kv;
mod support;

use flips::{Truth, directory, settle, small};
use millrace_engine::{Act, Action, Code, Engine, EngineConfig, Repairing, Severity, repair, verify};
use millrace_io::{Io, SimHandle};
use support::{append_patiently, filler, read};

const PLAN: Repairing = Repairing { truncate: true, ..Repairing::PLAN };
const APPLY: Repairing = Repairing { apply: true, ..PLAN };

/// Base offset and the offset behind the last one of a stored batch.
fn span(batch: &[u8]) -> (u64, u64) {
    let base = u64::from_be_bytes(batch[..8].try_into().expect("eight bytes"));
    (base, base + 1 + u64::from(u32::from_be_bytes(batch[23..27].try_into().expect("four bytes"))))
}

/// Everything a reader gets who starts at the log start and goes on until the end, and that end.
fn walk(engine: &mut Engine, partition: u64) -> (Vec<Vec<u8>>, u64) {
    let marks = engine.watermarks(partition).expect("it is there");
    let (mut offset, mut found) = (marks.log_start, Vec::new());
    while offset < marks.log_end {
        let pieces = read(engine, partition, offset as i64, 4 << 10).expect("nothing is in the way");
        offset = span(pieces.last().expect("a way on").bytes()).1;
        found.extend(pieces.iter().map(|piece| piece.bytes().to_vec()));
    }
    // What only says where to go on has no records.
    found.retain(|batch| batch[57..61] != [0; 4]);
    (found, marks.log_end)
}

/// What is cut off, by the steps of a repair.
fn cut_off(steps: &[Action]) -> Vec<(u64, u64, u64)> {
    let skipped = steps.iter().filter(|step| step.act == Act::Skip).filter_map(|step| step.offsets);
    skipped.map(|offsets| (offsets.partition, offsets.from, offsets.to)).collect()
}

/// Plans, which changes nothing, and repairs; answers what was cut off.
fn truncate(disk: &SimHandle) -> Vec<(u64, u64, u64)> {
    let before: Vec<_> = disk.files().into_iter().map(|file| (disk.read(&file), file)).collect();
    let (_, planned) = repair(Io::sim(disk.clone()), PLAN, "plan").expect("it can be looked at");
    let after: Vec<_> = disk.files().into_iter().map(|file| (disk.read(&file), file)).collect();
    assert!(before == after, "a plan changes nothing");
    let (_, done) = repair(Io::sim(disk.clone()), APPLY, "now").expect("it is repaired");
    assert_eq!(planned, done, "what was done is what was planned");
    let found = verify(Io::sim(disk.clone()), true).expect("it can be looked at");
    assert!(found.worst() <= Some(Severity::Note), "{:?}", found.findings);
    cut_off(&done)
}

fn open(disk: &SimHandle) -> Engine {
    let (engine, account) = Engine::open(Io::sim(disk.clone()), small()).expect("it opens");
    assert!(account.damage.is_empty(), "{:?}", account.damage);
    engine
}

/// A place in the records of this batch, in the file with this ending that has it.
fn place_of(disk: &SimHandle, batch: &[u8], ending: &str) -> Option<(String, u64)> {
    let files =
        disk.files().into_iter().filter(|file| file.starts_with("segments/") && file.ends_with(ending));
    let mut places = files.filter_map(|file| {
        let bytes = disk.read(&file)?;
        let at = bytes.windows(batch.len()).position(|window| window == batch)?;
        Some((file, at as u64 + 62))
    });
    places.next()
}

/// Every partition holds what of `truth` lies below its cut, and ends where it ended.
fn assert_prefixes(disk: &SimHandle, truth: &Truth, cut: &[(u64, u64, u64)]) {
    let mut engine = open(disk);
    for (id, batches) in &truth.batches {
        let below = cut.iter().find(|(partition, ..)| partition == id).map_or(u64::MAX, |(_, from, _)| *from);
        let left: Vec<_> = batches.iter().filter(|batch| span(batch).1 <= below).cloned().collect();
        let (found, end) = walk(&mut engine, *id);
        assert!(found == left, "partition {id} below {below}: {} of {} batches", found.len(), left.len());
        assert_eq!(end, batches.last().map_or(0, |batch| span(batch).1), "offsets are not given out twice");
    }
    for (key, value) in &truth.values {
        let found = kv::get(&mut engine, 1, key, 0).expect("it can be read");
        assert_eq!(found.map(|entry| entry.value).as_ref(), Some(value), "key {key:?}");
    }
}

#[test]
fn what_is_left_is_a_prefix_whichever_batch_of_whichever_segment_is_damaged() {
    for (partition, ending) in [(1, ".log"), (2, ".shared"), (3, ".bulk"), (4, ".log")] {
        for which in 0..3 {
            let (disk, truth) = directory(4, true);
            let settled: Vec<_> = truth.batches[&partition]
                .iter()
                .filter_map(|batch| Some((batch, place_of(&disk, batch, ending)?)))
                .collect();
            let (batch, (file, position)) = &settled[(settled.len() - 1) * which / 2];
            assert!(disk.flip_bit(file, *position, 3));
            let cut = truncate(&disk);
            let (from, to) = (span(batch).0, span(truth.batches[&partition].last().expect("one")).1);
            assert!(cut.len() == 1 && cut[0].0 == partition && cut[0].2 == to, "{file}: {cut:?}");
            // Where compaction has been, the offsets before may have been without a record.
            assert!(cut[0].1 == from || (partition == 4 && cut[0].1 <= from), "{file}: {cut:?} and {from}");
            assert_prefixes(&disk, &truth, &cut);
        }
    }
}

#[test]
fn what_is_only_in_the_journal_behind_the_damage_is_cut_off_too() {
    // Of partition 2 the journal has something of the run before, too: two leader epochs come into one range.
    for (partition, ending) in [(1, ".log"), (2, ".shared")] {
        let (disk, mut truth) = directory(5, true);
        let roomy = EngineConfig { settle_bytes: 1 << 20, ..small() };
        let (mut engine, _) = Engine::open(Io::sim(disk.clone()), roomy).expect("it opens");
        let mut last = 0;
        for round in 0..6 {
            last = append_patiently(&mut engine, partition, &filler(round, 300)) as u64;
        }
        let batches = support::read_all(&mut engine, partition);
        drop(engine);
        disk.kill_process();
        let (batch, (file, position)) = batches
            .iter()
            .find_map(|batch| Some((batch.clone(), place_of(&disk, batch, ending)?)))
            .expect("one is settled");
        let newest = batches.last().expect("one");
        assert!(place_of(&disk, newest, "").is_none(), "the last one is not settled");
        assert!(disk.flip_bit(&file, position, 1));
        truth.batches.insert(partition, batches);
        let cut = truncate(&disk);
        assert!(cut.len() == 1 && cut[0].1 == span(&batch).0 && cut[0].2 > last, "{cut:?}");
        assert_prefixes(&disk, &truth, &cut);
    }
}

/// Where frames of the journal begin, those that count and those that do not any more.
fn frames(disk: &SimHandle) -> Vec<(String, u64)> {
    let files = disk.files().into_iter().filter(|file| file.starts_with("journal/"));
    let places = files.flat_map(|file| {
        let bytes = disk.read(&file).expect("it is there");
        let begins = |at: &usize| bytes[*at..].starts_with(b"MRJF");
        (4_096..bytes.len()).step_by(8).filter(begins).map(|at| (file.clone(), at as u64)).collect::<Vec<_>>()
    });
    places.collect()
}

#[test]
fn a_frame_that_is_damaged_in_the_journal_cuts_its_partition_there() {
    let (whole, mut truth) = directory(9, false);
    {
        let roomy = EngineConfig { settle_bytes: 1 << 20, ..small() };
        let (mut engine, _) = Engine::open(Io::sim(whole.clone()), roomy).expect("it opens");
        for round in 0..8 {
            append_patiently(&mut engine, 1 + round % 2, &filler(round, 300));
        }
        for partition in [1, 2] {
            truth.batches.insert(partition, support::read_all(&mut engine, partition));
        }
    }
    whole.kill_process();
    let mut cuts = 0;
    for (journal, frame) in frames(&whole) {
        let disk = whole.fork(frame);
        assert!(disk.flip_bit(&journal, frame + 20, 1));
        let (_, planned) = repair(Io::sim(disk.clone()), PLAN, "plan").expect("it can be looked at");
        if cut_off(&planned).is_empty() {
            continue;
        }
        let cut = truncate(&disk);
        let mut engine = open(&disk);
        for (partition, from, to) in cut {
            cuts += 1;
            let (found, end) = walk(&mut engine, partition);
            let left: Vec<_> =
                truth.batches[&partition].iter().filter(|batch| span(batch).1 <= from).cloned().collect();
            assert!(found == left && end == to, "partition {partition} from {from}, frame at {frame}");
        }
    }
    assert!(cuts > 0, "a frame of a partition was damaged");
}

#[test]
fn a_second_repair_finds_nothing_and_appends_go_on_behind_what_was_cut() {
    let (disk, truth) = directory(6, true);
    let (file, position) = place_of(&disk, &truth.batches[&1][1], ".log").expect("it is settled");
    assert!(disk.flip_bit(&file, position, 0));
    let bytes = disk.read(&file);
    assert_eq!(truncate(&disk).len(), 1);
    let name = file.rsplit('/').next().expect("a name");
    assert_eq!(disk.read(format!("repair/now/{name}")), bytes, "what was damaged is kept beside");
    let (_, steps) = repair(Io::sim(disk.clone()), APPLY, "again").expect("it can be looked at");
    assert_eq!(steps, []);
    let end = span(truth.batches[&1].last().expect("one")).1;
    let mut engine = open(&disk);
    assert_eq!(append_patiently(&mut engine, 1, &filler(7, 200)) as u64, end);
    settle(&mut engine, 1);
    assert!(walk(&mut engine, 1).0.iter().any(|batch| span(batch).0 == end));
}

#[test]
fn one_file_alone_is_repaired_when_it_is_named() {
    let (disk, truth) = directory(8, true);
    let files: Vec<_> = [(1, ".log"), (2, ".shared")]
        .map(|(partition, ending)| {
            let mut found =
                truth.batches[&partition].iter().filter_map(|batch| place_of(&disk, batch, ending));
            found.next().expect("one is settled")
        })
        .into();
    for (file, position) in &files {
        assert!(disk.flip_bit(file, *position, 2));
    }
    let how = Repairing { apply: true, skip_damaged: true, only: Some(&files[0].0), ..Repairing::PLAN };
    let (found, steps) = repair(Io::sim(disk.clone()), how, "now").expect("it is repaired");
    assert!(found.findings.iter().all(|finding| finding.file == files[0].0), "{:?}", found.findings);
    assert_eq!(cut_off(&steps).iter().map(|(id, ..)| *id).collect::<Vec<_>>(), [1]);
    let left = verify(Io::sim(disk.clone()), true).expect("it can be looked at");
    let damaged: Vec<_> =
        left.findings.iter().filter(|one| one.severity == Severity::Damage).map(|one| &one.file).collect();
    assert!(!damaged.is_empty() && damaged.iter().all(|file| **file == files[1].0), "{:?}", left.findings);
    let (mut engine, _) = Engine::open(Io::sim(disk.clone()), small()).expect("it opens");
    let from = engine.watermarks(2).expect("it is there").log_start;
    assert!(matches!(read(&mut engine, 2, from as i64, 1 << 20), Err(Code::Damaged) | Ok(_)));
}

#[test]
fn a_cut_that_a_power_cut_ends_is_repeated_and_loses_nothing_more() {
    let (disk, truth) = directory(7, true);
    let (file, position) = place_of(&disk, &truth.batches[&2][3], ".shared").expect("it is settled");
    assert!(disk.flip_bit(&file, position, 5));
    let expected = cut_off(&repair(Io::sim(disk.fork(1)), PLAN, "plan").expect("it can be looked at").1);
    assert_eq!(expected.len(), 1);
    let (begun, mut cuts) = (disk.events(), 0);
    for within in 1..2_000 {
        let cut = disk.fork(within);
        cut.change_options(|options| options.cut_at = Some(begun + within));
        let ended = repair(Io::sim(cut.clone()), APPLY, "now").is_ok();
        cuts += u64::from(cut.is_cut());
        cut.change_options(|options| options.cut_at = None);
        if ended && !cut.is_cut() {
            assert_prefixes(&cut, &truth, &expected);
            break;
        }
        let found = verify(Io::sim(cut.clone()), true).expect("it can be looked at");
        if found.worst() > Some(Severity::Note) {
            assert_eq!(truncate(&cut), expected, "cut at {within}");
        }
        assert_prefixes(&cut, &truth, &expected);
    }
    assert!(cuts > 20, "{cuts} cuts");
}
