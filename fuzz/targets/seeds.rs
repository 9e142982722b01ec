//! What fuzzing starts from: files an engine wrote, and batches and compressed bytes as clients make them. The same on
//! every machine.

use millrace_engine::{Append, Code, Effect, Engine, EngineConfig, Level, Policy};
use millrace_io::{Io, SimHandle, SimOptions};
use std::sync::OnceLock;

/// The directory all seeds belong to.
pub const DIRECTORY_ID: [u8; 16] = *b"a fuzz directory";

/// Small files, so that all kinds of them come to be within little data.
pub fn config() -> EngineConfig {
    EngineConfig {
        policy: Policy::ALWAYS,
        journal_file_bytes: 32 << 10,
        journal_files: 3,
        memory_bytes: 24 << 10,
        settle_bytes: 10 << 10,
        own_segment_bytes: 4 << 10,
        segment_bytes: 16 << 10,
        index_interval_bytes: 1 << 10,
        read_ahead_bytes: 0,
        bulk_bytes: 4 << 10,
        large_bytes: 700,
        fresh_directory_id: DIRECTORY_ID,
        fresh_cluster_id: DIRECTORY_ID,
        node_id: 1,
        #[cfg(feature = "planted")]
        planted: millrace_engine::Planted::default(),
    }
}

/// A record batch of one record, compressed with this codec.
fn batch(value: &[u8], codec: u8) -> Vec<u8> {
    let varint = |out: &mut Vec<u8>, value: usize| {
        let mut rest = value << 1;
        while rest > 127 {
            out.push(rest as u8 | 128);
            rest >>= 7;
        }
        out.push(rest as u8);
    };
    let mut record = vec![0, 0, 0, 1];
    varint(&mut record, value.len());
    record.extend_from_slice(value);
    record.push(0);
    let mut section = Vec::new();
    varint(&mut section, record.len());
    section.extend_from_slice(&record);
    let mut packed = Vec::new();
    millrace_codec::deflate(codec, &section, None, &mut packed).expect("it compresses");
    let mut out = vec![0; 61];
    out[16] = 2;
    out[22] = codec;
    out[27..35].copy_from_slice(&1_000i64.to_be_bytes());
    out[35..43].copy_from_slice(&1_000i64.to_be_bytes());
    out[43..57].fill(255);
    out[57..61].copy_from_slice(&1i32.to_be_bytes());
    out.extend_from_slice(&packed);
    super::repair::batch(&mut out);
    out
}

/// A disk with one data directory that holds every kind of file, and their paths.
fn original() -> &'static (SimHandle, Vec<String>) {
    static DIRECTORY: OnceLock<(SimHandle, Vec<String>)> = OnceLock::new();
    DIRECTORY.get_or_init(|| {
        let sim = SimHandle::new(SimOptions::perfect(1));
        let (mut engine, _) = Engine::open(Io::sim(sim.clone()), config()).expect("a perfect disk");
        let mut outcomes = Vec::new();
        for partition in [1, 2] {
            engine.commit(&[Effect::CreatePartition { partition }], Level::Durable, &mut outcomes);
        }
        for n in 0..40usize {
            let (partition, bytes) = [(1, 900), (2, 60), (1, 1500), (2, 90)][n % 4];
            let batch = batch(&vec![n as u8; if n == 37 { 5000 } else { bytes }], 0);
            let effects = [
                Effect::Append(Append::new(partition, &batch)),
                Effect::Put { key: b"key", value: &[n as u8; 9] },
            ];
            while engine.commit(&effects, Level::Durable, &mut outcomes).code != Code::Ok {
                engine.turn();
                engine.wait(Some(1_000_000));
            }
            while engine.events().durable < engine.events().appended {
                engine.turn();
                engine.wait(Some(1_000_000));
            }
        }
        drop(engine);
        let mut io = Io::sim(sim.clone());
        let mut files = vec!["manifest".to_string(), "manifest.edits".to_string()];
        for directory in ["journal", "segments"] {
            let names = io.list(directory).expect("it is there");
            files.extend(names.into_iter().map(|name| format!("{directory}/{name}")));
        }
        (sim, files)
    })
}

/// A copy of the directory to damage.
pub fn directory() -> (SimHandle, &'static [String]) {
    let (sim, files) = original();
    (sim.fork(1), files)
}

/// The seeds of a target.
pub fn of(target: &str) -> Vec<Vec<u8>> {
    let (sim, files) = original();
    let read = |ending: &str| -> Vec<Vec<u8>> {
        let named = files.iter().filter(|path| path.contains(ending));
        named.filter_map(|path| sim.read(path)).collect()
    };
    let marked = |mark: u8, files: Vec<Vec<u8>>| -> Vec<Vec<u8>> {
        files.into_iter().map(|file| [&[mark][..], &file].concat()).collect()
    };
    let batches = || (0..5).map(|codec| batch(&[7; 300], codec)).collect::<Vec<_>>();
    match target {
        "journal_frame" => read("journal/").iter().filter_map(|file| first_frame(file)).collect(),
        "journal_file" => [marked(0, read("journal/")), marked(1, read("journal/"))].concat(),
        "bulk_reference" => references(&read("journal/")),
        "manifest" => read("manifest"),
        "segment_index" => read(".index"),
        "shared_segment" => read(".shared"),
        "record_batch" => batches(),
        "inflate" => {
            let packed = batches().into_iter().enumerate();
            packed.map(|(codec, batch)| [&[codec as u8][..], &batch[61..]].concat()).collect()
        }
        "dump" => [
            marked(0, read(".log")),
            marked(1, read(".shared")),
            marked(2, read(".index")),
            marked(3, read(".bulk")),
            marked(4, read("journal/")),
            marked(0x84, read("manifest")),
        ]
        .concat(),
        "whole_directory" => (0..files.len() as u8).map(|file| vec![file, 70, file, 3, 1, 2, 3]).collect(),
        _ => panic!("{target} is no target"),
    }
}

fn first_frame(file: &[u8]) -> Option<Vec<u8>> {
    let frame = file.get(4096..)?;
    let claim = millrace_journal::FrameHeader::claim(frame)?;
    Some(frame.get(..claim.bytes as usize)?.to_vec())
}

/// Everything in these files that decodes as a reference: whatever lies behind an entry header at a multiple of 8.
fn references(files: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let places = files.iter().flat_map(|file| file.windows(128).step_by(8));
    let found = places.filter(|bytes| bytes[0] != 0 && millrace_journal::Reference::decode(bytes).is_some());
    found.take(8).map(<[u8]>::to_vec).collect()
}
