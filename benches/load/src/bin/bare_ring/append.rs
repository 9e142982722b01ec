//! Group commit in its smallest form, over io_uring: one write in flight, what waits meanwhile is the next commit.

use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use crc_fast::CrcAlgorithm::Crc32Iscsi;
use io_uring::{IoUring, opcode, types};
use millrace_load::LoadError;
use millrace_load::arguments::Arguments;
use millrace_load::json::Object;
use millrace_load::measure::{Stretch, Tally};
use millrace_load::process::own_cpu_seconds;

use crate::direct_file::{AlignedBytes, BLOCK, DirectFile, FILE_LENGTH};

const HEADER_LENGTH: usize = 64;

/// Closed loop: each of `writers` appends `size` bytes, waits until they are durable, and appends again.
pub fn run(arguments: &mut Arguments) -> Result<Object, LoadError> {
    let path: std::path::PathBuf = arguments.required("file")?;
    let writers: usize = arguments.or("writers", 128)?;
    let size: usize = arguments.or("size", 128)?;
    let warm_up = Duration::from_secs_f64(arguments.or("warm-up", 0.5)?);
    let duration = Duration::from_secs_f64(arguments.or("duration", 3.0)?);
    arguments.finish()?;
    let commit_length = (writers * (HEADER_LENGTH + size)).next_multiple_of(BLOCK);
    if writers == 0 || commit_length as u64 > FILE_LENGTH {
        return Err(LoadError::Usage("a commit must have at least one writer and fit the file".into()));
    }

    let target = DirectFile::create(path)?;
    let mut ring = IoUring::new(8).map_err(LoadError::io("setting up a ring"))?;
    let value = vec![0xA5; size];
    let mut commit = Commit { buffer: AlignedBytes::zeroed(commit_length), sequence: 0, crc: 0 };
    let stretch = Stretch::starting_now(warm_up, duration);
    let mut tally = Tally::new(stretch);
    let mut cpu_before = None;
    let mut position = 0;
    let mut commits = 0;
    while !stretch.over() {
        let arrived = Instant::now();
        if cpu_before.is_none() && stretch.begun(arrived) {
            cpu_before = Some(own_cpu_seconds());
        }
        let length = commit.fill(writers, &value);
        if position + length as u64 > FILE_LENGTH {
            position = 0;
        }
        write_durably(&mut ring, &target, &commit.buffer[..length], position)?;
        position += length as u64;
        commits += 1;
        let durable = Instant::now();
        for _ in 0..writers {
            tally.answered(arrived, durable, 1, size as u64);
        }
    }
    // The program is its own server: nothing else takes part.
    let cpu = cpu_before.map(|before| own_cpu_seconds() - before);
    Ok(tally.result(cpu).count("commits", commits))
}

/// The frames of one commit, laid out for a direct write.
struct Commit {
    buffer: AlignedBytes,
    sequence: u64,
    crc: u32,
}

impl Commit {
    /// One frame per writer: sequence, length and the chained checksum in a 64-byte header, then the value. Returns the
    /// length padded to whole blocks.
    fn fill(&mut self, writers: usize, value: &[u8]) -> usize {
        let mut at = 0;
        for _ in 0..writers {
            let (header, rest) = self.buffer[at..].split_at_mut(HEADER_LENGTH);
            rest[..value.len()].copy_from_slice(value);
            self.sequence += 1;
            header[4..8].copy_from_slice(&self.crc.to_le_bytes());
            header[8..16].copy_from_slice(&self.sequence.to_le_bytes());
            header[16..20].copy_from_slice(&(value.len() as u32).to_le_bytes());
            let checked = at + 4..at + HEADER_LENGTH + value.len();
            self.crc = crc_fast::checksum(Crc32Iscsi, &self.buffer[checked]) as u32;
            self.buffer[at..at + 4].copy_from_slice(&self.crc.to_le_bytes());
            at += HEADER_LENGTH + value.len();
        }
        let length = at.next_multiple_of(BLOCK);
        self.buffer[at..length].fill(0);
        length
    }
}

/// One write with RWF_DSYNC, waited for; short writes end the run, since nothing here could continue them honestly.
fn write_durably(
    ring: &mut IoUring,
    target: &DirectFile,
    bytes: &[u8],
    position: u64,
) -> Result<(), LoadError> {
    let length = u32::try_from(bytes.len()).expect("a commit fits the 64 MiB file");
    let write = opcode::Write::new(types::Fd(target.file.as_raw_fd()), bytes.as_ptr(), length)
        .offset(position)
        .rw_flags(libc::RWF_DSYNC)
        .build();
    // SAFETY: `bytes` and the file outlive the operation: this function waits for its completion before it returns.
    unsafe { ring.submission().push(&write) }
        .expect("the ring has room: one operation is in flight at a time");
    ring.submit_and_wait(1).map_err(LoadError::io("submitting a commit"))?;
    let completion = ring.completion().next().expect("one completion was waited for");
    let result = completion.result();
    if result < 0 {
        let source = std::io::Error::from_raw_os_error(-result);
        return Err(LoadError::Io { doing: "writing a commit", source });
    }
    if result as u32 != length {
        return Err(LoadError::Usage(format!("the device took {result} of {length} bytes")));
    }
    Ok(())
}
