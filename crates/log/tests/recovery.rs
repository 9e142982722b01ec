//! What recovery says to bytes that are whole by every checksum and still do not fit, and what is left of a range of which
//! some are not.

#[path = "support/batches.rs"]
mod support;

use millrace_io::Piece;
use millrace_log::batch::crc32c;
use millrace_log::index::{Sparse, Stretch};
use millrace_log::range::Range;
use millrace_log::salvage::{Salvaged, replace_ranges};
use millrace_log::segment::Kind;
use millrace_log::verify::{OfPartition, RangeCheck, rebuild};
use millrace_log::{Log, LogConfig, ReplayError};
use support::TestBatch;

fn log() -> Log {
    let mut log = Log::new(LogConfig {
        directory_id: [1; 16],
        epoch: 3,
        memory_bytes: 1 << 20,
        own_segment_bytes: 1 << 10,
        segment_bytes: 1 << 20,
        index_interval_bytes: 256,
        read_ahead_bytes: 0,
        #[cfg(feature = "planted")]
        remove_named_files: false,
    });
    log.create(1).expect("new");
    log
}

/// A batch of two records as it is stored.
fn stored(base: u64, epoch: i32) -> Vec<u8> {
    let mut batch = TestBatch::of(&[&[7; 40], b"second"]).encode();
    batch[..8].copy_from_slice(&base.to_be_bytes());
    batch[12..16].copy_from_slice(&epoch.to_be_bytes());
    batch
}

fn append(log: &mut Log, lsn: u64, batch: &[u8]) -> Result<(), ReplayError> {
    log.replay_append(1, lsn, Piece::copy_of(batch), None)
}

#[test]
fn frames_that_do_not_fit_the_partition_are_refused_and_change_nothing() {
    let mut log = log();
    append(&mut log, 1, &stored(0, 2)).expect("it fits");
    let long = [stored(2, 2), vec![0]].concat();
    assert_eq!(append(&mut log, 2, &long), Err(ReplayError::Batch(1)), "longer than its batch");
    assert_eq!(append(&mut log, 2, &stored(2, 1)), Err(ReplayError::Batch(1)), "of an earlier epoch");
    let before = ReplayError::Offset { partition: 1, expected: 2, found: 1 };
    assert_eq!(append(&mut log, 2, &stored(1, 2)), Err(before), "before the end");
    let unknown = log.replay_append(9, 2, Piece::copy_of(&stored(0, 2)), None);
    assert_eq!(unknown, Err(ReplayError::UnknownPartition(9)));
    assert_eq!(log.replay_delete(9), Err(ReplayError::UnknownPartition(9)));
    assert_eq!(log.replay_create(1), Err(ReplayError::Exists(1)));
    let beyond = ReplayError::Offset { partition: 1, expected: 2, found: 3 };
    assert_eq!(log.replay_delete_records(1, 3, 3), Err(beyond), "beyond what was written");
    assert_eq!(log.watermarks(1).map(|marks| (marks.log_start, marks.log_end)), Ok((0, 2)));
    log.replay_delete_records(1, 3, 2).expect("up to the end");
    assert_eq!(log.watermarks(1).map(|marks| (marks.log_start, marks.log_end)), Ok((2, 2)));
}

#[test]
fn a_hole_before_a_batch_and_a_batch_that_is_lost_are_told_and_what_follows_is_kept() {
    let mut log = log();
    let hole = ReplayError::Hole { partition: 1, from: 0, to: 4 };
    assert_eq!(append(&mut log, 1, &stored(4, 2)), Err(hole));
    let lost = ReplayError::Lost { partition: 1, from: 6, to: 8 };
    assert_eq!(log.replay_lost(1, 2, &stored(6, 2)), Err(lost));
    append(&mut log, 3, &stored(8, 2)).expect("it follows");
    assert_eq!(log.watermarks(1).map(|marks| marks.log_end), Ok(10));
}

