//! Golden directories: small data directories of a version of the manifest, with files of every kind, and what they hold as text.
//!
//! What it is not: the test (`tests/golden.rs`), or the program that writes them (`examples/golden-directories.rs`).
//!
//! The invariant: everything in them follows from this file and the engine, so the same engine writes the same bytes.

#![allow(dead_code, reason = "each user has its own part")]

pub mod tar;

use crate::compacted::{compact, keyed};
use crate::kv::{self, Write};
use crate::support::batches::castagnoli;
use crate::support::{
    self, append_patiently as append, config, create, filler, machine, open_with, read_all,
};
use millrace_engine::{Append, Effect, Engine, EngineConfig, Level, Policy, RecoveryAccount, Writes, verify};
use millrace_io::{DriverChoice, Io, Limits, SimHandle};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use tar::Files;

/// Own segments, small ones that share segments, bulk files, compacted segments.
const PARTITIONS: [u64; 4] = [1, 2, 3, 4];
const STORE: u32 = 1;

/// How a directory was left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// Closed.
    Clean,
    /// Killed, with writes behind the last flush.
    Killed,
}

impl Left {
    pub const ALL: [Left; 2] = [Left::Clean, Left::Killed];

    fn word(self) -> &'static str {
        match self {
            Left::Clean => "clean",
            Left::Killed => "killed",
        }
    }

    /// The archive of a version.
    pub fn archive(self, version: u32) -> PathBuf {
        folder().join(format!("manifest-{version}-{}.tar.gz", self.word()))
    }

    /// What it holds, as text.
    pub fn contents(self, version: u32) -> PathBuf {
        folder().join(format!("manifest-{version}-{}.txt", self.word()))
    }
}

/// Where the archives lie.
pub fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// What the directories are opened with, now and ever after.
pub fn sizes() -> EngineConfig {
    EngineConfig {
        policy: Policy::OS,
        journal_file_bytes: 32 << 10,
        settle_bytes: 6 << 10,
        own_segment_bytes: 2 << 10,
        segment_bytes: 16 << 10,
        bulk_bytes: 3_000,
        index_interval_bytes: 512,
        ..config()
    }
}

fn write_key(engine: &mut Engine, write: Write) {
    let lsn = kv::commit(engine, &[write], Level::Durable);
    kv::drive(engine, |engine| engine.events().durable >= lsn);
}

/// Everything that is settled: segments of each kind, a compacted partition, data files with hints, a tombstone, state.
fn fill(engine: &mut Engine) {
    create(engine, &PARTITIONS);
    write_key(engine, Write::Create(STORE));
    for round in 0..12_u64 {
        append(engine, 1, &filler(round, 400));
        append(engine, 2, &filler(round, 60));
        append(engine, 4, &keyed(round, 120));
        write_key(
            engine,
            Write::Put(STORE, vec![b'k', round as u8], vec![round as u8; 20 + round as usize * 3]),
        );
    }
    append(engine, 3, &filler(77, 5_000));
    write_key(engine, Write::Delete(STORE, vec![b'k', 3]));
    let topic: &[u8] = b"a topic of the state map";
    support::commit(engine, &[Effect::Put { key: b"topic/golden", value: topic }]);
    support::commit(engine, &[Effect::DeleteRecords { partition: 1, offset: 2 }]);
    compact(engine, &[4]);
}

/// A machine with such a directory.
pub fn write(left: Left) -> SimHandle {
    let disk = machine(1);
    let (mut engine, _) = open_with(&disk, sizes());
    fill(&mut engine);
    if left == Left::Clean {
        engine.close_begin();
        support::drive(&mut engine, |engine| engine.is_closed());
        drop(engine);
        disk.kill_process();
        return disk;
    }
    // Flushed behind the last checkpoint; then written and never flushed.
    append(&mut engine, 2, &filler(99, 70));
    write_key(&mut engine, Write::Put(STORE, b"kept".to_vec(), b"in the journal".to_vec()));
    for round in 0..4 {
        let batch = filler(200 + round, 300);
        let effect = Effect::Append(Append::new(1, &batch));
        let committed = engine.commit(&[effect], Level::Written, &mut Vec::new());
        kv::drive(&mut engine, |engine| engine.events().written >= committed.lsn);
    }
    drop(engine);
    disk.kill_process();
    disk
}

