//! The log's share of a manifest: what is captured comes back, and no damaged byte makes it panic.

#[path = "support/batches.rs"]
mod support;

use millrace_io::Piece;
use millrace_log::batch::{Rules, check};
use millrace_log::{Judged, Log, LogConfig};
use support::TestBatch;

fn config() -> LogConfig {
    LogConfig {
        directory_id: [1; 16],
        epoch: 3,
        memory_bytes: 1 << 20,
        own_segment_bytes: 1 << 10,
        segment_bytes: 1 << 20,
        index_interval_bytes: 256,
        read_ahead_bytes: 4 << 20,
        #[cfg(feature = "planted")]
        remove_named_files: false,
    }
}

/// Partitions with producers, epochs and a log start, as appends leave them.
fn log() -> Log {
    let mut log = Log::new(config());
    let mut lsn = 0;
    for id in [4, 2, 9] {
        log.create(id).expect("new");
        for sequence in 0..8 {
            let bytes = TestBatch::of(&[b"a", b"b"]).by(id as i64 * 10, 1, sequence * 2).encode();
            let checked = check(&bytes, &Rules::default(), &mut Vec::new()).expect("good");
            let Judged::New(handle) = log.judge(id, &checked) else { panic!("new") };
            lsn += 1;
            let (base, _) = log.reserve(handle, &checked.header, None, lsn);
            log.attach(handle, lsn, base, &checked.header, Piece::copy_of(&bytes), None);
        }
    }
    log.advance(lsn, lsn);
    let handle = log.find(9).expect("there");
    log.move_log_start(handle, 5);
    log
}

#[test]
fn partitions_come_back_with_their_bounds_and_producers() {
    let bytes = log().empty_manifest();
    let restored = Log::restore(config(), 24, &bytes).expect("whole");
    assert_eq!(restored.partitions(), 3);
    let marks = restored.watermarks(9).expect("there");
    assert_eq!((marks.log_start, marks.log_end, marks.durable), (5, 16, 16));
    let again = TestBatch::of(&[b"a", b"b"]).by(20, 1, 12).encode();
    let checked = check(&again, &Rules::default(), &mut Vec::new()).expect("good");
    assert!(matches!(restored.judge(2, &checked), Judged::Duplicate { base_offset: 12, lsn: 15, .. }));
    assert_eq!(restored.offset_for_epoch(2, 3), Ok(Some((3, 16))));
    assert_eq!(restored.empty_manifest(), bytes);
}

#[test]
fn cut_and_changed_snapshots_are_refused_or_read_but_never_panic() {
    let bytes = log().empty_manifest();
    for cut in 0..bytes.len() {
        assert!(Log::restore(config(), 24, &bytes[..cut]).is_err(), "cut at {cut}");
    }
    let mut refused = 0;
    for at in 0..bytes.len() {
        for value in [0, 1, 0x7f, 0x80, 0xff] {
            let mut bad = bytes.clone();
            bad[at] = value;
            refused += u32::from(Log::restore(config(), 24, &bad).is_err());
        }
    }
    assert!(refused > 200, "structure is checked: {refused}");
}