/// A range over these bytes, at the start of a file.
fn of(kind: Kind, (base, end): (u64, u64), bytes: &[u8]) -> OfPartition {
    let range = Range {
        file: 3,
        base,
        end,
        position: 0,
        length: bytes.len() as u64,
        max_timestamp: 1_001,
        crc: crc32c(bytes),
        largest: bytes.len() as u32,
        sparse_position: 0,
        sparse_count: 0,
    };
    OfPartition { partition: 1, kind, range }
}

/// Bytes with each batch at a multiple of `alignment`.
fn laid_out(bases: &[u64], alignment: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    for base in bases {
        bytes.resize(bytes.len().next_multiple_of(alignment), 0);
        bytes.extend(stored(*base, 2));
    }
    bytes
}

fn lost(kind: Kind, reach: (u64, u64), bytes: &[u8]) -> Vec<(u64, u64)> {
    Salvaged::of(&log(), &of(kind, reach, bytes), bytes).lost
}

#[test]
fn what_is_salvaged_of_a_range_and_what_is_lost_of_it_add_up_to_the_range() {
    let whole = laid_out(&[0, 2, 4], 1);
    assert_eq!(lost(Kind::Own, (0, 6), &whole), []);
    assert_eq!(lost(Kind::Own, (0, 6), &laid_out(&[0, 4], 1)), [(2, 4)], "one is not there");
    assert_eq!(lost(Kind::Compacted, (0, 6), &laid_out(&[0, 4], 1)), [], "compaction took it");
    assert_eq!(lost(Kind::Compacted, (0, 9), &whole), [], "and what was behind");
    assert_eq!(lost(Kind::Own, (0, 9), &whole), [(6, 9)]);
    assert_eq!(
        lost(Kind::Own, (0, 6), &laid_out(&[0, 4, 2], 1)),
        [(4, 6)],
        "one lies before its predecessor"
    );
    assert_eq!(lost(Kind::Own, (0, 6), &laid_out(&[0, 2, 0], 1)), [(4, 6)], "one lies there twice");
    assert_eq!(lost(Kind::Own, (0, 4), &whole), [], "what lies beyond is nobody's");
    // A header does not verify; what follows it does, and its successor says so.
    let length = whole.len() / 3;
    let mut cut = whole.clone();
    cut[length + 16] = 9;
    assert_eq!(lost(Kind::Own, (0, 6), &cut), [(2, 4)]);
    assert_eq!(lost(Kind::Compacted, (0, 6), &cut), [(2, 4)]);
    // Behind damage a batch has to be followed by the end, or by one that may follow.
    let mut odd = laid_out(&[0, 2, 6, 4], 1);
    odd[length + 16] = 9;
    assert_eq!(lost(Kind::Compacted, (0, 8), &odd), [(2, 4)]);
}

fn defects(of: OfPartition, parts: &[&[u8]], table: Option<&[u8]>) -> Vec<String> {
    let mut check = RangeCheck::new(of);
    parts.iter().for_each(|part| check.feed(&log(), part));
    assert_eq!(check.left(), 0);
    let (defects, _) = check.finish(table);
    defects.into_iter().map(|defect| defect.detail).collect()
}

#[test]
fn a_range_is_verified_the_same_in_one_part_and_byte_by_byte() {
    for (kind, alignment) in [(Kind::Own, 1), (Kind::Bulk, 4096)] {
        let bytes = laid_out(&[0, 2, 4], alignment);
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        let whole = of(kind, (0, 6), &bytes);
        assert_eq!(defects(whole, &[&bytes], None), [""; 0]);
        assert_eq!(defects(whole, &single, None), [""; 0]);
        let mut bad = bytes.clone();
        bad[16] = 9;
        let single: Vec<&[u8]> = bad.chunks(1).collect();
        assert_eq!(defects(whole, &[&bad], None), ["header of a batch"]);
        assert_eq!(defects(whole, &single, None), ["header of a batch"], "nothing behind it is judged");
    }
}