/// The files of a machine.
pub fn files(disk: &SimHandle) -> Files {
    let named = disk.files().into_iter().map(|name| {
        let bytes = disk.read(&name).unwrap_or_default();
        (name, bytes)
    });
    named.collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Unpacks an archive, verifies it deeply and opens it: what is found, what the opening says of it, and what it holds. It
/// takes another append and closes, too.
pub fn look_at(left: Left, version: u32, driver: DriverChoice) -> String {
    let name = format!("millrace-golden-{version}-{}-{driver:?}-{}", left.word(), std::process::id());
    let root = std::env::temp_dir().join(name);
    let _ = std::fs::remove_dir_all(&root);
    let archive = std::fs::read(left.archive(version)).expect("the archive is there");
    for (name, bytes) in tar::unpack(&archive) {
        let path = root.join(name);
        std::fs::create_dir_all(path.parent().expect("it has a folder")).expect("a folder");
        std::fs::write(path, bytes).expect("written");
    }
    let open = |root: &Path| Io::open(root, driver, Limits::default()).expect("the driver opens");
    let mut out = String::new();
    let found = verify(open(&root), true).expect("it can be looked at");
    let _ = writeln!(out, "verified: {} files", found.files);
    for finding in &found.findings {
        let _ = writeln!(out, "  {}", finding.line());
    }
    let (mut engine, account) = Engine::open(open(&root), sizes()).expect("it opens");
    describe_account(&account, &mut out);
    describe(&mut engine, &mut out);
    append(&mut engine, 1, &filler(1, 100));
    engine.close_begin();
    support::drive(&mut engine, |engine| engine.is_closed());
    drop(engine);
    std::fs::remove_dir_all(root).expect("removed");
    out
}

/// All of an account but times and what the machine is called.
fn describe_account(account: &RecoveryAccount, out: &mut String) {
    let RecoveryAccount { clean, checkpoint_lsn, durable_lsn, kept_lsn, .. } = account;
    let _ = writeln!(
        out,
        "account: clean {clean}, checkpoint {checkpoint_lsn}, durable {durable_lsn}, kept {kept_lsn}"
    );
    let RecoveryAccount { frames_replayed, kept_bytes, cut_frames, cut_bytes, cut_lsns, .. } = account;
    let _ = writeln!(out, "  replayed {frames_replayed} frames, {kept_bytes} bytes");
    let _ = writeln!(out, "  cut {cut_frames} frames, {cut_bytes} bytes, {cut_lsns:?}");
    let RecoveryAccount { partitions, compacted_partitions, damage, unnamed_files, .. } = account;
    let damaged = damage.len();
    let _ = writeln!(out, "  {partitions} partitions, {compacted_partitions} compacted, {damaged} damaged");
    let _ = writeln!(out, "  {unnamed_files} files that nothing names");
    for of in &account.touched {
        let (id, settled, proven, end) = (of.partition, of.settled_end, of.proven_end, of.log_end);
        let _ = writeln!(out, "  partition {id}: settled to {settled}, proven to {proven}, ends at {end}");
        let (compacted, batches, lost) = (of.compacted_end, of.cut_batches, of.lost.len());
        let _ = writeln!(out, "    compacted to {compacted}, {batches} batches cut, {lost} stretches lost");
    }
    let writes = |of: &Writes| format!("{} kept, {} proven, {} cut", of.kept, of.proven, of.cut);
    for (store, of) in &account.stores {
        let _ = writeln!(out, "  store {store}: {}", writes(of));
    }
    let _ = writeln!(out, "  state: {}", writes(&account.state));
}

/// What an engine holds, a line each: bounds and batches of every partition, keys, state.
fn describe(engine: &mut Engine, out: &mut String) {
    for partition in PARTITIONS {
        let marks = engine.watermarks(partition).expect("the partition is there");
        let _ = writeln!(out, "partition {partition}: {} to {}", marks.log_start, marks.log_end);
        for batch in read_all(engine, partition) {
            let base = i64::from_be_bytes(batch[..8].try_into().expect("eight bytes"));
            let crc = castagnoli(&batch);
            let _ = writeln!(out, "  batch {base}, {} bytes, CRC-32C {crc:08x}", batch.len());
        }
    }
    let everything = (std::ops::Bound::Unbounded, std::ops::Bound::Unbounded);
    let keys = kv::scan(engine, STORE, 0, everything, false, 64).expect("readable");
    for (key, entry) in keys {
        let _ = writeln!(out, "store {STORE}, key {} = {}", hex(&key), hex(&entry.value));
    }
    for (key, value) in engine.scan_state(b"") {
        let _ = writeln!(out, "state {} = {}", hex(key), hex(value));
    }
}
