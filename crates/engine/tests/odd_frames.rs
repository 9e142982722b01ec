//! Frames that are whole by every checksum and hold what no engine writes, as a bug, another program or somebody who means
//! harm would leave them: each is told with its LSN, and everything around it is there.

mod support;

use millrace_engine::{Engine, verify};
use millrace_io::{Io, OpQueue, SimHandle};
use millrace_journal::{Config, Entry, Journal, Level, Policy, Request, Start, file_path};
use millrace_kv::large::LargeHead;
use support::{append, config, create, filler, machine, open, read_all, stored};

const DIRECTORY: [u8; 16] = *b"a data directory";
const STORE: u32 = 1;

/// Kinds of entries: `entry.rs`.
const APPEND: u8 = 1;
const PUT: u8 = 2;
const CREATE_PARTITION: u8 = 4;
const DELETE_PARTITION: u8 = 5;
const DELETE_RECORDS: u8 = 6;
const KV_PUT: u8 = 7;
const CREATE_STORE: u8 = 10;
const KV_PUT_LARGE: u8 = 12;

/// The journal of a directory, written without its engine.
struct Pen {
    io: Io,
    journal: Journal,
    queue: OpQueue,
}

impl Pen {
    /// Of a directory whose last opening had this number and has appended nothing.
    fn of(machine: &SimHandle, incarnation: u32) -> Pen {
        let mut io = Io::sim(machine.clone());
        let sizes = Config {
            file_bytes: 64 << 10,
            first_file_bytes: 64 << 10,
            max_files: 4,
            slab_bytes: 4 << 10,
            max_commit_bytes: 8 << 10,
            max_frame_bytes: 16 << 10,
            ..Config::default()
        };
        let directory_id = u64::from_le_bytes(DIRECTORY[..8].try_into().expect("eight bytes"));
        let start = Start { directory_id, incarnation, checkpoint_lsn: 0, durable_lsn: 0, clean: false };
        let (journal, _) = Journal::recover(&mut io, sizes, start, &mut |_| {}).expect("it opens");
        Pen { io, journal, queue: OpQueue::default() }
    }

    /// The LSN of the next frame.
    fn next(&self) -> u64 {
        self.journal.appended() + 1
    }

    /// Writes a frame of one entry; it is not flushed.
    fn write(&mut self, kind: u8, group: u64, argument: u64, bytes: &[u8]) {
        let entry = Entry { kind, flags: 0, group, argument, parts: &[bytes], bulk: None };
        let request = Request { level: Level::Written, policy: Policy::OS, records: 1 };
        self.journal.append(self.io.now_ns(), &[entry], request).expect("there is room");
        while self.journal.written() < self.journal.appended() {
            self.journal.step(self.io.now_ns(), &mut self.queue);
            self.io.submit(&mut self.queue);
            let mut completions = Vec::new();
            self.io.drain(&mut completions);
            for completion in completions {
                self.journal.complete(self.io.now_ns(), &mut Some(completion), &mut self.queue);
            }
            self.io.submit(&mut self.queue);
            self.io.wait(Some(1_000));
        }
    }
}

/// A directory with a batch in partition 1 and a store, opened once more and killed before anything was appended.
fn begun(seed: u64) -> SimHandle {
    let machine = machine(seed);
    let (mut engine, _) = open(&machine);
    create(&mut engine, &[1]);
    append(&mut engine, 1, &filler(1, 100));
    drop(engine);
    machine.kill_process();
    drop(open(&machine));
    machine.kill_process();
    machine
}

/// Bytes with their length in front.
fn sized(key: &[u8]) -> Vec<u8> {
    [&(key.len() as u32).to_le_bytes(), key].concat()
}

