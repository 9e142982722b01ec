//! The device's own time for the least durable write: 4 KiB direct, then fdatasync, one at a time, blocking.

use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use millrace_load::LoadError;
use millrace_load::arguments::Arguments;
use millrace_load::json::Object;
use millrace_load::measure::{Stretch, Tally};

use crate::direct_file::{AlignedBytes, BLOCK, DirectFile, FILE_LENGTH};

/// Latencies of the write alone, of the flush alone, and of both together.
pub fn run(arguments: &mut Arguments) -> Result<Object, LoadError> {
    let path: std::path::PathBuf = arguments.required("file")?;
    let warm_up = Duration::from_secs_f64(arguments.or("warm-up", 0.5)?);
    let duration = Duration::from_secs_f64(arguments.or("duration", 3.0)?);
    arguments.finish()?;
    let target = DirectFile::create(path)?;
    let mut block = AlignedBytes::zeroed(BLOCK);
    block.fill(0xA5);

    let stretch = Stretch::starting_now(warm_up, duration);
    let (mut write, mut flush, mut both) = (Tally::new(stretch), Tally::new(stretch), Tally::new(stretch));
    let mut position = 0;
    while !stretch.over() {
        let began = Instant::now();
        target.file.write_all_at(&block, position).map_err(LoadError::io("writing a block"))?;
        let written = Instant::now();
        target.file.sync_data().map_err(LoadError::io("flushing"))?;
        let durable = Instant::now();
        write.answered(began, written, 1, BLOCK as u64);
        flush.answered(written, durable, 1, BLOCK as u64);
        both.answered(began, durable, 1, BLOCK as u64);
        position = (position + BLOCK as u64) % FILE_LENGTH;
    }
    Ok(Object::new()
        .object("write", write.result(None))
        .object("flush", flush.result(None))
        .object("writeAndFlush", both.result(None)))
}