#[test]
fn a_range_that_is_not_what_its_manifest_says_is_told_although_all_of_its_batches_verify() {
    let bytes = laid_out(&[0, 2, 4], 1);
    let parts = [&bytes[..]];
    let whole = of(Kind::Own, (0, 6), &bytes);
    let with = |change: &dyn Fn(&mut Range)| {
        let mut changed = whole;
        change(&mut changed.range);
        defects(changed, &parts, None)
    };
    assert_eq!(with(&|range| range.end = 8), ["a range ends before its last offset"]);
    assert_eq!(with(&|range| range.end = 4), ["offset of a batch"]);
    assert_eq!(with(&|range| range.crc ^= 1), ["checksum of a range"]);
    let short = of(Kind::Own, (0, 6), &bytes[..bytes.len() - 1]);
    assert_eq!(defects(short, &[&bytes[..bytes.len() - 1]], None), ["header of a batch"]);
    let head = of(Kind::Own, (0, 4), &bytes[..bytes.len() / 3 + 40]);
    let beyond = "a batch reaches beyond its range";
    assert_eq!(defects(head, &[&bytes[..bytes.len() / 3 + 40]], None), [beyond]);
}

#[test]
fn an_index_that_verifies_and_leads_elsewhere_is_told_and_built_again_from_the_batches() {
    let bytes = laid_out(&[0, 2, 4], 1);
    let length = bytes.len() as u64 / 3;
    let mut whole = of(Kind::Own, (0, 6), &bytes);
    whole.range.sparse_count = 2;
    let table = |second: (u64, u64), latest: i64| {
        let mut sparse = Sparse::default();
        sparse.add(0, 0, 1_001, 0);
        sparse.add(second.0, second.1, latest, 0);
        let mut out = Vec::new();
        sparse.encode(3, 1, 0, &mut out);
        out
    };
    let told = |table: &[u8]| defects(whole, &[&bytes], Some(table));
    assert_eq!(told(&table((4, 2 * length), 1_001)), [""; 0]);
    let elsewhere = ["the sparse index leads elsewhere"];
    assert_eq!(told(&table((4, 2 * length + 1), 1_001)), elsewhere, "into a batch");
    assert_eq!(told(&table((3, 2 * length), 1_001)), elsewhere, "to another offset");
    assert_eq!(told(&table((4, 2 * length), 2_000)), elsewhere, "to another time");
    assert_eq!(told(&[0; 52]), ["the sparse index does not verify"]);

    let starts =
        [0, 2, 4].map(|offset| Stretch { offset, position: offset / 2 * length, max_timestamp: 1_001 });
    let built = rebuild(&whole, &starts).expect("there are enough batches");
    assert_eq!(told(&built), [""; 0]);
    assert_eq!(rebuild(&whole, &starts[..1]), None, "not out of fewer batches than it had entries");
    whole.range.sparse_count = 0;
    assert_eq!(rebuild(&whole, &starts), None, "nor where there was none");
}

#[test]
fn ranges_are_replaced_as_wholes_or_not_at_all() {
    let mut log = log();
    for number in 0..8 {
        append(&mut log, number + 1, &stored(2 * number, 2)).expect("it fits");
    }
    log.advance(8, 8);
    let range = |file, base, end| {
        let bytes = laid_out(&[base], 1);
        (1, Range { file, ..of(Kind::Own, (base, end), &bytes).range })
    };
    let share = replace_ranges(&log.empty_manifest(), &[range(1, 4, 8), range(2, 8, 12)]).expect("holes");
    for (base, end) in [(6, 12), (5, 7), (4, 10), (2, 6), (0, 14)] {
        let replaced = replace_ranges(&share, &[range(3, base, end)]);
        assert_eq!(replaced.is_ok(), base == 0, "{base} to {end}");
    }
    assert!(replace_ranges(&share, &[(9, range(3, 4, 8).1)]).is_err(), "of nobody");
    assert!(replace_ranges(&share[1..], &[]).is_err(), "in no manifest");
}
