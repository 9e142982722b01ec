//! Ring and pool on a real directory, and the simulated disk: a durable write, and reads that are on their way together.

use criterion::{Criterion, Throughput};
use millrace_io::{
    BLOCK, Done, DriverChoice, FileId, Io, Limits, Op, OpQueue, OpenMode, Piece, ReadBuffer, SimHandle,
    SimOptions,
};
use std::path::Path;

const BLOCKS: usize = 256;
const TOGETHER: usize = 64;

/// A file of `BLOCKS` blocks, open.
fn file(io: &mut Io) -> FileId {
    let opened = io.run(Op::Open { path: "blocks".into(), mode: OpenMode::CreateDirect });
    let Ok(Done::Opened { file, .. }) = opened else { panic!("a new directory takes a file: {opened:?}") };
    write(io, file, 0, &vec![7; BLOCKS * BLOCK], false);
    file
}

fn write(io: &mut Io, file: FileId, position: u64, bytes: &[u8], durable: bool) {
    let done = io.run(Op::Write { file, position, pieces: vec![Piece::copy_of(bytes)], durable });
    assert!(matches!(done, Ok(Done::Written { length }) if length == bytes.len()), "{done:?}");
}

fn read_together(io: &mut Io, queue: &mut OpQueue, file: FileId) {
    for block in 0..TOGETHER {
        let position = (block * 37 % BLOCKS * BLOCK) as u64;
        queue.push(Op::Read { file, position, buffer: ReadBuffer::new(BLOCK) });
    }
    io.submit(queue);
    let (mut completions, mut read) = (Vec::new(), 0);
    while read < TOGETHER {
        io.wait(None);
        io.drain(&mut completions);
        for completion in completions.drain(..) {
            assert!(matches!(completion.result, Ok(Done::Read { length: BLOCK, .. })), "{completion:?}");
            read += 1;
        }
    }
}

/// Each driver that is to be had; below `root`.
pub fn works(criterion: &mut Criterion, root: &Path) {
    let mut group = criterion.benchmark_group("driver");
    group.sample_size(20);
    for name in ["ring", "pool", "sim"] {
        let directory = root.join(format!("benches-{name}-{}", std::process::id()));
        let opened = match name {
            "sim" => Ok(Io::sim(SimHandle::new(SimOptions::perfect(1)))),
            "ring" => Io::open(&directory, DriverChoice::Ring, Limits::default()),
            _ => Io::open(&directory, DriverChoice::Pool, Limits::default()),
        };
        let mut io = match opened {
            Ok(io) => io,
            Err(reason) => {
                eprintln!("driver {name} is left out: {reason}");
                continue;
            }
        };
        let (file, mut queue, mut next) = (file(&mut io), OpQueue::default(), 0);
        group.throughput(Throughput::Elements(1));
        group.bench_function(format!("{name}: a durable write of 4 KiB"), |bencher| {
            bencher.iter(|| {
                next = (next + 1) % BLOCKS;
                write(&mut io, file, (next * BLOCK) as u64, &[9; BLOCK], true);
            });
        });
        group.throughput(Throughput::Elements(TOGETHER as u64));
        group.bench_function(format!("{name}: {TOGETHER} reads of 4 KiB together"), |bencher| {
            bencher.iter(|| read_together(&mut io, &mut queue, file));
        });
        drop(io);
        // A directory left behind below target is the only thing that can come of a failure here.
        let _ = std::fs::remove_dir_all(&directory);
    }
    group.finish();
}
