//! What is fuzzed: every decoder that reads bytes somebody else may have written, each as a function of those bytes.
//!
//! What it is not: a test of answers. A target fails by a panic, an over-read, a hang or memory without end; what a
//! decoder accepts must besides satisfy what its callers rely on, and that is asserted here.
//!
//! The same functions run under libFuzzer (`fuzz_targets/`) and, over their seeds and mutated copies, in
//! `crates/engine/tests/corpora.rs`.

mod repair;
pub mod seeds;

use millrace_engine::manifest::Manifest;
use millrace_engine::{Engine, Isolation, Read, State};
use millrace_io::{Done, Io, Op, OpenMode, Piece, SimHandle, SimOptions, round_up};
use millrace_journal::{Config, Entries, FileHeader, FrameHeader, Journal, Start, file_path, number_of};
use millrace_log::batch::{self, Header, Rules};
use millrace_log::index::Sparse;
use millrace_log::range::Range;
use millrace_log::segment::{self, IndexHeader, Trailer};
use millrace_log::{Log, LogConfig, records};

/// A decoder under test.
pub type Target = fn(&[u8]);

/// All of them, by the name of their program.
pub const ALL: [(&str, Target); 10] = [
    ("journal_frame", journal_frame),
    ("journal_file", journal_file),
    ("bulk_reference", bulk_reference),
    ("manifest", manifest),
    ("segment_index", segment_index),
    ("shared_segment", shared_segment),
    ("record_batch", record_batch),
    ("inflate", inflate),
    ("dump", dump),
    ("whole_directory", whole_directory),
];

/// One journal frame: header, checksum, entries.
pub fn journal_frame(bytes: &[u8]) {
    let mut bytes = bytes.to_vec();
    let _ = FileHeader::decode(&bytes);
    let _ = FrameHeader::open(&bytes);
    let _ = std::str::from_utf8(&bytes).map(number_of);
    repair::frame(&mut bytes);
    let claim = FrameHeader::claim(&bytes);
    let Ok((header, _)) = FrameHeader::open(&bytes) else { return };
    assert_eq!(claim.map(|claim| claim.bytes), Some(header.frame_bytes() as u64));
    let payload = &bytes[millrace_journal::FRAME_HEADER..header.frame_bytes()];
    if Entries::well_formed(payload, header.entries) {
        let entries = Entries::new(Piece::copy_of(payload));
        assert_eq!(entries.count(), header.entries as usize, "as many entries as announced");
    }
}

/// The first journal file of a directory, as recovery reads it. The first byte says whether checksums are made right.
pub fn journal_file(bytes: &[u8]) {
    let Some((mode, file)) = bytes.split_first() else { return };
    let mut file = file.to_vec();
    file.truncate(256 << 10);
    if mode & 1 == 1 {
        repair::journal(&mut file);
    }
    let sim = SimHandle::new(SimOptions::perfect(1));
    let mut io = Io::sim(sim);
    if io.make_directory("journal").is_err() {
        return;
    }
    put(&mut io, &file_path(1).to_string_lossy(), &file);
    let id = seeds::DIRECTORY_ID;
    let directory_id = u64::from_le_bytes([id[0], id[1], id[2], id[3], id[4], id[5], id[6], id[7]]);
    let start = Start { directory_id, incarnation: 9, checkpoint_lsn: 0, durable_lsn: 0, clean: false };
    let config = Config { file_bytes: 64 << 10, first_file_bytes: 64 << 10, ..Config::default() };
    let mut last = 0;
    let recovered = Journal::recover(&mut io, small(config), start, &mut |frame| {
        assert!(frame.lsn() > last, "frames come in order");
        last = frame.lsn();
        for entry in frame.entries() {
            std::hint::black_box(entry.payload.len());
        }
    });
    if let Ok((journal, report)) = recovered {
        assert!(journal.durable() >= last && report.frames <= 1 << 20);
    }
}

/// Limits that fit small files.
fn small(config: Config) -> Config {
    Config {
        max_files: 4,
        slab_bytes: 64 << 10,
        max_commit_bytes: 64 << 10,
        max_frame_bytes: 48 << 10,
        max_waiting_bytes: 1 << 20,
        ..config
    }
}

/// A journal entry that refers to bytes in a bulk file.
pub fn bulk_reference(bytes: &[u8]) {
    let Some(reference) = millrace_journal::Reference::decode(bytes) else { return };
    let at = bytes.len() / 2;
    let _ = reference.verifies(&bytes[..at], &bytes[at..]);
}