#[test]
fn a_frame_with_an_entry_that_means_nothing_is_told_and_what_is_around_it_is_there() {
    let machine = begun(1);
    let mut pen = Pen::of(&machine, 2);
    pen.write(CREATE_STORE, u64::from(STORE), 0, b"");
    let batch = stored(&filler(2, 100), 1, 2);
    pen.write(APPEND, 1, 0, &batch);
    let head = |store, sequence| LargeHead::of(&DIRECTORY, store, sequence, 0, b"key", b"value").bytes;
    let odd: [(u8, u64, u64, Vec<u8>); 17] = [
        (99, 0, 0, Vec::new()),
        (APPEND, 1, 0, b"no batch".to_vec()),
        (APPEND, 1, 0, [&stored(&filler(3, 100), 2, 2)[..], b"more"].concat()),
        (APPEND, 1, 0, stored(&filler(3, 100), 0, 2)),
        (APPEND, 1, 0, stored(&filler(3, 100), 2, 1)),
        (APPEND, 9, 0, stored(&filler(3, 100), 0, 2)),
        (PUT, 0, 0, b"x".to_vec()),
        (PUT, 0, 0, sized(b"longer than it is")[..9].to_vec()),
        (CREATE_PARTITION, 1, 0, Vec::new()),
        (DELETE_PARTITION, 9, 0, Vec::new()),
        (DELETE_RECORDS, 1, 100, Vec::new()),
        (KV_PUT, 5, 0, sized(b"of no store")),
        (KV_PUT, 1 << 40, 0, sized(b"of no store")),
        (KV_PUT, u64::from(STORE), 0, b"x".to_vec()),
        (KV_PUT_LARGE, u64::from(STORE), 0, b"no head".to_vec()),
        (KV_PUT_LARGE, u64::from(STORE), 0, head(2, pen.next())),
        (KV_PUT_LARGE, u64::from(STORE), 0, head(STORE, 1)),
    ];
    let mut expected = Vec::new();
    for (kind, group, argument, bytes) in &odd {
        expected.push(pen.next());
        pen.write(*kind, *group, *argument, bytes);
    }
    // Another expiry than its head says, and a head without its value.
    for argument in [7, 0] {
        expected.push(pen.next());
        let bytes = head(STORE, pen.next());
        pen.write(KV_PUT_LARGE, u64::from(STORE), argument, &bytes);
    }
    let last = stored(&filler(4, 100), 2, 2);
    pen.write(APPEND, 1, 0, &last);
    drop(pen);
    machine.kill_process();

    let found = verify(Io::sim(machine.clone()), true).expect("it can be looked at");
    let told = |details: Vec<&str>| {
        let lsn = |text: &str| text.strip_prefix("LSN ")?.split(':').next()?.parse::<u64>().ok();
        details.into_iter().filter_map(lsn).collect::<Vec<u64>>()
    };
    assert_eq!(told(found.findings.iter().map(|finding| &finding.detail[..]).collect()), expected);
    let (mut engine, account) = Engine::open(Io::sim(machine.clone()), config()).expect("it opens");
    assert_eq!(told(account.damage.iter().map(|damage| &damage.detail[..]).collect()), expected);
    let batches = read_all(&mut engine, 1);
    assert_eq!(batches[1..], [batch, last]);
    append(&mut engine, 1, &filler(5, 100));
}

#[test]
fn odd_entries_in_a_torn_tail_are_cut_with_it_and_counted_as_nobodys_records() {
    let machine = begun(2);
    let mut pen = Pen::of(&machine, 2);
    let before = machine.read(file_path(1)).expect("it is there");
    pen.write(APPEND, 1, 0, &stored(&filler(2, 100), 1, 2));
    let between = machine.read(file_path(1)).expect("it is there");
    pen.write(APPEND, 1, 0, b"no batch");
    pen.write(99, 0, 0, b"");
    drop(pen);
    machine.kill_process();
    // The power goes before the first of them is on the disk.
    let at = before.iter().zip(&between).position(|(old, new)| old != new).expect("it was written");
    let block = at / 4096 * 4096;
    assert!(machine.overwrite(file_path(1), block as u64, &before[block..block + 4096]));
    let (mut engine, account) = open(&machine);
    assert!(account.damage.is_empty(), "{account:?}");
    assert_eq!((account.cut_frames, account.cut_records()), (2, 0), "{account:?}");
    assert_eq!(read_all(&mut engine, 1).len(), 1);
}