/// A manifest: its header, the log's snapshot, the state map.
pub fn manifest(bytes: &[u8]) {
    let mut bytes = bytes.to_vec();
    let _ = Manifest::decode(&bytes);
    repair::manifest(&mut bytes);
    let Ok(manifest) = Manifest::decode(&bytes) else { return };
    if let Ok(state) = State::decode(manifest.state()) {
        assert_eq!(
            State::decode(&state.encode()).as_ref(),
            Ok(&state),
            "what was read is written and read again"
        );
    }
    let config = LogConfig {
        directory_id: manifest.head.directory_id,
        epoch: 9,
        memory_bytes: 1 << 20,
        own_segment_bytes: 8 << 10,
        segment_bytes: 64 << 10,
        index_interval_bytes: 1 << 10,
        read_ahead_bytes: 0,
        #[cfg(feature = "planted")]
        remove_named_files: false,
    };
    if let Ok(log) = Log::restore(config, manifest.head.checkpoint_lsn, manifest.log()) {
        std::hint::black_box(log.files().count());
    }
}

/// An index file, and a sparse index for a range it may belong to.
pub fn segment_index(bytes: &[u8]) {
    let mut bytes = bytes.to_vec();
    let _ = IndexHeader::decode(&bytes[..bytes.len().min(segment::INDEX_HEADER)]);
    repair::index(&mut bytes);
    let Some(head) = bytes.get(..segment::INDEX_HEADER) else { return };
    let Ok(header) = IndexHeader::decode(head) else { return };
    let range = Range {
        file: header.file,
        base: 0,
        end: 1 << 40,
        position: 0,
        length: 1 << 40,
        max_timestamp: i64::MAX,
        crc: 0,
        largest: 1 << 20,
        sparse_position: 0,
        sparse_count: header.entries,
    };
    let end = segment::INDEX_HEADER.saturating_add(millrace_log::index::table_bytes(header.entries));
    let Some(table) = bytes.get(segment::INDEX_HEADER..end) else { return };
    if let Some(sparse) = Sparse::decode(table, header.partition, &range) {
        assert!(sparse.len() == header.entries as usize && !sparse.is_empty());
        for offset in [0, 1, 1 << 20, u64::MAX] {
            let stretch = sparse.by_offset(offset);
            assert!(stretch.position < range.length);
            std::hint::black_box(sparse.by_time(offset as i64, offset));
        }
    }
}

/// A shared segment: header, trailer, table.
pub fn shared_segment(bytes: &[u8]) {
    let mut bytes = bytes.to_vec();
    repair::shared(&mut bytes);
    let head = &bytes[..bytes.len().min(segment::SHARED_HEADER)];
    let _ = segment::check_shared_header(head, &seeds::DIRECTORY_ID, 2);
    let Some(at) = bytes.len().checked_sub(segment::TRAILER) else { return };
    let Ok(trailer) = Trailer::decode(&bytes[at..]) else { return };
    let table = usize::try_from(trailer.position).ok().zip(usize::try_from(trailer.length).ok());
    let table = table.and_then(|(start, length)| bytes.get(start..start.checked_add(length)?));
    if let Some(Ok(ranges)) = table.map(|table| segment::shared_table(table, &trailer)) {
        assert!(ranges.len() <= bytes.len(), "no more ranges than bytes");
    }
}

/// A Kafka record batch from a client, and the walks over its records.
pub fn record_batch(bytes: &[u8]) {
    let mut bytes = bytes.to_vec();
    bytes.truncate(64 << 10);
    let mut scratch = Vec::new();
    let rules = Rules { stamp_ms: None, require_keys: false, max_codec: 0, max_bytes: 0 };
    let _ = batch::check(&bytes, &rules, &mut scratch);
    repair::batch(&mut bytes);
    for stamp_ms in [None, Some(1_700_000_000_000)] {
        let rules = Rules { stamp_ms, require_keys: stamp_ms.is_some(), ..rules };
        if let Ok(mut checked) = batch::check(&bytes, &rules, &mut scratch) {
            checked.head.place(7, 1);
            assert!(checked.header.count >= 1 && checked.header.length == bytes.len());
            let patched = checked.head.bytes().len();
            let stored = [checked.head.bytes(), &bytes[patched..]].concat();
            let header = batch::verify(&stored).expect("what was accepted verifies as it is stored");
            let found = records::first_at_or_after(&stored, &header, 0, 0, u64::MAX, &mut scratch);
            assert!(found.is_ok(), "and its records can be walked");
        }
    }
    if let (Ok(header), Some(section)) = (Header::parse(&bytes), bytes.get(batch::HEADER..)) {
        let _ = records::walk(section, header.count, header.base_timestamp, |_| Ok(()));
    }
}

/// A compressed record section; the first byte chooses the codec.
pub fn inflate(bytes: &[u8]) {
    const LIMIT: usize = 1 << 20;
    let Some((codec, bytes)) = bytes.split_first() else { return };
    let mut out = b"before".to_vec();
    match millrace_codec::inflate(codec % 6, bytes, LIMIT, &mut out) {
        Ok(()) => assert!(out.len() <= LIMIT + 6 && out.starts_with(b"before")),
        Err(_) => assert_eq!(out, b"before", "an error leaves the output as it was"),
    }
}

/// A file as `inspect` reads it; the first byte chooses the kind.
pub fn dump(bytes: &[u8]) {
    let Some((kind, bytes)) = bytes.split_first() else { return };
    let mut bytes = bytes.to_vec();
    let name = match kind % 5 {
        0 => "f.log",
        1 => "f.shared",
        2 => "f.index",
        3 => "f.bulk",
        _ => "00000001",
    };
    match kind % 5 {
        1 => repair::shared(&mut bytes),
        2 => repair::index(&mut bytes),
        4 => repair::journal(&mut bytes),
        _ => {}
    }
    let root = std::env::temp_dir().join(format!("millrace-fuzz-{}", std::process::id()));
    if std::fs::create_dir_all(&root).is_err() {
        return;
    }
    let path = root.join(name);
    if std::fs::write(&path, &bytes).is_ok() {
        let _ = millrace_engine::dump(&path, 100, kind & 0x80 != 0);
    }
}

/// A whole data directory with damage: the bytes are patches of one seed directory (file, position, length, bytes).
/// Whatever was done to it, it opens or says why not, and nothing that it serves as a batch fails its checksum.
pub fn whole_directory(bytes: &[u8]) {
    let (sim, files) = seeds::directory();
    let mut rest = bytes;
    while let Some((patch, after)) = rest.split_at_checked(4) {
        let path = &files[usize::from(patch[0]) % files.len()];
        let length = usize::from(patch[3] % 64).min(after.len());
        let (new, after) = after.split_at(length);
        let size = sim.read(path).map_or(0, |file| file.len());
        let position = usize::from(u16::from_le_bytes([patch[1], patch[2]])) % size.max(1);
        let room = size - position;
        if !new.is_empty() && room > 0 {
            sim.overwrite(path, position as u64, &new[..new.len().min(room)]);
        }
        rest = after;
    }
    let Ok((mut engine, _)) = Engine::open(Io::sim(sim), seeds::config()) else { return };
    for partition in [1, 2] {
        let Some(marks) = engine.watermarks(partition) else { continue };
        let token = match engine.read(partition, marks.log_start as i64, 64 << 10, Isolation::ReadUncommitted)
        {
            Read::Ready(pieces) => return check(&pieces),
            Read::Refused(_) => continue,
            Read::Pending(token) => token,
        };
        let mut finished = Vec::new();
        for _ in 0..1000 {
            engine.turn();
            engine.take_finished(&mut finished);
            if finished.iter().any(|(done, _)| *done == token) {
                break;
            }
            engine.wait(Some(1_000_000));
        }
        if let Ok(pieces) = engine.take_read(token) {
            check(&pieces);
        }
    }
}

fn check(pieces: &[Piece]) {
    for piece in pieces {
        assert!(batch::verify(piece.bytes()).is_ok(), "a batch that is served verifies");
    }
}

/// Makes a file of whole blocks.
fn put(io: &mut Io, path: &str, bytes: &[u8]) {
    let mut padded = bytes.to_vec();
    padded.resize(round_up(bytes.len().max(1)), 0);
    let opened = io.run(Op::Open { path: path.into(), mode: OpenMode::CreateDirect });
    let Ok(Done::Opened { file, .. }) = opened else { panic!("a perfect disk opens: {opened:?}") };
    let pieces = vec![Piece::copy_of(&padded)];
    io.run(Op::Write { file, position: 0, pieces, durable: true }).expect("a perfect disk writes");
    io.run(Op::Close { file }).expect("a perfect disk closes");
}
